"""Pictures that look the same although their files differ: copies in another size, another encoding, a frame later."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from workoutlib.media.images import read_image

SIDE = 16
SAME_PICTURE, SAME_RECORDING = 0.003, 0.03
"""Distances of two thumbnails below which two pictures are copies, or of one recording.

Measured on real clips against 220 real pictures: 15 copies, of other size and encoding, were up to 0.002 apart, other
cuts of one recording 0.003 to 0.035, different recordings 0.07 and more.
"""
_FLAT = 4.0  # grey levels: a picture whose thumbnail varies less (black, a fade) is like no other


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """What is compared of a picture, uint8 RGB (H, W, 3): 16 × 16 grey means, centred, of length 1; float32 (256,).

    All zeros for a picture of one colour.
    """
    small = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32).mean(2).ravel()
    small -= small.mean()
    return small / np.linalg.norm(small) if small.std() > _FLAT else np.zeros_like(small)


def thumbnails_of(paths: Iterable[str | Path]) -> np.ndarray:
    """Thumbnails (N, 256) of picture files, read on all cores.

    Raises:
        WorkoutlibError: one of them cannot be read.
    """
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(lambda path: thumbnail(read_image(path)), paths))
    return np.array(found, np.float32).reshape(-1, SIDE**2)


def distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Distances (N, M), 0 to 2, of thumbnails (N, 256) and (M, 256): one less their correlation."""
    return 1 - one @ other.T
