"""Read clips: frames upright and with their true times."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from workoutlib.media.animations import animation_frames, animation_lengths, decode_animation
from workoutlib.media.colour import Later, Shot, Stated, ToRgb
from workoutlib.media.containers import UnreadableClip as UnreadableClip
from workoutlib.media.containers import open_clip
from workoutlib.media.fields import deinterlaced
from workoutlib.media.images import MAX_PIXELS
from workoutlib.media.stamps import Stamps
from workoutlib.media.timeline import (
    DEFAULT_RATE,
    Timeline,
    is_doubtful,
    may_jump,
    mean_rate,
    measured_length,
    stated_length,
)
from workoutlib.media.upright import display_matrix, rotation_of, swaps_axes
from workoutlib.utils.contents import unfinished
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.paths import require_file, shown

# Decoders of these draw the frames before the first key frame onto nothing; others leave them out.
_UNFORMED = frozenset({"mpeg4", "msmpeg4v2", "msmpeg4v3", "wmv1", "wmv2", "flv1", "h263", "mpeg1video", "mpeg2video"})
# FFmpeg's own decoders of these leave out the transparency that WebM keeps beside the pictures.
_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


@dataclass(frozen=True)
class ClipInfo:
    """What a clip is, as a player shows it."""

    path: Path
    width: int  # pixels, upright
    height: int  # pixels, upright
    frames_per_second: float  # the mean: single frames may be spaced unevenly
    frames: int | None  # an estimate: duration × rate; None if the file says too little
    duration: float | None  # seconds
    rotation: int  # degrees clockwise that turn the stored frames upright: 0, 90, 180 or 270


def probe_clip(path: str | Path) -> ClipInfo:
    """Size, rate, length and rotation of a clip, from its header and its first frame.

    Raises WorkoutlibError when there is no such readable file, or it has no video or no frame.
    """
    path = Path(path)
    if _animation(path):
        _, pixels = next(_frames_of_animation(path, Timeline(DEFAULT_RATE)))
        lengths = animation_lengths(path)
        rate = len(lengths) / sum(lengths)
        return ClipInfo(path, pixels.shape[1], pixels.shape[0], rate, len(lengths), sum(lengths), 0)
    with open_clip(path) as (container, stream):
        rate = mean_rate(stream)
        timeline = Timeline(rate)
        _, first = next(_decode(path, container, stream, timeline))
        matrix = display_matrix(first)
        width, height = _shown_size(path, stream, first)
        if swaps_axes(matrix):
            width, height = height, width
        begin, duration = timeline.first_packet, None
        if is_doubtful(stream):
            with open_clip(path) as (again, same):  # nothing else in it can be believed
                duration = sum(packet.size > 0 for packet in again.demux(same)) / rate
        elif container.format.name == "gif":  # FFmpeg's lengths are not browsers'
            with open_clip(path) as (again, same):
                clock = Stamps(again, same)
                lengths = [clock.of_packet(packet)[1] for packet in again.demux(same) if packet.size]
            rate, duration = len(lengths) / sum(lengths), sum(lengths)
        duration = duration or stated_length(container, stream, begin) or measured_length(container, stream, begin)
        frames = max(round(duration * rate), 1) if duration else stream.frames or None
        return ClipInfo(path, width, height, rate, frames, duration, rotation_of(matrix))


def read_frames(path: str | Path, *, stride: int = 1) -> ClipFrames:
    """Yield (time in seconds, uint8 RGB frame (H, W, 3)) of every `stride`-th frame, as a player shows it.

    The first frame is at 0.0 and times increase, unevenly where the clip's frame rate varies. All
    frames have the size of the first. One frame at a time is in memory, however long the clip is.
    Where frames are missing or damaged, those that decode come, and at the end a warning says how
    many are missing and where.

    Raises WorkoutlibError, at the first frame, on the conditions of `probe_clip`.
    """
    if stride < 1:
        raise WorkoutlibError(f"The stride must be at least 1 (every frame), not {stride}.")
    return ClipFrames(Path(path), stride)


class ClipFrames(Iterator[tuple[float, np.ndarray]]):
    """What `read_frames` gives: its frames and, once they are read, where the last one ends.

    Attributes:
        start: seconds, the file's own time of the first frame: its sound is timed by that.
        end: seconds from the first frame to the end of the last; 0.0 until all frames are read.
    """

    def __init__(self, path: Path, stride: int) -> None:
        self.path, self.stride = path, stride
        self.start, self.end = 0.0, 0.0
        self._sparing, self._frames = False, self._read()

    def __next__(self) -> tuple[float, np.ndarray]:
        return next(self._frames)  # type: ignore[return-value]  # without `sparing` all of them are arrays

    def sparing(self) -> Iterator[tuple[float, Shot]]:
        """As the frames themselves, for who does not look at all: every second one waits to be brought to RGB."""
        self._sparing = True
        return self._frames

    def _read(self) -> Iterator[tuple[float, Shot]]:
        if count := _animation(self.path):
            timeline = Timeline(DEFAULT_RATE)
            for index, (time, pixels) in enumerate(_frames_of_animation(self.path, timeline)):
                if index % self.stride == 0:
                    yield time, pixels
            self._finish(timeline, timeline.end() * count / len(timeline.times) if timeline.failed else None)
            return
        with open_clip(self.path) as (container, stream):
            stream.thread_type = "AUTO"  # decode on all cores
            stated = Stated.by(stream.codec_context)
            timeline = Timeline(mean_rate(stream), may_jump=may_jump(container), doubtful=is_doubtful(stream))
            frames = deinterlaced(_decode(self.path, container, stream, timeline))
            for index, (time, frame) in enumerate(frames):
                if index == 0:
                    self.start = timeline.zero
                    shown_size = _shown_size(self.path, stream, frame)
                    to_rgb = ToRgb(frame, stated, shown_size, display_matrix(frame))
                if index % self.stride == 0:
                    waits = self._sparing and index // self.stride % 2 == 1
                    yield time, Later(to_rgb, frame) if waits else to_rgb(frame)
            self._finish(timeline, timeline.compare_with_file(container, stream, self.path))

    def _finish(self, timeline: Timeline, stated: float | None) -> None:
        self.end = timeline.end(stated)
        if lost := timeline.describe_losses(stated):
            why = f"; it is {found[0]}" if (found := unfinished(self.path)) else ""
            warnings.warn(f"The clip {shown(self.path)} is damaged or cut short: {lost}{why}.", stacklevel=3)


def _animation(path: Path) -> int:
    """Frames of an animation that Pillow decodes; 0 for any other clip. GIF is FFmpeg's, which needs less time."""
    require_file(path, UnreadableClip)
    with path.open("rb") as file:
        head = file.read(16)
    moves = head.startswith(b"\x89PNG") or head[8:12] in (b"WEBP", b"avis")
    return animation_frames(path) if moves else 0


