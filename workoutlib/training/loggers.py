"""A training run's history for other programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pandas as pd

from workoutlib.utils.errors import WorkoutlibError

Logger = Literal["tensorboard"]

# Names with the same beginning share a section of TensorBoard's page.
_TAGS = {f"{part}_{what}": f"{what}/{part}" for part in ("train", "valid") for what in ("loss", "accuracy")}


@contextmanager
def open_logger(logger: Logger, folder: Path) -> Iterator[Callable[[pd.DataFrame], None]]:
    """A function that writes the last row of a history to ``<folder>/tensorboard``; closed after the block.

    Raises:
        WorkoutlibError: TensorBoard is not installed, or there is no such logger.
    """
    if logger != "tensorboard":
        raise WorkoutlibError(f"no logger {logger!r}: there is tensorboard")
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise WorkoutlibError("TensorBoard is not installed: run  pip install tensorboard  and train again") from error

    with SummaryWriter(str(folder / "tensorboard")) as writer:

        def log(history: pd.DataFrame) -> None:
            row = history.iloc[-1]
            for name in history.columns.drop("epoch"):
                if pd.notna(row[name]):
                    writer.add_scalar(_TAGS.get(name, name), row[name], int(row["epoch"]))
            writer.flush()

        yield log
