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
from av.video.stream import VideoStream
from PIL import Image

from workoutlib.media.images import MAX_PIXELS
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.paths import require_file, shown

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".gif", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts"}
    | {".wmv", ".flv", ".3gp", ".ogv"}
)

# FFmpeg also "plays" pictures and text files, and follows playlists to other files and into the
# network; only these containers are opened. Those of sound are here to be told from broken clips.
_CONTAINERS = "mov,mp4,matroska,webm,avi,gif,mpeg,mpegts,mpegvideo,asf,flv,ogg,h264,hevc,m4v"
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


def is_clip(path: str | Path) -> bool:
    """Whether `path` is named like a clip; a GIF is a clip only if it has several frames."""
    path = Path(path)
    suffix = path.suffix.lower()
    return _is_animated(path) if suffix == ".gif" else suffix in VIDEO_SUFFIXES


def probe_clip(path: str | Path) -> ClipInfo:
    """Size, rate, length and rotation of a clip, from its header and its first frame.

    Raises WorkoutlibError when there is no such readable file, or it has no video or no frame.
    """
    path = Path(path)
    with _open_clip(path) as (container, stream):
        first = next(_decode(path, container, stream))
        matrix = _display_matrix(first)
        width, height = _shown_size(path, stream, first)
        if _swaps_axes(matrix):
            width, height = height, width
        rate, duration = _frame_rate(stream), _duration(container, stream)
        frames = max(round(duration * rate), 1) if duration else stream.frames or None
        return ClipInfo(path, width, height, rate, frames, duration, _rotation(matrix))


def read_frames(path: str | Path, *, stride: int = 1) -> Iterator[tuple[float, np.ndarray]]:
    """Yield (time in seconds, uint8 RGB frame (H, W, 3)) of every `stride`-th frame, as a player shows it.

    The first frame is at 0.0 and times increase, unevenly where the clip's frame rate varies. All
    frames have the size of the first. One frame at a time is in memory, however long the clip is.
    Where a clip is damaged or cut short, the frames that decode come and a warning follows at the end.

    Raises WorkoutlibError, at the first frame, on the conditions of `probe_clip`.
    """
    path = Path(path)
    if stride < 1:
        raise WorkoutlibError(f"The stride must be at least 1 (every frame), not {stride}.")
    with _open_clip(path) as (container, stream):
        stream.thread_type = "AUTO"  # decode on all cores
        rate, time = _frame_rate(stream), 0.0
        to_rgb = av.video.reformatter.VideoReformatter()  # one a clip: frame.reformat sets one up for every frame
        for index, frame in enumerate(_decode(path, container, stream)):
            if index == 0:
                start, matrix = frame.time or 0.0, _display_matrix(frame)
                width, height = _shown_size(path, stream, frame)
            else:
                # Frames without a time stamp, or with one that runs backwards, are spaced evenly.
                stamp = time if frame.time is None else frame.time - start
                time = stamp if stamp > time else time + 1 / rate
            if index % stride == 0:
                stored = to_rgb.reformat(frame, width, height, "rgb24").to_ndarray()
                yield time, _turn_upright(stored, matrix)


@contextmanager
def _open_clip(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container of a clip and its video stream."""
    require_file(path, UnreadableClip)
    whitelist = {"format_whitelist": f"{_CONTAINERS},{_SOUND_CONTAINERS}"}
    try:
        # "file:", as FFmpeg would take some names for protocols. A Python file object instead of the
        # name deadlocks with decoding threads in PyAV 12 when a reader stops half-way, and options=
        # instead of container_options= crashes PyAV before 17 where streams show up late (MPEG-PS).
        with av.open(f"file:{path}", container_options=whitelist, metadata_errors="replace") as container:
            streams = [stream for stream in container.streams.video if _holds_a_clip(stream)]
            if not streams:
                reason = "only sound, no video" if container.streams.audio else "no video that can be decoded"
                raise UnreadableClip(path, reason)
            yield container, streams[0]
    except (av.error.FFmpegError, ValueError) as cause:
        reason = "not a video, or broken or cut short before its index"
        raise UnreadableClip(path, reason, "Fetch or export it again.") from cause


def _holds_a_clip(stream: VideoStream) -> bool:
    """Whether a video stream has a decoder and is not the cover picture of a sound file."""
    codec = stream.codec_context
    return codec is not None and (codec.name not in {"mjpeg", "png"} or bool(stream.average_rate))


def _decode(path: Path, container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
    """All frames that decode; warns at the end if some did not, raises WorkoutlibError if none did."""
    frames, damaged, start, end = 0, False, math.inf, 0.0
    try:
        for packet in container.demux(stream):
            damaged |= packet.is_corrupt
            if packet.pts is not None and packet.time_base:
                start = min(start, float(packet.pts * packet.time_base))
                end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            try:
                decoded = packet.decode()
            except av.error.FFmpegError:
                damaged = True
                continue
            for frame in decoded:
                frames += 1
                yield frame
    except av.error.FFmpegError:
        damaged = True
    if frames == 0:
        raise UnreadableClip(path, "not one frame can be decoded", "Fetch or export it again.")
    # The count of frames in the header is no measure: an edit list may leave frames out. Some
    # containers state the length from the first frame on, some from time 0.
    stated, read = _duration(container, stream) or 0.0, max(end, end - start)
    if damaged or (end > 0 and read + 2 / _frame_rate(stream) < 0.95 * stated):
        text = f"The clip {shown(path)} is damaged or cut short: {frames} frames could be read"
        warnings.warn(f"{text}, up to {read:.1f} of {max(stated, read):.1f} s.", stacklevel=3)


def _frame_rate(stream: VideoStream) -> float:
    """Mean frames a second, as well as the file tells it."""
    stated = (stream.average_rate, stream.guessed_rate, stream.base_rate)
    return next((float(rate) for rate in stated if rate and 0 < rate <= _HIGHEST_RATE), _DEFAULT_RATE)


def _duration(container: InputContainer, stream: VideoStream) -> float | None:
    """Seconds, or None where the file does not say."""
    if stream.duration and stream.duration > 0 and stream.time_base:
        return float(stream.duration * stream.time_base)
    if container.duration and container.duration > 0:
        return container.duration / av.time_base
    return None


def _shown_size(path: Path, stream: VideoStream, frame: av.VideoFrame) -> tuple[int, int]:
    """(width, height) of a stored frame, not yet turned, with its pixels made square."""
    aspect = stream.sample_aspect_ratio
    believable = aspect is not None and Fraction(1, 4) <= aspect <= 4
    width = round(frame.width * aspect) if aspect and believable else frame.width
    if width * frame.height > MAX_PIXELS:
        reason = f"{width} × {frame.height} pixels are above the limit of {MAX_PIXELS / 1e6:.0f} million"
        raise UnreadableClip(path, reason, "Scale it down first.")
    return width, frame.height


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


def _is_animated(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        with Image.open(path, formats=["GIF"]) as image:
            return image.is_animated  # type: ignore[attr-defined]
    except Exception:  # any error of the decoder: a broken GIF is reported when it is read as a photo
        return False
