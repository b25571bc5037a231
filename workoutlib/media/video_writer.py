"""Write clips: H.264 that plays in a browser."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.packet import Packet

from workoutlib.media.images import as_rgb
from workoutlib.media.sound import SoundCopier
from workoutlib.media.timeline import HIGHEST_RATE
from workoutlib.media.video_reader import ClipFrames
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import replacing
from workoutlib.utils.paths import shown

# Ticks a second of written time stamps: MPEG's clock, exact for all usual frame rates.
_TICKS = 90_000


class ClipWriter:
    """Write frames to an H.264 file (yuv420p, index in front) that plays in a browser.

    The clip grows under a temporary name beside `path` and takes its own at the end of the
    ``with`` block; after an exception nothing is left, and a clip of that name stays as it was.

        with ClipWriter("squat.mp4", 960, 540, 30) as writer:
            for time, frame in read_frames("squat.mov"):
                writer.write(frame, time)

    H.264 needs even sides: an odd one gains a pixel, a copy of the last row or column.
    """

    def __init__(
        self, path: str | Path, width: int, height: int, frames_per_second: float, *, source: ClipFrames | None = None
    ) -> None:
        """Prepare to write; the file is made by the ``with`` block.

        Args:
            width, height: those of the frames.
            frames_per_second: nominal, the frames' times count.
            source: what the frames are read from: the copy keeps its sound and, once all its frames are
                read, ends when it does.
        """
        self.source = source
        self.path = Path(path)
        self.width, self.height = int(width), int(height)
        if self.path.suffix.lower() != ".mp4":
            raise WorkoutlibError(f"A clip is written as .mp4, not {shown(self.path.name)}. Change the suffix.")
        if self.width < 1 or self.height < 1:
            raise WorkoutlibError(f"A clip's width and height are at least 1 pixel, not {width} × {height}.")
        if not 0 < frames_per_second <= HIGHEST_RATE:
            text = f"frames_per_second is above 0 and at most {HIGHEST_RATE:.0f}, not {frames_per_second}."
            raise WorkoutlibError(text)
        self.rate = max(Fraction(frames_per_second).limit_denominator(1001), Fraction(1, 1001))
        self.frames = 0

    def __enter__(self) -> ClipWriter:
        if "libx264" not in av.codecs_available:
            text = "This build of PyAV has no H.264 encoder (libx264). Reinstall it: pip install --force-reinstall av"
            raise WorkoutlibError(text)
        if not self.path.parent.is_dir() or self.path.is_dir():
            raise WorkoutlibError(f"Cannot write {shown(self.path)}: it needs an existing folder and a file name.")
        self._last_tick, self._last_time = -1, -math.inf
        self._last_packet: Packet | None = None
        self._sound: SoundCopier | None = None
        self._writing = self._write_file()
        self._writing.__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._writing.__exit__(*exception)

    @contextmanager
    def _write_file(self) -> Iterator[None]:
        """Open the file and its encoder, finish them after the block, discard the file after an exception."""
        with replacing(self.path) as partial:
            container = None
            try:
                container = av.open(f"file:{partial}", "w", format="mp4", options={"movflags": "+faststart"})
                self._add_stream(container)
                self._sound = SoundCopier(self.source.path, container) if self.source else None
                yield
                if self.frames == 0:
                    raise WorkoutlibError(f"Cannot write {shown(self.path)}: not one frame was given.")
                self._finish()
                container.close()
            except BaseException as error:
                if container is not None:
                    # Closing finishes the file, which fails if writing did; the file goes anyway.
                    with suppress(av.error.FFmpegError):
                        container.close()
                if isinstance(error, av.error.FFmpegError):
                    size = f"{self.width} × {self.height} pixels"
                    raise OSError(f"{error.strerror or error}; frames of {size}") from error
                raise
            finally:
                if self._sound:
                    self._sound.close()

    def _add_stream(self, container: OutputContainer) -> None:
        self._container = container
        self._stream = container.add_stream("libx264", rate=self.rate)
        self._stream.width = self.width + self.width % 2
        self._stream.height = self.height + self.height % 2
        self._stream.pix_fmt = "yuv420p"
        # With B-frames an uneven frame rate makes the muxer state too short a duration. The fastest preset makes
        # twice as large a file as "veryfast" at the same quality, in two fifths of the time.
        self._stream.options = {"preset": "ultrafast", "crf": "22", "bf": "0"}
        codec = self._stream.codec_context
        codec.time_base = Fraction(1, _TICKS)
        codec.colorspace, codec.color_range = 6, 1  # BT.601, limited: what `write` converts to

    def write(self, frame: np.ndarray, time: float) -> None:
        """Append `frame`, uint8 RGB (height, width, 3), shown from `time` in seconds on; times increase."""
        rgb = as_rgb(frame)
        if rgb.shape[:2] != (self.height, self.width):
            got = f"{rgb.shape[1]} × {rgb.shape[0]}"
            raise WorkoutlibError(f"A frame of {got} pixels does not fit a clip of {self.width} × {self.height}.")
        if not (math.isfinite(time) and time >= 0 and time > self._last_time):
            raise WorkoutlibError(f"Frame times increase from 0 on; {time} follows {self._last_time}.")
        if self.height % 2 or self.width % 2:
            rgb = np.pad(rgb, ((0, self.height % 2), (0, self.width % 2), (0, 0)), mode="edge")
        # a quarter of the time that FFmpeg's own conversion takes, for the same colours
        planes: np.ndarray = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420)
        picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        picture.time_base = Fraction(1, _TICKS)
        picture.pts = max(round(time * _TICKS), self._last_tick + 1)
        self._last_tick, self._last_time = picture.pts, time
        self._mux(self._stream.encode(picture))
        self.frames += 1
        if self._sound and self.source:
            self._sound.write_until(time, self.source.start)

    def _mux(self, packets: list[Packet]) -> None:
        """Write all packets but the last: how long that is shown will be known when another follows, or none."""
        for packet in packets:
            if self._last_packet:
                self._container.mux(self._last_packet)
            self._last_packet = packet

    def _finish(self) -> None:
        end = self.source.end if self.source else 0.0
        if end <= self._last_time:
            end = self._last_time + float(1 / self.rate)
        self._mux(self._stream.encode(None))
        if self._last_packet:
            self._last_packet.duration = round(end * _TICKS) - self._last_tick
            self._container.mux(self._last_packet)
        if self._sound and self.source:
            self._sound.write_until(end, self.source.start, last=True)
