"""Draw what the model sees onto a frame: a panel with label and confidence, and a timeline."""

from __future__ import annotations

import colorsys
import zlib
from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np

from workoutlib.labels import LABELS
from workoutlib.media.images import as_rgb
from workoutlib.media.lettering import DIMMED, ENDLESS, SMALL_TEXT, TRACK, WHITE, Colour, Row, fit, put, text_size
from workoutlib.utils.errors import WorkoutlibError

#: Okabe and Ito's palette without its black: told apart with any colour vision. https://jfly.uni-koeln.de/color/
OKABE_ITO: tuple[Colour, ...] = (
    (230, 159, 0),  # orange
    (86, 180, 233),  # sky blue
    (0, 158, 115),  # bluish green
    (240, 228, 66),  # yellow
    (0, 114, 178),  # blue
    (213, 94, 0),  # vermilion
    (204, 121, 167),  # reddish purple
)

UNKNOWN = "unknown"
_GREY: Colour = (165, 165, 165)
_PALE: Colour = (210, 210, 210)
_BLACK: Colour = (0, 0, 0)


def css(colour: Colour) -> str:
    """A colour as matplotlib and style sheets write it: ``"#e69f00"``."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def colour_of(label: str) -> Colour:
    """The (red, green, blue) of a label, always the same: Okabe-Ito hues, each in four degrees of lightness.

    Alphabetical neighbours among the 22 labels get different hues; "unknown", also "unknown, perhaps …", is grey.
    """
    if _is_unknown(label):
        return _GREY
    place = LABELS.index(label) if label in LABELS else zlib.crc32(label.encode("utf-8", "replace"))
    base = OKABE_ITO[place % len(OKABE_ITO)]
    hue, lightness, saturation = colorsys.rgb_to_hls(*(channel / 255 for channel in base))
    shift = (0.0, 0.13, 0.26, 0.34)[place // len(OKABE_ITO) % 4]
    tint = colorsys.hls_to_rgb(hue, min(lightness + shift, 0.9), saturation)
    red, green, blue = (round(255 * channel) for channel in tint)
    return red, green, blue


def _is_unknown(label: str) -> bool:
    return label == UNKNOWN or label.startswith(f"{UNKNOWN}, ")


def draw_label(
    frame: np.ndarray,
    label: str,
    confidence: float | None,
    *,
    time: float | None = None,
    top3: Sequence[tuple[str, float]] | None = None,
) -> np.ndarray:
    """A copy of `frame` with a panel at its top left: label, confidence as per cent and bar, runners-up, time.

    Text grows with the picture and shrinks to fit its width; rows that find no room are left out.

    Args:
        frame: uint8 RGB (H, W, 3), or what `as_rgb` takes.
        label: any text; letters outside ASCII are written without accents or as "?".
        confidence: probability of `label`, in 0..1; ``None`` leaves per cent and bar out.
        time: seconds into the clip, shown as ``m:ss.s`` if given.
        top3: (label, probability) pairs, best first; those other than `label` are shown below it.
    """
    canvas = as_rgb(frame).copy()
    size = text_size(canvas)
    small = max(round(0.72 * size), min(SMALL_TEXT, size))
    share = None if confidence is None else _share(confidence)
    rows = [Row(label, share, size, _GREY if _is_unknown(label) else WHITE, colour_of(label))]
    runners_up = [(name, share) for name, share in top3 or () if name != label][:2]
    rows += [Row(name, _share(share), small, _PALE, _GREY) for name, share in runners_up]
    if time is not None:
        rows.append(Row(_clock(time), None, small, _PALE, _GREY))
    _draw_panel(canvas, rows, colour_of(label))
    return canvas


def _clock(seconds: float) -> str:
    """``"1:02.5"``: tenths are cut off, not rounded, so that a time shown has been reached."""
    tenths = int(10 * max(seconds, 0.0) + 1e-6)
    return f"{tenths // 600}:{tenths // 10 % 60:02}.{tenths % 10}"


def draw_timeline(
    frame: np.ndarray, segments: Sequence[tuple[float, float, str, float]], time: float, duration: float
) -> np.ndarray:
    """A copy of `frame` with a slim bar at its bottom: a coloured stretch a segment, and a cursor at `time`.

    Args:
        frame: uint8 RGB (H, W, 3), or what `as_rgb` takes.
        segments: (start, end, label, confidence) in seconds and 0..1; the less confident, the greyer.
        time, duration: seconds; whatever lies outside 0..duration is cut off.
    """
    canvas = as_rgb(frame).copy()
    height, width = canvas.shape[:2]
    thickness = max(text_size(canvas) // 2, 1)
    margin = min(thickness, width // 8)
    top, bottom = max(height - 2 * thickness, 0), max(height - thickness, 1)
    left, right = margin, max(width - margin, margin + 1)

    frame_of_bar = canvas[max(top - 1, 0) : bottom + 1, max(left - 1, 0) : right + 1]
    frame_of_bar[:] = cv2.convertScaleAbs(frame_of_bar, alpha=DIMMED)
    colours, covered = _bar(tuple(segments), right - left, duration)
    np.copyto(canvas[top:bottom, left:right], colours[: width - left], where=covered[: width - left])
    cursor, half = left + _column(time, right - left, duration), max(thickness // 4, 1)
    reach = slice(max(top - thickness // 2, 0), bottom + thickness // 2)
    canvas[reach, max(cursor - half - 1, 0) : cursor + half + 1] = _BLACK
    canvas[reach, max(cursor - half, 0) : cursor + half] = WHITE
    return canvas


def dim_outside(frame: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """A copy of uint8 RGB (H, W, 3), darker outside of a box (left, top, right, bottom in pixels)."""
    canvas = cv2.convertScaleAbs(frame, alpha=DIMMED)
    left, top, right, bottom = box
    canvas[top:bottom, left:right] = frame[top:bottom, left:right]
    return canvas


@lru_cache(maxsize=4)
def _bar(segments: tuple, length: int, duration: float) -> tuple[np.ndarray, np.ndarray]:
    """Colours (length, 3) of a timeline's columns, and which of them a segment covers: the same for a whole clip."""
    colours, covered = np.zeros((length, 3), np.uint8), np.zeros((length, 3), bool)
    for start, end, label, confidence in segments:
        share = 0.35 + 0.65 * _share(confidence)
        columns = slice(_column(start, length, duration), _column(end, length, duration))
        mixed = [share * c + (1 - share) * g for c, g in zip(colour_of(label), TRACK, strict=True)]
        colours[columns], covered[columns] = np.round(mixed), True
    return colours, covered


