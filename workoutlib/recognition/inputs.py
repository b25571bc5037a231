"""What a job is given: files, and folders without the results of other jobs in them."""

from __future__ import annotations

import os
import re
from pathlib import Path

from workoutlib.media.kinds import list_media
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.paths import shown

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
    inside = [file for file in list_media(path) if not _is_result(file, path, out)]
    if not inside:
        raise WorkoutlibError(f"{shown(path)}: no photo or clip in this folder")
    return [(file, file.relative_to(path)) for file in inside]


def _is_result(file: Path, top: Path, out: Path | None) -> bool:
    """Whether a file below `top` is a result: in a folder of results that is not `top` itself, or drawn of a clip."""
    if (drawn := _DRAWN.search(file.name)) and file.with_name(f"{file.name[: drawn.start()]}.mp4").is_file():
        return True
    folders = list(file.parents)[: len(file.relative_to(top).parts) - 1]
    return any((out and identity(folder) == identity(out)) or _holds_results(folder) for folder in folders)


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
