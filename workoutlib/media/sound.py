"""The sound of a clip on its way into a copy: as it is where MP4 players take it, else as AAC; cut to the picture.

Transport streams are encoded anew: their sound may change its kind in the middle, as where a broadcast goes from a film
to an advertisement, and of damaged packets a decoder makes the best.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Disposition

from workoutlib.media.containers import open_container
from workoutlib.media.timeline import may_jump, starts_anew
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.paths import shown

_LOWEST_MP3_RATE = 16_000  # MP4 does not take MP3 below that
_AAC_RATES = frozenset({96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000})
_LAYOUTS = {1: "mono", 6: "5.1"}  # by the number of channels; all others become stereo
_BLOCK = 1024  # samples of a packet of AAC
_SLIP = 0.05  # seconds by which sound may run ahead of its time stamps, or behind, before it is put right


class SoundCopier:
    """Copies the sound of a clip into an MP4 file that is being written.

    Sound that cannot be read is left out, with a warning: the picture is worth having without it.
    """

    def __init__(self, source: Path, output: OutputContainer) -> None:
        self._source, self._output, self._open = source, output, ExitStack()
        self._packets: Iterator[Packet] = iter(())
        self._as_it_is, self._may_jump = False, False
        self._filled = -np.inf  # seconds of the copy that have been written as they were
        self._kind: tuple[str, str, int] | None = None  # of the samples that the resampler takes
        self._lost = 0.0  # seconds that are damaged
        self._last, self._ahead = 0.0, 0.0  # the last time stamp, and how far the clock has jumped
        self._waiting: Packet | None = None
        self._rate, self._position, self._samples = 0, 0, np.empty((1, 0), np.float32)
        try:
            container = self._open.enter_context(open_container(source))
        except WorkoutlibError:  # an animated picture, which FFmpeg does not open
            return
        streams = [stream for stream in container.streams.audio if stream.codec_context is not None]
        streams = [stream for stream in streams if stream.codec_context.sample_rate and stream.codec_context.channels]
        if streams:
            self._input = max(streams, key=lambda stream: bool(stream.disposition & Disposition.default))
            self._packets, self._may_jump = container.demux(self._input), may_jump(container)
            self._add_stream(self._input)
        elif container.streams.audio:
            self._warn("it is empty, or of a kind that is not known")

    def _add_stream(self, source: AudioStream) -> None:
        codec = source.codec_context
        fits = codec.name == "aac" or (codec.name.startswith("mp3") and codec.sample_rate >= _LOWEST_MP3_RATE)
        self._as_it_is = fits and not self._may_jump
        if self._as_it_is:
            self._stream = self._output.add_stream_from_template(source)
            return
        self._rate = codec.sample_rate if codec.sample_rate in _AAC_RATES else 48_000
        self._layout = _LAYOUTS.get(codec.channels, "stereo")
        self._stream = self._output.add_stream("aac", rate=self._rate, layout=self._layout)
        self._samples = np.empty((self._stream.codec_context.channels, 0), np.float32)

    def write_until(self, time: float, start: float, *, last: bool = False) -> None:
        """Write the sound up to `time` of the copy, whose 0.0 is `start` in the source; with `last` no more follows."""
        try:
            while packet := self._waiting or next(self._packets, None):
                stamp = self._time(packet) - start
                self._waiting = packet
                if stamp >= time:
                    break
                self._waiting = None
                if self._as_it_is:
                    self._copy(packet, stamp, time if last else np.inf)
                else:
                    self._decode(packet, start + self._ahead)
            while self._rate and self._samples.shape[1] >= _BLOCK and self._position + _BLOCK <= time * self._rate:
                self._encode(_BLOCK)
            if last and self._rate:
                self._encode(min(self._samples.shape[1], round(time * self._rate) - self._position))
                self._output.mux(self._stream.encode(None))
            if last and self._lost > _SLIP:  # less is not heard, and lost wherever a transport stream begins
                self._warn(f"{self._lost:.2f} s of it are damaged")
        except av.error.FFmpegError as error:
            self._packets, self._waiting = iter(()), None
            self._warn(error.strerror or str(error))

    def _time(self, packet: Packet) -> float:
        """Time stamp of a packet in seconds, going on evenly where the container's clock jumps; -inf without one."""
        if packet.pts is None:
            return -np.inf
        stamp = float(packet.pts * packet.time_base)
        if self._may_jump and self._last and starts_anew(stamp - self._ahead - self._last):
            self._ahead = stamp - self._last - float((packet.duration or 0) * packet.time_base)
        self._last = stamp - self._ahead
        return self._last

    def close(self) -> None:
        self._open.close()

    def _warn(self, reason: str) -> None:
        warnings.warn(f"The sound of {shown(self._source)} is not whole in the copy: {reason}.", stacklevel=4)

    def _copy(self, packet: Packet, stamp: float, end: float) -> None:
        """Write a packet as it is if more than half of it lies between 0.0 and `end`, and none of it is there already.

        Stamps a little off are put right: some are rounded, and those of fragmented files may repeat themselves.
        """
        codec = self._input.codec_context
        length = float((packet.duration or 0) * packet.time_base)
        if abs(stamp - self._filled) < _SLIP:
            stamp = self._filled
        whole = bool(packet.size) and self._decoded(packet) is not None  # browsers stop at one that is damaged
        if whole and -length / 2 <= stamp <= end - length / 2 and stamp >= self._filled:
            packet.pts = packet.dts = max(round(stamp / packet.time_base), 0)
            self._filled = stamp + (codec.frame_size / codec.sample_rate or length)  # unlike a stamp not rounded
            packet.stream = self._stream
            self._output.mux(packet)

    def _decoded(self, packet: Packet) -> Any:
        """The frames in a packet; None, which is counted, where it is damaged."""
        try:
            return packet.decode()
        except av.error.FFmpegError:
            self._lost += float((packet.duration or 0) * packet.time_base)
            return None

    def _decode(self, packet: Packet, start: float) -> None:
        """Put the samples of a packet in their place; for what is damaged or missing stands silence."""
        for frame in self._decoded(packet) or ():
            time, kind = frame.time, (frame.format.name, frame.layout.name, frame.sample_rate)
            if kind != self._kind:  # at the first frame, and where another recording begins
                # whole numbers, as FFmpeg mixes surround sound to stereo without clipping only in them
                layout = "mono" if self._both(frame) else self._layout
                self._kind, self._resampler = kind, av.AudioResampler("s16p", layout, self._rate)
            for part in self._resampler.resample(frame):
                samples = part.to_ndarray() / np.float32(32768)
                if self._both(frame):
                    samples = np.repeat(samples, 2, axis=0)
                filled = self._position + self._samples.shape[1]
                late = 0 if time is None else round((time - start) * self._rate) - filled
                slip = _SLIP * self._rate if filled else 0
                if late > slip:
                    self._samples = np.pad(self._samples, ((0, 0), (0, late)))
                elif late < -slip:
                    samples = samples[:, -late:]
                self._samples, time = np.concatenate([self._samples, samples], 1), None

    def _both(self, frame: av.AudioFrame) -> bool:
        """Whether one channel goes to both of a stereo copy: as it is, FFmpeg would make it 3 dB quieter."""
        return frame.layout.nb_channels == 1 and self._layout == "stereo"

    def _encode(self, count: int) -> None:
        """Encode the first `count` samples that wait."""
        if count > 0:
            block, self._samples = self._samples[:, :count], self._samples[:, count:]
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), "fltp", self._layout)
            frame.sample_rate, frame.pts, frame.time_base = self._rate, self._position, Fraction(1, self._rate)
            self._position += count
            self._output.mux(self._stream.encode(frame))
