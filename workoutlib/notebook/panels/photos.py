"""The photo panel: upload, drop or name photos; a table to click in, the best guesses, where the model looked."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

import ipywidgets as widgets

from workoutlib.data.transforms import model_view
from workoutlib.evaluation.activation import activation_map, overlay_activation
from workoutlib.labels import find_label
from workoutlib.media.images import as_rgb
from workoutlib.media.video_reader import read_frames
from workoutlib.notebook.panels.common import (
    Bridge,
    bars_html,
    columns,
    control,
    download_html,
    gallery_html,
    message,
    on_path,
    row,
)
from workoutlib.notebook.panels.upload import ChunkedUpload
from workoutlib.notebook.panels.working import WorkingPanel
from workoutlib.plots.common import BLUE, VERMILION
from workoutlib.recognition.files import as_table, predict_files
from workoutlib.recognition.recognizer import Recognizer
from workoutlib.recognition.report import accuracy_by_name

_NAME = "all:unset;cursor:pointer;text-decoration:underline;overflow-wrap:anywhere"


class PhotoPanel(WorkingPanel):
    """Photos in, predictions out; ``panel.rows`` holds what was recognised.

    Args:
        paths: photos to begin with, files or folders.
        folder: where uploads are kept.
    """

    def __init__(self, recognizer: Recognizer, paths: Sequence[Path] = (), *, folder: Path):
        self.recognizer, self.folder = recognizer, Path(folder)
        self.rows: list[dict] = []
        self.chosen = 0
        self._make_work_controls()
        self.bridge = Bridge(self.show_file)
        self.upload = ChunkedUpload(
            self.recognise, self.folder, accept="image/*", description="Upload photos", multiple=True
        )
        self.path = control(
            widgets.Text,
            "or a folder",
            "Path of a photo, a clip or a folder of them on the machine that runs this",
            placeholder="folder of photos and clips",
            continuous_update=False,
        )
        self.card, self.table, self.download = (widgets.HTML() for _ in range(3))
        super().__init__(
            "Photo panel",
            [
                row(self.upload, self.path),
                row(self.stop, self.bar, self.status),
                columns((self.card,), (self.table, self.download)),
                self.bridge,
            ],
        )
        on_path(self.path, lambda path: self.recognise([path]))
        if paths:
            self._do(lambda: self._recognise(paths))

    def recognise(self, paths: Sequence[Path]) -> None:
        """Recognise photos and clips, or those of folders, in a thread, and show the first."""
        self._in_thread("the model looks …", lambda: self._recognise(paths))

    def _recognise(self, paths: Sequence[Path]) -> None:
        self.rows, failures = predict_files(self.recognizer, paths, progress=False)
        for each in self.rows:  # a folder of class folders tells the truth, too
            each["truth"] = each["truth"] or find_label(Path(each["path"]).parent.name)
        table = as_table(self.rows).to_csv(index=False)
        self.download.value = download_html("photos.csv", table.encode(), "text/csv") if self.rows else ""
        failed = message("\n".join(each["error"] for each in failures), alert=True)
        self.status.value = (message(accuracy_by_name(self.rows)) + failed) or message(f"{len(self.rows)} files")
        self.show_file(0)

    def show_file(self, number: int) -> None:
        """The file of this row with its best guesses; of a photo also where the model looked for the first."""
        self.chosen = number
        self.table.value = files_html(self.rows, number, self.bridge)
        if not self.rows:
            self.card.value = ""
            return
        chosen = self.rows[number]
        path, top3 = Path(chosen["path"]), [(guess["label"], guess["confidence"]) for guess in chosen["top3"]]
        if chosen["kind"] == "clip":
            pictures, captions = [next(iter(read_frames(path)))[1]], [f"{path.name}: its first frame"]
        else:
            pictures, captions = [as_rgb(path)], [path.name]
            if model := getattr(self.recognizer, "model", None):
                config = self.recognizer.config
                view = model_view(path, config)
                pictures.append(overlay_activation(view, activation_map(model, path, config)))
                captions.append(f"what speaks for {chosen['label']}")
        self.card.value = gallery_html(pictures, captions, len(pictures)) + verdict_html(chosen) + bars_html(top3)

    def _enable(self, enabled: bool) -> None:
        self.upload.disabled = self.path.disabled = not enabled


def is_wrong(found: dict) -> bool:
    """Whether a file was taken for something else than its name or its folder says."""
    return bool(found["truth"]) and found["label"] != found["truth"]


def verdict_html(found: dict) -> str:
    """The answer in a line, and whether it is right, where that is known."""
    known = "" if found["known"] else " (perhaps no known exercise)"
    truth = f": wrong, it is {found['truth']}" if is_wrong(found) else ": right" if found["truth"] else ""
    return f"<p style='margin:.4em 0'><b>{escape(found['label'])}</b>{known}{escape(truth)}</p>"


def files_html(rows: Sequence[dict], chosen: int, bridge: Bridge) -> str:
    """A table with a row a file, whose name is a button that shows it; wrong ones and the chosen one are marked."""
    lines = []
    for number, found in enumerate(rows):
        wrong, name = is_wrong(found), escape(Path(found["path"]).name)
        edge = f"border-left:4px solid {VERMILION if wrong else 'transparent'}"
        style = f"cursor:pointer;{edge};" + (
            f"outline:2px solid {BLUE};outline-offset:-2px" if number == chosen else ""
        )
        button = f"<button type='button' style='{_NAME}'>{name}</button>"
        answer = (
            f"✗ {escape(found['label'])}<br><small>is {escape(found['truth'])}</small>"
            if wrong
            else escape(found["label"])
        )
        lines.append(
            f'<tr style="{style}" onclick="{bridge.script(str(number))}"><td style="padding:.15em .6em">{button}</td>'
            f"<td>{answer}</td><td style='text-align:right;padding:0 .6em'>{found['confidence']:.0%}</td></tr>"
        )
    head = "<tr style='text-align:left'><th style='padding:0 .6em'>file</th><th>recognised as</th><th></th></tr>"
    return f"<table style='border-collapse:collapse;width:100%;line-height:1.3'>{head}{''.join(lines)}</table>"
