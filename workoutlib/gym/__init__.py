"""The built-in gym: a small 3-D scene that renders the 22 exercises, with the truth about every frame."""

from .dataset import write_dataset, write_unknown
from .scene import Clip, render_clip
from .stills import render_still

__all__ = ["Clip", "render_clip", "render_still", "write_dataset", "write_unknown"]
