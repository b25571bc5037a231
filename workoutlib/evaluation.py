"""Judging: scores by frame, by clip and by class, their uncertainty, calibration, "no known exercise".

Everything here works on :class:`Predictions`: catalog rows beside the logits a network gave for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp, softmax
from sklearn import metrics

from workoutlib.errors import WorkoutlibError

VIDEO_SIZES = ("stills", "1 to 10 frames", "11 to 30 frames", "31 to 100 frames", "over 100 frames")


@dataclass(frozen=True)
class Predictions:
    """Logits of pictures whose labels are known.

    Attributes:
        catalog: N catalog rows (``path, label, video, source``).
        logits: float array (N, C).
        labels: the C class names, in the order of the logits.
    """

    catalog: pd.DataFrame
    logits: np.ndarray
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.catalog) != len(self.logits) or not len(self.catalog):
            raise WorkoutlibError(f"{len(self.catalog)} pictures with {len(self.logits)} predictions: nothing to judge")
        if unknown := sorted(set(self.catalog["label"]) - set(self.labels)):
            raise WorkoutlibError(f"the network does not know the labels {', '.join(unknown)}")

    @cached_property
    def targets(self) -> np.ndarray:
        """int array (N,): the index of the true label."""
        places = {label: i for i, label in enumerate(self.labels)}
        return self.catalog["label"].map(places).to_numpy(dtype=np.int64)

    @cached_property
    def predicted(self) -> np.ndarray:
        """int array (N,): the index of the largest logit."""
        return self.logits.argmax(1)

    def probabilities(self, temperature: float = 1.0) -> np.ndarray:
        """float array (N, C), rows adding up to 1."""
        return softmax(self.logits / temperature, axis=1)

    def clips(self) -> Predictions:
        """One row a video: the mean of its frames' logits. Stills are left out, unless there is nothing else."""
        is_frame = (self.catalog["source"] == "frame").to_numpy()
        keep = is_frame if is_frame.any() else np.ones(len(self.catalog), bool)
        rows = self.catalog[keep].reset_index(drop=True)
        logits = pd.DataFrame(self.logits[keep]).groupby(rows["video"]).mean()
        return Predictions(rows.groupby("video").first().reset_index(), logits.to_numpy(), self.labels)

    def table(self, temperature: float = 1.0) -> pd.DataFrame:
        """The catalog's rows with ``predicted``, its ``confidence`` and the true label's ``true_confidence`` (0..1)."""
        probabilities = self.probabilities(temperature)
        return self.catalog.assign(
            predicted=np.array(self.labels)[self.predicted],
            confidence=probabilities.max(1),
            true_confidence=probabilities[np.arange(len(probabilities)), self.targets],
        )

    def where(self, mask) -> Predictions:
        """The rows for which a boolean mask is true."""
        mask = np.asarray(mask, bool)
        return Predictions(self.catalog[mask], self.logits[mask], self.labels)


def in_top(predictions: Predictions, k: int) -> np.ndarray:
    """bool array (N,): the true label is among the `k` largest logits; of equal ones, the first counts as larger."""
    best = np.argsort(-predictions.logits, axis=1, kind="stable")[:, :k]
    return (best == predictions.targets[:, None]).any(1)


