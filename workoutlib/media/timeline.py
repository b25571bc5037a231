"""The timeline of a clip as it was decoded: where its last frame ends, and what is missing, how much and where."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from workoutlib.media.endings import is_cut_off

# Of a clip whose frames are evenly spaced, so many missing in a row are a loss: a camera may skip one or two.
_SKIPPED = 3
# Where the file itself says that a frame is shown for so many intervals, it may have been meant so.
_HELD = 10
# Whoever trims a clip without encoding it anew leaves holes between its last frames; some encoders, after the first.
_REORDERED = 4
_EVEN, _VERY_EVEN = 0.8, 0.95  # share of the intervals that are as the usual one
# A transport stream's clock may start anew, as where two are joined; like FFmpeg, take a longer gap for that.
JUMP = 10.0
_BACK = 0.5  # back, stamps run only there
_NAMED = 3  # stretches that a note names
DEFAULT_RATE = 25.0
"""Frames a second of a clip that does not say, or says what cannot be."""
HIGHEST_RATE, SLOWEST = 1000.0, 1 / 3600
"""Frames a second of what can be a clip; where a header says others, its frames' times count if those can be."""


@dataclass(frozen=True)
class Loss:
    """A stretch without frames: seconds from the first frame on, and how many frames it should have."""

    start: float
    end: float
    frames: int


