"""How well the form rules judge: sets of the gym's joints, with and without each fault, as an estimator sees them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from workoutlib.gym.exercises import EXERCISES
from workoutlib.gym.skeletons import Performance, draw_view, estimate, perform, watch
from workoutlib.labels import LABELS
from workoutlib.pose.sequence import PoseSequence
from workoutlib.workout import find_sets
from workoutlib.workout.form import judge_set, view_angle
from workoutlib.workout.form_rules import HALF, RULES, Rule

_TRIES = 30  # cameras where they stand for the exercise, and then as many anywhere, until the fault can be seen


def measure_form(
    seeds: Iterable[int], *, exercises: Sequence[str] = LABELS, rules: Sequence[Rule] = RULES, noise: float = 1.0
) -> pd.DataFrame:
    """Judge a right and a faulty set a seed for each rule of each exercise, seen from the views of the rule.

    People, tempo, range, number of repetitions, frame rate and camera differ from set to set; see `draw_set`.

    Returns:
        A row an exercise and fault: `exercise`, `fault`, `sets` (of either kind), `recall` (share of the faulty sets
        in which the fault is found) and `false_alarms` (share of the right sets that are blamed for it).
    """
    seeds, rows = list(seeds), []
    for label in exercises:
        for rule in (rule for rule in rules if label in rule.exercises):
            found, blamed = (
                [rule.fault in name_faults(draw_set(label, seed, rule, fault, noise), label, rules) for seed in seeds]
                for fault in (rule.fault, None)
            )
            rows.append((label, rule.fault, len(seeds), np.mean(found), np.mean(blamed)))
    return pd.DataFrame(rows, columns=["exercise", "fault", "sets", "recall", "false_alarms"])


def name_faults(sequence: PoseSequence, label: str, rules: Sequence[Rule] = RULES) -> set[str]:
    """Names of the faults of the sets in a sequence of one exercise."""
    sets = find_sets(sequence, [(0.0, float(sequence.times[-1]), label)])
    return {fault.name for entry in sets for fault in judge_set(sequence, entry, rules).faults}


def draw_set(label: str, seed: int, rule: Rule, fault: str | None, noise: float = 1.0) -> PoseSequence:
    """Draw a set of 3 to 7 repetitions with rests around it, seen from where `rule` can be judged.

    Tempo is 0.8 to 1.25 of what is usual, range 0.87 to 1 of the gym's, and that of half range 0.85 to 1.15 of the
    gym's half range. `noise` is that of `gym.skeletons.estimate`: 1 is about 3 cm.
    """
    rng = np.random.default_rng([seed, LABELS.index(label), 16])
    times, phase = _draw_rhythm(label, rng)
    if fault == HALF:
        phase = np.clip(phase * rng.uniform(0.85, 1.15), 0, 1)
    performance = perform(label, seed, times, phase=phase, fault=fault)
    return PoseSequence(**vars(estimate(performance, rng, _draw_camera(label, performance, rule.views, rng), noise)))


def _draw_rhythm(label: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Times and phase (T,) of a set."""
    shortest, longest = EXERCISES[label].seconds
    count, rest = int(rng.integers(3, 8)), rng.uniform(0.3, 1.0)
    seconds = rng.uniform(0.8 * shortest, 1.25 * longest)
    times = np.arange(0, count * seconds + 2 * rest, 1 / rng.choice([15.0, 25.0, 30.0]))
    clock = np.clip((times - rest) / seconds, 0, count - 1e-9)
    depth = rng.uniform(0.92, 1.0) * rng.uniform(0.95, 1.0, count)
    return times, (0.5 - 0.5 * np.cos(2 * np.pi * clock)) * depth[clock.astype(int)]


def _draw_camera(
    label: str, performance: Performance, views: tuple[float, float], rng: np.random.Generator
) -> tuple[float, float]:
    """Azimuth and elevation in degrees of a camera whose true angle to the body's front lies in `views`."""
    for number in range(2 * _TRIES):
        ranges = EXERCISES[label].views if number < _TRIES else ((-180.0, 180.0),)
        azimuth = rng.uniform(*ranges[int(rng.integers(len(ranges)))])
        camera = draw_view(label, rng) if number % 2 == 0 else (float(azimuth), float(rng.triangular(-2, 8, 22)))
        pixels, world = watch(performance.points[:1], *camera)
        true = view_angle(PoseSequence(np.zeros(1), pixels, world, np.ones((1, 33)), np.ones(1)))
        if views[0] <= true <= views[1]:
            break
    return camera
