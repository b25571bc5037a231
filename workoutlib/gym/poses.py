"""What every move is built from: the kit a video draws, standing and sitting legs, left-right pairs.

A move is a function (body, phase, kit) -> Action. `phase` (T,) runs from 0, the starting position, to 1, the
turning point. Angles are in degrees: shank and thigh from the vertical, lean of the trunk forward.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from .body import Body, Pose
from .raster import Mesh

HALF_WAY = 0.4  # phase at which the fault "half range" turns


@dataclass
class Kit:
    """What one video draws besides the body: a `variant` in 0..1 and colours."""

    variant: float
    frame: tuple[float, float, float]
    pad: tuple[float, float, float]
    plate: tuple[float, float, float]
    mat: tuple[float, float, float]
    size: float = 1.0
    fault: str | None = None


@dataclass
class Action:
    """The pose of the athlete, and what stands still and what moves around it."""

    pose: Pose
    still: list[Mesh] = field(default_factory=list)
    moving: list[Mesh] = field(default_factory=list)


def mix(phase: np.ndarray, start: float, end: float) -> np.ndarray:
    """Interpolate from `start` (phase 0) to `end` (phase 1)."""
    return start + (end - start) * phase


def vector(x: ArrayLike, y: ArrayLike, z: ArrayLike) -> np.ndarray:
    """Stack coordinates, each a number or (T,), to (T, 3) or (3,)."""
    return np.stack(np.broadcast_arrays(*(np.asarray(v, float) for v in (x, y, z))), -1)


def pair(x: ArrayLike, y: ArrayLike, z: ArrayLike) -> np.ndarray:
    """The same point left and right, (T, 2, 3) or (1, 2, 3); x counts outwards."""
    right = np.atleast_2d(vector(x, y, z))
    return np.stack([right * [-1, 1, 1], right], 1)


def make_pose(phase: np.ndarray, **parts: np.ndarray) -> Pose:
    """Build a Pose; parts with one pose are repeated, chest and head follow the hips where not given."""
    parts.setdefault("chest", parts["hips"])
    parts.setdefault("head", parts["chest"])
    for name, value in parts.items():
        parts[name] = np.broadcast_to(value, (len(phase), *value.shape[1:]))
    return Pose(**parts)


def stand(body: Body, shank, thigh, width: float, toes_out: float = 12.0) -> dict[str, np.ndarray]:
    """Legs standing at ±`width` with the shank tipped forward and the thigh tipped back."""
    shank, thigh = np.broadcast_arrays(*(np.radians(np.atleast_1d(a).astype(float)) for a in (shank, thigh)))
    y = body.shank * np.sin(shank) - body.thigh * np.sin(thigh)
    z = body.shank * np.cos(shank) + body.thigh * np.cos(thigh)
    z = np.sqrt(np.maximum(z**2 - (width - body.hip) ** 2, 0.01)) - 0.002
    out = np.tan(np.radians(toes_out))
    return {
        "pelvis": vector(0, y, z + body.ankle),
        "ankles": pair(width, 0, body.ankle),
        "knees": pair(0.6 * out, 1, 0.1),
        "feet": pair(out, 1, 0),
    }


def shoulders(body: Body, pelvis: np.ndarray, hips: np.ndarray, chest: np.ndarray | None = None) -> np.ndarray:
    """Middle between the shoulder joints, (T, 3)."""
    chest = hips if chest is None else chest
    return pelvis + body.lumbar * hips[:, 2] + (body.thorax - 0.028 * body.height) * chest[:, 2]


def sit(body: Body, seat: float, ahead: float, width: float = 0.085) -> dict[str, np.ndarray]:
    """Legs of an athlete on a seat with the feet on the floor `ahead` of the hips."""
    return {
        "pelvis": vector(0, 0, [seat + 0.058 * body.height]),
        "ankles": pair(width * body.height, ahead, body.ankle),
        "knees": pair(0.15, 1, 1),
        "feet": pair(0.2, 1, 0),
    }
