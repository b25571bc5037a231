"""Poses as the estimator sees them in rendered clips: what is shown of the athlete, and how the poses are followed."""

import numpy as np
import pandas as pd
import pytest

from workoutlib.gym.scene import generator
from workoutlib.pose.body_model import gym_body
from workoutlib.pose.rendered import part_shown, rendered_sequences
from workoutlib.pose.synthetic import SECONDS

WIDTH, HEIGHT = 480, 360
CLOSE = ("bench press", "pull up", "shoulder press", "squat", "tricep pushdown")


@pytest.fixture(scope="module")
def truth() -> pd.DataFrame:
    """Somebody who stands in the middle of the picture, from head to toe."""
    places = {"head": (240, 40), "pelvis": (240, 190), "chest": (240, 110)}
    for side, x in (("left", 270), ("right", 210)):
        heights = {"shoulder": 80, "elbow": 130, "hand": 180, "hip": 190, "knee": 250, "ankle": 310, "toe": 320}
        places |= {f"{side}_{part}": (x, y) for part, y in heights.items()}
    columns = {f"{axis}_{name}": [place[k]] * 5 for name, place in places.items() for k, axis in enumerate("xy")}
    return pd.DataFrame(columns)


def test_half_of_the_clips_show_the_upper_body_alone(truth):
    parts = [part_shown(truth, generator("part", seed)) for seed in range(200)]
    for left, top, width, height in parts:
        assert left >= 0 and top >= 0 and left + width <= WIDTH and top + height <= HEIGHT
        assert width / height == pytest.approx(4 / 3, abs=0.03) and width >= 140
    close = [part for part in parts if part != (0, 0, WIDTH, HEIGHT)]
    assert 0.35 < len(close) / len(parts) < 0.65
    heads, feet = (np.mean([top <= y < top + height for _, top, _, height in close]) for y in (40, 320))
    assert heads > 0.6 and feet < 0.4


@pytest.mark.slow
def test_clips_are_followed_for_the_length_of_a_window(estimator):
    found = list(rendered_sequences(estimator, ("squat", "pull up"), seeds=[1, 2]))
    assert [number for _, number in found] == [0, 1, 0, 1]
    for poses, _ in found:
        assert poses.times[0] == 0 and poses.times[-1] == pytest.approx(SECONDS, abs=0.2)
        assert poses.found.mean() > 0.5
    again, _ = next(rendered_sequences(estimator, ("squat",), seeds=[2]))
    assert np.array_equal(again.world, found[2][0].world)


@pytest.mark.slow
def test_the_packaged_model_knows_people_as_the_estimator_sees_them(estimator):
    """The one that had seen true joints alone named half of those in close-ups."""
    body, right = gym_body(), []
    for poses, number in rendered_sequences(estimator, CLOSE, seeds=range(20, 24)):
        answer = body.motion_log_probabilities(poses)
        right.append(body.labels[int(np.nan_to_num(answer).argmax())] == CLOSE[number])
    assert np.mean(right) > 0.8
