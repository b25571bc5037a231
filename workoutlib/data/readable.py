"""Pictures and clips that cannot be read: found all at once, and named in one message."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from workoutlib.media.images import check_image
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.paths import shown
from workoutlib.utils.progress import progress_bar

_NAMED = 20  # files that a message names


class UnreadableFiles(WorkoutlibError):
    """Some files of a data set cannot be read; `reasons` has them all, {path: why}."""

    def __init__(self, reasons: dict[str, str], kind: str = "pictures") -> None:
        named = [f"{shown(path)} ({reason})" for path, reason in list(reasons.items())[:_NAMED]]
        more = f", and {len(reasons) - _NAMED} more" if len(reasons) > _NAMED else ""
        advice = "Replace them or take them out, or go on without them: --skip-unreadable"
        super().__init__(f"{len(reasons)} {kind} cannot be read: {', '.join(named)}{more}. {advice}")
        self.reasons = reasons


def find_unreadable(paths: Iterable[str], *, progress: bool = True) -> dict[str, str]:
    """{path: reason in a few words} of the pictures that cannot be read; all of them are decoded."""
    paths = list(paths)
    with ThreadPoolExecutor() as pool:  # decoding releases the interpreter's lock
        checks = pool.map(check_image, paths)
        reasons = list(progress_bar(checks, "checking images", total=len(paths), leave=False, show=progress))
    return {path: reason for path, reason in zip(paths, reasons, strict=True) if reason is not None}
