"""Recognise photos, clips and folders of both; write annotated copies, tables and a summary."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from PIL import Image

from workoutlib.errors import WorkoutlibError
from workoutlib.images import IMAGE_SUFFIXES, list_files, read_image
from workoutlib.inference import Recognizer
from workoutlib.labels import label_of_file
from workoutlib.overlay import draw_label
from workoutlib.video import VIDEO_SUFFIXES, is_clip


def expand(paths: Sequence[str | Path]) -> list[tuple[Path, Path]]:
    """Files as they are, folders as the photos and clips below them: (file, its path inside the output).

    Raises:
        WorkoutlibError: a folder without a photo or clip. (A missing file is reported when it is read.)
    """
    found = []
    for path in map(Path, paths):
        inside = list_files(path, IMAGE_SUFFIXES | VIDEO_SUFFIXES) if path.is_dir() else [path]
        if not inside:
            raise WorkoutlibError(f"{path}: no photo or clip in this folder")
        found += [(file, file.relative_to(path) if path.is_dir() else Path(file.name)) for file in inside]
    return found


def predict_files(
    recognizer: Recognizer, paths: Sequence[str | Path], *, out: Path | None = None, stride: int = 1,
    progress: bool = True,
) -> tuple[list[dict], list[str]]:  # fmt: skip
    """Recognise files and folders, going on past those that cannot be read.

    Args:
        out: folder for annotated copies and, for each clip, ``.frames.csv`` and ``.segments.csv``.
    Returns:
        A row a file (``path, kind, label, confidence, top3, known, truth``; for a clip ``frames``,
        ``frames_per_second`` and ``segments`` too; ``annotated`` where written), and a message for
        each file that failed.
    """
    rows, failures = [], []
    for file, inside in expand(paths):
        try:
            target = out and out / inside
            if is_clip(file):
                rows.append(_clip_row(recognizer, file, target, stride, progress))
            else:
                rows.append(_photo_row(recognizer, file, target))
        except WorkoutlibError as error:
            failures.append(str(error))
    return rows, failures


def accuracy_by_name(rows: list[dict]) -> str:
    """How many of the files that are named after an exercise were recognised as it."""
    named = [row for row in rows if row["truth"]]
    right = sum(row["label"] == row["truth"] for row in named)
    return f"{right} of {len(named)} files named after an exercise recognised as it" if named else ""


def _row(file: Path, kind: str, found) -> dict:
    return {
        "path": str(file), "kind": kind, "label": found.label, "confidence": found.confidence,
        "top3": [{"label": label, "confidence": share} for label, share in found.top3],
        "known": found.known, "truth": label_of_file(file),
    }  # fmt: skip


def _photo_row(recognizer: Recognizer, file: Path, target: Path | None) -> dict:
    pixels = read_image(file)
    found = recognizer.predict(pixels)
    row = _row(file, "photo", found)
    if target:
        target = _made(target.with_name(f"{target.name}.jpg" if target.suffix.lower() != ".jpg" else target.name))
        drawn = draw_label(pixels, found.shown, found.confidence, top3=found.top3)
        Image.fromarray(drawn).save(target, quality=92)
        row["annotated"] = str(target)
    return row


def _clip_row(recognizer: Recognizer, file: Path, target: Path | None, stride: int, progress: bool) -> dict:
    began = time.perf_counter()
    clip = recognizer.predict_clip(file, stride=stride, progress=progress)
    speed = len(clip.times) / (time.perf_counter() - began)
    row = _row(file, "clip", clip.overall)
    segments = clip.segments()
    row |= {
        "frames": len(clip.times), "frames_per_second": clip.frames_per_second, "recognised_per_second": speed,
        "segments": segments.to_dict("records"),
    }  # fmt: skip
    if target:
        target = _made(target.with_name(f"{target.name}.mp4" if target.suffix.lower() != ".mp4" else target.name))
        recognizer.annotate_clip(clip, target, progress=progress, speed=speed)
        clip.frames().to_csv(target.with_suffix(".frames.csv"), index=False)
        segments.to_csv(target.with_suffix(".segments.csv"), index=False)
        row["annotated"] = str(target)
    return row


def _made(target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def as_table(rows: list[dict]) -> pd.DataFrame:
    """The rows as a table to show: one line a file, cells that a spreadsheet would take for formulas quoted."""
    table = pd.DataFrame(rows, columns=["path", "kind", "label", "confidence", "known", "truth"])
    table["path"] = ["'" + p if p.startswith(("=", "+", "-", "@")) else p for p in table["path"]]
    return table
