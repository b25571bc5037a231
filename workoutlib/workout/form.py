"""Judges the form of repetitions, sets and holds by the table in `form_rules`.

A rule says nothing where it cannot be seen: landmarks hidden, or the camera on the wrong side. A repetition has a
fault where its own value is beyond the limit; a set where the median of its repetitions is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.ndimage import median_filter

from workoutlib.pose.sequence import PoseSequence

from .form_rules import HALF, RULES, Rule, rules_of
from .measures import HIP, MEASURES, SHOULDER
from .signals import cut
from .workout import Fault, Repetition, Set

Values = dict[Rule, tuple[float, float]]  # value, and time in seconds of the frame that shows it

_VISIBLE = 0.5  # median visibility of the least visible landmark from which a side of the body is judged
# The same in the frames around the turn, of a rule in the world: bends of joints that plates hide there are guessed.
_SEEN_AT_TURN = 0.75
_OUTLIERS = 5  # frames of a median filter against single frames seen wrongly
_FEWEST = 3  # frames
_TURNED = 0.25  # share of the longer way that must be seen of the other for a cut repetition to show its turn
_VIEW_ERROR = 20.0  # degrees by which the view may be mistaken: a rule is judged so far beyond its views


def judge_set(sequence: PoseSequence, entry: Set, table: Sequence[Rule] = RULES) -> Set:
    """Return the set with its faults and those of its repetitions, by the rules of `table` for its exercise."""
    view = view_angle(cut(sequence, entry.start, entry.end))
    rules = [rule for rule in rules_of(entry.label, table) if _is_seen(rule, view)]
    if entry.hold:
        whole = Repetition(entry.start, 0.5 * (entry.start + entry.end), entry.end)
        return replace(entry, faults=_faults(judge_repetition(sequence, whole, rules)))
    judged = [judge_repetition(sequence, r, rules) for r in entry.repetitions]
    pairs = zip(entry.repetitions, judged, strict=True)
    repetitions = tuple(replace(r, faults=_faults(values)) for r, values in pairs)
    return replace(entry, repetitions=repetitions, faults=_set_faults(rules, judged))


def judge_frames(sequence: PoseSequence, label: str) -> list[tuple[str, ...]]:
    """Name the faults of each frame (T,) by the rules that one frame is enough for: posture in a hold, leaning."""
    view = view_angle(sequence)
    rules = [rule for rule in rules_of(label) if rule.instant and _is_seen(rule, view)]
    faults: list[tuple[str, ...]] = [()] * len(sequence.times)
    for rule in rules:
        points = sequence.world if rule.space == "world" else sequence.landmarks[..., :2]
        values = MEASURES[rule.measure].function(points)[:, 0]
        faults = [(*f, rule.fault) if is_beyond(rule, v) else f for f, v in zip(faults, values, strict=True)]
    return faults


def judge_repetition(sequence: PoseSequence, repetition: Repetition, rules: list[Rule]) -> Values:
    """Return value and time of every rule that can be judged in a repetition."""
    if not repetition.complete:
        turned = _shows_turn(repetition)
        rules = [rule for rule in rules if rule.instant or (turned and rule.at_turn)]
    values = {rule: measure_rule(sequence, rule, repetition) for rule in rules}
    values = {rule: (value, time) for rule, (value, time) in values.items() if np.isfinite(value)}
    half = any(rule.fault == HALF and is_beyond(rule, value) for rule, (value, _) in values.items())
    return {rule: pair for rule, pair in values.items() if not (half and rule.deep)}


def _shows_turn(repetition: Repetition) -> bool:
    """Tell whether a repetition that the clip cuts is seen on both sides of its turn."""
    ways = repetition.turn - repetition.start, repetition.end - repetition.turn
    return min(ways) >= _TURNED * max(ways)


def measure_rule(sequence: PoseSequence, rule: Rule, repetition: Repetition) -> tuple[float, float]:
    """Measure what a rule asks for in a repetition: the value, NaN if it is hidden, and the time that shows it."""
    part = cut(sequence, repetition.start, repetition.end)
    measure = MEASURES[rule.measure]
    points = part.world if rule.space == "world" else part.landmarks[..., :2]
    values, times = [], []
    for side, series in enumerate(measure.function(points).T if len(points) else ()):
        needed = [number + side for number in measure.landmarks]
        seen = np.isfinite(series)
        judged = seen & _is_judged(rule.when, part.times, repetition)
        if seen.sum() < _FEWEST or not judged.any() or _visibility(part, needed, seen) < _VISIBLE:
            continue
        guessed = rule.when == "turn" and rule.space == "world"
        if guessed and _visibility(part, needed, judged) < _SEEN_AT_TURN:
            continue
        series = median_filter(series[seen], min(_OUTLIERS, int(seen.sum())), mode="nearest")
        value, time = _statistic(rule.when, series, judged[seen], part.times[seen], repetition)
        values.append(value)
        times.append(time)
    return (float(np.mean(values)), float(times[0])) if values else (float("nan"), repetition.turn)


def _visibility(sequence: PoseSequence, needed: list[int], frames: np.ndarray) -> float:
    """Visibility 0..1 of the least visible of the landmarks `needed`, the median over `frames`, bool (T,)."""
    return float(np.median(sequence.visibility[frames][:, needed], axis=0).min())


def _is_judged(when: str, times: np.ndarray, repetition: Repetition) -> np.ndarray:
    """Tell which frames at times (T,) show what is judged: bool (T,). At the turn those around it, else all."""
    near = np.abs(times - repetition.turn) <= max(0.1, 0.5 * repetition.pause)
    return near if when == "turn" and near.any() else np.ones(len(times), bool)


def _statistic(
    when: str, series: np.ndarray, judged: np.ndarray, times: np.ndarray, repetition: Repetition
) -> tuple[float, float]:
    """Reduce a series (T,) at times (T,) to one value, and the time of the frame that shows it."""
    if when in ("held", "turn"):
        return float(np.median(series[judged])), repetition.turn
    least, most = np.percentile(series, [5, 95])
    value = {"least": least, "most": most, "any": most, "range": most - least}[when]
    return float(value), float(times[np.argmin(series) if when == "least" else np.argmax(series)])


def _is_seen(rule: Rule, view: float) -> bool:
    """Tell whether a rule can be judged from a view, an angle in degrees as `view_angle` estimates it."""
    return rule.views[0] - _VIEW_ERROR <= view <= rule.views[1] + _VIEW_ERROR


def is_beyond(rule: Rule, value: float) -> bool:
    """Tell whether a value is on the fault's side of the limit."""
    return bool(value > rule.limit if rule.over else value < rule.limit)


