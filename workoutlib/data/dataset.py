"""Pictures decoded once and kept as uint8 squares.

Decoding the same JPEGs again every epoch is what starves a GPU. Here each picture is decoded and resized
once, in parallel, into a cache file; training then indexes a tensor, on the device when it fits there.
"""

from __future__ import annotations

import errno
import os
import shutil
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import Dataset

from workoutlib.config import Config, ResizeMode
from workoutlib.data.readable import UnreadableFiles
from workoutlib.data.transforms import to_square
from workoutlib.media.images import UnreadableImage
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import Unwritable, fingerprint_files, replacing, sweep
from workoutlib.utils.progress import track


@dataclass(frozen=True)
class ImageDataset(Dataset):
    """Decoded pictures and what they show.

    Attributes:
        images: uint8 (M, 3, size, size), in channels-last memory order; selections share it.
        indices: int64 (N,), on the device of `images`: where in it each of the N pictures lies.
        targets: int64 (N,), the index of each picture's label in `labels`.
        labels: the class names.
        catalog: the N catalog rows, in the same order.
    """

    images: Tensor
    indices: Tensor
    targets: Tensor
    labels: tuple[str, ...]
    catalog: pd.DataFrame

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        """Picture `number`, uint8 (3, size, size), and its target."""
        return self.images[self.indices[number]], self.targets[number]

    @property
    def weights(self) -> Tensor:
        """float32 (N,), on the CPU: how much each picture counts in training (the catalog's ``weight``, else 1)."""
        return torch.tensor(self.catalog.get("weight", pd.Series(1.0, self.catalog.index)).to_numpy(np.float32))

    def take(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Copies of the pictures with these numbers (0 to N - 1), and their targets."""
        numbers = numbers.to(self.images.device)
        return self.images[self.indices[numbers]], self.targets[numbers]

    def select(self, rows: pd.DataFrame) -> ImageDataset:
        """The pictures of some rows of this catalog, found by their index; no pixel is copied."""
        if not self.catalog.index.is_unique:
            raise WorkoutlibError("rows of this catalog share an index: make it with reset_index(drop=True)")
        chosen = torch.from_numpy(self.catalog.index.get_indexer(rows.index))
        if (chosen < 0).any():
            raise WorkoutlibError(f"{int((chosen < 0).sum())} rows are not in this dataset's catalog")
        chosen = chosen.to(self.images.device)
        return ImageDataset(self.images, self.indices[chosen], self.targets[chosen], self.labels, rows)

    def with_images(self, images: Tensor) -> ImageDataset:
        """The same rows with other tensors in the place of their pictures: features (N, D), for example."""
        indices = torch.arange(len(images), device=images.device)
        return ImageDataset(images, indices, self.targets.to(images.device), self.labels, self.catalog)


def load_dataset(
    catalog: pd.DataFrame,
    *,
    size: int = 256,
    resize_mode: ResizeMode = "crop",
    labels: tuple[str, ...] | None = None,
    cache: Path | None = None,
    device: torch.device | str = "cpu",
    progress: bool = True,
) -> ImageDataset:
    """Decode every picture of a catalog, or map the cache file of an earlier call.

    Args:
        size, resize_mode: the square that pictures are brought to (`to_square`).
        labels: class names in the model's order; default, the catalog's own, sorted.
        cache: folder for the cache file, or ``None`` to decode into memory. The file's name is a hash of
            every path, size and time stamp and of the settings, so a changed picture is decoded again.
        device: the pictures move there if at least half of its free memory stays free.
    Raises:
        WorkoutlibError: a label is not among `labels`, or pictures cannot be read: all are named.
    """
    labels = labels or tuple(sorted(catalog["label"].unique()))
    require_known(catalog["label"], labels)
    targets = torch.tensor([labels.index(label) for label in catalog["label"]], dtype=torch.int64)
    pixels = decode(catalog["path"].tolist(), size=size, resize_mode=resize_mode, cache=cache, progress=progress)
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    home = torch.device(device if fits(images.nbytes, torch.device(device)) else "cpu")
    return ImageDataset(images.to(home), torch.arange(len(images), device=home), targets.to(home), labels, catalog)


def dataset_of(config: Config, catalog: pd.DataFrame, **options: Any) -> ImageDataset:
    """The pictures of a catalog at a config's size and mode; `options` are the other ones of `load_dataset`."""
    return load_dataset(catalog, size=config.resize, resize_mode=config.resize_mode, **options)


def require_known(labels: Iterable[str], known: Sequence[str]) -> None:
    """Refuse labels that a model does not know.

    Raises:
        WorkoutlibError: it names them.
    """
    if unknown := sorted(set(labels) - set(known)):
        raise WorkoutlibError(f"the model does not know the labels {', '.join(unknown)}")


def fits(size: int, device: torch.device) -> bool:
    """Whether `size` bytes leave half of the device's free memory free (always true for the CPU)."""
    return device.type != "cuda" or size < torch.cuda.mem_get_info(device)[0] / 2


def decode(
    paths: list[str],
    *,
    size: int = 256,
    resize_mode: ResizeMode = "crop",
    cache: Path | None = None,
    progress: bool = True,
) -> np.ndarray:
    """Read and resize pictures on all cores into one uint8 array (N, size, size, 3).

    With a `cache` folder the array is a memory-mapped file there: complete files are reused, and a file
    gets its final name only when every picture is in it.
    """

    def square(number: int) -> np.ndarray:
        return to_square(paths[number], size=size, resize_mode=resize_mode)

    settings = {"resize": size, "fit": resize_mode, "version": 2}
    return decode_with(square, paths, (size, size, 3), settings, cache=cache, progress=progress)


def decode_with(
    read: Callable[[int], np.ndarray],
    paths: list[str],
    shape: tuple[int, ...],
    settings: dict[str, Any],
    *,
    what: str = "decoding pictures",
    cache: Path | None = None,
    progress: bool = True,
) -> np.ndarray:
    """What ``read(number)`` makes of each picture, in one uint8 array (N, *shape); the cache is `decode`'s.

    Args:
        settings: all that the result depends on besides the pictures.
        what: says for a progress bar what is done.
    """
    shape = (len(paths), *shape)
    if cache is None:
        return _decode_into(np.empty(shape, np.uint8), paths, read, what, progress)
    target = Path(cache) / f"{fingerprint_files(paths, **settings)}.npy"
    if (kept := _map(target, shape)) is not None:
        return kept
    try:
        sweep(target.parent)
        with replacing(target) as partial:
            mapped = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
            _reserve(partial)
            _decode_into(mapped, paths, read, what, progress)
            mapped.flush()
            del mapped  # an open file cannot be renamed on Windows
        return np.lib.format.open_memmap(target, mode="c")
    except Unwritable as error:
        warnings.warn(f"no cache in {cache}, decoding into memory instead: {error}", stacklevel=2)
        return _decode_into(np.empty(shape, np.uint8), paths, read, what, progress)


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


def _decode_into(
    out: np.ndarray, paths: list[str], read: Callable[[int], np.ndarray], what: str, progress: bool
) -> np.ndarray:
    unreadable: dict[str, str] = {}

    def decode_one(number: int) -> None:
        try:
            out[number] = read(number)
        except UnreadableImage as error:  # all of them are named at the end
            unreadable[paths[number]] = error.reason

    with ThreadPoolExecutor(max_workers=min(16, os.cpu_count() or 1)) as pool:
        done = pool.map(decode_one, range(len(paths)))
        try:
            for _ in track(done, what, total=len(paths), unit="image", show=progress):
                pass
        except BaseException:  # stopped: those that wait are not decoded
            pool.shutdown(cancel_futures=True)
            raise
    if unreadable:
        raise UnreadableFiles({path: unreadable[path] for path in paths if path in unreadable})
    return out
