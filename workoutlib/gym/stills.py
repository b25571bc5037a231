"""Web stills: single pictures from another distribution than the videos: studio and drawing, any shape."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pandas as pd

from .body import JOINTS
from .looks import color
from .raster import Camera, merge, vertex_normals
from .scene import draw_camera, draw_light, draw_take, generator, truth_table
from .stage import Stage

SHAPES = ((640, 427), (600, 600), (480, 640), (720, 405), (426, 640), (800, 533), (512, 512))
STUDIOS = (
    "#ffffff",
    "#f4f4f2",
    "#e6e9ec",
    "#d9dee3",
    "#f3d9c0",
    "#bfe0d6",
    "#cfd8f0",
    "#f6c945",
    "#39414d",
    "#5d6a78",
    "#e98c7a",
)


def render_still(exercise: str, seed: int = 0, size: tuple[int, int] | None = None) -> tuple[np.ndarray, pd.Series]:
    """Render one web still: uint8 RGB (H, W, 3) and its row of truth.

    `size` is (width, height); where it is None the shape is drawn too. Raises WorkoutlibError for an exercise
    that the gym does not know.
    """
    rng = generator("still", exercise, seed)
    shape = size or SHAPES[int(rng.integers(len(SHAPES)))]
    take = draw_take(exercise, rng, np.zeros(1), None)
    camera = draw_camera(rng, take, shape, anywhere=True)
    style = str(rng.choice(["studio", "drawing", "sketch"], p=[0.25, 0.4, 0.35]))
    light = draw_light(rng, camera)
    if style == "drawing":
        light = replace(light, steps=int(rng.integers(2, 4)), contrast=1.25, dark=light.dark * 1.25)
    backdrop, floor = _studio(rng, camera, style)
    stage = Stage(camera, light, backdrop, floor, take.still)
    moving = merge([take.figure, *take.moving])
    image = stage.frame(moving, vertex_normals(moving), 0)
    if style == "sketch":
        image = _sketch(image)
    if rng.random() < 0.35:
        image = _duotone(image, rng)
    if rng.random() < 0.35:
        image = _title_bar(image, rng)
    pixels = {name: camera.project(take.joints[name])[0] for name in JOINTS}
    return image, truth_table(take, exercise, None, pixels).iloc[0]


def _studio(rng: np.random.Generator, camera: Camera, style: str) -> tuple[np.ndarray, np.ndarray]:
    """A seamless studio background or a flat one; returns it with the strength of shadows on it."""
    width, height = camera.size
    base = np.array(color("#ffffff") if style == "sketch" else color(STUDIOS[int(rng.integers(len(STUDIOS)))]))
    y, x = np.linspace(0, 1, height)[:, None, None], np.linspace(-1, 1, width)[None, :, None]
    fall = rng.uniform(0, 0.22) if style == "studio" else 0.0
    image = base * (1 - fall * (0.55 * (1 - y) + 0.45 * x**2))
    if style == "drawing" and rng.random() < 0.55:
        center = np.array([rng.uniform(-0.25, 0.25), rng.uniform(0.4, 0.6)])
        blob = ((x - center[0]) ** 2 + (1.6 * (y - center[1])) ** 2) < rng.uniform(0.3, 0.6)
        image = np.where(blob, base * 0.9 + 0.1 * np.array(color(STUDIOS[int(rng.integers(len(STUDIOS)))])), image)
    # The floor ends at the horizon, where the rays stop going down.
    _, down, forward = camera.axes
    slope = (np.arange(height) + 0.5 - height / 2 - camera.shift[1]) / camera.focal * down[2] + forward[2]
    ground = np.repeat((slope < 0).astype(np.float32)[:, None], width, 1)
    return (255 * np.clip(image, 0, 1)).astype(np.uint8), ground * (0.5 if style != "studio" else 0.8)


def _sketch(image: np.ndarray) -> np.ndarray:
    """A pencil drawing: grey wash and dark edges (dodging by the blurred negative)."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    soft = cv2.GaussianBlur(255 - grey, (0, 0), max(2.0, image.shape[1] / 180))
    lines = cv2.divide(grey, 255 - soft, scale=256)
    mixed = cv2.addWeighted(lines, 0.7, grey, 0.3, 0)
    return cv2.cvtColor(mixed, cv2.COLOR_GRAY2RGB)


def _duotone(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A poster's two inks: dark grey levels in one colour, light ones in another."""
    dark, light = (255 * np.array(color(STUDIOS[int(i)])) for i in (rng.integers(8, 10), rng.integers(0, 7)))
    if rng.random() < 0.25:
        dark, light = light, dark
    share = np.arange(256)[:, None] / 255
    inks = np.clip(dark * 0.5 * (1 - share) + light * share, 0, 255).astype(np.uint8)
    return inks[cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)]


def _title_bar(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A bar of one colour over the upper or lower edge, with strokes where a title would stand."""
    height, width = image.shape[:2]
    thick = int(height * rng.uniform(0.1, 0.2))
    top = 0 if rng.random() < 0.5 else height - thick
    image = image.copy()
    image[top : top + thick] = np.round(255 * np.array(color(STUDIOS[int(rng.integers(len(STUDIOS)))])))
    left, length = int(width * rng.uniform(0.05, 0.3)), int(width * rng.uniform(0.3, 0.6))
    middle, half = top + thick // 2, max(thick // 8, 2)
    ink = (40, 44, 52) if image[middle, 0].mean() > 127 else (240, 240, 236)
    cv2.rectangle(image, (left, middle - half), (left + length, middle + half), ink, -1)
    return image
