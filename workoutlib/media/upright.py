"""Frames turned and mirrored as the container says that they are shown."""

from __future__ import annotations

import math
from typing import Any

import av
import numpy as np


def display_matrix(frame: av.VideoFrame) -> np.ndarray:
    """The 2 × 2 part ((a, b), (c, d)) of the matrix that turns a frame upright: x' = ax + cy, y' = bx + dy.

    https://ffmpeg.org/doxygen/trunk/group__lavu__video__display.html
    """
    data: Any
    for data in frame.side_data:
        if data.type.name == "DISPLAYMATRIX":
            return np.frombuffer(data, np.int32)[:9].reshape(3, 3)[:2, :2].astype(np.int64)
    return np.eye(2, dtype=np.int64)


def swaps_axes(matrix: np.ndarray) -> bool:
    """Whether width and height change places."""
    return abs(matrix[0, 1]) > abs(matrix[0, 0])


def rotation_of(matrix: np.ndarray) -> int:
    """Degrees clockwise, to the quarter turn; of a mirrored frame, those behind the mirror."""
    (a, b), (c, d) = matrix
    mirrored = a * d - b * c < 0
    angle = math.degrees(math.atan2(-b, -a) if mirrored else math.atan2(b, a))
    return round(angle / 90) * 90 % 360


def turn_upright(frame: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Turn and mirror (H, W, 3) by `matrix`, to the quarter turn."""
    (a, b), (c, d) = matrix
    if swaps_axes(matrix):
        frame, a, d = frame.swapaxes(0, 1), c, b
    frame = frame[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]
    return np.ascontiguousarray(frame)
