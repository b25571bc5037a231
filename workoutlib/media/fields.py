"""Interlaced clips: every frame holds two moments, in its even and its odd rows; of these one picture is made."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import av

Timed = tuple[float, av.VideoFrame]


def deinterlaced(frames: Iterator[Timed]) -> Iterator[Timed]:
    """The frames of a clip with their times, those marked as interlaced by FFmpeg's `bwdif`, all others as they are.

    As many frames come out as go in, at most two later.
    """
    fields: _Fields | None = None
    for time, frame in frames:
        if fields and fields.shape != _shape(frame):  # another size from here on
            yield from fields.end()
            fields = None
        if fields is None and frame.interlaced_frame:
            fields = _Fields(frame)
        if fields is None:
            yield time, frame
        else:
            yield from fields.add(time, frame)
    if fields:
        yield from fields.end()


def _shape(frame: av.VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name


class _Fields:
    """FFmpeg's filter for the frames of one size."""

    def __init__(self, frame: av.VideoFrame) -> None:
        self.shape = width, height, _ = _shape(frame)
        self._times: deque[float] = deque()
        self._graph = av.filter.Graph()
        source = self._graph.add_buffer(width=width, height=height, format=frame.format, time_base=frame.time_base)
        middle = self._graph.add("bwdif", "mode=send_frame:deint=interlaced")
        source.link_to(middle)
        middle.link_to(self._graph.add("buffersink"))
        self._graph.configure()

    def add(self, time: float, frame: av.VideoFrame) -> Iterator[Timed]:
        self._times.append(time)
        self._graph.push(frame)
        return self._ready()

    def end(self) -> Iterator[Timed]:
        self._graph.push(None)
        return self._ready()

    def _ready(self) -> Iterator[Timed]:
        while self._times:
            try:
                frame = self._graph.vpull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            yield self._times.popleft(), frame
