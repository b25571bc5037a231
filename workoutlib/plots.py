"""Every figure of the notebooks and reports; each function returns its ``Figure`` and shows nothing itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from workoutlib.config import Config
from workoutlib.evaluation.calibration import calibration_error, calibration_table
from workoutlib.evaluation.metrics import confusion
from workoutlib.evaluation.predictions import Predictions
from workoutlib.media.images import Picture, as_rgb
from workoutlib.media.overlay import OKABE_ITO, colour_of
from workoutlib.training.schedule import learning_rate_at

ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = (f"#{r:02x}{g:02x}{b:02x}" for r, g, b in OKABE_ITO)


def _figure(width: float, height: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


def plot_images(images: Sequence, titles: Sequence[str] = (), *, columns: int = 6, title: str = "") -> Figure:
    """A grid of pictures (arrays, PIL images or paths), each under its title."""
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    lines = max((text.count("\n") for text in titles), default=0)
    height = rows * (1.95 + 0.16 * lines) + 0.35 * bool(title)
    figure, axes = _figure(2.1 * columns, height, rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, image in zip(axes.flat, images, strict=False):
        axis.imshow(as_rgb(image))
    for axis, text in zip(axes.flat, titles, strict=False):
        axis.set_title(text, fontsize=8)
    figure.suptitle(title)
    return figure


def plot_class_counts(counts: pd.DataFrame) -> Figure:
    """Images and videos of each class, from `class_counts`."""
    figure, (left, right) = _figure(10, 0.27 * len(counts) + 1.2, 1, 2, sharey=True)
    counts = counts.sort_values("images", ascending=False)
    others = counts["images"] - counts["largest_video"] - counts["stills"]
    left.barh(counts.index, counts["largest_video"], color=BLUE, label="largest video")
    left.barh(counts.index, others, left=counts["largest_video"], color=SKY, label="other videos")
    left.barh(counts.index, counts["stills"], left=counts["images"] - counts["stills"], color=ORANGE, label="stills")
    left.set(xlabel="images", title="Images a class")
    left.legend(fontsize=8, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.08))
    left.margins(y=0.01)
    right.barh(counts.index, counts["videos"], color=GREEN)
    right.set(xlabel="videos", title="Videos a class")
    left.invert_yaxis()
    return figure


def plot_leakage(reports: dict[str, dict]) -> Figure:
    """Share of validation frames with a near-identical frame in training, for each named split's ``leakage()``."""
    figure, axis = _figure(7, 0.9 + 0.75 * len(reports))
    names, height = list(reports), 0.36
    places = np.arange(len(names))
    for shift, key, colour, label in (
        (-height / 2, "seen_video", BLUE, "its video is in training"),
        (height / 2, "next_frame", ORANGE, "its neighbouring frame is in training"),
    ):
        shares = [100 * reports[name][key] for name in names]
        bars = axis.barh(places + shift, shares, height, color=colour, label=label)
        axis.bar_label(bars, [f"{share:.0f} %" for share in shares], padding=3, fontsize=9)
    axis.set_yticks(places, names)
    axis.set(xlim=(0, 115), xlabel="validation frames (%)", title="Validation frames seen before in training")
    axis.invert_yaxis()
    axis.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.28 - 0.12 / len(names)), ncols=2)
    return figure


def plot_accuracy(history: pd.DataFrame) -> Figure:
    """Training and validation accuracy by epoch."""
    return _curves(history, "accuracy", "accuracy (%)", 100)


def plot_loss(history: pd.DataFrame) -> Figure:
    """Training and validation loss by epoch."""
    return _curves(history, "loss", "cross-entropy loss", 1)


def plot_step_losses(losses: Sequence[float]) -> Figure:
    """The training loss of each step of an epoch, and the mean of the last five steps."""
    figure, axis = _figure(5.5, 3.6)
    steps = np.arange(1, len(losses) + 1)
    axis.plot(steps, losses, ".", color=ORANGE, label="one batch")
    axis.plot(steps, pd.Series(losses).rolling(5, min_periods=1).mean(), color=BLUE, label="mean of the last five")
    axis.set(xlabel="step", ylabel="cross-entropy loss", title="Loss by step", ylim=(0, 1.1 * max(losses)))
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.grid(alpha=0.3)
    axis.legend()
    return figure


def plot_learning_rates(configs: dict[str, Config]) -> Figure:
    """The learning rate over the epochs of each named config, on a logarithmic axis."""
    figure, axis = _figure(6.5, 3.4)
    axis.set_prop_cycle(color=[BLUE, ORANGE, GREEN, PURPLE])
    for (name, config), style in zip(configs.items(), ("-", "--", ":", "-."), strict=False):
        epochs = np.linspace(0, config.epochs, 400, endpoint=False)
        rates = [learning_rate_at(config, epoch) for epoch in epochs]
        axis.plot(epochs, rates, style, linewidth=2, label=f"{name} ({config.scheduler})")
    axis.set(xlabel="epochs done", ylabel="learning rate", yscale="log", ylim=(1e-6, None))
    axis.set_title("Learning rate by epoch")
    axis.grid(alpha=0.3)
    axis.legend(loc="lower left")
    return figure


