"""Batches of a dataset, transformed, on the device."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from workoutlib.data.dataset import ImageDataset
from workoutlib.data.transforms import EvalTransform, TrainTransform
from workoutlib.utils import devices


class Batch(NamedTuple):
    """What a loader yields.

    Attributes:
        images: what the model is given, floats (N, 3, crop, crop), or features (N, D).
        targets: int64 (N,).
        weights: floats (N,): a picture's part in the mean loss of the batch, so ``(weights * losses).sum()`` is
            that mean. In one process they are all 1 / N, times the weight of the picture, which is below 1 where a
            model labelled it; under ``torchrun`` the processes' gradients, which are averaged, become those of the
            whole batch.
    """

    images: Tensor
    targets: Tensor
    weights: Tensor


class BatchLoader:
    """Iterate over a dataset in batches; each pass is another epoch.

    Args:
        transform: a `TrainTransform` or an `EvalTransform`; ``None`` hands the images out as they are.
        device: where batches go; pictures in host memory are copied there from pinned memory.
        shuffle: draw a new order in each epoch, and under ``torchrun`` share each batch among the processes.
        seed: with the number of the epoch it decides order and augmentation.
        synthetic: pictures drawn at random that join each batch, `synthetic_share` times as many as its own.

    ``loader.epoch`` is the number of the epoch that comes next, from 1; set it to resume a run.
    """

    def __init__(
        self,
        dataset: ImageDataset,
        batch_size: int,
        *,
        transform: TrainTransform | EvalTransform | None = None,
        device: torch.device | str = "cpu",
        shuffle: bool = False,
        seed: int = 0,
        synthetic: ImageDataset | None = None,
        synthetic_share: float = 0.0,
    ) -> None:
        self.dataset, self.batch_size, self.transform = dataset, batch_size, transform
        self.device, self.shuffle, self.seed = torch.device(device), shuffle, seed
        self.synthetic, self.synthetic_share = synthetic, synthetic_share
        self.epoch = 1
        self._weights = dataset.weights

    def __len__(self) -> int:
        """Batches in an epoch."""
        return math.ceil(len(self.dataset) / self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        generator = torch.Generator().manual_seed(self.seed * 100_003 + self.epoch)
        self.epoch += 1
        count = len(self.dataset)
        order = torch.randperm(count, generator=generator) if self.shuffle else torch.arange(count)
        for numbers in order.split(self.batch_size):
            yield self._batch(numbers, generator)

    def _batch(self, numbers: Tensor, generator: torch.Generator) -> Batch:
        rank, world = devices.rank_and_world() if self.shuffle else (0, 1)
        # where fewer pictures are left than processes, the others compute the first one and count nothing
        mine, counted = (slice(rank, None, world), 1.0) if rank < len(numbers) else (slice(1), 0.0)
        parts, size = [self._part(self.dataset, numbers, mine, generator)], len(numbers)
        if self.synthetic is not None:
            extra = round(self.synthetic_share * len(numbers))
            drawn = torch.randint(len(self.synthetic), (extra,), generator=generator)
            parts.append(self._part(self.synthetic, drawn, slice(rank, None, world), generator))
            size += extra
        images, targets = (torch.cat(pieces) for pieces in list(zip(*parts, strict=True))[:2])
        if isinstance(self.transform, TrainTransform):
            images = self.transform.apply(images, _join([draws for _, _, draws in parts]))
        elif self.transform is not None:
            images = self.transform(images)
        weights = torch.full((len(targets),), counted * world / size)
        own = self._weights[numbers[mine]]
        weights[: len(own)] *= own
        weights = self._to_device(weights)
        return Batch(images, targets, weights)

    def _part(
        self, dataset: ImageDataset, numbers: Tensor, mine: slice, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """This process's pictures of a batch, their targets and their draws (drawn for the whole batch everywhere)."""
        draws = self.transform.draw(len(numbers), generator) if isinstance(self.transform, TrainTransform) else {}
        images, targets = (self._to_device(values) for values in dataset.take(numbers[mine]))
        return images, targets, {name: self._to_device(values[mine]) for name, values in draws.items()}

    def _to_device(self, values: Tensor) -> Tensor:
        if values.device == self.device:
            return values
        return (values.pin_memory() if self.device.type == "cuda" else values).to(self.device, non_blocking=True)


def _join(draws: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.cat([each[name] for each in draws]) for name in draws[0]}
