"""Whole experiments: split a catalog, train a network on one part, judge it on the other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from workoutlib.config import Config
from workoutlib.data.dataset import Frames, load_frames
from workoutlib.data.splits import folds_by_video, folds_random, group_near_duplicates, split_by_video, split_random
from workoutlib.evaluation.calibration import fit_temperature, fit_unknown_threshold
from workoutlib.evaluation.metrics import scores
from workoutlib.evaluation.predictions import Predictions
from workoutlib.models.build import Network, build_model
from workoutlib.models.checkpoints import load_checkpoint, save_checkpoint
from workoutlib.models.inference import extract_features, predict_logits, require_numbers
from workoutlib.training.fit import Fit, fit
from workoutlib.training.head import fit_head
from workoutlib.training.synthetic import rendered_frames, warmed_up_weights
from workoutlib.utils import devices
from workoutlib.utils.errors import WorkoutlibError

SCORES = ("top1", "top3", "macro", "clip_top1")


@dataclass(frozen=True)
class Trained:
    """A trained network, how the training went and what it says of the validation pictures."""

    network: Network
    fit: Fit
    predictions: Predictions
    checkpoint: Path | None


def split(catalog: pd.DataFrame, config: Config) -> dict[str, pd.DataFrame]:
    """Split a catalog as the config says: ``train``, ``valid`` and, if it asks for one, ``test``."""
    if config.split == "random":
        return split_random(catalog, valid=config.valid, seed=config.seed)
    return split_by_video(catalog, valid=config.valid, test=config.test, seed=config.seed)


def build_network(config: Config, classes: int) -> Network:
    """The config's network, with a head drawn from its seed: the same one in every run."""
    torch.manual_seed(config.seed)
    weights = warmed_up_weights(config.model) if config.weights == "WARM" else config.weights
    return build_model(config.model, classes, config.fine_tune, weights)


def judge(network: Network, frames: Frames, config: Config, *, device: torch.device) -> Predictions:
    """The network's logits beside the truth."""
    logits = require_numbers(predict_logits(network, frames, config, device=device).numpy())
    return Predictions(frames.catalog, logits, frames.labels)


def train(
    catalog: pd.DataFrame, config: Config, *, out: Path | None = None, cache: Path | None = None,
    device: torch.device | None = None, resume: bool = False, progress: bool = True,
    network: Network | None = None, save_name: str = "model", **callbacks,
) -> Trained:  # fmt: skip
    """Split, train, calibrate on the validation videos, and store the best model.

    Args:
        out: folder for ``best_model.pth``, ``<save_name>.pth`` (the last epoch's), ``last.pth``, ``history.csv``.
        cache: folder for decoded pictures (:func:`workoutlib.loaders.load_frames`).
        network: train this one instead of building ``config.model``.
        save_name: the name of the last epoch's checkpoint, without ``.pth``; not ``best_model`` or ``last``.
        callbacks: ``on_epoch``, ``on_step``, ``should_stop`` of :func:`workoutlib.training.fit`.
    """
    if save_name in ("best_model", "last"):
        raise WorkoutlibError(f"the last epoch's checkpoint cannot be called {save_name}: another file has that name")
    if not save_name or save_name.startswith(".") or re.search(r"[/\\]", save_name):  # "./last" is that file too
        raise WorkoutlibError(f"the last epoch's checkpoint cannot be called {save_name!r}: give a name, not a path")
    device = device or devices.pick_device()
    parts = split(catalog, config)
    frames = load_frames(catalog, config, cache=cache, device=device, progress=progress)
    network = network or build_network(config, len(frames.labels))
    valid = frames.select(parts["valid"])
    result = fit(network, frames.select(parts["train"]), valid, config, device=device,
                 rendered=rendered_frames(config, frames.labels, device=device, progress=progress),
                 out=out, resume=resume, progress=progress, **callbacks)  # fmt: skip
    predictions = judge(network, valid, config, device=device)
    if out is None or devices.rank_and_world()[0] > 0:
        return Trained(network, result, predictions, None)
    out = Path(out)
    _save_judged(out / f"{save_name}.pth", network, predictions, config)
    best = load_checkpoint(out / "best_model.pth").network.to(device, memory_format=torch.channels_last)
    predictions = judge(best, valid, config, device=device)
    return Trained(best, result, predictions, _save_judged(out / "best_model.pth", best, predictions, config))


def _save_judged(path: Path, network: Network, predictions: Predictions, config: Config) -> Path:
    return save_checkpoint(
        path, network, predictions.labels, config,
        metrics={"split": config.split, **scores(predictions)},
        temperature=fit_temperature(predictions),
        unknown_threshold=fit_unknown_threshold(predictions),
    )  # fmt: skip