def _curves(history: pd.DataFrame, measure: str, label: str, scale: float) -> Figure:
    figure, axis = _figure(5.5, 3.6)
    epochs = history["epoch"]
    for part, colour, marker, name in (("train", BLUE, "o", "training"), ("valid", ORANGE, "s", "validation")):
        values = scale * history[f"{part}_{measure}"]
        if values.notna().any():  # nothing was trained at epoch 0, and not every run is validated
            axis.plot(epochs, values, marker=marker, color=colour, label=name)
    axis.set(xlabel="epoch (0: head only)" if (epochs == 0).any() else "epoch", ylabel=label)
    axis.set(title=f"{measure.capitalize()} by epoch", xlim=(epochs.min() - 0.5, epochs.max() + 0.5))
    axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    axis.grid(alpha=0.3)
    axis.legend()
    return figure


def plot_confusion(predictions: Predictions) -> Figure:
    """Confusion matrix: true labels down, predicted labels across, counts written in the cells."""
    counts = confusion(predictions)
    shares = counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
    side = 0.42 * len(counts) + 1.5
    figure, axis = _figure(side, side * 0.92)
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
    figure, axis = _figure(6.5, 0.27 * len(table) + 1.1)
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
    figure, axis = _figure(6.5, 0.45 * len(table) + 1.0)
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
    figure, axis = _figure(4.8, 4.4)
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


def plot_top3(image: Picture, top3: Sequence[tuple[str, float]], *, title: str = "") -> Figure:
    """A picture beside the bars of its three most probable labels."""
    figure, (left, right) = _figure(8, 3, 1, 2, width_ratios=[1.3, 1])
    left.imshow(as_rgb(image))
    left.axis("off")
    left.set_title(title)
    names, shares = zip(*top3, strict=True)
    bars = right.barh(range(len(names)), [100 * share for share in shares], color=[BLUE, SKY, "0.75"])
    right.bar_label(bars, [f"{100 * share:.0f} %" for share in shares], padding=3)
    right.set_yticks(range(len(names)), names)
    right.set(xlim=(0, 118), xlabel="confidence (%)", title="Most probable")
    right.invert_yaxis()
    return figure


def plot_timeline(segments: pd.DataFrame, frames: pd.DataFrame, *, title: str = "") -> Figure:
    """A clip's segments as coloured bars above the confidence of its frames."""
    figure, (top, bottom) = _figure(9, 3.2, 2, 1, sharex=True, height_ratios=[1, 2.2])
    for segment in segments.itertuples():
        colour = [channel / 255 for channel in colour_of(segment.label)]
        top.barh(0, segment.end - segment.start, left=segment.start, color=colour, edgecolor="white")
    names = list(dict.fromkeys(segments["label"]))
    handles = [Patch(color=tuple(c / 255 for c in colour_of(name)), label=name) for name in names]  # type: ignore[arg-type]
    top.legend(handles=handles, fontsize=8, ncols=4, loc="lower left", bbox_to_anchor=(0, 1.0), frameon=False)
    top.set_yticks([])
    bottom.plot(frames["time"], 100 * frames["confidence"], color=BLUE)
    bottom.set(ylim=(0, 103), xlabel="time (s)", ylabel="confidence (%)")
    bottom.grid(alpha=0.3)
    figure.suptitle(title)
    return figure


def plot_smoothing(raw: pd.DataFrame, smooth: pd.DataFrame, *, title: str = "") -> Figure:
    """Confidence of a clip's frames, single and smoothed; a cross marks a single frame of another label."""
    figure, axis = _figure(9, 3.2)
    axis.plot(raw["time"], 100 * raw["confidence"], ".", color=SKY, label="single frames")
    other = raw["label"].to_numpy() != smooth["label"].to_numpy()
    axis.plot(raw["time"][other], 100 * raw["confidence"][other], "x", color=VERMILION, label="of another label")
    axis.plot(smooth["time"], 100 * smooth["confidence"], color=BLUE, linewidth=2, label="smoothed")
    axis.set(ylim=(0, 103), xlabel="time (s)", ylabel="confidence (%)", title=title)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8, loc="lower left", ncols=3)
    return figure


def plot_unknown(known: np.ndarray, unknown: np.ndarray, threshold: float, *, title: str) -> Figure:
    """Largest logits of pictures that do and do not show a known exercise, and the threshold between."""
    figure, axis = _figure(6.5, 3.4)
    edges = np.histogram_bin_edges(np.concatenate([known.max(1), unknown.max(1)]), 40)
    axis.hist(known.max(1), edges, density=True, alpha=0.65, color=BLUE, label="known exercise")
    axis.hist(unknown.max(1), edges, density=True, alpha=0.65, color=ORANGE, label="no known exercise", hatch="//")
    axis.axvline(threshold, color="black", linestyle="--", label="threshold")
    axis.set(xlabel="largest logit", ylabel="density", title=title)
    axis.legend(fontsize=8)
    return figure
