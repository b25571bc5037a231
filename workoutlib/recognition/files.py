"""Recognise photos, clips and folders of both; write annotated copies, tables and a summary."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain, count
from operator import itemgetter
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from workoutlib.labels import label_of_file
from workoutlib.media.images import read_image
from workoutlib.media.kinds import kind_of
from workoutlib.recognition.clips import Prediction
from workoutlib.recognition.inputs import COLUMNS, expand, identity
from workoutlib.recognition.recognizer import Recognizer
from workoutlib.recognition.report import accuracy_by_name as accuracy_by_name
from workoutlib.recognition.report import draw_results
from workoutlib.utils import devices
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import replacing, write_csv
from workoutlib.utils.progress import track

# Bytes of a copy's name; file systems take 255, and a number and ".segments.csv" may follow.
_LONGEST_STEM = 230


# Photos are recognised so many at a time, or until so many pixels are in memory.
_BATCH, _BATCH_PIXELS = 8, 24_000_000
_TOLD = 2.0  # seconds between two reports of what is done
Report = Callable[[list[dict], list[dict]], None]
"""Told the rows and the failures so far, in the files' order."""


def predict_files(
    recognizer: Recognizer,
    paths: Sequence[str | Path],
    *,
    out: Path | None = None,
    stride: int = 1,
    skeleton: bool | None = None,
    crop: bool = False,
    progress: bool = True,
    report: Report | None = None,
) -> tuple[list[dict], list[dict]]:
    """Recognise files and folders, going on past those that cannot be read.

    Under ``torchrun`` each process takes its share of the files; every process returns the rows of all.

    Args:
        out: folder for annotated copies and, for each clip, ``.frames.csv`` and ``.segments.csv``. None
            of the given files is overwritten there, and no two copies take one name.
        skeleton: draw the exerciser's skeleton; where not given, on clips alone.
        crop: darken what the model does not see.
        report: called now and then, and at the end, also if that is an exception such as Ctrl-C: so that a table
            can be written as it grows. Not under ``torchrun``.
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
            files += expand(path, Path(out) if out else None)
        except WorkoutlibError as error:
            failures.append(_failure(path, "folder", error))
    job = _Job(recognizer, stride, skeleton, crop, progress)
    taken = {identity(file) for file, _ in files}
    tasks = []
    for number, (file, inside) in enumerate(files):
        kind = "clip" if kind_of(file) in ("clip", "sound") else "photo"
        suffix = ".mp4" if kind == "clip" else ".jpg"
        tasks.append(_Task(number, file, kind, out and _free_name(Path(out) / inside, suffix, taken)))
    rank, world = devices.rank_and_world()
    numbered: list[tuple[int, dict]] = []

    def so_far(done: list[tuple[int, dict]]) -> tuple[list[dict], list[dict]]:
        found = [row for _, row in sorted(done, key=itemgetter(0))]
        failed = [row for row in found if "error" in row]
        return [row for row in found if "error" not in row], failures + failed

    told = time.monotonic()
    try:
        for task, row in job.rows(tasks[rank::world]):
            numbered.append((task.number, row))
            if report and world == 1 and time.monotonic() - told > _TOLD:
                report(*so_far(numbered))
                told = time.monotonic()
    finally:
        if report and world == 1:
            report(*so_far(numbered))
    return so_far(devices.gather_over_processes(numbered))


@dataclass(frozen=True)
class _Task:
    """A file to recognise and, if a copy is wanted, where that goes."""

    number: int
    file: Path
    kind: str
    target: Path | None


@dataclass(frozen=True)
class _Job:
    """How the files of one job are recognised."""

    recognizer: Recognizer
    stride: int
    skeleton: bool | None
    crop: bool
    progress: bool

    def rows(self, tasks: list[_Task]) -> Iterator[tuple[_Task, dict]]:
        """The row of each file, first of the photos, many at a time, then of the clips."""
        photos = [task for task in tasks if task.kind == "photo"]
        bar = self.progress and len(photos) > 1
        yield from self._photo_rows(track(photos, "photos", unit="photo", show=bar))
        for task in tasks:
            if task.kind == "clip":
                notes: list[str] = []
                yield task, self._row(task, notes, partial(self._clip_row, task))

    def _photo_rows(self, tasks: Iterable[_Task]) -> Iterator[tuple[_Task, dict]]:
        batch: list[tuple[_Task, np.ndarray, list[str]]] = []
        for task in tasks:
            notes: list[str] = []
            try:
                with _noting(notes):
                    pixels = read_image(task.file)
            except WorkoutlibError as error:
                yield task, _failure(task.file, "photo", error) | {"notes": notes}
                continue
            batch.append((task, pixels, notes))
            if len(batch) == _BATCH or sum(pixels[..., 0].size for _, pixels, _ in batch) > _BATCH_PIXELS:
                yield from self._recognise(batch)
                batch = []
        yield from self._recognise(batch)

    def _recognise(self, batch: list[tuple[_Task, np.ndarray, list[str]]]) -> Iterator[tuple[_Task, dict]]:
        shared: list[str] = []
        try:
            with _noting(shared):
                answers = list(self.recognizer.logits([pixels for _, pixels, _ in batch], size=_BATCH))
        except WorkoutlibError:  # of one of them: each for itself
            answers = [None] * len(batch)
        for (task, pixels, notes), logits in zip(batch, answers, strict=True):
            notes += shared
            yield task, self._row(task, notes, partial(self._photo_row, task, pixels, logits))

    def _row(self, task: _Task, notes: list[str], work: Callable[[], dict]) -> dict:
        """What the work gives, or a row that says why it failed, with all that was noted."""
        try:
            with _noting(notes):
                row = work()
        except WorkoutlibError as error:
            row = _failure(task.file, task.kind, error)
        return row | {"notes": notes}

    def _photo_row(self, task: _Task, pixels: np.ndarray, logits: np.ndarray | None) -> dict:
        if logits is None:
            logits = self.recognizer.logits([pixels])[0]
        found = self.recognizer.read_logits(logits)
        row = _row(task.file, "photo", found)
        if task.target:
            drawn = self.recognizer.annotate(pixels, found, skeleton=bool(self.skeleton), crop=self.crop)
            with replacing(task.target) as hidden:
                Image.fromarray(drawn).save(hidden, "JPEG", quality=92)
            row["annotated"] = str(task.target)
        return row

    def _clip_row(self, task: _Task) -> dict:
        began = time.perf_counter()
        recognizer, progress = self.recognizer, self.progress
        workout = recognizer.analyze(task.file, stride=self.stride, progress=progress)
        clip = workout.clip
        speed = len(clip.times) / (time.perf_counter() - began)
        row, segments = _row(task.file, "clip", workout.overall), clip.segments(sets=workout.sets)
        row |= {
            "frames": len(clip.times),
            "frames_per_second": clip.frames_per_second,
            "recognised_per_second": speed,
            "segments": segments.to_dict("records"),
            **workout.to_dict(),
        }
        if task.target:
            write_csv(clip.frames(), task.target.with_suffix(".frames.csv"))
            write_csv(segments, task.target.with_suffix(".segments.csv"))
            skeleton = self.skeleton is not False
            recognizer.annotate_clip(workout, task.target, progress=progress, skeleton=skeleton, crop=self.crop)
            draw_results(workout, clip.poses, task.target)
            row["annotated"] = str(task.target)
        return row


@contextmanager
def _noting(notes: list[str]) -> Iterator[None]:
    """Put what the block warns of into `notes`, each once; the caller is warned all the same, at the end."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            yield
        finally:
            found = {str(warning.message): warning for warning in caught}
    notes += [text for text, w in found.items() if issubclass(w.category, UserWarning) and text not in notes]
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


def _free_name(wanted: Path, suffix: str, taken: set[str]) -> Path:
    """`wanted` with `suffix`, cut if too long, numbered if the name is taken; it is taken from then on."""
    if wanted.suffix.lower() != suffix:
        wanted = wanted.with_name(f"{wanted.name}{suffix}")
    if len(stem := os.fsencode(wanted.stem)) > _LONGEST_STEM:
        wanted = wanted.with_name(stem[:_LONGEST_STEM].decode(errors="ignore") + wanted.suffix)
    numbered = (wanted.with_name(f"{wanted.stem} ({n}){wanted.suffix}") for n in count(2))
    free = next(path for path in chain([wanted], numbered) if identity(path) not in taken)
    taken.add(identity(free))
    return free


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


def as_table(rows: list[dict]) -> pd.DataFrame:
    """The rows as a table to show, one line a file."""
    return pd.DataFrame(rows, columns=COLUMNS)
