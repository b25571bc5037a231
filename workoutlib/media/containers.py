"""Open the container of a clip and choose the stream in it that a player shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from workoutlib.media.timeline import is_doubtful
from workoutlib.utils.contents import foreign_content
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.paths import require_file, shown

# FFmpeg also "plays" pictures and text files, and follows playlists to other files and into the
# network; only these containers are opened. Those of sound are here to be told from broken clips.
_CONTAINERS = "mov,mp4,matroska,webm,avi,gif,mpeg,mpegts,mpegvideo,asf,flv,ogg,h264,hevc,m4v,mxf,ivf,dv,yuv4mpegpipe"
_SOUND_CONTAINERS = "mp3,wav,flac,aac"
# Of a program stream's pictures; without a key frame FFmpeg takes them for sound.
_PICTURE_IDS = range(0x1E0, 0x1F0)


class UnreadableClip(WorkoutlibError):
    """A clip that cannot be read; `reason` says why in a few words, for tables."""

    def __init__(self, path: str | Path, reason: str, advice: str = "Replace it or take it out.") -> None:
        super().__init__(f"Cannot read the clip {shown(path)}: {reason}. {advice}")
        self.reason = reason


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
        reason = "not a video, or broken or cut short before its index"
        if found:
            reason = found[0] if found[0].startswith("a video") else f"not a video, but {found[0]}"
        raise UnreadableClip(path, reason, found[1] if found else "Fetch or export it again.") from cause


@contextmanager
def open_clip(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container of a clip and the video stream that a player shows."""
    with ExitStack() as opened:
        container = opened.enter_context(open_container(path))
        stream = _choose_stream(container)
        # an edit list in seconds would leave out nearly all frames, one of length 0 all of them
        if stream and (is_doubtful(stream) or (stream.frames and stream.duration == 0)):
            container = opened.enter_context(open_container(path, ignore_editlist="1"))
            stream = _choose_stream(container)
        if stream is None:
            sound = [each for each in container.streams.audio if each.id not in _PICTURE_IDS]
            reason = "only sound, no video" if sound else "no video that can be decoded"
            raise UnreadableClip(path, reason)
        yield container, stream


def _choose_stream(container: InputContainer) -> VideoStream | None:
    """The video stream that a player shows: one that is no JPEG or PNG, of several the default one, the largest.

    None if there is none. A cover picture is no clip, and a stream without a decoder cannot be shown.
    """
    streams = [stream for stream in container.streams.video if _holds_a_clip(stream)]

    def rank(stream: VideoStream) -> tuple[bool, bool, int]:
        picture = stream.codec_context.name in {"mjpeg", "png"}
        return not picture, bool(stream.disposition & Disposition.default), stream.width * stream.height

    return max(streams, key=rank, default=None)


def _holds_a_clip(stream: VideoStream) -> bool:
    codec = stream.codec_context
    if codec is None or stream.disposition & Disposition.attached_pic:
        return False
    return codec.name not in {"mjpeg", "png"} or bool(stream.average_rate)
