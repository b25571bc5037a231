"""From landmarks to numbers that say how a body is posed, whichever way the camera looks at it.

The direction of the camera is taken out, gravity is kept: a pose is turned about the vertical until the line of
shoulders and hips runs along x, so that a push up and a bench press, which differ only in which way is down, still
differ. Lengths are divided by the body's own, so that children and giants look alike.
"""

from __future__ import annotations

import numpy as np

from workoutlib.pose.skeleton import joint_angles, mirrored

# Landmarks whose position counts: nose, ears, shoulders, elbows, wrists, index fingers, hips, knees, ankles, toes.
_POINTS = np.array([0, 7, 8, 11, 12, 13, 14, 15, 16, 19, 20, 23, 24, 25, 26, 27, 28, 31, 32])
_SHOULDERS, _HIPS = 33, 34  # middles of both sides, added behind the 33 landmarks
_BONES = np.array(
    [
        *((11, 13), (12, 14), (13, 15), (14, 16), (15, 19), (16, 20)),  # arms and hands
        *((23, 25), (24, 26), (25, 27), (26, 28), (27, 31), (28, 32)),  # legs and feet
        *((12, 11), (24, 23), (_HIPS, _SHOULDERS), (_SHOULDERS, 0)),  # girdles, trunk, head
    ]
)
_PAIRS = np.array(
    [
        *((15, 16), (13, 14), (25, 26), (27, 28)),  # left to right
        *((15, 11), (16, 12), (15, 23), (16, 24), (15, 25), (16, 26), (15, 27), (16, 28)),  # hand to body
        *((15, 0), (16, 0), (27, 23), (28, 24), (13, 23), (14, 24)),
    ]
)
_SHORTEST = 0.2  # metres: a smaller body is a failed estimate
STATISTICS = ("mean", "10th percentile", "90th percentile", "standard deviation")


def normalize_pose(world: np.ndarray) -> np.ndarray:
    """Poses seen from the front: hips at the origin, shoulders and hips along x, trunk plus thigh of length 1.

    Args:
        world: (..., 33, 3) metres: x to the picture's right, y down, z away from the camera.
    Returns:
        (..., 33, 3), float64: x to the person's left, y down, z to the person's back when the person stands.
    """
    points = np.asarray(world, np.float64)
    points = points - points[..., [23, 24], :].mean(-2, keepdims=True)
    across = points[..., 11, :] - points[..., 12, :] + points[..., 23, :] - points[..., 24, :]
    angle = np.arctan2(across[..., 2], across[..., 0])[..., None]
    x, y, z = np.moveaxis(points, -1, 0)
    points = np.stack([np.cos(angle) * x + np.sin(angle) * z, y, np.cos(angle) * z - np.sin(angle) * x], -1)
    trunk = np.linalg.norm(points[..., [11, 12], :].mean(-2), axis=-1)
    thigh = np.linalg.norm(points[..., [25, 26], :] - points[..., [23, 24], :], axis=-1).mean(-1)
    return points / np.maximum(trunk + thigh, _SHORTEST)[..., None, None]


def pose_features(world: np.ndarray) -> np.ndarray:
    """Describe poses: coordinates, directions of bones, joint angles and distances between joints.

    Args:
        world: (..., 33, 3) metres, as in `Pose`.
    Returns:
        (..., D) float32; NaN where the pose is.
    """
    points = normalize_pose(world)
    middles = np.stack([points[..., [11, 12], :].mean(-2), points[..., [23, 24], :].mean(-2)], -2)
    joined = np.concatenate([points, middles], -2)
    bones = joined[..., _BONES[:, 1], :] - joined[..., _BONES[:, 0], :]
    bones = bones / np.maximum(np.linalg.norm(bones, axis=-1, keepdims=True), 1e-6)
    cosines = np.cos(np.radians(joint_angles(points)))
    distances = np.linalg.norm(points[..., _PAIRS[:, 0], :] - points[..., _PAIRS[:, 1], :], axis=-1)
    many = points.shape[:-2]
    places = points[..., _POINTS, :].reshape(*many, 3 * len(_POINTS))
    parts = [places, bones.reshape(*many, 3 * len(_BONES)), cosines, distances]
    return np.concatenate(parts, -1).astype(np.float32)


def both_sides(world: np.ndarray) -> np.ndarray:
    """Features (2, ..., D) of poses and of their mirror images, left and right exchanged."""
    return np.stack([pose_features(world), pose_features(mirrored(world))])


def motion_features(features: np.ndarray) -> np.ndarray:
    """Summarise how features move within a window: ``STATISTICS`` of each.

    Args:
        features: (T, D) of `pose_features`; frames without a person, NaN, are left out.
    Returns:
        (4 * D,) float32; NaN where no frame has a person.
    """
    seen = features[np.isfinite(features).all(1)]
    if not len(seen):
        return np.full(4 * features.shape[1], np.nan, np.float32)
    low, high = np.percentile(seen, [10, 90], axis=0)
    return np.concatenate([seen.mean(0), low, high, seen.std(0)]).astype(np.float32)
