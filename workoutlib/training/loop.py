"""The two functions at the heart of training: `train_one_epoch` and `validate`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from workoutlib.data.loader import BatchLoader
from workoutlib.models.build import Classifier
from workoutlib.models.inference import predict_logits
from workoutlib.utils import devices
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.progress import track

OnStep = Callable[[int, int], None]
"""Told how many steps of the epoch are done, and of how many."""


def train_one_epoch(
    model: nn.Module,
    loader: BatchLoader,
    optimizer: torch.optim.Optimizer,
    *,
    criterion: nn.Module | None = None,
    scheduler: LRScheduler | None = None,
    scaler: torch.amp.GradScaler | None = None,
    on_step: OnStep | None = None,
) -> dict[str, float]:
    """One pass over the training pictures.

    Args:
        model: maps the loader's images to logits.
        criterion: the loss of each picture, (N,); default cross-entropy. It must have ``reduction="none"``.
        scheduler: stepped after each batch.
        scaler: for float16 on older GPUs.
    Returns:
        ``loss`` and ``accuracy`` (0..1), means over the pictures as they were augmented.
    Raises:
        WorkoutlibError: the loss is no longer a finite number.
    """
    criterion = criterion or nn.CrossEntropyLoss(reduction="none")
    scaler = scaler or torch.amp.GradScaler(enabled=False)
    totals = torch.zeros(3, device=loader.device)  # losses, right answers, pictures
    model.train()
    for step, (images, targets, weights) in enumerate(loader, start=1):
        with devices.autocast(images.device):
            logits = model(images)
        losses = criterion(logits.float(), targets)
        optimizer.zero_grad(set_to_none=True)
        scaler.scale((weights * losses).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
        if scheduler:
            scheduler.step()
        totals += _sums(losses, logits, targets, counted=weights > 0)
        if step % 20 == 0 or step == len(loader):
            _require_finite_loss(totals[0].item(), f"step {step} of {len(loader)}", optimizer)
        if on_step:
            on_step(step, len(loader))
    loss, correct, count = devices.sum_over_processes(totals).tolist()
    return {"loss": loss / count, "accuracy": correct / count}


def validate(model: Classifier, loader: BatchLoader, *, flip: bool = False) -> dict[str, Any]:
    """Evaluate the model on the pictures of a loader.

    Args:
        flip: average the logits of a picture and of its mirror image.
    Returns:
        ``loss`` and ``accuracy`` (0..1), means over the pictures, and the ``logits`` (N, C), float32 on the CPU.
    """
    batches = track(loader, "validating", total=len(loader), show=False)
    logits, targets = predict_logits(model, batches, flip=flip), loader.dataset.targets.cpu()
    return {
        "loss": nn.functional.cross_entropy(logits, targets).item(),
        "accuracy": (logits.argmax(1) == targets).float().mean().item(),
        "logits": logits,
    }


@torch.no_grad()
def _sums(losses: Tensor, logits: Tensor, targets: Tensor, counted: Tensor) -> Tensor:
    return torch.stack([(losses * counted).sum(), (counted & (logits.argmax(1) == targets)).sum(), counted.sum()])


def _require_finite_loss(loss: float, where: str, optimizer: torch.optim.Optimizer) -> None:
    if not torch.isfinite(torch.tensor(loss)):
        rate = optimizer.param_groups[0]["lr"]
        raise WorkoutlibError(
            f"the loss became {loss} in {where}: lower the learning rate (now {rate:g}) and train again; "
            "the best model so far is kept"
        )
