"""Draw a skeleton on a picture."""

from __future__ import annotations

import cv2
import numpy as np

from workoutlib.media.overlay import OKABE_ITO
from workoutlib.pose.skeleton import LEFT_BONES, MIDDLE_BONES, RIGHT_BONES, Pose

LEFT, RIGHT, MIDDLE = OKABE_ITO[0], OKABE_ITO[1], (255, 255, 255)
_HIDDEN = 0.5  # visibility below which a bone is dimmed
_SUBPIXEL = 4  # OpenCV counts in 1 / 2**4 pixels


def draw_skeleton(image: np.ndarray, pose: Pose) -> np.ndarray:
    """A copy of uint8 RGB (H, W, 3) with the skeleton: left side orange, right side sky blue, trunk white.

    Lines grow with the person; bones that are probably hidden are thin and dark.
    """
    canvas = image.copy()
    points = pose.landmarks[:, :2]
    trunk = np.linalg.norm(points[[11, 12]].mean(0) - points[[23, 24]].mean(0))
    width = int(np.clip(round(0.05 * trunk), 1, max(min(image.shape[:2]) // 60, 2)))
    limit = 8 * max(image.shape)  # OpenCV's coordinates are short integers in parts of a pixel
    ends = np.round(points.clip(-limit, limit) * 2**_SUBPIXEL).astype(int).tolist()
    hidden = (pose.visibility < _HIDDEN).tolist()
    sides = ((MIDDLE_BONES, MIDDLE), (RIGHT_BONES, RIGHT), (LEFT_BONES, LEFT))
    for outline in (True, False):
        for bones, colour in sides:
            for a, b in bones:
                ink, thickness = _look(hidden[a] or hidden[b], colour, width, outline)
                cv2.line(canvas, ends[a], ends[b], ink, thickness, cv2.LINE_AA, _SUBPIXEL)
    return canvas


def _look(hidden: bool, colour: tuple[int, int, int], width: int, outline: bool) -> tuple[tuple[int, ...], int]:
    thickness = max(width // 2, 1) if hidden else width
    if outline:
        return (0, 0, 0), thickness + 2
    return tuple(channel // 2 for channel in colour) if hidden else colour, thickness
