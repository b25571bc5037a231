"""A small renderer: quads in painter's order into an id buffer, then shading and a depth test by pixel.

Drawing the *number* of each quad with OpenCV and shading afterwards gives smooth (Gouraud) shading and
exact occlusion between objects for the price of one polygon fill a quad. Everything is drawn at twice the
size and averaged down, which smooths the edges.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike

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
    def look_at(
        position: ArrayLike,
        target: ArrayLike,
        focal: float,
        size: tuple[int, int],
        roll: float = 0.0,
        shift: tuple[float, float] = (0.0, 0.0),
    ) -> Camera:
        """Aim from `position` at `target`; `roll` in degrees."""
        position, target = np.asarray(position, float), np.asarray(target, float)
        forward = unit(target - position)
        right = unit(np.cross(forward, [0.0, 0.0, 1.0]))
        down = np.cross(forward, right)
        c, s = np.cos(np.radians(roll)), np.sin(np.radians(roll))
        return Camera(position, np.stack([c * right + s * down, c * down - s * right, forward]), focal, size, shift)

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return pixels (..., 2) and depth (...) of points (..., 3)."""
        offset = points - self.position
        x, y, z = (offset[..., 0] * axis[0] + offset[..., 1] * axis[1] + offset[..., 2] * axis[2] for axis in self.axes)
        scale = self.focal / np.maximum(z, 0.05)
        center_x, center_y = self.size[0] / 2 + self.shift[0], self.size[1] / 2 + self.shift[1]
        return np.stack([center_x + x * scale, center_y + y * scale], -1), z

    def rays(self) -> np.ndarray:
        """Return the viewing direction (H, W, 3) of every pixel, scaled to depth one."""
        width, height = self.size
        x = ((np.arange(width) + 0.5 - width / 2 - self.shift[0]) / self.focal).astype(np.float32)
        y = ((np.arange(height) + 0.5 - height / 2 - self.shift[1]) / self.focal).astype(np.float32)
        right, down, forward = self.axes.astype(np.float32)
        return x[None, :, None] * right + (y[:, None, None] * down + forward)


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


def draw(
    picture: Picture, mesh: Mesh, normals: np.ndarray, time: int, camera: Camera, light: Light
) -> tuple[slice, slice] | None:
    """Draw the mesh's pose number `time` into the picture, hidden where something nearer is there already.

    Returns the rows and columns of the picture that may have changed, or None.
    """
    height, width = picture.nearness.shape
    pixels, depth = camera.project(mesh.vertices[time])
    pixels = np.round(pixels * (OVERSAMPLING << _SUBPIXEL_BITS)).astype(np.int32)
    kept = _visible(pixels, depth, mesh.quads, (width, height))
    if not len(kept):
        return None
    quads = mesh.quads[kept]
    distance = np.round(_mean(depth[quads]) - mesh.bias[kept], 5)
    order = np.lexsort((-distance, mesh.layer[kept]))
    kept, quads = kept[order], quads[order]
    corners = pixels[quads]
    lower = np.maximum(_fold(np.minimum, corners) >> _SUBPIXEL_BITS, 0)
    upper = np.minimum((_fold(np.maximum, corners) >> _SUBPIXEL_BITS) + 2, (width, height))

    values = np.stack([1 / depth, light.shade(normals[time])], -1)[quads]
    planes = _planes(corners / float(1 << _SUBPIXEL_BITS), values).astype(np.float32).T.copy()
    (left, top), (right, bottom) = lower.min(0), upper.max(0)
    winners = np.zeros((bottom - top, right - left), np.uint16)
    starts = np.append(0, np.flatnonzero(np.diff(mesh.layer[kept])) + 1)
    ends = np.append(starts[1:], len(kept)).tolist()
    lows, highs = np.minimum.reduceat(lower, starts).tolist(), np.maximum.reduceat(upper, starts).tolist()
    for start, end, low, high in zip(starts.tolist(), ends, lows, highs, strict=True):
        _draw_layer(corners[start:end], start, planes, picture.nearness, winners, (low, high, (left, top)))

    flat = np.flatnonzero(winners != 0).astype(np.int32)
    number = winners.reshape(-1).take(flat) - np.uint16(1)
    rows = flat // np.int32(right - left)
    x, y = flat - rows * np.int32(right - left) + left, rows + top
    shade = planes[3].take(number) * x + planes[4].take(number) * y + planes[5].take(number)
    shade = np.clip(shade.astype(np.float32), 0, 1)
    if light.steps:
        shade = (np.floor(shade * light.steps * 0.999) + 0.5) / light.steps
    dark = (255 * mesh.colors[kept] * light.dark).astype(np.float32).T.copy()
    gain = (255 * mesh.colors[kept] * (light.bright - light.dark)).astype(np.float32).T.copy()
    place = y * width + x
    for channel in range(3):
        paint = dark[channel].take(number) + shade * gain[channel].take(number)
        picture.rgb.reshape(-1, 3)[:, channel][place] = np.minimum(paint, 255).astype(np.uint8)
    return slice(int(top), int(bottom)), slice(int(left), int(right))


