"""When the frames of a clip are shown, where its container does not say that, or browsers see it otherwise."""

from __future__ import annotations

from heapq import heappop, heappush

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

# Browsers show frames that state less than 20 milliseconds for 100.
_SHORTEST, _INSTEAD = 0.02, 0.1
# These store when a frame is decoded, not when it is shown.
_BY_DECODING = frozenset({"avi", "asf"})


def shown_for(seconds: float) -> float:
    """How long browsers show a frame of an animation that states so many seconds."""
    return seconds if seconds >= _SHORTEST else _INSTEAD


class Stamps:
    """Time stamps of a clip's packets and frames, in seconds.

    Frames that are stored in another order than they are shown get the stamps of their packets in order, where the
    container has no others. Those of a GIF are shown as long as browsers show them.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self._is_gif = container.format.name == "gif"
        by_decoding = container.format.name in _BY_DECODING and bool(stream.codec_context.has_b_frames)
        self._in_order = self._is_gif or by_decoding
        self._waiting: list[float] = []
        self._clock = 0.0

    def of_packet(self, packet: Packet) -> tuple[float | None, float]:
        """When its frame is shown, or None, and for how long."""
        if not packet.time_base:
            return None, 0.0
        length = float((packet.duration or 0) * packet.time_base)
        if packet.pts is None:
            return None, length
        if not self._is_gif:
            return float(packet.pts * packet.time_base), length
        start, length = self._clock, shown_for(length)
        self._clock += length
        return start, length

    def decoding(self, stamp: float | None) -> None:
        """A packet of the picture with this stamp is about to be decoded."""
        if self._in_order and stamp is not None:
            heappush(self._waiting, stamp)

    def failed(self, stamp: float | None) -> None:
        """It could not be decoded."""
        if self._in_order and stamp in self._waiting:
            self._waiting.remove(stamp)
            self._waiting.sort()

    def of_frame(self, frame: av.VideoFrame) -> float | None:
        """When a frame is shown, as they are given in that order; None where it is not said."""
        return heappop(self._waiting) if self._waiting else frame.time
