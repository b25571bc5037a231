"""The command ``predict``: photos and clips in, a short table, a page, CSV and JSON out."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from workoutlib.class_names import read_names
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import write_csv, write_json
from workoutlib.utils.paths import is_url, list_files, near_name, output_root, shown

if TYPE_CHECKING:
    import pandas as pd


def predict(options: argparse.Namespace) -> int:
    require_some(options.paths)
    names = read_names(options.labels)
    if names and not options.checkpoint:
        raise WorkoutlibError("--labels names the outputs of a --checkpoint that has no names: give both")

    from workoutlib.recognition.files import as_table, predict_files
    from workoutlib.recognition.inputs import TABLE
    from workoutlib.recognition.report import accuracy_by_name, overview, write_report
    from workoutlib.recognition.starter import choose_recognizer
    from workoutlib.utils import devices

    devices.join_processes()
    devices.tune_process()
    named = {"labels": names} if names else {}
    recognizer, which = choose_recognizer(options.checkpoint, backend=options.backend, **named)
    print(which)
    out = options.out or output_root() / "predictions"

    def write_tables(rows: list[dict], failures: list[dict]) -> None:
        write_json(rows + failures, options.json)
        if rows:
            write_csv(as_table(rows), out / TABLE)
            write_json(rows + failures, (out / TABLE).with_suffix(".json"))

    def grow(rows: list[dict], failures: list[dict]) -> None:
        with suppress(WorkoutlibError, OSError):  # a disk that is full: said at the end
            write_tables(rows, failures)

    chosen = {name: getattr(options, name) for name in ("stride", "skeleton", "crop")}
    rows, failures = predict_files(recognizer, options.paths, out=out, report=grow, **chosen)
    if devices.rank_and_world()[0] > 0:
        return 0
    page = None
    try:
        write_tables(rows, failures)
        page = write_report(rows, out, title="What was recognised") if rows else None
    finally:  # a disk that is full by now does not take what was found with it
        if rows:
            print("\n" + aligned(overview(rows)) + "\n")
            print(*filter(None, [accuracy_by_name(rows), tell_speed(rows)]), sep="\n")
        if page:
            print(f"results, beside tables and annotated copies: {shown(page)}")
        for failure in failures:
            print(f"error: {failure['error']}", file=sys.stderr)
    return 1 if failures else 0


def tell_speed(rows: list[dict]) -> str:
    """How fast the clips were recognised, in a line; empty without clips."""
    clips = [row for row in rows if "recognised_per_second" in row]
    if not clips:
        return ""
    frames = sum(row["frames"] for row in clips)
    seconds = sum(row["frames"] / row["recognised_per_second"] for row in clips)
    files = "1 clip" if len(clips) == 1 else f"{len(clips)} clips"
    return f"{frames:,} frames of {files} recognised at {frames / seconds:.0f} frames a second"


def require_some(paths: list[str]) -> None:
    """Say at once that no file is there, and none in the folders; of some, the others are recognised first.

    Raises:
        WorkoutlibError: it names what may have been meant.
    """
    missing = [path for path in map(Path, paths) if not path.is_symlink() and not path.exists()]
    if len(missing) == len(paths):
        names = ", ".join(f"{shown(path)}{near_name(path)}" for path in missing)
        advice = "; download what has a web address first" if any(map(is_url, missing)) else ""
        raise WorkoutlibError(f"no such file or folder: {names}{advice}")
    there = [path for path in map(Path, paths) if path not in missing]
    if not any(map(_may_hold_media, there)):
        from workoutlib.recognition.inputs import other_content

        raise WorkoutlibError(f"no photo or clip in {', '.join(shown(path) + other_content(path) for path in there)}")


def _may_hold_media(path: Path) -> bool:
    """Whether a path is no folder, or one with a photo or clip in it; what cannot be listed is told when it is read."""
    from workoutlib.media.kinds import kind_of

    with suppress(WorkoutlibError):
        return not os.path.isdir(path) or any(kind_of(file) in ("photo", "clip") for file in list_files(path))
    return True


def aligned(table: pd.DataFrame) -> str:
    """A table of texts, each column as wide as its longest text."""
    rows = [list(table.columns), *table.to_numpy().tolist()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)
