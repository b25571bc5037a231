"""Class names as a person or another program gives them: in a line, in a file, or in a table of numbers and names."""

from __future__ import annotations

import argparse
import csv
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from workoutlib.utils.contents import JSON, TEXT, decode_text, foreign_content
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.paths import shown

# What class names are called in configurations and checkpoints, and in a list of tables their numbers and texts.
_KEYS = (
    *("classes", "class_names", "classnames", "labels", "label_names", "names", "categories"),
    *("class_to_idx", "idx_to_class", "idx_to_label", "label_to_idx", "id2label", "label2id"),
)
_NUMBERS, _TEXTS = ("id", "index", "class_id", "number"), ("name", "label", "class", "class_name")
_HEADS = frozenset({*_KEYS, *_TEXTS, "exercise", "exercises"})


def read_names(text: str | None) -> list[str] | None:
    """Class names as a person gives them: a text file with one a line, or the names with commas between.

    A file may also hold them as a list, as a table of their numbers and names, or inside a configuration: in CSV, JSON
    or YAML.

    Raises:
        WorkoutlibError: no text, no names in it, or a name twice.
    """
    if text is None:
        return None
    try:
        names = _names_of_file(Path(text)) if os.path.isfile(text) else text.split(",")
    except (OSError, UnicodeError, ValueError) as error:
        raise WorkoutlibError(f"--labels {shown(text)} cannot be read as text ({error}): one name a line") from error
    names = [name for name in (" ".join(name.split()) for name in names) if name]
    if not names or len(set(names)) < len(names):
        raise WorkoutlibError(f"--labels {shown(text)}: give every class name once")
    return names


def names_in_order(value: Any) -> list[str] | None:
    """Class names by their numbers: of a list, of {name: number} or {number: name}, or of tables that have both.

    None for anything else.
    """
    if isinstance(value, list | tuple) and value and all(isinstance(item, dict) for item in value):
        pairs = [(_first(item, _NUMBERS), _first(item, _TEXTS)) for item in value]
        value = dict(pairs) if len(dict(pairs)) == len(pairs) else None
    if isinstance(value, dict):
        pairs = [*value.items()] if all(map(_is_number, value)) else [(number, name) for name, number in value.items()]
        if not all(_is_number(number) for number, _ in pairs):
            return None
        value = [name for _, name in sorted(pairs, key=lambda pair: int(pair[0]))]
    return list(value) if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value) else None


def find_named(content: Any) -> Iterator[Any]:
    """What is stored in a dict under a name for class names, at the top or deeper (``hyper_parameters``)."""
    if not isinstance(content, dict):
        return
    yield from (content[name] for name in _KEYS if name in content)
    for value in content.values():
        yield from find_named(vars(value) if isinstance(value, argparse.Namespace | SimpleNamespace) else value)


def _first(item: dict, keys: tuple[str, ...]) -> Any:
    return next((item[key] for key in keys if key in item), None)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) or str(value).isdecimal()  # JSON makes texts of the numbers


def _names_of_file(path: Path) -> list[str]:
    if (found := foreign_content(path)) and found[0] not in (TEXT, JSON):
        raise WorkoutlibError(f"--labels {shown(path)} is {found[0]}, not a text with class names. {found[1]}")
    text = decode_text(path.read_bytes())
    if not all(letter.isprintable() or letter.isspace() for letter in text):
        raise ValueError("it holds other things than text; of a spreadsheet, save it as CSV")
    return _of_structure(text) or _of_lines(text)


def _of_structure(text: str) -> list[str] | None:
    """The names in a list or dict of YAML, of which JSON and Python's own lists are a part; None in other texts."""
    import yaml

    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        value = None
    found = (names for each in (value, *find_named(value)) if (names := names_in_order(each)))
    names = next(found, None)
    if names is None and text.lstrip().startswith(("[", "{")):
        raise ValueError("its JSON is neither a list of names nor a table of numbers and names")
    return names


def _of_lines(text: str) -> list[str]:
    """The names in a text with one a line, or in a table with commas, semicolons or tabs between its cells."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        return []
    separator = max(",;\t", key=lines[-1].count)
    rows = [
        [cell.strip() for cell in row]
        for row in csv.reader(io.StringIO("\n".join(lines)), delimiter=separator, skipinitialspace=True)
    ]
    rows = [row[: len(row) - next((i for i, cell in enumerate(row[::-1]) if cell), 0)] for row in rows]
    if len(rows) == 1:
        return rows[0]
    numbered = [*map(_numbered, rows)]
    pairs = [pair for pair in numbered if pair]
    if len(dict(pairs)) == len(pairs) >= len(rows) - (numbered[0] is None):  # below a header
        return [name for _, name in sorted(pairs)]
    single = [row[0] if len(row) == 1 else line for row, line in zip(rows, lines, strict=False)]
    return single[1:] if single[0].casefold() in _HEADS else single


def _numbered(row: list[str]) -> tuple[int, str] | None:
    """The number and the name in a row of a table: in two cells in either order, or in one ("0: squat", "1. plank")."""
    number = re.compile(r"(\d+)(\.0+)?")
    if len(row) > 1:
        for at, other in ((0, 1), (1, 0)):
            if found := number.fullmatch(row[at]):
                return int(found[1]), row[other]
        return None
    found = re.fullmatch(r"(\d+)(?:\s*[:.)]\s*|\s+)(\S.*)", row[0]) if row else None
    return (int(found[1]), found[2]) if found else None
