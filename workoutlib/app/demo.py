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
from workoutlib.recognition.files import predict_files
from workoutlib.recognition.recognizer import Recognizer
from workoutlib.recognition.report import accuracy_by_name, caption
from workoutlib.training import experiments
from workoutlib.training.crossvalidation import measure_leak
from workoutlib.training.experiments import Trained
from workoutlib.utils import paths
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
    done, failures = _recognise(out)

    page = Page(out, "Workout recognition: the demo")
    top1 = scores(trained.predictions)["top1"]
    page.headline(
        f"A model trained here a minute ago names the exercise rightly in {top1:.0%} of pictures from videos that it "
        "has never seen. Its answers to other clips and photos:"
    )
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
    _tell_learning(page, trained, catalog, config)
    with page.folded("The sample, and every class"):
        one_each = catalog.groupby("label").nth(3)
        page.figure(plots.plot_images(one_each["path"].tolist(), one_each["label"].tolist(), title=""), "sample")
        page.figure(plots.plot_class_counts(class_counts(catalog)), "classes")
        page.figure(plots.plot_loss(trained.result.history), "loss")
        page.figure(plots.plot_confusion(trained.predictions), "confusion_matrix")
    return page.write()


def _recognise(out: Path) -> tuple[list[dict], list[dict]]:
    """The rows of the built-in photos and clips, recognised by the demo's own model, and of those that failed."""
    media = sample_media()
    recognizer = Recognizer.from_checkpoint(out / "best_model.pth")
    return predict_files(recognizer, media, out=out / "media") if media else ([], [])


def _tell_learning(page: Page, trained: Trained, catalog: pd.DataFrame, config: Config) -> None:
    page.heading("How it learned")
    page.text(
        f"Profile quick: {config.model}, head first, then {config.epochs} epoch(s) of fine-tuning, on rendered clips "
        "of 22 exercises, split by video. The curve of new videos is the one that counts."
    )
    page.figure(plots.plot_accuracy(trained.result.history), "accuracy")
    page.table(_score_table(trained.predictions))
    page.text(
        "Had frames of one video been on both sides, as in a random split, the score would have been far higher, and "
        "worth nothing on a video of yours:"
    )
    cache = paths.data_root() / "cache"
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
