"""Logistic regression on features: the classifier heads of pictures and of bodies."""

from __future__ import annotations

import numpy as np

C = 0.01
"""Inverse strength of the regularisation, of standardised features."""
_ABSENT = -20.0  # bias of a class without examples: it is never the answer


def fit_linear(
    features: np.ndarray, targets: np.ndarray, classes: int, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Fit a linear classifier; the standardisation of the features is folded into it.

    All is computed in float64: in float32 the line search of L-BFGS gives up where rounding decides, and features
    that differ in their last digit led to models that differ in their second.

    Args:
        features: (N, D).
        targets: int (N,), numbers below `classes`.
        weights: (N,), how much each row counts.
    Returns:
        weight (classes, D) and bias (classes,) of the logits, float32; all 0 where there are no two classes.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    weight, bias = np.zeros((classes, features.shape[1])), np.zeros(classes)
    present = np.unique(targets)
    if len(present) < 2:
        return weight.astype(np.float32), bias.astype(np.float32)
    features = features.astype(np.float64)
    scaler = StandardScaler().fit(features)
    regression = LogisticRegression(C=C, max_iter=2000)
    regression.fit(scaler.transform(features), targets, sample_weight=weights)
    slopes, offsets = regression.coef_, regression.intercept_
    if len(present) == 2:  # scikit-learn keeps one row for two classes
        slopes, offsets = np.concatenate([-slopes, slopes]) / 2, np.concatenate([-offsets, offsets]) / 2
    bias += _ABSENT
    weight[present] = slopes / scaler.scale_
    bias[present] = offsets - weight[present] @ scaler.mean_
    return weight.astype(np.float32), bias.astype(np.float32)
