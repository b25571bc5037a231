"""Frames that differ by pose."""

import numpy as np

from workoutlib.collection.frames import MOST, different_frames
from workoutlib.pose.sequence import PoseSequence
from workoutlib.pose.skeleton import Pose


def sequence(bends: np.ndarray) -> PoseSequence:
    """Poses of one body whose arms are raised by so many metres; NaN: nobody there."""
    body = np.random.default_rng(0).normal(0, 0.4, (33, 3))
    arms = np.array([13, 14, 15, 16])
    poses = []
    for bend in bends:
        world = body.copy()
        world[arms, 1] -= bend
        poses.append(None if np.isnan(bend) else Pose(world.copy(), world, np.ones(33), 1.0))
    return PoseSequence.of(np.arange(len(bends)) / 10, poses)


def test_poses_that_are_alike_are_left_out():
    poses = sequence(np.array([0, 0.001, 0, 1.0, 1.001, 2.0, 0.002]))
    chosen = different_frames(poses, np.arange(7)).tolist()
    assert len(chosen) == 3 and chosen[0] == 0 and 5 in chosen and {3, 4} & set(chosen)


def test_never_more_than_the_most_and_only_of_those_asked_for():
    poses = sequence(np.linspace(0, 20, 60))
    chosen = different_frames(poses, np.arange(10, 60))
    assert len(chosen) == MOST and chosen.min() >= 10 and (np.diff(chosen) > 0).all()
    assert chosen[-1] == 59  # the pose farthest from the first


def test_without_poses_frames_are_evenly_spaced():
    assert different_frames(None, np.arange(9)).tolist() == [0, 3, 5, 8]
    nobody = sequence(np.full(9, np.nan))
    assert different_frames(nobody, np.arange(9)).tolist() == [0, 3, 5, 8]
    assert different_frames(None, np.array([4])).tolist() == [4]
