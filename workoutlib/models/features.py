"""The frozen body's features of pictures, kept in memory: they are the same in every run that starts from that body."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import normalize

from workoutlib.data.dataset import ImageDataset
from workoutlib.data.loader import Batch
from workoutlib.models.build import Classifier
from workoutlib.models.inference import eval_loader, extract_features
from workoutlib.utils.progress import track

Watch = Callable[[Iterable[Batch]], Iterable[Batch]]

REMEMBERED = 10
"""Pictures of each class in a model's memory: all that a few videos a class have to say, in 5 kB each."""

# Of one body at a time, 10 kB a picture: hash of the picture -> features (2, D).
_kept: dict[tuple[str, int, str], dict[bytes, Tensor]] = {}


def picture_features(
    model: Classifier, dataset: ImageDataset, *, crop: int, device: torch.device | str, watch: Watch = iter
) -> Tensor:
    """The body's features (2, N, D) of a dataset's pictures and of their mirror images, float32 on the CPU.

    Only pictures that this body has not seen before in this process are computed.

    Args:
        watch: wraps the batches, to stop between two of them.
    """
    key = _digest_of(model), crop, str(device)
    if key not in _kept:
        _kept.clear()
        _kept[key] = {}
    known = _kept[key]
    names = [_digest(dataset[number][0].permute(1, 2, 0)) for number in range(len(dataset))]
    new = [number for number, name in enumerate(names) if name not in known]
    if new:
        loader = eval_loader(model, dataset.select(dataset.catalog.iloc[new]), crop=crop, device=device)
        features = extract_features(model, watch(track(loader, "computing features", total=len(loader), show=False)))
        known.update(zip([names[number] for number in new], features.unbind(1), strict=True))
    return torch.stack([known[name] for name in names], 1)


def remember(
    model: Classifier, dataset: ImageDataset, *, crop: int, device: torch.device | str, by_class: bool = False
) -> None:
    """Give the model a memory: features of up to ten pictures of each class, spread over the data set.

    Args:
        by_class: tell the classes apart, (C, K, D); pictures of a class with fewer than K are there again, and zeros
            in the place of one without any.
    """
    parts = [rows.iloc[:: -(-len(rows) // REMEMBERED)] for _, rows in dataset.catalog.groupby("label", observed=True)]
    chosen = dataset.select(pd.concat(parts))
    features = normalize(picture_features(model, chosen, crop=crop, device=device)[0])
    if by_class:
        empty, most = features.new_zeros(1, features.shape[1]), int(chosen.targets.bincount().max())
        classes = [features[chosen.targets.cpu() == number] for number in range(len(dataset.labels))]
        features = torch.stack([(each if len(each) else empty).repeat(most, 1)[:most] for each in classes])
    model.memory = features.to(model.head.weight.device)


def _digest_of(model: Classifier) -> str:
    state = [_digest(value) for value in model.body.state_dict().values()]
    return hashlib.blake2b(repr((model.mean, model.std, state)).encode(), digest_size=16).hexdigest()


def _digest(values: Tensor) -> bytes:
    return hashlib.blake2b(values.detach().cpu().contiguous().numpy().data, digest_size=16).digest()
