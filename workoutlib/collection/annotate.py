"""A model annotates a folder of clips and photos: a new data set, and what a person should look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image

from workoutlib.collection.frames import different_frames
from workoutlib.data.annotations import KEPT, OPEN, REVIEW, SKIPPED, TABLE, Annotations, is_inside, require_plain
from workoutlib.data.duplicates import SAME_PICTURE, SAME_RECORDING, SIDE, distances, thumbnail, thumbnails_of
from workoutlib.media.images import read_image
from workoutlib.media.kinds import kind_of
from workoutlib.media.video_reader import read_frames
from workoutlib.recognition.analysis import ClipWorkout, logits_within
from workoutlib.recognition.clips import ClipPrediction, Prediction, usual_stride
from workoutlib.recognition.inputs import expand
from workoutlib.recognition.recognizer import Recognizer
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import Unwritable, replacing
from workoutlib.utils.locks import locked
from workoutlib.utils.paths import is_hidden, shown
from workoutlib.utils.progress import progress_bar
from workoutlib.workout.workout import Set

_LOCK = ".annotating.lock"
_UNREAD = "Cannot read "  # how the errors of pictures and clips begin
_SHORTER_SIDE = 480  # pixels: larger pictures are made smaller, as those of the Kaggle set


def annotate_media(
    recognizer: Recognizer,
    folder: str | Path,
    out: str | Path,
    *,
    training: pd.DataFrame | None = None,
    keep: float | None = None,
    progress: bool = True,
) -> Annotations:
    """Label the clips and photos below a folder, and put pictures of them into a new data set.

    A clip is labelled as a whole by the joint answer of picture, pose and motion, one with several exercises set by
    set. Frames that differ by pose are kept (`different_frames`). What the model is less sure of than `keep`, or takes
    for no known exercise, waits in ``review/`` for a person. The table (`Annotations`) is written after every file;
    files that are in it are not looked at again, so a run that was killed goes on where it was.

    Args:
        out: folder of the new data set; one that an earlier call made is added to.
        training: catalog of the pictures that the model was trained on. A clip that shows one of them, or is another
            cut of its recording, is left out: it would flatter every score.
        keep: confidence, 0..1, from which on a label is believed; default, what the recognizer was fitted to.
    Raises:
        WorkoutlibError: no clip or photo there, `out` holds something else, or another program annotates into it.
            Files that cannot be read are skipped, with a note; the next run tries them again.
    """
    out = Path(out)
    if out.is_dir() and not (out / TABLE).is_file() and any(not is_hidden(path.name) for path in out.iterdir()):
        raise WorkoutlibError(f"{shown(out)} holds other things than annotations: name a new folder for the data set")
    require_plain(recognizer.labels, "the model's class names")
    files = [file.absolute() for file, _ in expand(Path(folder), out)]
    known = _Known()
    if training is not None:
        names = [f"{label}/{Path(path).name}" for path, label in zip(training["path"], training["label"], strict=True)]
        known.add(thumbnails_of(training["path"]), names)
    busy = f"another program is annotating into {shown(out)}: wait for it, or name another folder"
    with locked(out / _LOCK, busy, seconds=0):  # two would give two recordings one number
        annotations = Annotations(out)
        annotations.add([])  # the folder is known for a data set, should the first file be interrupted
        job = _Job(recognizer, annotations, recognizer.keep_confidence if keep is None else keep, known)
        unread = _unread(annotations.table)
        done = set(annotations.table["source"]) - unread
        new = [file for file in files if str(file) not in done]
        for file in progress_bar(new, "annotating", unit="file", show=progress):
            try:
                rows = job.clip(file) if kind_of(file) == "clip" else job.photo(file)
            except Unwritable:  # a full disk: what is left is for the next run
                raise
            except WorkoutlibError as error:
                rows = [_skipped(file, str(error))]
            if str(file) not in unread or not rows[0]["note"].startswith(_UNREAD):
                annotations.add(rows)
    return annotations


@dataclass
class _Known:
    """Thumbnails (N, 256) of pictures, and what each is to be called."""

    thumbnails: np.ndarray = field(default_factory=lambda: np.empty((0, SIDE**2), np.float32))
    names: list[str] = field(default_factory=list)

    def add(self, thumbnails: np.ndarray, names: list[str]) -> None:
        self.thumbnails, self.names = np.concatenate([self.thumbnails, thumbnails]), self.names + names

    def match(self, thumbnails: np.ndarray, below: float = SAME_RECORDING) -> str:
        """The name of the picture that is nearest to one of the thumbnails (N, 256), if it is nearer than `below`."""
        if not len(thumbnails) or not self.names:
            return ""
        found = distances(thumbnails, self.thumbnails).min(0)
        return self.names[int(found.argmin())] if found.min() < below else ""


@dataclass
class _Part:
    """A set of a clip, or a photo: what it shows, and its pictures by the tenth of a second at which they are shown."""

    start: float
    end: float
    found: Prediction
    pictures: dict[int, np.ndarray] = field(default_factory=dict)


class _Job:
    """One call of `annotate_media`."""

    def __init__(self, recognizer: Recognizer, annotations: Annotations, keep: float, training: _Known) -> None:
        self.recognizer, self.annotations, self.keep, self.training = recognizer, annotations, keep, training
        self.known, self.last = _Known(), dict[str, int]()
        for number, row in annotations.table.iterrows():
            if row["pictures"]:
                self._remember(row["video"], row["pictures"].split(), thumbnails_of(annotations.paths(number)))

    def clip(self, path: Path) -> list[dict]:
        """The rows of a clip; its pictures are written."""
        stride = usual_stride(path)
        workout = self.recognizer.analyze(path, stride=stride, progress=False)
        parts = _parts(workout)
        wanted: dict[int, _Part] = {}
        for part in parts:
            rows = np.flatnonzero((workout.clip.times >= part.start) & (workout.clip.times <= part.end))
            wanted |= dict.fromkeys(different_frames(workout.clip.poses, rows).tolist(), part)
        seen = []
        for number, (time, pixels) in enumerate(read_frames(path, stride=stride)):
            seen.append(thumbnail(pixels))
            if number in wanted:
                wanted[number].pictures.setdefault(int(10 * time), _smaller(pixels))
        if name := self.training.match(np.array(seen)):
            return [_skipped(path, f"a recording that training has: {name}")]
        video = self.known.match(np.array(seen)) or self._new_video()
        first = self.last.get(video, -1) + 1  # another cut of a recording goes on counting
        return self._file(path, parts, video, lambda tenth: f"{video}{(first + tenth) % 100_000:05d}")

    def photo(self, path: Path) -> list[dict]:
        """The row of a photo; a copy of it is written."""
        pixels = read_image(path)
        if name := self.training.match(thumbnail(pixels)[None]):
            return [_skipped(path, f"a recording that training has: {name}")]
        part, video = _Part(0.0, 0.0, self.recognizer.predict(pixels), {0: _smaller(pixels)}), self._new_video()
        return self._file(path, [part], video, lambda _: f"g{video}")

    def _file(self, path: Path, parts: list[_Part], video: str, name: Callable[[int], str]) -> list[dict]:
        """Write the pictures of a file that are not there yet; return its rows."""
        rows = []
        for part in parts:
            thumbnails = {tenth: thumbnail(pixels)[None] for tenth, pixels in part.pictures.items()}
            new = {tenth: each for tenth, each in thumbnails.items() if not self.known.match(each, SAME_PICTURE)}
            if not new:
                continue
            found, ends = part.found, [name(tenth) for tenth in new]
            sure = found.known and found.confidence >= self.keep
            folder = self.annotations.root / (found.label if sure else REVIEW)
            if not is_inside(folder, self.annotations.root):
                raise WorkoutlibError(f"{shown(folder)} leads out of the data set: put a folder in place of the link")
            for end, tenth in zip(ends, new, strict=True):
                with replacing(folder / f"{found.label}_{end}.jpg") as hidden:
                    Image.fromarray(part.pictures[tenth]).save(hidden, "JPEG", quality=92)
            self._remember(video, ends, np.concatenate(list(new.values())))
            top3 = dict(zip(("predicted", "second", "third"), (label for label, _ in found.top3), strict=False))
            rows.append(
                {
                    "source": str(path), "start": round(part.start, 2), "end": round(part.end, 2),
                    "label": found.label, "confidence": round(found.confidence, 4), **top3,
                    "status": KEPT if sure else OPEN, "video": video, "pictures": " ".join(ends),
                    "note": "" if found.known else "perhaps none of the exercises",
                }
            )  # fmt: skip
        return rows or [_skipped(path, "its pictures are there already")]

    def _new_video(self) -> str:
        return str(1 + max(map(int, self.last), default=0))

    def _remember(self, video: str, ends: list[str], thumbnails: np.ndarray) -> None:
        self.known.add(thumbnails, [video] * len(thumbnails))
        self.last[video] = max([self.last.get(video, 0), *(int(end[-5:]) for end in ends if end[0] != "g")])


def _parts(workout: ClipWorkout) -> list[_Part]:
    """The sets of a clip and what each shows; a clip without sets is one part."""
    clip, sets = workout.clip, workout.sets
    if len({entry.label for entry in sets}) < 2:
        spans = [(entry.start, entry.end) for entry in sets] or [(0.0, clip.duration)]
        return [_Part(*span, clip.overall) for span in spans]
    return [_Part(entry.start, entry.end, _found(entry, clip)) for entry in sets]


def _found(entry: Set, clip: ClipPrediction) -> Prediction:
    """What a set shows as the workout names it; its frames tell what else it might be."""
    guesses = clip.reader.read_logits(logits_within(entry, clip)).top3
    first = entry.label, entry.confidence or 0.0
    return Prediction(*first, [first, *(guess for guess in guesses if guess[0] != entry.label)][:3], entry.known)


def _skipped(path: Path, note: str) -> dict:
    return {"source": str(path), "start": 0.0, "end": 0.0, "confidence": 0.0, "status": SKIPPED, "note": note}


def _unread(table: pd.DataFrame) -> set[str]:
    """Files that could not be read: by now they may have been mended."""
    failed = (table["status"] == SKIPPED) & table["note"].str.startswith(_UNREAD)
    return set(table.loc[failed, "source"])


def _smaller(pixels: np.ndarray) -> np.ndarray:
    """A picture whose shorter side is 480 pixels at most."""
    factor = _SHORTER_SIDE / min(pixels.shape[:2])
    return pixels if factor >= 1 else cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
