"""Where data and results live: ``input/`` and ``outputs/`` beside the notebooks, wherever the code runs from."""

import os
from pathlib import Path


def data_root() -> Path:
    """The folder ``input/`` for data sets. See ``home``."""
    return home() / "input"


def output_root() -> Path:
    """The folder ``outputs/`` for checkpoints, figures and annotated media. See ``home``."""
    return home() / "outputs"


def home() -> Path:
    """The folder that holds both; it need not exist, and nothing is created here.

    The environment variable WORKOUTLIB_HOME if it is set; else the repository, when the package
    is used from a checkout; else the current folder.
    """
    if chosen := os.environ.get("WORKOUTLIB_HOME"):
        return Path(chosen).expanduser().absolute()
    checkout = Path(__file__).resolve().parents[1]
    if (checkout / "pyproject.toml").is_file() and (checkout / "notebooks").is_dir():
        return checkout
    return Path.cwd()
