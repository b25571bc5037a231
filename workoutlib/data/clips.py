"""The clips of a folder of class folders."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from workoutlib.data.catalog import NO_FRAME, NO_IMAGES, labelled_folders, read_catalog
from workoutlib.media.kinds import is_clip
from workoutlib.utils.paths import list_files


def read_clips(root: str | Path, *, labels: Sequence[str] | None = None) -> pd.DataFrame:
    """List the clips, animations too, below ``root``, a folder with one folder a class.

    Folders are matched to labels as by `read_catalog`. Returns a row a clip: ``path`` (absolute), ``label``,
    ``video`` (as the path), ``frame`` (-1) and ``source`` ("clip"); none where there are no clips.
    """
    top = Path(os.path.abspath(os.path.expanduser(root)))
    rows = [
        (str(path), label, str(path), NO_FRAME, "clip")
        for folder, label in labelled_folders(top, labels, []).items()
        for path in list_files(folder)
        if is_clip(path)
    ]
    return pd.DataFrame(rows, columns=["path", "label", "video", "frame", "source"], dtype=object)


def read_pictures_and_clips(
    root: str | Path, *, labels: Sequence[str] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List what `read_catalog` and `read_clips` find, animations among the clips alone.

    The catalog may be empty where there are clips. They, and class folders with nothing else, are none of its problems.

    Raises WorkoutlibError as `read_catalog` does.
    """
    clips = read_clips(root, labels=labels)
    catalog = read_catalog(root, labels=labels, may_be_empty=len(clips) > 0)
    problems = catalog.attrs["problems"]
    holds_clips = problems["path"].isin({str(Path(path).parent) for path in clips["path"]})
    known = problems["path"].isin(clips["path"]) | (holds_clips & (problems["problem"] == NO_IMAGES))
    catalog = catalog[~catalog["path"].isin(clips["path"])].reset_index(drop=True)
    catalog.attrs["problems"] = problems[~known].reset_index(drop=True)
    return catalog, clips
