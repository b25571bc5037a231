"""The bodies in a data set's pictures: their poses and hands, and what is fitted and evaluated on parts of them."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from workoutlib.config import Config
from workoutlib.data.dataset import ImageDataset, decode_with
from workoutlib.evaluation.predictions import Predictions
from workoutlib.media.images import read_image
from workoutlib.models.build import Classifier
from workoutlib.models.checkpoints import load_checkpoint, save_checkpoint
from workoutlib.models.features import picture_features
from workoutlib.models.linear import fit_linear
from workoutlib.pose.body_model import BodyModel, fit_body
from workoutlib.pose.estimator import PoseEstimator
from workoutlib.pose.hands import HANDS, cut_hands, hand_boxes, join_hands
from workoutlib.pose.pictures import estimate_poses
from workoutlib.pose.sequence import PoseSequence
from workoutlib.training.run_folder import calibrate
from workoutlib.utils.errors import WorkoutlibError


class Bodies:
    """Poses and hands of all pictures of a catalog, to fit models to and to evaluate them on.

    Args:
        labels: class names in the order of the logits.
        cache: folder in which poses and hands are kept.
    """

    def __init__(
        self,
        catalog: pd.DataFrame,
        labels: tuple[str, ...],
        estimator: PoseEstimator,
        config: Config,
        *,
        cache: Path | None = None,
        progress: bool = True,
    ) -> None:
        self.catalog, self.labels, self.config = catalog, labels, config
        self.poses = estimate_poses(catalog["path"].tolist(), estimator, cache=cache, progress=progress)
        self.hands = _hands(catalog, labels, self.poses, config, cache=cache, progress=progress)

    def fit(self, rows: pd.DataFrame) -> BodyModel:
        """The body model of some rows of the catalog; all looks at a pose together count as much as one."""
        worlds = self._poses_of(rows).worlds
        looks = len(worlds)
        targets = np.array([self.labels.index(label) for label in rows["label"]])
        weights = rows["weight"].to_numpy(float) if "weight" in rows else np.ones(len(rows))
        world = worlds.reshape(-1, *worlds.shape[2:])
        return fit_body(world, np.tile(targets, looks), self.labels, np.tile(weights, looks) / looks)

    def fit_hands(self, model: Classifier, rows: pd.DataFrame) -> None:
        """Give a model its head for hands, fitted to those in some rows of the catalog; none where no two classes are.

        Of a class without a hand it says neither yes nor no. Pictures that were ``added`` to a data set are left out:
        with them, of a few classes, the other classes lose.
        """
        squares = self._hands_of(rows[~rows["added"]] if "added" in rows else rows)
        present = squares.targets.unique()
        if len(present) < 2:
            return
        features = self._features(model, squares).flatten(0, 1).numpy()
        targets, counts = squares.targets.repeat(2).numpy(), squares.weights.repeat(2).numpy()
        weight, bias = map(torch.from_numpy, fit_linear(features, targets, len(self.labels), counts))
        absent = np.setdiff1d(np.arange(len(self.labels)), present)
        weight[absent], bias[absent] = weight[present].mean(0), bias[present].mean()
        head = nn.Linear(model.head.in_features, len(self.labels)).requires_grad_(False)
        head.load_state_dict({"weight": weight, "bias": bias})
        model.hands = head.to(model.head.weight.device)

    def fuse(self, predictions: Predictions, model: Classifier, body: BodyModel) -> Predictions:
        """A model's predictions for rows of the catalog, joined with its answers for hands and the body model's."""
        return self.add_body(self.add_hands(predictions, model), body)

    def add_body(self, predictions: Predictions, body: BodyModel) -> Predictions:
        """Predictions for rows of the catalog, joined with what the body model says of the poses there."""
        return replace(predictions, logits=body.fuse(predictions.logits, self._poses_of(predictions.catalog)))

    def add_hands(self, predictions: Predictions, model: Classifier) -> Predictions:
        """Predictions for rows of the catalog, joined with what a model says of the hands there; if it knows hands."""
        if model.hands is None:
            return predictions
        rows, said = predictions.catalog, np.empty((0, len(self.labels)), np.float32)
        found = self._poses_of(rows).found
        if found.any():
            features = self._features(model, self._hands_of(rows)).to(model.hands.weight.device)
            sides = features if self.config.flip_at_test else features[:1]
            said = model.hands(sides.mean(0)).cpu().numpy()
        return replace(predictions, logits=join_hands(predictions.logits, said, found))

    def _features(self, model: Classifier, squares: ImageDataset) -> Tensor:
        device = model.head.weight.device
        return picture_features(model, squares, crop=self.config.crop, device=device)

    def _hands_of(self, rows: pd.DataFrame) -> ImageDataset:
        """Both hands of each picture in which somebody was found, in the order of the rows, weighted as these."""
        rows = rows[self._poses_of(rows).found]
        firsts = HANDS * (np.cumsum(self.poses.found) - 1)[self.catalog.index.get_indexer(rows.index)]
        chosen = self.hands.catalog.iloc[(firsts[:, None] + np.arange(HANDS)).ravel()]
        if "weight" in rows:
            chosen = chosen.assign(weight=rows["weight"].to_numpy().repeat(HANDS))
        return self.hands.select(chosen)

    def _poses_of(self, rows: pd.DataFrame) -> PoseSequence:
        return self.poses.select(self.catalog.index.get_indexer(rows.index))


def _hands(
    catalog: pd.DataFrame,
    labels: tuple[str, ...],
    poses: PoseSequence,
    config: Config,
    *,
    cache: Path | None,
    progress: bool,
) -> ImageDataset:
    """Both hands of each picture in which somebody was found, as pictures with its label; cut out once and kept."""
    rows, size, found = catalog[poses.found], config.resize, poses.select(poses.found)
    boxes, paths = hand_boxes(found.landmarks, found.world), rows["path"].tolist()

    def hands(number: int) -> np.ndarray:
        return cut_hands(read_image(paths[number]), boxes[number], size=size)

    settings = {"hands": boxes.tolist(), "resize": size, "version": 1}
    kept = cache if paths else None  # an empty file cannot be mapped
    shape = (HANDS, size, size, 3)
    pixels = decode_with(hands, paths, shape, settings, what="looking at hands", cache=kept, progress=progress)
    images = torch.from_numpy(pixels.reshape(-1, size, size, 3)).permute(0, 3, 1, 2)
    rows = rows.loc[rows.index.repeat(HANDS)].reset_index(drop=True)
    targets = torch.tensor([labels.index(label) for label in rows["label"]], dtype=torch.int64)
    return ImageDataset(images, torch.arange(len(images)), targets, labels, rows)


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
    return Bodies(catalog, labels, estimator, config, cache=cache, progress=progress)


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
    found = calibrate(joint)
    metrics = stored.metrics | found.pop("metrics")
    save_checkpoint(checkpoint, stored.model, labels, stored.config, metrics=metrics, body=body.state(), **found)
    return joint
