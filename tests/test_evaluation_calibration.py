"""Calibration: temperatures that change no answer, and a threshold that keeps the known."""

import numpy as np
import pandas as pd
import pytest
from helpers.simulated import LABELS, simulate

from workoutlib.evaluation.calibration import (
    calibration_error,
    calibration_table,
    fit_keep_confidence,
    fit_temperature,
    fit_unknown_threshold,
    unknown_auroc,
)
from workoutlib.evaluation.metrics import scores
from workoutlib.evaluation.predictions import Predictions


def test_the_temperature_never_changes_an_answer():
    found = simulate()
    for temperature in (0.05, 0.5, fit_temperature(found), 20.0):
        probabilities = found.probabilities(temperature)
        assert np.array_equal(probabilities.argmax(1), found.predicted)
        assert probabilities.sum(1) == pytest.approx(1)
        changed = scores(found, temperature)
        assert {k: v for k, v in changed.items() if k not in ("ece", "stills_top1")} == {
            k: v for k, v in scores(found).items() if k not in ("ece", "stills_top1")
        }


@pytest.mark.parametrize("factor", [0.25, 1.0, 4.0])
def test_the_temperature_undoes_a_wrong_scale(factor):
    """Labels drawn from softmax(logits) are calibrated at temperature 1, so logits × f are at f."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 5))
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    targets = (chances.cumsum(1) > rng.random((4000, 1))).argmax(1)
    catalog = pd.DataFrame(
        {"label": np.array(LABELS)[targets], "video": np.arange(4000).astype(str), "source": "still", "path": "x"}
    )
    found = Predictions(catalog, logits * factor, LABELS)
    temperature = fit_temperature(found)
    assert temperature == pytest.approx(factor, rel=0.08)
    assert calibration_error(found, temperature) < 0.02
    if factor != 1.0:
        assert calibration_error(found) > 0.1


def test_the_calibration_error_by_hand():
    catalog = pd.DataFrame({"label": ["a", "a", "a", "b"], "video": list("wxyz"), "source": "still", "path": "x"})
    probabilities = np.array([[0.95, 0.05], [0.95, 0.05], [0.65, 0.35], [0.65, 0.35]])
    found = Predictions(catalog, np.log(probabilities), ("a", "b"))
    table = calibration_table(found)
    assert table.index.tolist() == [6, 9] and table["images"].tolist() == [2, 2]
    assert table["accuracy"].tolist() == [0.5, 1.0] and table["confidence"].tolist() == pytest.approx([0.65, 0.95])
    assert calibration_error(found) == pytest.approx(0.5 * 0.15 + 0.5 * 0.05)


def test_full_confidence_falls_into_the_last_bin():
    catalog = pd.DataFrame({"label": ["a"], "video": ["v"], "source": ["still"], "path": ["x"]})
    sure = Predictions(catalog, np.array([[1000.0, 0.0]]), ("a", "b"))
    assert calibration_table(sure).index.tolist() == [9] and calibration_error(sure) == 0


@pytest.mark.parametrize("keep", [0.5, 0.9, 0.95])
def test_the_unknown_threshold_keeps_that_share_of_the_known(keep):
    found = simulate(200)
    threshold = fit_unknown_threshold(found, keep)
    assert (found.logits.max(1) >= threshold).mean() == pytest.approx(keep, abs=0.005)


def test_unknown_auroc():
    rng = np.random.default_rng(0)
    known, unknown = rng.normal(0, 1, (300, 5)), rng.normal(0, 1, (200, 5))
    assert unknown_auroc(known + 100, unknown) == 1.0
    assert unknown_auroc(known, unknown + 100) == 0.0
    assert unknown_auroc(known, unknown) == pytest.approx(0.5, abs=0.08)


def test_what_is_kept_is_right_as_often_as_asked_for():
    found = simulate(videos=3000, frames=1, stills=3000, skill=2.5)
    confidence = found.probabilities().max(1)
    level = fit_keep_confidence(found)
    correct = found.predicted == found.targets
    assert correct[confidence >= level].mean() == pytest.approx(0.95, abs=0.01) and correct.mean() < 0.9
    assert fit_keep_confidence(found, right=0.9) < level


def test_what_few_held_out_videos_say_is_believed_with_a_margin():
    """Of models judged by 150 videos each, most keep labels of which 95 % or more are right, not half of them."""
    found = simulate(videos=4000, frames=1, skill=2.5)
    confidence, correct = found.probabilities().max(1), found.predicted == found.targets
    rng, enough, kept = np.random.default_rng(0), [], []
    for _ in range(60):
        held_out = np.isin(np.arange(len(correct)), rng.choice(len(correct), 150, replace=False))
        believed = confidence[~held_out] >= fit_keep_confidence(found.where(held_out))
        enough.append(not believed.any() or correct[~held_out][believed].mean() >= 0.95)
        kept.append(believed.mean())
    assert np.mean(enough) > 0.8
    assert np.mean(kept) > 0.5 * (confidence >= fit_keep_confidence(found)).mean()


def test_nothing_is_kept_of_a_model_that_knows_nothing():
    few = simulate(videos=20, frames=3)
    few.logits[:, :] = 0
    assert fit_keep_confidence(few) == 1
