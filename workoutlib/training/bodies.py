"""The bodies in a data set's pictures: their poses, and the body model fitted and evaluated on parts of them."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from workoutlib.config import Config
from workoutlib.evaluation.calibration import fit_keep_confidence, fit_temperature, fit_unknown_threshold
from workoutlib.evaluation.metrics import scores
from workoutlib.evaluation.predictions import Predictions
from workoutlib.models.checkpoints import load_checkpoint, save_checkpoint
from workoutlib.pose.body_model import BodyModel, fit_body
from workoutlib.pose.estimator import PoseEstimator
from workoutlib.pose.pictures import estimate_poses
from workoutlib.pose.tracking import PoseSequence
from workoutlib.utils.errors import WorkoutlibError


class Bodies:
    """Poses of all pictures of a catalog, to fit body models to and to evaluate them on.

    Args:
        labels: class names in the order of the logits.
        cache: folder in which poses are kept.
    """

    def __init__(
        self,
        catalog: pd.DataFrame,
        labels: tuple[str, ...],
        estimator: PoseEstimator,
        *,
        cache: Path | None = None,
        progress: bool = True,
    ) -> None:
        self.catalog, self.labels = catalog, labels
        self.poses = estimate_poses(catalog["path"].tolist(), estimator, cache=cache, progress=progress)

    def fit(self, rows: pd.DataFrame) -> BodyModel:
        """The body model of some rows of the catalog."""
        targets = np.array([self.labels.index(label) for label in rows["label"]])
        weights = rows["weight"].to_numpy(float) if "weight" in rows else None
        return fit_body(self._poses_of(rows).world, targets, self.labels, weights)

    def fuse(self, predictions: Predictions, body: BodyModel) -> Predictions:
        """The picture model's predictions for rows of the catalog, joined with the body model's."""
        return replace(predictions, logits=body.fuse(predictions.logits, self._poses_of(predictions.catalog)))

    def _poses_of(self, rows: pd.DataFrame) -> PoseSequence:
        return self.poses.select(self.catalog.index.get_indexer(rows.index))


def load_bodies(
    catalog: pd.DataFrame, labels: tuple[str, ...], config: Config, *, cache: Path | None = None, progress: bool = True
) -> Bodies | None:
    """The bodies in a catalog's pictures, or ``None`` where the config does not use them.

    Where the pose network cannot be had, a warning says so, and training goes on without the body.
    """
    if not config.body:
        return None
    try:
        estimator = PoseEstimator()
    except WorkoutlibError as error:
        warnings.warn(f"training on the pictures alone, without the body: {error}", stacklevel=2)
        return None
    return Bodies(catalog, labels, estimator, cache=cache, progress=progress)


def join_gym_body(
    checkpoint: Path, predictions: Predictions, estimator: PoseEstimator, *, progress: bool = True
) -> Predictions:
    """Give a stored picture model the body model of the gym's athletes, and calibrate both together.

    Nothing is fitted but the calibration: that needs the poses in the validation pictures alone.

    Args:
        checkpoint: rewritten.
        predictions: the picture model's, for the validation pictures.
    Returns:
        The predictions of both together.
    """
    stored, labels = load_checkpoint(checkpoint), predictions.labels
    body = fit_body(np.empty((0, 33, 3)), np.empty(0, int), labels)
    poses = estimate_poses(predictions.catalog["path"].tolist(), estimator, progress=progress)
    joint = replace(predictions, logits=body.fuse(predictions.logits, poses))
    temperature = fit_temperature(joint)
    kept = {"keep_confidence": fit_keep_confidence(joint, temperature)}
    save_checkpoint(
        checkpoint,
        stored.model,
        labels,
        stored.config,
        metrics={**stored.metrics, **kept, **scores(joint)},
        temperature=temperature,
        unknown_threshold=fit_unknown_threshold(joint),
        body=body.state(),
    )
    return joint
