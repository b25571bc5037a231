"""One video: everything that a seed draws, the camera that frames it, and the frames it renders."""

from __future__ import annotations

from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
import pandas as pd

from workoutlib.utils.errors import WorkoutlibError

from . import equipment as gear
from .body import JOINTS, Body, draw_body, pose_body, unit
from .clutter import clutter, place
from .exercises import EXERCISES, OTHERS, Exercise, set_rhythm, stage_phase
from .finish import Finish
from .looks import TOPS, Look, color, draw_look
from .poses import Kit
from .raster import Camera, Light, Mesh, merge, vertex_normals
from .room import draw_room, paint_room, soften
from .stage import Stage
from .surface import dress

_USUAL_VIEW = 0.85  # share of videos taken from where one looks at this exercise
SUBJECTS = 60  # people who come to this gym


@dataclass(frozen=True)
class Clip:
    """`frames` uint8 RGB (T, H, W, 3) and `truth`, one row a frame."""

    frames: np.ndarray
    truth: pd.DataFrame


def generator(*parts: object) -> np.random.Generator:
    """A random generator that depends on `parts` alone, the same in every process."""
    return np.random.default_rng([crc32(str(part).encode()) for part in parts])


@dataclass
class Take:
    """A video before it is painted: who does what with what, at which times."""

    exercise: Exercise
    body: Body
    look: Look
    subject: int
    phase: np.ndarray
    repetition: np.ndarray
    joints: dict[str, np.ndarray]
    figure: Mesh
    still: list[Mesh]
    moving: list[Mesh]


def draw_kit(rng: np.random.Generator, fault: str | None = None) -> Kit:
    """Draw the colours and the variant of the equipment."""
    pick = lambda codes: color(codes[int(rng.integers(len(codes)))])  # noqa: E731
    frames = ("#2b2e34", "#3c434d", "#8a2f33", "#28507a", "#c9ccd1", "#d8a12b", "#4b5b4f")
    return Kit(
        variant=float(rng.random()),
        frame=pick(frames),
        pad=pick(gear.PADS),
        plate=pick(gear.PLATES),
        mat=pick(TOPS),
        size=float(rng.uniform(0.88, 1.12)),
        fault=fault,
    )


def find_exercise(name: str) -> Exercise:
    """Look an exercise up by its canonical name."""
    try:
        return (EXERCISES | OTHERS)[name]
    except KeyError as cause:
        raise WorkoutlibError(f"the gym has no exercise {name!r}; it has: {', '.join(EXERCISES)}") from cause


def draw_take(exercise: str, rng: np.random.Generator, times: np.ndarray, fault: str | None) -> Take:
    """Draw athlete, clothes and equipment, and pose them at `times` in seconds."""
    entry = find_exercise(exercise)
    if fault is not None and fault not in entry.faults + entry.staged_faults:
        known = ", ".join(entry.faults + entry.staged_faults) or "no faults"
        raise WorkoutlibError(f"{exercise!r} cannot be rendered with the fault {fault!r}; the gym knows {known}")
    subject = int(rng.integers(SUBJECTS))
    person = generator("subject", subject)
    body = draw_body(person)
    own = draw_look(person, body.female)
    look = replace(draw_look(rng, body.female), skin=own.skin, hair=own.hair, haircut=own.haircut, beard=own.beard)
    phase, repetition = set_rhythm(times, float(rng.uniform(*entry.seconds)), rng)
    action = entry.move(body, stage_phase(exercise, phase, fault), draw_kit(rng, fault))
    joints = pose_body(body, action.pose)
    figure = dress(body, action.pose, joints, look)
    return Take(entry, body, look, subject, phase, repetition, joints, figure, action.still, action.moving)


_WORKING = {
    "upper": (
        "head",
        "left_hand",
        "right_hand",
        "left_elbow",
        "right_elbow",
        "left_shoulder",
        "right_shoulder",
        "pelvis",
    ),
    "lower": ("pelvis", "left_knee", "right_knee", "left_toe", "right_toe", "left_hand", "right_hand", "chest"),
}


def draw_camera(rng: np.random.Generator, take: Take, size: tuple[int, int], *, anywhere: bool = False) -> Camera:
    """Choose a point of view and zoom until the athlete fits: the usual one or `anywhere`, then never a close-up."""
    close = not anywhere and rng.random() < take.exercise.close_up
    names = _WORKING[take.exercise.half] if close else JOINTS
    points = np.concatenate([take.joints[name] for name in names])
    points = np.concatenate([points, take.joints["head"] + np.array([0, 0, 0.24])])
    if not close:
        points = take.figure.vertices.reshape(-1, 3)[::5]
        loads = [mesh.vertices.reshape(-1, 3) for mesh in take.moving]
        load = np.concatenate(loads) if loads else points
        # Bars may leave the picture at the sides, but not by much.
        low, high = points.min(0) - [0.35, 0.15, 0], points.max(0) + np.array([0.35, 0.15, 0.15])
        points = np.concatenate([points, np.clip(load, low, high)[::7]])
    views = take.exercise.views
    azimuth = rng.uniform(*views[int(rng.integers(len(views)))])
    if not anywhere and rng.random() < _USUAL_VIEW:
        azimuth = rng.choice([-1, 1]) * rng.normal(take.exercise.azimuth, 10)
    azimuth = np.radians(azimuth)
    elevation = np.radians(rng.triangular(-2, 8, 22))
    direction = np.array([np.sin(azimuth) * np.cos(elevation), np.cos(azimuth) * np.cos(elevation), np.sin(elevation)])
    fill = rng.uniform(0.72, 0.93) if close else rng.uniform(0.74, 0.93)
    target = 0.5 * (points.min(0) + points.max(0))
    position = target + float(rng.uniform(2.5, 5.2)) * direction
    position[2] = max(position[2], 0.3)
    focal, roll = float(max(size)), float(np.clip(rng.normal(0, 1.2), -4, 4))
    shift = rng.uniform(-0.5, 0.5, 2)
    for _ in range(3):
        camera = Camera.look_at(position, target, focal, size, roll)
        pixels, _ = camera.project(points)
        low, high = pixels.min(0), pixels.max(0)
        focal = float(np.round(focal / ((high - low) / (fill * np.array(size))).max(), 1))
    free = np.maximum(np.array(size) - (high - low), 0)
    offset = np.array(size) / 2 - (low + high) / 2 + 0.7 * shift * free
    return replace(camera, shift=(float(np.round(offset[0])), float(np.round(offset[1]))))


