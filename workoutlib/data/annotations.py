"""The table of a data set that was annotated: where each picture came from, its label, and who says so.

Pictures lie as `read_catalog` expects them, ``squat/squat_1200053.jpg`` being of video 12, 5.3 seconds from its start.
Those that nobody is sure of lie in ``review/``, under the name of the model's guess. The table says what is what; a
decision is written there first, then the pictures are moved, and pictures that a killed program did not move are moved
when the table is opened the next time.

Several programs may write to one table: each change is made to the newest one, under a lock.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from workoutlib.media.images import IMAGE_SUFFIXES
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import UnreadableFile, write_csv
from workoutlib.utils.locks import locked
from workoutlib.utils.paths import list_files, shown
from workoutlib.utils.tables import read_table

TABLE, REVIEW = "annotations.csv", "review"
COLUMNS = {
    "source": str, "start": float, "end": float, "label": str, "confidence": float, "predicted": str, "second": str,
    "third": str, "status": str, "video": str, "pictures": str, "note": str,
}  # fmt: skip
STATUSES = KEPT, OPEN, CONFIRMED, REJECTED, SKIPPED = "kept", "review", "confirmed", "rejected", "skipped"
"""Statuses: sure enough; for a person to look at; labelled by a person; no exercise; left out, `note` says why."""

_LOCK = ".annotations.lock"
_PATIENCE = 60.0  # seconds to wait for another program: it only writes a table and moves some pictures


class Annotations:
    """The table ``annotations.csv`` of a folder, a row a set of a clip or a photo, and the pictures that belong to it.

    Attributes:
        root: the folder.
        table: ``source`` (the file it was taken from), ``start`` and ``end`` (seconds), ``label``; ``confidence``
            (0..1) of the model, which says ``predicted``, then ``second``, then ``third``; ``status``; ``video``
            (number of the source); ``pictures`` (ends of their names, with spaces between); ``note``.
    """

    def __init__(self, root: str | Path) -> None:
        """Open the table of a folder, empty where there is none yet.

        Raises:
            WorkoutlibError: the table cannot be read, or is something else.
        """
        self.root = Path(root)
        self._stamp, self.table = _stamp(self.root / TABLE), _read(self.root / TABLE)
        if self._moves(self.table.index):  # a folder that is only read is not locked
            with self._newest():
                self._settle(self.table.index)

    def add(self, rows: list[dict]) -> None:
        """Append rows, in which every column that is not text must be given, and write the table.

        They take the place of rows of the same files that were skipped.
        """
        require_plain(_name_parts(rows), shown(self.root / TABLE))
        new = pd.DataFrame([dict.fromkeys(COLUMNS, "") | row for row in rows], columns=list(COLUMNS))
        with self._newest():
            before = (self.table["status"] == SKIPPED) & self.table["source"].isin(new["source"])
            self.table = pd.concat([self.table[~before], new], ignore_index=True).astype(COLUMNS)
            self._write()

    def decide(self, number: int, label: str | None) -> None:
        """Store what a person says of a row: its label, or ``None``: no exercise. The pictures go where they belong."""
        self.restore(number, {"status": CONFIRMED, "label": label} if label else {"status": REJECTED})

    def restore(self, number: int, values: dict) -> None:
        """Set some values of a row, for example those that it had before, write the table and move the pictures.

        Raises:
            WorkoutlibError: another program has put another row there.
        """
        require_plain(_name_parts([values]), shown(self.root / TABLE))
        meant = self._identity(number)
        with self._newest():
            if number not in self.table.index or self._identity(number) != meant:
                text = f"{shown(self.root / TABLE)} was changed, row {number} is another one now: nothing was written"
                raise WorkoutlibError(f"{text}. Open it again")
            for column, value in values.items():
                self.table.loc[number, column] = value
            self._write()
            self._settle([number])

    def summary(self) -> pd.DataFrame:
        """How many files, sets of clips or photos, and pictures there are of each status."""
        table = self.table.assign(pictures=self.table["pictures"].str.split().str.len())
        found = table.groupby("status").agg(
            files=("source", "nunique"), sets=("source", "size"), pictures=("pictures", "sum")
        )
        return found.reindex([each for each in STATUSES if each in found.index])

    def paths(self, number: int) -> list[Path]:
        """The pictures of a row."""
        row = self.table.loc[number]
        if not row["pictures"]:  # a picture of the data set itself, whose label looks wrong
            return [self.root / row["source"]] if row["status"] != SKIPPED else []
        return [self._path(row, each) for each in row["pictures"].split()]

    def weights(self) -> dict[str, float]:
        """How much each picture counts in training: 1 where a person labelled it, else its confidence."""
        sure = self.table[self.table["status"].isin((KEPT, CONFIRMED))]
        weight = sure["confidence"].where(sure["status"] == KEPT, 1.0)
        return {str(path): float(weight[number]) for number in sure.index for path in self.paths(number)}

    @contextmanager
    def _newest(self) -> Iterator[None]:
        """Within the block nobody else writes, and `table` holds what others have written before."""
        path = self.root / TABLE
        busy = f"{shown(path)} is in use by another program. Wait for it, or end it, and try again."
        with locked(self.root / _LOCK, busy, seconds=_PATIENCE):
            if (stamp := _stamp(path)) != self._stamp:
                self._stamp, self.table = stamp, _read(path)
            yield

    def _write(self) -> None:
        """Write the table, atomically; others must be kept out (`_newest`)."""
        write_csv(self.table, self.root / TABLE)
        self._stamp = _stamp(self.root / TABLE)

    def _identity(self, number: int) -> list:
        return self.table.loc[number, ["source", "start", "pictures"]].tolist()

    def _path(self, row: pd.Series, picture: str) -> Path:
        folder = row["label"] if row["status"] in (KEPT, CONFIRMED) else REVIEW
        return self.root / folder / f"{row['label']}_{picture}.jpg"

    def _moves(self, numbers: list[int] | pd.Index) -> list[tuple[Path, Path]]:
        """Pictures that are not where the table says, and where that is."""
        named = [number for number in numbers if self.table.loc[number, "pictures"]]
        wanted = {path.name.rpartition("_")[2]: path for number in named for path in self.paths(number)}
        if all(path.is_file() for path in wanted.values()):
            return []
        files = list_files(self.root, IMAGE_SUFFIXES)
        pairs = [(path, wanted.get(path.name.rpartition("_")[2], path)) for path in files]
        # where a link leads out of the folder, nothing is moved
        inside = [pair for pair in pairs if all(is_inside(path, self.root) for path in pair)]
        return [(path, target) for path, target in inside if target != path and not target.is_file()]

    def _settle(self, numbers: list[int] | pd.Index) -> None:
        """Move pictures to where the table says that they are; others must be kept out (`_newest`)."""
        for path, target in self._moves(numbers):
            if not target.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                path.rename(target)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What changes whenever the file is written; ``None`` where there is none."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def is_inside(path: Path, folder: Path) -> bool:
    """Whether a path, there or not, lies below a folder, once all links on the way are followed."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def require_plain(names: Iterable[str], where: str) -> None:
    """Refuse labels and ends of pictures' names that would lead to another folder.

    Raises:
        WorkoutlibError: `where` says in words where they stand.
    """
    for name in names:
        if re.search(r"[/\\\0]", name) or name.strip(" .") == "" != name:
            text = f"{where}: {shown(name)} cannot be part of a file's name: it would lead out of its folder"
            raise WorkoutlibError(f"{text}. Write another name there")


