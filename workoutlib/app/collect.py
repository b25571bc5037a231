"""The command ``annotate``, and what ``train`` tells of pictures that were added to a data set."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from workoutlib.app.predict import require_some
from workoutlib.utils.errors import WorkoutlibError

if TYPE_CHECKING:
    import pandas as pd

    from workoutlib.evaluation.predictions import Predictions
    from workoutlib.training.experiments import Trained

FEW_VIDEOS = 5
"""Videos a class below which `train` advises to train by folds."""


def annotate(options: argparse.Namespace) -> None:
    require_some([str(options.folder)])

    from workoutlib.collection.annotate import annotate_media
    from workoutlib.data.download import get_dataset
    from workoutlib.data.merging import read_catalogs
    from workoutlib.recognition.starter import choose_recognizer
    from workoutlib.utils import devices
    from workoutlib.utils.paths import shown

    devices.tune_process()
    training = read_catalogs([get_dataset(each) for each in options.data]) if options.data else None
    recognizer, which = choose_recognizer(options.checkpoint)
    print(f"{which}; labels are believed from {recognizer.keep_confidence:.0%} confidence on")
    found = annotate_media(recognizer, options.folder, options.out, training=training)
    print(found.summary().to_string())
    for row in found.table[found.table["status"] == "skipped"].itertuples():
        print(f"skipped {shown(Path(row.source).name)}: {row.note}")
    print(
        f"look at the rest: workoutlib review {shown(options.out)}; then train on both: workoutlib train --data OLD NEW"
    )


def advise_folds(catalog: pd.DataFrame, split: str) -> None:
    """Say that there are too few videos to hold some out, where that is so."""
    videos = catalog.groupby("label")["video"].nunique().mean()
    if split == "video" and "added" not in catalog and videos < FEW_VIDEOS:
        text = f"{videos:.1f} videos a class: held-out ones are missed in training, and too few to tell how sure to be"
        print(f"{text}; --folds 2 trains on all, and judges by folds")


def evaluate_before(path: Path, catalog: pd.DataFrame) -> Predictions | None:
    """What a checkpoint says of validation pictures before it is replaced; ``None`` where it cannot be compared."""
    from workoutlib.recognition.evaluation import evaluate_pictures
    from workoutlib.recognition.recognizer import Recognizer

    try:
        return evaluate_pictures(Recognizer.from_checkpoint(path), catalog, progress=False)
    except WorkoutlibError:  # none there, of another version, of other labels
        return None


def print_gain(catalog: pd.DataFrame, before: Predictions | None, trained: Trained) -> None:
    """How the classes are balanced with the pictures that were added, and whether the model gained by them."""
    from workoutlib.evaluation.comparison import compare_predictions
    from workoutlib.evaluation.metrics import scores

    videos = catalog.groupby(["label", "added"])["video"].nunique().unstack(fill_value=0)
    print(videos.rename(columns={False: "videos", True: "added"}).to_string())
    if before is None:
        print("no model to compare with: train the first folder alone into --out, then both")
        return
    old, new = scores(before)["top1"], scores(trained.predictions)["top1"]
    print(f"top-1 before {old:.3f}, now {new:.3f}: {compare_predictions(before, trained.predictions)}")
