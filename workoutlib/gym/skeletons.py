"""The gym's true joints as an estimator of poses would report them: 33 landmarks in the layout of BlazePose.

Nothing is rendered: a set of ten repetitions costs a fraction of a second. Left and right are the athlete's own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from workoutlib.utils.errors import WorkoutlibError

from .body import Pose, draw_body, pose_body
from .exercises import set_rhythm, stage_phase
from .scene import SUBJECTS, draw_kit, find_exercise, generator

LANDMARKS = 33
_BODY = {"shoulder": 11, "elbow": 13, "wrist": 15, "hip": 23, "knee": 25, "ankle": 27, "toe": 31}  # left; right is + 1
_FACE = {  # right, front and up of the skull's base, in head lengths
    0: (0.0, 0.52, 0.38),
    **{left: (-x, 0.44, 0.50) for left, x in ((1, 0.09), (2, 0.15), (3, 0.2))},
    **{right: (x, 0.44, 0.50) for right, x in ((4, 0.09), (5, 0.15), (6, 0.2))},
    **{7: (-0.34, 0.05, 0.42), 8: (0.34, 0.05, 0.42), 9: (-0.1, 0.46, 0.18), 10: (0.1, 0.46, 0.18)},
}
_WIDTH, _HEIGHT, _FOCAL = 640, 480, 700.0  # pixels of the picture that `watch` projects to


@dataclass(frozen=True)
class Performance:
    """What an athlete does: `points` (T, 33, 3) metres in the gym's axes, and its truth.

    `phase` (T,) is 0 at the start and 1 at the turn of a repetition, `repetition` (T,) its number from 1.
    """

    times: np.ndarray
    points: np.ndarray
    phase: np.ndarray
    repetition: np.ndarray


def perform(
    exercise: str, seed: int, times: np.ndarray, *, fault: str | None = None, phase: np.ndarray | None = None
) -> Performance:
    """Let a drawn athlete do an exercise at `times` (T,) in seconds, in a drawn rhythm or with a given `phase` (T,).

    Raises WorkoutlibError for an exercise or a fault that the gym does not know.
    """
    entry = find_exercise(exercise)
    if fault is not None and fault not in entry.faults + entry.staged_faults:
        raise WorkoutlibError(f"{exercise!r} has no fault {fault!r} in the gym")
    rng = generator("perform", exercise, seed)
    body = draw_body(generator("subject", int(rng.integers(SUBJECTS))))
    rhythm, repetition = set_rhythm(times, float(rng.uniform(*entry.seconds)), rng)
    if phase is not None:
        rhythm, repetition = phase, np.ones(len(times), int)
    pose = entry.move(body, stage_phase(exercise, rhythm, fault), draw_kit(rng, fault)).pose
    return Performance(times, blazepose_points(pose_body(body, pose), pose, body.head), rhythm, repetition)


def blazepose_points(joints: dict[str, np.ndarray], pose: Pose, head: float) -> np.ndarray:
    """Return the 33 landmarks (T, 33, 3) in metres from joints (T, 3); `head` is the length of the head in metres."""
    points = np.empty((len(joints["head"]), LANDMARKS, 3))
    for number, offset in _FACE.items():
        points[:, number] = joints["head"] + head * np.einsum("k,tkx->tx", np.array(offset), pose.head)
    for k, side in enumerate(("left", "right")):
        for part, left in _BODY.items():
            points[:, left + k] = joints[f"{side}_{part}"]
        hand, thumb = joints[f"{side}_hand"], pose.grip[:, k]
        for left, share in ((17, -0.035), (19, 0.025), (21, 0.04)):  # little finger, index finger, thumb
            points[:, left + k] = hand + share * thumb
        ankle, toe = joints[f"{side}_ankle"], joints[f"{side}_toe"]
        points[:, 29 + k] = ankle - 0.28 * (toe - ankle)
    return points


def draw_view(exercise: str, rng: np.random.Generator) -> tuple[float, float]:
    """Draw a usual point of view as `scene.draw_camera` does: azimuth and elevation in degrees."""
    entry = find_exercise(exercise)
    azimuth = rng.uniform(*entry.views[int(rng.integers(len(entry.views)))])
    if rng.random() < 0.85:
        azimuth = rng.choice([-1, 1]) * rng.normal(entry.azimuth, 10)
    return float(azimuth), float(rng.triangular(-2, 8, 22))


def watch(points: np.ndarray, azimuth: float, elevation: float) -> tuple[np.ndarray, np.ndarray]:
    """See points (T, 33, 3) by a camera that stands still, `azimuth` degrees from the front and 4 m away.

    Returns landmarks (T, 33, 3): pixels and depth in the pixels' scale; and world coordinates (T, 33, 3): metres
    around the middle of the hips, x right, y down, z away from the camera.
    """
    turn, rise = np.radians(azimuth), np.radians(elevation)
    forward = -np.array([np.sin(turn) * np.cos(rise), np.cos(turn) * np.cos(rise), np.sin(rise)])
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(forward, right), forward])
    center = points.reshape(-1, 3).mean(0)
    seen = (points - center) @ axes.T
    hips = seen[:, 23:25].mean(1, keepdims=True)
    world = seen - hips
    scale = _FOCAL / (seen[..., 2:] + 4.0)
    pixels = seen[..., :2] * scale + np.array([_WIDTH / 2, _HEIGHT / 2])
    return np.concatenate([pixels, world[..., 2:] * scale], -1), world


@dataclass(frozen=True)
class Estimate:
    """The arrays that an estimator of poses gives, in the layout of a `PoseSequence`."""

    times: np.ndarray  # (T,) seconds
    landmarks: np.ndarray  # (T, 33, 3) pixels
    world: np.ndarray  # (T, 33, 3) metres around the hips
    visibility: np.ndarray  # (T, 33) 0..1
    probability: np.ndarray  # (T,) 0..1


def estimate(
    performance: Performance, rng: np.random.Generator, view: tuple[float, float], noise: float = 1.0
) -> Estimate:
    """See a performance from `view`, azimuth and elevation in degrees, and err as an estimator does.

    Each landmark is off by a constant, a slow drift and a tremble, together about 3 cm at `noise` 1; depth by more
    than twice as much, and the side of the body that is turned away by about twice as much and less visible.
    """
    pixels, world = watch(performance.points, *view)
    away = np.clip((world[..., 2].mean(0) - 0.02) / 0.15, 0, 1)  # (33,)
    share = noise * (1 + 1.2 * away)[:, None]
    rate = 1 / max(float(np.median(np.diff(performance.times))), 1e-3) if len(performance.times) > 1 else 30.0
    errors = [share * _errors(len(world), rate, rng, sizes) for sizes in ((0.015, 0.02, 0.008), (0.010, 0.012, 0.005))]
    world = _open_elbows(world, noise)
    world = world * [1, 1, rng.uniform(0.6, 1.05) if noise else 1.0] + errors[0] * [1, 1, 2.2]
    scale = _FOCAL / 4.0  # pixels a metre, at the middle of the scene
    pixels = pixels + scale * errors[1] * [1, 1, 2.2]
    visible = np.clip(0.97 - 0.4 * away + rng.normal(0, 0.02, LANDMARKS), 0.05, 1)
    visibility = np.repeat(visible[None], len(world), 0)
    return Estimate(performance.times, pixels, world, visibility, np.ones(len(world)))


def _open_elbows(world: np.ndarray, noise: float) -> np.ndarray:
    """Open bent elbows as the world coordinates of BlazePose do: 45 degrees are told as about 90.

    Seen on clips of full push ups, pull ups and curls: the smallest elbow angles were 73 to 104 degrees.
    """
    world = world.copy()
    for side in (0, 1):
        upper, forearm = world[:, 11 + side] - world[:, 13 + side], world[:, 15 + side] - world[:, 13 + side]
        length = np.linalg.norm(forearm, axis=-1, keepdims=True)
        upper = upper / np.linalg.norm(upper, axis=-1, keepdims=True)
        along = (forearm * upper).sum(-1, keepdims=True)
        across = forearm - along * upper
        across = across / np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), 1e-9)
        angle = np.pi - (np.pi - np.arccos(np.clip(along / length, -1, 1))) * (0.67 if noise else 1.0)
        change = length * (np.cos(angle) * upper + np.sin(angle) * across) - forearm
        for hand in (15, 17, 19, 21):
            world[:, hand + side] += change
    return world


def _errors(length: int, rate: float, rng: np.random.Generator, sizes: tuple[float, float, float]) -> np.ndarray:
    """Errors (T, 33, 3) in metres: a constant, a drift over half a second and a tremble, each of one size."""
    constant = rng.normal(0, sizes[0], (1, LANDMARKS, 3))
    drift = gaussian_filter1d(rng.normal(size=(length, LANDMARKS, 3)), 0.4 * rate, axis=0, mode="nearest")
    drift *= sizes[1] / max(float(drift.std()), 1e-9)
    return constant + drift + rng.normal(0, sizes[2], (length, LANDMARKS, 3))
