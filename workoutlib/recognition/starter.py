"""Which recognizer to use: a named checkpoint, the user's best model, or one that works before any training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workoutlib.config import Config
from workoutlib.labels import LABELS
from workoutlib.pose.body_model import gym_body
from workoutlib.recognition.recognizer import Recognizer
from workoutlib.utils.paths import output_root, shown

# Measured and fitted on 220 real pictures of the Kaggle set; none of them was in training.
_TEMPERATURE = 0.87
_UNKNOWN_THRESHOLD = -3.12
_ACCURACY = "it names 55 % of 220 real pictures rightly"


def choose_recognizer(checkpoint: str | Path | None = None, **options: Any) -> tuple[Recognizer, str]:
    """The recognizer of a checkpoint; without one that of ``outputs/best_model.pth``, else the starter.

    Args:
        options: as for `Recognizer`.
    Returns:
        The recognizer, and a sentence that says which one it is.
    """
    best = output_root() / "best_model.pth"
    path = checkpoint or (best if best.is_file() else None)
    if path:
        return Recognizer.from_checkpoint(path, **options), f"model: {shown(path)}"
    sentence = f"model: the starter, which was trained on synthetic people alone; {_ACCURACY}"
    return starter_recognizer(**options), sentence


def starter_recognizer(**options: Any) -> Recognizer:
    """A recognizer of the 22 exercises that has seen no picture and looks at the body alone.

    It needs the pose network, which is fetched at the first use.
    """
    return Recognizer(
        None,
        LABELS,
        Config(),
        body=gym_body(),
        temperature=_TEMPERATURE,
        unknown_threshold=_UNKNOWN_THRESHOLD,
        **options,
    )
