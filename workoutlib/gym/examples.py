"""Photos and clips to try a model on, at hand wherever the package runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.resources import files
from itertools import chain
from pathlib import Path

import numpy as np
from PIL import Image

from workoutlib.gym import render_clip, render_still
from workoutlib.media.video_writer import ClipWriter
from workoutlib.utils import paths
from workoutlib.utils.files import replacing

PHOTOS = ("bench press", "deadlift", "hammer curl", "lat pulldown")
CLIPS = ("plank", "push up")


def example_media() -> list[Path]:
    """The photos and clips of ``inference_data/``; rendered once where the repository is not at hand, as on Colab."""
    if found := sample_media():
        return found
    folder = paths.data_root() / "inference_data"
    folder.mkdir(parents=True, exist_ok=True)
    for label in PHOTOS:
        target = folder / f"{label.replace(' ', '_')}.jpg"
        if not target.is_file():
            with replacing(target) as partial:
                Image.fromarray(render_still(label, 7)[0]).save(partial, "JPEG")
    for label in CLIPS:
        target = folder / f"{label.replace(' ', '_')}.mp4"
        if not target.is_file():
            _write(target, render_clip(label, 7, frames=150, size=(640, 480)).frames)
    return sorted(path for path in folder.iterdir() if path.suffix in (".jpg", ".mp4"))


def render_workout(
    out: str | Path,
    exercises: Sequence[str] = ("russian twist", "push up", "pull up"),
    *,
    seconds: float = 3.0,
    seed: int = 3,
) -> Path:
    """An H.264 clip (480 × 360, 30 frames a second) of several exercises in a row, each for so many seconds."""
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    frames = chain.from_iterable(render_clip(name, seed, frames=round(30 * seconds)).frames for name in exercises)
    return _write(out, frames)


def _write(out: Path, frames: Iterable[np.ndarray]) -> Path:
    frames = iter(frames)
    first = next(frames)
    with ClipWriter(out, first.shape[1], first.shape[0], 30) as writer:
        for number, frame in enumerate(chain([first], frames)):
            writer.write(frame, number / 30)
    return out


def sample_media() -> list[Path]:
    """The photos and clips of ``inference_data/``; none where the package is used without its repository."""
    folder = Path(str(files("workoutlib"))).parent / "inference_data"
    return sorted(path for path in folder.glob("*") if path.suffix in (".jpg", ".mp4"))
