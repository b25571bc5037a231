"""From skeletons over time to one number that rises from 0, the start of a repetition, to its turn.

Which measure moves, and which way, stands in the table `MOVEMENTS`, an entry an exercise. The measures are read in
the world's metres and in the picture's pixels, left and right; what is hidden, trembles or does not move is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from workoutlib.pose.sequence import PoseSequence

from .measures import MEASURES, Measure

_MOST = 2.0  # usual ranges of motion
STEP = 1 / 30  # seconds between the samples of a signal
_VISIBLE = 0.3  # a landmark less visible than this is taken for a guess
_AGREEING = 0.6  # correlation from which two measures are taken to show one movement
_CLEAREST = 3  # the clearest measures of an exercise tell how clearly it moves
_STILLNESS = 0.3  # clearness below which a hold is the better explanation
_UNLIKELY = 0.05  # probability that even the least likely exercise is given: the recognizer may be wrong
_FAVOUR = 1.5  # for the exercise that was recognised
_POSTURE = ("elbow", "shoulder", "hip", "knee", "trunk lean")
_SLOWEST = 0.12  # seconds over which trembling is told from movement


@dataclass(frozen=True)
class Movement:
    """How an exercise moves: `angle` is what its range of motion is told in, `measures` what may be counted by.

    Measures are names in `MEASURES` with the direction from start to turn: +1 rises, -1 falls. A `hold` is timed.
    """

    angle: str
    measures: tuple[tuple[str, int], ...] = ()
    hold: bool = False


_CURL = Movement("elbow", (("elbow", -1), ("wrist height", +1), ("wrist distance", -1)))
_BENCH = Movement("elbow", (("elbow", -1), ("wrist distance", -1)))
_DEADLIFT = Movement("hip", (("hip", +1), ("trunk lean", -1), ("shoulder height", +1), ("knee", +1)))
MOVEMENTS: dict[str, Movement] = {
    "barbell biceps curl": _CURL,
    "bench press": _BENCH,
    "chest fly machine": Movement("arm opening", (("arm opening", -1), ("wrists apart", -1))),
    "deadlift": _DEADLIFT,
    "decline bench press": _BENCH,
    "hammer curl": _CURL,
    "hip thrust": Movement("hip", (("hip", +1), ("hip over knee", +1), ("hip height", +1))),
    "incline bench press": _BENCH,
    "lat pulldown": Movement("elbow", (("elbow", -1), ("wrist height", -1), ("wrist distance", -1))),
    "lateral raises": Movement("shoulder", (("shoulder", +1), ("wrist height", +1), ("wrists apart", +1))),
    "leg extension": Movement("knee", (("knee", +1), ("ankle over knee", +1))),
    "leg raises": Movement("hip", (("hip", -1), ("ankle height", +1))),
    "plank": Movement("hip", hold=True),
    "pull up": Movement("elbow", (("elbow", -1), ("wrist height", -1), ("wrist distance", -1))),
    "push up": Movement("elbow", (("elbow", -1), ("wrist height", +1), ("wrist distance", -1))),
    "romanian deadlift": Movement("hip", (("hip", -1), ("trunk lean", +1), ("shoulder height", -1))),
    "russian twist": Movement("trunk twist", (("hands aside", +1), ("hands across", +1), ("trunk twist", -1))),
    "shoulder press": Movement("elbow", (("elbow", +1), ("wrist height", +1), ("wrist distance", +1))),
    "squat": Movement("knee", (("knee", -1), ("hip height", -1), ("hip over knee", -1), ("shoulder height", -1))),
    "t bar row": Movement("elbow", (("elbow", -1), ("wrist distance", -1), ("wrist height", +1))),
    "tricep dips": Movement("elbow", (("elbow", -1), ("wrist distance", -1), ("wrist height", +1))),
    "tricep pushdown": Movement("elbow", (("elbow", +1), ("wrist height", -1), ("wrist distance", +1))),
}


@dataclass(frozen=True)
class Signal:
    """One number over time: `values` (N,) at `times` (N,), 30 a second; 1 is about a usual range of motion.

    `sources` names what was averaged, the best first; it is empty where nothing could be seen.
    """

    times: np.ndarray
    values: np.ndarray
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Candidate:
    name: str
    values: np.ndarray
    score: float


def choose_movement(sequence: PoseSequence, label: str | None, shares: Mapping[str, float]) -> str:
    """Choose the exercise in `MOVEMENTS` by whose movement the repetitions of a stretch are to be counted.

    It is the one that moves most, among those that are probable: a pull up that was taken for a leg raise is counted
    by the arms. `shares` are the probabilities of the labels; without those of any movement, motion alone decides.
    `label` wins where its own movement is about as clear.
    """
    times = np.arange(sequence.times[0], sequence.times[-1] + STEP / 2, STEP) if len(sequence.times) else np.empty(0)
    names = {name for movement in MOVEMENTS.values() for name, _ in movement.measures} if len(times) >= 5 else set()
    scores = {name: [c.score for c in _candidates(sequence, times, name, +1)] for name in names}

    def merit(exercise: str) -> float:
        measures, share = MOVEMENTS[exercise].measures, shares.get(exercise, 0.0)
        if MOVEMENTS[exercise].hold and exercise != label and share < _UNLIKELY:
            return 0.0  # who stands still in a rest holds nothing
        best = sorted((score for name, _ in measures for score in scores.get(name, ())), reverse=True)[:_CLEAREST]
        clearness = float(np.mean(best)) if best else _STILLNESS
        favour = _FAVOUR if exercise == label else 1.0
        floor = 0.0 if MOVEMENTS[exercise].hold else _UNLIKELY
        return favour * (floor + share) * clearness**2

    return max(MOVEMENTS, key=merit)


def cut(sequence: PoseSequence, start: float, end: float) -> PoseSequence:
    """Return the part of a sequence between two times in seconds, both included."""
    first, last = np.searchsorted(sequence.times, start), np.searchsorted(sequence.times, end, side="right")
    return sequence.select(slice(first, last))


def movement_signal(sequence: PoseSequence, label: str) -> Signal:
    """Average the measures of the exercise `label` that can be seen, left and right, to one signal.

    Raises KeyError for a label that is not in `MOVEMENTS`.
    """
    times = np.arange(sequence.times[0], sequence.times[-1] + STEP / 2, STEP) if len(sequence.times) else np.empty(0)
    candidates = []
    if len(times) >= 5:
        candidates = [c for entry in MOVEMENTS[label].measures for c in _candidates(sequence, times, *entry)]
    candidates = sorted((c for c in candidates if c.score > 0), key=lambda c: -c.score)
    if not candidates:
        return Signal(times, np.zeros(len(times)))
    scores = np.array([c.score for c in candidates])
    with np.errstate(invalid="ignore", divide="ignore"):  # what stands still agrees with nothing
        agreement = np.nan_to_num(np.atleast_2d(np.corrcoef([c.values for c in candidates])))
    np.fill_diagonal(agreement, 1)
    # A wandering error may move more than the body does, but nothing else moves with it.
    best = int(np.argmax(scores * (np.maximum(agreement, 0) ** 2 @ scores)))
    chosen = [c for c, alike in zip(candidates, agreement[best], strict=True) if alike > _AGREEING]
    weights = np.array([c.score for c in chosen])
    values = np.average([c.values for c in chosen], axis=0, weights=weights)
    return Signal(times, values, tuple(c.name for c in chosen))


def _candidates(sequence: PoseSequence, times: np.ndarray, name: str, direction: int) -> list[_Candidate]:
    measure = MEASURES[name]
    sequence = sequence.select(np.isfinite(sequence.world[:, 0, 0]))  # a rest out of the picture hides nothing
    spaces = {"world": sequence.world}
    if measure.planar:
        spaces["picture"] = sequence.landmarks[..., :2]
    found = []
    for space, points in spaces.items():
        values = measure.function(points)
        for k, side in enumerate(("left", "right")):
            sure = _visibility(sequence, measure, k)
            series = np.where(sure > _VISIBLE, values[:, k], np.nan)
            found.append(
                _judge(f"{name}, {side}, {space}", sequence.times, series, sure, times, direction / measure.usual)
            )
    return found


def _visibility(sequence: PoseSequence, measure: Measure, side: int) -> np.ndarray:
    """Visibility (T,) 0..1 of the least visible landmark that a measure needs."""
    return np.nan_to_num(sequence.visibility[:, [number + side for number in measure.landmarks]]).min(1)


def _judge(
    name: str, seen: np.ndarray, series: np.ndarray, sure: np.ndarray, times: np.ndarray, factor: float
) -> _Candidate:
    """Resample a series (T,) to `times` (N,), and score it: visible, moving, and not trembling."""
    valid = np.isfinite(series)
    share = float(valid.mean()) if len(valid) else 0.0
    if valid.sum() < 3 or share < 0.5:
        return _Candidate(name, np.zeros(len(times)), 0.0)
    values = factor * np.interp(times, seen[valid], series[valid])
    smooth = gaussian_filter1d(values, _SLOWEST / STEP)
    moving = max(float(np.subtract(*np.percentile(smooth, [97, 3]))), 1e-6)
    trembling = float(np.sqrt(np.mean((values - smooth) ** 2)))
    clear = moving / (moving + 4 * trembling + 0.05)
    likely = min(moving, _MOST / moving)  # more than anyone can move is a body seen wrongly
    score = share * float(sure[valid].mean()) * likely * clear**2
    return _Candidate(name, values - np.median(values), score)


def angle_signal(sequence: PoseSequence, measure: Measure) -> tuple[np.ndarray, np.ndarray]:
    """Read a measure in the world: times (N,) and values (N, 2), left and right, smooth; NaN for a hidden side."""
    times = np.arange(sequence.times[0], sequence.times[-1] + STEP / 2, STEP)
    values = measure.function(sequence.world)
    sides = np.full((len(times), 2), np.nan)
    for k in (0, 1):
        valid = np.isfinite(values[:, k]) & (_visibility(sequence, measure, k) > _VISIBLE)
        if valid.mean() >= 0.5:
            sides[:, k] = np.interp(times, sequence.times[valid], values[valid, k])
    return times, gaussian_filter1d(sides, 0.05 / STEP, axis=0, mode="nearest")


def postures(sequence: PoseSequence) -> np.ndarray:
    """Angles (T, 5) of elbows, shoulders, hips, knees and of the trunk to the vertical in each frame; NaN if unseen."""
    shapes = []
    for name in _POSTURE:
        measure = MEASURES[name]
        sure = np.stack([_visibility(sequence, measure, k) for k in (0, 1)], 1) > _VISIBLE
        values = measure.function(sequence.world)
        seen = sure & np.isfinite(values)
        sums = np.where(seen, values, 0).sum(1)
        shapes.append(np.where(seen.any(1), sums / np.maximum(seen.sum(1), 1), np.nan))
    return np.stack(shapes, 1)


def posture(sequence: PoseSequence, time: float) -> np.ndarray:
    """Angles (5,) of elbows, shoulders, hips, knees and of the trunk to the vertical around a time; NaN if unseen."""
    near = sequence.select(np.abs(sequence.times - time) <= max(0.1, np.abs(sequence.times - time).min()))
    shape = []
    for name in _POSTURE:
        measure = MEASURES[name]
        sure = np.stack([_visibility(near, measure, k) for k in (0, 1)], 1)
        values = measure.function(near.world)[sure > _VISIBLE]
        values = values[np.isfinite(values)]
        shape.append(float(np.median(values)) if len(values) else np.nan)
    return np.array(shape)
