"""Counts repetitions: highs and lows of a signal that rises from the start of a repetition to its turn.

The signal must turn back by a share of the person's own range before a high or low counts (hysteresis), so that
trembling at a threshold is not counted; nothing here is a fixed angle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter1d

from workoutlib.pose.sequence import PoseSequence

from .measures import MEASURES
from .preparation import drop_preparations
from .signals import MOVEMENTS, STEP, Signal, angle_signal, cut, movement_signal
from .workout import Repetition

HYSTERESIS = 0.4  # share of the person's own range that the signal must turn back
LEAST_RANGE = 0.18  # of a usual range of motion: less is standing still, unless it repeats evenly
_FAINTEST = 0.1  # of a usual range of motion: less is always standing still
_WAYS = 4  # ways of a faint movement that tell whether it repeats
_EVEN = 0.75  # share of the typical way that each one of a faint movement has at least
_SMOOTHING = 0.08  # seconds, and the share of the time of one way from which slower movement is smoothed more
_LEVEL = 0.1  # share of the range within which start position and turn are found
_STILL = 0.05  # share of the range within which they are held: the pause
# Share of a way's time spent within that level at the clip's beginning and end. From rest it is 0.26 (a cosine);
# where the clip is cut out of a movement it is less.
_AT_REST = (0.23, 0.21)
_WHOLE = 0.75  # share of the range from which a way counts as seen
_BOTH_SEEN = 0.7  # median visibility from which left is compared with right


def count_repetitions(
    sequence: PoseSequence, label: str, *, start: float = -np.inf, end: float = np.inf, hysteresis: float = HYSTERESIS
) -> list[Repetition]:
    """Find the repetitions of the exercise `label` between `start` and `end` in seconds.

    A repetition that the clip's beginning or end cuts is in the list with `complete=False`; `workout.count` tells
    the number. A hold (plank), nobody in sight or nothing that moves gives an empty list. `hysteresis` is 0..1.
    """
    if not len(sequence.times):
        return []
    open_start, open_end = start <= sequence.times[0], end >= sequence.times[-1]
    sequence = cut(sequence, start, end)
    signal = movement_signal(sequence, label)
    if not signal.sources:
        return []
    values, extremes, way = smooth_and_find(signal, hysteresis)
    if not any(0 < index < len(values) - 1 for index, _ in extremes):
        return []  # one way only, as a clip of half a second shows it: nothing has turned
    turns = [position for position, (_, kind) in enumerate(extremes) if kind > 0]
    resting = _starts_and_ends_at_rest(values, extremes, way)
    rests = (_AT_REST[0] * (open_start and not resting), _AT_REST[1] * (open_end and not resting))
    found = [_describe(signal.times, values, extremes, position, way, rests) for position in turns]
    # Only the clip's own ends cut a repetition; half of one at another border is a way to or from the exercise.
    if found and not found[0].complete and not open_start:
        found = found[1:]
    if found and not found[-1].complete and not open_end:
        found = found[:-1]
    return _measure(drop_preparations(found, sequence), sequence, label)


def find_extremes(values: Sequence[float], least: float) -> list[tuple[int, int]]:
    """Find the highs and lows of `values` (N,) that lie at least `least` apart in height (hysteresis).

    Returns (index, kind) in order of time, kind +1 for a high and -1 for a low, in turn; the first and the last
    may lie at the ends of the series. Nothing moves by `least`: an empty list.
    """
    extremes: list[tuple[int, int]] = []
    high = low = 0
    direction = 0  # where the series goes: +1 up, -1 down, 0 not known yet
    for index, value in enumerate(values):
        high = index if value > values[high] else high
        low = index if value < values[low] else low
        if direction >= 0 and values[high] - value >= least:
            extremes.append((high, +1))
            direction, low = -1, index
        elif direction <= 0 and value - values[low] >= least:
            extremes.append((low, -1))
            direction, high = +1, index
    if direction:
        extremes.append((high, +1) if direction > 0 else (low, -1))
    return extremes


def smooth_and_find(signal: Signal, hysteresis: float = HYSTERESIS) -> tuple[np.ndarray, list[tuple[int, int]], float]:
    """Smooth a signal by the person's tempo and find its extremes by the person's own range.

    Returns the smooth values (N,), the extremes and the typical height between two of them.
    """
    seconds, way = _SMOOTHING, 0.0
    values, extremes = signal.values, []
    for _ in range(3):
        values = gaussian_filter1d(signal.values, seconds / STEP, mode="nearest")
        span = way or float(np.subtract(*np.percentile(values, [98, 2])))
        if span < _FAINTEST:
            return values, [], span
        extremes = find_extremes(values, hysteresis * span)
        if len(extremes) < 2:
            return values, [], span
        places = [index for index, _ in extremes]
        way = float(np.median(np.abs(np.diff(values[places]))))
        seconds = max(_SMOOTHING, _SMOOTHING * STEP * float(np.median(np.diff(places))))
    faint = way < LEAST_RANGE and not _repeats_evenly(values[places])
    return values, [] if faint else extremes, way


def _repeats_evenly(levels: np.ndarray) -> bool:
    """Tell whether highs and lows (N,) are those of two repetitions at least, each way about as long as the others."""
    ways = np.abs(np.diff(levels))
    return len(ways) >= _WAYS and bool(ways.min() >= _EVEN * np.median(ways))


def _starts_and_ends_at_rest(values: np.ndarray, extremes: list[tuple[int, int]], way: float) -> bool:
    """Tell whether a set begins and ends at the level to which it comes back between two repetitions.

    Then nothing is cut although nobody rests there. Of one end alone this is not believed: a clip that is cut in the
    middle of a movement often shows the other end at that level by chance.
    """
    between = [values[index] for index, kind in extremes if kind < 0 and 0 < index < len(values) - 1]
    return bool(between) and max(values[0], values[-1]) <= np.median(between) + _LEVEL * way


def _describe(
    times: np.ndarray,
    values: np.ndarray,
    extremes: list[tuple[int, int]],
    position: int,
    way: float,
    rests: tuple[float, float],
) -> Repetition:
    """Tell start, turn and end of the repetition whose turn is the high at `position`.

    `way` is the typical height between two extremes; `rests` the shares of a way's time that the person must rest
    at the first and the last sample for the repetition not to be cut there.
    """
    index, last = extremes[position][0], len(values) - 1
    before = extremes[position - 1][0] if position else 0
    after = extremes[position + 1][0] if position + 1 < len(extremes) else last
    out, back = values[index] - values[before], values[index] - values[after]
    left, first, final, reached = _find_ways(values, before, index, after, _LEVEL)
    turn = float(0.5 * (times[first] + times[final]))
    # A clip that begins or ends while the person moves cuts the repetition; one at rest in the start position does not.
    begun = before > 2 or (out >= _WHOLE * way and left >= rests[0] * max(first, 1))
    ended = after < last - 2 or (back >= _WHOLE * way and last - reached >= rests[1] * max(last - final, 1))
    left, first, final, reached = _find_ways(values, before, index, after, _STILL)
    return Repetition(
        start=float(times[left]),
        turn=turn,
        end=float(times[reached]),
        complete=bool(begun and ended),
        seconds_out=float(times[first] - times[left]) if begun else float("nan"),
        pause=float(times[final] - times[first]),
        seconds_back=float(times[reached] - times[final]) if ended else float("nan"),
    )


def _find_ways(values: np.ndarray, before: int, index: int, after: int, level: float) -> tuple[int, int, int, int]:
    """Find where the start is left, the turn reached, the turn left and the start reached again, within a `level`.

    `before`, `index` and `after` are the low, the high and the next low; `level` is a share of the way between them.
    """
    out, back = values[index] - values[before], values[index] - values[after]
    left = before + int(np.flatnonzero(values[before : index + 1] <= values[before] + level * out)[-1])
    reached = index + int(np.flatnonzero(values[index : after + 1] <= values[after] + level * back)[0])
    high = values >= values[index] - level * max(out, back)
    first = final = index
    while first > left and high[first - 1]:
        first -= 1
    while final < reached and high[final + 1]:
        final += 1
    return left, first, final, reached


def _measure(repetitions: list[Repetition], sequence: PoseSequence, label: str) -> list[Repetition]:
    """Fill in range of motion, its share of the set's best, and the difference between left and right."""
    measure = MEASURES[MOVEMENTS[label].angle]
    times, angles = angle_signal(sequence, measure)
    needed = [number + side for number in measure.landmarks for side in (0, 1)]
    sure = bool(np.median(sequence.visibility[:, needed], axis=0).min() >= _BOTH_SEEN)
    ranges = []
    for r in repetitions:
        part = angles[(times >= r.start - STEP) & (times <= r.end + STEP)]
        ranges.append(part.max(0) - part.min(0) if len(part) else np.full(2, np.nan))
    if not ranges:
        return []
    both = np.array(ranges)
    motion = np.array([np.mean(pair[np.isfinite(pair)]) if np.isfinite(pair).any() else np.nan for pair in both])
    best = np.nanmax(motion) if np.isfinite(motion).any() else np.nan
    return [
        replace(
            r,
            range_of_motion=float(motion[k]),
            share_of_best=float(motion[k] / best) if best > 0 else float("nan"),
            left_right_difference=float(both[k, 0] - both[k, 1]) if sure else float("nan"),
        )
        for k, r in enumerate(repetitions)
    ]
