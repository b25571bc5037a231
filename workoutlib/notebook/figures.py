"""How figures are shown in notebooks."""

from __future__ import annotations

from io import BytesIO

from IPython import get_ipython
from matplotlib.figure import Figure


def show_figures() -> None:
    """Let a figure that ends a cell be shown: a chart as PNG, one with photos as JPEG, a tenth of the size."""
    shell = get_ipython()
    if shell is None:
        return
    for kind in ("png", "jpeg"):
        formatter = shell.display_formatter.formatters[f"image/{kind}"]
        formatter.for_type(Figure, lambda figure, kind=kind: render(figure) if picture_kind(figure) == kind else None)


def picture_kind(figure: Figure) -> str:
    """``"jpeg"`` for a figure that holds photos, else ``"png"``."""
    return "jpeg" if any(axis.images for axis in figure.axes) else "png"


def render(figure: Figure, dpi: int = 90) -> bytes:
    """A figure as a PNG or JPEG file, by `picture_kind`."""
    buffer = BytesIO()
    figure.savefig(buffer, format=picture_kind(figure), dpi=dpi, bbox_inches="tight")
    return buffer.getvalue()
