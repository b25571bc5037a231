"""The colours of photos in sRGB where an ICC profile, EXIF, or the chunks of a PNG or AVIF say that they are others."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageCms

from workoutlib.media.curves import DIFFUSE_WHITE, HLG, PQ, TO_709, displayed, from_srgb, hlg, pq, to_srgb

_HEAD = 65_536  # bytes in which a PNG or AVIF says what its colours are
_LINEAR, _GAMMA_22, _GAMMA_28 = 8, 4, 5  # transfer characteristics of ITU-T H.273
_CURVES: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    PQ: pq, HLG: hlg, _LINEAR: lambda v: v, _GAMMA_22: lambda v: v**2.2, _GAMMA_28: lambda v: v**2.8,
}  # fmt: skip
# Cameras that write Adobe RGB without a profile say so by this one word ("DCF optional colour space", EXIF 2.3).
_INTEROP, _OPTIONAL = 0xA005, "R03"
_ADOBE_TO_709 = ((1.39836, -0.39836, 0.0), (0.0, 1.0, 0.0), (0.0, -0.04293, 1.04293))
_SAME = 3  # grey levels: a profile that changes less is sRGB, whatever it is called


class Stated(NamedTuple):
    """Primaries and transfer characteristics of a file, by their numbers in ITU-T H.273."""

    primaries: int
    transfer: int

    @property
    def is_srgb(self) -> bool:
        return self.primaries not in TO_709 and self.transfer not in _CURVES


def stated_colours(path: Path) -> Stated | None:
    """What a PNG (cICP) or AVIF (nclx) states; None for all others, and where it is sRGB."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    found = None
    if head.startswith(b"\x89PNG"):
        found = re.search(rb"\0\0\0\x04cICP(.)(.)", head.partition(b"IDAT")[0], re.DOTALL)
    elif head[4:8] == b"ftyp":
        found = re.search(rb"colrnclx\0(.)\0(.)", head, re.DOTALL)
    stated = Stated(found[1][0], found[2][0]) if found else None
    return None if stated is None or stated.is_srgb else stated


def in_srgb(image: Image.Image, stated: Stated | None = None) -> Image.Image:
    """The picture in sRGB: a profile that is broken, or of another kind of pixels, is left out of account.

    Args:
        image: in any mode; those of more than 8 bits are given back as they are if they have no profile.
        stated: what the file states beside a profile.
    """
    profile, gamma = image.info.get("icc_profile"), image.info.get("gamma")
    if image.mode == "P" and (profile or stated or gamma):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    if image.mode not in ("RGB", "RGBA", "CMYK", "L", "LA", "I;16") or (image.mode == "I;16" and not profile):
        return image
    alpha = image.getchannel("A") if image.mode in ("RGBA", "LA") else None
    colours = image.convert(image.mode.rstrip("A")) if alpha else image
    converted: Image.Image | None = None
    if stated:
        converted = _converted(colours, *_curve_and_matrix(stated))
    elif profile:
        converted = _by_profile(colours, profile)
    elif _is_adobe(image):
        converted = _converted(colours, _table(_CURVES[_GAMMA_22]), np.array(_ADOBE_TO_709, np.float32))
    elif gamma and "srgb" not in image.info and abs(gamma * 2.2 - 1) > 0.05:
        converted = _converted(colours, _table(lambda v: v ** (1 / gamma)), None)
    if converted is None:
        return image
    if alpha:
        converted.putalpha(alpha)
    return converted


def _by_profile(image: Image.Image, profile: bytes) -> Image.Image | None:
    """None where the profile cannot be used, or is sRGB's."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), image.mode, "RGB")
        if image.mode not in ("CMYK", "I;16"):
            sample = _sample().convert(image.mode)
            changed = np.asarray(ImageCms.applyTransform(sample, transform)).astype(int)
            if np.abs(changed - np.asarray(sample.convert("RGB"))).max() <= _SAME:
                return None
        return ImageCms.applyTransform(image, transform)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _sample() -> Image.Image:
    """Every combination of six levels of red, green and blue."""
    levels = np.arange(0, 256, 51, dtype=np.uint8)
    return Image.fromarray(np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(6, 36, 3))


def _is_adobe(image: Image.Image) -> bool:
    try:
        return str(image.getexif().get_ifd(_INTEROP).get(1, "")).startswith(_OPTIONAL)
    except Exception:  # any error of a broken EXIF block, which costs no picture
        return False


def _curve_and_matrix(stated: Stated) -> tuple[np.ndarray, np.ndarray | None, bool]:
    """A table to linear light (256), diffuse white at 1, the matrix to BT.709's primaries, and whether it is HLG."""
    curve = _table(_CURVES.get(stated.transfer, from_srgb)) / np.float32(DIFFUSE_WHITE.get(stated.transfer, 1.0))
    matrix = np.array(TO_709[stated.primaries], np.float32) if stated.primaries in TO_709 else None
    return curve, matrix, stated.transfer == HLG


def _table(curve: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    return curve(np.linspace(0, 1, 256)).astype(np.float32)


def _converted(image: Image.Image, curve: np.ndarray, matrix: np.ndarray | None, scene: bool = False) -> Image.Image:
    light = cv2.LUT(np.asarray(image.convert("RGB")), curve)
    if matrix is not None:
        light = cv2.transform(light, matrix)
    light = displayed(light) if scene else light
    steps = (np.clip(light, 0, 1) ** 0.5 * 4095).round().astype(np.uint16)
    signal = (255 * to_srgb((np.arange(4096) / 4095) ** 2)).round().astype(np.uint8)
    return Image.fromarray(signal[steps])
