"""The painted background of a video, and what moves before it."""

from __future__ import annotations

import cv2
import numpy as np

from .raster import OVERSAMPLING, Camera, Light, Mesh, Picture, draw, merge, vertex_normals


class Stage:
    """The painted background of a video, on which `frame` draws what moves."""

    def __init__(self, camera: Camera, light: Light, backdrop: np.ndarray, floor: np.ndarray, still: list[Mesh]):
        """`backdrop` uint8 (H, W, 3) and `floor` float32 (H, W) are what the camera sees without the things."""
        self.camera, self.light, self.floor = camera, light, floor
        width, height = camera.size
        if still:
            mesh = merge(still)
            shadow = self._shadow(mesh.vertices[0])
            backdrop = (backdrop * (1 - 0.5 * shadow * floor)[..., None]).astype(np.uint8)
        large = (width * OVERSAMPLING, height * OVERSAMPLING)
        self.empty = Picture(
            cv2.resize(backdrop, large, interpolation=cv2.INTER_LINEAR), np.zeros(large[::-1], np.float32)
        )
        if still:
            draw(self.empty, mesh, vertex_normals(mesh), 0, camera, light)
        self.free = self.empty.nearness[::OVERSAMPLING, ::OVERSAMPLING]
        self.base = cv2.resize(self.empty.rgb, camera.size, interpolation=cv2.INTER_AREA)
        self.canvas = self.empty.copy()

    def _shadow(self, points: np.ndarray) -> np.ndarray:
        """A soft shadow (H, W) in 0..1 of points (N, 3) on the floor."""
        slope = self.light.direction / max(self.light.direction[2], 0.3)
        fallen = points - 0.3 * np.maximum(points[:, 2:], 0) * slope
        fallen[:, 2] = 0
        pixels, depth = self.camera.project(fallen)
        width, height = self.camera.size
        scale = 4 if width > 240 else 2
        small = np.zeros((height // scale + 1, width // scale + 1), np.uint8)
        cells = np.floor(pixels / scale).astype(int)
        seen = (depth > 0.2) & (cells >= 0).all(1) & (cells[:, 0] < small.shape[1]) & (cells[:, 1] < small.shape[0])
        order = np.flatnonzero(seen)[np.argsort(-points[seen, 2], kind="stable")]
        strength = 255 * np.clip(1 - 0.42 * points[order, 2], 0.35, 1)  # the nearer to the floor, the darker
        small[cells[order, 1], cells[order, 0]] = strength
        small = cv2.dilate(small, np.ones((3, 3), np.uint8), iterations=max(1, round(width / 480)))
        small = cv2.GaussianBlur(small, (0, 0), max(1.0, 0.006 * width))
        large = cv2.resize(small, (small.shape[1] * scale, small.shape[0] * scale), interpolation=cv2.INTER_LINEAR)
        return large[:height, :width].astype(np.float32) / 255

    def frame(self, mesh: Mesh, normals: np.ndarray, time: int) -> np.ndarray:
        """Render pose number `time` as uint8 RGB (H, W, 3)."""
        image = self.base.copy()
        nearness = self.canvas.nearness[::OVERSAMPLING, ::OVERSAMPLING]
        box = draw(self.canvas, mesh, normals, time, self.camera, self.light)
        if box is not None:
            rows, columns = (slice(part.start // OVERSAMPLING, -(-part.stop // OVERSAMPLING)) for part in box)
            fine = tuple(slice(part.start * OVERSAMPLING, part.stop * OVERSAMPLING) for part in (rows, columns))
            size = (columns.stop - columns.start, rows.stop - rows.start)
            image[rows, columns] = cv2.resize(self.canvas.rgb[fine], size, interpolation=cv2.INTER_AREA)
        shadow = self._shadow(mesh.vertices[time]) * self.floor * ((nearness == self.free) & (self.free == 0))
        weight = (255 * (1 - 0.55 * shadow) * (1 - self._occlusion(nearness))).astype(np.uint8)
        if box is not None:
            self.canvas.rgb[fine], self.canvas.nearness[fine] = self.empty.rgb[fine], self.empty.nearness[fine]
        return cv2.multiply(image, cv2.cvtColor(weight, cv2.COLOR_GRAY2RGB), scale=1 / 255)

    def _occlusion(self, nearness: np.ndarray) -> np.ndarray:
        """Darken what lies just behind something nearer (Luft et al. 2006, unsharp masking the depth buffer)."""
        width, height = self.camera.size
        small = np.ascontiguousarray(nearness[::2, ::2])
        near = float(small.max())
        if near <= 0:
            return np.zeros((height, width), np.float32)
        depth = 1 / np.maximum(small, 0.55 * near)
        radius = max(3, round(0.014 * width)) | 1
        behind = depth - cv2.blur(cv2.blur(depth, (radius, radius)), (radius, radius))
        # Only a thing close behind is darkened, not the room far away.
        dark = np.clip(behind / 0.3, 0, 0.35) * np.clip(1.6 - 5 * behind, 0, 1) * (small > 0.55 * near)
        return cv2.resize(dark, (width, height), interpolation=cv2.INTER_LINEAR)