def _faults(values: Values) -> tuple[Fault, ...]:
    """The faults among the values and times of rules."""
    return tuple(
        Fault(rule.fault, round(value, 2), MEASURES[rule.measure].unit, rule.hint, round(time, 3))
        for rule, (value, time) in values.items()
        if is_beyond(rule, value)
    )


def _set_faults(rules: list[Rule], table: list[Values]) -> tuple[Fault, ...]:
    """The faults that most repetitions show, each with the value and the time of its worst repetition."""
    worst = {}
    for rule in rules:
        judged = sorted(values[rule] for values in table if rule in values)
        if judged and is_beyond(rule, float(np.median([value for value, _ in judged]))):
            worst[rule] = judged[-1] if rule.over else judged[0]
    return _faults(worst)


def view_angle(sequence: PoseSequence) -> float:
    """Angle between the camera and the body's front or back in degrees: 0 from front or back, 90 from the side.

    It is that of the line of shoulders and hips to the plane of the picture, in the world where that is known, else
    by the landmarks' own depth; NaN where nobody is seen.
    """
    points = np.where(np.isfinite(sequence.world), sequence.world, sequence.landmarks)
    line = np.sum([points[:, left + 1] - points[:, left] for left in (SHOULDER, HIP)], axis=0)
    line = line[np.isfinite(line).all(1)]
    if not len(line):
        return float("nan")
    return float(np.median(np.degrees(np.arctan2(np.abs(line[:, 2]), np.hypot(line[:, 0], line[:, 1])))))
