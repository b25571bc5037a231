"""Two flat functions, `train_one_epoch` and `validate`."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from workoutlib.config import Config
from workoutlib.data.dataset import Frames, batches, shuffled
from workoutlib.data.transforms import draw_augmentation
from workoutlib.models.build import Network
from workoutlib.models.inference import predict_logits
from workoutlib.training.schedule import learning_rate_at
from workoutlib.utils import devices
from workoutlib.utils.errors import WorkoutlibError


def build_optimizer(network: nn.Module, config: Config, device: torch.device) -> torch.optim.Optimizer:
    """Adam or AdamW over the parameters that are not frozen."""
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config.optimizer]
    trainable = [p for p in network.parameters() if p.requires_grad]
    return kind(trainable, lr=config.learning_rate, weight_decay=config.weight_decay, fused=device.type == "cuda")


def train_one_epoch(
    network: nn.Module, frames: Frames, optimizer: torch.optim.Optimizer, config: Config, *,
    epoch: int, device: torch.device, prepare: Callable[[Tensor, dict], Tensor], rendered: Frames | None = None,
    scaler: torch.amp.GradScaler | None = None, on_step: Callable[[int, int], None] | None = None,
) -> dict[str, float]:  # fmt: skip
    """One pass over the training pictures, in an order and with draws given by (seed, epoch).

    Under ``torchrun`` each process takes its share of every batch; gradients are those of the whole batch.

    Args:
        network: maps what `prepare` returns to logits.
        prepare: ``prepare(images, draw)`` augments a batch by the draws of ``draw_augmentation``.
        rendered: pictures of which ``config.rendered`` times a batch's size, drawn at random, join each batch.
        on_step: called as ``on_step(steps_done, steps)`` after each step.
    Returns:
        ``loss`` and ``accuracy`` (0..1), means over the pictures as they were augmented.
    Raises:
        WorkoutlibError: the loss is no longer a finite number.
    """
    network.train()
    generator = torch.Generator().manual_seed(config.seed * 100_003 + epoch)
    torch.manual_seed(config.seed * 100_003 + epoch)  # dropout, in networks that have it
    rank, world = devices.rank_and_world()
    order = shuffled(len(frames), generator)
    scaler = scaler or torch.amp.GradScaler(enabled=False)
    steps = math.ceil(len(order) / config.batch_size)
    totals, seen = torch.zeros(2, device=device, dtype=torch.float64), 0  # summed loss, correct
    for step, whole in enumerate(order.split(config.batch_size)):
        rate = learning_rate_at(config, epoch - 1 + step / steps)
        for group in optimizer.param_groups:
            group["lr"] = rate
        # where fewer pictures are left than processes, the others compute the first one and count nothing
        mine, counted = (slice(rank, None, world), 1) if rank < len(whole) else (slice(1), 0)
        shares, size = [_share(frames, whole, mine, config, generator, device)], len(whole)
        if rendered:
            guests = torch.randint(len(rendered), (round(config.rendered * len(whole)),), generator=generator)
            shares.append(_share(rendered, guests, slice(rank, None, world), config, generator, device))
            size += len(guests)
        images, targets, draw = _joined(shares)
        with torch.no_grad():
            inputs = prepare(images, draw)
        with devices.autocast(device):
            logits = network(inputs)
        losses = counted * nn.functional.cross_entropy(
            logits.float(), targets, reduction="none", label_smoothing=config.label_smoothing
        )
        optimizer.zero_grad(set_to_none=True)
        # processes average their gradients: world / size makes that the mean over the whole batch
        scaler.scale(losses.sum() * world / size).backward()
        scaler.step(optimizer)
        scaler.update()
        with torch.no_grad():
            totals += torch.stack([losses.sum(), counted * (logits.argmax(1) == targets).sum()])
            seen += size
        if (step % 20 == 19 or step + 1 == steps) and not torch.isfinite(totals[0]):
            raise _diverged(totals[0].item(), f"epoch {epoch}, by step {step + 1} of {steps}", rate)
        if on_step:
            on_step(step + 1, steps)
    loss, correct = (devices.sum_over_processes(totals) / seen).tolist()
    return {"loss": loss, "accuracy": correct}


def _share(
    frames: Frames, places: Tensor, mine: slice, config: Config, generator: torch.Generator, device: torch.device
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """This process's pictures of a batch, their targets and their draws (drawn for the whole batch, as everywhere)."""
    draw = draw_augmentation(len(places), config, generator)
    images, targets = next(batches(frames, max(len(places), 1), device=device, order=places[mine]))
    return images, targets, {name: values[mine].to(device, non_blocking=True) for name, values in draw.items()}


def _joined(shares: list[tuple]) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    images, targets, draws = zip(*shares, strict=True)
    return torch.cat(images), torch.cat(targets), {name: torch.cat([d[name] for d in draws]) for name in draws[0]}


def _diverged(loss: float, where: str, rate: float) -> WorkoutlibError:
    return WorkoutlibError(
        f"the loss became {loss} in {where}: lower the learning rate (now {rate:g}) and train again; "
        "the best model so far is kept"
    )


def validate(network: Network, frames: Frames, config: Config, *, device: torch.device) -> dict[str, float]:
    """``loss`` and ``accuracy`` (0..1), means over the pictures."""
    logits = predict_logits(network, frames, config, device=device)
    targets = frames.targets.cpu()
    return {
        "loss": nn.functional.cross_entropy(logits, targets).item(),
        "accuracy": (logits.argmax(1) == targets).float().mean().item(),
    }
