"""Things that stand about in a gym, and where in the room they stand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from . import equipment as gear
from .looks import color
from .raster import Mesh, merge
from .room import ACCENTS, Room


def clutter(rng: np.random.Generator, room: Room, clear: float) -> list[Mesh]:
    """Things along the back wall, behind everything that lies nearer than v = `clear`."""
    if room.wall == "park":
        return []
    things = []
    spots = np.arange(room.left + 0.7, room.right - 0.6, 1.25)
    for spot in rng.permutation(spots)[:4]:
        paint = np.array(room.colors["accent"])
        space = room.back - clear
        if space < 0.5:
            break
        kind = str(
            rng.choice(["rack", "plant", "bells", "ball", "plates", "bench"], p=[0.34, 0.2, 0.14, 0.12, 0.1, 0.1])
        )
        match kind:
            case "rack":
                thing = _dumbbell_rack(tuple(paint))
            case "plant":
                thing = _plant(rng, tuple(paint))
            case "bells":
                thing = merge(
                    [
                        gear.kettlebell(0.34 * k, 0, color(ACCENTS[int(rng.integers(len(ACCENTS)))]), 1 + 0.15 * k)
                        for k in range(-1, 2)
                    ]
                )
            case "ball":
                thing = gear.ball((0, 0, 0.32), 0.32, tuple(paint), 14)
            case "plates":
                thing = merge(
                    [
                        gear.disc(
                            (0.1 * k, 0.1, 0.225), (1, 0.1 * k, 0.15), 0.225, 0.045, color(gear.PLATES[(k + 2) % 6])
                        )
                        for k in range(-1, 2)
                    ]
                )
            case _:
                thing = gear.bench((0, -0.5, 0.44), (0, 0.3, 0.44), (0, 0.55, 0.44), tuple(paint))
        things.append(place(thing, room, float(spot), room.back - (0.3 if kind != "bench" else min(0.8, space))))
    return things


def place(mesh: Mesh, room: Room, u: float, v: float, turn: float = 0.0) -> Mesh:
    """Move a mesh to (u, v) in the room, `turn` radians to the left of the room's axes."""
    c, s = np.cos(room.yaw + turn), np.sin(room.yaw + turn)
    u_axis, v_axis = room.axes()
    x, y, z = (mesh.vertices[..., k] for k in range(3))
    spot = u * u_axis + v * v_axis
    vertices = np.stack([c * x - s * y + spot[0], s * x + c * y + spot[1], z], -1)
    return Mesh(np.round(vertices, 6), mesh.quads, mesh.colors, mesh.bias, mesh.layer)


def _dumbbell_rack(paint) -> Mesh:
    parts = [
        gear.slab((-0.55, 0.0, z), (0.55, 0.0, z), 0.3, 0.04, gear.DARK, across=(0, 1, 0.3), soft=0.004)
        for z in (0.35, 0.75)
    ]
    parts += [gear.slab((s * 0.55, 0.05, 0), (s * 0.55, 0.05, 0.85), 0.06, 0.10, paint) for s in (-1, 1)]
    black, steel = gear.RUBBER, gear.STEEL
    half = [(-0.13, 0.06, black), (-0.05, 0.065, black), (-0.05, 0.02, steel)]
    weight = gear.lathe((0, -0.02, 0), (0.05, 1, 0.2), half + [(-x, r, black) for x, r, _ in half[::-1]], 8)
    parts += [
        replace(weight, vertices=weight.vertices + np.array([x, 0, z]))
        for z in (0.44, 0.84)
        for x in np.linspace(-0.42, 0.42, 6)
    ]
    return merge(parts)


def _plant(rng: np.random.Generator, paint) -> Mesh:
    pot = gear.lathe(
        (0, 0, 0),
        (0, 0, 1),
        [(0.0, 0.12, paint), (0.28, 0.17, paint), (0.3, 0.17, paint), (0.3, 0.14, color("#3a2c22"))],
        12,
    )
    green = np.array(color("#3f7d4e"))
    leaves = []
    for angle in np.linspace(0, 2 * np.pi, 11)[:-1] + rng.uniform(0, 0.6):
        out, up = rng.uniform(0.2, 0.4), rng.uniform(0.5, 1.1)
        ahead = np.array([np.cos(angle), np.sin(angle), 0])
        cross = np.array([-np.sin(angle), np.cos(angle), 0])
        stem = [
            np.array([0, 0, 0.28]),
            0.35 * out * ahead + [0, 0, 0.28 + 0.55 * up],
            0.75 * out * ahead + [0, 0, 0.28 + 0.95 * up],
            1.15 * out * ahead + [0, 0, 0.28 + 0.9 * up],
        ]
        width = (0.012, 0.055, 0.07, 0.008)
        edge = np.concatenate(
            [
                [p - w * cross for p, w in zip(stem, width, strict=True)],
                [p + w * cross for p, w in zip(stem, width, strict=True)],
            ]
        )
        quads = np.array([[k, k + 4, k + 5, k + 1] for k in range(3)])
        both = np.concatenate([quads, quads[:, ::-1]])
        shade = green * rng.uniform(0.8, 1.2)
        leaves.append(Mesh(edge[None], both, np.tile(shade, (6, 1)), np.zeros(6), np.zeros(6, int)))
    return merge([pot, merge(leaves, one_layer=True)])