def crossvalidate(
    catalog: pd.DataFrame, config: Config, *, folds: int = 5, split: str = "video", groups: pd.Series | None = None,
    cache: Path | None = None, device: torch.device | None = None, progress: bool = True,
) -> tuple[dict, Predictions]:  # fmt: skip
    """Train on all folds but one, judge on that one, in turn; no video is in two parts.

    Nothing is chosen on the judged fold: the number of epochs is fixed and the last weights count.

    Args:
        split: ``"random"`` shuffles the frames instead, whatever video they are of: it shows what a recipe
            seems to reach when validation sees the twins of training frames.
        groups: what must stay together, if more than videos (:func:`near_duplicate_groups`).
    Returns:
        ``{"top1": {"mean", "std", "folds"}, ...}`` for ``top1, top3, macro, clip_top1``, and the
        predictions for every picture by the network that had not seen its video.
    Raises:
        WorkoutlibError: `groups` for a random split, or too few videos for so many folds.
    """
    if split == "random" and groups is not None:
        raise WorkoutlibError("groups keep videos together and a random split tears them apart: choose one of the two")
    device = device or devices.pick_device()
    frames = load_frames(catalog, config, cache=cache, device=device, progress=progress)
    if split == "random":
        parts = folds_random(catalog, folds=folds, seed=config.seed)
    else:
        parts = folds_by_video(catalog, folds=folds, seed=config.seed, groups=groups)
    rendered, judged = rendered_frames(config, frames.labels, device=device, progress=progress), []
    for part in parts:
        network, train = build_network(config, len(frames.labels)), frames.select(part["train"])
        if fit(network, train, None, config, device=device, rendered=rendered, progress=progress).stopped:
            raise KeyboardInterrupt  # half a fold is no fold
        judged.append(judge(network, frames.select(part["valid"]), config, device=device))
    together = join_folds(judged)
    return by_fold(together), together


def near_duplicate_groups(
    catalog: pd.DataFrame, *, cache: Path | None = None, device: torch.device | None = None, progress: bool = True
) -> pd.Series:
    """Group videos of one class that look like cuts of one recording, by EfficientNet-Lite0's features.

    Returns:
        A group name for each row, for the ``groups`` of the splits; ``.attrs["merged"]`` counts the
        videos that joined another. See :func:`workoutlib.splits.group_near_duplicates`.
    """
    config, device = Config.profile("quick"), device or devices.pick_device()
    frames = load_frames(catalog, config, cache=cache, device=device, progress=progress)
    network = build_model(config.model, len(frames.labels)).to(device)
    return group_near_duplicates(catalog, extract_features(network, frames, config, device=device)[0].numpy())


def measure_leak(
    catalog: pd.DataFrame, config: Config, *, folds: int = 5, groups: pd.Series | None = None,
    cache: Path | None = None, device: torch.device | None = None, progress: bool = True,
) -> dict[str, Predictions]:  # fmt: skip
    """One frozen network under several ways of dividing the same pictures: what does the leak pay?

    The features of all pictures are computed once. For each of the folds a head is fitted on the others and
    judged on it, so every way judges every picture, after training on the same number of pictures.

    Args:
        groups: what else must stay together (:func:`near_duplicate_groups`); adds ``"by recording"``.
    Returns:
        Predictions for ``"random frames"``, ``"by video"``, maybe ``"by recording"``, with the number of the
        ``fold`` in their catalogs; and, where there are web stills, ``"stills"``: those, by a head that was
        fitted on the frames of videos alone.
    """
    device = device or devices.pick_device()
    frames = load_frames(catalog, config, cache=cache, device=device, progress=progress)
    network = build_network(config.replace(fine_tune=False), len(frames.labels)).to(device)
    features = extract_features(network, frames, config, device=device)
    head = network.head.cpu()

    def judge_head(train: pd.DataFrame, valid: pd.DataFrame) -> Predictions:
        seen, asked = (catalog.index.get_indexer(rows.index) for rows in (train, valid))
        fit_head(head, features[:, seen], frames.targets[seen], frames.labels)
        with torch.inference_mode():
            return Predictions(valid, head(features[:, asked]).mean(0).numpy(), frames.labels)

    ways = {
        "random frames": folds_random(catalog, folds=folds, seed=config.seed),
        "by video": folds_by_video(catalog, folds=folds, seed=config.seed),
    }
    if groups is not None:
        ways["by recording"] = folds_by_video(catalog, folds=folds, seed=config.seed, groups=groups)
    found = {way: join_folds([judge_head(**part) for part in parts]) for way, parts in ways.items()}
    is_still = catalog["source"] == "still"
    if is_still.any() and set(catalog["label"][~is_still]) == set(frames.labels):
        found["stills"] = judge_head(catalog[~is_still], catalog[is_still])
    return found


def join_folds(judged: list[Predictions]) -> Predictions:
    """The predictions of all folds as one, with the number of the ``fold`` as a column of the catalog."""
    catalogs = [one.catalog.assign(fold=number) for number, one in enumerate(judged)]
    return Predictions(pd.concat(catalogs), np.concatenate([one.logits for one in judged]), judged[0].labels)


def by_fold(judged: Predictions) -> dict[str, dict]:
    """``{"top1": {"mean", "std", "folds"}, ...}`` for ``top1, top3, macro, clip_top1`` of joined folds."""
    folds = [judged.where(judged.catalog["fold"] == number) for number in judged.catalog["fold"].unique()]
    values = {name: [scores(fold)[name] for fold in folds] for name in SCORES}
    return {
        name: {"mean": float(np.mean(each)), "std": float(np.std(each, ddof=1)), "folds": each}
        for name, each in values.items()
    }
