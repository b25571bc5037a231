"""Is one model really better than another? Paired, over the same videos."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from workoutlib.evaluation.predictions import Predictions, in_top
from workoutlib.utils.errors import WorkoutlibError


class Gain(NamedTuple):
    """How much better the second of two models is: the difference of the shares of right answers.

    Attributes:
        gain: -1 to 1.
        low, high: 95 % interval over videos (percentile bootstrap).
        p: two-sided, of the hypothesis that there is no difference (signs flipped at random); never 0, as the signs
            that were found count as one of the draws (Phipson & Smyth 2010, doi:10.2202/1544-6115.1585).
    """

    gain: float
    low: float
    high: float
    p: float

    def __str__(self) -> str:
        return f"{self.gain:+.3f} (95 % interval {self.low:+.3f} to {self.high:+.3f}, p = {self.p:.2g})"


def compare_predictions(old: Predictions, new: Predictions) -> Gain:
    """Compare two models' predictions for the same pictures.

    Raises:
        WorkoutlibError: they are not of the same pictures.
    """
    if list(old.catalog["path"]) != list(new.catalog["path"]):
        raise WorkoutlibError("the two models were not evaluated on the same pictures in the same order")
    return compare_shares(new.catalog, in_top(old, 1), in_top(new, 1))


def compare_shares(catalog: pd.DataFrame, old: np.ndarray, new: np.ndarray, *, repeats: int = 10_000) -> Gain:
    """Compare how right two models are, 0..1 or false and true, about each picture (N,) of a catalog.

    Frames of one video are not independent, so whole videos are drawn again, and whole videos change sides.
    """
    table = pd.DataFrame({"video": catalog["video"].to_numpy(), "gap": new * 1.0 - old, "images": 1})
    sums = table.groupby("video").sum()
    gaps, images, rng = sums["gap"].to_numpy(), sums["images"].to_numpy(), np.random.default_rng(0)
    signs = rng.choice([-1, 1], (repeats, len(gaps)))
    as_large = np.abs(signs @ gaps) >= abs(gaps.sum()) - 1e-9
    p = (as_large.sum() + 1) / (repeats + 1)
    drawn = rng.multinomial(len(gaps), np.full(len(gaps), 1 / len(gaps)), repeats)
    low, high = np.percentile(drawn @ gaps / (drawn @ images), [2.5, 97.5])
    return Gain(float(gaps.sum() / images.sum()), float(low), float(high), float(p))
