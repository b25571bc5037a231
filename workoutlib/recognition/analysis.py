"""From a recognised clip to a workout: which exercise when, its sets and repetitions, and their form."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from matplotlib.figure import Figure
from scipy.special import log_softmax, softmax

from workoutlib.pose.sequence import PoseSequence
from workoutlib.recognition.clips import ClipPrediction, Prediction
from workoutlib.recognition.report import draw_results, write_report
from workoutlib.workout.figures import plot_sets
from workoutlib.workout.sets import Segment, analyze_workout
from workoutlib.workout.signals import choose_movement, cut
from workoutlib.workout.workout import Set, Workout

_CHANGE = 5.0  # what a change of exercise costs, in seconds of frames that are e times as probable with it
_LEAST = 0.05  # probability of a label in one frame: a single frame is never surer than that


class _Annotates(Protocol):
    """The `Recognizer` that has recognised the clip."""

    def annotate_clip(self, clip: ClipWorkout, out: Path, *, progress: bool) -> Path: ...


@dataclass(frozen=True)
class ClipWorkout(Workout):
    """The workout that a clip shows, and the clip as it was recognised."""

    clip: ClipPrediction = field(kw_only=True)

    @property
    def overall(self) -> Prediction:
        """The clip as a whole; where its exercise is that of a set, it is as surely known as the set."""
        found = self.clip.overall
        known = [entry.known for entry in self.sets if entry.label == found.label]
        return replace(found, known=any(known) if known else found.known)

    def plot(self) -> Figure:
        """Plot the joint angle of each set over time, with every repetition marked."""
        return plot_sets(self.clip.poses or PoseSequence.of([], []), self.sets)

    def report(self, out: str | Path, *, progress: bool = True) -> Path:
        """Write the annotated clip, ``workout.csv``, ``workout.json`` and ``index.html``; return the page's path."""
        annotated = Path(out) / "annotated.mp4"
        annotated.parent.mkdir(parents=True, exist_ok=True)
        cast("_Annotates", self.clip.reader).annotate_clip(self, annotated, progress=progress)
        draw_results(self, self.clip.poses, annotated)
        found = self.overall
        row: dict = {"path": str(self.clip.path), "kind": "clip", "annotated": str(annotated), **self.to_dict()}
        row |= {"label": found.label, "confidence": found.confidence, "known": found.known}
        row["segments"] = self.clip.segments(sets=self.sets).to_dict("records")
        return write_report([row], Path(out))


def analyze_clip(clip: ClipPrediction) -> ClipWorkout:
    """Find sets, repetitions and faults in a clip that was recognised with poses; without poses there are no sets."""
    if clip.poses is None:
        return ClipWorkout(clip=clip)
    segments: list[Segment] = []
    movements: dict[str, str] = {}
    stretches = _stretches(clip)
    for start, end, logits in stretches:
        probabilities = softmax(logits / clip.reader.temperature).tolist()
        shares = dict(zip(clip.reader.labels, probabilities, strict=True))
        label = max(shares, key=lambda name: shares[name])
        segments.append((start, end, label))
        movements.setdefault(label, choose_movement(cut(clip.poses, start, end), label, shares))
    found = analyze_workout(clip.poses, segments, movements).sets
    return ClipWorkout([_with_confidence(entry, clip, stretches) for entry in found], clip=clip)


def _with_confidence(entry: Set, clip: ClipPrediction, stretches: list[tuple[float, float, np.ndarray]]) -> Set:
    """A set with the probability of its label in the stretch that it lies in, and whether its own frames are known."""
    _, _, logits = max(stretches, key=lambda part: min(part[1], entry.end) - max(part[0], entry.start))
    share = softmax(logits / clip.reader.temperature)[clip.reader.labels.index(entry.label)]
    known = bool(clip.reader.is_known(logits_within(entry, clip)))
    return replace(entry, confidence=float(share), known=known)


def logits_within(entry: Set, clip: ClipPrediction) -> np.ndarray:
    """Mean logits (C,) of a set's own frames; where none lies inside, those of the one nearest to its middle."""
    inside = (clip.times >= entry.start) & (clip.times <= entry.end)
    inside[np.abs(clip.times - 0.5 * (entry.start + entry.end)).argmin()] = True
    return clip.logits[inside].mean(0)


def _stretches(clip: ClipPrediction) -> list[tuple[float, float, np.ndarray]]:
    """Start and end in seconds, and logits (C,), of each stretch of a clip with one exercise.

    A change of exercise must pay: it is believed where the frames on both sides speak for it together (the most
    probable path of a hidden Markov model, Viterbi 1967). One exercise throughout has the logits of the whole clip.
    """
    path = _likeliest_path(log_softmax(clip.logits / clip.reader.temperature, axis=1), clip.times)
    edges = [0, *(np.flatnonzero(np.diff(path)) + 1).tolist(), len(path)]
    if len(edges) == 2:
        return [(float(clip.times[0]), clip.duration, clip.whole_logits)]
    starts = [*clip.times[edges[:-1]].tolist(), clip.duration]
    spans = zip(pairwise(starts), pairwise(edges), strict=True)
    return [(start, end, clip.logits[first:last].mean(0)) for (start, end), (first, last) in spans]


def _likeliest_path(evidence: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Numbers (T,) of the labels whose log-probabilities (T, C) are the highest together, less the cost of changes."""
    evidence = np.maximum(evidence, np.log(_LEAST))
    seconds = np.diff(times, append=times[-1] + np.median(np.diff(times)) if len(times) > 1 else times[-1] + 1.0)
    score, came = np.zeros(evidence.shape[1]), np.empty(evidence.shape, int)
    for frame, weight in enumerate(seconds):
        best = int(score.argmax())
        changed = score[best] - _CHANGE > score
        came[frame] = np.where(changed, best, np.arange(len(score)))
        score = np.where(changed, score[best] - _CHANGE, score) + weight * evidence[frame]
    path = np.empty(len(evidence), int)
    place = int(score.argmax())
    for frame in range(len(evidence) - 1, -1, -1):
        path[frame] = place
        place = came[frame, place]
    return path
