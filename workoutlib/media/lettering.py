"""Text on a frame: OpenCV's letters, as large as the picture lets them be, made smaller and then cut to their room."""

from __future__ import annotations

import math
import unicodedata
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

Colour = tuple[int, int, int]
"""Red, green, blue in 0..255."""
WHITE: Colour = (255, 255, 255)
TRACK: Colour = (85, 85, 85)
"""Of a bar, behind its filled part."""
FONT = cv2.FONT_HERSHEY_SIMPLEX
_CAPITAL = 21  # pixels of a capital at scale 1; OpenCV 4 and 5 measure a text's height differently
SMALL_TEXT = 8
"""Height of a capital in pixels: good to read."""
SMALLEST_TEXT = 6
"""The least that can be read; what is still too long is cut."""
ENDLESS = 1_000_000
"""Room, in pixels, for a text that need not shrink."""
DIMMED = 0.25
"""What is left of the picture's brightness behind text."""


class Row(NamedTuple):
    """A line of the panel: a text and, if it has a share in 0..1, that as per cent and as a bar below."""

    text: str
    share: float | None
    size: int  # height of a capital in pixels
    ink: Colour
    bar: Colour

    @property
    def per_cent(self) -> str:
        return "" if self.share is None else f"{self.share:.0%}"

    @property
    def height(self) -> int:
        """With the gap below, in pixels."""
        return self.size + self.gap + (0 if self.share is None else self.thickness + self.gap)

    @property
    def gap(self) -> int:
        return max(self.size // 2, 1)

    @property
    def thickness(self) -> int:
        return max(self.size // 4, 2)


class Text(NamedTuple):
    """A text as it is written: its letters, their scale in OpenCV, and its width in pixels."""

    text: str
    scale: float
    width: int


@lru_cache(maxsize=1024)
def fit(text: str, size: int, room: int) -> Text:
    """`text` in OpenCV's letters, `size` pixels high, made smaller and then cut until `room` pixels hold it."""
    text = _ascii(text)
    scale, smallest = size / _CAPITAL, min(SMALLEST_TEXT, size) / _CAPITAL
    width = _width(text, scale)
    if width > room:
        scale = max(scale * room / width, smallest)
    whole = text
    while text and _width(text, scale) > room:
        whole = whole[:-1]
        text = whole + "..." if whole else ""
    return Text(text, scale, _width(text, scale))


def _width(text: str, scale: float) -> int:
    return cv2.getTextSize(text, FONT, scale, _stroke(scale))[0][0] if text else 0


def _stroke(scale: float) -> int:
    return max(round(1.6 * scale), 1)


def put(area: np.ndarray, text: Text, x: int, row: Row) -> None:
    """Write a text into `area`, a view into the frame, from column `x` on, its capitals at the upper edge."""
    if text.text:
        cv2.putText(area, text.text, (x, row.size), FONT, text.scale, row.ink, _stroke(text.scale), cv2.LINE_AA)


def _ascii(text: str) -> str:
    """The text in printable ASCII, all that OpenCV 4 can write: accents are dropped, other letters become "?"."""
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return "".join(letter if " " <= letter <= "~" else "?" for letter in plain)


def text_size(canvas: np.ndarray) -> int:
    """Height of a capital in pixels, by the size of the picture: 9 at 160 × 120, 24 at 960 × 540."""
    height, width = canvas.shape[:2]
    wanted = max(round(0.033 * math.sqrt(height * width)), SMALL_TEXT + 1)
    return max(min(wanted, height // 4, width // 8), 1)
