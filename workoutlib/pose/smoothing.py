"""Poses over time: less jitter, short gaps filled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from workoutlib.pose.sequence import PoseSequence

LONGEST_GAP = 0.5
"""Seconds without a person that are bridged; longer gaps stay empty."""


def smooth(sequence: PoseSequence, *, min_cutoff: float = 1.5, beta: float = 1.0) -> PoseSequence:
    """Fill short gaps and filter landmarks and world coordinates, forwards and backwards: nothing lags.

    Args:
        min_cutoff: cutoff frequency in Hz of what hardly moves: lower is calmer.
        beta: how much the cutoff rises with speed (world: metres a second; landmarks: trunk lengths a second):
            higher follows faster.
    """
    filled = fill_gaps(sequence)
    trunk = np.linalg.norm(filled.landmarks[:, [11, 12]].mean(1) - filled.landmarks[:, [23, 24]].mean(1), axis=-1)
    length = float(np.nanmedian(trunk)) if filled.found.any() else 1.0
    unit = max(length, 1.0) if np.isfinite(length) else 1.0
    landmarks = _both_ways(filled.times, filled.landmarks / np.float32(unit), min_cutoff, beta)
    landmarks *= np.float32(unit)
    world = _both_ways(filled.times, filled.world, min_cutoff, beta)
    return replace(filled, landmarks=landmarks, world=world)


def fill_gaps(sequence: PoseSequence, longest: float = LONGEST_GAP) -> PoseSequence:
    """Interpolate linearly over at most `longest` seconds without a person between two frames with one."""
    found = np.flatnonzero(sequence.found)
    if len(found) in (0, len(sequence)):
        return sequence
    after = np.searchsorted(found, np.arange(len(sequence))).clip(1, max(len(found) - 1, 1))
    before, after = found[after - 1], found[np.minimum(after, len(found) - 1)]
    rows = np.arange(len(sequence))
    gap = sequence.times[after] - sequence.times[before]
    fill = ~sequence.found & (rows > before) & (rows < after) & (gap <= longest + 1e-9)
    share = np.divide(sequence.times - sequence.times[before], gap, out=np.zeros(len(rows)), where=gap > 0)

    def filled(values: np.ndarray) -> np.ndarray:
        weight = share[fill].reshape(-1, *[1] * (values.ndim - 1))
        result = values.copy()
        result[fill] = (1 - weight) * values[before[fill]] + weight * values[after[fill]]
        return result

    columns = (sequence.landmarks, sequence.world, sequence.visibility, sequence.probability)
    return PoseSequence(sequence.times, *(filled(values) for values in columns))


def one_euro(
    times: np.ndarray, values: np.ndarray, *, min_cutoff: float = 1.5, beta: float = 1.0, speed_cutoff: float = 1.0
) -> np.ndarray:
    """The One-Euro filter (Casiez et al. 2012, doi:10.1145/2207676.2208639): calm at rest, quick in motion.

    Args:
        times: seconds (T,), increasing.
        values: floats (T, ...); after a NaN the filter begins anew. The result is as precise as they are.
        min_cutoff, beta: the cutoff in Hz is ``min_cutoff + beta * speed``.
        speed_cutoff: in Hz, of the speed itself.
    """
    result, speed = values.copy(), np.zeros(values.shape[1:])
    last = values[0].astype(float) if len(values) else speed
    for now in range(1, len(values)):
        seconds = max(times[now] - times[now - 1], 1e-6)
        change = values[now] - last
        fresh = np.isnan(change)
        slope = np.where(fresh, 0.0, change / seconds)
        speed = np.where(fresh, 0.0, speed + _weight(speed_cutoff, seconds) * (slope - speed))
        share = _weight(min_cutoff + beta * np.abs(speed), seconds)
        last = np.where(fresh, values[now], last + share * change)
        result[now] = last
    return result


def _both_ways(times: np.ndarray, values: np.ndarray, min_cutoff: float, beta: float) -> np.ndarray:
    """The mean of the filter in both directions of time, whose lags cancel."""
    mean = one_euro(times, values, min_cutoff=min_cutoff, beta=beta)
    mean += one_euro(-times[::-1], values[::-1], min_cutoff=min_cutoff, beta=beta)[::-1]
    mean *= 0.5
    return mean


def _weight(cutoff: float | np.ndarray, seconds: float) -> float | np.ndarray:
    """How much of the newest value an exponential filter of this cutoff takes."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff * seconds))
