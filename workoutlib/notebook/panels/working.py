"""What panels share that work in the background: a bar, a Stop button, and faults shown on the page."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

import ipywidgets as widgets

from workoutlib.notebook.panels.common import Panel, message
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.progress import listening


class WorkingPanel(Panel):
    """A panel that does one thing at a time in a thread; `stop` and `bar` are to be placed among its children."""

    def __init__(self, title: str, children: Iterable[widgets.Widget]) -> None:
        super().__init__(title, children)
        self.thread: threading.Thread | None = None
        self.stop.on_click(lambda button: self._stop.set())

    def _make_work_controls(self) -> None:
        self._stop, self._bar_moved = threading.Event(), 0.0
        self.bar = widgets.FloatProgress(min=0, max=1, layout=widgets.Layout(width="200px"))
        self.stop = widgets.Button(
            description="Stop", icon="stop", tooltip="End the work under way; what was shown stays", disabled=True
        )
        self.status = widgets.HTML()

    def _in_thread(self, what: str, work: Callable[[], None]) -> None:
        self._stop.clear()
        self._enable(False)
        self.stop.disabled = False
        self.bar.value = 0
        self.status.value = message(what)
        self.thread = threading.Thread(target=self._do, args=(work,), daemon=True)
        self.thread.start()

    def _do(self, work: Callable[[], None]) -> None:
        before = self.status.value
        try:
            with listening(lambda what, done, total: self._watch(done, total)):
                work()
            self.bar.value = 1
            if self.status.value == before:
                self.status.value = ""
        except _Stopped:
            self.status.value = message("stopped")
        except WorkoutlibError as error:
            self.status.value = message(str(error), alert=True)
        except Exception as error:  # shown on the page, then raised
            self.status.value = message(f"{type(error).__name__}: {error}", alert=True)
            raise
        finally:
            self.stop.disabled = True
            self._enable(True)

    def _enable(self, enabled: bool) -> None:
        """Switch on or off what begins other work."""
        raise NotImplementedError

    def _watch(self, done: int, total: int | None) -> None:
        if self._stop.is_set():
            raise _Stopped
        now = time.monotonic()
        if total and now - self._bar_moved > 0.3:  # the page need not hear of each frame
            self._bar_moved, self.bar.value = now, done / total


class _Stopped(Exception):
    """Raised from within the work when Stop was pressed."""
