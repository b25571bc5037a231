"""A small renderer: quads in painter's order into an id buffer, then shading and a depth test by pixel.

Drawing the *number* of each quad with OpenCV and shading afterwards gives smooth (Gouraud) shading and
exact occlusion between objects for the price of one polygon fill a quad. Everything is drawn at twice the
size and averaged down, which smooths the edges.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .body import unit

OVERSAMPLING = 2
_SUBPIXEL_BITS = 4


@dataclass
class Mesh:
    """Quads that share vertices: `vertices` (T, V, 3) metres, `quads` (F, 4), `colors` (F, 3) in 0..1.

    A `bias` in metres pulls quads towards the camera in painter's order (a mouth on a face); quads of one
    `layer` are sorted, different layers are compared pixel by pixel.
    """

    vertices: np.ndarray
    quads: np.ndarray
    colors: np.ndarray
    bias: np.ndarray
    layer: np.ndarray


def merge(meshes: list[Mesh], one_layer: bool = False) -> Mesh:
    """Join meshes into one; a mesh with one pose (T = 1) is repeated to the others' length."""
    length = max(len(mesh.vertices) for mesh in meshes)
    starts = np.cumsum([0] + [mesh.vertices.shape[1] for mesh in meshes])
    layers = np.cumsum([0] + [int(mesh.layer.max()) + 1 for mesh in meshes])
    return Mesh(
        np.concatenate([np.broadcast_to(m.vertices, (length, *m.vertices.shape[1:])) for m in meshes], 1),
        np.concatenate([m.quads + start for m, start in zip(meshes, starts, strict=False)]),
        np.concatenate([m.colors for m in meshes]),
        np.concatenate([m.bias for m in meshes]),
        np.concatenate(
            [m.layer * 0 if one_layer else m.layer + start for m, start in zip(meshes, layers, strict=False)]
        ),
    )


