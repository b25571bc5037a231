"""Panels for the notebooks: sliders and buttons over the package's functions, one module a panel.

A panel is the last line of a cell. Its controls are plain attributes, so that whatever a person can do in
the browser a test can do in Python: ``panel.rotation.value = 20``.
"""

from .augmentation import AugmentationPlayground
from .clips import ClipPanel
from .mistakes import ErrorBrowser
from .photos import PhotoPanel
from .player import show_clip
from .poses import PosePanel
from .repetitions import RepetitionPanel
from .review import ReviewPanel
from .training import TrainingPanel
from .webcam import Webcam

__all__ = [
    "AugmentationPlayground",
    "ClipPanel",
    "ErrorBrowser",
    "PhotoPanel",
    "PosePanel",
    "RepetitionPanel",
    "ReviewPanel",
    "TrainingPanel",
    "Webcam",
    "show_clip",
]
