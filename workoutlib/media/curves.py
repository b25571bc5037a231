"""Transfer characteristics and primaries by their numbers in ITU-T H.273, as clips, PNG and AVIF state them."""

from __future__ import annotations

import cv2
import numpy as np

PQ, HLG = 16, 18
# To BT.709's primaries, linear, rows are red, green and blue: from BT.2020 (BT.2087), and from Display P3.
TO_709 = {
    9: ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187)),
    12: ((1.2249, -0.2247, 0.0), (-0.0420, 1.0419, 0.0), (-0.0197, -0.0786, 1.0979)),
}
LUMA_709 = (0.2126, 0.7152, 0.0722)
DIFFUSE_WHITE = {PQ: 203 / 10_000, HLG: 0.2650}  # of the linear signal
# HLG's system gamma is 1.2 for what was graded on a display and 1 for what a camera recorded as it was. A file does not
# say which; people film, so this lies near the latter.
SYSTEM_GAMMA = 1.05


def pq(signal: np.ndarray) -> np.ndarray:
    """Linear light of PQ, 1 at 10,000 cd/m² (SMPTE ST 2084)."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    root = signal ** (1 / m2)
    return (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)


def hlg(signal: np.ndarray) -> np.ndarray:
    """Scene light of HLG, 1 at its peak (ARIB STD-B67)."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)


def displayed(light: np.ndarray) -> np.ndarray:
    """What a display shows of HLG's scene light, float32 (H, W, 3) in BT.709's primaries: its gamma (BT.2100)."""
    luminance = cv2.transform(light, np.array([LUMA_709], np.float32))
    return light * cv2.pow(np.maximum(luminance, 1e-6), SYSTEM_GAMMA - 1)[..., None]


def from_srgb(signal: np.ndarray) -> np.ndarray:
    """Linear light of sRGB (IEC 61966-2-1)."""
    return np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)


def to_srgb(light: np.ndarray) -> np.ndarray:
    """The inverse of `from_srgb`."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 0.0031308) ** (1 / 2.4) - 0.055)
