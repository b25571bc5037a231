"""Files from the page to Python in parts: one message per file would be cut off by the server at 10 MB."""

from __future__ import annotations

import base64
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import traitlets

from workoutlib.notebook.panels.common import Bridge, keep_upload, message, upload_name
from workoutlib.utils.errors import WorkoutlibError

LARGEST_UPLOAD = 500_000_000  # bytes
PART = 1_500_000  # bytes; 2 MB as base64, and Jupyter's server closes the connection at a message above 10 MB
SILENCE = 60  # seconds without an answer after which the page gives up

# The next part is sent when Python has said that it holds the one before: the page never runs ahead.
_SEND = """(async () => {
const field = this.closest('label'), input = field.querySelector('input');
const files = [...(event.dataTransfer?.files ?? input.files)].slice(0, MULTIPLE ? undefined : 1);
if (!files.length || input.disabled) return;
const state = () => document.querySelector('.NAME .state');
const tell = text => { state().textContent = text; };
const file = files.find(file => file.size > LARGEST);
if (file) { tell(`${file.name}: ${(file.size / 1e6).toFixed(0)} MB; at most MEGABYTES MB. ` +
  'Cut it, or give its path instead.'); input.value = ''; return; }
input.disabled = true;
const read = part => new Promise((done, fail) => {
  const reader = new FileReader();
  reader.onload = () => done(reader.result.split(',')[1] || '');
  reader.onerror = () => fail(reader.error);
  reader.readAsDataURL(part);
});
try {
 for (const [number, file] of files.entries()) {
  const id = `${Date.now()}${number}`, rest = files.length - 1 - number;
  for (let at = 0; at < file.size || at === 0; at += PART) {
    const data = await read(file.slice(at, at + PART)), end = Math.min(at + PART, file.size);
    const part = {id, name: file.name, size: file.size, at, data, rest};
    BRIDGE
    const until = Date.now() + SILENCE;
    while (!(state().dataset.id === id && Number(state().dataset.held) >= end)) {
      if (state().dataset.id === id && state().dataset.failed) return;
      if (Date.now() > until) { tell('The kernel does not answer: is it busy or stopped? Try again.'); return; }
      await new Promise(done => setTimeout(done, 20));
    }
  }
 }
} catch (error) { tell(`The file cannot be read: ${error}`); }
finally { input.disabled = false; input.value = ''; }
})()"""


class _Parts(Bridge):
    """A bridge whose messages the server does not send back to the page: each would count twice."""

    value = traitlets.Unicode("").tag(sync=True, echo_update=False)


class ChunkedUpload(widgets.HBox):
    """A file field, to drop on too, that sends files in parts and shows how far it is.

    Args:
        receive: gets the paths of the files when all that were chosen have arrived.
        folder: where the files go, under their own names.
        accept: kinds of file to choose from, as in HTML.
        description: what the field is called.
        multiple: take several files at once.
    """

    def __init__(
        self,
        receive: Callable[[list[Path]], None],
        folder: Path,
        *,
        accept: str,
        description: str,
        multiple: bool = False,
    ):
        self.receive, self.folder, self.accept, self.label = receive, Path(folder), accept, description
        self.multiple, self._id, self._held = multiple, "", 0
        self._arrived: list[Path] = []
        self.field, self.state = widgets.HTML(), widgets.HTML()
        self.bridge = _Parts(self._take)
        wrapped = widgets.Layout(flex_flow="row wrap", align_items="center")
        super().__init__([self.field, self.state, self.bridge], layout=wrapped)
        self.name = f"workoutlib-{self.model_id}"
        self.add_class(self.name)
        self.disabled = False
        self._show("")

    @property
    def disabled(self) -> bool:
        """Whether no file can be chosen."""
        return self._disabled

    @disabled.setter
    def disabled(self, disabled: bool) -> None:
        self._disabled = disabled
        script = _SEND.replace("BRIDGE", self.bridge.code("part")).replace("NAME", self.name)
        for word, number in {
            "LARGEST": LARGEST_UPLOAD,
            "MEGABYTES": LARGEST_UPLOAD // 10**6,
            "PART": PART,
            "SILENCE": 1000 * SILENCE,
            "MULTIPLE": int(self.multiple),
        }.items():
            script = script.replace(word, str(number))
        send, options = escape(script, quote=True), " multiple" * self.multiple + " disabled" * disabled
        self.field.value = (
            f'<label class="drop" ondragover="event.preventDefault()" ondrop="event.preventDefault(); {send}" '
            "style='border:1px dashed;border-radius:4px;padding:.3em .6em;display:inline-block'>"
            f"{escape(self.label)} <input type='file' accept='{self.accept}' style='max-width:14em'{options} "
            f'onchange="{send}"> or drop</label>'
        )

    def _take(self, part: dict[str, Any]) -> None:
        """Append one part; the last one hands the file on."""
        try:
            path = self._append(part)
        except (WorkoutlibError, OSError) as error:
            self._arrived = []
            self._show(message(str(error), alert=True), failed=True)
            return
        finally:
            self.bridge.value = ""  # a stored notebook must not hold the last part
        share = self._held / max(part["size"], 1)
        self._show(f"<progress value='{share:.3f}' aria-label='Upload'></progress> {share:.0%}")
        if self._held == part["size"]:
            self._arrived.append(path.replace(path.with_name(upload_name(part["name"]))))
            if not part["rest"]:
                arrived, self._arrived = self._arrived, []
                self.receive(arrived)

    def _append(self, part: dict[str, Any]) -> Path:
        name, data = upload_name(part["name"]), base64.b64decode(part["data"])
        begun = f"upload-{int(part['id'])}.part"
        if part["at"] == 0:
            self._id, self._held = part["id"], 0
            for broken in self.folder.glob("upload-*.part"):  # of a page that was closed meanwhile
                broken.unlink()
            keep_upload(self.folder, begun, b"")
        path = self.folder / begun
        in_turn = (part["id"], part["at"]) == (self._id, self._held) and path.is_file()
        if not in_turn or self._held + len(data) > LARGEST_UPLOAD:
            raise WorkoutlibError(f"{name}: a part is missing or too many; choose the file again")
        with path.open("ab") as file:
            file.write(data)
        self._held += len(data)
        return path

    def _show(self, inner: str, *, failed: bool = False) -> None:
        mark = "data-failed='1'" if failed else ""
        self.state.value = f"<span class='state' data-id='{self._id}' data-held='{self._held}' {mark}>{inner}</span>"
