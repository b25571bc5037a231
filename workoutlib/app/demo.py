"""The demo: everything once, on the built-in sample, ending in a page to look at."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path
from urllib.parse import quote

import pandas as pd
from matplotlib.figure import Figure

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
from workoutlib.utils.files import replacing


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


STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #8884; }
.media { display: grid; grid-template-columns: repeat(auto-fill, minmax(18rem, 1fr)); gap: 1rem; }
figure { margin: 0; } img, video { max-width: 100%; border-radius: 6px; } .plot { background: white; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { padding: .2rem .8rem; text-align: right; border-bottom: 1px solid #8883; }
th:first-child, td:first-child { text-align: left; }
"""


class Page:
    """A page that grows from top to bottom; every text is escaped."""

    def __init__(self, folder: Path, title: str):
        self.folder, self.title, self.parts = Path(folder), title, [f"<h1>{escape(title)}</h1>"]
        self.folder.mkdir(parents=True, exist_ok=True)

    def heading(self, text: str) -> None:
        self.parts.append(f"<h2>{escape(text)}</h2>")

    def text(self, text: str) -> None:
        self.parts.append(f"<p>{escape(text)}</p>")

    def table(self, table: pd.DataFrame) -> None:
        self.parts.append(table.to_html(border=0, escape=True))

    def figure(self, figure: Figure, name: str) -> None:
        """Store the figure as ``<name>.png`` beside the page and show it."""
        figure.savefig(self.folder / f"{name}.png", dpi=110)
        self.parts.append(f'<p><img class="plot" src="{escape(name)}.png" alt="{escape(name)}"></p>')

    def media(self, items: list[tuple[Path, str]]) -> None:
        """Photos and playing clips with a caption each."""
        shown = []
        for path, caption in items:
            source = quote(os.fsencode(path.relative_to(self.folder).as_posix()))
            tag = (
                f'<video src="{source}" controls loop muted playsinline preload="metadata"></video>'
                if path.suffix.lower() == ".mp4"
                else f'<img src="{source}" alt="{escape(caption)}">'
            )
            shown.append(f"<figure>{tag}<figcaption>{escape(caption)}</figcaption></figure>")
        self.parts.append(f'<div class="media">{"".join(shown)}</div>')

    def write(self) -> Path:
        """Write ``index.html`` and return its path."""
        path = self.folder / "index.html"
        html = (
            "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
            f'<meta name="viewport" content="width=device-width"><title>{escape(self.title)}</title>'
            f"<style>{STYLE}</style></head>\n<body>\n" + "\n".join(self.parts) + "\n</body></html>\n"
        )
        with replacing(path) as partial:  # bytes of a file name that are no text are written as escapes
            partial.write_text(html, encoding="utf-8", errors="backslashreplace")
        return path
