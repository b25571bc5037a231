"""Logits of pictures whose labels are known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.special import softmax

from workoutlib.config import Config
from workoutlib.data.dataset import ImageDataset, require_known
from workoutlib.models.build import Classifier
from workoutlib.models.inference import eval_loader, predict_logits, require_finite
from workoutlib.utils.errors import WorkoutlibError


@dataclass(frozen=True)
class Predictions:
    """Logits of pictures whose labels are known.

    Attributes:
        catalog: N catalog rows (``path, label, video, source``).
        logits: float array (N, C).
        labels: the C class names, in the order of the logits.
    """

    catalog: pd.DataFrame
    logits: np.ndarray
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.catalog) != len(self.logits) or not len(self.catalog):
            raise WorkoutlibError(
                f"{len(self.catalog)} pictures with {len(self.logits)} predictions: nothing to evaluate"
            )
        require_known(self.catalog["label"], self.labels)

    @cached_property
    def targets(self) -> np.ndarray:
        """int array (N,): the index of the true label."""
        places = {label: i for i, label in enumerate(self.labels)}
        return self.catalog["label"].map(places).to_numpy(dtype=np.int64)

    @cached_property
    def predicted(self) -> np.ndarray:
        """int array (N,): the index of the largest logit."""
        return self.logits.argmax(1)

    def probabilities(self, temperature: float = 1.0) -> np.ndarray:
        """float array (N, C), rows adding up to 1."""
        return softmax(self.logits / temperature, axis=1)

    def clips(self) -> Predictions:
        """One row a video: the mean of its frames' logits. Stills are left out, unless there is nothing else."""
        is_frame = (self.catalog["source"] == "frame").to_numpy()
        keep = is_frame if is_frame.any() else np.ones(len(self.catalog), bool)
        rows = self.catalog[keep].reset_index(drop=True)
        logits = pd.DataFrame(self.logits[keep]).groupby(rows["video"]).mean()
        return Predictions(rows.groupby("video").first().reset_index(), logits.to_numpy(), self.labels)

    def table(self, temperature: float = 1.0) -> pd.DataFrame:
        """The catalog's rows with ``predicted``, its ``confidence`` and the true label's ``true_confidence`` (0..1)."""
        probabilities = self.probabilities(temperature)
        return self.catalog.assign(
            predicted=np.array(self.labels)[self.predicted],
            confidence=probabilities.max(1),
            true_confidence=probabilities[np.arange(len(probabilities)), self.targets],
        )

    def where(self, mask: np.ndarray | pd.Series) -> Predictions:
        """The rows for which a boolean mask is true."""
        mask = np.asarray(mask, bool)
        return Predictions(self.catalog[mask], self.logits[mask], self.labels)


def in_top(predictions: Predictions, k: int) -> np.ndarray:
    """bool array (N,): the true label is among the `k` largest logits; of equal ones, the first counts as larger."""
    best = np.argsort(-predictions.logits, axis=1, kind="stable")[:, :k]
    return (best == predictions.targets[:, None]).any(1)


def evaluate(model: Classifier, dataset: ImageDataset, config: Config) -> Predictions:
    """The model's predictions for a dataset, on the device where the model is, as validation makes them.

    Raises:
        WorkoutlibError: the model's answers are not finite.
    """
    device = next(model.parameters()).device
    loader = eval_loader(model, dataset, crop=config.crop, device=device)
    logits = predict_logits(model, loader, flip=config.flip_at_test)
    return Predictions(dataset.catalog, require_finite(logits.numpy()), dataset.labels)
