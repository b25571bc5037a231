"""The classifier head fitted by logistic regression on the frozen body's features."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from workoutlib.models.linear import fit_linear
from workoutlib.utils.errors import WorkoutlibError


def fit_head(
    head: nn.Linear, features: Tensor, targets: Tensor, labels: tuple[str, ...], weights: Tensor | None = None
) -> None:
    """Set the head to the logistic regression on features (2, N, D) of pictures and their mirror images.

    `weights` (N,) tell how much each picture counts.

    Features are standardised and regularised (C = 0.01); the standardisation is folded into the head.
    Starting fine-tuning from a fitted head keeps the body's features from being torn apart by a random
    one (Kumar et al. 2022, "LP-FT", arXiv:2202.10054).
    """
    rows, classes = features.flatten(0, 1).numpy(), targets.cpu().repeat(2).numpy()
    missing = sorted(set(range(len(labels))) - set(classes.tolist()))
    if missing:
        raise WorkoutlibError(f"no training picture of {', '.join(labels[i] for i in missing)}")
    require_several(labels)
    counts = None if weights is None else weights.repeat(2).numpy()
    weight, bias = fit_linear(rows, classes, len(labels), counts)
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weight))
        head.bias.copy_(torch.from_numpy(bias))


def require_several(labels: tuple[str, ...]) -> None:
    """Refuse to train on a single class."""
    if len(labels) < 2:
        raise WorkoutlibError(f"only one class, {labels[0]}: there is nothing to tell apart")
