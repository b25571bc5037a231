"""What a job is given: files, and folders without the results of other jobs in them."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from workoutlib.media.kinds import list_media
from workoutlib.utils.contents import foreign_content
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.paths import list_files, shown

_DRAWN = re.compile(r"\.(poster|fault-\d+)\.jpg$|\.set-\d+\.png$")  # beside an annotated clip: `draw_results`
TABLE = "predictions.csv"
"""Name of the table in the folder of results; a folder inside the input that has one holds results, not input."""
COLUMNS = ["path", "kind", "label", "confidence", "known", "truth"]


def expand(path: Path, out: Path | None = None) -> list[tuple[Path, Path]]:
    """A file as it is, a folder as the photos and clips below it: (file, its path inside the output).

    What lies in `out`, or in the results of another run, is left out.

    Raises:
        WorkoutlibError: a folder without a photo or clip. (A missing file is reported when it is read.)
    """
    if not os.path.isdir(path):  # unlike Path.is_dir, no error for a name too long
        return [(path, Path(path.name))]
    copies = _copies_in(path)
    inside = [file for file in list_media(path) if file not in copies and not _is_result(file, path, out)]
    if not inside:
        raise WorkoutlibError(f"no photo or clip in {shown(path)}{other_content(path)}")
    return [(file, file.relative_to(path)) for file in inside]


def _is_result(file: Path, top: Path, out: Path | None) -> bool:
    """Whether a file below `top` is a result: in a folder of results that is not `top` itself, or drawn of a clip."""
    if (drawn := _DRAWN.search(file.name)) and file.with_name(f"{file.name[: drawn.start()]}.mp4").is_file():
        return True
    folders = list(file.parents)[: len(file.relative_to(top).parts) - 1]
    return any((out and identity(folder) == identity(out)) or _holds_results(folder) for folder in folders)


def other_content(folder: Path) -> str:
    """What a folder without photos and clips holds instead, in words; "" for nothing."""
    files = list_files(folder)
    if not files:
        return ""
    found = foreign_content(files[0])
    what = f" ({found[0]}. {found[1].rstrip('.')})" if found else ""
    return f": it holds only files of other kinds, such as {shown(files[0].name)}{what}"


def _copies_in(folder: Path) -> set[Path]:
    """The copies that a run has written into the very folder that it read."""
    if not _holds_results(folder):
        return set()
    try:
        rows = json.loads((folder / TABLE).with_suffix(".json").read_text("utf-8"))
        pairs = [(_inside(folder, row["path"]), _inside(folder, row.get("annotated", ""))) for row in rows]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return set()
    return {copy for source, copy in pairs if source and copy and source != copy}


def _inside(folder: Path, path: str) -> Path | None:
    """The file below a folder that a path ends with, wherever it was seen from."""
    parts = Path(path).parts
    tails = (folder.joinpath(*parts[start:]) for start in range(len(parts)))
    return next((file for file in tails if file.is_file() and file.is_relative_to(folder)), None)


def _holds_results(folder: Path) -> bool:
    """Whether a table in the folder is one of ours; others may call theirs so too."""
    try:
        with (folder / TABLE).open("rb") as file:
            return file.readline(1000).strip() == ",".join(COLUMNS).encode()
    except OSError:
        return False


def identity(path: Path) -> str:
    """Equal for paths that lead to one file, also where upper and lower case are one."""
    return os.path.realpath(path).casefold()
