"""What a person should look at, and in which order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from workoutlib.data.annotations import OPEN, Annotations
from workoutlib.data.duplicates import distances, thumbnails_of
from workoutlib.utils.errors import WorkoutlibError


class ReviewQueue:
    """The rows that wait for a person, one after the other; every answer is stored at once.

    Attributes:
        annotations: the table, with what was said.
        order: its rows as they come (`review_order`).
        place: how many of them have been answered or skipped.
    """

    def __init__(self, annotations: Annotations | str | Path) -> None:
        self.annotations = annotations if isinstance(annotations, Annotations) else Annotations(annotations)
        self.order, self.place = review_order(self.annotations), 0
        self._before: list[dict] = []

    @property
    def current(self) -> int | None:
        """The row to look at; ``None`` at the end."""
        return self.order[self.place] if self.place < len(self.order) else None

    @property
    def can_undo(self) -> bool:
        return bool(self._before)

    @property
    def skipped(self) -> int:
        """How many were passed over; they wait for the next time."""
        return sum(not before for before in self._before)

    def guesses(self) -> list[str]:
        """What the model takes the current row for, the likeliest first."""
        if self.current is None:
            return []
        found = self.annotations.table.loc[self.current, ["predicted", "second", "third"]].tolist()
        return [label for label in found if label]

    def about(self) -> str:
        """The current row in words: its file, the first guess, how sure, and the note."""
        if self.current is None:
            return ""
        row = self.annotations.table.loc[self.current]
        note = f"; {row['note']}" if row["note"] else ""
        return f"{Path(row['source']).name}, {row['predicted']} {row['confidence']:.0%}{note}"

    def pictures(self, most: int, number: int | None = None) -> list[Path]:
        """At most so many pictures of a row, by default the current one, evenly over its time."""
        number = self.current if number is None else number
        paths = self.annotations.paths(number) if number is not None else []
        places = np.linspace(0, len(paths) - 1, min(most, len(paths))).round().astype(int)
        return [paths[place] for place in places]

    def require(self, number: int | None) -> None:
        """Refuse an answer that was meant for another row than the current one.

        Raises:
            WorkoutlibError: it says so.
        """
        if number != self.current:
            raise WorkoutlibError("this answer was for a clip that is not shown any more; look at the one shown now")

    def decide(self, label: str | None) -> None:
        """Store the current row's label, or ``None``: no exercise, and go on; nothing happens at the end."""
        if self.current is not None:
            before = self.annotations.table.loc[self.current, ["label", "status"]].to_dict()
            self.annotations.decide(self.current, label)
            self._before.append(before)
            self.place += 1

    def skip(self) -> None:
        """Leave the current row for another time, and go on."""
        if self.current is not None:
            self._before.append({})
            self.place += 1

    def undo(self) -> None:
        """Take the last answer back; its row is the current one again."""
        if self._before:
            if before := self._before[-1]:
                self.annotations.restore(self.order[self.place - 1], before)
            self._before.pop()
            self.place -= 1


def review_order(annotations: Annotations) -> list[int]:
    """The rows that wait for a person: those first of which the model is least sure and which differ most.

    After the least sure one always that whose doubt (1 less the confidence), times the distance of its first picture
    from all that came before, is largest. Rows whose pictures are gone are left out.
    """
    waiting = annotations.table.index[annotations.table["status"] == OPEN]
    first = {number: paths[0] for number in waiting if (paths := annotations.paths(number)) and paths[0].is_file()}
    if not first:
        return []
    numbers = np.array(list(first))
    doubt = 1.001 - annotations.table.loc[numbers, "confidence"].to_numpy()
    thumbnails = thumbnails_of(first.values())
    nearest = np.full(len(numbers), 2.0)
    order: list[int] = []
    for _ in numbers:
        worth = np.where(np.isin(numbers, order), -1, doubt * (nearest + 1e-3))
        chosen = int(worth.argmax())
        order.append(int(numbers[chosen]))
        nearest = np.minimum(nearest, distances(thumbnails, thumbnails[chosen : chosen + 1])[:, 0])
    return order


def add_suspects(annotations: Annotations, suspects: pd.DataFrame) -> int:
    """Put pictures whose label looks wrong (`suspected_labels`) before a person; returns how many are new.

    What is decided holds for `read_catalog` of the folder; no file is moved.
    """
    sources = [str(Path(path).absolute()) for path in suspects["path"]]
    known = set(annotations.table["source"])
    rows = [
        {
            "source": source, "start": 0.0, "end": 0.0, "label": row.label, "confidence": round(1 - row.confidence, 4),
            "predicted": row.predicted, "second": row.label, "status": OPEN, "note": f"labelled {row.label}",
        }
        for source, row in zip(sources, suspects.itertuples(), strict=True)
        if source not in known
    ]  # fmt: skip
    if rows:
        annotations.add(rows)
    return len(rows)
