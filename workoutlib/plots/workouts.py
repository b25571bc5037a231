"""Figures of repetitions."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from workoutlib.plots.common import BLUE, SKY, VERMILION, make_figure
from workoutlib.workout.signals import Signal
from workoutlib.workout.workout import Repetition


def plot_counting(signal: Signal, repetitions: Sequence[Repetition], truth: Sequence[float] = ()) -> Figure:
    """The signal that is counted by: each repetition a stretch with its number at the turn, true turns as triangles."""
    figure, axis = make_figure(8, 2.6)
    for number, r in enumerate(repetitions, 1):
        axis.axvspan(r.start, r.end, color=SKY, alpha=0.25, lw=0)
        axis.axvline(r.turn, color=SKY, ls="-" if r.complete else ":")
        axis.text(r.turn, 1.0, str(number), transform=axis.get_xaxis_transform(), ha="center", va="bottom")
    axis.plot(signal.times, signal.values, color=BLUE)
    if len(truth):
        top = float(signal.values.max()) + 0.12
        axis.plot(truth, [top] * len(truth), "v", color=VERMILION, label="true turns")
        axis.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8)
    axis.set(xlabel="seconds", ylabel="movement (1 = usual range)")
    return figure
