"""Checkpoints: one file with all that is needed to predict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

import workoutlib
from workoutlib.config import Config
from workoutlib.models.build import Classifier
from workoutlib.models.foreign import checkpoint_in, import_model, with_configuration
from workoutlib.models.stored import StoredModel
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import read_file, save_atomically
from workoutlib.utils.paths import shown

FIELDS = {"state_dict", "labels", "config", "mean", "std", "metrics", "temperature", "unknown_threshold", "version"}
OWN = {"temperature", "unknown_threshold"}
"""Fields that no other program stores."""
MOST_LABELS, LONGEST_LABEL = 10_000, 1_000  # a folder's name has 255 characters at most


@dataclass(frozen=True)
class Checkpoint:
    """All that is needed to predict: the model, its labels, its config and its scores.

    Attributes:
        source: the model, or what it is built of.
        body: state of the body model (`pose.body_model.BodyModel.from_state`), where the run had one.
    """

    source: Classifier | StoredModel
    labels: tuple[str, ...]
    config: Config
    metrics: dict
    temperature: float
    unknown_threshold: float | None
    version: str
    body: dict | None = None

    @property
    def model(self) -> Classifier:
        """The model, on the CPU, in evaluation mode."""
        return self.source.model if isinstance(self.source, StoredModel) else self.source


def save_checkpoint(
    path: str | Path,
    model: Classifier,
    labels: Sequence[str],
    config: Config,
    *,
    metrics: dict | None = None,
    temperature: float = 1.0,
    unknown_threshold: float | None = None,
    body: dict | None = None,
) -> Path:
    """Write a checkpoint atomically: to a temporary name, then renamed.

    Args:
        metrics: numbers and strings to keep with the model.
        temperature: divides the logits before the softmax (Guo et al. 2017, arXiv:1706.04599).
        unknown_threshold: a largest logit below it means "no known exercise".
        body: state of the body model, if there is one.
    """
    content = {
        "state_dict": model.state_dict(),
        "memory": model.memory,
        "labels": list(labels),
        "config": config.to_dict(),
        "mean": list(model.mean),
        "std": list(model.std),
        "metrics": metrics or {},
        "temperature": float(temperature),
        "unknown_threshold": None if unknown_threshold is None else float(unknown_threshold),
        "version": workoutlib.__version__,
        "body": body,
    }
    return save_atomically(plain(content), path)


def plain(value: Any) -> Any:
    """A value with NumPy's numbers, arrays and texts in it made Python's own, which every reader may load."""
    if isinstance(value, dict) and not any(isinstance(item, Tensor) for item in value.values()):
        return {plain(key): plain(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(plain, value))
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value


def load_checkpoint(path: str | Path, *, labels: Sequence[str] | None = None) -> Checkpoint:
    """Rebuild a model from `save_checkpoint`'s file, on the CPU, in evaluation mode.

    A file of another program with weights of a known architecture is imported (`models.foreign`).

    Args:
        path: the file, or a folder with one checkpoint in it, such as a model hub's with its ``config.json``.
        labels: class names for a file that has none; a checkpoint of this package has its own.
    Raises:
        WorkoutlibError: no such file, damaged, holding code, or no weights of a known architecture.
    """
    stored = read_checkpoint(path, labels=labels)
    _ = stored.model
    return stored


def read_checkpoint(path: str | Path, *, labels: Sequence[str] | None = None) -> Checkpoint:
    """As `load_checkpoint`, but the model is not built yet, which takes seconds and 0.2 GB.

    That its weights do not fit is found out when it is.
    """
    path = checkpoint_in(path)
    content = with_configuration(plain(read_file(path)), path)
    if not isinstance(content, dict) or not OWN & set(content):
        model, names, architecture = import_model(content, path, labels)
        config = Config.profile("tutorial", model=architecture)
        return Checkpoint(model, names, config, {}, 1.0, None, "imported")
    if missing := FIELDS - set(content):
        names_of = ", ".join(sorted(missing))
        text = f"{shown(path)}: not a workoutlib checkpoint; train one with: workoutlib train"
        raise WorkoutlibError(f"{text} (it has no {names_of})")
    if labels is not None and list(labels) != content["labels"]:
        raise WorkoutlibError(f"{shown(path)} names its own classes: leave labels out")
    try:
        _check_fields(content)
        config = Config.from_dict(content["config"])
    except (WorkoutlibError, TypeError) as error:
        raise WorkoutlibError(f"{shown(path)}: {error}") from error
    names = tuple(content["labels"])
    mean, std, memory = tuple(content["mean"]), tuple(content["std"]), content.get("memory")
    return Checkpoint(
        StoredModel(path, config.model, len(names), content["state_dict"], mean, std, memory),
        names,
        config,
        content["metrics"],
        content["temperature"],
        content["unknown_threshold"],
        content["version"],
        content.get("body"),
    )


def _check_fields(content: dict) -> None:
    """Refuse values that no training run stores: a file may come from anywhere."""

    def numbers(values: Iterable, low: float, high: float) -> bool:
        return all(isinstance(v, int | float) and low <= v <= high for v in values)

    labels, mean, std = content["labels"], content["mean"], content["std"]
    threshold = content["unknown_threshold"]
    sound = {
        "labels": isinstance(labels, list)
        and all(isinstance(label, str) and 0 < len(label) <= LONGEST_LABEL for label in labels)
        and 0 < len(labels) == len(set(labels)) <= MOST_LABELS,
        "mean": isinstance(mean, list) and len(mean) == 3 and numbers(mean, 0, 1),
        "std": isinstance(std, list) and len(std) == 3 and numbers(std, 0.01, 1),
        "temperature": numbers([content["temperature"]], 0.01, 100),
        "unknown_threshold": threshold is None or numbers([threshold], -1e6, 1e6),
        "metrics": isinstance(content["metrics"], dict),
        "config": isinstance(content["config"], dict),
        "body": isinstance(content.get("body", {}), dict | None),
        "state_dict": isinstance(content["state_dict"], dict)
        and all(isinstance(value, Tensor) for value in content["state_dict"].values()),
    }
    wrong = [name for name, fine in sound.items() if not fine]
    if wrong:
        raise WorkoutlibError(f"damaged, its {', '.join(wrong)} cannot be what a training run stored")
