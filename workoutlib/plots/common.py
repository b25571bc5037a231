"""Colours and the empty figure of every plot."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from workoutlib.media.overlay import OKABE_ITO, css

ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = map(css, OKABE_ITO)


def make_figure(width: float, height: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Figure, Any]:
    """A figure of this size in inches with its axes; nothing is cut off or overlaps."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **options)
