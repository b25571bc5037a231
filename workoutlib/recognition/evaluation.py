"""A recognizer evaluated on a folder of class folders: its pictures, and its clips."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from workoutlib.data.readable import UnreadableFiles, find_unreadable
from workoutlib.evaluation.metrics import intervals, scores
from workoutlib.evaluation.predictions import Predictions
from workoutlib.media.images import UnreadableImage
from workoutlib.media.video_reader import UnreadableClip
from workoutlib.recognition.clips import usual_stride
from workoutlib.recognition.recognizer import Recognizer
from workoutlib.utils.progress import progress_bar


def evaluate_pictures(
    recognizer: Recognizer, catalog: pd.DataFrame, *, progress: bool = True, skip_unreadable: bool = False
) -> Predictions:
    """The recognizer's answers for the pictures of a catalog, if wanted without those that cannot be read.

    Raises:
        WorkoutlibError: pictures cannot be read, all of which are named, or the recognizer does not know a label.
    """
    if skip_unreadable:
        catalog = _without(catalog, find_unreadable(catalog["path"], progress=progress), "pictures")
    bar = progress_bar(catalog["path"], "pictures", unit="image", leave=False, show=progress)
    try:
        return Predictions(catalog, recognizer.logits(bar), recognizer.labels)
    except UnreadableImage as error:
        raise UnreadableFiles(find_unreadable(catalog["path"], progress=progress)) from error


def evaluate_clips(
    recognizer: Recognizer, clips: pd.DataFrame, *, progress: bool = True, skip_unreadable: bool = False
) -> Predictions:
    """The recognizer's answers for the clips of a table (`read_clips`), each as a whole.

    Raises:
        WorkoutlibError: clips cannot be read, all of which are named, or the recognizer does not know a label.
    """
    logits, unreadable = [], {}
    for path in progress_bar(clips["path"], "clips", unit="clip", leave=False, show=progress):
        try:
            found = recognizer.predict_clip(path, stride=usual_stride(path), progress=False)
            logits.append(found.whole_logits)
        except UnreadableClip as error:
            unreadable[path] = error.reason
    if unreadable and not skip_unreadable:
        raise UnreadableFiles(unreadable, "clips")
    clips = _without(clips, unreadable, "clips")
    return Predictions(clips, np.array(logits).reshape(-1, len(recognizer.labels)), recognizer.labels)


def _without(table: pd.DataFrame, unreadable: dict[str, str], kind: str) -> pd.DataFrame:
    """The rows of files that can be read; says how many are left out."""
    if not unreadable:
        return table
    warnings.warn(f"{len(unreadable)} {kind} are left out, they cannot be read: {', '.join(unreadable)}", stacklevel=3)
    return table[~table["path"].isin(unreadable)].reset_index(drop=True)


def joint_scores(pictures: Predictions | None, clips: Predictions | None, temperature: float) -> dict:
    """`scores` and their ``intervals`` of pictures and clips together.

    Where there are clips, ``clip_top1`` is the share of them that is recognised as a whole, ``clip_top3`` that with
    the label among the first three, and ``clips`` their number; without pictures the other figures are theirs too.
    """
    main = pictures or clips
    if main is None:
        return {}
    found, ranges = scores(main, temperature), intervals(main)
    if clips is not None:
        of_clips, clip_ranges = scores(clips, temperature), intervals(clips)
        found |= {"clip_top1": of_clips["top1"], "clip_top3": of_clips["top3"], "clips": len(clips.catalog)}
        ranges |= {"clip_top1": clip_ranges["top1"]}
    return {**found, "intervals": ranges}