def vertex_normals(mesh: Mesh) -> np.ndarray:
    """Return unit normals (T, V, 3): the mean of the normals of the quads around each vertex."""
    a, b, c, d = (mesh.vertices[:, mesh.quads[:, k]] for k in range(4))
    normals = np.cross(c - a, d - b)
    corners = mesh.quads.reshape(-1)
    order = np.argsort(corners, kind="stable")
    starts = np.searchsorted(corners[order], np.arange(mesh.vertices.shape[1]))
    return unit(np.add.reduceat(normals[:, order // 4], starts, axis=1))


@dataclass(frozen=True)
class Camera:
    """A pinhole camera; `axes` rows are right, down and forward; `focal` and `center` in output pixels."""

    position: np.ndarray
    axes: np.ndarray
    focal: float
    size: tuple[int, int]
    shift: tuple[float, float] = (0.0, 0.0)

    @staticmethod
    def look_at(position, target, focal, size, roll=0.0, shift=(0.0, 0.0)) -> Camera:
        """Aim from `position` at `target`; `roll` in degrees."""
        position, target = np.asarray(position, float), np.asarray(target, float)
        forward = unit(target - position)
        right = unit(np.cross(forward, [0.0, 0.0, 1.0]))
        down = np.cross(forward, right)
        c, s = np.cos(np.radians(roll)), np.sin(np.radians(roll))
        return Camera(
            position, np.stack([c * right + s * down, c * down - s * right, forward]), focal, size, shift
        )

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return pixels (..., 2) and depth (...) of points (..., 3)."""
        offset = points - self.position
        x, y, z = (
            offset[..., 0] * axis[0] + offset[..., 1] * axis[1] + offset[..., 2] * axis[2]
            for axis in self.axes
        )
        scale = self.focal / np.maximum(z, 0.05)
        center_x, center_y = self.size[0] / 2 + self.shift[0], self.size[1] / 2 + self.shift[1]
        return np.stack([center_x + x * scale, center_y + y * scale], -1), z

    def rays(self) -> np.ndarray:
        """Return the viewing direction (H, W, 3) of every pixel, scaled to depth one."""
        width, height = self.size
        x = (np.arange(width) + 0.5 - width / 2 - self.shift[0]) / self.focal
        y = (np.arange(height) + 0.5 - height / 2 - self.shift[1]) / self.focal
        right, down, forward = self.axes
        return (x[None, :, None] * right + y[:, None, None] * down + forward).astype(np.float32)


@dataclass(frozen=True)
class Light:
    """One soft key light and the sky: unit `direction` towards the key, tints (3,) of light and shadow."""

    direction: np.ndarray
    bright: np.ndarray
    dark: np.ndarray
    contrast: float = 1.0
    steps: int = 0  # more than 0: flat shading in so many steps, as in a drawing

    def shade(self, normals: np.ndarray) -> np.ndarray:
        """Return brightness in 0..1 for normals (..., 3): wrapped Lambert plus light from above."""
        x, y, z = self.direction
        key = 0.5 + 0.5 * (normals[..., 0] * x + normals[..., 1] * y + normals[..., 2] * z)
        value = 0.78 * key**1.5 + 0.22 * (0.5 + 0.5 * normals[..., 2])
        return 0.5 + (value - 0.5) * self.contrast


@dataclass
class Picture:
    """What has been drawn so far, at `OVERSAMPLING` times the size: `rgb` uint8 and `nearness` = 1 / depth."""

    rgb: np.ndarray
    nearness: np.ndarray

    def copy(self) -> Picture:
        """Return an independent copy."""
        return Picture(self.rgb.copy(), self.nearness.copy())


def draw(picture: Picture, mesh: Mesh, normals: np.ndarray, time: int, camera: Camera, light: Light) -> None:
    """Draw the mesh's pose number `time` into the picture, hidden where something nearer is there already."""
    pixels, depth = camera.project(mesh.vertices[time])
    pixels = np.round(pixels * (OVERSAMPLING << _SUBPIXEL_BITS)).astype(np.int32)
    corners = pixels[mesh.quads]
    diagonals = (corners[:, 2] - corners[:, 0]).astype(float), (corners[:, 3] - corners[:, 1]).astype(float)
    facing = diagonals[0][:, 0] * diagonals[1][:, 1] - diagonals[0][:, 1] * diagonals[1][:, 0] < 0
    height, width = picture.nearness.shape
    lower, upper = corners.min(1) >> _SUBPIXEL_BITS, corners.max(1) >> _SUBPIXEL_BITS
    inside = (upper >= 0).all(1) & (lower[:, 0] < width) & (lower[:, 1] < height)
    kept = np.flatnonzero(facing & inside & (depth[mesh.quads].min(1) > 0.15))
    if not len(kept):
        return
    distance = np.round(depth[mesh.quads[kept]].mean(1) - mesh.bias[kept], 5)
    kept = kept[np.lexsort((-distance, mesh.layer[kept]))]

    left, top = np.maximum(lower[kept].min(0), 0)
    right, bottom = np.minimum(upper[kept].max(0) + 2, (width, height))
    shifted = corners[kept] - (np.array([left, top]) << _SUBPIXEL_BITS).astype(np.int32)
    values = np.stack([1 / depth, light.shade(normals[time])], -1)[mesh.quads[kept]]
    planes = _planes(shifted / float(1 << _SUBPIXEL_BITS), values).astype(np.float32)
    winners = np.zeros((bottom - top, right - left), np.uint16)
    nearest = picture.nearness[top:bottom, left:right]
    starts = np.append(0, np.flatnonzero(np.diff(mesh.layer[kept])) + 1)
    ends = np.append(starts[1:], len(kept))
    lows = np.maximum(np.minimum.reduceat(lower[kept] - [left, top], starts), 0).tolist()
    highs = (np.maximum.reduceat(upper[kept] - [left, top], starts) + 2).tolist()
    for start, end, (x0, y0), (x1, y1) in zip(starts, ends, lows, highs, strict=True):
        box = slice(y0, y1), slice(x0, x1)
        _draw_layer(shifted[start:end], start, planes, winners[box], nearest[box], (x0, y0))

    flat = np.flatnonzero(winners)
    number = winners.reshape(-1).take(flat) - 1
    rows, columns = np.divmod(flat, right - left)
    slope = planes[:, 3:].take(number, axis=0)
    shade = slope[:, 0] * columns.astype(np.float32) + slope[:, 1] * rows.astype(np.float32) + slope[:, 2]
    shade = np.clip(shade, 0, 1)
    if light.steps:
        shade = (np.floor(shade * light.steps * 0.999) + 0.5) / light.steps
    tints = 255 * np.concatenate(
        [mesh.colors[kept] * light.dark, mesh.colors[kept] * (light.bright - light.dark)], 1
    )
    tints = tints.astype(np.float32).take(number, axis=0)
    paint = np.minimum(tints[:, :3] + shade[:, None] * tints[:, 3:], 255).astype(np.uint8)
    picture.rgb.reshape(-1, 3)[(rows + top) * width + (columns + left)] = paint


def _draw_layer(quads, first, planes, winners, nearest, origin) -> None:
    """Fill the quads far to near, then keep those pixels that are nearer than what was drawn before."""
    ids = np.zeros(winners.shape, np.uint16)
    fill = cv2.fillConvexPoly
    for number, quad in enumerate(quads - (np.array(origin, np.int32) << _SUBPIXEL_BITS), first + 1):
        fill(ids, quad, number, 8, _SUBPIXEL_BITS)
    flat = np.flatnonzero(ids)
    number = ids.reshape(-1).take(flat)
    rows, columns = np.divmod(flat, ids.shape[1])
    slope = planes[:, :3].take(number - 1, axis=0)
    x, y = (columns + origin[0]).astype(np.float32), (rows + origin[1]).astype(np.float32)
    nearness = slope[:, 0] * x + slope[:, 1] * y + slope[:, 2]
    nearer = nearness > nearest[rows, columns]
    rows, columns = rows[nearer], columns[nearer]
    nearest[rows, columns] = nearness[nearer]
    winners[rows, columns] = number[nearer]


def _planes(corners: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Fit value = a x + b y + c to the corners of each quad: (F, 4, 2), (F, 4, K) to (F, 3 K).

    Least squares with a ridge of one square pixel, so that slivers seen edge-on keep a calm slope.
    """
    center, mean = corners.mean(1), values.mean(1)
    d, v = corners - center[:, None], values - mean[:, None]
    xx, yy, xy = (d[..., 0] ** 2).sum(1) + 1, (d[..., 1] ** 2).sum(1) + 1, (d[..., 0] * d[..., 1]).sum(1)
    xv, yv = (d[..., :1] * v).sum(1), (d[..., 1:] * v).sum(1)
    determinant = (xx * yy - xy**2)[:, None]
    a = (yy[:, None] * xv - xy[:, None] * yv) / determinant
    b = (xx[:, None] * yv - xy[:, None] * xv) / determinant
    c = mean - a * center[:, :1] - b * center[:, 1:]
    return np.stack([a, b, c], -1).reshape(len(corners), -1)
