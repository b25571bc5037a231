"""A clip in the page: an H.264 player above a timeline whose stretches jump to their time."""

from __future__ import annotations

from html import escape
from pathlib import Path

import cv2
import pandas as pd
from IPython.display import HTML

from workoutlib.media.overlay import colour_of
from workoutlib.media.video_reader import probe_clip, read_frames
from workoutlib.media.video_writer import ClipWriter
from workoutlib.notebook.panels.common import data_url
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.pages import on_colour
from workoutlib.utils.paths import shown

LARGEST_BYTES = 60_000_000
COPY_SIDE = 640  # pixels
PLAYED_BY_BROWSERS = {".mp4": "video/mp4", ".m4v": "video/mp4", ".webm": "video/webm"}


def show_clip(path: str | Path, segments: pd.DataFrame, duration: float, *, name: str = "clip") -> HTML:
    """A player with its timeline, to end a cell with.

    Args:
        segments: from `ClipPrediction.segments`.
        duration: seconds.
        name: distinguishes several players of one page.
    """
    return HTML(f"<div class='{name}'>{player_html(path, name)}{timeline_html(segments, duration, name)}</div>")


def player_html(path: str | Path, name: str) -> str:
    """A ``<video>`` that holds the whole clip, and a line that names what is seen at the moment.

    Raises:
        WorkoutlibError: no browser plays this kind of file, or it is too large to be held in a page.
    """
    path = Path(path)
    kind = PLAYED_BY_BROWSERS.get(path.suffix.lower())
    if kind is None:
        raise WorkoutlibError(f"{shown(path)}: browsers play .mp4 and .webm; convert it with browser_copy")
    if path.stat().st_size > LARGEST_BYTES:
        size = path.stat().st_size / 1e6
        raise WorkoutlibError(f"{shown(path)}: {size:.0f} MB are too many for a page; open the file in a player")
    # The stretch that plays is outlined and named below the picture.
    follow = (
        f"for (const b of document.querySelectorAll('.{name} button[data-start]')) {{"
        "const now = this.currentTime >= b.dataset.start && this.currentTime < b.dataset.end;"
        "b.style.outline = now ? '3px solid currentColor' : '';"
        f"if (now) document.querySelector('.{name} .now').textContent = b.title; }}"
    )
    return (
        f"<video controls muted playsinline preload='auto' style='width:100%;max-width:720px;max-height:45vh' "
        f'ontimeupdate="{escape(follow, quote=True)}" src="{data_url(path.read_bytes(), kind)}"></video>'
        "<div class='now' style='min-height:1.4em;font-weight:bold'></div>"
    )


def timeline_html(segments: pd.DataFrame, duration: float, name: str, *, width: int = 720) -> str:
    """A button a segment, as wide as it is long; each seeks the player of the same name to its start."""
    buttons = []
    for segment in segments.itertuples():
        text = f"{segment.label}, {segment.start:.1f} to {segment.end:.1f} s, {segment.confidence:.0%}"
        # a label that finds no room is left out, not cut off: hover, and the table below the timeline, tell it
        inner = segment.label if width * (segment.end - segment.start) / duration > 8 * len(segment.label) else ""
        seek = f"document.querySelector('.{name} video').currentTime = {segment.start:.3f}"
        style = (
            f"flex:{max(segment.end - segment.start, 1e-3):.3f} 1 0;min-width:6px;height:34px;border:0;"
            # An outline inside stands out from the segment's own colour, on a light and on a dark page.
            "padding:0;cursor:pointer;overflow:hidden;white-space:nowrap;outline-offset:-3px;"
            f"{on_colour(colour_of(segment.label))}"
        )
        buttons.append(
            f"<button type='button' title='{escape(text, quote=True)}' aria-label='Go to {escape(text, quote=True)}' "
            f"data-start='{segment.start:.3f}' data-end='{segment.end:.3f}' style='{style}' "
            f'onclick="{escape(seek, quote=True)}">{escape(inner)}</button>'
        )
    return (
        f"<div style='display:flex;gap:2px;max-width:{width}px'>{''.join(buttons)}</div>"
        f"<div style='display:flex;justify-content:space-between;max-width:{width}px'>"
        f"<span>0 s</span><span>{duration:.1f} s</span></div>"
    )


def browser_copy(path: Path, folder: Path) -> Path:
    """The clip itself if browsers play its kind of file and a page can hold it, else an H.264 copy in `folder`.

    The copy of a clip that is too large for a page is at most 640 pixels wide and high.
    """
    large = path.stat().st_size > LARGEST_BYTES
    if path.suffix.lower() in PLAYED_BY_BROWSERS and not large:
        return path
    folder.mkdir(parents=True, exist_ok=True)
    info, frames, target = probe_clip(path), read_frames(path), folder / f"{path.name}.mp4"
    scale = min(COPY_SIDE / max(info.width, info.height), 1.0) if large else 1.0
    width, height = max(round(info.width * scale), 1), max(round(info.height * scale), 1)
    with ClipWriter(target, width, height, info.frames_per_second, source=frames) as writer:
        for time, frame in frames:
            small = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) if scale < 1 else frame
            writer.write(small, time)
    return target