def _column(seconds: float, length: int, duration: float) -> int:
    part = min(max(seconds / duration, 0.0), 1.0) if duration > 0 else 0.0
    return round(part * length)


def _draw_panel(canvas: np.ndarray, rows: list[Row], stripe_colour: Colour) -> None:
    """Draw `rows` on a darkened panel at the top left of `canvas`, as many as find room."""
    height, width = canvas.shape[:2]
    gap, stripe = rows[0].gap, max(rows[0].size // 3, 1)
    room = width - 4 * gap - stripe
    while rows and gap + gap + sum(row.height for row in rows) > height:
        rows = rows[:-1]
    if not rows or room < rows[0].size:
        return  # a picture of a few pixels holds no text
    inner = min(room, max(_row_width(row) for row in rows))
    panel = canvas[gap : 2 * gap + sum(row.height for row in rows), gap : 3 * gap + stripe + inner]
    cv2.convertScaleAbs(panel, dst=panel, alpha=DIMMED)
    panel[:, :stripe] = stripe_colour
    top = gap
    for row in rows:
        _draw_row(panel[top : top + row.height, stripe + gap : stripe + gap + inner], row)
        top += row.height


def _row_width(row: Row) -> int:
    """Pixels that a row wants: its text, the widest per cent and a space between; long enough for a bar."""
    return max(fit(row.text, row.size, ENDLESS).width + _right_width(row), 11 * row.size)


def _right_width(row: Row) -> int:
    # The panel must not change its width with every frame, so it always has room for "100%".
    return 0 if row.share is None else fit("100%", row.size, ENDLESS).width + row.size


def _draw_row(area: np.ndarray, row: Row) -> None:
    """Draw one row over the whole width of `area`, a view into the frame."""
    width = area.shape[1]
    right = fit(row.per_cent, row.size, width)
    left = fit(row.text, row.size, max(width - _right_width(row), 0))
    put(area, left, 0, row)
    put(area, right, width - right.width, row)
    if row.share is not None:
        bar = area[row.size + row.gap : row.size + row.gap + row.thickness]
        bar[:] = TRACK
        bar[:, : round(row.share * width)] = row.bar


def _share(confidence: float) -> float:
    """`confidence` within 0..1, rounding errors cut off; WorkoutlibError where it is no probability."""
    if not -0.01 <= confidence <= 1.01:  # also catches NaN
        raise WorkoutlibError(f"A confidence lies in 0..1, not at {confidence}.")
    return min(max(float(confidence), 0.0), 1.0)
