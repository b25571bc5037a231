"""Whole experiments: split a catalog, train a model on one part, evaluate it on the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd
import torch

from workoutlib.config import PROFILES, Config
from workoutlib.data.dataset import ImageDataset, dataset_of
from workoutlib.data.download import KAGGLE_FOLDER
from workoutlib.data.merging import with_class_shares, without_held_out
from workoutlib.data.splits import split_by_video, split_random
from workoutlib.evaluation.predictions import Predictions, evaluate
from workoutlib.models.build import Classifier, build_model
from workoutlib.models.checkpoints import load_checkpoint
from workoutlib.models.features import remember
from workoutlib.training.bodies import Bodies, load_bodies
from workoutlib.training.fit import NOTHING_KEPT, Callbacks, FitResult, StopTraining, fit, freeze_as_configured
from workoutlib.training.loggers import open_logger
from workoutlib.training.run_folder import RunFolder
from workoutlib.training.synthetic import synthetic_dataset, warm_up
from workoutlib.utils import devices
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.paths import data_root


@dataclass(frozen=True)
class Trained:
    """What came of an experiment.

    Attributes:
        model: the best epoch's where the run was stored, else the last one's.
        result: how the training went.
        predictions: for the validation pictures, by `model` and, where the config uses it, the body.
        checkpoint: the file of the best model, or ``None`` where nothing was stored.
    """

    model: Classifier
    result: FitResult
    predictions: Predictions
    checkpoint: Path | None

    @property
    def history(self) -> pd.DataFrame:
        """One row an epoch."""
        return self.result.history


def choose_profile(data: str = "auto") -> tuple[str, str]:
    """What ``auto`` means here: the profile's name, and a sentence that says why and how to choose otherwise."""
    device = devices.pick_device()
    real = data not in ("auto", "sample") or (data == "auto" and (data_root() / KAGGLE_FOLDER).is_dir())
    name = "best" if real and device.type == "cuda" else "quick"
    pictures = "your pictures" if real else "the built-in sample"
    where = devices.describe(device)
    return name, f"profile {name}: {pictures} on {where} (choose another by its name: {', '.join(PROFILES)})"


def split_catalog(catalog: pd.DataFrame, config: Config) -> dict[str, pd.DataFrame]:
    """Split a catalog as the config says: ``train``, ``valid`` and, if it asks for one, ``test``.

    Pictures that were ``added`` to a data set (`read_catalogs`) all go into training: the other parts stay as they are
    without them.
    """
    if "added" in catalog and catalog["added"].any():
        parts = split_catalog(catalog[~catalog["added"]], config)
        return parts | {"train": pd.concat([parts["train"], catalog[catalog["added"]]])}
    if config.split == "random":
        return split_random(catalog, valid=config.valid, seed=config.seed)
    return split_by_video(catalog, valid=config.valid, test=config.test, seed=config.seed)


def model_from_config(config: Config, classes: int) -> Classifier:
    """The config's model with its frozen layers, and a head drawn from its seed: the same one in every run."""
    weights = str(warm_up(config.model, config.weights)) if config.warm_up else config.weights
    torch.manual_seed(config.seed)
    model = build_model(config.model, classes, weights=weights)
    freeze_as_configured(model, config)
    return model


