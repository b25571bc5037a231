"""Augmented copies of one picture, to look at."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from workoutlib.config import Config
from workoutlib.transforms import denormalise, draw_augmentation, to_square, training_batch

# Any normalisation will do: what is shown has it undone.
_MEAN = _STD = (0.5, 0.5, 0.5)


def augmented(image, config: Config, *, count: int = 6, seed: int = 0) -> list[np.ndarray]:
    """What training shows the network of one picture: `count` random draws by a config's recipe.

    Args:
        image: path, PIL image or array (:func:`workoutlib.images.as_rgb`).
        seed: the same seed draws the same copies.
    Returns:
        uint8 RGB arrays (crop, crop, 3); an erased box is mid-grey.
    """
    batch = as_batch(image, config).repeat(count, 1, 1, 1)
    drawn = training_batch(batch, config, _MEAN, _STD, torch.Generator().manual_seed(seed))
    return [denormalise(pixels, _MEAN, _STD) for pixels in drawn]


def as_batch(image, config: Config) -> torch.Tensor:
    """A picture as a batch of one: uint8 (1, 3, resize, resize)."""
    return torch.from_numpy(to_square(image, size=config.resize, fit=config.fit)).permute(2, 0, 1)[None]


def draw(config: Config, seed: int = 0, **chosen) -> dict[str, torch.Tensor]:
    """One picture's draw with some of its values chosen: ``draw(config, angle=30.0, flip=True)``.

    Keys and units are those of :func:`workoutlib.transforms.draw_augmentation`.
    """
    drawn = draw_augmentation(1, config, torch.Generator().manual_seed(seed))
    for name, value in chosen.items():
        drawn[name] = torch.tensor(value, dtype=drawn[name].dtype).reshape(drawn[name].shape)
    return drawn


def as_arrays(pixels: Iterable[torch.Tensor]) -> list[np.ndarray]:
    """Floats (3, H, W) in 0..1 to uint8 RGB arrays (H, W, 3)."""
    return [denormalise(picture, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)) for picture in pixels]
