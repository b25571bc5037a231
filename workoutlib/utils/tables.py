"""Tables as spreadsheets save them: commas, semicolons or tabs, in any encoding, with decimal commas and blank rows."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from workoutlib.utils.contents import TEXT, decode_text, foreign_content
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import UnreadableFile
from workoutlib.utils.paths import require_file


def read_table(path: str | Path, columns: Sequence[str], numbers: Sequence[str] = ()) -> pd.DataFrame:
    """The named columns of a table as texts, "" where a cell is empty; rows without any text are left out.

    Args:
        columns: their names; others in the file are left out.
        numbers: those of them that hold numbers, in which a decimal comma becomes a point.
    Raises:
        WorkoutlibError: a workbook, no text, or a column is missing: it says which.
    """
    path = Path(path)
    require_file(path, UnreadableFile)
    data = path.read_bytes()
    if (found := foreign_content(path)) and found[0] != TEXT:
        raise UnreadableFile(path, f"{found[0]}, not a table as text", found[1])
    lines = decode_text(data).replace("\0", "").splitlines(keepends=True)
    stated = re.fullmatch(r"sep=(.)\s*", lines[0]) if lines else None  # Excel's own first line
    lines = lines[1:] if stated else lines
    head = next((line for line in lines if line.strip()), "")
    separator = stated[1] if stated else max(",;\t", key=lambda mark: _matches(head, mark, columns))
    rows = [
        row
        for row in csv.reader(io.StringIO("".join(lines), newline=""), delimiter=separator)
        if any(map(str.strip, row))
    ]
    names = [name.strip().casefold() for name in rows[0]] if rows else []
    if missing := [name for name in columns if name.casefold() not in names]:
        raise WorkoutlibError(f"it has no column {', '.join(missing)}")
    places = [names.index(name.casefold()) for name in columns]
    cells = [[row[place].strip() if place < len(row) else "" for place in places] for row in rows[1:]]
    table = pd.DataFrame(cells, columns=list(columns), dtype=str)
    for name in numbers:
        table[name] = table[name].str.replace(r"^(-?\d+),(\d+)$", r"\1.\2", regex=True)
    return table


def _matches(head: str, separator: str, columns: Sequence[str]) -> int:
    cells = {cell.strip().strip('"').casefold() for cell in head.split(separator)}
    return len(cells & {name.casefold() for name in columns})
