"""How far confidence can be believed, and when nothing known is shown."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from scipy.stats import beta
from sklearn import metrics

from workoutlib.evaluation.predictions import Predictions, in_top

_IMAGINED = 10  # clips that count beside the held-out ones in `fit_keep_confidence`
_SURE = 0.9  # probability that what is kept is right as often as asked for


def fit_temperature(predictions: Predictions) -> float:
    """The temperature (0.05 to 20) with the lowest cross-entropy on held-out predictions.

    Dividing all logits by one positive number never changes their order, hence no prediction
    (Guo et al. 2017, arXiv:1706.04599).
    """
    rows = np.arange(len(predictions.targets))

    def loss(log_temperature: float) -> float:
        scaled = predictions.logits / np.exp(log_temperature)
        return float((logsumexp(scaled, axis=1) - scaled[rows, predictions.targets]).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded").x))


def calibration_table(predictions: Predictions, temperature: float = 1.0, bins: int = 10) -> pd.DataFrame:
    """Predictions sorted by confidence into equal-width bins: mean confidence, accuracy, images."""
    confidence = predictions.probabilities(temperature).max(1)
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    table = pd.DataFrame({"bin": place, "confidence": confidence, "accuracy": in_top(predictions, 1), "images": 1})
    return table.groupby("bin").agg(
        confidence=("confidence", "mean"), accuracy=("accuracy", "mean"), images=("images", "sum")
    )


def calibration_error(predictions: Predictions, temperature: float = 1.0, bins: int = 10) -> float:
    """Expected calibration error (0..1): the mean gap between confidence and accuracy (arXiv:1706.04599)."""
    table = calibration_table(predictions, temperature, bins)
    gaps = (table["confidence"] - table["accuracy"]).abs()
    return float((gaps * table["images"]).sum() / table["images"].sum())


def fit_unknown_threshold(predictions: Predictions, keep: float = 0.95) -> float:
    """The largest-logit threshold that a share `keep` of held-out, known pictures stays above.

    The largest logit tells known from unknown classes better than the softmax (Hendrycks et al. 2022,
    arXiv:1911.11132).
    """
    return float(np.quantile(predictions.logits.max(1), 1 - keep))


def fit_keep_confidence(predictions: Predictions, temperature: float = 1.0, right: float = 0.95) -> float:
    """The lowest confidence from which on a share `right` of clips and stills is recognised rightly, as good as surely.

    What the held-out ones say of that share is its distribution given those that are right and wrong (beta), with ten
    imagined ones that are right as often as their confidence says, as a few held-out videos prove little. It must be
    `right` or more with a probability of 0.9: by the share itself half of all thresholds would be too low. The
    threshold is 1 where no confidence is enough.
    """
    is_still = (predictions.catalog["source"] != "frame").to_numpy()
    groups = [predictions.clips()] + ([predictions.where(is_still)] if 0 < is_still.sum() < len(is_still) else [])
    confidence = np.concatenate([each.probabilities(temperature).max(1) for each in groups])
    correct = np.concatenate([in_top(each, 1) for each in groups])
    order = np.argsort(-confidence, kind="stable")
    confidence, correct, count = confidence[order], correct[order], np.arange(1, len(order) + 1)
    usual = np.cumsum(confidence) / count
    rightly, wrongly = np.cumsum(correct) + _IMAGINED * usual, np.cumsum(~correct) + _IMAGINED * (1 - usual)
    enough = np.flatnonzero(beta.sf(right, rightly, np.maximum(wrongly, 1e-9)) >= _SURE)
    return float(confidence[enough[-1]]) if len(enough) else 1.0


def unknown_auroc(known_logits: np.ndarray, unknown_logits: np.ndarray) -> float:
    """Area under the ROC curve (0.5 chance, 1 perfect) of the largest logit, known against unknown."""
    score = np.concatenate([known_logits.max(1), unknown_logits.max(1)])
    known = np.concatenate([np.ones(len(known_logits)), np.zeros(len(unknown_logits))])
    return float(metrics.roc_auc_score(known, score))
