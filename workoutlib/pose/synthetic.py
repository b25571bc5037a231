"""Skeletons of the gym's athletes as BlazePose would report them, without rendering a picture.

Each athlete gets a body, a tempo, a range of motion and a technique of their own, then a camera looks at the true
joints. What an estimator adds is added too: it flattens depth, displaces limbs that it does not see, and takes legs
outside the picture for those of someone who stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from workoutlib.gym.body import Pose as GymPose
from workoutlib.gym.body import draw_body, pose_body
from workoutlib.gym.exercises import set_rhythm
from workoutlib.gym.scene import draw_kit, find_exercise, generator
from workoutlib.labels import LABELS

SECONDS = 3.0
"""Length of a synthetic sequence: about one repetition."""
FRAMES_PER_SECOND = 8.0

_JOINTS = {
    "shoulder": 11,
    "elbow": 13,
    "wrist": 15,
    "hip": 23,
    "knee": 25,
    "ankle": 27,
    "toe": 31,
}  # left; right is + 1
_FACE = {  # right, front and up of the skull's base, in head lengths
    **{
        0: (0.0, 0.52, 0.38),
        7: (-0.34, 0.05, 0.42),
        8: (0.34, 0.05, 0.42),
        9: (-0.1, 0.46, 0.18),
        10: (0.1, 0.46, 0.18),
    },
    **{left: (-x, 0.44, 0.50) for left, x in ((1, 0.09), (2, 0.15), (3, 0.2))},
    **{right: (x, 0.44, 0.50) for right, x in ((4, 0.09), (5, 0.15), (6, 0.2))},
}
_LIMBS = ((13, 15, 17, 19, 21), (14, 16, 18, 20, 22), (25, 27, 29, 31), (26, 28, 30, 32))
_ENDS = ((15, 17, 19, 21), (16, 18, 20, 22), (27, 29, 31), (28, 30, 32))
_PANNED, _PAN = 0.4, 0.15  # share of cameras that pan, and how far through a sequence, in metres
_BY_HAND, _SHAKE = 0.5, 0.015  # share of cameras held by hand, and how they wander from frame to frame, in metres
_ANYWHERE = 0.3  # share of cameras that stand anywhere around the athlete

# How much farther forward people lean than the gym's athletes, lowest and highest, in degrees: measured as the angle
# of the trunk on real pictures, where the medians differ by more than 10.
_LEAN = {"squat": (-30, 5), "t bar row": (-40, 5), "russian twist": (-10, 20), "incline bench press": (-12, 15)}
# Share of videos in which a bench, a machine or the picture's edge hides the legs.
_HIDDEN_LEGS = {
    **dict.fromkeys(("lat pulldown", "chest fly machine", "shoulder press", "incline bench press"), 0.5),
    **dict.fromkeys(("barbell biceps curl", "hammer curl", "lateral raises", "tricep pushdown", "t bar row"), 0.3),
}


@dataclass(frozen=True)
class Distortion:
    """How an estimator errs; lengths in metres."""

    jitter: float = 0.012  # of each landmark in each frame
    bias: float = 0.02  # of each landmark through a sequence
    limb: float = 0.10  # of a whole arm or leg that is not seen well
    limb_share: float = 0.10  # of arms and legs
    depth: tuple[float, float] = (0.45, 1.05)  # the true depth is multiplied by a factor between these


def synthetic_sequences(
    labels: Sequence[str] = LABELS,
    *,
    people: int = 60,
    cameras: int = 4,
    seed: int = 0,
    distortion: Distortion | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw athletes and look at each through several cameras.

    Args:
        labels: exercises that the gym knows, in the order that numbers them.
        people: athletes an exercise.
        cameras: cameras an athlete.
    Returns:
        float32 (N, T, 33, 3) world coordinates as in `Pose`; float64 (N, T, 2) metres, where the middle of the hips
        is in the picture, right and down, by a camera that mostly stands still; and int64 (N,) numbers of the labels.
        N is ``len(labels) * people * cameras``, T is ``SECONDS * FRAMES_PER_SECOND``.
    """
    distortion = distortion or Distortion()
    times = np.arange(round(SECONDS * FRAMES_PER_SECOND)) / FRAMES_PER_SECOND
    sequences, hips = [], []
    for label in labels:
        rng, hand = generator("synthetic skeleton", label, seed), generator("hand of the camera", label, seed)
        for _ in range(people):
            points = perform(label, rng, times)
            for _ in range(cameras):
                axes = draw_camera(label, rng)
                seen = points @ axes.T
                sequences.append(distort(_from_hips(seen), label, distortion, rng))
                hips.append(seen[:, [23, 24], :2].mean(1) + _camera_path(len(times), hand))
    targets = np.repeat(np.arange(len(labels)), people * cameras)
    return np.array(sequences, np.float32), np.array(hips), targets


