"""Mistakes, confused pairs and labels that are probably wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workoutlib.evaluation.metrics import confusion
from workoutlib.evaluation.predictions import Predictions


def confused_pairs(predictions: Predictions, count: int = 5) -> pd.DataFrame:
    """The pairs of labels most often taken for each other, in either direction, with how often."""
    counts = confusion(predictions).to_numpy()
    both = np.triu(counts + counts.T, k=1)
    first, second = np.unravel_index(np.argsort(-both, axis=None, kind="stable")[:count], both.shape)
    names = np.array(predictions.labels)
    table = pd.DataFrame({"label": names[first], "taken for": names[second], "mistakes": both[first, second]})
    return table[table["mistakes"] > 0]


def mistakes(predictions: Predictions, temperature: float = 1.0) -> pd.DataFrame:
    """The wrongly recognised rows of ``Predictions.table``, the most confident first."""
    table = predictions.table(temperature)
    return table[table["label"] != table["predicted"]].sort_values("confidence", ascending=False)


def pair_examples(predictions: Predictions, pairs: pd.DataFrame) -> pd.DataFrame:
    """Pictures of both sides of each confused pair (from `confused_pairs`), two rows a pair.

    The first is the most confident mistake between the two labels, the second a picture of the label it
    was taken for, the one most surely recognised. Columns as in ``Predictions.table``.
    """
    table, rows = predictions.table(), []
    wrong = mistakes(predictions)
    for pair in map(set, zip(pairs["label"], pairs["taken for"], strict=True)):
        mistake = wrong[wrong["label"].isin(pair) & wrong["predicted"].isin(pair)].head(1)
        other = table[table["label"] == mistake["predicted"].item()].nlargest(1, "true_confidence")
        rows += [mistake, other]
    return pd.concat(rows) if rows else table.iloc[:0]


def suspected_labels(predictions: Predictions) -> pd.DataFrame:
    """Pictures whose label is probably wrong, the most suspect first, by "confident learning".

    A class counts as confidently seen in a picture where its probability reaches the mean that it has over
    the pictures so labelled. A picture is suspect where another class than its label's is so seen, and more
    probable than its label (Northcutt et al. 2021, arXiv:1911.00068). The predictions must come from models
    that had not seen the picture: those of cross-validation.

    Returns:
        Rows of ``Predictions.table``; ``predicted`` is what the picture shows instead.
    """
    probabilities, rows = predictions.probabilities(), np.arange(len(predictions.targets))
    own = probabilities[rows, predictions.targets]
    usual = pd.Series(own).groupby(predictions.targets).mean().reindex(range(len(predictions.labels))).to_numpy()
    other = probabilities[rows, predictions.predicted]
    suspect = (predictions.predicted != predictions.targets) & (other >= usual[predictions.predicted])
    table = predictions.table()[suspect]
    return table.iloc[np.argsort(-(other - own)[suspect], kind="stable")]
