"""Whole experiments: split a catalog, train a network on one part, judge it on the other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from workoutlib import devices
from workoutlib.catalog import read_catalog
from workoutlib.checkpoints import load_checkpoint, save_checkpoint
from workoutlib.config import Config
from workoutlib.errors import WorkoutlibError
from workoutlib.evaluation import Predictions, fit_temperature, fit_unknown_threshold, scores
from workoutlib.files import save_atomically
from workoutlib.loaders import Frames, load_frames
from workoutlib.models import Network, build_model
from workoutlib.splits import folds_by_video, group_near_duplicates, split_by_video, split_random
from workoutlib.training import Fit, extract_features, fit, fit_head, predict_logits

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
    weights = warmed_up_weights(config) if config.weights == "WARM" else config.weights
    return build_model(config.model, classes, config.fine_tune, weights)


def warmed_up_weights(config: Config) -> Path:
    """The file of a body that was fine-tuned on the built-in sample, from ImageNet: trained once, then kept.

    What the rendered gym teaches about poses and equipment carries over to real photos. Half of the way
    from the ImageNet weights holds up best there. The file lies beside the sample it was trained on.
    """
    from workoutlib.download import make_sample

    sample = make_sample()
    path = sample.with_name(f"{sample.name}-{config.model}.pth")
    if not path.exists():
        device = devices.pick_device()
        lesson = Config.profile("best", model=config.model, weights="DEFAULT", epochs=2)
        frames = load_frames(read_catalog(sample), lesson, cache=sample.with_name("cache"), device=device)
        network = build_network(lesson, len(frames.labels))
        fit(network, frames, None, lesson, device=device)
        save_atomically({name: value.cpu() for name, value in network.body.state_dict().items()}, path)
    return path


def judge(network: Network, frames: Frames, config: Config, *, device: torch.device) -> Predictions:
    """The network's logits beside the truth."""
    logits = predict_logits(network, frames, config, device=device).numpy()
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
    device = device or devices.pick_device()
    parts = split(catalog, config)
    frames = load_frames(catalog, config, cache=cache, device=device, progress=progress)
    network = network or build_network(config, len(frames.labels))
    valid = frames.select(parts["valid"])
    result = fit(network, frames.select(parts["train"]), valid, config,
                 device=device, out=out, resume=resume, progress=progress, **callbacks)  # fmt: skip
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
    catalog: pd.DataFrame, config: Config, *, folds: int = 5, cache: Path | None = None,
    device: torch.device | None = None, groups: pd.Series | None = None, progress: bool = True,
) -> tuple[dict, Predictions]:  # fmt: skip
    """Train on all folds but one, judge on that one, in turn; no video is in two parts.

    Nothing is chosen on the judged fold: the number of epochs is fixed and the last weights count.

    Returns:
        ``{"top1": {"mean", "std", "folds"}, ...}`` for ``top1, top3, macro, clip_top1``, and the
        predictions for every picture by the network that had not seen its video.
    """
    device = device or devices.pick_device()
    frames = load_frames(catalog, config, cache=cache, device=device, progress=progress)
    judged, pieces = [], []
    for part in folds_by_video(catalog, folds=folds, seed=config.seed, groups=groups):
        network = build_network(config, len(frames.labels))
        if fit(network, frames.select(part["train"]), None, config, device=device, progress=progress).stopped:
            raise KeyboardInterrupt  # half a fold is no fold
        pieces.append(judge(network, frames.select(part["valid"]), config, device=device))
        judged.append(scores(pieces[-1]))
    summary = {
        name: {
            "mean": float(np.mean([fold[name] for fold in judged])),
            "std": float(np.std([fold[name] for fold in judged], ddof=1)),
            "folds": [fold[name] for fold in judged],
        }
        for name in SCORES
    }
    together = Predictions(
        pd.concat([p.catalog for p in pieces]), np.concatenate([p.logits for p in pieces]), frames.labels
    )
    return summary, together


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


def measure_leak(catalog: pd.DataFrame, config: Config, *, cache: Path | None = None,
                 device: torch.device | None = None, progress: bool = True) -> dict[str, Predictions]:  # fmt: skip
    """The same network and the same number of training pictures under two splits: what does the leak pay?

    The frozen body's head is fitted once on a random split of the frames and once on a split by video.

    Returns:
        Predictions on the validation part of each, ``"random frames"`` and ``"by video"``; and, where there
        are web stills, of a head that saw no still on all of them: ``"stills"``.
    """
    device = device or devices.pick_device()
    frames = load_frames(catalog, config, cache=cache, device=device, progress=progress)
    network = build_model(config.model, len(frames.labels), False, config.weights).to(device)
    features = extract_features(network, frames, config, device=device)
    head, found = network.head.cpu(), {}
    parts = {
        "random frames": split(catalog, config.replace(split="random")),
        "by video": split(catalog, config.replace(split="video")),
    }
    stills = catalog[catalog["source"] == "still"]
    if len(stills):
        seen = parts["by video"]["train"]
        parts["stills"] = {"train": seen[seen["source"] == "frame"], "valid": stills}
    for name, part in parts.items():
        train, valid = (catalog.index.get_indexer(part[key].index) for key in ("train", "valid"))
        fit_head(head, features[:, train], frames.targets[train], frames.labels)
        with torch.inference_mode():
            logits = head(features[:, valid]).mean(0).numpy()
        found[name] = Predictions(part["valid"], logits, frames.labels)
    return found
