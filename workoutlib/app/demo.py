"""The demo: everything once, on the built-in sample, ending in a page to look at."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from workoutlib import plots
from workoutlib.config import Config
from workoutlib.data.catalog import class_counts, read_catalog
from workoutlib.data.download import make_sample
from workoutlib.data.splits import leakage
from workoutlib.evaluation.metrics import intervals, scores
from workoutlib.evaluation.predictions import Predictions
from workoutlib.gym.examples import sample_media
from workoutlib.pose.estimator import PoseEstimator
from workoutlib.recognition.files import predict_files
from workoutlib.recognition.recognizer import Recognizer
from workoutlib.recognition.report import accuracy_by_name, caption
from workoutlib.training import experiments
from workoutlib.training.bodies import join_gym_body
from workoutlib.training.crossvalidation import measure_leak
from workoutlib.training.experiments import Trained
from workoutlib.utils import paths
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.pages import Page


def run_demo(out: Path | None = None, *, seed: int = 42) -> Path:
    """Render the sample, train, evaluate, annotate ``inference_data/``; return the path of the page.

    Args:
        out: folder of the page, default ``outputs/demo``.
    """
    out = Path(out or paths.output_root() / "demo")
    config, cache = Config.profile("quick", seed=seed), paths.data_root() / "cache"
    catalog = read_catalog(make_sample())
    trained = experiments.train_model(catalog, config, out=out, cache=cache)
    checkpoint = out / "best_model.pth"
    joint, without_body = _look_at_bodies(checkpoint, trained.predictions)
    media = sample_media()
    recognizer = Recognizer.from_checkpoint(checkpoint, backend="torch")  # so few pictures do not pay for compiling
    done, failures = predict_files(recognizer, media, out=out / "media", skeleton=True) if media else ([], [])

    page = Page(out, "Workout recognition: the demo")
    page.headline(_headline(trained.predictions, joint))
    if without_body:
        page.text(f"Recognised by the picture alone, without the body: {without_body}.")
    page.media([(Path(row["annotated"]), caption(row)) for row in done if row["kind"] == "clip"])
    page.media([(Path(row["annotated"]), caption(row)) for row in done if row["kind"] == "photo"])
    if done:
        page.text(accuracy_by_name(done) + ".")
    for failure in failures:
        page.text(failure["error"])
    page.heading("Now yours")
    page.code(
        "workoutlib predict my_clip.mp4 my_photos/ --out results\n"
        "workoutlib train --profile best --data my_data    # a folder with one folder a class"
    )
    _tell_learning(page, trained, joint, config)
    _tell_leak(page, catalog, config, cache)
    with page.folded("The sample, and every class"):
        one_each = catalog.groupby("label").nth(3)
        page.figure(plots.plot_images(one_each["path"].tolist(), one_each["label"].tolist(), title=""), "sample")
        page.figure(plots.plot_class_counts(class_counts(catalog)), "classes")
        page.figure(plots.plot_loss(trained.result.history), "loss")
        page.figure(plots.plot_confusion(joint or trained.predictions), "confusion_matrix")
    return page.write()


def _look_at_bodies(checkpoint: Path, predictions: Predictions) -> tuple[Predictions | None, str]:
    """Join the demo's picture model with the gym's body model; its predictions, or why there are none."""
    try:
        estimator = PoseEstimator()
    except WorkoutlibError as error:
        return None, str(error)
    return join_gym_body(checkpoint, predictions, estimator), ""


def _headline(picture: Predictions, joint: Predictions | None) -> str:
    alone = f"{scores(picture)['top1']:.0%}"
    if joint is None:
        how = f"A model trained here a minute ago names the exercise rightly in {alone} of pictures from videos that "
        return how + "it has never seen. Its answers to other clips and photos:"
    return (
        f"A model trained here a minute ago, together with one of the body's pose, names the exercise rightly in "
        f"{scores(joint)['top1']:.0%} of pictures from videos that it has never seen ({alone} by the picture alone). "
        "Their answers to other clips and photos:"
    )


def _tell_learning(page: Page, trained: Trained, joint: Predictions | None, config: Config) -> None:
    page.heading("How it learned")
    body = "; it is that of the picture alone" if joint else ""
    page.text(
        f"Profile quick: {config.model}, head first, then {config.epochs} epoch(s) of fine-tuning, on rendered clips "
        f"of 22 exercises, split by video. The curve of new videos is the one that counts{body}."
    )
    page.figure(plots.plot_accuracy(trained.result.history), "accuracy")
    if joint:
        page.text(
            "The body's model is part of the package: two small networks that have seen synthetic people alone. "
            "The scores of new videos, with both:"
        )
    page.table(_score_table(joint or trained.predictions))


def _tell_leak(page: Page, catalog: pd.DataFrame, config: Config, cache: Path) -> None:
    page.text(
        "Had frames of one video been on both sides, as in a random split, the picture's score would have been far "
        "higher, and worth nothing on a video of yours:"
    )
    rows = {name: _row(found) for name, found in measure_leak(catalog, config, cache=cache).items()}
    page.figure(plots.plot_scores(pd.DataFrame(rows).T, title="The same frozen model under two splits"), "leak")
    with page.folded("How much the random split leaks"):
        splits = {kind: experiments.split_catalog(catalog, config.replace(split=kind)) for kind in ("random", "video")}
        leaks = {kind: leakage(parts["train"], parts["valid"]) for kind, parts in splits.items()}
        page.figure(plots.plot_leakage({"random frames": leaks["random"], "by video": leaks["video"]}), "leakage")


def _score_table(predictions: Predictions) -> pd.DataFrame:
    found, ranges = scores(predictions), intervals(predictions)
    rows = {name: [found[name], *ranges[name]] for name in ranges}
    return pd.DataFrame(rows, index=["score", "95 % from", "to"]).T.round(3)


def _row(predictions: Predictions) -> dict[str, float]:
    low, high = intervals(predictions)["top1"]
    return {"value": scores(predictions)["top1"], "low": low, "high": high}
