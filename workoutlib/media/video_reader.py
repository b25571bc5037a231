"""Read clips: frames upright and with their true times."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from workoutlib.media.animations import animation_frames, decode_animation
from workoutlib.media.colour import ToRgb
from workoutlib.media.images import MAX_PIXELS
from workoutlib.media.kinds import VIDEO_SUFFIXES as VIDEO_SUFFIXES
from workoutlib.media.kinds import is_clip as is_clip
from workoutlib.media.timeline import Timeline, may_jump, measured_length, stated_length
from workoutlib.utils.contents import foreign_content
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.paths import require_file, shown

# FFmpeg also "plays" pictures and text files, and follows playlists to other files and into the
# network; only these containers are opened. Those of sound are here to be told from broken clips.
_CONTAINERS = "mov,mp4,matroska,webm,avi,gif,mpeg,mpegts,mpegvideo,asf,flv,ogg,h264,hevc,m4v,mxf,ivf,dv,yuv4mpegpipe"
_SOUND_CONTAINERS = "mp3,wav,flac,aac"
# Frames a second of a clip that does not say.
_DEFAULT_RATE = 25.0
_HIGHEST_RATE = 1000.0


class UnreadableClip(WorkoutlibError):
    """A clip that cannot be read; `reason` says why in a few words, for tables."""

    def __init__(self, path: str | Path, reason: str, advice: str = "Replace it or take it out.") -> None:
        super().__init__(f"Cannot read the clip {shown(path)}: {reason}. {advice}")
        self.reason = reason


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
    if count := _animation(path):
        timeline = Timeline(_DEFAULT_RATE)
        _, pixels = next(_frames_of_animation(path, timeline))
        length = timeline.end()  # of the first frame; the others' are not known before they are decoded
        return ClipInfo(path, pixels.shape[1], pixels.shape[0], 1 / length, count, count * length, 0)
    with _open_clip(path) as (container, stream):
        rate = _frame_rate(stream)
        timeline = Timeline(rate)
        _, first = next(_decode(path, container, stream, timeline))
        matrix = _display_matrix(first)
        width, height = _shown_size(path, stream, first)
        if _swaps_axes(matrix):
            width, height = height, width
        begin = timeline.first_packet
        duration = stated_length(container, stream, begin) or measured_length(container, stream, begin)
        frames = max(round(duration * rate), 1) if duration else stream.frames or None
        return ClipInfo(path, width, height, rate, frames, duration, _rotation(matrix))


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
        self._frames = self._read()

    def __next__(self) -> tuple[float, np.ndarray]:
        return next(self._frames)

    def _read(self) -> Iterator[tuple[float, np.ndarray]]:
        if count := _animation(self.path):
            timeline = Timeline(_DEFAULT_RATE)
            for index, (time, pixels) in enumerate(_frames_of_animation(self.path, timeline)):
                if index % self.stride == 0:
                    yield time, pixels
            self._finish(timeline, timeline.end() * count / len(timeline.times) if timeline.failed else None)
            return
        with _open_clip(self.path) as (container, stream):
            stream.thread_type = "AUTO"  # decode on all cores
            timeline = Timeline(_frame_rate(stream), may_jump=may_jump(container))
            for index, (time, frame) in enumerate(_decode(self.path, container, stream, timeline)):
                if index == 0:
                    matrix, self.start = _display_matrix(frame), timeline.zero
                    width, height = _shown_size(self.path, stream, frame)
                    to_rgb = ToRgb(frame, stream.codec_context)
                if index % self.stride == 0:
                    yield time, _turn_upright(to_rgb(frame, width, height), matrix)
            self._finish(timeline, timeline.compare_with_file(container, stream, self.path))

    def _finish(self, timeline: Timeline, stated: float | None) -> None:
        self.end = timeline.end(stated)
        if lost := timeline.describe_losses(stated):
            warnings.warn(f"The clip {shown(self.path)} is damaged or cut short: {lost}.", stacklevel=3)


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


@contextmanager
def open_container(path: Path) -> Iterator[InputContainer]:
    """The container of a clip, or of its sound, opened by PyAV.

    Raises WorkoutlibError when there is no such file or it is none that holds clips.
    """
    require_file(path, UnreadableClip)
    whitelist = {"format_whitelist": f"{_CONTAINERS},{_SOUND_CONTAINERS}"}
    try:
        # "file:", as FFmpeg would take some names for protocols. A Python file object instead of the
        # name deadlocks with decoding threads in PyAV 12 when a reader stops half-way, and options=
        # instead of container_options= crashes PyAV before 17 where streams show up late (MPEG-PS).
        with av.open(f"file:{path}", container_options=whitelist, metadata_errors="replace") as container:
            yield container
    except (av.error.FFmpegError, ValueError) as cause:
        found = foreign_content(path)
        reason = f"not a video, but {found[0]}" if found else "not a video, or broken or cut short before its index"
        raise UnreadableClip(path, reason, found[1] if found else "Fetch or export it again.") from cause


@contextmanager
def _open_clip(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container of a clip and the video stream that a player shows."""
    with open_container(path) as container:
        stream = _choose_stream(container)
        if stream is None:
            reason = "only sound, no video" if container.streams.audio else "no video that can be decoded"
            raise UnreadableClip(path, reason)
        yield container, stream


