"""What a picture model is given of a picture, and how its answers become logits; photos, clips and streams share it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from workoutlib.config import Config
from workoutlib.data.transforms import to_square
from workoutlib.models.inference import require_finite
from workoutlib.pose.hands import hands_of, join_hands
from workoutlib.pose.skeleton import Pose

Forward = Callable[[np.ndarray], np.ndarray]
"""From uint8 squares (N, resize, resize, 3) to logits (N, C), or (N, 2C) with those of hands behind."""


def views_of(pixels: np.ndarray, pose: Pose | None, config: Config) -> np.ndarray:
    """What a model is given of uint8 RGB (H, W, 3): squares, uint8 (K, resize, resize, 3).

    The first one is the whole picture, as the config brings it to a square; the hands of a `pose` follow.
    """
    whole = to_square(pixels, size=config.resize, resize_mode=config.resize_mode)[None]
    return whole if pose is None else np.concatenate([whole, hands_of(pixels, pose, size=config.resize)])


def logits_of(forward: Forward, views: Sequence[np.ndarray], classes: int) -> np.ndarray:
    """Logits (N, C) of the views of N pictures, those of the hands joined where the model knows hands.

    Raises:
        WorkoutlibError: the model's answers are not finite.
    """
    answers = require_finite(forward(np.concatenate(views)))
    counts = np.array([len(each) for each in views])
    first = np.zeros(len(answers), bool)
    first[np.cumsum(counts) - counts] = True
    picture = answers[first, :classes]
    if answers.shape[1] == classes:
        return picture
    return join_hands(picture, answers[~first, classes:], counts > 1)
