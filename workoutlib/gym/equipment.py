"""Bars, benches and machines as meshes.

Standing things have one pose (T = 1), things that move with the hands have one a frame. Points are given as
(x, y, z) in metres, in the athlete's frame (see `body`).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from .body import unit
from .looks import color
from .raster import Mesh, merge
from .shapes import tube

STEEL, DARK, RUBBER, CHROME = color("#8d949e"), color("#33363d"), color("#24262b"), color("#c3c8cf")
IRON = color("#26282d")
PADS = ("#23252b", "#8f2f35", "#27466b", "#3a3d44", "#5b4a3a")
PLATES = ("#26282d", "#2b2d33", "#b8323a", "#2b5ea8", "#d9a521", "#2f8a57")


def points(*rows: ArrayLike) -> np.ndarray:
    """Turn points (3,) or (T, 3) into one array (T, number of points, 3)."""
    return np.stack(np.broadcast_arrays(*[np.atleast_2d(np.asarray(row, float)) for row in rows]), 1)


def _across(axis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two unit vectors square to `axis` (T, 3), the first as level as can be."""
    level = np.stack([axis[:, 1], -axis[:, 0], np.zeros(len(axis))], -1)
    level = np.where((np.abs(level).sum(-1) < 1e-6)[:, None], [1.0, 0.0, 0.0], level)
    side = unit(level)
    return side, np.cross(side, axis)


def rod(start, end, radius, paint, *, sectors: int = 8, parts: int = 3) -> Mesh:
    """A straight round bar between two points."""
    ends = points(start, end)
    share = np.linspace(0, 1, parts)[None, :, None]
    centers = ends[:, :1] + share * (ends[:, 1:] - ends[:, :1])
    side, front = _across(unit(ends[:, 1] - ends[:, 0]))
    return tube(
        centers, side[:, None], front[:, None], np.full((parts, 3), radius), np.tile(paint, (parts, 1)), sectors
    )


def lathe(origin, axis, profile, sectors: int = 16) -> Mesh:
    """A body of revolution; `profile` rows are (offset along the axis, radius, colour)."""
    origin, axis = np.atleast_2d(origin), unit(np.atleast_2d(np.asarray(axis, float)))
    offsets = np.array([row[0] for row in profile])
    centers = origin[:, None] + offsets[None, :, None] * axis[:, None]
    side, front = _across(np.broadcast_to(axis, (len(centers), 3)))
    radii = np.array([[row[1]] * 3 for row in profile])
    return tube(centers, side[:, None], front[:, None], radii, np.array([row[2] for row in profile]), sectors)


def slab(start, end, width, thickness, paint, *, across=(1.0, 0.0, 0.0), soft: float = 0.012) -> Mesh:
    """A rounded board or pad from `start` to `end`; `across` is the direction of its width."""
    ends = points(start, end)
    along = unit(ends[:, 1] - ends[:, 0])
    side = unit(np.atleast_2d(across) - (np.atleast_2d(across) * along).sum(-1, keepdims=True) * along)
    front = np.cross(side, along)
    length = np.sqrt(((ends[0, 1] - ends[0, 0]) ** 2).sum())
    steps = np.array([0, min(soft, 0.2 * length), length / 2, length - min(soft, 0.2 * length), length])
    shrink = np.array([soft, 0, 0, 0, soft])
    centers = ends[:, :1] + steps[None, :, None] * along[:, None]
    half = np.stack([width / 2 - shrink, thickness / 2 - 0.5 * shrink, thickness / 2 - 0.5 * shrink], -1)
    return tube(centers, side[:, None], front[:, None], half, np.tile(paint, (5, 1)), 8, 0.22)


def barbell(center, axis=(1.0, 0.0, 0.0), *, plate=0.225, paint=IRON, length=1.9, sleeve=0.62, pair=1) -> Mesh:
    """A barbell with `pair` plates a side, `center` (T, 3)."""
    half = [
        (0.0, 0.014, CHROME),
        (0.2, 0.014, CHROME),
        (0.4, 0.014, CHROME),
        (sleeve - 0.03, 0.014, CHROME),
        (sleeve - 0.03, 0.035, CHROME),
        (sleeve, 0.035, CHROME),
    ]
    edge = sleeve
    rim, hub = tuple(0.82 * c for c in paint), tuple(0.6 + 0.3 * c for c in paint)
    for k in range(pair):
        r = plate * (1 - 0.12 * k)
        half += [
            (edge, 0.05, hub),
            (edge, 0.06, paint),
            (edge, 0.62 * r, rim),
            (edge, 0.70 * r, paint),
            (edge, 0.94 * r, paint),
            (edge + 0.008, r, rim),
            (edge + 0.047, r, rim),
            (edge + 0.055, 0.94 * r, paint),
            (edge + 0.055, 0.70 * r, rim),
            (edge + 0.055, 0.62 * r, paint),
            (edge + 0.055, 0.06, hub),
            (edge + 0.055, 0.05, hub),
        ]
        edge += 0.06
    half += [(edge, 0.026, CHROME), (length / 2, 0.024, STEEL)]
    mirrored = [(-x, r, c) for x, r, c in half[:0:-1]]
    # Colours belong to the quad after their ring: shift them on the mirrored side.
    mirrored = [(x, r, mirrored[min(i + 1, len(mirrored) - 1)][2]) for i, (x, r, _) in enumerate(mirrored)]
    return lathe(center, axis, mirrored + half, 20)


