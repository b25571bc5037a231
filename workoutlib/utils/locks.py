"""One process at a time: locks that hold between programs, and that end with the process that held them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import Unwritable
from workoutlib.utils.paths import shown


@contextmanager
def locked(path: str | Path, busy: str, *, seconds: float) -> Iterator[None]:
    """Hold the lock of a hidden file, made where there is none, within the block; the file stays there.

    Args:
        busy: what to say where another program holds it for longer than `seconds`.
    Raises:
        WorkoutlibError: another program holds it; as Unwritable, the file cannot be made.
    """
    lock = FileLock(path)
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=seconds)
    except Timeout as error:
        raise WorkoutlibError(busy) from error
    except OSError as error:
        raise Unwritable(f"{shown(path)} cannot be written ({error}). Check the permissions.") from error
    try:
        yield
    finally:
        lock.release()
