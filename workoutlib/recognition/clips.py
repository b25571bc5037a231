"""What was recognised: a picture's prediction, a clip's predictions over time and its segments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import softmax

from workoutlib.media.colour import Shot, rgb_of
from workoutlib.media.overlay import UNKNOWN
from workoutlib.media.video_reader import probe_clip
from workoutlib.pose.sequence import PoseSequence
from workoutlib.pose.skeleton import Pose
from workoutlib.pose.tracking import PoseTracker
from workoutlib.workout.workout import Set, set_at

Watch = Callable[[int, int | None], None]
"""Told how many frames are done, and of how many where the clip says."""

Shown = tuple[str, float | None]
"""A label as it is shown, and its confidence, where there is one."""

SMOOTHING = 1.0
"""Width in seconds of the window over which a clip's logits are averaged."""

KEEP_CONFIDENCE = 0.9
"""From here on a label is believed, where no held-out videos said otherwise."""

SHORTEST_SEGMENT = 0.5
"""A stretch of a clip shorter than this many seconds is given to its longer neighbour."""

FRAMES_A_SECOND = 15
"""About so many frames a second are looked at where many clips are: more change few answers."""

PICTURES_A_SECOND = 5
"""Of a clip whose poses are followed, so many frames a second are shown to the picture model."""


@dataclass(frozen=True)
class Prediction:
    """What one picture, or one whole clip, shows.

    Attributes:
        label: the most probable exercise.
        confidence: its calibrated probability, 0..1.
        top3: the three most probable exercises with their probabilities.
        known: whether the model is sure that it is one of its exercises at all.
    """

    label: str
    confidence: float
    top3: list[tuple[str, float]]
    known: bool

    @property
    def shown(self) -> str:
        """The label, or ``"unknown"``: what overlays and timelines say."""
        return self.label if self.known else UNKNOWN


class LogitReader:
    """Puts logits into words.

    ``keep_confidence`` is the confidence from which on its labels are believed without a person (`annotate_media`).

    Args:
        labels: class names in the order of the logits.
        temperature: divides the logits before the softmax.
        unknown_threshold: a largest logit below it means "no known exercise"; ``None`` switches that off.
    """

    def __init__(
        self, labels: Sequence[str], *, temperature: float = 1.0, unknown_threshold: float | None = None
    ) -> None:
        self.labels, self.temperature, self.unknown_threshold = tuple(labels), temperature, unknown_threshold
        self.keep_confidence = KEEP_CONFIDENCE

    def read_logits(self, logits: np.ndarray) -> Prediction:
        """Put one row of logits (C,) into words."""
        probabilities = softmax(logits.astype(np.float64) / self.temperature)
        best = np.argsort(-probabilities, kind="stable")[:3]
        top3 = [(self.labels[i], float(probabilities[i])) for i in best]
        return Prediction(*top3[0], top3, bool(self.is_known(logits)))

    def is_known(self, logits: np.ndarray) -> np.ndarray:
        """Whether rows of logits (..., C) show a known exercise at all: bool (...)."""
        return logits.max(-1) >= (-np.inf if self.unknown_threshold is None else self.unknown_threshold)


@dataclass(frozen=True)
class ClipPrediction:
    """Logits of a clip's frames; smoothing and segments are computed from them at no cost.

    Attributes:
        times: seconds (T,) of the frames that were recognised.
        logits: float32 (T, C).
        duration: seconds, to the end of the last frame.
        frames_per_second: of the source.
        poses: the exerciser's in these frames, smoothed, where poses were asked for.
        whole: logits (C,) of the clip as a whole; default, the mean of its frames'.
    """

    path: Path
    times: np.ndarray
    logits: np.ndarray
    duration: float
    frames_per_second: float
    reader: LogitReader
    poses: PoseSequence | None = None
    whole: np.ndarray | None = None

    @property
    def overall(self) -> Prediction:
        """The clip as a whole; whether it is known at all is told by its frames' mean."""
        known = bool(self.reader.is_known(self.logits.mean(0)))
        return replace(self.reader.read_logits(self.whole_logits), known=known)

    @property
    def whole_logits(self) -> np.ndarray:
        """Logits (C,) of the clip as a whole."""
        return self.logits.mean(0) if self.whole is None else self.whole

    def smoothed(self, seconds: float = SMOOTHING) -> np.ndarray:
        """Logits (T, C) averaged over a centred window of so many seconds; 0 leaves them as they are."""
        first = np.searchsorted(self.times, self.times - seconds / 2 - 1e-9)
        last = np.searchsorted(self.times, self.times + seconds / 2 + 1e-9, side="right")
        sums = np.concatenate([np.zeros((1, self.logits.shape[1])), np.cumsum(self.logits, 0, dtype=np.float64)])
        return (sums[last] - sums[first]) / (last - first)[:, None]

    def frames(self, smoothing: float = SMOOTHING) -> pd.DataFrame:
        """A row a frame: ``time, label, confidence, known``, and each class's probability."""
        logits = self.smoothed(smoothing)
        probabilities = softmax(logits / self.reader.temperature, axis=1)
        table = pd.DataFrame(
            {
                "time": self.times,
                "label": np.array(self.reader.labels, dtype=object)[probabilities.argmax(1)],
                "confidence": probabilities.max(1),
                "known": self.reader.is_known(logits),
            }
        )
        names = [f"{label} (probability)" if label in table else label for label in self.reader.labels]
        return table.join(pd.DataFrame(probabilities, columns=names))

    def segments(
        self,
        smoothing: float = SMOOTHING,
        shortest: float = SHORTEST_SEGMENT,
        confidence: float = 0.0,
        sets: Sequence[Set] = (),
    ) -> pd.DataFrame:
        """Stretches of one label: ``start, end`` (seconds), ``label`` (or ``"unknown"``), ``confidence`` (mean).

        Args:
            smoothing: as in `smoothed`.
            shortest: stretches of fewer seconds, unless they are sets, are given to their longer neighbour.
            confidence: frames less confident than this count as unknown.
            sets: of the clip's workout: within each, the label is the set's name.
        """
        table = self.frames(smoothing)
        known = table["known"] & (table["confidence"] >= confidence)
        shown, sure = table["label"].where(known, UNKNOWN).to_numpy(dtype=object), table["confidence"].to_numpy()
        borders = np.array([time for entry in sets for time in (entry.start, entry.end)])
        inside = borders[(borders > self.times[0]) & (borders < self.duration)]
        starts = np.union1d(self.times, inside) if len(inside) else self.times
        ends = np.append(starts[1:], self.duration)
        frames = np.searchsorted(self.times, starts, side="right") - 1
        shown, sure, fixed = shown[frames], sure[frames], np.zeros(len(starts), bool)
        for number, middle in enumerate(0.5 * (starts + ends) if sets else ()):
            entry = set_at(sets, middle)
            shown[number], sure[number] = shown_in(entry, (shown[number], sure[number]))
            fixed[number] = entry is not None
        return _merge_short(_runs(shown, fixed, starts, ends), shortest, sure)


