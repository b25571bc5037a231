"""The 33 landmarks of a body: names, bones, sides, joint angles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LANDMARKS = (
    *("nose", "left eye inner", "left eye", "left eye outer", "right eye inner", "right eye", "right eye outer"),
    *("left ear", "right ear", "mouth left", "mouth right", "left shoulder", "right shoulder", "left elbow"),
    *("right elbow", "left wrist", "right wrist", "left pinky", "right pinky", "left index", "right index"),
    *("left thumb", "right thumb", "left hip", "right hip", "left knee", "right knee", "left ankle"),
    *("right ankle", "left heel", "right heel", "left foot", "right foot"),
)
INDEX = {name: number for number, name in enumerate(LANDMARKS)}

# Pairs of landmarks that are drawn as bones: left side, right side, and what joins them.
LEFT_BONES = ((11, 13), (13, 15), (15, 19), (23, 25), (25, 27), (27, 29), (29, 31), (27, 31), (11, 23))
RIGHT_BONES = tuple((a + 1, b + 1) for a, b in LEFT_BONES)
MIDDLE_BONES = ((11, 12), (23, 24))

#: Landmark numbers with left and right exchanged.
MIRROR = np.array([0, 4, 5, 6, 1, 2, 3, 8, 7, 10, 9, *(n for left in range(11, 33, 2) for n in (left + 1, left))])

# joint: the landmarks whose middle one is the joint, of the left side; the right side's are one higher
_JOINTS = {"elbow": (11, 13, 15), "shoulder": (13, 11, 23), "hip": (11, 23, 25), "knee": (23, 25, 27)}
JOINTS = tuple(f"{side} {joint}" for joint in _JOINTS for side in ("left", "right"))
JOINT_KINDS = tuple(_JOINTS)
BODY = np.array([11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28])
"""Landmarks that tell exercises apart: shoulders, elbows, wrists, hips, knees, ankles."""
_TRIPLES = np.array([[number + side for number in joint] for joint in _JOINTS.values() for side in (0, 1)])


@dataclass(frozen=True)
class Pose:
    """One person in one picture.

    Attributes:
        landmarks: float32 (33, 3): x, y in pixels of the upright picture, y down; z, away from the camera, in the
            same unit, 0 at the hips.
        world: float32 (33, 3): metres around the middle of the hips, x to the picture's right, y down, z away.
        visibility: float32 (33,) in 0..1: how probably each landmark is in the picture and not hidden.
        probability: in 0..1, that there is a person.
        looks: float32 (K, 33, 3): ``world`` as further looks at a photo have it (`PoseEstimator.exerciser`);
            ``None`` in clips, where the next frame is one.
        box: float32 (4,): left, top, right, bottom of the landmarks in pixels.
        trunk: float32 (4, 2): left and right shoulder, left and right hip, x and y in pixels.
    """

    landmarks: np.ndarray
    world: np.ndarray
    visibility: np.ndarray
    probability: float
    looks: np.ndarray | None = None

    @property
    def box(self) -> np.ndarray:
        return np.concatenate([self.landmarks[:, :2].min(0), self.landmarks[:, :2].max(0)])

    @property
    def trunk(self) -> np.ndarray:
        return self.landmarks[[11, 12, 23, 24], :2]


def joint_angles(points: np.ndarray) -> np.ndarray:
    """Angles in degrees (..., 8) of ``JOINTS`` from landmarks (..., 33, 3), best world coordinates; 180 is straight."""
    first, joint, last = (points[..., _TRIPLES[:, part], :] for part in range(3))
    one, other = first - joint, last - joint
    lengths = np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
    cosine = (one * other).sum(-1) / np.maximum(lengths, 1e-9)
    return np.degrees(np.arccos(cosine.clip(-1, 1)))


def joint_visibility(visibility: np.ndarray) -> np.ndarray:
    """Visibility in 0..1 (..., 8) of ``JOINTS`` from that of landmarks (..., 33): the least of each angle's three."""
    return visibility[..., _TRIPLES].min(-1)


def mirrored(points: np.ndarray) -> np.ndarray:
    """Landmarks (..., 33, 3) of the mirror image, in world coordinates: x turned round, left and right exchanged."""
    return points[..., MIRROR, :] * np.array([-1, 1, 1], points.dtype)


def crop_person(image: np.ndarray, pose: Pose, margin: float = 0.2) -> np.ndarray:
    """The part of a picture (H, W, 3) that holds a person, with a `margin` around as a share of the larger side."""
    left, top, right, bottom = pose.box
    extra = margin * max(right - left, bottom - top)
    height, width = image.shape[:2]
    columns = slice(int(np.clip(left - extra, 0, width - 1)), int(np.clip(right + extra, 1, width)))
    rows = slice(int(np.clip(top - extra, 0, height - 1)), int(np.clip(bottom + extra, 1, height)))
    return image[rows, columns]


def pixels_a_metre(landmarks: np.ndarray, world: np.ndarray) -> np.ndarray:
    """How large people are in the picture, in pixels a metre (...), told by all landmarks together.

    Args:
        landmarks: (..., 33, 2 or 3) as in `Pose`.
        world: (..., 33, 3).
    """
    return _spread(landmarks[..., :2].astype(float)) / np.maximum(_spread(world[..., :2].astype(float)), 1e-6)


def _spread(points: np.ndarray) -> np.ndarray:
    """How far points (..., P, 2) are from their middle: root of the sum of squares (...)."""
    return np.sqrt(((points - points.mean(-2, keepdims=True)) ** 2).sum((-1, -2)))
