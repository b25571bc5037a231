"""Train the body model on the built-in gym's athletes alone, and store it in the package.

python tools/build_starter.py [--people 60] [--cameras 4] [--clips 24]
"""

import argparse
from itertools import chain

from workoutlib.gym.exercises import ANY_MOVEMENT, UNKNOWN
from workoutlib.labels import LABELS
from workoutlib.pose.body_model import GYM_BODY_FILE
from workoutlib.pose.estimator import PoseEstimator
from workoutlib.pose.gym_training import train_on_gym
from workoutlib.pose.rendered import rendered_sequences
from workoutlib.utils.files import save_atomically
from workoutlib.utils.progress import track

FIRST_SEED = 5000
"""Of the rendered clips: measurements and tests use smaller ones."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--people", type=int, default=60, help="athletes of an exercise (default: 60)")
    parser.add_argument("--cameras", type=int, default=4, help="cameras that look at each (default: 4)")
    parser.add_argument("--clips", type=int, default=24, help="rendered clips of an exercise (default: 24)")
    options = parser.parse_args()
    estimator = PoseEstimator(threads=1)
    seeds = range(FIRST_SEED, FIRST_SEED + options.clips)
    estimated = rendered_sequences(estimator, seeds=seeds)
    movements = rendered_sequences(estimator, [ANY_MOVEMENT], seeds=range(FIRST_SEED, FIRST_SEED + 20 * len(seeds)))
    pauses = rendered_sequences(estimator, list(UNKNOWN), seeds=seeds[: len(seeds) // 2])
    body = train_on_gym(
        people=options.people,
        cameras=options.cameras,
        estimated=track(estimated, "following athletes", total=len(seeds) * len(LABELS), unit="clip"),
        others=track(chain(movements, pauses), "following others", unit="clip"),
    )
    print(f"{save_atomically(body.state(), GYM_BODY_FILE)}: {GYM_BODY_FILE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
