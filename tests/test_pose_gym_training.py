"""Training of the body model that is part of the package, on a few of the gym's athletes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from workoutlib import LABELS
from workoutlib.pose.body_model import CLASSIFIERS
from workoutlib.pose.gym_training import train_on_gym
from workoutlib.pose.sequence import PoseSequence
from workoutlib.pose.synthetic import FRAMES_PER_SECOND, synthetic_sequences


@pytest.fixture(scope="module")
def planks() -> list[PoseSequence]:
    world, _, _ = synthetic_sequences(["plank"], people=6, cameras=2, seed=9)
    seen = np.ones((24, 33)), np.ones(24)
    return [PoseSequence(np.arange(24) / FRAMES_PER_SECOND, each, each, *seen) for each in world]


def test_training_twice_gives_the_same_model_and_leaves_the_random_state():
    before = torch.get_rng_state()
    one, other = (train_on_gym(people=1, cameras=1).state() for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    for name in CLASSIFIERS:
        assert all(torch.equal(values, other[name][key]) for key, values in one[name].items())


def test_what_an_estimator_sees_is_learned(planks):
    shown = planks  # which are called squats here
    squat, plank = LABELS.index("squat"), LABELS.index("plank")
    gaps = [
        replace(poses, landmarks=np.where(np.arange(24)[:, None, None] < 3, np.nan, poses.landmarks)) for poses in shown
    ]
    alone = train_on_gym(people=1, cameras=1)
    taught = train_on_gym(people=1, cameras=1, estimated=((poses, squat) for poses in gaps * 3))
    for before, after in (
        [model.motion_log_probabilities(shown[0]) for model in (alone, taught)],
        [model.pose_log_probabilities(shown[0].world).mean(0) for model in (alone, taught)],
    ):
        assert after[squat] - after[plank] > before[squat] - before[plank] + 1


def test_what_an_estimator_sees_of_other_movements_is_learned(planks):
    alone, taught = (
        train_on_gym(people=1, cameras=1, others=((each, 0) for each in shown)) for shown in ([], planks * 3)
    )
    known = [model.fuse_clip(None, planks[0])[0].max(1).mean() for model in (alone, taught)]
    assert known[1] < known[0] - 1
