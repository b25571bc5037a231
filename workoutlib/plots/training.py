"""Figures about a training run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workoutlib.config import Config
from workoutlib.plots.common import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION, make_figure
from workoutlib.training.schedule import learning_rate_at


def plot_accuracy(history: pd.DataFrame) -> Figure:
    """Training and validation accuracy by epoch."""
    return _curves(history, "accuracy", "accuracy (%)", 100)


def plot_loss(history: pd.DataFrame) -> Figure:
    """Training and validation loss by epoch."""
    return _curves(history, "loss", "cross-entropy loss", 1)


def plot_runs(histories: dict[str, pd.DataFrame]) -> Figure:
    """Accuracy and loss by epoch of named runs over each other; of the last one the training curves too."""
    figure, (left, right) = make_figure(10, 3.4, 1, 2)
    colours = (BLUE, ORANGE, GREEN, PURPLE, VERMILION, SKY)
    for axis, measure, scale, label in ((left, "accuracy", 100, "accuracy (%)"), (right, "loss", 1, "loss")):
        for (name, history), colour in zip(reversed(histories.items()), colours, strict=False):
            epochs, last = history["epoch"], colour == BLUE
            values = scale * history[f"valid_{measure}"]
            axis.plot(epochs, values, "o-" if last else ".-", color=colour, linewidth=2 if last else 1, label=name)
            if last:
                trained = scale * history[f"train_{measure}"]
                axis.plot(epochs, trained, "s--", color=colour, markersize=4, label=f"{name}, training")
        axis.set(xlabel="epoch (0: head only)", ylabel=label, title=f"Validation {measure} by epoch")
        axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axis.grid(alpha=0.3)
    left.legend(fontsize=8)
    return figure


def plot_step_losses(losses: Sequence[float]) -> Figure:
    """The training loss of each step of an epoch, and the mean of the last five steps."""
    figure, axis = make_figure(5.5, 3.6)
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
    figure, axis = make_figure(6.5, 3.4)
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
    figure, axis = make_figure(5.5, 3.6)
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
