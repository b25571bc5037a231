"""From labels over time and skeletons to sets: repetitions of one exercise without a rest between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from workoutlib.pose.sequence import PoseSequence

from .form import judge_set
from .preparation import drop_single
from .repetitions import count_repetitions
from .signals import MOVEMENTS, cut, posture
from .workout import Repetition, Set, Workout

Segment = tuple[float, float, str | None]  # start and end in seconds, label; None where no exercise is known

_MARGIN = 1.0  # seconds by which a segment may begin late or end early
_FLICKER = 1.0  # seconds: a shorter segment between two of one label is taken for a mistake
_REST = 4.0  # seconds without a repetition that end a set
_PAUSES = 1.5  # lengths of a repetition without one that end a set, where that is longer
_SMALL = 0.5  # share of the best set's range of motion below which movement is no set
_MOVED = 30.0  # degrees by which a joint leaves a hold
_HOLD = 2.0  # seconds: what is shorter is no hold


def analyze_workout(
    sequence: PoseSequence, segments: Iterable[Segment], movements: Mapping[str, str] | None = None
) -> Workout:
    """Find the sets of a clip and judge their form.

    `segments` tell which exercise is done when, as a classifier of frames says it; a label that is None or that has
    no movement gives no set. `movements` name, for labels that are doubtful, the exercise in `MOVEMENTS` that they
    are counted as (`choose_movement`); the form of such sets is not judged.
    """
    sets = find_sets(sequence, segments, movements)
    return Workout([entry if entry.counted_as else judge_set(sequence, entry) for entry in sets])


def find_sets(
    sequence: PoseSequence, segments: Iterable[Segment], movements: Mapping[str, str] | None = None
) -> list[Set]:
    """Return the sets in order of time; the count begins anew with every set and every change of exercise."""
    segments = merge_segments(segments)
    counted = [(movements or {}).get(label or "", label) for _, _, label in segments]
    sets = []
    for number, (start, end, label) in enumerate(segments):
        movement = counted[number]
        if label is None or movement not in MOVEMENTS:
            continue
        before = segments[number - 1] if number else (-np.inf, -np.inf, None)
        after = segments[number + 1] if number + 1 < len(segments) else (np.inf, np.inf, None)
        start = max(start - _MARGIN, before[1] if number and counted[number - 1] in MOVEMENTS else -np.inf)
        end = min(end + _MARGIN, after[0] if after[2] and counted[number + 1] in MOVEMENTS else np.inf)
        if MOVEMENTS[movement].hold:
            found = _find_hold(cut(sequence, start, end), label)
        else:
            found = _find_counted(sequence, movement, start, end)
        other = None if movement == label else movement
        sets += [replace(entry, label=label, counted_as=other) for entry in found]
    return drop_single(sets, sequence)


def merge_segments(segments: Iterable[Segment]) -> list[Segment]:
    """Sort segments by time, drop those that flicker and join neighbours of one label."""
    ordered = sorted((s for s in segments if s[1] > s[0]), key=lambda s: s[0])
    steady = [
        s
        for k, s in enumerate(ordered)
        if not (0 < k < len(ordered) - 1 and s[1] - s[0] < _FLICKER and ordered[k - 1][2] == ordered[k + 1][2])
    ]
    merged: list[Segment] = []
    for start, end, label in steady:
        if merged and merged[-1][2] == label and start - merged[-1][1] <= _FLICKER:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]), label)
        else:
            merged.append((start, end, label))
    return merged


def _find_counted(sequence: PoseSequence, label: str, start: float, end: float) -> list[Set]:
    repetitions = count_repetitions(sequence, label, start=start, end=end)
    groups = split_at_rests(repetitions)
    if len(groups) > 1:
        # What the person does in the rest must not set the range by which the sets are counted.
        borders = [(max(start, g[0].start - _MARGIN), min(end, g[-1].end + _MARGIN)) for g in groups]
        groups = [count_repetitions(sequence, label, start=a, end=b) for a, b in borders]
        groups = [group for group in groups if group]
        ranges = [np.nan_to_num(np.median([r.range_of_motion for r in group])) for group in groups]
        groups = [g for g, motion in zip(groups, ranges, strict=True) if motion >= _SMALL * max(ranges)]
    return [Set(label, group[0].start, group[-1].end, tuple(group)) for group in groups]


def split_at_rests(repetitions: list[Repetition]) -> list[list[Repetition]]:
    """Split repetitions where the time between two turns is longer than usual by more than a rest."""
    if not repetitions:
        return []
    between = np.diff([r.turn for r in repetitions])
    length = float(np.median([r.end - r.start for r in repetitions]))
    usual = min(length, float(np.median(between))) if len(between) else length
    groups = [[repetitions[0]]]
    for after, seconds in zip(repetitions[1:], between, strict=True):
        if seconds > usual + max(_REST, _PAUSES * usual):
            groups.append([])
        groups[-1].append(after)
    return groups


def _find_hold(sequence: PoseSequence, label: str) -> list[Set]:
    """Time a hold: from first to last moment at which the body is near the posture that it mostly has."""
    seen = sequence.times[np.isfinite(sequence.world[:, 0, 0])]
    if len(seen) < 3:
        return []
    moments = np.arange(seen[0], seen[-1] + 1e-6, 0.25)
    shapes = np.array([posture(sequence, time) for time in moments])
    known = shapes[:, np.isfinite(shapes).mean(0) > 0.5]
    if not known.shape[1]:
        return []
    near = np.nan_to_num(np.abs(known - np.nanmedian(known, axis=0))).max(1) < _MOVED
    held = moments[near]
    if not len(held) or held[-1] - held[0] < min(_HOLD, 0.5 * (seen[-1] - seen[0])):
        return []
    return [replace(Set(label, float(held[0]), float(held[-1])), hold=True)]
