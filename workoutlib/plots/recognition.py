"""Figures about a recognised photo or clip."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from workoutlib.media.images import Picture, as_rgb
from workoutlib.media.overlay import colour_of
from workoutlib.plots.common import BLUE, SKY, VERMILION, make_figure


def plot_top3(image: Picture, top3: Sequence[tuple[str, float]], *, title: str = "") -> Figure:
    """A picture beside the bars of its three most probable labels."""
    figure, (left, right) = make_figure(8, 3, 1, 2, width_ratios=[1.3, 1])
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
    figure, (top, bottom) = make_figure(9, 3.2, 2, 1, sharex=True, height_ratios=[1, 2.2])
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
    figure, axis = make_figure(9, 3.2)
    axis.plot(raw["time"], 100 * raw["confidence"], ".", color=SKY, label="single frames")
    other = raw["label"].to_numpy() != smooth["label"].to_numpy()
    axis.plot(raw["time"][other], 100 * raw["confidence"][other], "x", color=VERMILION, label="of another label")
    axis.plot(smooth["time"], 100 * smooth["confidence"], color=BLUE, linewidth=2, label="smoothed")
    axis.set(ylim=(0, 103), xlabel="time (s)", ylabel="confidence (%)", title=title)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8, loc="lower left", ncols=3)
    return figure
