"""What was done: repetitions, sets and the workout, as plain data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from itertools import pairwise

import numpy as np
import pandas as pd

from workoutlib.media.overlay import UNKNOWN


@dataclass(frozen=True)
class Fault:
    """A fault of form: its `name`, the measured `value` in `unit`, and the `hint` that a coach would give."""

    name: str
    value: float
    unit: str
    hint: str
    time: float  # seconds: the frame that shows it


@dataclass(frozen=True)
class Repetition:
    """From the start position to the turn and back; times in seconds, angles in degrees.

    `pause` is held at the turn. `complete` is False where the clip's beginning or end cuts the repetition; numbers
    that cannot be known are NaN. `share_of_best` compares the range of motion with the best one of the set.
    """

    start: float
    turn: float
    end: float
    complete: bool = True
    seconds_out: float = float("nan")
    pause: float = 0.0
    seconds_back: float = float("nan")
    range_of_motion: float = float("nan")
    share_of_best: float = float("nan")
    left_right_difference: float = float("nan")  # range of motion left minus right
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Set:
    """Repetitions of one exercise without a rest between them; a hold has none and is timed."""

    label: str
    start: float
    end: float
    repetitions: tuple[Repetition, ...] = ()
    faults: tuple[Fault, ...] = ()  # each fault once, as it was worst
    hold: bool = False
    counted_as: str | None = None  # the exercise whose movement was counted, where the label is doubtful
    confidence: float | None = None  # probability of the label, 0..1, where a classifier gave it
    known: bool = True  # whether the classifier is sure that it is one of its exercises at all

    @property
    def name(self) -> str:
        """What the set is called wherever it is shown: see `name_set`."""
        return name_set(self.label, self.known)

    @property
    def movement(self) -> str:
        """The exercise whose movement was counted."""
        return self.counted_as or self.label

    @property
    def count(self) -> int:
        """Number of repetitions; the two that a clip's ends cut count together as one, as in a loop."""
        return count(self.repetitions)

    @property
    def seconds(self) -> float:
        """Length of the set in seconds: what is told of a hold."""
        return self.end - self.start

    def trend(self) -> dict[str, float]:
        """Change from the first to the last third of the complete repetitions, as a share: 0.1 is 10 % more.

        Of a set of fewer than six nothing is told. Slower repetitions of a smaller range are signs of fatigue
        (Sánchez-Medina & González-Badillo 2011, Med Sci Sports Exerc 43(9):1725-1734).
        """
        whole = [r for r in self.repetitions if r.complete]
        third = len(whole) // 3
        if third < 2:
            return {}
        change = {}
        for name in ("range_of_motion", "seconds_out", "seconds_back"):
            values = np.array([getattr(r, name) for r in whole])
            first, last = np.nanmedian(values[:third]), np.nanmedian(values[-third:])
            change[name] = float(last / first - 1) if first > 0 else float("nan")
        return change


@dataclass(frozen=True)
class Workout:
    """The sets of a clip in order of time."""

    sets: list[Set] = field(default_factory=list)

    @property
    def rests(self) -> list[tuple[float, float]]:
        """Start and end in seconds of each rest between two sets."""
        return [(before.end, after.start) for before, after in pairwise(self.sets) if after.start > before.end]

    def table(self) -> pd.DataFrame:
        """A row a repetition, and one a hold: its set, that set's label and count, then the repetition's numbers."""
        rows = []
        for number, entry in enumerate(self.sets, 1):
            about = {
                "set": number,
                **{name: getattr(entry, name) for name in ("label", "known", "confidence", "count")},
            }
            if entry.hold:
                held = Repetition(entry.start, entry.start, entry.end, faults=entry.faults)
                rows.append(about | {"repetition": pd.NA, **_row(held)})
            rows += [about | {"repetition": k, **_row(r)} for k, r in enumerate(entry.repetitions, 1)]
        columns = ["set", "label", "known", "confidence", "count", "repetition", *Repetition.__dataclass_fields__]
        return pd.DataFrame(rows, columns=columns).astype({"repetition": "Int64"})

    def to_dict(self) -> dict[str, list]:
        """Return `{"sets": [...]}` of plain numbers and texts for JSON; what is not known is None."""
        return {"sets": [_set_to_dict(entry) for entry in self.sets]}


def name_set(label: str, known: bool) -> str:
    """The exercise, or ``"unknown, perhaps squat"`` where it is not sure that it is one of the known ones."""
    return label if known else f"{UNKNOWN}, perhaps {label}"


def set_at(sets: Iterable[Set], time: float, linger: float = 0.0) -> Set | None:
    """The set that is under way at a time, or has ended `linger` seconds ago at most; the earlier one of two."""
    return next((entry for entry in sets if entry.start <= time <= entry.end + linger), None)


def count(repetitions: tuple[Repetition, ...] | list[Repetition]) -> int:
    """Count complete repetitions, and one more where the clip's beginning, its end or both cut one."""
    whole = sum(r.complete for r in repetitions)
    return whole + (len(repetitions) > whole)


def _row(repetition: Repetition) -> dict:
    row = {name: getattr(repetition, name) for name in Repetition.__dataclass_fields__}
    return row | {"faults": "; ".join(fault.name for fault in repetition.faults)}


def _set_to_dict(entry: Set) -> dict:
    return {
        "label": entry.label,
        "known": entry.known,
        "confidence": None if entry.confidence is None else _number(entry.confidence),
        "start": _number(entry.start),
        "end": _number(entry.end),
        "count": entry.count,
        "hold": entry.hold,
        "trend": {name: _number(value) for name, value in entry.trend().items()},
        "repetitions": [_repetition_to_dict(r) for r in entry.repetitions],
        "faults": [_fault_to_dict(fault) for fault in entry.faults],
    }


def _repetition_to_dict(repetition: Repetition) -> dict:
    values = {name: getattr(repetition, name) for name in Repetition.__dataclass_fields__ if name != "faults"}
    plain = {name: value if isinstance(value, bool) else _number(value) for name, value in values.items()}
    return plain | {"faults": [_fault_to_dict(fault) for fault in repetition.faults]}


def _fault_to_dict(fault: Fault) -> dict:
    return {name: _number(v) if isinstance(v, float) else v for name, v in asdict(fault).items()}


def _number(value: float) -> float | None:
    return round(float(value), 3) if np.isfinite(value) else None
