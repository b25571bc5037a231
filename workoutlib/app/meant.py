"""Paths as people mean them: in quotes, with blanks around, ``~``, ``file://``, or patterns that no shell filled in."""

from __future__ import annotations

import argparse
import glob
import os
import re
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.paths import is_url, shown

_SEVERAL, _READ, _WRITTEN = ("paths",), ("folder", "checkpoint", "source", "labels", "weights"), ("out", "json")


def as_meant(options: argparse.Namespace) -> None:
    """Put the paths that were meant in place of those that were given.

    Raises:
        WorkoutlibError: ``-`` for standard input, or a pattern that fits no file.
    """
    for name in _SEVERAL:
        if given := getattr(options, name, None):
            setattr(options, name, [path for text in given for path in files_meant(text)])
    if data := getattr(options, "data", None):
        options.data = path_meant(data) if isinstance(data, str) else [path_meant(text) for text in data]
    for name in _READ:
        if (given := getattr(options, name, None)) is not None:
            setattr(options, name, type(given)(path_meant(str(given))))
    for name in _WRITTEN:
        if (given := getattr(options, name, None)) is not None:
            setattr(options, name, Path(os.path.expanduser(_of_address(str(given)))))


def files_meant(text: str) -> list[str]:
    """The files of a pattern such as ``*.jpg``, sorted; else the one path that was meant, there or not.

    An address with a "?" and a name with "[1]" that is not there are no patterns: what is wrong is told where they are
    read.

    Raises:
        WorkoutlibError: ``-``, or a pattern that fits no file.
    """
    path = path_meant(text)
    if os.path.lexists(path) or not glob.has_magic(path):
        return [path]
    found = sorted(glob.glob(path, recursive=True))
    if not found and (is_url(path) or not re.search("[*?]", path)):
        return [path]
    if not found:
        raise WorkoutlibError(f"no file fits the pattern {shown(text)}")
    return found


def path_meant(text: str) -> str:
    """The path that was meant: of several readings of a text the first that is there, else the text itself.

    Raises:
        WorkoutlibError: ``-``, which many programs take for standard input.
    """
    if text == "-" and not os.path.lexists(text):
        raise WorkoutlibError("standard input (-) is not read: save it to a file, and give the file's path")
    bare = text.strip().strip("\"'“”„‘’").strip()
    readings = [text, bare, _of_address(bare), os.path.expandvars(os.path.expanduser(_of_address(bare)))]
    if os.sep == "/":
        readings.append(readings[-1].replace("\\", "/"))  # as copied from a page or a message about Windows
    there = (each for each in readings if each and _is_there(each))
    patterns = (each for each in readings[::-1] if glob.has_magic(each) and glob.glob(each, recursive=True))
    return next(there, next(patterns, readings[3] if bare.startswith(("~", "file:")) else bare or text))


def _is_there(path: str) -> bool:
    try:
        return os.path.lexists(path)
    except ValueError:  # a null byte
        return False


def _of_address(text: str) -> str:
    """The path of a ``file:`` address, as browsers and file managers copy it; any other text as it is."""
    if not text.lower().startswith("file:"):
        return text
    parts = urlsplit(text)
    return url2pathname(parts.path) if parts.netloc in ("", "localhost") else text
