"""Cross-validation by video, and what a split that leaks pays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from workoutlib.config import Config, Split
from workoutlib.data.dataset import ImageDataset, dataset_of
from workoutlib.data.merging import with_class_shares, without_held_out
from workoutlib.data.splits import folds_by_video, folds_random, group_near_duplicates
from workoutlib.evaluation.metrics import scores
from workoutlib.evaluation.predictions import Predictions
from workoutlib.models.build import build_model
from workoutlib.models.features import picture_features
from workoutlib.training.bodies import load_bodies
from workoutlib.training.experiments import Trained, complete, finished, logged, model_from_config, require_name
from workoutlib.training.fit import Callbacks, fit
from workoutlib.training.head import fit_head
from workoutlib.training.run_folder import HELD_OUT, RunFolder
from workoutlib.training.synthetic import synthetic_dataset
from workoutlib.utils import devices
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import write_csv

SCORES = ("top1", "top3", "macro", "clip_top1")


def crossvalidate(
    catalog: pd.DataFrame,
    config: Config,
    *,
    folds: int = 5,
    split: Split = "video",
    groups: pd.Series | None = None,
    cache: Path | None = None,
    device: torch.device | None = None,
    progress: bool = True,
) -> tuple[dict, Predictions]:
    """Train on all folds but one, evaluate on that one, in turn; no video is in two parts.

    Nothing is chosen on the validated fold: the number of epochs is fixed and the last weights count.

    Args:
        split: ``"random"`` shuffles the frames instead, whatever video they are of: it shows what a recipe
            seems to reach when validation sees the neighbours of training frames.
        groups: what must stay together, if more than videos (`near_duplicate_groups`).
    Returns:
        ``{"top1": {"mean", "std", "folds"}, ...}`` for ``top1, top3, macro, clip_top1``, and the
        predictions for every picture by the model that had not seen its video. Pictures that were ``added`` to a data
        set (`read_catalogs`) are trained on in each fold, and not predicted.
    Raises:
        WorkoutlibError: `groups` for a random split, or too few videos for so many folds.
    """
    if split == "random" and groups is not None:
        raise WorkoutlibError("groups keep videos together and a random split tears them apart: choose one of the two")
    device = device or devices.pick_device()
    dataset = dataset_of(config, catalog, cache=cache, device=device, progress=progress)
    own = catalog[~catalog["added"]] if "added" in catalog else catalog
    if split == "random":
        parts = folds_random(own, folds=folds, seed=config.seed)
    else:
        parts = folds_by_video(own, folds=folds, seed=config.seed, groups=groups)
    synthetic, folds_predicted = synthetic_dataset(config, dataset.labels, device=device, progress=progress), []
    bodies = load_bodies(catalog, dataset.labels, config, cache=cache, progress=progress)
    for part in parts:
        part = _with_added(part, catalog, dataset)
        model, train = model_from_config(config, len(dataset.labels)), dataset.select(part["train"])
        callbacks = Callbacks(progress=progress)
        if fit(model, train, None, config, device=device, synthetic=synthetic, callbacks=callbacks).stopped:
            raise KeyboardInterrupt  # half a fold is no fold
        predictions = finished(model, train, dataset.select(part["valid"]), config, bodies)
        folds_predicted.append(bodies.fuse(predictions, model, bodies.fit(part["train"])) if bodies else predictions)
    together = join_folds(folds_predicted)
    return by_fold(together), together


def train_on_all(
    catalog: pd.DataFrame,
    config: Config,
    *,
    out: Path,
    folds: int = 5,
    cache: Path | None = None,
    save_name: str = "model",
    device: torch.device | None = None,
    callbacks: Callbacks = Callbacks(),  # noqa: B008, it is frozen
) -> Trained:
    """Train on every video; scores and calibration are those of cross-validation with the same recipe.

    For data sets of few videos: `train_model` holds some of them out, which the model would need, and which are too few
    to be judged and calibrated by. It takes as many trainings more as there are folds. The last epoch's model counts.

    Args:
        out: folder for ``best_model.pth``, ``last.pth``, ``history.csv`` and the folds' predictions, ``held_out.csv``.
        save_name: another name for the model, as in `train_model`.
    Returns:
        The model, its training, and the predictions for every picture by a model that had not seen its video; pictures
        that were ``added`` (`read_catalogs`) are trained on and not predicted.
    Raises:
        WorkoutlibError: too few videos for so many folds.
        KeyboardInterrupt: stopped; the scores of the folds are not those of a model that has learned for less time.
    """
    require_name(save_name)
    device, progress, config = device or devices.pick_device(), callbacks.progress, config.replace(split="video")
    with logged(callbacks, out) as callbacks:  # first: a logger that is missing is found out before the folds
        _, held_out = crossvalidate(catalog, config, folds=folds, cache=cache, device=device, progress=progress)
        weighted = with_class_shares(catalog)
        dataset = dataset_of(config, weighted, cache=cache, device=device, progress=progress)
        bodies = load_bodies(dataset.catalog, dataset.labels, config, cache=cache, progress=progress)
        folder = RunFolder(out, config, dataset, None, body=bodies.fit(dataset.catalog) if bodies else None)
        model = model_from_config(config, len(dataset.labels))
        synthetic = synthetic_dataset(config, dataset.labels, device=device, progress=progress)
        result = fit(
            model, dataset, None, config, device=device, synthetic=synthetic, folder=folder, callbacks=callbacks
        )
    if result.stopped:
        raise KeyboardInterrupt
    complete(model, dataset, config, bodies)
    stored = [folder.save_calibrated(n, model, held_out, epoch=result.best_epoch) for n in (save_name, "best_model")]
    write_csv(held_out.table(), folder.out / HELD_OUT)
    return Trained(model, result, held_out, stored[-1])


def near_duplicate_groups(
    catalog: pd.DataFrame, *, cache: Path | None = None, device: torch.device | None = None, progress: bool = True
) -> pd.Series:
    """Group videos of one class that look like cuts of one recording, by EfficientNet-Lite0's features.

    Returns:
        A group name for each row, for the ``groups`` of the splits; ``.attrs["merged"]`` counts the
        videos that joined another. See `group_near_duplicates`.
    """
    config, device = Config.profile("quick"), device or devices.pick_device()
    dataset = dataset_of(config, catalog, cache=cache, device=device, progress=progress)
    model = build_model(config.model, len(dataset.labels)).to(device)
    features = picture_features(model, dataset, crop=config.crop, device=device)
    return group_near_duplicates(catalog, features[0].numpy())


def measure_leak(
    catalog: pd.DataFrame,
    config: Config,
    *,
    folds: int = 5,
    groups: pd.Series | None = None,
    cache: Path | None = None,
    device: torch.device | None = None,
    progress: bool = True,
) -> dict[str, Predictions]:
    """One frozen model under several ways of dividing the same pictures: what does the leak pay?

    The features of all pictures are computed once. For each of the folds a head is fitted on the others and
    evaluated on it, so every way evaluates every picture, after training on the same number of pictures.

    Args:
        groups: what else must stay together (`near_duplicate_groups`); adds ``"by recording"``.
    Returns:
        Predictions for ``"random frames"``, ``"by video"``, maybe ``"by recording"``, with the number of the
        ``fold`` in their catalogs; and, where there are web stills, ``"stills"``: those, by a head that was
        fitted on the frames of videos alone.
    """
    device = device or devices.pick_device()
    dataset = dataset_of(config, catalog, cache=cache, device=device, progress=progress)
    model = model_from_config(config.replace(fine_tune=False), len(dataset.labels)).to(device)
    features = picture_features(model, dataset, crop=config.crop, device=device)
    head = model.head.cpu()

    def evaluate_head(train: pd.DataFrame, valid: pd.DataFrame) -> Predictions:
        train_rows, valid_rows = (catalog.index.get_indexer(rows.index) for rows in (train, valid))
        fit_head(head, features[:, train_rows], dataset.targets[train_rows], dataset.labels)
        with torch.inference_mode():
            return Predictions(valid, head(features[:, valid_rows]).mean(0).numpy(), dataset.labels)

    ways = {
        "random frames": folds_random(catalog, folds=folds, seed=config.seed),
        "by video": folds_by_video(catalog, folds=folds, seed=config.seed),
    }
    if groups is not None:
        ways["by recording"] = folds_by_video(catalog, folds=folds, seed=config.seed, groups=groups)
    found = {way: join_folds([evaluate_head(**part) for part in parts]) for way, parts in ways.items()}
    is_still = catalog["source"] == "still"
    if is_still.any() and set(catalog["label"][~is_still]) == set(dataset.labels):
        found["stills"] = evaluate_head(catalog[~is_still], catalog[is_still])
    return found


def _with_added(part: dict[str, pd.DataFrame], catalog: pd.DataFrame, dataset: ImageDataset) -> dict[str, pd.DataFrame]:
    """A fold with the pictures that were added to the data set, but for those that show a recording held out here."""
    if "added" not in catalog:
        return part
    part = without_held_out(part | {"train": pd.concat([part["train"], catalog[catalog["added"]]])}, dataset)
    return part | {"train": with_class_shares(part["train"])}


def join_folds(folds: list[Predictions]) -> Predictions:
    """The predictions of all folds as one, with the number of the ``fold`` as a column of the catalog."""
    catalogs = [one.catalog.assign(fold=number) for number, one in enumerate(folds)]
    return Predictions(pd.concat(catalogs), np.concatenate([one.logits for one in folds]), folds[0].labels)


def by_fold(joined: Predictions) -> dict[str, dict]:
    """``{"top1": {"mean", "std", "folds"}, ...}`` for ``top1, top3, macro, clip_top1`` of joined folds."""
    folds = [joined.where(joined.catalog["fold"] == number) for number in joined.catalog["fold"].unique()]
    values = {name: [scores(fold)[name] for fold in folds] for name in SCORES}
    return {
        name: {"mean": float(np.mean(each)), "std": float(np.std(each, ddof=1)), "folds": each}
        for name, each in values.items()
    }
