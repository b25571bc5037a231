"""Figures about a training run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workoutlib.config import Config
from workoutlib.plots.common import BLUE, GREEN, ORANGE, PURPLE, make_figure
from workoutlib.training.schedule import learning_rate_at


def plot_accuracy(history: pd.DataFrame) -> Figure:
    """Training and validation accuracy by epoch."""
    return _curves(history, "accuracy", "accuracy (%)", 100)


def plot_loss(history: pd.DataFrame) -> Figure:
    """Training and validation loss by epoch."""
    return _curves(history, "loss", "cross-entropy loss", 1)


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
