"""Train the body model on the gym's athletes: the one that is part of the package (``tools/build_starter.py``)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np

from workoutlib.gym.exercises import ANY_MOVEMENT, UNKNOWN
from workoutlib.labels import LABELS
from workoutlib.pose.body_model import FEWEST_FRAMES, KNOWN, BodyModel
from workoutlib.pose.classifier import train_classifier
from workoutlib.pose.features import both_sides, window_features
from workoutlib.pose.sequence import PoseSequence
from workoutlib.pose.synthetic import synthetic_sequences

Estimated = Iterable[tuple[PoseSequence, int]]
"""Poses in clips of a window's length, and the numbers of their labels (`rendered_sequences`)."""

_FRAME_STEP = 3  # neighbouring frames of a synthetic sequence are nearly the same pose
_COPIES = 4  # how often training sees each estimated sequence, of which there are fewer than drawn ones
_SMALL = (96, 48)  # hidden layers of the networks that tell exercises from other movements


def train_on_gym(
    *, people: int = 60, cameras: int = 4, seed: int = 0, estimated: Estimated = (), others: Estimated = ()
) -> BodyModel:
    """Train on the gym's athletes: on true joints with drawn errors, and on what an estimator sees of them.

    Other movements, as many as of exercises, are drawn too, and what people do between their sets.

    Args:
        people: athletes of an exercise.
        cameras: cameras that look at each.
        estimated: of exercises.
        others: of people who do something else; the numbers do not matter.
    """
    draw = partial(synthetic_sequences, cameras=cameras, seed=seed)
    exercises = _Examples(draw(LABELS, people=people), estimated)
    movements = _Examples(draw([ANY_MOVEMENT], people=len(LABELS) * people), others)
    pauses = _Examples(draw(list(UNKNOWN), people=people))
    classes = len(LABELS)
    skeleton = train_classifier(*exercises.poses, classes, epochs=6, noise=0.1, seed=seed)
    motion = train_classifier(*exercises.motions, classes, epochs=30, noise=0.2, seed=seed)
    known_pose, known_motion = (
        train_classifier(*_joined(parts), KNOWN, epochs=epochs, noise=noise, hidden=_SMALL, seed=seed)
        for parts, epochs, noise in (
            ([each.poses for each in (exercises, movements, pauses)], 4, 0.1),
            ([each.motions for each in (exercises, movements, pauses)], 15, 0.2),
        )
    )
    return BodyModel(LABELS, skeleton, motion, known_pose=known_pose, known_motion=known_motion)


class _Examples:
    """Features of poses and of motion in drawn and in estimated sequences, each with the numbers of the labels."""

    def __init__(self, drawn: tuple[np.ndarray, np.ndarray, np.ndarray], estimated: Estimated = ()) -> None:
        world, hips, targets = drawn
        sequences = list(zip(world[..., :2] + hips[:, :, None], world, targets.tolist(), strict=True))
        found = [(poses.select(poses.found), target) for poses, target in estimated]
        seen = [(each.landmarks, each.world, target) for each, target in found if len(each) >= FEWEST_FRAMES]
        poses, motions, pose_targets, motion_targets = [], [], [], []
        for landmarks, each, target in (*sequences, *_COPIES * seen):
            sides = both_sides(each)
            for side, moving in zip(sides, window_features(landmarks, each, sides), strict=True):
                poses.append(side[::_FRAME_STEP])
                motions.append(moving)
                pose_targets += [target] * len(poses[-1])
                motion_targets.append(target)
        self.poses = np.concatenate(poses), np.array(pose_targets)
        self.motions = np.array(motions), np.array(motion_targets)


def _joined(parts: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Features of exercises and of what is none, and their numbers: the last class for what is none."""
    features, (numbers, *others) = zip(*parts, strict=True)
    return np.concatenate(features), np.concatenate([numbers, *(np.full(len(each), KNOWN - 1) for each in others)])
