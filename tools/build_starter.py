"""Train the body model on the built-in gym's athletes alone, and store it in the package.

python tools/build_starter.py [--people 60] [--cameras 4]
"""

import argparse

from workoutlib.pose.body_model import GYM_BODY_FILE, train_on_gym
from workoutlib.utils.files import save_atomically


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--people", type=int, default=60, help="athletes of an exercise (default: 60)")
    parser.add_argument("--cameras", type=int, default=4, help="cameras that look at each (default: 4)")
    options = parser.parse_args()
    body = train_on_gym(people=options.people, cameras=options.cameras)
    print(f"{save_atomically(body.state(), GYM_BODY_FILE)}: {GYM_BODY_FILE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
