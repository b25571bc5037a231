"""The review panel: what a model was not sure of, one click or one key a clip."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from html import escape
from pathlib import Path

import ipywidgets as widgets

from workoutlib.collection.review import ReviewQueue
from workoutlib.data.annotations import Annotations
from workoutlib.data.transforms import to_square
from workoutlib.labels import LABELS
from workoutlib.notebook.panels.common import Bridge, Panel, message, picture_html, row
from workoutlib.utils.errors import WorkoutlibError

SHOWN = 4
"""Pictures that are shown of a clip."""
OTHER, NONE = "another exercise …", "not an exercise"
# What stays around the pictures hears the keys: they change, and would lose the focus. JupyterLab's own keys rest.
_KEYS = """const holder = this.closest('.widget-html');
holder.tabIndex = 0; holder.dataset.lmSuppressShortcuts = 'true';
holder.onkeydown = event => {
  if (event.ctrlKey || event.metaKey || event.altKey || !'123nsu'.includes(event.key)) return;
  event.preventDefault(); BRIDGE
}"""


class ReviewPanel(Panel):
    """Label the clips and photos that wait in a data set; ``panel.annotations`` holds what was said.

    The doubtful ones come first (`review_order`). Every click is stored at once: closing the page loses nothing.

    Args:
        annotations: those of `annotate_media`, or the folder that they lie in.
        labels: the exercises to choose from.
    """

    def __init__(self, annotations: Annotations | str | Path, labels: Sequence[str] = LABELS) -> None:
        self.queue = ReviewQueue(annotations)
        self.annotations = self.queue.annotations
        self.bridge = Bridge(self._key)
        self.progress = widgets.IntProgress(0, 0, max(len(self.queue.order), 1), layout=widgets.Layout(width="300px"))
        self.status, self.pictures = widgets.HTML(), widgets.HTML()
        wide = widgets.Layout(width="auto")
        self.top3 = [widgets.Button(layout=wide) for _ in range(3)]
        for number, button in enumerate(self.top3):
            button.on_click(partial(self._press, number))
        self.other = widgets.Dropdown(options=[OTHER, *labels], layout=wide)
        self.other.observe(self._choose, names="value")
        self.none = widgets.Button(description=f"{NONE} (n)", layout=wide)
        self.none.on_click(lambda _: self.decide(None))
        self.later = widgets.Button(description="skip (s)", layout=wide)
        self.later.on_click(lambda _: self.skip())
        self.back = widgets.Button(description="undo (u)", layout=wide)
        self.back.on_click(lambda _: self.undo())
        buttons = row(*self.top3, self.other, self.none, self.later, self.back)
        super().__init__("Review", [row(self.progress, self.status), self.pictures, buttons, self.bridge])
        self._show()

    def decide(self, label: str | None) -> None:
        """Store what the clip that is shown is, ``None``: no exercise, and show the next."""
        self.queue.decide(label)
        self._show()

    def skip(self) -> None:
        """Leave the clip that is shown for another time, and show the next."""
        self.queue.skip()
        self._show()

    def undo(self) -> None:
        """Take the last answer back, and show its clip again."""
        self.queue.undo()
        self._show()

    def _press(self, number: int, _: widgets.Button | None = None) -> None:
        if number < len(guesses := self.queue.guesses()):
            self.decide(guesses[number])

    def _choose(self, change: dict) -> None:
        if change["new"] != OTHER:
            self.decide(change["new"])

    def _key(self, key: str) -> None:
        if key in ("1", "2", "3"):
            self._press(int(key) - 1)
        elif key == "n":
            self.decide(None)
        elif key == "s":
            self.skip()
        elif key == "u":
            self.undo()

    def _show(self) -> None:
        queue = self.queue
        done, guesses = queue.current is None, queue.guesses()
        self.progress.value, self.other.value = queue.place, OTHER
        for number, button in enumerate(self.top3):
            label = guesses[number] if number < len(guesses) else ""
            button.description, button.disabled = f"{label} ({number + 1})", not label
        self.none.disabled = self.later.disabled = self.other.disabled = done
        self.back.disabled = not queue.can_undo
        reviewed = f"{queue.place - queue.skipped} of {len(queue.order)} reviewed"
        if done:
            left = f"; {queue.skipped} skipped: they wait for the next time" if queue.skipped else ""
            self.status.value = message(f"{reviewed}; nothing is left to look at{left}")
            self.pictures.value = ""
            return
        about = queue.about()
        self.status.value = message(f"{reviewed}. Now: {about}")
        keys = escape(_KEYS.replace("BRIDGE", self.bridge.code("event.key")), quote=True)
        images = [_picture(path, f"picture {place} of {about}") for place, path in enumerate(queue.pictures(SHOWN), 1)]
        grid = "display:grid;grid-template-columns:repeat(auto-fit,minmax(min(140px,45%),1fr));gap:.3em"
        shown = "".join(images).replace("<img", f'<img onload="{keys}"', 1)
        self.pictures.value = f"<div style='{grid}'>{shown}</div>"


def _picture(path: Path, alt: str) -> str:
    """A picture as HTML, or why it cannot be shown: the clip can be answered all the same."""
    try:
        return picture_html(to_square(path, size=224, resize_mode="squash"), alt)
    except WorkoutlibError as error:  # gone or damaged since the start
        return message(str(error), alert=True)
