"""From a recognised clip to a workout: which exercise when, its sets and repetitions, and their form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax, softmax

from workoutlib.recognition.clips import ClipPrediction
from workoutlib.workout.sets import Segment, analyze_workout
from workoutlib.workout.workout import Workout

_CHANGE = 5.0  # what a change of exercise costs, in seconds of frames that are e times as probable with it
_LEAST = 0.05  # probability of a label in one frame: a single frame is never surer than that


@dataclass(frozen=True)
class ClipWorkout(Workout):
    """The workout that a clip shows, and the clip as it was recognised."""

    clip: ClipPrediction | None = None


def analyze_clip(clip: ClipPrediction) -> ClipWorkout:
    """Find sets, repetitions and faults in a clip that was recognised with poses; without poses there are no sets."""
    if clip.poses is None:
        return ClipWorkout([], clip)
    return ClipWorkout(analyze_workout(clip.poses, exercise_segments(clip)).sets, clip)


def exercise_segments(clip: ClipPrediction) -> list[Segment]:
    """Tell which exercise is done when: start and end in seconds, label, and the probability of every label.

    A change of exercise must pay: it is believed where the frames on both sides speak for it together (the most
    probable path of a hidden Markov model, Viterbi 1967). A clip of one exercise has the label of the clip as a whole.
    """
    labels, temperature = clip.reader.labels, clip.reader.temperature
    path = _likeliest_path(log_softmax(clip.logits / temperature, axis=1), clip.times)
    edges = [0, *(np.flatnonzero(np.diff(path)) + 1), len(path)]
    if len(edges) == 2:
        parts = [clip.whole_logits]
    else:
        parts = [clip.logits[a:b].mean(0) for a, b in zip(edges[:-1], edges[1:], strict=True)]
    starts = [*clip.times[edges[:-1]], clip.duration]
    segments: list[Segment] = []
    for number, logits in enumerate(parts):
        shares = dict(zip(labels, softmax(logits / temperature).tolist(), strict=True))
        segments.append(Segment(float(starts[number]), float(starts[number + 1]), max(shares, key=shares.get), shares))
    return segments


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
