"""Atomic writes, of files and of folders; PyTorch files are read without executing what may be in them."""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import pathlib
import pickle
import re
import secrets
import shutil
import time
import types
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

from workoutlib.utils.contents import PICKLE, first_bytes, not_weights
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.paths import require_file, shown


class Unwritable(WorkoutlibError):
    """A file that cannot be written."""


class UnreadableFile(WorkoutlibError):
    """A file that cannot be read, and why."""

    def __init__(self, path: str | Path, reason: str, advice: str = "Fetch or make it again.") -> None:
        super().__init__(f"{shown(path)}: {reason}. {advice}")


def save_atomically(content: dict, path: str | Path) -> Path:
    """``torch.save`` that never leaves a half-written file under the final name."""
    import torch

    with replacing(path) as partial, open(partial, "wb") as file:
        try:
            torch.save(content, file)
        except RuntimeError as error:  # how torch reports a full disk
            raise OSError(str(error)) from error
        file.flush()
        os.fsync(file.fileno())
    return Path(path)


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A hidden file beside `path` to write to: it takes the name `path` at the end of a block that went well.

    After an exception it is removed, and an older file `path` stays as it was.

    Raises:
        Unwritable: for any OSError in the block: no space, no permission, no such folder.
    """
    with _partial(Path(path).parent, path) as partial:
        yield partial
        os.replace(partial, path)


@contextmanager
def workspace(path: str | Path) -> Iterator[Path]:
    """A hidden folder beside `path` to make a folder tree in, gone at the end: rename what is complete to `path`.

    Raises:
        Unwritable: for any OSError in the block, as `replacing`.
    """
    with _partial(Path(path).parent, path) as partial:
        sweep(partial.parent)
        partial.mkdir()
        yield partial


def require_writable(folder: str | Path) -> None:
    """Find out before the work, not after it, that results cannot be written to a folder; made where there is none.

    Raises:
        Unwritable: no permission, a file of that name, no space left.
    """
    with _partial(Path(folder), folder) as partial:
        partial.touch()


@contextmanager
def _partial(folder: Path, wanted: str | Path) -> Iterator[Path]:
    """The name of a hidden file or folder, gone at the end; an OSError says that `wanted` cannot be written."""
    partial = folder / f".{secrets.token_hex(8)}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield partial
    except OSError as error:
        advice = "Check the free space and the permissions, or name another folder."
        raise Unwritable(f"{shown(wanted)} cannot be written ({error}). {advice}") from error
    finally:
        _remove(partial)


def sweep(folder: Path) -> None:
    """Remove what processes that were killed left in a folder: everything of `_partial` that is older than a day."""
    for left_over in folder.glob(".*.part"):
        with suppress(OSError):  # another process may be sweeping too
            if time.time() - left_over.stat().st_mtime > 24 * 3600:
                _remove(left_over)


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def write_csv(table: pd.DataFrame, path: str | Path) -> None:
    """Write a table atomically; a text that a spreadsheet would run as a formula gets a quote in front.

    (OWASP, "CSV injection".) Bytes of a file name that are no text are written as escapes.
    """
    table = table.apply(lambda column: column.map(_harmless)).rename(columns=_harmless)
    with replacing(path) as partial:
        table.to_csv(partial, index=False, errors="backslashreplace")


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def write_json(content: object, path: Path | None) -> None:
    """Write a result as JSON (NaN becomes null)."""
    if path:
        text = json.dumps(_without_nan(content), indent=2, ensure_ascii=False) + "\n"
        with replacing(path) as partial:  # bytes of a file name that are no text become JSON's own escapes
            partial.write_text(text, encoding="utf-8", errors="backslashreplace")


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_file(path: str | Path) -> Any:
    """Tensors and plain values that ``torch.save`` or safetensors wrote; a file with code is refused, not executed."""
    import torch
    from safetensors.torch import load_file

    require_file(Path(path), UnreadableFile)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of what it then refuses
            if first_bytes(path)[8:10] == b'{"':  # safetensors; some versions of PyTorch read it by its suffix
                return load_file(path)
            with _values_allowed():
                return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        named = re.search(r"GLOBAL [\w.]+", str(error))  # the code in it says more than the file's name
        if (found := not_weights(path)) and not (named and found[0] == PICKLE):
            raise UnreadableFile(path, f"{found[0]}, not weights of PyTorch", found[1]) from error
        raise _unreadable(path, error) from error


def _unreadable(path: str | Path, error: Exception) -> UnreadableFile:
    """What to say of a file that PyTorch does not read.

    A damaged file can raise nearly anything inside PyTorch's reader (EOFError, IndexError, KeyError, ...). Its own
    words are left out: they are many, and for some files they advise to load without this protection.
    """
    if not isinstance(error, pickle.UnpicklingError):
        return UnreadableFile(path, "cannot be read as a PyTorch file, it is damaged or something else")
    advice = "Load it where it was made, and save its weights: torch.save(model.state_dict(), FILE)."
    if re.search(r"GLOBAL (torchvision|timm|torch\.nn|__main__)\b", str(error)):
        return UnreadableFile(path, "refused, it holds a whole model as Python code, not its weights alone", advice)
    if found := re.search(r"GLOBAL ([\w.]+)", str(error)):
        return UnreadableFile(path, f"refused, it holds more than plain weights ({found[1]})", advice)
    return UnreadableFile(path, "refused, it is damaged or holds more than plain weights")


@contextmanager
def _values_allowed() -> Iterator[None]:
    """Let ``torch.load`` make what holds values alone and runs nothing: NumPy's values, losses, options, paths.

    Tutorials store those beside the weights.
    """
    import numpy as np
    import torch

    if not hasattr(torch.serialization, "safe_globals"):  # PyTorch 2.4
        yield
        return
    multiarray = getattr(np, "_core", None) or np.core
    numbers = {type(np.dtype(kind)) for kind in "?bBhHiIlLqQefdUSO"}
    losses = [each for each in vars(torch.nn.modules.loss).values() if isinstance(each, type)]
    losses = [each for each in losses if issubclass(each, torch.nn.modules.loss._Loss)]
    functions = (multiarray.multiarray.scalar, multiarray.multiarray._reconstruct)
    holders = (argparse.Namespace, types.SimpleNamespace, list, dict, set, int, float, str)
    allowed: list[Any] = [*holders, np.dtype, np.ndarray, *numbers, *losses, *functions]
    if hasattr(torch.serialization, "get_unsafe_globals_in_checkpoint"):  # it takes names too: NumPy 1's and 2's
        names = [(each, f"numpy.{core}.multiarray.{each.__name__}") for each in functions for core in ("core", "_core")]
        allowed = [*allowed, *names, (_plain_dict, "collections.defaultdict")]
        for module in ("lightning.fabric", "lightning_fabric"):  # Lightning's hyperparameters are a dict
            allowed.append((dict, f"{module}.utilities.data.AttributeDict"))
        for module, system in product(("pathlib", "pathlib._local"), ("Posix", "Windows")):
            allowed.append((getattr(pathlib, f"Pure{system}Path"), f"{module}.{system}Path"))
    with torch.serialization.safe_globals(allowed):
        yield


def _plain_dict(*_: Any) -> dict:
    """In place of a ``defaultdict``, into which PyTorch's reader would put nothing."""
    return {}


def fingerprint_files(paths: Iterable[str], **settings: Any) -> str:
    """24 characters that change with any path, size or time stamp of the files, and with the settings.

    Raises:
        WorkoutlibError: a file cannot be read any more.
    """
    content = {"files": [stamp(path) for path in paths], **settings}
    return hashlib.sha256(json.dumps(content).encode(errors="surrogateescape")).hexdigest()[:24]


def stamp(path: str) -> tuple[str, int, int]:
    """Path, size in bytes and time of the last change in nanoseconds of a file that a catalog names.

    Raises:
        WorkoutlibError: it cannot be read any more.
    """
    try:
        found = os.stat(path)
    except OSError as error:
        raise gone(path, error) from error
    return path, found.st_size, found.st_mtime_ns


def gone(path: str, cause: OSError) -> WorkoutlibError:
    """What to say of a file that was there when the catalog was read."""
    return WorkoutlibError(f"{shown(path)} cannot be read any more ({cause}): read the catalog again")
