"""The clip panel: pick or upload a clip, turn smoothing and confidence, jump along the timeline, download."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import ipywidgets as widgets

from workoutlib.notebook.panels.common import (
    columns,
    control,
    download_html,
    message,
    on_change,
    on_path,
    row,
    table_html,
)
from workoutlib.notebook.panels.player import LARGEST_BYTES, browser_copy, player_html, timeline_html
from workoutlib.notebook.panels.upload import ChunkedUpload
from workoutlib.notebook.panels.working import WorkingPanel
from workoutlib.recognition.clips import SHORTEST_SEGMENT, SMOOTHING, ClipPrediction
from workoutlib.recognition.recognizer import Recognizer
from workoutlib.utils.paths import shown


class ClipPanel(WorkingPanel):
    """The model looks at a clip once; the sliders then work on its logits, at no cost.

    Args:
        recognizer: recognises the clips that are chosen or uploaded.
        clip: a clip that it has recognised already, shown at the start.
        paths: more clips to choose from.
        folder: where uploads and annotated copies go.
    """

    def __init__(self, recognizer: Recognizer, clip: ClipPrediction, paths: Sequence[Path], *, folder: Path) -> None:
        self.recognizer, self.clip, self.folder = recognizer, clip, Path(folder)
        self._make_controls(clip, paths)
        self._make_work_controls()
        self.player, self.timeline, self.table, self.downloads, self.copy = (widgets.HTML() for _ in range(5))
        super().__init__(
            "Clip panel",
            [
                row(self.choice, self.upload, self.path),
                row(self.annotate, self.stop, self.bar, self.status),
                columns((self.player, self.timeline), (self.table, self.downloads, self.copy)),
                row(self.smoothing, self.confidence, self.shortest),
            ],
        )
        self.name = f"workoutlib-{self.model_id}"
        self.add_class(self.name)
        self._show_clip(clip)
        on_change([self.smoothing, self.confidence, self.shortest], self.refresh)
        on_change([self.choice], self._choose)
        on_path(self.path, self.recognise)
        self.annotate.on_click(lambda button: self.write_copy())

    def _make_controls(self, clip: ClipPrediction, paths: Sequence[Path]) -> None:
        """What is chosen, turned and pressed."""
        slider = widgets.FloatSlider
        # of two with one name, the clip that is shown
        known = {Path(path).name: Path(path) for path in [clip.path, *paths]} | {Path(clip.path).name: Path(clip.path)}
        self.choice = control(widgets.Dropdown, "clip", "Clips at hand", options=known, value=Path(clip.path))
        self.upload = ChunkedUpload(
            lambda paths: self.recognise(paths[0]), self.folder, accept="video/*", description="Upload a clip"
        )
        self.path = control(
            widgets.Text,
            "or its path",
            "Path of a clip on the machine that runs this notebook",
            placeholder="folder/clip.mp4",
            continuous_update=False,
        )
        self.smoothing = control(
            slider,
            "smoothing (s)",
            "Width of the window over which predictions are averaged",
            min=0,
            max=3,
            step=0.1,
            value=SMOOTHING,
        )
        self.confidence = control(
            slider, "confidence", "Less confident frames count as unknown", min=0, max=1, step=0.05, value=0
        )
        self.shortest = control(
            slider,
            "shortest (s)",
            "Shorter stretches are given to their longer neighbour",
            min=0,
            max=2,
            step=0.1,
            value=SHORTEST_SEGMENT,
        )
        self.annotate = widgets.Button(
            description="Annotate", icon="film", tooltip="Write a copy with the labels on it"
        )

    def recognise(self, path: Path) -> None:
        """Recognise another clip, in a thread."""
        self._in_thread(
            f"the model looks at {path.name} …",
            lambda: self._show_clip(self.recognizer.predict_clip(path, progress=False, on_frames=self._watch)),
        )

    def _choose(self) -> None:
        if self.choice.value != self.clip.path:
            self.recognise(self.choice.value)

    def refresh(self) -> None:
        """Smooth and cut into segments anew, from the stored logits."""
        segments = self.clip.segments(self.smoothing.value, self.shortest.value, self.confidence.value)
        self.timeline.value = timeline_html(segments, self.clip.duration, self.name, width=560)
        self.table.value = table_html(segments.round(2))
        stem = self.clip.path.stem
        tables = {f"{stem}.frames.csv": self.clip.frames(self.smoothing.value), f"{stem}.segments.csv": segments}
        self.downloads.value = " &nbsp; ".join(
            download_html(name, table.to_csv(index=False).encode(), "text/csv") for name, table in tables.items()
        )

    def write_copy(self) -> None:
        """Write the annotated H.264 copy in a thread, and offer it for download unless it is too large for a page."""
        self._in_thread(f"annotating {self.clip.path.name} …", self._write_copy)

    def _write_copy(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self.folder / f"{self.clip.path.stem}.annotated.mp4"
        self.recognizer.annotate_clip(
            self.clip, target, smoothing=self.smoothing.value, progress=False, on_frames=self._watch
        )
        self.player.value = player_html(browser_copy(target, self.folder), self.name)
        if target.stat().st_size > LARGEST_BYTES:
            self.copy.value = message(f"Too large for a page: the annotated copy is {shown(target)}")
        else:
            self.copy.value = download_html(target.name, target.read_bytes(), "video/mp4")

    def _show_clip(self, clip: ClipPrediction) -> None:
        self.clip, self.copy.value = clip, ""
        self.player.value = player_html(browser_copy(clip.path, self.folder), self.name)
        if self.choice.value != clip.path:  # uploaded or typed: from now on it is in the menu, too
            others = {name: path for name, path in dict(self.choice.options).items() if name != clip.path.name}
            self.choice.options = {clip.path.name: clip.path, **others}  # selects the first
        self.refresh()

    def _do(self, work: Callable[[], None]) -> None:
        try:
            super()._do(work)
        finally:
            self.choice.value = self.clip.path  # the menu names what is shown, also after a clip that was not opened

    def _enable(self, enabled: bool) -> None:
        for each in (self.annotate, self.choice, self.upload, self.path):
            each.disabled = not enabled
