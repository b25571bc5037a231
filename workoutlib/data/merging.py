"""Several data sets as one: the first is the one to be judged on, the others are added to its training pictures."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from workoutlib.data.annotations import TABLE, Annotations
from workoutlib.data.catalog import ProblemTable, read_catalog
from workoutlib.data.dataset import ImageDataset
from workoutlib.data.duplicates import SAME_RECORDING, distances, thumbnail


def read_catalogs(
    roots: Sequence[str | Path], *, labels: Sequence[str] | None = None, check: bool = False
) -> pd.DataFrame:
    """Read one or several folders of class folders as one catalog; arguments as for `read_catalog`.

    With more than one, or where a folder was annotated, there is a column ``weight``: how much a picture counts in
    training, its confidence where a model labelled it, else 1; an added video counts no more than the mean one of the
    first folder, however many pictures it has.
    With more than one there is a column ``added``, true for the pictures of all folders but the first: `split_catalog`
    puts them into training, so that the validation videos stay those of the first. Videos of the same name in two
    folders stay two.

    Raises WorkoutlibError as `read_catalog` does.
    """
    parts = []
    for number, root in enumerate(roots, 1):
        catalog = read_catalog(root, labels=labels, check=check)
        folder = Path(root).expanduser()
        weights = Annotations(folder.absolute()).weights() if (folder / TABLE).is_file() else {}
        if weights or len(roots) > 1:
            catalog["weight"] = [weights.get(path, 1.0) for path in catalog["path"]]
        if len(roots) > 1:
            catalog["added"] = number > 1
        if number > 1:
            catalog["video"] += f" of data set {number}"
        parts.append(catalog)
    if len(parts) == 1:
        return parts[0]
    problems = pd.concat([pd.DataFrame(part.attrs.pop("problems")) for part in parts], ignore_index=True)
    together = pd.concat(parts, ignore_index=True)
    sizes = together.groupby("video")["path"].transform("size")
    usual = sizes[~together["added"]].groupby(together["video"]).first().mean()
    together["weight"] *= (usual / sizes).clip(upper=1).where(together["added"], 1.0)
    together.attrs["problems"] = ProblemTable(problems)
    return together


def with_class_shares(train: pd.DataFrame) -> pd.DataFrame:
    """Training pictures, weighted so that each class counts as much as its pictures that were not ``added``.

    Else classes that gain videos would push out the others. A class that is new keeps its weight.
    """
    if "added" not in train or not train["added"].any():
        return train
    weight = train["weight"].groupby(train["label"]).transform("sum")
    first = train["weight"].where(~train["added"], 0.0).groupby(train["label"]).transform("sum")
    return train.assign(weight=train["weight"] * (first / weight).where(first > 0, 1.0))


def without_held_out(parts: dict[str, pd.DataFrame], dataset: ImageDataset) -> dict[str, pd.DataFrame]:
    """The parts of a split, of training without the ``added`` videos that show a picture of another part.

    Copies and other cuts of a recording are told by their pictures; a warning says how many videos that are.
    """
    train = parts["train"]
    if "added" not in train or not train["added"].any():
        return parts
    added = train[train["added"]]
    held_out = pd.concat([part for name, part in parts.items() if name != "train"])
    seen = distances(_thumbnails(dataset, added), _thumbnails(dataset, held_out)).min(1) < SAME_RECORDING
    leaking = added.loc[seen, "video"].unique()
    if len(leaking):
        warnings.warn(f"{len(leaking)} added videos show recordings of held-out ones and are left out", stacklevel=3)
    return parts | {"train": train[~(train["added"] & train["video"].isin(leaking))]}


def _thumbnails(dataset: ImageDataset, rows: pd.DataFrame) -> np.ndarray:
    chosen = dataset.select(rows)
    pictures = (chosen[k][0].permute(1, 2, 0).cpu().numpy() for k in range(len(chosen)))
    return np.array([thumbnail(np.ascontiguousarray(pixels)) for pixels in pictures])
