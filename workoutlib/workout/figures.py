"""A set as a picture: the joint angle over time, with every repetition marked and numbered."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workoutlib.media.overlay import OKABE_ITO, css
from workoutlib.pose.sequence import PoseSequence

from .measures import MEASURES
from .signals import MOVEMENTS, angle_signal, cut
from .workout import Set

_INK, _LINE = "#7a7a7a", "#2186c4"  # readable on white and on black
_MARK, _FAULT = css(OKABE_ITO[1]), css(OKABE_ITO[5])  # sky blue, vermilion
_MARGIN = 1.0  # seconds before and after a set


def plot_sets(sequence: PoseSequence, sets: list[Set]) -> Figure:
    """Draw a row a set; transparent, for light and dark pages. Repetitions with a fault are orange and hatched."""
    figure = Figure(figsize=(4.8, 2.1 * max(len(sets), 1)), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.subplots(max(len(sets), 1), 1, squeeze=False)[:, 0]
    for axis, entry in zip(axes, sets, strict=False):
        _plot_set(axis, sequence, entry)
    if not sets:
        axes[0].set_axis_off()
        axes[0].text(0.5, 0.5, "no set", ha="center", color=_INK)
    return figure


def _plot_set(axis: Axes, sequence: PoseSequence, entry: Set) -> None:
    part = cut(sequence, entry.start - _MARGIN, entry.end + _MARGIN)
    name = MOVEMENTS[entry.movement].angle
    times, angles = angle_signal(part, MEASURES[name])
    seen = np.isfinite(angles)
    values = np.where(seen.any(1), np.nansum(angles, axis=1) / np.maximum(seen.sum(1), 1), np.nan)
    for number, r in enumerate(entry.repetitions, 1):
        colour = _FAULT if r.faults else _MARK
        axis.axvspan(r.start, r.end, color=colour, alpha=0.22, lw=0, hatch="//" if r.faults else None)
        axis.axvline(r.turn, color=colour, lw=1, ls="-" if r.complete else ":")
        axis.text(r.turn, 1.0, str(number), transform=axis.get_xaxis_transform(), ha="center", va="bottom", color=_INK)
    axis.plot(times, values, color=_LINE, lw=1.8)
    what = f"{entry.seconds:.0f} s" if entry.hold else f"{entry.count} repetition{'' if entry.count == 1 else 's'}"
    axis.set_title(f"{entry.name}: {what}", loc="left", color=_INK, fontsize=10, pad=14)
    axis.set_xlabel("seconds", color=_INK)
    axis.set_ylabel(f"{name}, degrees", color=_INK)
    axis.patch.set_alpha(0)
    axis.tick_params(colors=_INK)
    for side, spine in axis.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(_INK)
