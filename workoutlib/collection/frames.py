"""Which frames of a set are worth keeping: those in which the body is posed differently."""

from __future__ import annotations

import numpy as np

from workoutlib.pose.features import normalize_pose
from workoutlib.pose.sequence import PoseSequence
from workoutlib.pose.skeleton import BODY

MOST = 8
"""Frames that are kept of one set."""
APART = 0.08
"""Mean distance of the joints, in lengths of trunk and thigh, from which on two poses differ."""


def different_frames(poses: PoseSequence | None, rows: np.ndarray) -> np.ndarray:
    """Choose among some frames of a clip those that differ by pose, at most ``MOST``, in order of time.

    The first one, then always the one that is farthest from all chosen (Gonzalez 1985,
    doi:10.1016/0304-3975(85)90224-5), until none is ``APART``. Where hardly anybody is seen, frames evenly spaced.

    Args:
        poses: of the whole clip, or ``None``.
        rows: int (N,), numbers of the frames to choose among.
    """
    seen = rows[poses.found[rows]] if poses is not None else rows[:0]
    if poses is None or 2 * len(seen) < len(rows):
        return rows[np.unique(np.linspace(0, len(rows) - 1, min(MOST // 2, len(rows))).round().astype(int))]
    points = normalize_pose(poses.world[seen])[:, BODY]
    chosen, nearest = [0], _distance(points, points[0])
    while len(chosen) < MOST and nearest.max() >= APART:
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, _distance(points, points[chosen[-1]]))
    return seen[np.sort(chosen)]


def _distance(points: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Mean distance of joints (T, 12, 3) from those of one pose (12, 3): (T,)."""
    return np.nan_to_num(np.linalg.norm(points - other, axis=2).mean(1))