def dumbbell(center, axis, *, size=1.0, paint=IRON) -> Mesh:
    """A dumbbell held at `center` (T, 3) along `axis` (T, 3)."""
    r, edge = 0.062 * size, 0.07
    end = edge + 0.075 * size
    rim = tuple(min(1.0, 1.5 * c + 0.06) for c in paint)
    half = [
        (0.0, 0.015, CHROME),
        (edge, 0.015, CHROME),
        (edge, 0.6 * r, paint),
        (edge + 0.006, 0.94 * r, rim),
        (edge + 0.014, r, paint),
        (end - 0.014, r, paint),
        (end - 0.006, 0.94 * r, rim),
        (end, 0.6 * r, rim),
    ]
    mirrored = [(-x, r, c) for x, r, c in half[:0:-1]]
    return lathe(center, axis, mirrored + half, 12)


def disc(center, axis, radius, thickness, paint) -> Mesh:
    """A weight plate."""
    t, dark = thickness / 2, tuple(0.75 * c for c in paint)
    return lathe(
        center,
        axis,
        [
            (-t, 0.03, CHROME),
            (-t, 0.05, paint),
            (-t, 0.6 * radius, dark),
            (-t, 0.68 * radius, paint),
            (-t, 0.93 * radius, paint),
            (-0.7 * t, radius, dark),
            (0.7 * t, radius, dark),
            (t, 0.93 * radius, paint),
            (t, 0.68 * radius, dark),
            (t, 0.6 * radius, paint),
            (t, 0.05, CHROME),
            (t, 0.03, CHROME),
        ],
        20,
    )


def ball(center, radius, paint, sectors: int = 16) -> Mesh:
    """A sphere, `center` (T, 3)."""
    angle = np.radians(np.linspace(-84, 84, 9))
    return lathe(center, (0, 0, 1), [(radius * np.sin(a), radius * np.cos(a), paint) for a in angle], sectors)


def kettlebell(x, y, paint, size=1.0) -> Mesh:
    """A kettlebell on the floor."""
    body = ball((x, y, 0.10 * size), 0.10 * size, paint, 12)
    arch = [
        (x + 0.07 * size * np.cos(a), y, 0.17 * size + 0.10 * size * np.sin(a))
        for a in np.radians(np.linspace(0, 180, 7))
    ]
    return merge(
        [body] + [rod(a, b, 0.014 * size, STEEL, sectors=6, parts=2) for a, b in pairwise(arch)], one_layer=True
    )


def bench(back, hinge, front, paint, *, width=0.29, legs=DARK) -> Mesh:
    """A bench whose pad runs from `back` (under the head) over `hinge` to `front`; points are the pad's top."""
    back, hinge, front = (np.asarray(p, float) for p in (back, hinge, front))
    drop = np.array([0, 0, -0.035])
    parts = [slab(back + drop, hinge + drop, width, 0.07, paint)]
    if np.abs(front - hinge).sum() > 0.05:
        parts.append(slab(hinge + drop + np.array([0, 0.015, 0]), front + drop, width, 0.07, paint))
    spots = [hinge + 0.65 * (back - hinge), front - [0, 0.06, 0]]
    for spot in spots:
        foot = np.array([0, spot[1], 0.03])
        parts += [
            rod(spot - [0, 0, 0.07], foot, 0.03, legs, parts=4),
            rod(foot - [0.24, 0, 0], foot + np.array([0.24, 0, 0]), 0.026, legs),
        ]
    parts.append(rod([0, spots[0][1], 0.05], [0, spots[1][1], 0.05], 0.024, legs, parts=5))
    return merge(parts)


def stands(x, y, height, paint=DARK, *, hooks: float = 0.0) -> Mesh:
    """Two uprights at ±x with feet and, from 0 on, hooks at the height `hooks`."""
    parts = []
    for sign in (-1, 1):
        parts.append(slab((sign * x, y, 0), (sign * x, y, height), 0.07, 0.07, paint, soft=0.005))
        parts.append(slab((sign * x, y - 0.3, 0.035), (sign * x, y + 0.3, 0.035), 0.07, 0.06, paint, soft=0.005))
        if hooks:
            parts.append(rod((sign * x, y, hooks), (sign * x, y + 0.11, hooks), 0.025, STEEL))
    parts.append(rod((-x, y, 0.06), (x, y, 0.06), 0.025, paint, parts=6))
    return merge(parts)


