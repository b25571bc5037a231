"""Two models compared, paired over videos."""

import numpy as np
import pytest
from helpers.simulated import simulate

from workoutlib.evaluation.comparison import compare_predictions
from workoutlib.utils.errors import WorkoutlibError


def test_a_model_is_no_better_than_itself():
    one = simulate()
    found = compare_predictions(one, one)
    assert found == (0, 0, 0, 1)


def test_a_better_model_gains_and_is_told_from_chance():
    weak, strong = simulate(skill=0.5, seed=1), simulate(skill=6, seed=1)
    found = compare_predictions(weak, strong)
    right = [np.mean(each.predicted == each.targets) for each in (weak, strong)]
    assert found.gain == pytest.approx(right[1] - right[0]) and found.low < found.gain < found.high
    assert found.p == 1 / 10_001, "no draw is as large, and the signs that were found count as one"
    assert compare_predictions(strong, weak).gain == -found.gain
    assert "95 % interval" in str(found)


def test_whole_videos_count_not_frames():
    """One video with many frames proves nothing, however many they are."""
    one, other = simulate(videos=1, frames=50), simulate(videos=1, frames=50)
    other.logits[:, :] = 0
    other.logits[np.arange(50), one.targets] = 1
    one.logits[:, :] = 0
    one.logits[np.arange(50), (one.targets + 1) % 5] = 1
    assert compare_predictions(one, other).p == 1 and compare_predictions(one, other).gain == 1


def test_other_pictures_cannot_be_compared():
    with pytest.raises(WorkoutlibError, match="same pictures"):
        compare_predictions(simulate(videos=3), simulate(videos=4))
