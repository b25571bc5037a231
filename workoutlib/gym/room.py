"""Where a video takes place: floor, walls and sky painted by casting one ray a pixel, and the clutter.

The room is a box around athlete and camera. Its axes are u to the right and v away from the camera, turned
by `yaw` against the world.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from .looks import color
from .raster import Camera

WALLS = (
    "#e9e4da",
    "#d8dee2",
    "#b9c4c9",
    "#8fa3ad",
    "#4b5a66",
    "#2d343c",
    "#c9b79c",
    "#a8563f",
    "#5f7f78",
    "#d7c8e0",
    "#33414f",
    "#f0ead6",
    "#7c8a99",
    "#394b3f",
    "#8c3b3b",
    "#c98a3d",
)
FLOORS = (
    "#2e3136",
    "#3b3f46",
    "#55585e",
    "#8a8d90",
    "#b58a5c",
    "#9a6b43",
    "#c7a880",
    "#6f7f86",
    "#4d6b4a",
    "#2f4a66",
    "#a9a39a",
)
ACCENTS = ("#e4572e", "#f2a541", "#2e86ab", "#3a7d44", "#d1495b", "#c9e265", "#17bebb", "#f4f1ea", "#8e5aa8")


@dataclass(frozen=True)
class Room:
    """The box: `yaw` in radians, walls at u = `left` and `right` and v = `back`, height, and how its surfaces look."""

    yaw: float
    left: float
    right: float
    back: float
    height: float
    floor: str  # tiles, planks, turf, plain
    wall: str  # plain, brick, panels, windows, mirror, park
    colors: dict[str, tuple[float, float, float]]
    seed: int

    def axes(self) -> tuple[np.ndarray, np.ndarray]:
        """Unit vectors u and v in the world."""
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        return np.array([c, s, 0.0]), np.array([-s, c, 0.0])


def draw_room(rng: np.random.Generator, camera: Camera, things: np.ndarray) -> Room:
    """Draw a room that holds the camera and `things` (N, 3), with its back wall behind them."""
    forward = camera.axes[2]
    yaw = float(np.arctan2(-forward[0], forward[1]) + np.radians(rng.uniform(-32, 32)))
    u, v = np.array([np.cos(yaw), np.sin(yaw), 0]), np.array([-np.sin(yaw), np.cos(yaw), 0])
    inside = np.concatenate([things, camera.position[None]])
    pick = lambda codes: color(codes[int(rng.integers(len(codes)))])  # noqa: E731
    floor = str(rng.choice(["tiles", "planks", "turf", "plain"], p=[0.42, 0.28, 0.08, 0.22]))
    wall = str(
        rng.choice(["plain", "brick", "panels", "windows", "mirror", "park"], p=[0.2, 0.14, 0.16, 0.24, 0.17, 0.09])
    )
    return Room(
        yaw=yaw,
        left=float((inside @ u).min() - rng.uniform(0.5, 2.5)),
        right=float((inside @ u).max() + rng.uniform(0.5, 2.5)),
        back=float((things @ v).max() + rng.uniform(0.4, 3.0)),
        height=float(max(rng.uniform(2.7, 3.8), things[:, 2].max() + 0.25)),
        floor="turf" if wall == "park" else floor,
        wall=wall,
        colors={
            "wall": pick(WALLS),
            "low": pick(WALLS),
            "floor": pick(FLOORS),
            "accent": pick(ACCENTS),
            "poster": pick(ACCENTS),
        },
        seed=int(rng.integers(2**31)),
    )


def paint_room(room: Room, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Return the empty room as uint8 RGB (H, W, 3), and where its floor is, float32 (H, W).

    It is painted at half the size, since it lies out of focus.
    """
    size = camera.size
    half = (size[0] // 2, size[1] // 2)
    camera = replace(camera, size=half, focal=camera.focal / 2, shift=(camera.shift[0] / 2, camera.shift[1] / 2))
    u_axis, v_axis = room.axes()
    rays, start = camera.rays(), camera.position
    along = [rays @ axis.astype(np.float32) for axis in (u_axis, v_axis)] + [rays[..., 2]]
    origin = [float(start @ u_axis), float(start @ v_axis), float(start[2])]
    bounds = [(room.left, room.right), (-np.inf, room.back), (0.0, room.height)]
    outdoors = room.wall == "park"
    if outdoors:
        bounds = [(-60.0, 60.0), (-np.inf, 40.0), (0.0, 60.0)]
    distance = []
    for direction, o, (low, high) in zip(along, origin, bounds, strict=True):
        safe = np.where(np.abs(direction) < 1e-6, np.float32(1e-6), direction)
        distance.append(np.where(safe > 0, (high - o) / safe, (low - o) / safe if np.isfinite(low) else np.inf))
    nearest = np.argmin(np.stack(distance), 0)
    t = np.minimum(np.minimum(distance[0], distance[1]), distance[2]).astype(np.float32)
    u, v, z = (np.float32(o) + t * direction for o, direction in zip(origin, along, strict=True))
    floor, ceiling = (nearest == 2) & (along[2] < 0), (nearest == 2) & (along[2] >= 0)
    side = nearest == 0
    rng = np.random.default_rng(room.seed)
    grain = rng.random(4096, dtype=np.float32)
    image = np.zeros((*t.shape, 3), np.float32)
    image[floor] = _floor(room, u[floor], v[floor], grain)
    # Far away the pattern is finer than a pixel: let it fade to its mean.
    mean = image[floor].mean(0) if floor.any() else np.zeros(3, np.float32)
    fade = np.clip((t[floor] - 5) / 7, 0, 1)[:, None]
    image[floor] += fade * (mean - image[floor])
    walls = ~(floor | ceiling)
    across = np.where(side, v, u)[walls]
    if outdoors:
        image[walls | ceiling] = _sky(room, along[0], along[2], grain)[walls | ceiling]
    else:
        image[walls] = _wall(room, across, z[walls], side[walls], grain)
        edge = np.minimum(z, room.height - z)[walls]
        image[walls] *= (1 - 0.22 * np.exp(-edge / 0.35))[:, None]
        image[ceiling] = _ceiling(room, u[ceiling], v[ceiling])
        gap = np.minimum(np.minimum(u - room.left, room.right - u), room.back - v)[floor]
        image[floor] *= (1 - 0.3 * np.exp(-np.maximum(gap, 0) / 0.5))[:, None]
    image = (255 * np.clip(image, 0, 1)).astype(np.uint8)
    return tuple(cv2.resize(part, size, interpolation=cv2.INTER_LINEAR) for part in (image, floor.astype(np.float32)))


def _noise(grain: np.ndarray, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    return grain[(np.floor(i).astype(np.int32) * 73 + np.floor(j).astype(np.int32) * 1511) & 4095][..., None]


def _floor(room: Room, u: np.ndarray, v: np.ndarray, grain: np.ndarray) -> np.ndarray:
    base = np.array(room.colors["floor"], np.float32)
    match room.floor:
        case "tiles":
            seam = ((u % 1.0 < 0.014) | (v % 1.0 < 0.014))[:, None]
            speckle = _noise(grain, u / 0.012, v / 0.012) > 0.93
            return base * (0.97 + 0.06 * _noise(grain, u, v)) * (1 - 0.25 * seam) + 0.08 * speckle
        case "planks":
            row = np.floor(u / 0.14)
            shift = v + 0.83 * row
            seam = ((u % 0.14 < 0.006) | (shift % 1.5 < 0.008))[:, None]
            return base * (0.88 + 0.2 * _noise(grain, row, shift / 1.5)) * (1 - 0.28 * seam)
        case "turf":
            green = np.array([0.33, 0.52, 0.28], np.float32) * (0.9 + 0.18 * _noise(grain, u / 0.04, v / 0.04))
            line = (np.abs((v % 4.0) - 2.0) < 0.03)[:, None]
            return np.where(line, np.float32(0.85), green)
    return base * (0.98 + 0.04 * _noise(grain, u / 0.05, v / 0.05))


def _wall(room: Room, s: np.ndarray, z: np.ndarray, side: np.ndarray, grain: np.ndarray) -> np.ndarray:
    base, low, accent = (np.array(room.colors[k], np.float32) for k in ("wall", "low", "accent"))
    image = np.broadcast_to(base, (len(s), 3)) * np.where(side, np.float32(0.86), np.float32(1))[:, None]
    kind = room.wall
    if kind == "brick":
        row = np.floor(z / 0.08)
        shift = s + 0.12 * (row % 2)
        mortar = ((z % 0.08 < 0.010) | (shift % 0.24 < 0.010))[:, None]
        image = np.where(mortar, image * 0.78 + 0.08, image * (0.88 + 0.2 * _noise(grain, row, shift / 0.24)))
    elif kind == "panels":
        image = image * (1 - 0.18 * (s % 1.2 < 0.015))[:, None]
        image = np.where((z < 1.0)[:, None], low * 0.9, image)
        image = np.where((np.abs(z - 1.02) < 0.03)[:, None], accent, image)
    elif kind == "windows":
        pane = (z > 0.8) & (z < 2.5) & (s % 1.9 > 0.2)
        bar = (np.abs(s % 1.9 - 1.05) < 0.025) | (np.abs(z - 1.75) < 0.02) | (s % 1.9 < 0.25) | (z < 0.86) | (z > 2.44)
        glow = np.stack([0.70 + 0.1 * z, 0.82 + 0.05 * z, 0.92 + 0.02 * z], -1)
        hills = (z < 1.25 + 0.16 * np.sin(2.1 * s) + 0.1 * np.sin(5.3 * s + 1))[:, None]
        glow = np.where(hills, np.array([0.52, 0.66, 0.50], np.float32), glow)
        image = np.where(pane[:, None], np.where(bar[:, None], np.float32(0.93), glow), image)
    elif kind == "mirror":
        pane = ((z > 0.3) & (z < 2.2) & (s % 1.6 > 0.02))[:, None]
        shine = 0.06 * ((s + 0.8 * z) % 1.6 < 0.35)[:, None]
        image = np.where(
            pane, 0.45 * image + np.array([0.30, 0.35, 0.38], np.float32) + 0.06 * z[:, None] + shine, image
        )
    else:
        image = np.where((z < 0.12)[:, None], image * 0.6, image)
        image = np.where((np.abs(z - 1.5 - 0.0 * s) < 0.09)[:, None], 0.75 * image + 0.25 * accent, image)
    if kind in ("plain", "brick", "panels"):
        cell = np.floor(s / 1.7)
        shown = (
            (_noise(grain, cell, 7 + 0 * cell)[:, 0] > 0.45)
            & (s % 1.7 > 0.5)
            & (s % 1.7 < 1.35)
            & (z > 1.3)
            & (z < 2.3)
        )
        poster = np.array(room.colors["poster"], np.float32) * (0.75 + 0.5 * _noise(grain, cell, 3 + 0 * cell))
        circle = ((s % 1.7 - 0.92) ** 2 + (z - 1.85) ** 2 < 0.06)[:, None]
        poster = np.where(circle, 0.9 * accent, poster)
        poster = np.where(
            ((np.abs(z - 1.45) < 0.035) & (s % 1.7 > 0.62) & (s % 1.7 < 1.22))[:, None], np.float32(0.92), poster
        )
        image = np.where(shown[:, None], poster, image)
    return image


def _ceiling(room: Room, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    base = 0.35 + 0.5 * np.array(room.colors["wall"], np.float32)
    lamp = ((u % 1.8 < 0.22) & (v % 1.6 < 1.2))[:, None]
    return np.where(lamp, np.float32(1.0), np.broadcast_to(base * 0.8, (len(u), 3)))


def _sky(room: Room, across: np.ndarray, rise: np.ndarray, grain: np.ndarray) -> np.ndarray:
    slope = rise / 1.0
    top, low = np.array([0.45, 0.68, 0.92], np.float32), np.array([0.88, 0.93, 0.96], np.float32)
    sky = low + np.clip(slope * 1.8, 0, 1)[..., None] * (top - low)
    phase = 6.28 * grain[:6]
    line = (
        0.16
        + 0.035 * np.sin(9 * across + phase[0])
        + 0.022 * np.sin(23 * across + phase[1])
        + 0.012 * np.sin(61 * across + phase[2])
    )
    trees = np.array([0.30, 0.48, 0.30], np.float32) * (0.8 + 0.4 * np.clip(slope / 0.25, 0, 1))[..., None]
    fence = (np.abs(slope - 0.05) < 0.006) | (np.abs(slope - 0.02) < 0.005) | ((across % 0.12 < 0.008) & (slope < 0.07))
    image = np.where((slope < line)[..., None], trees, sky)
    return np.where(fence[..., None], np.float32(0.75), image)


def soften(image: np.ndarray, sigma: float) -> np.ndarray:
    """Put the background out of focus."""
    return cv2.GaussianBlur(image, (0, 0), sigma)
