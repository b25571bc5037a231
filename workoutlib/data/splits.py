"""Dividing a catalog into training, validation and test images, and measuring how much a split leaks.

A part is a subset of the catalog's rows with their index kept. What must stay together is the
column ``video``, or a coarser grouping such as that of ``group_near_duplicates``.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from workoutlib.utils.errors import WorkoutlibError

# Measured with the frozen EfficientNet-Lite0 on 220 real frames of about 200 videos: the 38 nearest
# pairs of videos of one class, up to a distance of 0.25, all showed the same person in the same place;
# the first pair of different recordings was 0.264 apart, the median pair 0.49.
NEAR_DUPLICATE_DISTANCE = 0.25
_ORDERS = 10  # random orders that the greedy assignment tries in each class


def split_random(catalog: pd.DataFrame, *, valid: float = 0.10, seed: int = 42) -> dict[str, pd.DataFrame]:
    """The published tutorial's split: ``int(valid * n)`` images, the last of a seeded permutation.

    Frames of one video land on both sides, so a score on "valid" tells little about new
    videos: ``leakage`` measures how little. Returns {"train", "valid"}.
    """
    import torch

    size = int(valid * len(catalog)) if 0 < valid < 1 else 0
    if size == 0:
        raise WorkoutlibError(
            f"valid={valid} of {len(catalog)} images gives {size} validation images: "
            "choose a share between 0 and 1 that leaves at least one image on either side"
        )
    permutation = torch.randperm(len(catalog), generator=torch.Generator().manual_seed(seed)).numpy()
    held_out = np.zeros(len(catalog), dtype=bool)
    held_out[permutation[-size:]] = True
    return {"train": _part(catalog, ~held_out), "valid": _part(catalog, held_out)}


def split_by_video(
    catalog: pd.DataFrame, *, valid: float = 0.15, test: float = 0.15, seed: int = 42, groups: pd.Series | None = None
) -> dict[str, pd.DataFrame]:
    """Split so that no video is in two parts and every class is in every part.

    ``valid`` and ``test`` are shares of each class's images, met as closely as whole videos
    allow; the largest video of a class always goes to training. ``test=0`` makes two parts.
    ``groups`` (indexed as the catalog) replaces the column ``video`` by coarser groups.

    Returns {"train", "valid", "test"}. Raises WorkoutlibError naming each class with fewer
    groups than there are parts.
    """
    if not (valid > 0 and test >= 0 and valid + test < 1):
        raise WorkoutlibError(f"valid={valid} and test={test} must be shares that leave some for training")
    shares = {"train": 1 - valid - test, "valid": valid} | ({"test": test} if test else {})
    table = _group_table(catalog, groups)
    _require_groups(table, len(shares), f"a split into {' / '.join(shares)}")
    rng = np.random.default_rng(seed)
    part_of: dict[str, str] = {}
    for _, of_class in table.groupby("label"):
        part_of |= _assign_class(of_class, shares, rng)
    part = _group_ids(catalog, groups).map(part_of)
    return {name: _part(catalog, (part == name).to_numpy()) for name in shares}


def folds_random(catalog: pd.DataFrame, *, folds: int = 5, seed: int = 42) -> list[dict[str, pd.DataFrame]]:
    """Cross-validation over shuffled images, each class evenly over the folds (scikit-learn's StratifiedKFold).

    The tutorial's way to split: frames of one video on both sides. Returns a list of {"train", "valid"}; each image is
    validated exactly once. Raises WorkoutlibError where a class has too few images.
    """
    from sklearn.model_selection import StratifiedKFold

    fewest = int(catalog["label"].value_counts().min())
    if not 2 <= folds <= fewest:
        raise WorkoutlibError(f"folds={folds}: choose 2 to {fewest}, the number of images of the smallest class")
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return [_fold(catalog, held_out) for _, held_out in splitter.split(catalog, catalog["label"])]


def folds_by_video(
    catalog: pd.DataFrame, *, folds: int = 5, seed: int = 42, groups: pd.Series | None = None
) -> list[dict[str, pd.DataFrame]]:
    """Cross-validation by scikit-learn's StratifiedGroupKFold: each video is validated exactly once.

    Returns a list of {"train", "valid"}, every class in every training part. Raises
    WorkoutlibError where a class or the whole catalog has too few videos for that.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    if folds < 2:
        raise WorkoutlibError(f"folds={folds}: cross-validation needs at least 2")
    table = _group_table(catalog, groups)
    _require_groups(table, 2, "cross-validation")
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    try:
        pairs = list(splitter.split(catalog, catalog["label"], _group_ids(catalog, groups)))
    except ValueError as cause:
        raise WorkoutlibError(f"{folds} folds are too many for these videos ({cause})") from cause
    if any(len(held_out) == 0 for _, held_out in pairs):
        raise WorkoutlibError(f"{folds} folds leave one empty: the catalog has {len(table)} videos; choose fewer folds")
    return [_fold(catalog, held_out) for _, held_out in pairs]


def leakage(train: pd.DataFrame, valid: pd.DataFrame) -> dict[str, int | float | str]:
    """How much of the validation part has been seen in training already.

    Returns ``frames`` and ``stills`` (validation images of either source), ``seen_video`` (share
    of the validation frames, 0 to 1, with frames of their video in training),
    ``shared_videos`` (how many videos that are), ``next_frame`` (share of all validation
    images whose neighbour, the next or the previous sampled frame of the same video, is in
    training; a still has none) and ``sentence`` (the same to read).
    """
    both = pd.concat([train, valid])
    is_valid = np.repeat([False, True], [len(train), len(valid)])
    frames = both.assign(is_valid=is_valid)[(both["source"] == "frame").to_numpy()]
    frames = frames.sort_values(["video", "frame"], kind="stable")
    in_training = ~frames["is_valid"]
    by_video = in_training.groupby(frames["video"])
    has_twin = by_video.shift(-1, fill_value=False) | by_video.shift(1, fill_value=False)
    seen = by_video.transform("any")

    held_out = frames["is_valid"]
    count = int(held_out.sum())
    seen_video = float(seen[held_out].mean()) if count else 0.0
    next_frame = int(has_twin[held_out].sum()) / max(len(valid), 1)
    shared_videos = int(frames.loc[held_out & seen, "video"].nunique())
    sentence = (
        f"{seen_video:.2%} of the {count:,} validation video frames come from a video that is also in training "
        f"({shared_videos:,} videos shared); {next_frame:.2%} of all {len(valid):,} validation images have "
        "the next or previous sampled frame of their video in training."
    )
    return {
        "frames": count,
        "stills": len(valid) - count,
        "seen_video": seen_video,
        "next_frame": next_frame,
        "shared_videos": shared_videos,
        "sentence": sentence,
    }


def group_near_duplicates(
    catalog: pd.DataFrame, embeddings: np.ndarray, *, threshold: float = NEAR_DUPLICATE_DISTANCE
) -> pd.Series:
    """Merge videos of one class that look like cuts of one recording.

    ``embeddings`` (N, D) has a row an image, in the catalog's order, from a frozen model. The
    distance of two videos is the mean cosine distance over all pairs of their frames (0: same
    direction, 2: opposite); scikit-learn's agglomerative clustering with average linkage joins
    the videos of a class nearer than ``threshold``. Stills take part as videos of one frame.

    Returns the group of each image, named after the first of its videos, for ``groups`` of the
    splits. ``.attrs["merged"]`` is the number of videos that were absorbed into another's group.
    """
    embeddings = np.asarray(embeddings, dtype=np.float64)
    if embeddings.ndim != 2 or len(embeddings) != len(catalog):
        raise WorkoutlibError(f"embeddings of shape {embeddings.shape} for {len(catalog)} images: need a row each")
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        raise WorkoutlibError("embeddings must be finite and not zero: check the model they come from")
    # A product of two means is the mean of all the products, so these need no pair of frames each.
    means = pd.DataFrame(embeddings / lengths).groupby(catalog["video"].to_numpy()).mean()
    group_of: dict[str, str] = {}
    for _, videos in catalog.groupby("label")["video"].unique().items():
        clusters = _cluster(means.loc[videos].to_numpy(), threshold)
        first = pd.Series(videos).groupby(clusters).transform("first")
        group_of |= dict(zip(videos, first, strict=True))
    groups = catalog["video"].map(group_of).rename("group")
    groups.attrs = {"merged": len(group_of) - len(set(group_of.values()))}
    return groups


def _cluster(means: np.ndarray, threshold: float) -> np.ndarray:
    from sklearn.cluster import AgglomerativeClustering

    if len(means) < 2:
        return np.zeros(len(means), dtype=int)
    distances = np.clip(1 - means @ means.T, 0, None)
    clustering = AgglomerativeClustering(
        n_clusters=None, metric="precomputed", linkage="average", distance_threshold=threshold
    )
    return clustering.fit_predict(distances)


def _fold(catalog: pd.DataFrame, held_out: np.ndarray) -> dict[str, pd.DataFrame]:
    mask = np.zeros(len(catalog), dtype=bool)
    mask[held_out] = True
    return {"train": _part(catalog, ~mask), "valid": _part(catalog, mask)}


def _part(catalog: pd.DataFrame, mask: np.ndarray) -> pd.DataFrame:
    part = catalog[mask]
    part.attrs = {}  # the problems belong to the whole catalog
    return part


def _group_ids(catalog: pd.DataFrame, groups: pd.Series | None) -> pd.Series:
    if groups is None:
        return catalog["video"]
    groups = groups.reindex(catalog.index)
    if groups.isna().any():
        raise WorkoutlibError(
            f"groups name no group for {groups.isna().sum()} of {len(catalog)} images: its index must be the catalog's"
        )
    return groups


def _group_table(catalog: pd.DataFrame, groups: pd.Series | None) -> pd.DataFrame:
    """A row a group, in order of its id: ``label``, number of ``images``, ``is_video``."""
    by_group = catalog.groupby(_group_ids(catalog, groups))
    several = by_group["label"].nunique()
    if (several > 1).any():
        raise WorkoutlibError(f"group {several.idxmax()!r} holds images of more than one class")
    is_frame = (catalog["source"] == "frame").groupby(_group_ids(catalog, groups))
    return pd.DataFrame({"label": by_group["label"].first(), "images": by_group.size(), "is_video": is_frame.any()})


def _require_groups(table: pd.DataFrame, least: int, purpose: str) -> None:
    if table.empty:
        raise WorkoutlibError(f"{purpose} needs images, and the catalog is empty")
    counts = table["label"].value_counts().sort_index()
    scarce = counts[counts < least]
    if len(scarce):
        named = ", ".join(f"{label!r} has {count}" for label, count in scarce.items())
        raise WorkoutlibError(
            f"{purpose} by video needs at least {least} videos or stills of each class, but {named}. "
            "Add videos, leave the class out, or make fewer parts."
        )


def _assign_class(of_class: pd.DataFrame, shares: dict[str, float], rng: np.random.Generator) -> dict[str, str]:
    """{group: part} for the groups of one class, videos and stills each divided by ``shares``."""
    videos = of_class.loc[of_class["is_video"], "images"]
    stills = of_class.loc[~of_class["is_video"], "images"]
    if len(videos) >= len(shares):
        return _assign(videos, shares, rng) | _assign(stills, shares, rng, every_part=False)
    return _assign(of_class["images"], shares, rng)


def _assign(
    images: pd.Series, shares: dict[str, float], rng: np.random.Generator, *, every_part: bool = True
) -> dict[str, str]:
    """The best balanced of a few greedy assignments, each in a random order of the groups."""
    if images.empty:
        return {}
    largest = images.idxmax()
    orders = [[largest, *rng.permutation(images.index.drop(largest))] for _ in range(_ORDERS)]
    assignments = [_assign_in_order(images, order, shares, every_part) for order in orders]

    def imbalance(part_of: dict[str, str]) -> float:
        sizes = images.groupby(part_of).sum()
        return sum(abs(sizes.get(part, 0) - share * images.sum()) for part, share in shares.items())

    return min(assignments, key=imbalance)


def _assign_in_order(images: pd.Series, order: list[str], shares: dict[str, float], every_part: bool) -> dict[str, str]:
    """Give each group to the part that misses most images of its share; the first is training's.

    A held-out part takes a group only if that brings it nearer to its share. With ``every_part``
    a part that stayed empty then gets the smallest group that another can spare.
    """
    missing = {part: share * images.sum() for part, share in shares.items()}
    part_of: dict[str, str] = {}
    for group in order:
        takers = [part for part in shares if part == "train" or 2 * missing[part] >= images[group]]
        part = max(takers, key=missing.__getitem__) if part_of else "train"
        part_of[group] = part
        missing[part] -= images[group]
    for part in shares if every_part else ():
        if part not in part_of.values():
            owners = list(part_of.values())
            spare = [group for group in order[1:] if owners.count(part_of[group]) > 1]
            part_of[min(spare, key=images.__getitem__)] = part
    return part_of