def usual_stride(path: str | Path) -> int:
    """Which stride looks at about `FRAMES_A_SECOND` of a clip.

    Raises:
        WorkoutlibError: the clip cannot be read.
    """
    return max(round(probe_clip(path).frames_per_second / FRAMES_A_SECOND), 1)


def look_at(
    frames: Iterable[tuple[float, Shot]],
    tracker: PoseTracker | None,
    views: Callable[[np.ndarray, Pose | None], np.ndarray],
) -> Iterator[tuple[float, np.ndarray | None, Pose | None]]:
    """Yield (time, ``views(frame, pose)`` where the picture model is to see it, pose or ``None``) for each frame.

    Without a tracker the picture model sees every frame; with one, `PICTURES_A_SECOND`, as poses change faster than
    what else is to be seen.
    """
    due = -np.inf
    for time, frame, pose in tracker.follow(frames) if tracker else ((*each, None) for each in frames):
        seen = tracker is None or time >= due
        if seen:
            due = time + 1 / PICTURES_A_SECOND - 1e-3
        yield time, views(rgb_of(frame), pose) if seen else None, pose


def spread(logits: np.ndarray, seen: Sequence[float], times: Sequence[float]) -> np.ndarray:
    """Logits (T, C), float32, at all times (T,) from those (S, C) at the times (S,) seen; linear between them."""
    if len(seen) == len(times):
        return logits
    return np.stack([np.interp(times, seen, column) for column in logits.T], 1).astype(np.float32)


def shown_in(entry: Set | None, otherwise: Shown) -> Shown:
    """What is shown while a set is under way: its name and its confidence, of which `otherwise` gives what is missing.

    Outside of sets (``None``) that is `otherwise` itself.
    """
    if entry is None:
        return otherwise
    return entry.name, otherwise[1] if entry.confidence is None else entry.confidence


def _runs(labels: np.ndarray, fixed: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> list[list]:
    """[first part, end part, start, end, label, whether that is fixed] of each run of equal labels."""
    changes = (labels[1:] != labels[:-1]) | (fixed[1:] != fixed[:-1])
    edges = [0, *(np.flatnonzero(changes) + 1), len(labels)]
    return _join_equal([[a, b, starts[a], ends[b - 1], labels[a], fixed[a]] for a, b in pairwise(edges)])


def _merge_short(runs: list[list], shortest: float, confidence: np.ndarray) -> pd.DataFrame:
    while len(runs) > 1:
        lengths = [run[3] - run[2] for run in runs]
        place = int(np.argmin([np.inf if run[5] else length for run, length in zip(runs, lengths, strict=True)]))
        if runs[place][5] or lengths[place] >= shortest:
            break
        beside = [i for i in (place - 1, place + 1) if 0 <= i < len(runs)]
        into = max(beside, key=lambda i: lengths[i])
        runs[place][4] = runs[into][4]
        runs = _join_equal(runs)
    rows = [(float(s), float(e), label, float(confidence[a:b].mean())) for a, b, s, e, label, _ in runs]
    return pd.DataFrame(rows, columns=["start", "end", "label", "confidence"])


def _join_equal(runs: list[list]) -> list[list]:
    joined = [runs[0]]
    for run in runs[1:]:
        if run[4] == joined[-1][4]:
            joined[-1][1], joined[-1][3], joined[-1][5] = run[1], run[3], joined[-1][5] or run[5]
        else:
            joined.append(run)
    return joined
