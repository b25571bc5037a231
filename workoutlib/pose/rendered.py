"""Poses of the gym's athletes as the estimator sees them: rendered clips, followed as real ones are.

Synthetic skeletons (`synthetic_sequences`) are many, but their errors are drawn. An estimator errs in ways of its own:
it loses people who lie, takes an arm for a body, and, where a close-up leaves the legs out, makes up the whole person.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import pandas as pd

from workoutlib.gym.scene import render_clip
from workoutlib.labels import LABELS
from workoutlib.pose.estimator import PoseEstimator
from workoutlib.pose.sequence import PoseSequence
from workoutlib.pose.smoothing import smooth
from workoutlib.pose.synthetic import SECONDS
from workoutlib.pose.tracking import PoseTracker

_WIDTH, _HEIGHT = 480, 360
_SECONDS = SECONDS + 0.2  # a little more than a window
_RATES = (6.0, 8.0, 8.0, 10.0)
_CLOSE_UP = 0.5  # share of clips that show the upper body alone
_ROOM = (1.0, 1.7)  # how much larger than the upper body the picture is; at 1.0 some of it lies outside
_LEAST_WIDTH = 140  # pixels of the rendered picture that a close-up shows
_UPPER = ("head", "hand", "elbow", "shoulder", "pelvis")


def rendered_sequences(
    estimator: PoseEstimator, labels: Sequence[str] = LABELS, *, seeds: Sequence[int]
) -> Iterator[tuple[PoseSequence, int]]:
    """Render a clip of about ``SECONDS`` of each exercise and seed, half of them close-ups, and follow its athlete.

    Args:
        labels: exercises that the gym knows, in the order that numbers them.
    Yields:
        The poses, smoothed, and the number of the label; clips in which nobody was found are left out.
    """
    for seed in seeds:
        for number, label in enumerate(labels):
            rng = np.random.default_rng([seed, number])
            rate = float(rng.choice(_RATES))
            size = (_WIDTH, _HEIGHT)
            clip = render_clip(label, seed, frames=int(_SECONDS * rate), frames_per_second=rate, size=size)
            left, top, width, height = part_shown(clip.truth, rng)
            parts = (cv2.resize(each[top : top + height, left : left + width], size) for each in clip.frames)
            timed = [(frame / rate, part) for frame, part in enumerate(parts)]
            seen = [(time, pose) for time, _, pose in PoseTracker(estimator, skip=True).follow(timed)]
            poses = smooth(PoseSequence.of(*zip(*seen, strict=True)))
            if poses.found.any():
                yield poses, number


def part_shown(truth: pd.DataFrame, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Left, top, width and height in pixels of what a clip shows of the rendered picture."""
    if rng.random() >= _CLOSE_UP:
        return 0, 0, _WIDTH, _HEIGHT
    columns = [[each for each in truth if _is_of_upper_body(each, axis)] for axis in "xy"]
    low, high = (np.array([np.percentile(truth[each], share) for each in columns]) for share in (2, 98))
    size = (high - low) * rng.uniform(*_ROOM)
    middle = (low + high) / 2 + rng.normal(0, 0.06, 2) * size
    aspect = _WIDTH / _HEIGHT
    exact = min(max(size[0], aspect * size[1], _LEAST_WIDTH), _WIDTH)
    width, height = int(exact), int(exact / aspect)
    left, top = np.clip(middle - [width / 2, height / 2], 0, [_WIDTH - width, _HEIGHT - height]).astype(int).tolist()
    return left, top, width, height


def _is_of_upper_body(column: str, axis: str) -> bool:
    """Whether a column of the truth, as ``x_left_hand``, is a joint's place on this axis."""
    return column.startswith(f"{axis}_") and column.rsplit("_", 1)[-1] in _UPPER
