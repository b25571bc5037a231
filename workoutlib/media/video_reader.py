"""Read clips: frames upright and with their true times."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from workoutlib.media.animations import animation_frames, decode_animation
from workoutlib.media.colour import Later, Shot, ToRgb
from workoutlib.media.fields import deinterlaced
from workoutlib.media.images import MAX_PIXELS
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
from workoutlib.utils.contents import foreign_content, unfinished
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.paths import require_file, shown

# FFmpeg also "plays" pictures and text files, and follows playlists to other files and into the
# network; only these containers are opened. Those of sound are here to be told from broken clips.
_CONTAINERS = "mov,mp4,matroska,webm,avi,gif,mpeg,mpegts,mpegvideo,asf,flv,ogg,h264,hevc,m4v,mxf,ivf,dv,yuv4mpegpipe"
_SOUND_CONTAINERS = "mp3,wav,flac,aac"
# Decoders of these draw the frames before the first key frame onto nothing; others leave them out.
_UNFORMED = frozenset({"mpeg4", "msmpeg4v2", "msmpeg4v3", "wmv1", "wmv2", "flv1", "h263", "mpeg1video", "mpeg2video"})
# Of a program stream's pictures; without a key frame FFmpeg takes them for sound.
_PICTURE_IDS = range(0x1E0, 0x1F0)
# FFmpeg's own decoders of these leave out the transparency that WebM keeps beside the pictures.
_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


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
        timeline = Timeline(DEFAULT_RATE)
        _, pixels = next(_frames_of_animation(path, timeline))
        length = timeline.end()  # of the first frame; the others' are not known before they are decoded
        return ClipInfo(path, pixels.shape[1], pixels.shape[0], 1 / length, count, count * length, 0)
    with _open_clip(path) as (container, stream):
        rate = mean_rate(stream)
        timeline = Timeline(rate)
        _, first = next(_decode(path, container, stream, timeline))
        matrix = display_matrix(first)
        width, height = _shown_size(path, stream, first)
        if swaps_axes(matrix):
            width, height = height, width
        begin, duration = timeline.first_packet, None
        if is_doubtful(stream):
            with _open_clip(path) as (again, same):  # nothing else in it can be believed
                duration = sum(packet.size > 0 for packet in again.demux(same)) / rate
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
        """As the frames themselves, for who does not look at all: where colours cost much (HDR) every second waits."""
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
        with _open_clip(self.path) as (container, stream):
            stream.thread_type = "AUTO"  # decode on all cores
            timeline = Timeline(mean_rate(stream), may_jump=may_jump(container), doubtful=is_doubtful(stream))
            frames = deinterlaced(_decode(self.path, container, stream, timeline))
            for index, (time, frame) in enumerate(frames):
                if index == 0:
                    self.start = timeline.zero
                    shown_size = _shown_size(self.path, stream, frame)
                    to_rgb = ToRgb(frame, stream.codec_context, shown_size, display_matrix(frame))
                if index % self.stride == 0:
                    waits = self._sparing and to_rgb.costs and index // self.stride % 2 == 1
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


@contextmanager
def open_container(path: Path, **options: str) -> Iterator[InputContainer]:
    """The container of a clip, or of its sound, opened by PyAV with FFmpeg's `options` for it.

    Raises WorkoutlibError when there is no such file or it is none that holds clips.
    """
    require_file(path, UnreadableClip)
    whitelist = {"format_whitelist": f"{_CONTAINERS},{_SOUND_CONTAINERS}"} | options
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
    with ExitStack() as opened:
        container = opened.enter_context(open_container(path))
        stream = _choose_stream(container)
        if stream and is_doubtful(stream):  # an edit list in seconds would leave out nearly all frames
            container = opened.enter_context(open_container(path, ignore_editlist="1"))
            stream = _choose_stream(container)
        if stream is None:
            sound = [each for each in container.streams.audio if each.id not in _PICTURE_IDS]
            reason = "only sound, no video" if sound else "no video that can be decoded"
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
    decoder, has_key = _decoder(stream), False
    formed = stream.codec_context.name not in _UNFORMED
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
            has_key |= packet.is_keyframe
            if packet.is_discard:
                timeline.skipped += length
            elif stamp is not None:
                timeline.add_packet(stamp, length)
            try:
                decoded = decoder.decode(packet)
            except av.error.FFmpegError:
                timeline.failed = True
                continue
            for frame in decoded:
                formed |= frame.key_frame
                yield timeline.add_frame(frame.time, damaged=frame.is_corrupt or not formed), frame
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
