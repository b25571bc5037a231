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
from workoutlib.recognition.files import accuracy_by_name, as_table, predict_files
from workoutlib.recognition.recognizer import Recognizer
from workoutlib.training import experiments
from workoutlib.training.crossvalidation import measure_leak
from workoutlib.utils import paths
from workoutlib.utils.pages import Page


def run_demo(out: Path | None = None, *, seed: int = 42) -> Path:
    """Render the sample, train, evaluate, annotate ``inference_data/``; return the path of the page.

    Args:
        out: folder of the page, default ``outputs/demo``.
    """
    out = Path(out or paths.output_root() / "demo")
    config, cache = Config.profile("quick", seed=seed), paths.data_root() / "cache"
    page = Page(out, "Workout recognition: the demo")
    page.text(
        "Everything on this page was made by one command from the built-in sample: rendered clips of 22 exercises."
    )

    catalog = read_catalog(make_sample())
    one_each = catalog.groupby("label").nth(3)
    page.heading("The sample")
    page.figure(plots.plot_images(one_each["path"].tolist(), one_each["label"].tolist(), title=""), "sample")
    page.figure(plots.plot_class_counts(class_counts(catalog)), "classes")

    trained = experiments.train_model(catalog, config, out=out, cache=cache)
    page.heading("Training")
    page.text(
        f"Profile quick: {config.model}, head first, then {config.epochs} epoch(s) of fine-tuning; split by video."
    )
    for name, plot in (("accuracy", plots.plot_accuracy), ("loss", plots.plot_loss)):
        page.figure(plot(trained.result.history), name)
    page.heading("Scores on videos that were not in training")
    page.table(_score_table(trained.predictions))
    page.figure(plots.plot_confusion(trained.predictions), "confusion_matrix")

    page.heading("What a random split hides")
    splits = {kind: experiments.split_catalog(catalog, config.replace(split=kind)) for kind in ("random", "video")}
    leaks = {kind: leakage(parts["train"], parts["valid"]) for kind, parts in splits.items()}
    page.figure(plots.plot_leakage({"random frames": leaks["random"], "by video": leaks["video"]}), "leakage")
    rows = {name: _row(found) for name, found in measure_leak(catalog, config, cache=cache).items()}
    page.figure(plots.plot_scores(pd.DataFrame(rows).T, title="The same frozen model under two splits"), "leak")

    page.heading("Photos and clips")
    recognizer = Recognizer.from_checkpoint(out / "best_model.pth")
    media = sample_media()
    if media:
        done, failures = predict_files(recognizer, media, out=out / "media")
        page.text(accuracy_by_name(done) + ".")
        page.media([(Path(row["annotated"]), f"{row['label']} ({row['confidence']:.0%})") for row in done])
        page.table(as_table(done).assign(path=[Path(row["path"]).name for row in done]).round(3))
        for failure in failures:
            page.text(failure["error"])
    return page.write()


def _score_table(predictions: Predictions) -> pd.DataFrame:
    found, ranges = scores(predictions), intervals(predictions)
    rows = {name: [found[name], *ranges[name]] for name in ranges}
    return pd.DataFrame(rows, index=["score", "95 % from", "to"]).T.round(3)


def _row(predictions: Predictions) -> dict[str, float]:
    low, high = intervals(predictions)["top1"]
    return {"value": scores(predictions)["top1"], "low": low, "high": high}
