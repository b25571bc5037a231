"""From landmarks to numbers that say how a body is posed, whichever way the camera looks at it.

The direction of the camera is taken out, gravity is kept: a pose is turned about the vertical until the line of
shoulders and hips runs along x, so that a push up and a bench press, which differ only in which way is down, still
differ. Lengths are divided by the body's own, so that children and giants look alike.
"""

from __future__ import annotations

import numpy as np

from workoutlib.pose.skeleton import JOINTS, joint_angles, mirrored, pixels_a_metre

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
_TRAVELLERS = [[11, 12], [15, 16], [23, 24], [25, 26], [27, 28]]  # shoulders, wrists, hips, knees, ankles
_SHORTEST = 0.2  # metres: a smaller body is a failed estimate
_FEATURES = 3 * (len(_POINTS) + len(_BONES)) + len(JOINTS) + len(_PAIRS)
_PART = 1024  # poses described at once: what is computed on the way takes ten times the memory of the features
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
    return points / _length(points)[..., None, None]


def _length(points: np.ndarray) -> np.ndarray:
    """Trunk plus thigh (...) of poses (..., 33, 3) whose hips are at the origin, in their unit."""
    trunk = np.linalg.norm(points[..., [11, 12], :].mean(-2), axis=-1)
    thigh = np.linalg.norm(points[..., [25, 26], :] - points[..., [23, 24], :], axis=-1).mean(-1)
    return np.maximum(trunk + thigh, _SHORTEST)


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
    poses = world.reshape(-1, *world.shape[-2:])
    sides = np.empty((2, len(poses), _FEATURES), np.float32)
    for first in range(0, len(poses), _PART):
        part = poses[first : first + _PART]
        sides[:, first : first + _PART] = pose_features(part), pose_features(mirrored(part))
    return sides.reshape(2, *world.shape[:-2], _FEATURES)


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


def travel_features(landmarks: np.ndarray, world: np.ndarray) -> np.ndarray:
    """How far shoulders, hands, hips, knees and feet travel in the picture within a window.

    Features of poses have the hips at their origin, so that a pull up, whose hands stay where they are, looks like a
    lat pulldown, whose body does. The picture tells them apart, as long as the camera does not follow.

    Args:
        landmarks: (T, 33, 2 or 3) pixels as in `Pose`; frames without a person, NaN, are left out.
        world: (T, 33, 3) metres.
    Returns:
        (20,) float32, in lengths of trunk plus thigh: the range from the 10th to the 90th percentile of the middle
        of both sides, across and down, then the standard deviations; NaN where no frame has a person.
    """
    seen = np.isfinite(landmarks).all((1, 2))
    if not seen.any():
        return np.full(4 * len(_TRAVELLERS), np.nan, np.float32)
    landmarks, world = landmarks[seen].astype(float), world[seen].astype(float)
    hips = world[:, [23, 24]].mean(1, keepdims=True)
    unit = np.median(pixels_a_metre(landmarks, world)) * np.median(_length(world - hips))
    middles = np.stack([landmarks[:, pair, :2].mean(1) for pair in _TRAVELLERS], 1) / max(unit, 1e-6)
    low, high = np.percentile(middles, [10, 90], axis=0)
    return np.concatenate([(high - low).ravel(), middles.std(0).ravel()]).astype(np.float32)


def window_features(landmarks: np.ndarray, world: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """What moves within a window, of a body and of its mirror image: `motion_features`, then `travel_features`.

    Args:
        landmarks, world: as for `travel_features`.
        sides: (2, T, D) of `both_sides`.
    Returns:
        (2, 4 * D + 20) float32.
    """
    travel = travel_features(landmarks, world)
    return np.stack([np.concatenate([motion_features(side), travel]) for side in sides])
