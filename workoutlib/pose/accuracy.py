"""How well poses are estimated: measured in the built-in gym, where every joint is known."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from workoutlib.gym import Clip, render_clip
from workoutlib.labels import LABELS
from workoutlib.pose.estimator import PoseEstimator
from workoutlib.pose.skeleton import INDEX, JOINT_KINDS, Pose, joint_angles

PARTS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
_NAMES = [f"{side} {part}" for part in PARTS for side in ("left", "right")]
MEASURED = [INDEX[name] for name in _NAMES]
"""Numbers of the landmarks that are compared, in the order of `true_joints`."""


def evaluate_pose(
    estimator: PoseEstimator, labels: Iterable[str] = LABELS, *, videos: int = 2, frames: int = 3, seed: int = 0
) -> pd.DataFrame:
    """Compare estimated poses with the joints that the gym rendered.

    Args:
        videos, frames: how many videos of each exercise, and frames of each, a second apart.
    Returns:
        A row a frame: ``label``, ``view`` (``"front"``, ``"diagonal"`` or ``"side"``), ``found``; ``exerciser``
        (the first pose is the athlete's, not a bystander's); ``pck``, the share of joints within a tenth of the
        trunk's length (PCK@0.1, Yang & Ramanan 2013, doi:10.1109/TPAMI.2012.261); and the mean absolute errors of
        the angles ``elbow, shoulder, hip, knee`` in degrees. Without a pose, or with somebody else's, they are NaN.
    """
    rows = []
    for label in labels:
        for video in range(videos):
            clip = render_clip(label, seed + 1000 + video, frames=frames, frames_per_second=1.0)
            rows += [_compare(estimator, clip, number) | {"label": label} for number in range(frames)]
    return pd.DataFrame(rows, columns=["label", "view", "found", "exerciser", "pck", *JOINT_KINDS])


def summarise(table: pd.DataFrame, by: str = "label") -> pd.DataFrame:
    """Means of `evaluate_pose`'s table for each ``label`` or ``view``."""
    return table.groupby(by)[["found", "exerciser", "pck", *JOINT_KINDS]].mean()


def _compare(estimator: PoseEstimator, clip: Clip, number: int) -> dict:
    pixels, metres = true_joints(clip.truth, number)
    trunk = float(np.linalg.norm(pixels[[0, 1]].mean(0) - pixels[[6, 7]].mean(0)))
    width = float(np.linalg.norm(pixels[0] - pixels[1]))
    view = "front" if width > 0.55 * trunk else "diagonal" if width > 0.25 * trunk else "side"
    poses = estimator.estimate(clip.frames[number])
    row: dict = {"view": view, "found": bool(poses), "exerciser": False}
    if not poses or not _is_same(poses[0], pixels, trunk):
        return row
    away = np.linalg.norm(poses[0].landmarks[MEASURED, :2] - pixels, axis=1)
    errors = np.abs(joint_angles(poses[0].world) - joint_angles(metres)).reshape(-1, 2).mean(1)
    errors_by_kind = dict(zip(JOINT_KINDS, errors.tolist(), strict=True))
    return {**row, "exerciser": True, "pck": float((away < 0.1 * max(trunk, width)).mean()), **errors_by_kind}


def true_joints(truth: pd.DataFrame, number: int) -> tuple[np.ndarray, np.ndarray]:
    """The joints of one frame of a gym clip: pixels (12, 2), and metres (33, 3) with the other landmarks NaN."""
    row, metres = truth.iloc[number], np.full((33, 3), np.nan)
    columns = [name.replace(" ", "_") for name in _NAMES]
    pixels = np.array([[row[f"x_{name}"], row[f"y_{name}"]] for name in columns], float)
    metres[MEASURED] = [[row[f"{axis}_{name}"] for axis in "XYZ"] for name in columns]
    return pixels, metres


def _is_same(pose: Pose, pixels: np.ndarray, trunk: float) -> bool:
    """Whether a pose is that of the athlete with these joints: the trunks lie on each other."""
    middle = pose.trunk.mean(0)
    return float(np.linalg.norm(middle - pixels[[0, 1, 6, 7]].mean(0))) < max(trunk, 20.0)
