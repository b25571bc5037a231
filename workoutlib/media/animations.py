"""Animated WebP, PNG and AVIF as clips; FFmpeg reads of these only one frame, or none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

from workoutlib.media.images import as_rgb, for_pillow
from workoutlib.media.stamps import shown_for
from workoutlib.media.timeline import Timeline
from workoutlib.utils.errors import WorkoutlibError


def animation_frames(path: Path) -> int:
    """Number of frames of an animated picture in Pillow's formats (GIF, WebP, PNG, AVIF); 0 where it is none."""
    Image.init()
    try:
        with Image.open(path, formats=[name for name in ("GIF", "WEBP", "PNG", "AVIF") if name in Image.OPEN]) as image:
            count = getattr(image, "n_frames", 1) - _first(image)
            return count if count > 1 else 0
    except Exception:  # any error of the decoder: a broken file is reported when it is read as a photo
        return 0


def animation_lengths(path: Path) -> list[float]:
    """Seconds of each frame that can be read, by what it says itself."""
    lengths = []
    with Image.open(path) as image, suppress(OSError, EOFError, SyntaxError, ValueError):
        for place in range(_first(image), getattr(image, "n_frames", 1)):
            image.seek(place)
            image.load()  # of WebP and AVIF the length is known only then
            lengths.append(_length(image))
    return lengths


def _first(image: Image.Image) -> int:
    """A PNG may hold, before its animation, another picture for programs that know none."""
    return int(bool(image.info.get("default_image")))


def _length(image: Image.Image) -> float:
    return shown_for(float(image.info.get("duration") or 0) / 1000)


def decode_animation(path: Path, timeline: Timeline) -> Iterator[tuple[float, np.ndarray]]:
    """(time in seconds, uint8 RGB (H, W, 3)) of all frames that decode; transparency is laid on white."""
    start = 0.0
    with Image.open(for_pillow(path)) as image:
        for place in range(_first(image), getattr(image, "n_frames", 1)):
            try:
                image.seek(place)
                pixels, length = as_rgb(image), _length(image)
            except (WorkoutlibError, OSError, EOFError, SyntaxError, ValueError):
                timeline.failed = timeline.broken_off = True
                return
            timeline.add_packet(start, length)
            yield timeline.add_frame(start), pixels
            start += length
