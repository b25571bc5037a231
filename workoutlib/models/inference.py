"""Forward passes: from pictures to logits or features, by the one path that validation, photos and clips share."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from workoutlib.config import Config
from workoutlib.data.dataset import Frames, batches
from workoutlib.data.transforms import evaluation_batch
from workoutlib.models.build import Network
from workoutlib.utils import devices
from workoutlib.utils.errors import WorkoutlibError


@torch.inference_mode()
def predict_logits(network: Network, frames: Frames, config: Config, *, device: torch.device, size: int = 64) -> Tensor:
    """Logits (N, C), float32 on the CPU, of pictures through the evaluation transform.

    With ``config.flip_at_test`` they are the mean over a picture and its mirror image.
    """
    network.eval()
    return torch.cat([
        forward(network, images, config, device) for images, _ in batches(frames, size, device=device)
    ] or [torch.empty(0, len(frames.labels))])  # fmt: skip


@torch.inference_mode()
def forward(network: Network, images: Tensor, config: Config, device: torch.device) -> Tensor:
    """Logits of uint8 squares: the one path that validation, photos, clips and folders share."""

    def logits(images: Tensor) -> Tensor:
        with devices.autocast(device):
            return logits_of_squares(network, images.to(device), config).cpu()

    return _as_memory_allows(logits, images)


def logits_of_squares(network: Network, images: Tensor, config: Config) -> Tensor:
    """uint8 squares (N, 3, resize, resize) to float32 logits (N, C), averaged with the mirror image's if asked."""
    inputs = evaluation_batch(images, config, network.mean, network.std)
    logits = network(inputs).float()
    return (logits + network(inputs.flip(3)).float()) / 2 if config.flip_at_test else logits


def require_numbers(logits: np.ndarray) -> np.ndarray:
    """The logits as they are; weights that are finite can still be too large for what is computed with them.

    Raises:
        WorkoutlibError: one of them is NaN or infinite, so no label would be an answer.
    """
    if not np.isfinite(logits).all():
        raise WorkoutlibError("the network's answers are NaN or infinite: its weights are broken, take another one")
    return logits


@torch.inference_mode()
def extract_features(
    network: Network, frames: Frames, config: Config, *, device: torch.device,
    after_batch: Callable[[], None] = lambda: None,
) -> Tensor:  # fmt: skip
    """The body's features of pictures and of their mirror images: (2, N, D), float32 on the CPU.

    Args:
        after_batch: called after each batch; what it raises ends the work.
    """
    network.eval()
    pieces = []

    def both_sides(images: Tensor) -> Tensor:
        inputs = evaluation_batch(images, config, network.mean, network.std)
        with devices.autocast(device):
            return torch.stack([network.body(inputs), network.body(inputs.flip(3))], 1).float().cpu()

    for images, _ in batches(frames, 64, device=device):
        pieces.append(_as_memory_allows(both_sides, images))
        after_batch()
    return torch.cat(pieces).transpose(0, 1)


def _as_memory_allows(work: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """``work(images)``; where the GPU's memory is too small for so many at once, in halves, with a warning."""
    try:
        return work(images)
    except torch.cuda.OutOfMemoryError as error:
        if len(images) == 1:
            raise WorkoutlibError("the GPU has too little memory for one picture: close what else uses it") from error
    warnings.warn(f"too little GPU memory for {len(images)} pictures at once: taking half as many", stacklevel=3)
    return torch.cat([_as_memory_allows(work, half) for half in images.tensor_split(2)])
