"""The photo panel: drop, upload or name photos; see the three best guesses, where the model looked, and a table."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

import ipywidgets as widgets

from workoutlib import plots
from workoutlib.data.transforms import model_view
from workoutlib.evaluation.activation import activation_map, overlay_activation
from workoutlib.notebook.panels.common import (
    Bridge,
    Panel,
    control,
    download_html,
    keep_upload,
    message,
    on_change,
    picture_html,
    row,
    table_html,
)
from workoutlib.recognition.files import accuracy_by_name, as_table, predict_files
from workoutlib.recognition.recognizer import Recognizer
from workoutlib.utils.errors import WorkoutlibError

# Reads the dropped files in the browser and hands them on as one list of {name, data}.
_DROP = """event.preventDefault(); this.style.opacity = 1;
Promise.all([...event.dataTransfer.files].map(file => new Promise(done => {
  const reader = new FileReader();
  reader.onload = () => done({name: file.name, data: reader.result.split(',')[1]});
  reader.readAsDataURL(file);
}))).then(files => { %s });"""


class PhotoPanel(Panel):
    """Photos in, predictions out; ``panel.rows`` holds what was recognised.

    Args:
        paths: photos to begin with, files or folders.
        folder: where uploads are kept.
    """

    def __init__(self, recognizer: Recognizer, paths: Sequence[Path] = (), *, folder: Path):
        self.recognizer, self.folder = recognizer, Path(folder)
        self.rows: list[dict] = []
        self.bridge = Bridge(self._open_dropped)
        self.upload = widgets.FileUpload(
            accept="image/*",
            multiple=True,
            description="Upload photos",
            tooltip="One or several photos",
            layout=widgets.Layout(width="auto"),
        )
        self.path = control(
            widgets.Text,
            "or a folder",
            "Path of a photo or folder on the machine that runs this",
            placeholder="folder of photos",
            continuous_update=False,
        )
        self.drop = widgets.HTML(
            f'<div class="drop" ondragover="event.preventDefault(); this.style.opacity = 0.5" '
            f'ondragleave="this.style.opacity = 1" '
            f'ondrop="{escape(_DROP, quote=True) % self.bridge.script("files")}" '
            "style='border:2px dashed;border-radius:6px;padding:.6em 2em'>or drop photos here</div>"
        )
        self.choice = control(widgets.Dropdown, "photo", "The photo that is shown below", options=[])
        self.status, self.card, self.table, self.download = (widgets.HTML() for _ in range(4))
        super().__init__(
            "Photo panel",
            [
                row(self.upload, self.drop, self.path),
                self.status,
                self.choice,
                self.card,
                self.table,
                self.download,
                self.bridge,
            ],
        )
        on_change([self.choice], self.show_photo)
        on_change([self.path], lambda: self.recognise([Path(self.path.value).expanduser()]))
        on_change([self.upload], self._open_uploads)
        if paths:
            self.recognise(paths)

    def recognise(self, paths: Sequence[Path]) -> None:
        """Recognise photos, or the photos and clips of folders, and show the first."""
        self.status.value = message("the model looks …")
        try:
            self.rows, failures = predict_files(self.recognizer, paths, progress=False)
        except WorkoutlibError as error:
            self.status.value = message(str(error), alert=True)
            return
        table = as_table(self.rows)
        table["path"] = [Path(path).name for path in table["path"]]
        self.table.value = table_html(table.round(3))
        self.download.value = download_html("photos.csv", as_table(self.rows).to_csv(index=False).encode(), "text/csv")
        failed = message("\n".join(each["error"] for each in failures), alert=True)
        self.status.value = message(accuracy_by_name(self.rows)) + failed
        photos = [(Path(row["path"]).name, i) for i, row in enumerate(self.rows) if row["kind"] == "photo"]
        self.choice.options = photos
        if photos and self.choice.index is None:
            self.choice.index = 0  # an empty menu that is filled selects nothing; this shows the photo, too
        else:
            self.show_photo()

    def show_photo(self) -> None:
        """The chosen photo with its three best guesses, and where the model looked for the first."""
        if self.choice.value is None:
            self.card.value = ""
            return
        chosen = self.rows[self.choice.value]
        model, config = self.recognizer.model, self.recognizer.config
        top3 = [(guess["label"], guess["confidence"]) for guess in chosen["top3"]]
        view = model_view(chosen["path"], config)
        looked = overlay_activation(view, activation_map(model, chosen["path"], config))
        name = Path(chosen["path"]).name
        bars = plots.plot_top3(chosen["path"], top3, title=name)
        maps = plots.plot_images([view, looked], ["what the model sees", f"what speaks for {chosen['label']}"])
        self.card.value = (
            "<div style='display:flex;align-items:center;background:white'>"
            + picture_html(bars, f"{name}: {top3[0][0]}, {top3[0][1]:.0%}", "60%")
            + picture_html(maps, f"Class-activation map of {name}", "40%")
            + "</div>"
        )

    def _open_uploads(self) -> None:
        self._keep_and_open([(file["name"], bytes(file["content"])) for file in self.upload.value])

    def _open_dropped(self, files: list[dict]) -> None:
        self._keep_and_open([(file["name"], base64.b64decode(file["data"])) for file in files])

    def _keep_and_open(self, files: list[tuple[str, bytes]]) -> None:
        try:
            paths = [keep_upload(self.folder, name, content) for name, content in files]
        except WorkoutlibError as error:
            self.status.value = message(str(error), alert=True)
            return
        if paths:
            self.recognise(paths)
