"""Repetitions counted and planks timed on the gym's true joints, seen with errors like the estimator's.

python benchmarks/count_joints.py --seeds 0 1 2 --form right|half --noise 1

A set an exercise and seed: 5 to 12 whole repetitions, no two as long or as deep, of a person whom the seed draws, seen
from a usual view at 15, 25 or 30 frames a second; the label is given. With `--form half` as in `count_rendered.py`.
In right form turns are compared with the truth, and so is a plank a seed: 10 to 60 seconds, by somebody who stands
before and after it. Nothing is rendered.
"""

from __future__ import annotations

import argparse

import numpy as np
from count_rendered import fault_of

from workoutlib.gym.exercises import EXERCISES
from workoutlib.gym.skeletons import Performance, draw_view, estimate, perform
from workoutlib.labels import LABELS
from workoutlib.pose.sequence import PoseSequence
from workoutlib.workout import Set, find_sets

RATES = (15.0, 25.0, 30.0)


def draw_set(label: str, seed: int, fault: str | None, noise: float) -> tuple[PoseSequence, np.ndarray]:
    """Draw a set that begins and ends between two repetitions; return how it is seen and when its turns are."""
    rng = np.random.default_rng([seed, LABELS.index(label), 21])
    count, rate = int(rng.integers(5, 13)), float(rng.choice(RATES))
    times = np.arange((count + 1) * 1.1 * EXERCISES[label].seconds[1] * rate) / rate
    performed = perform(label, seed, times, fault=fault)
    seen = PoseSequence(**vars(estimate(performed, rng, draw_view(label, rng), noise)))
    whole = (performed.repetition > 1) & (performed.repetition <= count + 1)  # the first one is cut and left out
    return seen.select(whole), np.array([find_turn(performed, number) for number in range(2, count + 2)])


def find_turn(performed: Performance, number: int) -> float:
    """The middle of the pause at the turn of a repetition, in seconds."""
    phase = np.where(performed.repetition == number, performed.phase, 0.0)
    return float(performed.times[phase >= 0.999 * phase.max()].mean())


def draw_plank(seed: int, noise: float) -> tuple[PoseSequence, float, float]:
    """Draw somebody who stands, goes into a plank and stands up again; return when the plank begins and ends."""
    rng = np.random.default_rng([seed, LABELS.index("plank"), 21])
    standing, way, held = rng.uniform(2, 6, 2), rng.uniform(1, 2.5, 2), rng.uniform(10, 60)
    start = standing[0] + way[0]
    end = start + held
    times = np.arange(0, end + way[1] + standing[1], 1 / rng.choice(RATES))
    plank = perform("plank", seed, times)
    upright = perform("deadlift", seed, times, phase=np.ones(len(times)))
    share = np.interp(times, [standing[0], start, end, end + way[1]], [0, 1, 1, 0])[:, None, None]
    points = share * plank.points + (1 - share) * upright.points
    moved = Performance(times, points, plank.phase, plank.repetition)
    return PoseSequence(**vars(estimate(moved, rng, draw_view("plank", rng), noise))), start, end


def find_all(poses: PoseSequence, label: str) -> list[Set]:
    """The sets of a sequence of one exercise."""
    return find_sets(poses, [(0.0, float(poses.times[-1]), label)])


def measure_counts(seeds: list[int], form: str, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Errors of the counts of all sets, and of the turns in seconds."""
    errors, late = [], []
    for label in LABELS:
        fault = fault_of(label, form)
        if label == "plank" or (form == "half" and fault is None):
            continue
        for seed in seeds:
            poses, turns = draw_set(label, seed, fault, noise)
            sets = find_all(poses, label)
            counted = sum(entry.count for entry in sets)
            errors.append(abs(counted - len(turns)))
            if errors[-1]:
                print(f"{label}, seed {seed}: {len(turns)} shown, {counted} counted", flush=True)
            found = np.array([r.turn for entry in sets for r in entry.repetitions])
            if len(found):
                late += list(np.abs(found - turns[:, None]).min(1))
    return np.array(errors), np.array(late)


def measure_planks(seeds: list[int], noise: float) -> np.ndarray:
    """Errors in seconds (N, 3) of beginning, end and length of planks; NaN where none or several are found."""
    errors = np.full((len(seeds), 3), np.nan)
    for row, seed in enumerate(seeds):
        poses, start, end = draw_plank(seed, noise)
        sets = find_all(poses, "plank")
        if len(sets) == 1 and sets[0].hold:
            entry = sets[0]
            errors[row] = np.abs([entry.start - start, entry.end - end, entry.seconds - (end - start)])
    return errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(20)))
    parser.add_argument("--form", choices=("right", "half"), default="right")
    parser.add_argument("--noise", type=float, default=1.0, help="of the estimator: 1 is about 3 cm")
    arguments = parser.parse_args()
    errors, late = measure_counts(arguments.seeds, arguments.form, arguments.noise)
    print(f"exact: {(errors == 0).sum()} of {len(errors)}, within one: {(errors <= 1).sum()} of {len(errors)}")
    if arguments.form == "half":
        return
    share = 100 * (late <= 0.15).mean()
    print(f"turns: median error {np.median(late):.3f} s, {share:.1f} % of {len(late)} within 0.15 s")
    planks = measure_planks(arguments.seeds, arguments.noise)
    found = planks[np.isfinite(planks).all(1)]
    print(f"planks: {len(found)} of {len(planks)} found as one hold")
    for name, column in zip(("begin", "end", "length"), found.T, strict=True):
        print(f"  {name}: median error {np.median(column):.2f} s, largest {column.max():.2f} s")


if __name__ == "__main__":
    main()
