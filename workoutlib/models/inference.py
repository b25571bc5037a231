"""Forward passes: from pictures to logits or features, by the one path that validation, photos and clips share."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor

from workoutlib.data.dataset import ImageDataset
from workoutlib.data.loader import Batch, BatchLoader
from workoutlib.data.transforms import EvalTransform
from workoutlib.models.build import Classifier
from workoutlib.utils import devices
from workoutlib.utils.errors import WorkoutlibError


def predict_logits(model: Classifier, loader: Iterable[Batch], *, flip: bool = False) -> Tensor:
    """Logits (N, C), float32 on the CPU, of all pictures of a loader.

    Args:
        flip: average the logits of a picture and of its mirror image.
    """
    model.eval()
    classes = model.head.out_features
    parts = [batch_answers(model, batch.images, flip=flip)[:, :classes] for batch in loader]
    return torch.cat(parts) if parts else torch.empty(0, classes)


@torch.inference_mode()
def batch_answers(model: Classifier, inputs: Tensor, *, flip: bool = False) -> Tensor:
    """`mean_answers`, float32 on the CPU, of normalised images (N, 3, crop, crop), on the device of the images."""

    def answers(inputs: Tensor) -> Tensor:
        with devices.autocast(inputs.device):
            return mean_answers(model, inputs, flip=flip).cpu()

    return _as_memory_allows(answers, inputs)


def mean_answers(model: Classifier, inputs: Tensor, *, flip: bool = False) -> Tensor:
    """`Classifier.answers` of normalised images, with `flip` averaged with those of their mirror images."""
    answers = model.answers(inputs).float()
    return (answers + model.answers(inputs.flip(3)).float()) / 2 if flip else answers


def require_finite(logits: np.ndarray) -> np.ndarray:
    """The logits as they are; weights that are finite can still be too large for what is computed with them.

    Raises:
        WorkoutlibError: one of them is NaN or infinite, so no label would be an answer.
    """
    if not np.isfinite(logits).all():
        raise WorkoutlibError("the model's answers are NaN or infinite: its weights are broken, take another one")
    return logits


def extract_features(model: Classifier, loader: Iterable[Batch]) -> Tensor:
    """The body's features of pictures and of their mirror images: (2, N, D), float32 on the CPU."""
    model.eval()

    @torch.inference_mode()
    def both_sides(inputs: Tensor) -> Tensor:
        with devices.autocast(inputs.device):
            return torch.stack([model.body(inputs), model.body(inputs.flip(3))], 1).float().cpu()

    return torch.cat([_as_memory_allows(both_sides, batch.images) for batch in loader]).transpose(0, 1)


def eval_loader(
    model: Classifier, dataset: ImageDataset, *, crop: int, device: torch.device | str, batch_size: int = 64
) -> BatchLoader:
    """The pictures of a dataset in their order, as validation sees them."""
    transform = EvalTransform(crop=crop, mean=model.mean, std=model.std)
    return BatchLoader(dataset, batch_size, transform=transform, device=device)


def _as_memory_allows(work: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """``work(images)``; where the GPU's memory is too small for so many at once, in halves, with a warning."""
    try:
        return work(images)
    except torch.cuda.OutOfMemoryError as error:
        if len(images) == 1:
            raise WorkoutlibError("the GPU has too little memory for one picture: close what else uses it") from error
    warnings.warn(f"too little GPU memory for {len(images)} pictures at once: taking half as many", stacklevel=3)
    return torch.cat([_as_memory_allows(work, half) for half in images.tensor_split(2)])
