"""The command ``annotate``, and what ``train`` tells of pictures that were added to a data set."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from workoutlib.app.predict import require_some
from workoutlib.utils.errors import WorkoutlibError

if TYPE_CHECKING:
    import pandas as pd

    from workoutlib.config import Config
    from workoutlib.evaluation.predictions import Predictions

FEW_VIDEOS = 5
"""Videos a class below which `train` advises to train by folds."""
FEW_PICTURES = 500
"""Pictures below which the profile `best` holds none out and keeps its body as it is, if not told otherwise."""
FOLDS = 5


def number_of_folds(text: str, *, none: bool = False) -> int:
    """The value of ``--folds``: 2 or more; 0, which asks for no folds, where `none` may be.

    Raises:
        argparse.ArgumentTypeError: nothing is held out with fewer than two.
    """
    if not text.isdecimal() or (int(text) < 2 and not (none and int(text) == 0)):
        raise argparse.ArgumentTypeError(f"{text} is no number of folds: cross-validation needs 2 or more")
    return int(text)


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


def folds_of(catalog: pd.DataFrame, config: Config, options: argparse.Namespace) -> tuple[Config, int]:
    """The number of folds that `train` judges by, and the config; 0: a part of the pictures is held out.

    Where that is not told, `best` learns from all of a few pictures, as each of them is missed; and it fits only heads,
    as fine-tuning gains nothing on so few beside body and hands, and takes six times as long.
    """
    from workoutlib.utils import devices

    own = catalog[~catalog["added"]] if "added" in catalog else catalog
    fewest = int(own.groupby("label")["video"].nunique().min())
    several = devices.rank_and_world()[1] > 1
    if options.folds is not None:
        return config, options.folds
    if not config.body or config.split != "video" or len(own) >= FEW_PICTURES or fewest < 2:
        return config, 0
    if options.resume or several:
        return config, 0
    folds, how = min(FOLDS, fewest), ""
    if options.fine_tune is None and options.epochs is None:
        config, how = config.replace(fine_tune=False), " by the heads alone (--fine-tune trains the body too)"
    print(
        f"{len(own)} images are few: all are learned from{how}, and judged by {folds} folds (--folds 0 holds some out)"
    )
    return config, folds


def evaluate_before(path: Path, catalog: pd.DataFrame) -> pd.DataFrame | None:
    """What a checkpoint says of validation pictures before it is replaced (``path``, ``predicted``).

    ``None`` where it cannot be compared: it is not there, or has learned from these pictures.
    """
    from workoutlib.models.checkpoints import load_checkpoint
    from workoutlib.recognition.evaluation import evaluate_pictures
    from workoutlib.recognition.recognizer import Recognizer

    try:
        stored = load_checkpoint(path)
        if "folds" in stored.metrics:
            return None
        return evaluate_pictures(Recognizer.from_checkpoint(stored), catalog, progress=False).table()
    except WorkoutlibError:  # none there, of another version, of other labels
        return None


def read_held_out(out: Path) -> pd.DataFrame | None:
    """What the folds of an earlier run said of its pictures (``path``, ``predicted``), or ``None``."""
    import pandas as pd

    from workoutlib.training.run_folder import HELD_OUT

    path = out / HELD_OUT
    return pd.read_csv(path, dtype=str, keep_default_na=False) if path.is_file() else None


def print_gain(catalog: pd.DataFrame, before: pd.DataFrame | None, now: Predictions) -> None:
    """How the classes are balanced with the pictures that were added, and whether the model gained by them."""
    from workoutlib.evaluation.comparison import compare_shares

    videos = catalog.groupby(["label", "added"])["video"].nunique().unstack(fill_value=0)
    print(videos.rename(columns={False: "videos", True: "added"}).to_string())
    table = now.table()
    if before is None or set(before["path"]) != set(table["path"]):
        print("no model to compare with: train the first folder alone into --out, in the same way, then both")
        return
    labels = table["label"].to_numpy()
    old = before.set_index("path")["predicted"].reindex(table["path"]).to_numpy() == labels
    new = table["predicted"].to_numpy() == labels
    print(f"top-1 before {old.mean():.3f}, now {new.mean():.3f}: {compare_shares(now.catalog, old, new)}")