@dataclass
class Timeline:
    """Times of decoded frames, and what their packets say of them; all in seconds.

    Args:
        rate: frames a second as the file states them; used where there are too few frames to tell.
    """

    rate: float
    times: list[float] = field(default_factory=list)  # from the first frame on, increasing
    damaged: list[float] = field(default_factory=list)  # frames that were decoded, with errors
    failed: bool = False  # whether a packet could not be decoded, or time stamps run backwards
    broken_off: bool = False  # whether the file could not be read on
    read_to: float = 0.0  # the latest end of any packet, of the sound too
    _stamps: list[float] = field(default_factory=list)  # as `times`, but as the file says
    _late: bool = False  # whether the last frame's stamp ran backwards
    _zero: float | None = None  # time stamp of the first frame, None until one has told it
    first_packet: float = np.inf  # its time stamp
    last_packet: float = -np.inf  # the latest one's
    _lengths: dict[float, float] = field(default_factory=dict)  # of packets that wait for their frame
    _shown: list[float] = field(default_factory=list)  # how long each frame is shown, 0 where it is not said
    _repeats: list[float] = field(default_factory=list)  # ends of stretches in which a frame is repeated
    skipped: float = 0.0  # seconds that an edit list leaves out
    may_jump: bool = False  # whether the container's clock may start anew: `may_jump`
    jumps: list[float] = field(default_factory=list)  # times at which it did
    _shift: float = 0.0  # seconds by which it is ahead since then
    slack: float = 0.0  # seconds by which the header's length may be too long
    doubtful: bool = False  # whether a frame rate in the header cannot be
    counted: bool = False  # whether the frames' times cannot be either: they are counted then

    def add_packet(self, stamp: float, length: float) -> None:
        """A packet of the picture is about to be decoded."""
        self.first_packet, self.last_packet = min(self.first_packet, stamp), max(self.last_packet, stamp)
        self._lengths[stamp] = length

    def add_repeat(self, stamp: float, length: float) -> None:
        """An empty packet: the frame before it is shown on."""
        self._repeats.append(stamp + length)

    def add_frame(self, stamp: float | None, *, damaged: bool = False) -> float:
        """A frame was decoded; returns its time: evenly spaced where it has no stamp, or one that runs backwards."""
        if self._zero is None and stamp is not None:  # frames before it may have none, as those with negative times
            self._zero = stamp - (self.times[-1] + 1 / self.rate if self.times else 0.0)
        if not self.times:
            time = 0.0
            self._stamps.append(time)
        else:
            last = self.times[-1]
            if len(self.times) == 1 and stamp is not None:
                self._doubt(stamp)
            stamp = None if self.counted else stamp
            time = last + 1 / self.rate if stamp is None else stamp - self.zero - self._shift
            if self.may_jump and starts_anew(time - last):
                ahead, self._shift = time - last, self._shift + time - last - self.usual
                time = last + self.usual
                if ahead > 0:  # where it runs back, another recording begins: nothing is missing
                    self.jumps.append(time)
            self._stamps.append(time)
            late = time <= last
            if late:  # one late frame is squeezed in; many have no clock that could be followed
                self.failed = True
                time = last + (1 if self._late else 0.25) / self.rate
            self._late = late
        self.times.append(time)
        self._shown.append(0.0 if stamp is None else self._lengths.pop(stamp, 0.0))
        if damaged:
            self.damaged.append(time)
        return time

    def _doubt(self, stamp: float) -> None:
        """Decide by the second frame whether the file's times can be; from then on frames are counted if not."""
        step, length = stamp - self.zero, self._shown[0]
        all_equal = self.first_packet == self.last_packet == stamp
        self.counted = all_equal or (self.doubtful and not can_be(1 / step if step > 0 else np.inf))
        if self.counted:
            self._shown = [0.0]
            self.rate = 1 / length if all_equal and length and can_be(1 / length) else self.rate

    @property
    def zero(self) -> float:
        """The file's own time of the first frame."""
        return self._zero or 0.0

    @property
    def usual(self) -> float:
        """The usual interval between frames."""
        return float(np.median(np.diff(self.times))) if len(self.times) > 2 else 1 / self.rate

    @property
    def _before(self) -> float:
        """Seconds from the first packet to the first frame: more than 0 where the first frames are lost."""
        return 0.0 if self.counted else max(self.zero - min(self.first_packet, self.zero), 0.0)

    def end(self, stated: float | None = None) -> float:
        """Where the last frame ends; `stated`, the length in the header, counts if it is near."""
        last, shown = self.times[-1], self._shown[-1] or self.usual
        if self.counted:
            return last + shown
        length = (stated or 0.0) - self._before
        if not self.failed and last < length <= last + 2 * max(shown, self.usual):
            return length
        return max([last + shown, *(end - self.zero for end in self._repeats[-1:])])

    def compare_with_file(self, container: InputContainer, stream: VideoStream, path: Path) -> float | None:
        """The length that the header states; whether the file ends before it should is kept for the note."""
        stated, kinds = stated_length(container, stream, self.first_packet), container.format.name.split(",")
        self.broken_off |= stated is None and self.read_to + 1 < whole_length(container)
        self.broken_off |= "gif" in kinds and not _tail(path).rstrip(b"\0").endswith(b";")
        self.broken_off |= is_cut_off(path)
        if "mov" in kinds:  # some programs count from 0, and so does FFmpeg where an edit list delays the picture
            self.slack = self.zero
        return None if self.counted else stated

    def losses(self, stated: float | None = None) -> list[Loss]:
        """Stretches without frames, in order; `stated` is the length of the picture in the header, if it tells."""
        usual, order = self.usual, np.argsort(self._stamps, kind="stable")
        times, shown = np.array(self._stamps)[order], np.array(self._shown)[order]
        gaps = np.diff(times)
        even = float((np.abs(gaps - usual) < 0.3 * usual).mean()) if len(gaps) >= 8 else 0.0
        repeats, found = np.array(self._repeats) - self.zero, []
        if (before := self._before) > ((1 if self.failed else _SKIPPED) - 0.5) * usual:
            found.append(Loss(-before, 0.0, round(before / usual)))
        for place in np.flatnonzero(gaps > 1.5 * usual):
            start, end, missing = times[place] + usual, times[place + 1], round(gaps[place] / usual) - 1
            if ((repeats > start) & (repeats < end + usual / 2)).any():
                continue
            at_an_end = place == 0 or times[-1] - end < _REORDERED * usual
            if at_an_end and not self.failed and missing < _HELD:
                continue
            held = shown[place] > 0.75 * gaps[place]
            least, evenly = (_HELD, _VERY_EVEN) if held else (_SKIPPED, _EVEN)
            if missing >= 1 and (self.failed or (missing >= least and even >= evenly)):
                found.append(Loss(float(start), float(end), missing))
        end, length = self.end(stated), (stated or 0.0) - self.skipped - before
        if length - end > self.slack + (0.75 if self.failed else 1.75) * usual:
            found.append(Loss(end, length, round((length - end) / usual)))
        return found

    def describe_losses(self, stated: float | None = None) -> str | None:
        """How much is missing or damaged and where, in words; None where nothing is."""
        found, end = self.losses(stated), self.end(stated)
        parts = []
        if found:
            missing = sum(loss.frames for loss in found)
            where = ", ".join(_where(loss, end) for loss in found[:_NAMED])
            more = f", and {len(found) - _NAMED} more stretches" if len(found) > _NAMED else ""
            parts.append(f"{missing} of {len(self.times) + missing} frames {_are(missing)} missing ({where}{more})")
        if self.damaged:
            count, stop = len(self.damaged), self.damaged[-1]
            place = f"at {stop:.2f} s" if count == 1 else f"between {self.damaged[0]:.2f} and {stop:.2f} s"
            parts.append(f"{count} of {len(self.times)} frames {_are(count)} damaged ({place})")
        if self.jumps:
            parts.append(f"its clock jumps at {self.jumps[0]:.2f} s, what is missing there is not known")
        if self.counted:
            parts.append(f"its times cannot be, {self.rate:.0f} frames a second are taken")
        if self.broken_off and not any(loss.start >= end for loss in found):
            parts.append(f"the file cannot be read on after {end:.2f} s")
        return ", ".join(parts) or None


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - 1024, 0))
        return file.read()


