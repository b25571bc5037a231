"""The clip panel: pick or upload a clip, turn smoothing and confidence, jump along the timeline, download."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import ipywidgets as widgets

from workoutlib.notebook.panels.common import Panel, control, download_html, message, on_change, row, table_html
from workoutlib.notebook.panels.player import LARGEST_BYTES, browser_copy, player_html, timeline_html
from workoutlib.notebook.panels.upload import ChunkedUpload
from workoutlib.recognition.clips import SHORTEST_SEGMENT, SMOOTHING, ClipPrediction
from workoutlib.recognition.recognizer import Recognizer
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.paths import shown


class ClipPanel(Panel):
    """The model looks at a clip once; the sliders then work on its logits, at no cost.

    Args:
        recognizer: recognises the clips that are chosen or uploaded.
        clip: a clip that it has recognised already, shown at the start.
        paths: more clips to choose from.
        folder: where uploads and annotated copies go.
    """

    def __init__(self, recognizer: Recognizer, clip: ClipPrediction, paths: Sequence[Path], *, folder: Path) -> None:
        self.recognizer, self.clip, self.folder = recognizer, clip, Path(folder)
        self.thread: threading.Thread | None = None
        self._make_controls(clip, paths)
        self._stop, self._bar_moved = threading.Event(), 0.0
        self.status, self.player, self.timeline, self.table, self.downloads, self.copy = (
            widgets.HTML() for _ in range(6)
        )
        super().__init__(
            "Clip panel",
            [
                row(self.choice, self.upload, self.path),
                row(self.smoothing, self.confidence, self.shortest),
                row(self.annotate, self.stop, self.bar),
                self.status,
                self.player,
                self.timeline,
                self.table,
                row(self.downloads, self.copy),
            ],
        )
        self.name = f"workoutlib-{self.model_id}"
        self.add_class(self.name)
        self._show_clip(clip)
        on_change([self.smoothing, self.confidence, self.shortest], self.refresh)
        on_change([self.choice], self._choose)
        on_change([self.path], lambda: self.recognise(Path(self.path.value).expanduser()))
        self.annotate.on_click(lambda button: self.write_copy())
        self.stop.on_click(lambda button: self._stop.set())

    def _make_controls(self, clip: ClipPrediction, paths: Sequence[Path]) -> None:
        """What is chosen, turned and pressed."""
        slider = widgets.FloatSlider
        known = {Path(path).name: Path(path) for path in [clip.path, *paths]}
        self.choice = control(widgets.Dropdown, "clip", "Clips at hand", options=known, value=Path(clip.path))
        self.upload = ChunkedUpload(self.recognise, self.folder, accept="video/*", description="Upload a clip")
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
        self.bar = widgets.FloatProgress(min=0, max=1, layout=widgets.Layout(width="300px"))
        self.stop = widgets.Button(
            description="Stop", icon="stop", tooltip="End the work under way; what was shown stays", disabled=True
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
        self.timeline.value = timeline_html(segments, self.clip.duration, self.name)
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

    def _in_thread(self, what: str, work: Callable[[], None]) -> None:
        self._stop.clear()
        self._enable(False)
        self.bar.value = 0
        self.status.value = message(what)
        self.thread = threading.Thread(target=self._do, args=(work,), daemon=True)
        self.thread.start()

    def _do(self, work: Callable[[], None]) -> None:
        try:
            work()
            self.bar.value, self.status.value = 1, ""
        except _Stopped:
            self.status.value = message("stopped")
        except WorkoutlibError as error:
            self.status.value = message(str(error), alert=True)
        except Exception as error:  # shown on the page, then raised
            self.status.value = message(f"{type(error).__name__}: {error}", alert=True)
            raise
        finally:
            self.choice.value = self.clip.path  # the menu names what is shown, also after a clip that was not opened
            self._enable(True)

    def _enable(self, enabled: bool) -> None:
        for each in (self.annotate, self.choice, self.upload, self.path):
            each.disabled = not enabled
        self.stop.disabled = enabled

    def _watch(self, done: int, total: int | None) -> None:
        if self._stop.is_set():
            raise _Stopped
        now = time.monotonic()
        if total and now - self._bar_moved > 0.3:  # the page need not hear of each frame
            self._bar_moved, self.bar.value = now, done / total


class _Stopped(Exception):
    """Raised from within a clip's work when Stop was pressed."""
