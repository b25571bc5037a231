"""The learning rate over a run, and the optimizer that follows it."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from workoutlib.config import Config


def learning_rate_at(config: Config, epochs_done: float) -> float:
    """The learning rate after so many epochs (a fraction within an epoch): a function, so resuming is exact.

    ``"step"``: a tenth after each ``step_epochs``; ``"cosine"``: half a cosine from full to zero
    (Loshchilov & Hutter 2017, arXiv:1608.03983); ``"none"``: constant.
    """
    return config.learning_rate * _factor(config, epochs_done)


def describe_schedule(config: Config) -> str:
    """The learning rate's course in one line, read off `learning_rate_at` itself."""
    rates = [f"{learning_rate_at(config, epoch):.2g}" for epoch in range(config.epochs)]
    starts = [i for i in range(len(rates)) if i == 0 or rates[i] != rates[i - 1]]
    return "learning rate: " + ", ".join(f"{rates[i]} from epoch {i + 1}" for i in starts)


def _factor(config: Config, epochs_done: float) -> float:
    match config.scheduler:
        case "step":
            return 0.1 ** (int(epochs_done) // config.step_epochs)
        case "cosine":
            return 0.5 * (1 + math.cos(math.pi * epochs_done / max(config.epochs, 1)))
        case _:
            return 1.0


def build_optimizer(model: nn.Module, config: Config) -> torch.optim.Optimizer:
    """Adam or AdamW over the parameters that are not frozen."""
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config.optimizer]
    trainable = [p for p in model.parameters() if p.requires_grad]
    fused = trainable[0].device.type == "cuda"
    return kind(trainable, lr=config.learning_rate, weight_decay=config.weight_decay, fused=fused)


def build_scheduler(
    optimizer: torch.optim.Optimizer, config: Config, *, steps_per_epoch: int, steps_done: int = 0
) -> LambdaLR:
    """The config's learning rate as a PyTorch scheduler; call its ``step()`` after each step of the optimizer."""
    for group in optimizer.param_groups:
        group.setdefault("initial_lr", config.learning_rate)

    def factor(step: int) -> float:
        return _factor(config, step / steps_per_epoch)

    return LambdaLR(optimizer, factor, last_epoch=steps_done - 1)
