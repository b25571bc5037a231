"""Figures about a data set: pictures, classes, splits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workoutlib.media.images import as_rgb
from workoutlib.plots.common import BLUE, GREEN, ORANGE, SKY, make_figure


def plot_images(
    images: Sequence, titles: Sequence[str] = (), *, columns: int = 6, width: float = 2.1, title: str = ""
) -> Figure:
    """A grid of pictures (arrays, PIL images or paths), each `width` inches wide and under its title.

    Without any, the figure says so.
    """
    if not len(images):
        figure, axis = make_figure(6, 0.5)
        axis.axis("off")
        axis.set_title(f"{title} (none)".strip())
        return figure
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    lines = max((text.count("\n") for text in titles), default=0)
    height = rows * (0.8 * width + 0.27 + 0.16 * lines) + 0.35 * bool(title)
    figure, axes = make_figure(width * columns, height, rows, columns, squeeze=False)
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
    figure, (left, right) = make_figure(10, 0.27 * len(counts) + 1.2, 1, 2, sharey=True)
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
    figure, axis = make_figure(7, 0.9 + 0.75 * len(reports))
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
