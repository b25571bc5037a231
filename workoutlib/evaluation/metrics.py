"""Scores by frame, by clip and by class, and their intervals over videos."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn import metrics

from workoutlib.evaluation.calibration import calibration_error
from workoutlib.evaluation.predictions import Predictions, in_top

VIDEO_SIZES = ("stills", "1 to 10 frames", "11 to 30 frames", "31 to 100 frames", "over 100 frames")


def scores(predictions: Predictions, temperature: float = 1.0) -> dict[str, float]:
    """The figures of one evaluated set, each between 0 and 1 unless said otherwise.

    ``top1`` and ``top3`` over frames, ``macro`` (mean recall of the classes that occur), ``clip_top1``
    (mean logits of each video's frames), ``video_mean`` (every video counts the same), ``stills_top1``
    (``nan`` without stills), ``ece``, and the counts ``images`` and ``videos``.
    """
    table = _by_video(predictions)
    stills = (predictions.catalog["source"] == "still").to_numpy()
    correct = in_top(predictions, 1)
    return {
        "top1": float(correct.mean()),
        "top3": float(in_top(predictions, 3).mean()),
        "macro": float(_macro(table, np.ones((1, len(table))))[0]),
        "clip_top1": float(in_top(predictions.clips(), 1).mean()),
        "video_mean": float((table["top1"] / table["images"]).mean()),
        "stills_top1": float(correct[stills].mean()) if stills.any() else float("nan"),
        "ece": calibration_error(predictions, temperature),
        "images": len(correct),
        "videos": len(table) - int(stills.sum()),
    }


def _by_video(predictions: Predictions) -> pd.DataFrame:
    """Sums over each video (a still is a video of its own): images, top1, top3, clip, is_frame, label."""
    catalog = predictions.catalog
    table = pd.DataFrame(
        {
            "video": catalog["video"].to_numpy(),
            "label": predictions.targets,
            "images": 1,
            "top1": in_top(predictions, 1).astype(int),
            "top3": in_top(predictions, 3).astype(int),
        }
    )
    sums = table.groupby(["video", "label"]).sum().reset_index()
    clips = predictions.clips()
    right = pd.Series(in_top(clips, 1).astype(float), clips.catalog["video"].to_numpy())
    sums["clip"] = sums["video"].map(right)
    return sums


def _macro(table: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
    """Mean recall over the classes that occur, for each row of video weights (R, videos)."""
    classes = pd.get_dummies(table["label"]).to_numpy(float)
    right = (weights * table["top1"].to_numpy()) @ classes
    count = (weights * table["images"].to_numpy()) @ classes
    with np.errstate(invalid="ignore"):
        return np.nanmean(right / count, axis=1)


def by_video_size(predictions: Predictions) -> pd.DataFrame:
    """Scores of the stills and of short, middling and long videos: does one long video carry the figure?

    Returns:
        A row a size that occurs: ``images``, ``videos``, ``top1`` over its images, and ``video_mean``, where
        every video counts the same. One plank video of the real data set holds two thirds of its class.
    """
    table = _by_video(predictions)
    table["share"] = table["top1"] / table["images"]
    still = predictions.catalog.loc[predictions.catalog["source"] == "still", "video"]
    sizes = pd.cut(table["images"], [0, 10, 30, 100, np.inf], labels=VIDEO_SIZES[1:]).astype(object)
    table["size"] = sizes.mask(table["video"].isin(still), VIDEO_SIZES[0])
    found = table.groupby("size").agg(
        images=("images", "sum"), videos=("video", "size"), right=("top1", "sum"), video_mean=("share", "mean")
    )
    found.insert(2, "top1", found.pop("right") / found["images"])
    return found.reindex([size for size in VIDEO_SIZES if size in found.index])


def intervals(
    predictions: Predictions, *, level: float = 0.95, repeats: int = 2000, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Percentile bootstrap intervals of ``top1``, ``top3``, ``macro`` and ``clip_top1`` over videos.

    Frames of one video are not independent, so whole videos are drawn again, not frames (the cluster
    bootstrap, Field & Welsh 2007, doi:10.1111/j.1467-9868.2007.00593.x).
    """
    table = _by_video(predictions)
    weights = np.random.default_rng(seed).multinomial(len(table), np.full(len(table), 1 / len(table)), repeats)
    images = weights @ table["images"].to_numpy()
    clip = table["clip"].to_numpy(float)
    draws = {
        "top1": weights @ table["top1"].to_numpy() / images,
        "top3": weights @ table["top3"].to_numpy() / images,
        "macro": _macro(table, weights),
    }
    counted = np.isfinite(clip)
    with np.errstate(invalid="ignore"):
        draws["clip_top1"] = weights[:, counted] @ clip[counted] / weights[:, counted].sum(1)
    tails = [100 * (1 - level) / 2, 100 * (1 + level) / 2]
    ranges = {name: np.nanpercentile(values, tails).tolist() for name, values in draws.items()}
    return {name: (low, high) for name, (low, high) in ranges.items()}


def per_class(predictions: Predictions) -> pd.DataFrame:
    """Precision, recall, F1, images and videos of each class, as scikit-learn computes them."""
    numbers = range(len(predictions.labels))
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        predictions.targets, predictions.predicted, labels=list(numbers), zero_division=np.nan
    )
    videos = predictions.catalog.groupby("label")["video"].nunique()
    table = {"precision": precision, "recall": recall, "f1": f1, "images": support}
    table = pd.DataFrame(table, index=pd.Index(predictions.labels, name="label"))
    return table.assign(videos=videos.reindex(table.index).fillna(0).astype(int))


def confusion(predictions: Predictions) -> pd.DataFrame:
    """Counts (C, C): true labels down, predicted labels across."""
    counts = metrics.confusion_matrix(predictions.targets, predictions.predicted, labels=range(len(predictions.labels)))
    return pd.DataFrame(counts, index=predictions.labels, columns=predictions.labels)
