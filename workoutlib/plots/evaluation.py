"""Figures about what a model gets right and wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from workoutlib.evaluation.calibration import calibration_error, calibration_table
from workoutlib.evaluation.metrics import confusion
from workoutlib.evaluation.predictions import Predictions
from workoutlib.plots.common import BLUE, GREEN, ORANGE, PURPLE, VERMILION, make_figure


def plot_confusion(predictions: Predictions) -> Figure:
    """Confusion matrix: true labels down, predicted labels across, counts written in the cells."""
    counts = confusion(predictions)
    shares = counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
    side = 0.42 * len(counts) + 1.5
    figure, axis = make_figure(side, side * 0.92)
    texts = counts.astype(str).mask(counts == 0, "")
    sns.heatmap(
        shares,
        annot=texts,
        fmt="",
        cmap="cividis",
        vmin=0,
        vmax=1,
        ax=axis,
        annot_kws={"size": 7},
        cbar_kws={"label": "share of the true class", "shrink": 0.6},
    )
    axis.set(xlabel="predicted", ylabel="true", title="Confusion matrix (images)")
    axis.tick_params(axis="x", rotation=60)
    for tick in axis.get_xticklabels():
        tick.set_horizontalalignment("right")
        tick.set_rotation_mode("anchor")
    return figure


def plot_per_class(table: pd.DataFrame) -> Figure:
    """Recall and precision of each class, from `per_class`."""
    table = table[table["images"] > 0].sort_values("recall")
    figure, axis = make_figure(6.5, 0.27 * len(table) + 1.1)
    places = np.arange(len(table))
    axis.hlines(places, 100 * table["recall"], 100 * table["precision"].fillna(0), color="0.75")
    axis.plot(100 * table["recall"], places, "o", markersize=9, color=BLUE, label="recall")
    axis.plot(100 * table["precision"], places, "s", markersize=4, color=ORANGE, label="precision")
    axis.set_yticks(places, [f"{name} ({images})" for name, images in table["images"].items()])
    axis.set(xlim=(-3, 103), xlabel="%", title="Recall and precision by class (images)")
    axis.grid(axis="x", alpha=0.3)
    axis.legend(fontsize=8, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.09))
    axis.margins(y=0.02)
    return figure


def plot_scores(table: pd.DataFrame, *, title: str = "Accuracy") -> Figure:
    """Bars with intervals: ``table`` has an index of names and columns ``value, low, high`` (0..1)."""
    figure, axis = make_figure(6.5, 0.45 * len(table) + 1.0)
    places = np.arange(len(table))
    values = 100 * table["value"]
    errors = np.clip([values - 100 * table["low"], 100 * table["high"] - values], 0, None)
    colours = [(BLUE, ORANGE, GREEN, PURPLE, VERMILION)[i % 5] for i in places]
    axis.barh(places, values, xerr=errors, color=colours, capsize=3, error_kw={"ecolor": "0.3"})
    for place, value, high in zip(places, values, 100 * table["high"], strict=True):
        axis.text(max(value, high) + 1.5, place, f"{value:.1f} %", va="center", fontsize=9)
    axis.set_yticks(places, table.index)
    axis.set(
        xlim=(0, 118), xticks=range(0, 101, 20), xlabel="%  (bar: value, line: 95 % interval over videos)", title=title
    )
    axis.invert_yaxis()
    return figure


def plot_calibration(predictions: Predictions, temperatures: dict[str, float], *, bins: int = 10) -> Figure:
    """Reliability diagram: accuracy against confidence, for each named temperature."""
    figure, axis = make_figure(4.8, 4.4)
    axis.plot([0, 100], [0, 100], "--", color="0.6", label="perfect")
    styles = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"))
    for (name, value), (colour, marker) in zip(temperatures.items(), styles, strict=False):
        table = 100 * calibration_table(predictions, value, bins)
        error = calibration_error(predictions, value, bins)
        axis.plot(
            table["confidence"],
            table["accuracy"],
            marker=marker,
            color=colour,
            label=f"{name} (ECE {100 * error:.1f} %)",
        )
    axis.set(
        xlim=(0, 101), ylim=(0, 101), xlabel="confidence (%)", ylabel="accuracy (%)", title="Is confidence honest?"
    )
    axis.legend(fontsize=8)
    axis.grid(alpha=0.3)
    return figure


def plot_unknown(known: np.ndarray, unknown: np.ndarray, threshold: float, *, title: str) -> Figure:
    """Largest logits of pictures that do and do not show a known exercise, and the threshold between."""
    figure, axis = make_figure(6.5, 3.4)
    edges = np.histogram_bin_edges(np.concatenate([known.max(1), unknown.max(1)]), 40)
    axis.hist(known.max(1), edges, density=True, alpha=0.65, color=BLUE, label="known exercise")
    axis.hist(unknown.max(1), edges, density=True, alpha=0.65, color=ORANGE, label="no known exercise", hatch="//")
    axis.axvline(threshold, color="black", linestyle="--", label="threshold")
    axis.set(xlabel="largest logit", ylabel="density", title=title)
    axis.legend(fontsize=8)
    return figure