def train_model(
    catalog: pd.DataFrame,
    config: Config,
    *,
    out: Path | None = None,
    cache: Path | None = None,
    device: torch.device | None = None,
    resume: bool = False,
    save_name: str = "model",
    callbacks: Callbacks = Callbacks(),  # noqa: B008, it is frozen
) -> Trained:
    """Split, train, calibrate on the validation videos, and store the best model.

    Args:
        out: folder for ``best_model.pth``, ``<save_name>.pth`` (the last epoch's), ``last.pth``, ``history.csv``.
        cache: folder for decoded pictures (`load_dataset`).
        resume: go on after the last finished epoch in `out`.
        save_name: the name of the last epoch's checkpoint, without ``.pth``; not ``best_model`` or ``last``.
    """
    require_name(save_name)
    device, progress = device or devices.pick_device(), callbacks.progress
    try:
        with logged(callbacks, out) as callbacks, callbacks.listening():
            dataset = dataset_of(config, catalog, cache=cache, device=device, progress=progress)
            parts = without_held_out(split_catalog(catalog, config), dataset)
            parts["train"] = with_class_shares(parts["train"])
            train, valid = dataset.select(parts["train"]), dataset.select(parts["valid"])
            bodies = load_bodies(catalog, dataset.labels, config, cache=cache, progress=progress)
            body = bodies.fit(parts["train"]) if bodies else None
            fuse = partial(bodies.fuse, body=body) if bodies and body else _as_they_are
            model = model_from_config(config, len(dataset.labels))
            synthetic = synthetic_dataset(config, dataset.labels, device=device, progress=progress)
            folder = RunFolder(out, config, train, valid, resume=resume, body=body, fuse=fuse) if out else None
            result = fit(
                model, train, valid, config, device=device, synthetic=synthetic, folder=folder, callbacks=callbacks
            )
    except StopTraining as error:
        raise WorkoutlibError(NOTHING_KEPT) from error
    callbacks.on_stage("evaluating the model", 0, None)
    predictions = finished(model, train, valid, config, bodies)
    if folder is None or devices.rank_and_world()[0] > 0:
        return Trained(model, result, fuse(predictions, model), None)
    last_epoch = int(result.history["epoch"].iloc[-1])
    folder.save_model(save_name, model, torch.from_numpy(predictions.logits), epoch=last_epoch)
    checkpoint = folder.out / "best_model.pth"
    best = load_checkpoint(checkpoint).model.to(device).to(memory_format=torch.channels_last)
    if result.best_epoch != last_epoch or config.body:
        predictions = finished(best, train, valid, config, bodies)
    if config.body:
        folder.save_model("best_model", best, torch.from_numpy(predictions.logits), epoch=result.best_epoch)
    return Trained(best, result, fuse(predictions, best), checkpoint)


def complete(model: Classifier, train: ImageDataset, config: Config, bodies: Bodies | None) -> None:
    """Let a trained model remember training pictures, and fit its head for hands, where the config uses the body.

    Where the body was not fine-tuned, the memory tells classes apart: only there was a gain measured.
    """
    if config.body:
        device = model.head.weight.device
        remember(model, train, crop=config.crop, device=device, by_class=not config.fine_tune)
    if bodies:
        bodies.fit_hands(model, train.catalog)


def finished(
    model: Classifier, train: ImageDataset, valid: ImageDataset, config: Config, bodies: Bodies | None
) -> Predictions:
    """Predictions for the validation pictures, by a model that is `complete` from now on."""
    complete(model, train, config, bodies)
    return evaluate(model, valid, config)


def _as_they_are(predictions: Predictions, model: Classifier) -> Predictions:
    return predictions


@contextmanager
def logged(callbacks: Callbacks, out: Path | None) -> Iterator[Callbacks]:
    """Within the block the same callbacks, and each epoch goes to their logger too, if they have one.

    It writes below `out`; of several processes the first one writes.
    """
    if callbacks.logger is None or out is None or devices.rank_and_world()[0] > 0:
        yield callbacks
        return
    with open_logger(callbacks.logger, Path(out)) as log:

        def on_epoch(history: pd.DataFrame) -> None:
            log(history)
            callbacks.on_epoch(history)

        yield replace(callbacks, on_epoch=on_epoch)


def require_name(save_name: str) -> None:
    if save_name in ("best_model", "last"):
        raise WorkoutlibError(f"the last epoch's checkpoint cannot be called {save_name}: another file has that name")
    if not save_name or save_name.startswith(".") or re.search(r"[/\\]", save_name):  # "./last" is that file too
        raise WorkoutlibError(f"the last epoch's checkpoint cannot be called {save_name!r}: give a name, not a path")