def _name_parts(rows: list[dict]) -> set[str]:
    return {str(row[column]) for row in rows for column in ("label", "pictures") if column in row}


def corrected(rows: list[tuple], root: Path) -> list[tuple]:
    """Catalog rows with the labels that a person gave to pictures of the data set itself, and without the rejected."""
    if not (root / TABLE).is_file():
        return rows
    table = _read(root / TABLE)
    decided = table[(table["pictures"] == "") & table["status"].isin((CONFIRMED, REJECTED))]
    label_of = {
        str(root / source): label if status == CONFIRMED else None
        for source, label, status in decided[["source", "label", "status"]].itertuples(index=False)
    }

    def correct() -> Iterator[tuple]:
        for path, label, video, *rest in rows:
            said = label_of.get(path, label)
            if said == label:
                yield path, label, video, *rest
            elif said:  # a group of its own: a group has one label
                yield path, said, f"{said}/{Path(path).name}", *rest

    return list(correct())


def awaits_review(folder: str) -> bool:
    """Whether a folder holds the pictures that wait for a person, beside a table of annotations; no class then."""
    path = Path(folder)
    return path.name == REVIEW and (path.parent / TABLE).is_file()


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in COLUMNS.items()}).astype(COLUMNS)
    numbers = [name for name, kind in COLUMNS.items() if kind is float]
    try:
        table = read_table(path, list(COLUMNS), numbers)
        table = table.apply(lambda column: column.str.replace(r"^'(?=[=+\-@])", "", regex=True))
        table[numbers] = table[numbers].replace("", "nan")
        table = table.astype(COLUMNS)
    except UnreadableFile:
        raise
    except (WorkoutlibError, ValueError, csv.Error) as error:
        advice = "Mend it, or move it away; pictures in class folders can be trained on without it."
        raise WorkoutlibError(f"{shown(path)} is no table of annotations ({error}). {advice}") from error
    require_plain({*table["label"], *table["pictures"]}, shown(path))
    return table
