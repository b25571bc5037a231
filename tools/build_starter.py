"""Train the starter model, on the built-in gym's athletes alone, and store it in the package.

python tools/build_starter.py [--people 60] [--cameras 4]
"""

import argparse

import numpy as np

from workoutlib import LABELS
from workoutlib.pose.body_model import draw_bodies, fit_body
from workoutlib.recognition.starter import STARTER_FILE
from workoutlib.utils.files import save_atomically


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--people", type=int, default=60, help="athletes of an exercise (default: 60)")
    parser.add_argument("--cameras", type=int, default=4, help="cameras that look at each (default: 4)")
    options = parser.parse_args()
    bodies = draw_bodies(LABELS, people=options.people, cameras=options.cameras)
    body = fit_body(np.empty((0, 33, 3)), np.empty(0, int), LABELS, synthetic=bodies)
    print(f"{save_atomically(body.state(), STARTER_FILE)}: {STARTER_FILE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