def _where(loss: Loss, end: float) -> str:
    if loss.end <= 0:
        return f"{-loss.start:.2f} s before the first that can be read"
    to = " s to the end at" if loss.start >= end else " to"
    return f"from {loss.start:.2f}{to} {loss.end:.2f} s"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def starts_anew(ahead: float) -> bool:
    """Whether a stamp so many seconds after the last one is of a clock that has started anew."""
    return ahead > JUMP or ahead < -_BACK


def may_jump(container: InputContainer) -> bool:
    """Whether the clock of such a container may start anew in the middle."""
    return container.format.name in ("mpegts", "mpeg")


def stated_rates(stream: VideoStream) -> list[float]:
    """The frame rates that a file states or FFmpeg guesses, the best first."""
    stated = (stream.average_rate, stream.guessed_rate, stream.base_rate)
    return [float(rate) for rate in stated if rate]


def mean_rate(stream: VideoStream) -> float:
    """Mean frames a second, as well as the file tells it."""
    return next(filter(can_be, stated_rates(stream)), DEFAULT_RATE)


def is_doubtful(stream: VideoStream) -> bool:
    """Whether the file states a frame rate that cannot be; where only FFmpeg's mean is odd, its times decide."""
    return not all(map(can_be, stated_rates(stream)[:1]))


def can_be(rate: float) -> bool:
    """Whether a clip can have so many frames a second."""
    return SLOWEST <= rate <= HIGHEST_RATE


def stated_length(container: InputContainer, stream: VideoStream, first: float) -> float | None:
    """Seconds of the picture as the header states them, or None where it does not, or only guesses.

    The header's length of a whole file is no measure where there is sound too: that may be longer.
    `first` is the time stamp of the first packet: some containers reckon from 0, not from there.
    """
    kinds = set(container.format.name.split(","))
    if kinds & {"mov", "avi"} and stream.duration and stream.duration > 0 and stream.time_base:
        length = float(stream.duration * stream.time_base)
        if "mov" in kinds:
            return min(length, whole_length(container) or length)
        # of an AVI file that was cut FFmpeg gives what is left of it; the number of frames is the header's
        return max(length, float(stream.frames / stream.average_rate) if stream.average_rate else 0.0) - first
    if not kinds & {"matroska", "asf", "flv"}:  # others have no header; FFmpeg estimates by the bit rate
        return None
    if written := re.fullmatch(r"(\d+):(\d+):(\d+\.\d+)", stream.metadata.get("DURATION", "")):  # Matroska's tag
        hours, minutes, seconds = map(float, written.groups())
        return max(hours * 3600 + minutes * 60 + seconds - first, 0.0) or None
    return max(whole_length(container) - first, 0.0) or None if len(container.streams) == 1 else None


def whole_length(container: InputContainer) -> float:
    """Seconds of the file by its header, sound and all; 0.0 where it does not say, or FFmpeg only guesses."""
    told = set(container.format.name.split(",")) & {"mov", "avi", "matroska", "asf", "flv"}
    return max(container.duration or 0, 0) / av.time_base if told else 0.0


def measured_length(container: InputContainer, stream: VideoStream, first: float) -> float | None:
    """Seconds of the picture by its packets, none of them decoded: for files whose header does not tell.

    `first` is the time stamp of the first packet, which may have been read before.
    """
    starts, ends, jumps = [first], [], may_jump(container)
    last, shift = first, 0.0
    try:
        for packet in container.demux(stream):
            if packet.pts is None or not packet.time_base:
                continue
            length = float((packet.duration or 0) * packet.time_base)
            stamp = float((packet.pts if packet.dts is None else packet.dts) * packet.time_base) - shift
            if jumps and starts_anew(stamp - last):
                shift, stamp = shift + stamp - last - length, last + length
            last = stamp
            starts.append(float(packet.pts * packet.time_base) - shift)
            ends.append(starts[-1] + length)
    except av.error.FFmpegError:
        pass
    return (max(ends) - min(starts)) or None if ends else None
