"""Simulated predictions, for tests of scores."""

import numpy as np
import pandas as pd

from workoutlib.evaluation.predictions import Predictions

LABELS = ("a", "b", "c", "d", "e")


def simulate(
    videos: int = 40,
    frames: int = 6,
    *,
    stills: int = 0,
    seed: int = 0,
    skill: float = 1.0,
    spread: float = 1.0,
    labels=LABELS,
) -> Predictions:
    """Videos with a difficulty of their own, so that their frames are right and wrong together."""
    rng = np.random.default_rng(seed)
    rows, logits = [], []
    for video in range(videos + stills):
        target = rng.integers(len(labels))
        common = rng.normal(0, spread, len(labels))
        for frame in range(frames if video < videos else 1):
            logits.append(common + rng.normal(0, 0.5, len(labels)) + skill * (np.arange(len(labels)) == target))
            source = "frame" if video < videos else "still"
            rows.append((f"{video}_{frame}.jpg", labels[target], f"{labels[target]}/{video}", frame, source))
    catalog = pd.DataFrame(rows, columns=["path", "label", "video", "frame", "source"])
    return Predictions(catalog, np.array(logits, np.float32), labels)
