"""``python -m workoutlib``: the same as the command ``workoutlib``."""

import sys

from workoutlib.app.cli import main

if __name__ == "__main__":
    sys.exit(main())