def _frames_of_animation(path: Path, timeline: Timeline) -> Iterator[tuple[float, np.ndarray]]:
    for index, (time, pixels) in enumerate(decode_animation(path, timeline)):
        if index == 0:
            _require_size(path, pixels.shape[1], pixels.shape[0])
        yield time, pixels
    if not timeline.times:
        raise UnreadableClip(path, "not one frame can be decoded", "Fetch or export it again.")


def _decode(
    path: Path, container: InputContainer, stream: VideoStream, timeline: Timeline
) -> Iterator[tuple[float, av.VideoFrame]]:
    """All frames that decode, with their times; raises WorkoutlibError if there is none."""
    packet: Any
    decoder, stamps, has_key = _decoder(stream), Stamps(container, stream), False
    formed = stream.codec_context.name not in _UNFORMED
    try:
        # all streams: where the header has one length for them, the longest tells whether the file was cut
        for packet in container.demux():
            stamp, length = stamps.of_packet(packet)
            timeline.read_to = max(timeline.read_to, (stamp or 0.0) + length)
            if packet.stream != stream:
                continue
            if packet.size == 0 and stamp is not None:  # Theora and others repeat a frame so
                if not packet.is_corrupt:
                    timeline.add_repeat(stamp, length)
                continue
            has_key |= packet.is_keyframe
            timeline.failed |= packet.is_corrupt  # a transport stream with a part missing
            stamps.decoding(stamp)
            if packet.is_discard:
                timeline.skipped += length
            elif stamp is not None:
                timeline.add_packet(stamp, length)
            try:
                decoded = decoder.decode(packet)
            except av.error.FFmpegError:
                timeline.failed = True
                stamps.failed(stamp)
                continue
            for frame in decoded:
                formed |= frame.key_frame
                yield timeline.add_frame(stamps.of_frame(frame), damaged=frame.is_corrupt or not formed), frame
    except av.error.FFmpegError:
        timeline.failed = timeline.broken_off = True
    if not timeline.times:
        why = "" if has_key else ": its key frames are missing, without which the others cannot be seen"
        raise UnreadableClip(path, f"not one frame can be decoded{why}", "Fetch or export it again.")


def _decoder(stream: VideoStream) -> VideoCodecContext:
    name = _WITH_ALPHA.get(stream.codec_context.name)
    if stream.metadata.get("alpha_mode") != "1" or name not in av.codecs_available:
        return stream.codec_context
    return av.CodecContext.create(name, "r")  # type: ignore[return-value]


def _shown_size(path: Path, stream: VideoStream, frame: av.VideoFrame) -> tuple[int, int]:
    """(width, height) of a stored frame, not yet turned, with its pixels made square."""
    aspect = stream.sample_aspect_ratio
    believable = aspect is not None and Fraction(1, 4) <= aspect <= 4
    width = round(frame.width * aspect) if aspect and believable else frame.width
    _require_size(path, width, frame.height)
    return width, frame.height


def _require_size(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        reason = f"{width} × {height} pixels are above the limit of {MAX_PIXELS / 1e6:.0f} million"
        raise UnreadableClip(path, reason, "Scale it down first.")
