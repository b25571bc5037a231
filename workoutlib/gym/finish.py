"""What camera and file do to a picture."""

from __future__ import annotations

import cv2
import numpy as np


class Finish:
    """What camera and file do to a picture: exposure, colour, vignette, focus, noise, a hand that shakes."""

    def __init__(self, rng: np.random.Generator, size: tuple[int, int]):
        """Draw the look of one video."""
        width, height = size
        gamma, gain = rng.uniform(0.74, 1.06), rng.uniform(0.92, 1.06)
        tint = 1 + rng.normal(0, 0.025, 3)
        ramp = np.linspace(0, 1, 256)[:, None]
        self.curve = np.clip(255 * gain * tint * ramp**gamma, 0, 255).astype(np.uint8).reshape(1, 256, 3)
        x, y = np.linspace(-1, 1, width), np.linspace(-1, 1, height)
        dark = 1 - rng.uniform(0, 0.22) * np.clip((x[None] ** 2 + y[:, None] ** 2) / 2, 0, 1)
        self.vignette = cv2.merge([(255 * dark).astype(np.uint8)] * 3)
        self.blur = float(rng.uniform(0.5, 1.1)) * width / 480 if rng.random() < 0.25 else 0.0
        strength = float(rng.uniform(0, 3.5))
        grain = np.clip(rng.normal(0, strength, (128, 160)), -100, 100).astype(np.int8)
        grain = np.tile(grain, (height // 128 + 2, width // 160 + 2))[: height + 32, : width + 32]
        self.noise = cv2.merge([grain] * 3)
        self.shake = float(rng.uniform(0.5, 2.5)) * width / 480 if rng.random() < 0.4 else 0.0
        self.rates = rng.uniform(0.2, 0.9, 4)

    def drift(self, times: np.ndarray) -> np.ndarray:
        """Displacement of the picture (T, 2) in whole pixels."""
        a, b, c, d = self.rates
        wave = np.stack(
            [np.sin(6.28 * a * times) + np.sin(6.28 * b * times), np.sin(6.28 * c * times) + np.sin(6.28 * d * times)],
            -1,
        )
        return np.round(self.shake * wave)

    def apply(self, image: np.ndarray, drift: np.ndarray, number: int) -> np.ndarray:
        """Finish one frame."""
        if drift.any():
            x, y = int(drift[0]), int(drift[1])
            padded = cv2.copyMakeBorder(image, *([8 + abs(y)] * 2), *([8 + abs(x)] * 2), cv2.BORDER_REPLICATE)
            top, left = 8 + abs(y) - y, 8 + abs(x) - x
            image = padded[top : top + image.shape[0], left : left + image.shape[1]]
        if self.blur:
            image = cv2.GaussianBlur(image, (0, 0), self.blur)
        image = cv2.LUT(cv2.multiply(image, self.vignette, scale=1 / 255), self.curve)
        dy, dx = (number * 7) % 32, (number * 13) % 32
        noise = self.noise[dy : dy + image.shape[0], dx : dx + image.shape[1]]
        return cv2.add(image, noise, dtype=cv2.CV_8U)
