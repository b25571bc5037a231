"""Where data and results live, and paths in words: ``input/`` and ``outputs/`` wherever the code runs from."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path

from workoutlib.utils.errors import WorkoutlibError


def data_root() -> Path:
    """The folder ``input/`` for data sets. See ``home``."""
    return home() / "input"


def output_root() -> Path:
    """The folder ``outputs/`` for checkpoints, figures and annotated media. See ``home``."""
    return home() / "outputs"


def home() -> Path:
    """The folder that holds both; it need not exist, and nothing is created here.

    The environment variable WORKOUTLIB_HOME if it is set; else the repository, when the package
    is used from a checkout; else the current folder.
    """
    if chosen := os.environ.get("WORKOUTLIB_HOME"):
        return Path(chosen).expanduser().absolute()
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "pyproject.toml").is_file() and (checkout / "notebooks").is_dir():
        return checkout
    return Path.cwd()


def shown(path: str | Path) -> str:
    """A path as one printable line: newlines, control characters and undecodable bytes are escaped.

    A web address has both of its slashes again, of which ``Path`` leaves one.
    """
    whole = re.sub(":/+", "://", str(path), count=1) if is_url(path) else str(path)
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in whole)
    return f'"{text}"'


def shortened(text: str, width: int = 60) -> str:
    """A text for a column of a table: in place of the middle of a longer one stands an ellipsis."""
    half = (width - 1) // 2
    return text if len(text) <= width else f"{text[: width - 1 - half]}…{text[-half:]}"


def near_name(path: Path, also: Collection[str] = ()) -> str:
    """``" (did you mean …?)"``: the entry of the path's folder, or of `also`, that is nearly called so; or nothing."""
    names = list(also)
    with suppress(OSError, ValueError):
        names += [entry.name for entry in os.scandir(path.parent)]
    near = get_close_matches(path.name, names, n=1)
    return f" (did you mean {near[0] if near[0] in also else shown(path.with_name(near[0]))}?)" if near else ""


# Folders that systems make by themselves: of archives, thumbnails, and files that were deleted (Windows, NAS, Linux).
_SYSTEM = frozenset(
    {"__MACOSX", "__pycache__", "@eaDir", "#recycle", "#snapshot", "@Recycle", "$RECYCLE.BIN"}
    | {"System Volume Information", "lost+found"}
)


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name holds nothing of the user's: hidden ones, and the system's own.

    macOS puts a hidden ``._photo.jpg`` beside every photo that it copies to a foreign disk or into a zip file.
    """
    return name.startswith(".") or name in _SYSTEM


def list_files(folder: str | Path, suffixes: frozenset[str] | None = None) -> list[Path]:
    """Every file below `folder`, sorted, if given with one of `suffixes` (lower case); hidden ones are left out.

    Links to folders are followed, each real folder once, so a link to a parent cannot loop.
    Raises WorkoutlibError when the folder, or one inside it, cannot be listed.
    """
    root = Path(folder)
    if not root.is_dir():
        raise WorkoutlibError(f"{shown(root)} is not a folder. Give the path of an existing folder.")
    found: list[Path] = []
    visited: set[str] = set()
    for parent, folders, files in os.walk(root, followlinks=True, onerror=_raise_unlistable):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        real = os.path.realpath(parent)
        if real in visited:
            folders.clear()
            continue
        visited.add(real)
        shown_files = [Path(parent, name) for name in files if not is_hidden(name)]
        found += [path for path in shown_files if suffixes is None or path.suffix.lower() in suffixes]
    return sorted(found, key=lambda path: path.as_posix())


def is_url(path: str | Path) -> bool:
    """Whether a path is a web address, also one whose two slashes ``Path`` has made one."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", str(path)) is not None


def require_file(path: Path, error: type[WorkoutlibError]) -> None:
    """Raise `error(path, reason, advice)` unless `path` is a regular file, not empty, that may be read."""
    if is_url(path) and not path.exists():
        raise error(path, "a web address, not a file", "Download it, and give the path of the file.")
    try:
        if path.is_symlink() and not path.exists():
            raise error(path, "a link to nothing", "Mend the link or take it out.")
        if not path.exists():
            raise error(path, "no such file", "Check the spelling.")
        if path.is_dir():
            raise error(path, "a folder, not a file", "Give a file inside it.")
        # Opening a named pipe would wait for ever.
        if not path.is_file():
            raise error(path, "not a regular file", "Give a file.")
        with path.open("rb") as file:
            if not file.read(1):
                raise error(path, "empty (0 bytes)", "Fetch it again.")
    except PermissionError as cause:
        raise error(path, "no permission to read it", "Change its permissions.") from cause
    except (OSError, ValueError) as cause:  # ValueError: a null byte in the name
        raise error(path, f"the system refuses it ({cause})", "Check the path.") from cause


def _raise_unlistable(cause: OSError) -> None:
    text = f"Cannot list the folder {shown(cause.filename)}: {cause.strerror}. Change its permissions."
    raise WorkoutlibError(text) from cause
