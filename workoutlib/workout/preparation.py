"""Tells what is no repetition: getting into position, picking a weight up and putting it down.

Joints tell it. Each repetition has a range for every joint that is seen; whoever bends down for a weight bends hips and
knees, or leans, far beyond the ranges of the set's repetitions. Standing at the turn before or after a set, as with a
bar on straight arms, is told by how long it lasts.
"""

from __future__ import annotations

import warnings

import numpy as np

from workoutlib.pose.sequence import PoseSequence

from .signals import posture, postures
from .workout import Repetition, Set

# Degrees by which a joint may leave the range that it has in the set's repetitions: in a part of a repetition or a lift
# that is a set of its own, and in a whole repetition.
_BEYOND, _FAR_BEYOND = 30.0, 40.0
_UNLIKE = 50.0  # degrees by which a joint may be elsewhere at start, turn and end than in the set's repetitions
_INNER = (10, 90)  # percentiles of a joint's angles that are its range: single frames are seen wrongly
_WAIT = 0.8  # seconds at the turn, where a clip begins or ends, from which somebody stands there
_LONGER = 2.0  # times the usual pause, where that is more
_NEXT = 4.0  # seconds between a set and what belongs to it


def drop_preparations(repetitions: list[Repetition], sequence: PoseSequence) -> list[Repetition]:
    """Drop what at either end of a set is no repetition; one between two repetitions stays.

    The set is known by its complete repetitions: with fewer than three of them only what the clip cuts is looked at,
    and with fewer than two nothing.
    """
    complete = [r for r in repetitions if r.complete]
    if len(complete) < 2:
        return repetitions
    ranges = joint_ranges(sequence, repetitions)
    usual = _median(ranges[[r.complete for r in repetitions]])
    unlike = _differ(repetitions, sequence) if len(repetitions) > 3 else np.zeros(len(repetitions))
    pause = _LONGER * float(np.median([r.pause for r in complete]))

    def belongs(number: int) -> bool:
        r = repetitions[number]
        if r.complete and len(complete) < 3:
            return True
        waits = not r.complete and r.pause > max(_WAIT, pause)
        moved = r.complete and unlike[number] > _UNLIKE
        most = _FAR_BEYOND if r.complete else _BEYOND
        return not waits and not moved and _beyond(ranges[number], usual) <= most

    keep = [number for number in range(len(repetitions)) if belongs(number)]
    # A part of a repetition is like most others; it goes with its neighbour, which is seen whole.
    keep = [number for number in keep if repetitions[number].complete or {number - 1, number + 1} & set(keep)]
    return repetitions[keep[0] : keep[-1] + 1] if keep else repetitions


def drop_single(sets: list[Set], sequence: PoseSequence) -> list[Set]:
    """Drop sets of one repetition right before or after a longer set whose joints move in other ranges."""
    kept = []
    for number, entry in enumerate(sets):
        beside = [other for other in sets[max(number - 1, 0) : number + 2] if _belongs_to(entry, other)]
        spans = [_median(joint_ranges(sequence, list(other.repetitions))) for other in beside]
        own = joint_ranges(sequence, list(entry.repetitions)) if beside else np.empty(0)
        if not any(_beyond(_median(own), usual) > _BEYOND for usual in spans):
            kept.append(entry)
    return kept


def _belongs_to(entry: Set, other: Set) -> bool:
    """Tell whether a set is of one repetition, and another one right beside it of more."""
    gap = max(entry.start - other.end, other.start - entry.end)
    return entry.count == 1 < other.count and gap <= _NEXT


def _differ(repetitions: list[Repetition], sequence: PoseSequence) -> np.ndarray:
    """Degrees (R,) by which a joint is elsewhere at start, turn and end of a repetition than in most of them."""
    shapes = np.array([[posture(sequence, time) for time in (r.start, r.turn, r.end)] for r in repetitions])
    return np.nan_to_num(np.abs(shapes - np.nan_to_num(_median(shapes)))).max((1, 2))


def joint_ranges(sequence: PoseSequence, repetitions: list[Repetition]) -> np.ndarray:
    """Least and largest angle (R, 5, 2), in degrees, of the joints of `postures` in each repetition; NaN if unseen."""
    shapes = postures(sequence)
    found = []
    for r in repetitions:
        part = shapes[(sequence.times >= r.start) & (sequence.times <= r.end)]
        seen = np.isfinite(part).mean(0) > 0.5 if len(part) else np.zeros(shapes.shape[1], bool)
        found.append(np.where(seen[:, None], _percentiles(part), np.nan))
    return np.array(found)


def _beyond(own: np.ndarray, usual: np.ndarray) -> float:
    """Degrees by which a joint leaves its usual range at most; ranges are (5, 2)."""
    return float(np.nan_to_num(np.maximum(usual[:, 0] - own[:, 0], own[:, 1] - usual[:, 1])).max(initial=0.0))


def _percentiles(part: np.ndarray) -> np.ndarray:
    """Ends (5, 2) of the inner range of angles (T, 5), NaN left out and without a warning where nothing is left."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanpercentile(part, _INNER, axis=0).T if len(part) else np.full((part.shape[1], 2), np.nan)


def _median(ranges: np.ndarray) -> np.ndarray:
    """Median over the first axis, NaN left out and without a warning where nothing is left."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmedian(ranges, axis=0)
