"""Turned squares in a picture: what the pose network looks at, and the way back to the picture's pixels."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Square:
    """A square in a picture, in pixels; `angle` turns its axes clockwise, as seen, in radians."""

    x: float  # middle
    y: float  # middle
    side: float
    angle: float = 0.0

    def axes(self) -> np.ndarray:
        """Rotation (2, 2), float32: a vector in the square's axes, multiplied from the left, to the picture's."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        return np.array([[cos, -sin], [sin, cos]], np.float32)


def whole_picture(image: np.ndarray) -> Square:
    """The smallest upright square around a picture (H, W, 3), with the same middle."""
    height, width = image.shape[:2]
    return Square(width / 2, height / 2, max(width, height))


def square_of_body(hips: np.ndarray, rim: np.ndarray) -> Square:
    """The square around a body, turned so that the way from `hips` to `rim` points up in it.

    Args:
        hips: (2,) pixels, the middle of the hips.
        rim: (2,) pixels, a point on the circle around the whole body, in the direction of the head.
    Returns:
        A square of 1.25 times the circle's diameter (MediaPipe, pose_detection_to_roi).
    """
    x, y = np.asarray(rim, float) - hips
    return Square(float(hips[0]), float(hips[1]), max(2.5 * float(np.hypot(x, y)), 1.0), float(np.arctan2(x, -y)))


def cut_square(image: np.ndarray, square: Square, size: int, border: int = cv2.BORDER_CONSTANT) -> np.ndarray:
    """What a picture (H, W, 3), uint8, shows in a square, as (size, size, 3); outside of it is `border`, or black."""
    scale = square.side / size
    turn = scale * square.axes().astype(float)
    corner = np.array([square.x, square.y]) - turn @ np.full(2, size / 2)
    matrix = np.column_stack([turn, corner])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, matrix, (size, size), flags=flags, borderMode=border)


def points_in_picture(points: np.ndarray, square: Square, size: int) -> np.ndarray:
    """Move (N, 3) points of a square's (size, size) cut to the picture: x, y in its pixels, z in the same scale."""
    scaled = (points - [size / 2, size / 2, 0]) * (square.side / size)
    moved = turn_points(scaled, square)
    moved[:, :2] += [square.x, square.y]
    return moved


def turn_points(points: np.ndarray, square: Square) -> np.ndarray:
    """Turn (N, 3) points from the axes of a square to those of the picture, as float32; z stays."""
    turned = np.array(points, np.float32)
    turned[:, :2] = turned[:, :2] @ square.axes().T
    return turned
