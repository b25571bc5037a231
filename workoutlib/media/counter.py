"""Draw a repetition counter onto a frame: the number, how far the repetition has come, and a hint."""

from __future__ import annotations

import cv2
import numpy as np

from workoutlib.media.images import as_rgb
from workoutlib.media.lettering import DIMMED, ENDLESS, TRACK, WHITE, Row, fit, put, text_size
from workoutlib.media.overlay import OKABE_ITO

_MOVING, _WARNING = OKABE_ITO[1], OKABE_ITO[0]  # sky blue, orange: told apart with any colour vision, and by the text
_LARGE = 2.6  # height of the number in lines of text


def draw_counter(frame: np.ndarray, number: str, unit: str, phase: float, hint: str | None = None) -> np.ndarray:
    """A copy of uint8 RGB (H, W, 3) with a panel at its bottom left, above the timeline.

    Args:
        number: large, such as the repetitions until now.
        unit: beside it, such as "reps".
        phase: 0..1, from the start of a repetition to its turn; the bar below the number.
        hint: what a coach would say now, over the whole width if need be.
    """
    canvas = as_rgb(frame).copy()
    height, width = canvas.shape[:2]
    size = text_size(canvas)
    gap, large = max(size // 2, 1), round(_LARGE * size)
    colour = _WARNING if hint else _MOVING
    text, beside = (Row(words, None, tall, WHITE, colour) for words, tall in ((number, large), (unit, size)))
    fitted, unit_text = fit(number, large, ENDLESS), fit(unit, size, ENDLESS)
    bottom = height - 2 * gap - gap
    wide = max(fitted.width + gap + unit_text.width, 6 * size) + 2 * gap
    tall = large + max(size // 2, 3) + 3 * gap
    advice = Row("! " + hint, None, size, _WARNING, colour) if hint else None
    room = width - 4 * gap
    top = bottom - tall - (size + 2 * gap if advice else 0)
    if top < 0 or wide > width - 2 * gap:
        return canvas  # a picture of a few pixels holds no counter
    panel = canvas[top : top + tall, gap : gap + wide]
    cv2.convertScaleAbs(panel, dst=panel, alpha=DIMMED)
    put(panel[gap:], fitted, gap, text)
    put(panel[gap + large - size :], unit_text, 2 * gap + fitted.width, beside)
    bar = panel[large + 2 * gap : tall - gap, gap:-gap]
    bar[:] = TRACK
    bar[:, : round(float(np.clip(phase, 0, 1)) * bar.shape[1])] = colour
    if advice:
        words = fit(advice.text, size, room)
        strip = canvas[bottom - size - 2 * gap : bottom, gap : gap + min(words.width, room) + 2 * gap]
        cv2.convertScaleAbs(strip, dst=strip, alpha=DIMMED)
        put(strip[gap:], words, gap, advice)
    return canvas
