"""The clips of a folder of class folders."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from workoutlib.data.catalog import labelled_folders
from workoutlib.media.kinds import is_clip
from workoutlib.utils.paths import list_files


def read_clips(root: str | Path, *, labels: Sequence[str] | None = None) -> pd.DataFrame:
    """List the clips, animations too, below ``root``, a folder with one folder a class.

    Folders are matched to labels as by `read_catalog`. Returns a row a clip: ``path`` (absolute), ``label``,
    ``video`` (as the path), ``frame`` (-1) and ``source`` ("clip"); none where there are no clips.
    """
    top = Path(os.path.abspath(os.path.expanduser(root)))
    rows = [
        (str(path), label, str(path), -1, "clip")
        for folder, label in labelled_folders(top, labels, []).items()
        for path in list_files(folder)
        if is_clip(path)
    ]
    return pd.DataFrame(rows, columns=["path", "label", "video", "frame", "source"], dtype=object)
