"""Predictions: rows and logits that stay together, by frame and by clip."""

import numpy as np
import pytest
from helpers.simulated import LABELS, simulate
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from workoutlib.evaluation.metrics import scores
from workoutlib.evaluation.predictions import Predictions, in_top
from workoutlib.utils.errors import WorkoutlibError


@given(st.integers(0, 10_000), st.integers(1, 5))
def test_the_true_label_is_among_the_k_largest(seed, k):
    found = simulate(5, 2, seed=seed)
    expected = [t in np.argsort(-row, kind="stable")[:k] for row, t in zip(found.logits, found.targets, strict=True)]
    assert in_top(found, k).tolist() == expected
    assert np.array_equal(in_top(found, 1), found.predicted == found.targets)


def test_a_clip_is_the_mean_of_its_frames_logits():
    found = simulate(7, 3, stills=4)
    clips = found.clips()
    assert len(clips.catalog) == 7 and set(clips.catalog["source"]) == {"frame"}
    for row, logits in zip(clips.catalog.itertuples(), clips.logits, strict=True):
        mask = (found.catalog["video"] == row.video).to_numpy()
        assert logits == pytest.approx(found.logits[mask].mean(0))
        assert set(found.catalog.loc[mask, "label"]) == {row.label}
    assert scores(found)["clip_top1"] == pytest.approx(metrics.accuracy_score(clips.targets, clips.predicted))


def test_where_keeps_rows_and_logits_together():
    found = simulate(stills=3)
    part = found.where(found.catalog["source"] == "still")
    assert len(part.catalog) == 3 and np.array_equal(part.logits, found.logits[-3:])


@pytest.mark.parametrize("rows", [0, 3])
def test_nothing_to_evaluate_is_an_error(rows):
    found = simulate(2, 2)
    with pytest.raises(WorkoutlibError, match=f"{rows} pictures with {0 if rows == 0 else 4} predictions"):
        Predictions(found.catalog[:rows], found.logits if rows else found.logits[:0], LABELS)


def test_a_label_that_the_model_does_not_have_is_an_error():
    found = simulate(3)
    with pytest.raises(WorkoutlibError, match="zzz"):
        Predictions(found.catalog.assign(label="zzz"), found.logits, LABELS)
