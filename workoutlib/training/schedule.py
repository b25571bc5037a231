"""The learning rate over a run."""

from __future__ import annotations

import math

from workoutlib.config import Config


def learning_rate_at(config: Config, epochs_done: float) -> float:
    """The learning rate after so many epochs (a fraction within an epoch): a function, so resuming is exact.

    ``"step"``: a tenth after each ``step_epochs``; ``"cosine"``: half a cosine from full to zero
    (Loshchilov & Hutter 2017, arXiv:1608.03983); ``"none"``: constant.
    """
    match config.scheduler:
        case "step":
            return config.learning_rate * 0.1 ** (int(epochs_done) // config.step_epochs)
        case "cosine":
            return config.learning_rate * 0.5 * (1 + math.cos(math.pi * epochs_done / max(config.epochs, 1)))
        case _:
            return config.learning_rate
