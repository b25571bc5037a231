"""Tubes of elliptic rings: the one shape that bodies and equipment are made of."""

from __future__ import annotations

import numpy as np

from .raster import Mesh


def tube(
    centers: np.ndarray,
    side: np.ndarray,
    front: np.ndarray,
    radii: np.ndarray,
    colors: np.ndarray,
    sectors: int = 12,
    roundness: float = 1.0,
) -> Mesh:
    """Build a closed tube of elliptic rings.

    `centers` (T, R, 3); `side` and `front` unit axes of the rings, broadcast to (T, R, 3); `radii` (R, 3) half
    width to the side, reach to the front, reach to the back; `colors` (R, 3) or (R, sectors, 3), where a quad
    takes the colour of its first ring. A `roundness` below one makes the rings more like rounded boxes.
    """
    angle = 2 * np.pi * np.arange(sectors) / sectors
    c, s = (np.sign(np.round(f, 9)) * np.abs(f) ** roundness for f in (np.cos(angle), np.sin(angle)))
    across = radii[:, :1] * c
    ahead = np.where(s > 0, radii[:, 1:2], radii[:, 2:3]) * s
    rings = centers[:, :, None] + across[..., None] * side[:, :, None] + ahead[..., None] * front[:, :, None]
    length, count = centers.shape[:2]
    vertices = np.concatenate(
        [rings.reshape(length, -1, 3), rings[:, 0].mean(1)[:, None], rings[:, -1].mean(1)[:, None]], 1
    )
    ring, sector = np.divmod(np.arange((count - 1) * sectors), sectors)
    after = (sector + 1) % sectors
    walls = np.stack([ring * sectors + sector, ring * sectors + after], -1)
    walls = np.concatenate([walls, walls[:, ::-1] + sectors], -1)
    k = np.arange(sectors)
    first, last = np.full(sectors, count * sectors), np.full(sectors, count * sectors + 1)
    bottom = np.stack([first, first, (k + 1) % sectors, k], -1)
    end = (count - 1) * sectors
    cap = np.stack([last, last, end + k, end + (k + 1) % sectors], -1)
    quads = np.concatenate([walls, bottom, cap])
    if colors.ndim == 2:
        colors = np.repeat(colors[:, None], sectors, axis=1)
    paint = np.concatenate([colors[:-1].reshape(-1, 3), colors[0], colors[-1]])
    # Rings that run against their own axes would turn the surface inside out.
    along = np.diff(centers[0], axis=0)
    turn = np.broadcast_to(np.cross(side[0], front[0]), centers[0].shape)[:-1]
    if (along * turn).sum() < 0:
        quads = quads[:, ::-1]
    return Mesh(np.round(vertices, 6), quads, paint, np.zeros(len(quads)), np.zeros(len(quads), int))


def profile(table: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Interpolate the radii of a table (position, side, front, back) at `positions`."""
    return np.stack([np.interp(positions, table[:, 0], table[:, k]) for k in (1, 2, 3)], -1)
