"""Pictures decoded once, kept as uint8 squares, and handed out in batches on the device.

Decoding the same JPEGs again every epoch is what starves a GPU. Here each picture is decoded and resized
once, in parallel, into a cache file; training then indexes a tensor, on the device when it fits there.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm.auto import tqdm

from workoutlib.config import Config
from workoutlib.data.transforms import to_square
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import Unwritable, replacing, sweep
from workoutlib.utils.paths import shown


@dataclass(frozen=True)
class Frames:
    """Decoded pictures and what they show.

    Attributes:
        images: uint8 (M, 3, resize, resize), in channels-last memory order; selections share it.
        places: int64 (N,), on the device of `images`: where in it each of the N pictures lies.
        targets: int64 (N,), the index of each picture's label in `labels`.
        labels: the class names.
        catalog: the N catalog rows, in the same order.
    """

    images: Tensor
    places: Tensor
    targets: Tensor
    labels: tuple[str, ...]
    catalog: pd.DataFrame

    def __len__(self) -> int:
        return len(self.targets)

    def select(self, rows: pd.DataFrame) -> Frames:
        """The pictures of some rows of this catalog, found by their index; no pixel is copied."""
        if not self.catalog.index.is_unique:
            raise WorkoutlibError("rows of this catalog share an index: make it with reset_index(drop=True)")
        chosen = torch.from_numpy(self.catalog.index.get_indexer(rows.index))
        if (chosen < 0).any():
            raise WorkoutlibError(f"{int((chosen < 0).sum())} rows are not in these frames' catalog")
        chosen = chosen.to(self.images.device)
        return Frames(self.images, self.places[chosen], self.targets[chosen], self.labels, rows)

    def holding(self, images: Tensor) -> Frames:
        """The same rows with other tensors in the place of their pictures: features (N, D), for example."""
        places = torch.arange(len(images), device=images.device)
        return Frames(images, places, self.targets.to(images.device), self.labels, self.catalog)

    def take(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Copies of the pictures with these numbers (0 to N - 1), and their targets."""
        numbers = numbers.to(self.images.device)
        return self.images[self.places[numbers]], self.targets[numbers]


def load_frames(
    catalog: pd.DataFrame,
    config: Config,
    *,
    labels: tuple[str, ...] | None = None,
    cache: Path | None = None,
    device: torch.device | str = "cpu",
    progress: bool = True,
) -> Frames:
    """Decode every picture of a catalog, or map the cache file of an earlier call.

    Args:
        labels: class names in the network's order; default, the catalog's own, sorted.
        cache: folder for the cache file, or ``None`` to decode into memory. The file's name is a hash of
            every path, size and time stamp and of the settings, so a changed picture is decoded again.
        device: the pictures move there if at least half of its free memory stays free.
    Raises:
        WorkoutlibError: a label is not among `labels`, or a picture cannot be read.
    """
    labels = labels or tuple(sorted(catalog["label"].unique()))
    unknown = sorted(set(catalog["label"]) - set(labels))
    if unknown:
        raise WorkoutlibError(f"the network does not know the labels {', '.join(unknown)}")
    targets = torch.tensor([labels.index(label) for label in catalog["label"]], dtype=torch.int64)
    pixels = decode(catalog["path"].tolist(), config, cache=cache, progress=progress)
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    home = torch.device(device if fits(images.nbytes, torch.device(device)) else "cpu")
    return Frames(images.to(home), torch.arange(len(images), device=home), targets.to(home), labels, catalog)


def fits(size: int, device: torch.device) -> bool:
    """Whether `size` bytes leave half of the device's free memory free (always true for the CPU)."""
    return device.type != "cuda" or size < torch.cuda.mem_get_info(device)[0] / 2


def decode(paths: list[str], config: Config, *, cache: Path | None = None, progress: bool = True) -> np.ndarray:
    """Read and resize pictures on all cores into one uint8 array (N, resize, resize, 3).

    With a `cache` folder the array is a memory-mapped file there: complete files are reused, and a file
    gets its final name only when every picture is in it.
    """
    shape = (len(paths), config.resize, config.resize, 3)
    if cache is None:
        return _decode_into(np.empty(shape, np.uint8), paths, config, progress)
    target = Path(cache) / f"{_fingerprint(paths, config)}.npy"
    if (kept := _map(target, shape)) is not None:
        return kept
    try:
        sweep(target.parent)
        with replacing(target) as partial:
            mapped = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
            _reserve(partial)
            _decode_into(mapped, paths, config, progress).flush()
            del mapped  # an open file cannot be renamed on Windows
        return np.lib.format.open_memmap(target, mode="c")
    except Unwritable as error:
        warnings.warn(f"no cache in {cache}, decoding into memory instead: {error}", stacklevel=2)
        return decode(paths, config, progress=progress)


def _map(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """The array of a cache file, copied on write so that the file can never change; None without a sound one."""
    try:
        kept = np.lib.format.open_memmap(path, mode="c")
    # Not there, or not whole: a damaged header raises nearly anything inside numpy's reader (TokenError, ...).
    except Exception:
        return None
    sound = kept.shape == shape and kept.dtype == np.uint8 and kept.flags.c_contiguous
    return kept if sound else None


def _reserve(path: Path) -> None:
    """Take the disk space that a file claims: to write to its map when there is none kills the process."""
    size = path.stat().st_size
    if hasattr(os, "posix_fallocate"):
        with open(path, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, size)
    elif shutil.disk_usage(path.parent).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _decode_into(out: np.ndarray, paths: list[str], config: Config, progress: bool) -> np.ndarray:
    def one(place: int) -> None:
        out[place] = to_square(paths[place], size=config.resize, fit=config.fit)

    with ThreadPoolExecutor(max_workers=min(16, os.cpu_count() or 1)) as pool:
        bar = tqdm(total=len(paths), desc="decoding", unit="image", disable=not progress, leave=False)
        for _ in pool.map(one, range(len(paths))):
            bar.update()
        bar.close()
    return out


def _fingerprint(paths: list[str], config: Config) -> str:
    settings = {"files": [_stamp(path) for path in paths], "resize": config.resize, "fit": config.fit, "version": 2}
    return hashlib.sha256(json.dumps(settings).encode(errors="surrogateescape")).hexdigest()[:24]


def _stamp(path: str) -> tuple[str, int, int]:
    try:
        found = os.stat(path)
    except OSError as error:
        raise WorkoutlibError(f"{shown(path)} cannot be read any more ({error}): read the catalog again") from error
    return path, found.st_size, found.st_mtime_ns


def batches(
    frames: Frames, size: int, *, device: torch.device, order: Tensor | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield (images uint8, targets int64) on `device`, in `order` (default: as they stand).

    Pictures that live in host memory are copied asynchronously from pinned memory to a GPU.
    """
    order = torch.arange(len(frames)) if order is None else order
    for numbers in order.split(size):
        images, targets = frames.take(numbers)
        if images.device != device:
            pin = device.type == "cuda"
            images, targets = (x.pin_memory() if pin else x for x in (images, targets))
            images, targets = (x.to(device, non_blocking=True) for x in (images, targets))
        yield images, targets


def shuffled(count: int, generator: torch.Generator) -> Tensor:
    """A random order of `count` pictures."""
    return torch.randperm(count, generator=generator)