def cage(x, y, depth, height, paint) -> Mesh:
    """A power rack around the athlete: four uprights and the frame on top."""
    parts = []
    for k in (y, y + depth):
        parts += [slab((s * x, k, 0), (s * x, k, height), 0.065, 0.065, paint, soft=0.005) for s in (-1, 1)]
        parts.append(rod((-x, k, height - 0.03), (x, k, height - 0.03), 0.03, paint, parts=8))
    for s in (-1, 1):
        parts += [
            slab((s * x, y, z), (s * x, y + depth, z), 0.06, 0.06, paint, soft=0.004) for z in (0.03, height - 0.03)
        ]
    return merge(parts)


def pull_up_bar(height, width, paint, y=0.0) -> Mesh:
    """A high bar on two posts."""
    parts = [rod((-width, y, height), (width, y, height), 0.017, STEEL, parts=12)]
    for s in (-1, 1):
        parts.append(slab((s * width, y, 0), (s * width, y, height + 0.03), 0.08, 0.08, paint, soft=0.004))
        parts.append(slab((s * width, y - 0.45, 0.03), (s * width, y + 0.45, 0.03), 0.08, 0.06, paint, soft=0.004))
    return merge(parts)


def tower(y, height, paint, *, width=0.5, stack=(0.1, 1.1), load=0.0) -> Mesh:
    """The frame of a cable machine with its weight stack, standing at `y`."""
    parts = [slab((s * width / 2, y, 0), (s * width / 2, y, height), 0.07, 0.11, paint, soft=0.004) for s in (-1, 1)]
    parts += [
        slab((-width / 2, y, z), (width / 2, y, z), 0.07, 0.09, paint, across=(0, 1, 0), soft=0.004)
        for z in (height - 0.04, 0.04)
    ]
    low, high = stack
    count = int((high - low) / 0.075)
    for k in range(count):
        z = low + 0.075 * k
        shade = tuple(c * (1.25 if k % 2 else 1.0) for c in RUBBER)
        parts.append(
            slab(
                (-width / 2 + 0.07, y, z + 0.034),
                (width / 2 - 0.07, y, z + 0.034),
                0.1,
                0.062,
                shade,
                across=(0, 1, 0),
                soft=0.004,
            )
        )
    parts += [rod((s * 0.09, y, low), (s * 0.09, y, height - 0.05), 0.009, CHROME, sectors=6, parts=5) for s in (-1, 1)]
    return merge(parts)


def pulley(center, paint=STEEL) -> Mesh:
    """A pulley wheel turning about x."""
    x, y, z = center
    return lathe(
        (x, y, z),
        (1, 0, 0),
        [(-0.02, 0.06, paint), (-0.008, 0.05, DARK), (0.008, 0.06, paint), (0.02, 0.05, paint)],
        14,
    )


def chair(seat, depth, back_top, lean, paint, *, width=0.42, frame=DARK, y=-0.12) -> Mesh:
    """A padded machine seat at height `seat` with a back rest tipped back by `lean` degrees."""
    tip = np.radians(lean)
    low = np.array([0, y - 0.05, seat + 0.06])
    high = low + (back_top - low[2]) * np.array([0, -np.tan(tip), 1])
    push = np.array([0, -0.05, 0])
    parts = [slab((0, y, seat - 0.04), (0, y + depth, seat - 0.04), width, 0.08, paint)]
    parts.append(slab(low + push, high + push, 0.9 * width, 0.07, paint))
    parts.append(slab((0, y - 0.02, 0), (0, y - 0.02, seat - 0.06), 0.09, 0.09, frame))
    parts.append(slab((0, y + depth - 0.1, 0), (0, y + depth - 0.1, seat - 0.06), 0.07, 0.07, frame))
    parts.append(slab((0, y - 0.25, 0.03), (0, y + depth, 0.03), 0.09, 0.06, frame))
    parts.append(slab((-0.28, y - 0.25, 0.03), (0.28, y - 0.25, 0.03), 0.07, 0.06, frame, across=(0, 1, 0)))
    parts.append(rod(low + 2 * push + np.array([0, 0, 0.1]), (0, y - 0.22, 0.03), 0.03, frame, parts=4))
    return merge(parts)


def mat(width, start, end, paint) -> Mesh:
    """An exercise mat lying along y."""
    return slab((0, start, 0.006), (0, end, 0.006), width, 0.012, paint, soft=0.003)