def _visible(pixels: np.ndarray, depth: np.ndarray, quads: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Numbers of the quads that face the camera, lie before it and touch the picture."""
    a, b, c, d = (pixels[quads[:, k]].astype(float) for k in range(4))
    facing = (c - a)[:, 0] * (d - b)[:, 1] < (c - a)[:, 1] * (d - b)[:, 0]
    before = np.flatnonzero(facing & (_fold(np.minimum, depth[quads]) > 0.15))
    corners = pixels[quads[before]] >> _SUBPIXEL_BITS
    inside = (_fold(np.maximum, corners) >= 0).all(1) & (_fold(np.minimum, corners) < size).all(1)
    return before[inside]


def _fold(pick: np.ufunc, corners: np.ndarray) -> np.ndarray:
    """Smallest or largest over the four corners (F, 4, ...); faster than a reduction along a short axis."""
    return pick(pick(corners[:, 0], corners[:, 1]), pick(corners[:, 2], corners[:, 3]))


def _mean(corners: np.ndarray) -> np.ndarray:
    return 0.25 * (corners[:, 0] + corners[:, 1] + corners[:, 2] + corners[:, 3])


def _draw_layer(corners, first, planes, nearness, winners, box) -> None:
    """Fill one layer's quads far to near, then keep the pixels that are nearer than what was drawn before."""
    (x0, y0), (x1, y1), (left, top) = box
    ids = np.zeros((y1 - y0, x1 - x0), np.uint16)
    fill = cv2.fillConvexPoly
    for number, quad in enumerate(corners - (np.array([x0, y0], np.int32) << _SUBPIXEL_BITS), first + 1):
        fill(ids, quad, number, 8, _SUBPIXEL_BITS)
    flat = np.flatnonzero(ids != 0).astype(np.int32)
    number = ids.reshape(-1).take(flat)
    index = number - np.uint16(1)
    rows = flat // np.int32(x1 - x0)
    x, y = flat - rows * np.int32(x1 - x0) + x0, rows + y0
    near = (planes[0].take(index) * x + planes[1].take(index) * y + planes[2].take(index)).astype(np.float32)
    place = y * nearness.shape[1] + x
    target = nearness.reshape(-1)
    wins = np.flatnonzero(near > target.take(place))
    target[place[wins]] = near[wins]
    winners.reshape(-1)[((y - top) * winners.shape[1] + x - left)[wins]] = number[wins]


def _planes(corners: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Fit value = a x + b y + c to the corners of each quad: (F, 4, 2), (F, 4, K) to (F, 3 K).

    Least squares with a ridge of one square pixel, so that slivers seen edge-on keep a calm slope.
    """
    center, mean = _mean(corners), _mean(values)
    d, v = corners - center[:, None], values - mean[:, None]
    x, y = d[..., 0], d[..., 1]
    xx, yy, xy = 4 * _mean(x * x) + 1, 4 * _mean(y * y) + 1, 4 * _mean(x * y)
    xv, yv = 4 * _mean(x[..., None] * v), 4 * _mean(y[..., None] * v)
    determinant = (xx * yy - xy**2)[:, None]
    a = (yy[:, None] * xv - xy[:, None] * yv) / determinant
    b = (xx[:, None] * yv - xy[:, None] * xv) / determinant
    c = mean - a * center[:, :1] - b * center[:, 1:]
    return np.stack([a, b, c], -1).reshape(len(corners), -1)
