"""TIFFs that need more than Pillow gives: several pages, and kinds of pixels that it does not know."""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

TIFF = (b"II*\0", b"MM\0*")
_KIND, _SMALLER = 0x00FE, 1  # the tag, and its bit for pages that show another one smaller
_PARTS = 0x014A  # the tag of pages inside a page: cameras' raw files (DNG, NEF, ARW) keep what the sensor saw there
_WIDTH, _HEIGHT = 0x0100, 0x0101
_log_level = threading.Lock()


def choose_page(image: Image.Image) -> int:
    """Go to the first page that is no smaller copy of another; gives how many such pages there are.

    None but smaller copies, of what only the camera's maker can read: 0.
    """
    pages = []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        if not int(image.tag_v2.get(_KIND, 0)) & _SMALLER:  # type: ignore[attr-defined]
            pages.append(number)
    image.seek(pages[0] if pages else 0)
    return len(pages) or int(_PARTS not in image.tag_v2)  # type: ignore[attr-defined]


def read_odd_tiff(path: Path, most: int) -> np.ndarray | None:
    """Pixels as they are stored, (H, W) or RGB or RGBA (H, W, C); None if OpenCV cannot read them either.

    Args:
        most: pixels, above which nothing is decoded.
    """
    try:
        with path.open("rb") as file:
            directory = ImageFileDirectory_v2(file.read(8))
            file.seek(directory.next)
            directory.load(file)
        size = int(directory[_WIDTH]) * int(directory[_HEIGHT])
    except (KeyError, TypeError, ValueError, SyntaxError, OSError, struct.error):
        return None
    if not 0 < size <= most:
        return None
    with _quietly():
        pixels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.shape[2:] not in ((), (3,), (4,)):
        return None
    if pixels.ndim == 3:
        pixels = pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]
    return pixels


@contextmanager
def _quietly() -> Iterator[None]:
    """OpenCV says on the terminal what is wrong with a file; how much it says is set for the whole process."""
    with _log_level:
        level = cv2.utils.logging.setLogLevel(0)
        try:
            yield
        finally:
            cv2.utils.logging.setLogLevel(level)
