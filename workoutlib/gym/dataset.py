"""Writes what the gym renders as a folder tree with the names of the real data set, and the truth beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import workspace
from workoutlib.utils.progress import track

from .exercises import EXERCISES, UNKNOWN
from .scene import find_exercise, generator, render_clip
from .stills import render_still

_KEPT = 10  # one frame in ten of 30 a second, as in the real data set
_FAULTY = 1 / 6


def write_dataset(
    out: str | Path,
    *,
    videos: int = 6,
    frames: int = 8,
    stills: int = 2,
    seed: int = 0,
    size: tuple[int, int] = (480, 360),
    labels: Sequence[str] | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Render a sample of the data set into the new folder `out` and return its truth, a row an image.

    Each label gets `videos` videos of `frames` frames, `<stem>_<video><5-digit frame>.jpg`, and `stills` web
    stills, `<stem>_g<n>.jpg`. The table is also written as `truth.csv`; its `path` is relative to `out`, its
    `video` and `frame` are missing for stills. Raises WorkoutlibError where `out` exists and is not empty.
    """
    labels = list(EXERCISES if labels is None else labels)
    for label in labels:
        find_exercise(label)
    jobs = [(label, number) for label in labels for number in range(1, videos + 1)]
    snaps = [(label, number) for label in labels for number in range(1, stills + 1)]

    def write(folder: Path) -> Iterable[pd.DataFrame]:
        for label, video in track(jobs, "rendering videos", show=progress):
            yield _write_video(folder, label, label, video, frames, seed, size)
        for label, number in track(snaps, "rendering stills", show=progress):
            yield _write_still(folder, label, number, seed)

    return _write_whole(Path(out).absolute(), write)


def write_unknown(
    out: str | Path, *, videos: int = 12, frames: int = 8, seed: int = 0, size: tuple[int, int] = (480, 360)
) -> pd.DataFrame:
    """Render frames of no known exercise into `<out>/unknown`: walking, resting, drinking, stretching, jumping jacks.

    Names and table are as in `write_dataset`, with an extra column `activity`.
    """
    names = list(UNKNOWN)

    def write(folder: Path) -> Iterable[pd.DataFrame]:
        for video in range(1, videos + 1):
            yield _write_video(folder, "unknown", names[(video - 1) % len(names)], video, frames, seed, size)

    return _write_whole(Path(out).absolute(), write)


def _write_video(
    folder: Path, label: str, name: str, video: int, frames: int, seed: int, size: tuple[int, int]
) -> pd.DataFrame:
    rng = generator("video", name, seed, video)
    known = find_exercise(name).faults
    fault = known[int(rng.integers(len(known)))] if known and rng.random() < _FAULTY else None
    clip = render_clip(
        name, int(rng.integers(2**31)), frames=frames, frames_per_second=30 / _KEPT, size=size, fault=fault
    )
    quality = int(rng.integers(55, 93))
    stem = (EXERCISES[label].stem or label) if label in EXERCISES else label
    numbers = 1 + _KEPT * np.arange(frames)
    paths = [f"{label}/{stem}_{video}{number:05d}.jpg" for number in numbers]
    for path, image in zip(paths, clip.frames, strict=True):
        _write_jpeg(folder / path, image, quality)
    table = clip.truth.assign(label=label) if label == name else clip.truth.assign(label=label, activity=name)
    return _identify(table, paths, video, numbers)


def _write_still(folder: Path, label: str, number: int, seed: int) -> pd.DataFrame:
    rng = generator("web", label, seed, number)
    image, row = render_still(label, int(rng.integers(2**31)))
    path = f"{label}/{EXERCISES[label].stem or label}_g{number}.jpg"
    _write_jpeg(folder / path, image, int(rng.integers(70, 97)))
    return _identify(row.to_frame().T.infer_objects(), [path], pd.NA, [pd.NA])


def _identify(table: pd.DataFrame, paths: list[str], video: object, numbers: Iterable) -> pd.DataFrame:
    """Put path, video and frame before the other columns."""
    names = pd.DataFrame({"path": paths, "video": [video] * len(paths), "frame": list(numbers)})
    names = names.astype({"video": "Int64", "frame": "Int64"})
    return pd.concat([names, table.reset_index(drop=True)], axis=1)


def _write_jpeg(path: Path, image: np.ndarray, quality: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    _, code = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    path.write_bytes(code.tobytes())  # cv2.imwrite cannot write every path on Windows


def _write_whole(out: Path, write: Callable[[Path], Iterable[pd.DataFrame]]) -> pd.DataFrame:
    """Write into a hidden folder and rename it at the end, so that half a tree never looks whole."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise WorkoutlibError(f"{out} exists already; name a new folder, or remove this one first")
    with workspace(out) as folder:
        table = pd.concat(list(write(folder)), ignore_index=True)
        table.to_csv(folder / "truth.csv", index=False)
        if out.exists():
            out.rmdir()
        folder.rename(out)
    return table
