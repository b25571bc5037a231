"""What hands hold: upright squares around both hands, for a picture model's head of its own (`Classifier.hands`).

A bar, two dumbbells or a cable decide between exercises whose bodies look alike, and a picture that is brought to 256
pixels shows little of them. A square around a hand shows equipment and grip, and little of the room.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.special import log_softmax

from workoutlib.data.transforms import to_square
from workoutlib.pose.skeleton import Pose, pixels_a_metre

SIDE = 0.6
"""Side of a hand's square, in lengths of the trunk."""
HANDS = 2
"""Squares of a person."""

# Landmarks of a hand: wrist, little finger, index finger; the left hand's and the right one's.
_POINTS = np.array([[15, 17, 19], [16, 18, 20]])
_SHOULDERS, _HIPS = [11, 12], [23, 24]


def hand_boxes(landmarks: np.ndarray, world: np.ndarray) -> np.ndarray:
    """Where the hands of poses are: middle x, middle y and half the side, in whole pixels.

    A hand that is hidden has its box too, at the place where the pose has it: what is to be seen there helps as well.
    Lengths in pixels are told from those in metres, so that a trunk that points at the camera is no short one.

    Args:
        landmarks: (..., 33, 3) as in `Pose`, of people that were found.
        world: (..., 33, 3).
    Returns:
        int (..., 2, 3), of the left and of the right hand.
    """
    flat = landmarks[..., :2].astype(float)
    trunk = np.linalg.norm(world[..., _SHOULDERS, :].mean(-2) - world[..., _HIPS, :].mean(-2), axis=-1)
    half = np.broadcast_to(
        (SIDE / 2 * trunk * pixels_a_metre(landmarks, world))[..., None, None], (*trunk.shape, HANDS, 1)
    )
    return np.concatenate([flat[..., _POINTS, :].mean(-2), np.maximum(half, 1)], -1).round().astype(int)


def cut_hands(pixels: np.ndarray, boxes: np.ndarray, *, size: int) -> np.ndarray:
    """The squares of `hand_boxes` (2, 3) out of uint8 RGB (H, W, 3): uint8 (2, size, size, 3).

    Beyond the picture's edge they are black; a hand beyond it is looked for at the edge.
    """
    return np.stack([to_square(_cut(pixels, *box), size=size) for box in boxes])


def hands_of(pixels: np.ndarray, pose: Pose, *, size: int) -> np.ndarray:
    """Both hands of a person in uint8 RGB (H, W, 3): uint8 (2, size, size, 3)."""
    return cut_hands(pixels, hand_boxes(pose.landmarks, pose.world), size=size)


def join_hands(picture: np.ndarray, hands: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Logits (N, C) of pictures, joined with what their hands say: the sum of both, a product of experts.

    Where nobody was found, the hands take every exercise for equally likely, as `BodyModel.fuse` does.

    Args:
        picture: logits (N, C).
        hands: logits (2M, C) of the squares, in the order of the M pictures in which somebody was found.
        found: bool (N,), M of them true.
    """
    classes = picture.shape[1]
    both = log_softmax(hands.astype(np.float64).reshape(-1, HANDS, classes), axis=-1).mean(1)
    said = np.full(picture.shape, -np.log(classes))
    said[found] = log_softmax(both, axis=-1)
    return picture + said.astype(np.float32)


def _cut(pixels: np.ndarray, x: int, y: int, half: int) -> np.ndarray:
    height, width = pixels.shape[:2]
    half = min(half, 2 * min(height, width))  # so that no pose asks for more pixels than there is memory
    x, y = int(np.clip(x, 0, width)), int(np.clip(y, 0, height))
    left, top, right, bottom = x - half, y - half, x + half, y + half
    inside = pixels[max(top, 0) : bottom, max(left, 0) : right]
    edges = max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0)
    return cv2.copyMakeBorder(inside, *edges, cv2.BORDER_CONSTANT)
