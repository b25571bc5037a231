"""Repetitions counted on the gym's true joints, seen with errors like the estimator's: nothing is rendered.

python benchmarks/count_joints.py --seeds 0 1 2 --form right|half --noise 1

A set an exercise and seed: 5 to 12 whole repetitions, no two as long or as deep, of a person whom the seed draws, seen
from a usual view at 15, 25 or 30 frames a second; the label is given. With `--form half` as in `count_rendered.py`.
"""

from __future__ import annotations

import argparse

import numpy as np
from count_rendered import fault_of

from workoutlib.gym.exercises import EXERCISES
from workoutlib.gym.skeletons import draw_view, estimate, perform
from workoutlib.labels import LABELS
from workoutlib.pose.sequence import PoseSequence
from workoutlib.workout import find_sets


def draw_set(label: str, seed: int, fault: str | None, noise: float) -> tuple[PoseSequence, int]:
    """Draw a set that begins and ends between two repetitions; return how it is seen and how many there are."""
    rng = np.random.default_rng([seed, LABELS.index(label), 21])
    count, rate = int(rng.integers(5, 13)), float(rng.choice([15.0, 25.0, 30.0]))
    times = np.arange((count + 1) * 1.1 * EXERCISES[label].seconds[1] * rate) / rate
    performed = perform(label, seed, times, fault=fault)
    seen = PoseSequence(**vars(estimate(performed, rng, draw_view(label, rng), noise)))
    whole = (performed.repetition > 1) & (performed.repetition <= count + 1)  # the first one is cut and left out
    return seen.select(whole), count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(20)))
    parser.add_argument("--form", choices=("right", "half"), default="right")
    parser.add_argument("--noise", type=float, default=1.0, help="of the estimator: 1 is about 3 cm")
    arguments = parser.parse_args()
    errors = []
    for label in LABELS:
        fault = fault_of(label, arguments.form)
        if label == "plank" or (arguments.form == "half" and fault is None):
            continue
        for seed in arguments.seeds:
            poses, true = draw_set(label, seed, fault, arguments.noise)
            counted = sum(entry.count for entry in find_sets(poses, [(0.0, float(poses.times[-1]), label)]))
            errors.append(abs(counted - true))
            if errors[-1]:
                print(f"{label}, seed {seed}: {true} shown, {counted} counted", flush=True)
    table = np.array(errors)
    print(f"exact: {(table == 0).sum()} of {len(table)}, within one: {(table <= 1).sum()} of {len(table)}")


if __name__ == "__main__":
    main()
