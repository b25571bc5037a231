"""`python -m workoutlib.gym --out DIR` writes the built-in sample."""

import argparse
import sys

from workoutlib.utils.errors import WorkoutlibError

from . import write_dataset


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, write the tree, return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m workoutlib.gym", description="Render the built-in sample.")
    parser.add_argument("--out", required=True, help="new folder for the tree")
    parser.add_argument("--videos", type=int, default=6, help="videos a class (default 6)")
    parser.add_argument("--frames", type=int, default=8, help="frames a video (default 8)")
    parser.add_argument("--stills", type=int, default=2, help="web stills a class (default 2)")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws another gym (default 0)")
    options = vars(parser.parse_args(arguments))
    try:
        table = write_dataset(**options, progress=True)
    except WorkoutlibError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{len(table)} images of {table['label'].nunique()} exercises in {options['out']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
