"""Recognise photos, clips and folders of both; write annotated copies, tables and a summary."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, count
from operator import itemgetter
from pathlib import Path

import pandas as pd
from PIL import Image

from workoutlib.labels import label_of_file
from workoutlib.media.images import read_image
from workoutlib.media.kinds import kind_of, list_media
from workoutlib.recognition.clips import Prediction
from workoutlib.recognition.recognizer import Recognizer
from workoutlib.recognition.report import draw_results
from workoutlib.utils import devices
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import replacing, write_csv
from workoutlib.utils.paths import shown

# Bytes of a copy's name; file systems take 255, and a number and ".segments.csv" may follow.
_LONGEST_STEM = 230


def expand(path: Path) -> list[tuple[Path, Path]]:
    """A file as it is, a folder as the photos and clips below it: (file, its path inside the output).

    Raises:
        WorkoutlibError: a folder without a photo or clip. (A missing file is reported when it is read.)
    """
    if not os.path.isdir(path):  # unlike Path.is_dir, no error for a name too long
        return [(path, Path(path.name))]
    inside = list_media(path)
    if not inside:
        raise WorkoutlibError(f"{shown(path)}: no photo or clip in this folder")
    return [(file, file.relative_to(path)) for file in inside]


def predict_files(
    recognizer: Recognizer,
    paths: Sequence[str | Path],
    *,
    out: Path | None = None,
    stride: int = 1,
    skeleton: bool = False,
    crop: bool = False,
    progress: bool = True,
) -> tuple[list[dict], list[dict]]:
    """Recognise files and folders, going on past those that cannot be read.

    Under ``torchrun`` each process takes its share of the files; every process returns the rows of all.

    Args:
        out: folder for annotated copies and, for each clip, ``.frames.csv`` and ``.segments.csv``. None
            of the given files is overwritten there, and no two copies take one name.
        skeleton, crop: draw the exerciser's skeleton; darken what the model does not see.
    Returns:
        A row a file (``path, kind, label, confidence, top3, known, truth, sets``; for a clip ``frames``,
        ``frames_per_second`` and ``segments`` too; ``annotated`` where written; ``notes``, a list of all that
        was said about it: what is missing, what was done instead), and a row with ``error`` and no label for
        each file that failed.
    """
    files: list[tuple[Path, Path]] = []
    failures: list[dict] = []
    for path in map(Path, paths):
        try:
            files += expand(path)
        except WorkoutlibError as error:
            failures.append(_failure(path, "folder", error))
    taken = {_identity(file) for file, _ in files}
    kinds = ["clip" if kind_of(file) in ("clip", "sound") else "photo" for file, _ in files]
    targets = [
        out and _free_name(Path(out) / inside, ".mp4" if kind == "clip" else ".jpg", taken)
        for kind, (_, inside) in zip(kinds, files, strict=True)
    ]
    numbered: list[tuple[int, dict]] = []
    rank, world = devices.rank_and_world()
    for number in range(rank, len(files), world):
        (file, _), kind, target = files[number], kinds[number], targets[number]
        notes: list[str] = []
        try:
            with _noting(notes):
                if kind == "clip":
                    row = _clip_row(recognizer, file, target, stride, progress, skeleton, crop)
                else:
                    row = _photo_row(recognizer, file, target, skeleton, crop)
        except WorkoutlibError as error:
            row = _failure(file, kind, error)
        numbered.append((number, row | {"notes": notes}))
    found = [row for _, row in sorted(devices.gather_over_processes(numbered), key=itemgetter(0))]
    failures += [row for row in found if "error" in row]
    return [row for row in found if "error" not in row], failures


@contextmanager
def _noting(notes: list[str]) -> Iterator[None]:
    """Put what the block warns of into `notes`, each once; the caller is warned all the same, at the end."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            yield
        finally:
            found = {str(warning.message): warning for warning in caught}
    notes += [text for text, warning in found.items() if issubclass(warning.category, UserWarning)]
    for warning in found.values():
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


def _failure(path: Path, kind: str, error: WorkoutlibError) -> dict:
    return {
        "path": str(path),
        "kind": kind,
        "label": None,
        "confidence": None,
        "top3": [],
        "error": str(error),
        "notes": [],
    }


def _identity(path: Path) -> str:
    """Equal for paths that lead to one file, also where upper and lower case are one."""
    return os.path.realpath(path).casefold()


def _free_name(wanted: Path, suffix: str, taken: set[str]) -> Path:
    """`wanted` with `suffix`, cut if too long, numbered if the name is taken; it is taken from then on."""
    if wanted.suffix.lower() != suffix:
        wanted = wanted.with_name(f"{wanted.name}{suffix}")
    if len(stem := os.fsencode(wanted.stem)) > _LONGEST_STEM:
        wanted = wanted.with_name(stem[:_LONGEST_STEM].decode(errors="ignore") + wanted.suffix)
    numbered = (wanted.with_name(f"{wanted.stem} ({n}){wanted.suffix}") for n in count(2))
    free = next(path for path in chain([wanted], numbered) if _identity(path) not in taken)
    taken.add(_identity(free))
    return free


def accuracy_by_name(rows: list[dict]) -> str:
    """How many of the files that are named after an exercise were recognised as it."""
    named = [row for row in rows if row["truth"]]
    right = sum(row["label"] == row["truth"] for row in named)
    return f"{right} of {len(named)} files named after an exercise recognised as it" if named else ""


def _row(file: Path, kind: str, found: Prediction) -> dict:
    return {
        "path": str(file),
        "kind": kind,
        "label": found.label,
        "confidence": found.confidence,
        "top3": [{"label": label, "confidence": share} for label, share in found.top3],
        "known": found.known,
        "truth": label_of_file(file),
        "sets": [],
    }


def _photo_row(recognizer: Recognizer, file: Path, target: Path | None, skeleton: bool, crop: bool) -> dict:
    pixels = read_image(file)
    found = recognizer.predict(pixels)
    row = _row(file, "photo", found)
    if target:
        drawn = recognizer.annotate(pixels, found, skeleton=skeleton, crop=crop)
        with replacing(target) as partial:
            Image.fromarray(drawn).save(partial, "JPEG", quality=92)
        row["annotated"] = str(target)
    return row


def _clip_row(
    recognizer: Recognizer, file: Path, target: Path | None, stride: int, progress: bool, skeleton: bool, crop: bool
) -> dict:
    began = time.perf_counter()
    workout = recognizer.analyze(file, stride=stride, progress=progress)
    clip = workout.clip
    speed = len(clip.times) / (time.perf_counter() - began)
    row = _row(file, "clip", clip.overall)
    segments = clip.segments()
    row |= {
        "frames": len(clip.times),
        "frames_per_second": clip.frames_per_second,
        "recognised_per_second": speed,
        "segments": segments.to_dict("records"),
        **workout.to_dict(),
    }
    if target:
        write_csv(clip.frames(), target.with_suffix(".frames.csv"))
        write_csv(segments, target.with_suffix(".segments.csv"))
        recognizer.annotate_clip(workout, target, progress=progress, crop=crop, speed=speed)
        draw_results(workout, clip.poses, target)
        row["annotated"] = str(target)
    return row


def as_table(rows: list[dict]) -> pd.DataFrame:
    """The rows as a table to show, one line a file."""
    return pd.DataFrame(rows, columns=["path", "kind", "label", "confidence", "known", "truth"])
