"""Poses of the gym's athletes as the estimator sees them: rendered clips, followed as real ones are.

Synthetic skeletons (`synthetic_sequences`) are many, but their errors are drawn. An estimator errs in ways of its own:
it loses people who lie, takes an arm for a body, and, where a close-up leaves the legs out, makes up the whole person.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import pandas as pd

from workoutlib.gym.scene import find_exercise, generator, render_clip
from workoutlib.labels import LABELS
from workoutlib.pose.estimator import PoseEstimator
from workoutlib.pose.smoothing import smooth
from workoutlib.pose.synthetic import SECONDS
from workoutlib.pose.tracking import PoseSequence, PoseTracker

_SIZE = (480, 360)
_RATES = (6.0, 8.0, 10.0)
_CLOSE_UP = 0.5  # share of clips that show the working half of the body alone
_ASPECTS = (4 / 3, 1.0, 3 / 4)  # width to height of these
_ROOM = (1.0, 1.7)  # how much larger than that half the picture is; at 1.0 some of it lies outside
_LEAST_WIDTH = 140  # pixels
_UPPER = ("head", "hand", "elbow", "shoulder", "pelvis")
_LOWER = ("pelvis", "knee", "toe", "chest")


def rendered_sequences(
    estimator: PoseEstimator, labels: Sequence[str] = LABELS, *, seeds: Sequence[int]
) -> Iterator[tuple[PoseSequence, int]]:
    """Render a clip of ``SECONDS`` of each exercise and seed, half of them close-ups, and follow its athlete.

    Args:
        labels: exercises that the gym knows, in the order that numbers them.
    Yields:
        The poses, smoothed, and the number of the label; clips in which nobody was found are left out.
    """
    for seed in seeds:
        for number, label in enumerate(labels):
            rng = generator("rendered poses", label, seed)
            rate = float(rng.choice(_RATES))
            clip = render_clip(label, seed, frames=round(SECONDS * rate) + 1, frames_per_second=rate, size=_SIZE)
            left, top, width, height = part_shown(clip.truth, label, rng)
            shape = (round(width / height * _SIZE[1]), _SIZE[1])
            frames = (cv2.resize(each[top : top + height, left : left + width], shape) for each in clip.frames)
            timed = [(time / rate, frame) for time, frame in enumerate(frames)]
            seen = [(time, pose) for time, _, pose in PoseTracker(estimator, skip=True).follow(timed)]
            poses = smooth(PoseSequence.of(*zip(*seen, strict=True)))
            if poses.found.any():
                yield poses, number


def part_shown(truth: pd.DataFrame, label: str, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Left, top, width and height in pixels of what a clip shows of the rendered picture."""
    if rng.random() >= _CLOSE_UP:
        return 0, 0, *_SIZE
    names = _LOWER if find_exercise(label).half == "lower" else _UPPER
    axes = [[column for column in truth if _is_of(column, axis, names)] for axis in "xy"]
    low, high = (np.array([np.percentile(truth[each], share) for each in axes]) for share in (2, 98))
    size = (high - low) * rng.uniform(*_ROOM)
    middle = 0.5 * (low + high) + 0.06 * size * rng.normal(size=2)
    aspect = float(rng.choice(_ASPECTS))
    width = float(np.clip(max(size[0], aspect * size[1]), _LEAST_WIDTH, min(_SIZE[0], aspect * _SIZE[1])))
    shape = np.array([width, width / aspect])
    left, top = np.clip(middle - shape / 2, 0, np.array(_SIZE) - shape).astype(int).tolist()
    return left, top, int(shape[0]), int(shape[1])


def _is_of(column: str, axis: str, names: Sequence[str]) -> bool:
    """Whether a column of the truth, as ``x_left_hand``, is this axis of one of these joints."""
    return column.startswith(f"{axis}_") and column.rsplit("_", 1)[-1] in names
