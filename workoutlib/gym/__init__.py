"""The built-in gym: a small 3-D scene that renders the 22 exercises, with the truth about every frame."""

from .dataset import write_dataset, write_unknown
from .scene import Clip, render_clip
from .stills import render_still

__all__ = ["SAMPLE_VERSION", "Clip", "render_clip", "render_still", "write_dataset", "write_unknown"]

SAMPLE_VERSION = 1
"""Goes up whenever the pixels that the gym renders change: samples of an earlier version are then rendered again."""