def _choose_stream(container: InputContainer) -> VideoStream | None:
    """The video stream that a player shows: the default one, of several one that is no JPEG or PNG, the largest.

    None if there is none. A cover picture is no clip, and a stream without a decoder cannot be shown.
    """
    streams = [stream for stream in container.streams.video if _holds_a_clip(stream)]

    def rank(stream: VideoStream) -> tuple[bool, bool, int]:
        picture = stream.codec_context.name in {"mjpeg", "png"}
        return bool(stream.disposition & Disposition.default), not picture, stream.width * stream.height

    return max(streams, key=rank, default=None)


def _holds_a_clip(stream: VideoStream) -> bool:
    codec = stream.codec_context
    if codec is None or stream.disposition & Disposition.attached_pic:
        return False
    return codec.name not in {"mjpeg", "png"} or bool(stream.average_rate)


def _decode(
    path: Path, container: InputContainer, stream: VideoStream, timeline: Timeline
) -> Iterator[tuple[float, av.VideoFrame]]:
    """All frames that decode, with their times; raises WorkoutlibError if there is none."""
    packet: Any
    try:
        # all streams: where the header has one length for them, the longest tells whether the file was cut
        for packet in container.demux():
            stamp = None if packet.pts is None or not packet.time_base else float(packet.pts * packet.time_base)
            length = float((packet.duration or 0) * packet.time_base) if packet.time_base else 0.0
            timeline.read_to = max(timeline.read_to, (stamp or 0.0) + length)
            if packet.stream != stream:
                continue
            if packet.size == 0 and stamp is not None:  # Theora and others repeat a frame so
                if not packet.is_corrupt:
                    timeline.add_repeat(stamp, length)
                continue
            if packet.is_discard:
                timeline.skipped += length
            elif stamp is not None:
                timeline.add_packet(stamp, length)
            try:
                decoded = packet.decode()
            except av.error.FFmpegError:
                timeline.failed = True
                continue
            for frame in decoded:
                yield timeline.add_frame(frame.time, damaged=frame.is_corrupt), frame
    except av.error.FFmpegError:
        timeline.failed = timeline.broken_off = True
    if not timeline.times:
        raise UnreadableClip(path, "not one frame can be decoded", "Fetch or export it again.")


def _frame_rate(stream: VideoStream) -> float:
    """Mean frames a second, as well as the file tells it."""
    stated = (stream.average_rate, stream.guessed_rate, stream.base_rate)
    return next((float(rate) for rate in stated if rate and 0 < rate <= _HIGHEST_RATE), _DEFAULT_RATE)


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


def _display_matrix(frame: av.VideoFrame) -> np.ndarray:
    """The 2 × 2 part ((a, b), (c, d)) of the matrix that turns a frame upright: x' = ax + cy, y' = bx + dy.

    https://ffmpeg.org/doxygen/trunk/group__lavu__video__display.html
    """
    data: Any
    for data in frame.side_data:
        if data.type.name == "DISPLAYMATRIX":
            return np.frombuffer(data, np.int32)[:9].reshape(3, 3)[:2, :2].astype(np.int64)
    return np.eye(2, dtype=np.int64)


def _swaps_axes(matrix: np.ndarray) -> bool:
    return abs(matrix[0, 1]) > abs(matrix[0, 0])


def _rotation(matrix: np.ndarray) -> int:
    """Degrees clockwise, to the quarter turn; of a mirrored frame, those behind the mirror."""
    (a, b), (c, d) = matrix
    mirrored = a * d - b * c < 0
    angle = math.degrees(math.atan2(-b, -a) if mirrored else math.atan2(b, a))
    return round(angle / 90) * 90 % 360


def _turn_upright(frame: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Turn and mirror (H, W, 3) by `matrix`, to the quarter turn."""
    (a, b), (c, d) = matrix
    if _swaps_axes(matrix):
        frame, a, d = frame.swapaxes(0, 1), c, b
    frame = frame[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]
    return np.ascontiguousarray(frame)
