"""The classifier head fitted by logistic regression on the frozen body's features."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from workoutlib.utils.errors import WorkoutlibError


def fit_head(head: nn.Linear, features: Tensor, targets: Tensor, labels: tuple[str, ...]) -> None:
    """Set the head to the logistic regression on features (2, N, D) of pictures and their mirror images.

    Features are standardised and regularised (C = 0.01); the standardisation is folded into the head.
    Starting fine-tuning from a fitted head keeps the body's features from being torn apart by a random
    one (Kumar et al. 2022, "LP-FT", arXiv:2202.10054).
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    rows, classes = features.flatten(0, 1).numpy(), targets.cpu().repeat(2).numpy()
    missing = sorted(set(range(len(labels))) - set(classes.tolist()))
    if missing:
        raise WorkoutlibError(f"no training picture of {', '.join(labels[i] for i in missing)}")
    require_several(labels)
    scaler = StandardScaler().fit(rows)
    regression = LogisticRegression(C=0.01, max_iter=2000).fit(scaler.transform(rows), classes)
    weight, bias = regression.coef_, regression.intercept_
    if len(labels) == 2:  # scikit-learn keeps one row for two classes
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    weight = weight / scaler.scale_
    bias = bias - weight @ scaler.mean_
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weight))
        head.bias.copy_(torch.from_numpy(bias))


def require_several(labels: tuple[str, ...]) -> None:
    """Refuse to train on a single class."""
    if len(labels) < 2:
        raise WorkoutlibError(f"only one class, {labels[0]}: there is nothing to tell apart")
