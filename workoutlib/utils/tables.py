"""Tables as spreadsheets save them: commas, semicolons or tabs, in any encoding, with decimal commas and blank rows."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from workoutlib.utils.contents import ZIP, foreign_content
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import UnreadableFile
from workoutlib.utils.paths import require_file

_OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_AS_CSV = 'Open it in the spreadsheet, and save it as "CSV UTF-8".'


def decode_text(data: bytes) -> str:
    """Text in UTF-8 or UTF-16, as its mark in front says; else as old programs for Windows write it."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


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
    if found := foreign_content(path):
        what = "a workbook of a spreadsheet, or another zip file" if found[0] == ZIP else found[0]
        raise UnreadableFile(path, f"{what}, not a table as text", _AS_CSV if found[0] == ZIP else found[1])
    if data.startswith(_OLD_EXCEL):
        raise UnreadableFile(path, "a workbook of a spreadsheet, not a table as text", _AS_CSV)
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
