"""What the picture, the hands and the skeleton are worth, each alone and all together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from workoutlib.config import Config
from workoutlib.data.dataset import dataset_of
from workoutlib.evaluation.predictions import Predictions, evaluate
from workoutlib.models.features import picture_features
from workoutlib.pose.estimator import PoseEstimator
from workoutlib.training.bodies import Bodies
from workoutlib.training.experiments import model_from_config, split_catalog
from workoutlib.training.head import fit_head
from workoutlib.utils import devices


def measure_parts(
    catalog: pd.DataFrame,
    config: Config,
    *,
    cache: Path | None = None,
    device: torch.device | None = None,
    progress: bool = True,
) -> dict[str, Predictions]:
    """One frozen model and one body model, fitted to a catalog's training part: which part of them recognises what?

    Returns:
        Predictions for the validation part: of ``"picture"``, ``"hands"`` and ``"skeleton"`` alone, of ``"picture and
        skeleton"``, and of ``"all"``.
    Raises:
        WorkoutlibError: the pose network cannot be had.
    """
    device = device or devices.pick_device()
    parts = split_catalog(catalog, config)
    dataset = dataset_of(config, catalog, cache=cache, device=device, progress=progress)
    train, valid = dataset.select(parts["train"]), dataset.select(parts["valid"])
    bodies = Bodies(catalog, dataset.labels, PoseEstimator(), config, cache=cache, progress=progress)
    model = model_from_config(config.replace(fine_tune=False), len(dataset.labels)).to(device)
    features = picture_features(model, train, crop=config.crop, device=device)
    fit_head(model.head, features, train.targets, dataset.labels)
    bodies.fit_hands(model, train.catalog)
    body, picture = bodies.fit(train.catalog), evaluate(model, valid, config)
    nothing = replace(picture, logits=np.zeros_like(picture.logits))
    return {
        "picture": picture,
        "hands": bodies.add_hands(nothing, model),
        "skeleton": bodies.add_body(nothing, body),
        "picture and skeleton": bodies.add_body(picture, body),
        "all": bodies.fuse(picture, model, body),
    }