def scores(predictions: Predictions, temperature: float = 1.0) -> dict[str, float]:
    """The figures of one judged set, each between 0 and 1 unless said otherwise.

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
    table = pd.DataFrame({
        "video": catalog["video"].to_numpy(),
        "label": predictions.targets,
        "images": 1,
        "top1": in_top(predictions, 1).astype(int),
        "top3": in_top(predictions, 3).astype(int),
    })  # fmt: skip
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
    return {name: tuple(float(v) for v in np.nanpercentile(values, tails)) for name, values in draws.items()}


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


def confused_pairs(predictions: Predictions, count: int = 5) -> pd.DataFrame:
    """The pairs of labels most often taken for each other, in either direction, with how often."""
    counts = confusion(predictions).to_numpy()
    both = np.triu(counts + counts.T, k=1)
    first, second = np.unravel_index(np.argsort(-both, axis=None, kind="stable")[:count], both.shape)
    names = np.array(predictions.labels)
    table = pd.DataFrame({"label": names[first], "taken for": names[second], "mistakes": both[first, second]})
    return table[table["mistakes"] > 0]


def mistakes(predictions: Predictions, temperature: float = 1.0) -> pd.DataFrame:
    """The wrongly recognised rows of ``Predictions.table``, the most confident first."""
    table = predictions.table(temperature)
    return table[table["label"] != table["predicted"]].sort_values("confidence", ascending=False)


def pair_examples(predictions: Predictions, pairs: pd.DataFrame) -> pd.DataFrame:
    """Pictures of both sides of each confused pair (from :func:`confused_pairs`), two rows a pair.

    The first is the most confident mistake between the two labels, the second a picture of the label it
    was taken for, the one most surely recognised. Columns as in ``Predictions.table``.
    """
    table, rows = predictions.table(), []
    wrong = mistakes(predictions)
    for pair in map(set, zip(pairs["label"], pairs["taken for"], strict=True)):
        mistake = wrong[wrong["label"].isin(pair) & wrong["predicted"].isin(pair)].head(1)
        other = table[table["label"] == mistake["predicted"].item()].nlargest(1, "true_confidence")
        rows += [mistake, other]
    return pd.concat(rows) if rows else table.iloc[:0]


def suspected_labels(predictions: Predictions) -> pd.DataFrame:
    """Pictures whose label is probably wrong, the most suspect first, by "confident learning".

    A class counts as confidently seen in a picture where its probability reaches the mean that it has over
    the pictures so labelled. A picture is suspect where another class than its label's is so seen, and more
    probable than its label (Northcutt et al. 2021, arXiv:1911.00068). The predictions must come from networks
    that had not seen the picture: those of cross-validation.

    Returns:
        Rows of ``Predictions.table``; ``predicted`` is what the picture shows instead.
    """
    probabilities, rows = predictions.probabilities(), np.arange(len(predictions.targets))
    own = probabilities[rows, predictions.targets]
    usual = pd.Series(own).groupby(predictions.targets).mean().reindex(range(len(predictions.labels))).to_numpy()
    other = probabilities[rows, predictions.predicted]
    suspect = (predictions.predicted != predictions.targets) & (other >= usual[predictions.predicted])
    table = predictions.table()[suspect]
    return table.iloc[np.argsort(-(other - own)[suspect], kind="stable")]


def fit_temperature(predictions: Predictions) -> float:
    """The temperature (0.05 to 20) with the lowest cross-entropy on held-out predictions.

    Dividing all logits by one positive number never changes their order, hence no prediction
    (Guo et al. 2017, arXiv:1706.04599).
    """
    rows = np.arange(len(predictions.targets))

    def loss(log_temperature: float) -> float:
        scaled = predictions.logits / np.exp(log_temperature)
        return float((logsumexp(scaled, axis=1) - scaled[rows, predictions.targets]).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded").x))


def calibration_table(predictions: Predictions, temperature: float = 1.0, bins: int = 10) -> pd.DataFrame:
    """Predictions sorted by confidence into equal-width bins: mean confidence, accuracy, images."""
    confidence = predictions.probabilities(temperature).max(1)
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    table = pd.DataFrame({"bin": place, "confidence": confidence, "accuracy": in_top(predictions, 1), "images": 1})
    return table.groupby("bin").agg(confidence=("confidence", "mean"), accuracy=("accuracy", "mean"),
                                    images=("images", "sum"))  # fmt: skip


def calibration_error(predictions: Predictions, temperature: float = 1.0, bins: int = 10) -> float:
    """Expected calibration error (0..1): the mean gap between confidence and accuracy (arXiv:1706.04599)."""
    table = calibration_table(predictions, temperature, bins)
    gaps = (table["confidence"] - table["accuracy"]).abs()
    return float((gaps * table["images"]).sum() / table["images"].sum())


def fit_unknown_threshold(predictions: Predictions, keep: float = 0.95) -> float:
    """The largest-logit threshold that a share `keep` of held-out, known pictures stays above.

    The largest logit tells known from unknown classes better than the softmax (Hendrycks et al. 2022,
    arXiv:1911.11132).
    """
    return float(np.quantile(predictions.logits.max(1), 1 - keep))


def unknown_auroc(known_logits: np.ndarray, unknown_logits: np.ndarray) -> float:
    """Area under the ROC curve (0.5 chance, 1 perfect) of the largest logit, known against unknown."""
    score = np.concatenate([known_logits.max(1), unknown_logits.max(1)])
    known = np.concatenate([np.ones(len(known_logits)), np.zeros(len(unknown_logits))])
    return float(metrics.roc_auc_score(known, score))