def _camera_path(frames: int, rng: np.random.Generator) -> np.ndarray:
    """How a camera moves, and what the estimator adds: metres (T, 2). Some pan, half of them are held by hand."""
    pan = (rng.random() < _PANNED) * np.linspace(-0.5, 0.5, frames)[:, None] * rng.normal(0, _PAN, 2)
    shake = (rng.random() < _BY_HAND) * rng.normal(0, _SHAKE, (frames, 2)).cumsum(0)
    return pan + shake + rng.normal(0, 0.008, (frames, 2))


def perform(exercise: str, rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """Let a newly drawn athlete do an exercise at `times` (T,) seconds.

    Returns:
        (T, 33, 3) metres in the gym's axes: x to the athlete's right, y ahead, z up.
    """
    entry, body = find_exercise(exercise), draw_body(rng)
    fault = entry.faults[0] if entry.faults and rng.random() < 0.2 else None
    kit = draw_kit(rng, fault)
    seconds = rng.uniform(*entry.seconds) * rng.uniform(0.75, 1.3)
    phase, _ = set_rhythm(times, seconds, rng)
    first, last = rng.uniform(0, 0.12), 1 - abs(rng.normal(0, 0.15))
    pose = vary_technique(entry.move(body, first + (last - first) * phase, kit).pose, exercise, rng)
    if exercise == "squat":
        pose = _vary_squat_arms(pose, body.reach, rng)
    return blazepose_points(pose_body(body, pose), pose, body.head)


def vary_technique(pose: GymPose, exercise: str, rng: np.random.Generator) -> GymPose:
    """Lean, grip, stance and gaze of one person, the same through all frames."""
    low, high = _LEAN.get(exercise, (0, 0))
    lean = _turn(0, -(rng.uniform(low, high) + rng.normal(0, 5)))
    hands = pose.pelvis[:, None] + (pose.hands - pose.pelvis[:, None]) @ lean.T
    chest = pose.chest @ lean.T @ _turn(0, rng.normal(0, 4)).T @ _turn(2, rng.normal(0, 3)).T
    head = pose.head @ _turn(0, rng.normal(0, 12)).T @ _turn(2, rng.normal(0, 12)).T
    shift = lambda size: rng.normal(0, size, (1, 2, 3))  # noqa: E731
    return replace(
        pose,
        hips=pose.hips @ lean.T,
        chest=chest,
        head=head,
        hands=_widen(hands, np.exp(rng.normal(0, 0.2))) + rng.normal(0, 0.03, 3) + shift(0.02),
        elbows=pose.elbows + shift(0.25),
        ankles=_widen(pose.ankles, np.exp(rng.normal(0, 0.25))) + rng.normal(0, 0.04, 3) * [0, 1, 0.5] + shift(0.02),
        knees=pose.knees + shift(0.15),
        feet=pose.feet + shift(0.15),
    )


def _vary_squat_arms(pose: GymPose, reach: float, rng: np.random.Generator) -> GymPose:
    """Squats without a bar on the back: arms ahead, hands before the chest, at the sides, or raised on the way down."""
    how, up, front = rng.random(), pose.chest[:, 2], pose.chest[:, 1]
    if how < 0.4:
        return pose
    top = pose.pelvis + 0.28 * 1.72 * up  # about the height of the shoulders
    level = np.array([0.0, rng.uniform(0.6, 0.95) * reach, rng.uniform(-0.1, 0.1)])
    sides = np.array([0, 0.03, -0.93 * reach])
    if how < 0.55:
        middle, wide = top + level, 0.12
    elif how < 0.7:
        middle, wide = top + rng.uniform(0.15, 0.3) * front - rng.uniform(0, 0.2) * up, rng.uniform(0.03, 0.1)
    elif how < 0.85:
        middle, wide = top + sides, rng.uniform(0.2, 0.28)
    else:
        height = pose.pelvis[:, 2:]
        depth = (height.max() - height) / max(np.ptp(height), 0.05)
        middle, wide = top + sides + depth * (level - sides), rng.uniform(0.1, 0.25)
    spread = np.array([[-wide, 0, 0], [wide, 0, 0]])
    return replace(
        pose, hands=middle[:, None] + spread, elbows=pose.elbows * 0 + np.array([0.3, -0.6, -1]) * [[-1], [1]]
    )


def blazepose_points(joints: dict[str, np.ndarray], pose: GymPose, head: float) -> np.ndarray:
    """The 33 landmarks (T, 33, 3) in metres from the gym's joints (T, 3); `head` is the head's length in metres."""
    points = np.empty((len(joints["head"]), 33, 3))
    for number, offset in _FACE.items():
        points[:, number] = joints["head"] + head * np.einsum("k,tkx->tx", np.array(offset), pose.head)
    for side, name in enumerate(("left", "right")):
        for part, left in _JOINTS.items():
            points[:, left + side] = joints[f"{name}_{part}"]
        for left, share in ((17, -0.035), (19, 0.025), (21, 0.04)):  # little finger, index finger, thumb
            points[:, left + side] = joints[f"{name}_hand"] + share * pose.grip[:, side]
        ankle, toe = joints[f"{name}_ankle"], joints[f"{name}_toe"]
        points[:, 29 + side] = ankle - 0.28 * (toe - ankle)
    return points


def draw_camera(exercise: str, rng: np.random.Generator) -> np.ndarray:
    """Draw where one looks at an exercise from: (3, 3), its rows the picture's right, down and forward in the gym."""
    entry = find_exercise(exercise)
    azimuth = rng.uniform(*entry.views[int(rng.integers(len(entry.views)))])
    if rng.random() < 0.5:
        azimuth = rng.choice([-1, 1]) * rng.normal(entry.azimuth, 20)
    if rng.random() < _ANYWHERE:
        azimuth = rng.uniform(-180, 180)
    return camera_axes(azimuth, rng.uniform(-10, 28), rng.normal(0, 3))


def camera_axes(azimuth: float, elevation: float, roll: float = 0.0) -> np.ndarray:
    """Right, down and forward (3, 3) of a camera that looks at an athlete, `azimuth` degrees from the front."""
    turn, rise = np.radians(azimuth), np.radians(elevation)
    forward = -np.array([np.sin(turn) * np.cos(rise), np.cos(turn) * np.cos(rise), np.sin(rise)])
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    return _turn(2, roll) @ np.stack([right, np.cross(forward, right), forward])


def distort(world: np.ndarray, exercise: str, distortion: Distortion, rng: np.random.Generator) -> np.ndarray:
    """What an estimator makes of true world coordinates (T, 33, 3) of one person."""
    points = world.copy()
    if rng.random() < _HIDDEN_LEGS.get(exercise, 0.1):
        points = _with_guessed_legs(points, rng)
    points[..., 2] *= rng.uniform(*distortion.depth)
    for group in (*_LIMBS, *_ENDS):
        if rng.random() < distortion.limb_share:
            points[:, group] += rng.normal(0, distortion.limb, 3)
    points += rng.normal(0, distortion.bias, (33, 3)) * [1, 1, 2] + rng.normal(0, distortion.jitter, points.shape)
    return _from_hips(points)


def _with_guessed_legs(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Legs that the estimator does not see: it draws those of someone who stands, more or less."""
    points = points.copy()
    trunk = points[:, [11, 12]].mean(1)
    down = 0.6 * np.array([0.0, 1.0, 0.0]) - 0.4 * trunk / np.linalg.norm(trunk, axis=1, keepdims=True)
    down = down + rng.normal(0, 0.25, 3)
    down /= np.linalg.norm(down, axis=1, keepdims=True)
    bend = down + rng.normal(0, 0.25, 3)
    bend /= np.linalg.norm(bend, axis=1, keepdims=True)
    for side in (0, 1):
        thigh, shank = (
            np.linalg.norm(points[:, a + side] - points[:, b + side], axis=1) for a, b in ((25, 23), (27, 25))
        )
        foot = points[:, [29 + side, 31 + side]] - points[:, [27 + side]]
        points[:, 25 + side] = points[:, 23 + side] + thigh[:, None] * down
        points[:, 27 + side] = points[:, 25 + side] + shank[:, None] * bend
        points[:, [29 + side, 31 + side]] = points[:, [27 + side]] + foot
    return points


def _from_hips(points: np.ndarray) -> np.ndarray:
    return points - points[..., [23, 24], :].mean(-2, keepdims=True)


def _widen(pairs: np.ndarray, factor: float) -> np.ndarray:
    """Left-right pairs (T, 2, 3) moved apart by a factor, sideways."""
    middle = pairs.mean(1, keepdims=True)
    return middle + (pairs - middle) * [factor, 1, 1]


def _turn(axis: int, degrees: float) -> np.ndarray:
    """Rotation (3, 3) about an axis."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    rotation, (a, b) = np.eye(3), [k for k in range(3) if k != axis]
    rotation[a, a] = rotation[b, b] = cosine
    rotation[a, b], rotation[b, a] = -sine, sine
    return rotation
