"""Train the body model on the built-in gym's athletes alone, and store it in the package.

python tools/build_starter.py [--people 60] [--cameras 4] [--clips 24]
"""

import argparse

from workoutlib.labels import LABELS
from workoutlib.pose.body_model import GYM_BODY_FILE, train_on_gym
from workoutlib.pose.estimator import PoseEstimator
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
    seeds = range(FIRST_SEED, FIRST_SEED + options.clips)
    clips = rendered_sequences(PoseEstimator(threads=1), seeds=seeds)
    estimated = track(clips, "following rendered athletes", total=len(seeds) * len(LABELS), unit="clip")
    body = train_on_gym(people=options.people, cameras=options.cameras, estimated=estimated)
    print(f"{save_atomically(body.state(), GYM_BODY_FILE)}: {GYM_BODY_FILE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