def draw_light(rng: np.random.Generator, camera: Camera) -> Light:
    """A key light from above, on the camera's side."""
    forward = camera.axes[2]
    heading = np.arctan2(-forward[0], -forward[1]) + np.radians(rng.uniform(25, 80)) * rng.choice([-1, 1])
    rise = np.radians(rng.uniform(38, 66))
    direction = np.array([np.sin(heading) * np.cos(rise), np.cos(heading) * np.cos(rise), np.sin(rise)])
    warm = rng.uniform(-0.05, 0.06)
    power, fill = rng.uniform(1.06, 1.2), rng.uniform(0.46, 0.6)
    bright = power * np.array([1 + warm, 1.0, 1 - warm])
    dark = fill * np.array([0.95 - 0.5 * warm, 0.96, 1.10])
    return Light(unit(direction), bright, dark, float(rng.uniform(0.9, 1.15)))


def truth_table(take: Take, label: str, fault: str | None, pixels: dict[str, np.ndarray]) -> pd.DataFrame:
    """One row a frame: label, subject, repetition, phase, fault, then joints in pixels and in metres."""
    count = len(take.phase)
    columns: dict[str, object] = {
        "label": [label] * count,
        "subject": [take.subject] * count,
        "repetition": take.repetition,
        "phase": np.round(take.phase, 4),
        "fault": [fault or ""] * count,
    }
    for name in JOINTS:
        columns[f"x_{name}"], columns[f"y_{name}"] = np.round(pixels[name], 2).T
    for name in JOINTS:
        for axis, values in zip("XYZ", np.round(take.joints[name], 4).T, strict=True):
            columns[f"{axis}_{name}"] = values
    return pd.DataFrame(columns)


def bystander(rng: np.random.Generator) -> Mesh:
    """Somebody else in the gym, between two sets."""
    name = str(rng.choice(["walking", "standing", "drinking", "stretching"]))
    return _frozen(draw_take(name, rng, np.zeros(1), None))


def _frozen(take: Take) -> Mesh:
    return merge([take.figure, *take.moving])


def render_clip(
    exercise: str,
    seed: int = 0,
    *,
    frames: int = 60,
    frames_per_second: float = 30.0,
    size: tuple[int, int] = (480, 360),
    fault: str | None = None,
) -> Clip:
    """Render one video of an exercise.

    Everything but the motion is drawn once from `exercise` and `seed`. `size` is (width, height) in pixels.
    Raises WorkoutlibError for an exercise or a fault that the gym does not know.
    """
    rng = generator("clip", exercise, seed)
    times = np.arange(frames) / frames_per_second
    take = draw_take(exercise, rng, times, fault)
    camera = draw_camera(rng, take, size)
    light = draw_light(rng, camera)
    moving = merge([take.figure, *take.moving])
    things = np.concatenate([moving.vertices.reshape(-1, 3)[::11]] + [m.vertices.reshape(-1, 3) for m in take.still])
    room = draw_room(rng, camera, things)
    clear = float((things @ room.axes()[1]).max())
    still = [*take.still, *clutter(rng, room, clear)]
    for _ in range(int(rng.choice([0, 1, 2], p=[0.74, 0.2, 0.06]))):
        if room.back - clear > 1.0:
            middle = float((things @ room.axes()[0]).mean())
            spot = middle + float(rng.uniform(1.2, 2.6) * rng.choice([-1, 1]))
            still.append(place(bystander(rng), room, spot, clear + 0.6, float(rng.uniform(0, 6.28))))
    backdrop, floor = paint_room(room, camera)
    backdrop = soften(backdrop, float(rng.uniform(0.9, 2.0)) * size[0] / 480)
    stage = Stage(camera, light, backdrop, floor, still)
    normals = vertex_normals(moving)
    finish = Finish(rng, size)
    drift = finish.drift(times)
    images = np.stack([finish.apply(stage.frame(moving, normals, k), drift[k], k) for k in range(frames)])
    pixels = {name: camera.project(take.joints[name])[0] + drift for name in JOINTS}
    return Clip(images, truth_table(take, exercise, fault, pixels))
