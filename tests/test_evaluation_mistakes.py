"""Mistakes: listed, paired, and told from labels that are wrong."""

import numpy as np
import pandas as pd
import pytest
from helpers.simulated import LABELS, simulate

from workoutlib.evaluation.mistakes import confused_pairs, mistakes, pair_examples, suspected_labels
from workoutlib.evaluation.predictions import Predictions


def test_mistakes_are_listed_the_most_confident_first():
    found = simulate()
    table = mistakes(found)
    assert len(table) == (found.predicted != found.targets).sum() > 0
    assert (table["label"] != table["predicted"]).all() and table["confidence"].is_monotonic_decreasing
    assert (table["true_confidence"] < table["confidence"]).all()
    row = table.iloc[0]
    place = found.catalog["path"].tolist().index(row["path"])
    assert row["predicted"] == LABELS[found.predicted[place]]
    assert row["confidence"] == pytest.approx(found.probabilities()[place].max())


def test_pairs_count_both_directions():
    catalog = pd.DataFrame({"label": list("aaabbc"), "video": list("uvwxyz"), "source": "still", "path": "x"})
    answers = [1, 1, 0, 0, 1, 2]
    found = Predictions(catalog, np.eye(3)[answers], ("a", "b", "c"))
    assert confused_pairs(found).to_numpy().tolist() == [["a", "b", 3]]


def test_pairs_are_shown_from_both_sides():
    found = simulate()
    pairs = confused_pairs(found, 3)
    rows = pair_examples(found, pairs)
    assert len(rows) == 2 * len(pairs) == 6
    for (mistake, other), pair in zip(
        zip(rows[::2].itertuples(), rows[1::2].itertuples(), strict=True), pairs.itertuples(index=False), strict=True
    ):
        assert mistake.label != mistake.predicted == other.label
        assert {mistake.label, mistake.predicted} == set(pair[:2])
    assert pair_examples(found, pairs.iloc[:0]).empty


@pytest.mark.parametrize("seed", range(5))
def test_wrong_labels_are_suspected(seed):
    found = simulate(stills=300, videos=0, skill=8.0, seed=seed)
    rng = np.random.default_rng(seed)
    swapped = rng.permutation(len(found.catalog))[:15]
    labels = found.catalog["label"].to_numpy(copy=True)
    labels[swapped] = [LABELS[(LABELS.index(label) + 1) % len(LABELS)] for label in labels[swapped]]
    noisy = Predictions(found.catalog.assign(label=labels), found.logits, LABELS)
    suspects = suspected_labels(noisy)
    hits = suspects["path"].isin(found.catalog["path"].iloc[swapped])
    assert hits.sum() >= 14 and hits.mean() > 0.8
    truth = found.catalog.set_index("path")["label"]
    assert (suspects["predicted"][hits] == truth[suspects["path"][hits]].to_numpy()).all()


def test_right_answers_are_never_suspected():
    found = simulate()
    suspects = suspected_labels(found)
    assert set(suspects["path"]) <= set(mistakes(found)["path"])
