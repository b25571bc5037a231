"""What all panels share: the frame around them, pictures and downloads as HTML, a way from the page to Python."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workoutlib.config import Config
from workoutlib.media.images import encode_jpeg
from workoutlib.notebook.figures import picture_kind, render
from workoutlib.plots.common import BLUE, VERMILION
from workoutlib.utils.errors import WorkoutlibError

ANY = "any"
FREE_CAMERA = "video.srcObject?.getTracks().forEach(track => track.stop());"
"""JavaScript that switches off the camera that a ``video`` shows; nothing happens where it shows none."""
SHOW_CAMERA = f"{FREE_CAMERA} video.srcObject = stream; video.play().catch(() => 'interrupted by the next start');"
"""JavaScript that lets a ``video`` show a ``stream``, in place of the one that it shows: who presses twice has one."""


def require_widgets() -> None:
    """Say in one sentence that the panels need a newer ipywidgets: an old Colab has version 7."""
    if int(widgets.__version__.partition(".")[0]) < 8:
        text = f"the panels need ipywidgets 8.1 or later, here is {widgets.__version__}"
        raise WorkoutlibError(f'{text}: run  pip install "ipywidgets>=8.1"  and restart the runtime')


require_widgets()


class Panel(widgets.VBox):
    """A column of controls under a title; where widgets cannot run, as on GitHub, one line says what is here."""

    def __init__(self, title: str, children: Iterable[widgets.Widget]):
        require_widgets()
        heading = widgets.HTML(f"<h3 style='margin:.2em 0'>{escape(title)}</h3>")
        super().__init__([heading, *children], layout=widgets.Layout(max_width="1000px"))
        self.title = title

    def _repr_mimebundle_(self, **kwargs: Any) -> dict:
        text = f"[{self.title}: sliders and buttons, to be seen in JupyterLab or on Colab]"
        return {**super()._repr_mimebundle_(**kwargs), "text/plain": text}


def control(kind: type[widgets.Widget], description: str, tooltip: str, **options: Any) -> widgets.Widget:
    """A slider, switch or field of one width, with its explanation on hover; it speaks when it is released."""
    if issubclass(kind, widgets.IntSlider | widgets.FloatSlider | widgets.FloatLogSlider):
        decimals = 0 if options.get("step", 1) >= 1 else 1 if options["step"] >= 0.1 else 2
        if issubclass(kind, widgets.FloatSlider):
            options = {"readout_format": f".{decimals}f", **options}
        options = {"continuous_update": False, **options}
    style = {"description_width": "100px"}
    layout = widgets.Layout(width="300px", max_width="98%")  # with its margins as wide as a narrow page
    return kind(description=description, tooltip=tooltip, style=style, layout=layout, **options)


def set_value(field: widgets.Widget, value: Any) -> None:
    """Give a control a value; a slider that ends before it grows, which would else cut it off."""
    if isinstance(field, widgets.FloatLogSlider):
        end = math.log(value, field.base)
        field.min, field.max = min(field.min, math.floor(end)), max(field.max, math.ceil(end))
    elif isinstance(field, widgets.IntSlider | widgets.FloatSlider):
        field.min, field.max = min(field.min, value), max(field.max, value)
    field.value = value


def row(*children: widgets.Widget) -> widgets.HBox:
    """Controls beside each other, on the next line where the page is narrow."""
    return widgets.HBox(children, layout=widgets.Layout(flex_flow="row wrap", align_items="center"))


def columns(left: Iterable[widgets.Widget], right: Iterable[widgets.Widget], width: int = 400) -> widgets.HBox:
    """Two columns, the left one `width` pixels or more; below each other on a narrow page; the right one scrolls."""
    wide = widgets.Layout(flex=f"1 1 {width}px", min_width="min(300px, 100%)", max_width=f"{max(width, 560)}px")
    narrow = widgets.Layout(flex="1 1 260px", min_width="min(260px, 100%)", max_height="520px", overflow="auto")
    boxes = [widgets.VBox(list(left), layout=wide), widgets.VBox(list(right), layout=narrow)]
    return widgets.HBox(boxes, layout=widgets.Layout(flex_flow="row wrap", align_items="flex-start"))


def on_change(controls: Iterable[widgets.Widget], call: Callable[[], None]) -> None:
    """Call without arguments whenever one of the controls gets another value."""
    for each in controls:
        each.observe(lambda change: call(), names="value")


def on_path(field: widgets.Text, call: Callable[[Path], None]) -> None:
    """Call with the path that is typed into a field; an empty one is none, and not the current folder."""
    on_change([field], lambda: call(Path(field.value.strip()).expanduser()) if field.value.strip() else None)


def message(text: str, *, alert: bool = False) -> str:
    """A line of text as HTML; an alert is marked by a word and a line, not by colour alone."""
    if not text:
        return ""
    mark, role = ("<b>Please mend: </b>", "alert") if alert else ("", "status")
    edge = f"border-left:4px solid {VERMILION};padding-left:.6em;" if alert else ""
    return f"<div role='{role}' style='{edge}line-height:1.4;white-space:pre-wrap'>{mark}{escape(text)}</div>"


def code_html(code: str) -> str:
    """A line of Python to copy."""
    return f"<code style='user-select:all;white-space:pre-wrap'>{escape(code)}</code>"


def picture_html(picture: Figure | np.ndarray, alt: str, width: str = "100%", least: int = 0) -> str:
    """A figure or a uint8 RGB array (H, W, 3) as an ``<img>`` that holds its own data.

    Args:
        least: pixels, its width on a narrow page, where it is scrolled.
    """
    if isinstance(picture, Figure):
        data, kind = render(picture), picture_kind(picture)
    else:
        data, kind = encode_jpeg(picture), "jpeg"
    style = f"max-width:{width};height:auto;background:white" + f";min-width:{least}px" * bool(least)
    image = f"<img alt='{escape(alt, quote=True)}' style='{style}' src='{data_url(data, f'image/{kind}')}'>"
    return scrolled(image) if least else image


def scrolled(html: str) -> str:
    """What is wider than a narrow page, with a scroll bar of its own; as wide as the page lets it be."""
    return f"<div style='overflow-x:auto;width:0;min-width:100%'>{html}</div>"  # its content asks for no room


def gallery_html(pictures: Sequence[np.ndarray], captions: Sequence[str], columns: int) -> str:
    """Pictures under their captions, as large as the page leaves them room; the page's own colours around them.

    Args:
        columns: at most; fewer on a narrow page.
    """
    about = "white-space:pre-line;overflow-wrap:anywhere;line-height:1.3"
    cells = "".join(
        f"<figure style='margin:0'><figcaption style='{about}'>{escape(text)}</figcaption>"
        f"{picture_html(pixels, text)}</figure>"
        for pixels, text in zip(pictures, captions, strict=True)
    )
    share = f"(100% - {columns - 1} * .5em) / {columns}"
    grid = f"display:grid;grid-template-columns:repeat(auto-fill,minmax(max(7em,{share}),1fr));gap:.5em;align-items:end"
    return f"<div style='{grid}'>{cells}</div>"


def bars_html(shares: Sequence[tuple[str, float]]) -> str:
    """Names, each with a bar and its per cent."""
    rows = "".join(
        f"<tr><td style='padding-right:.8em'>{escape(name)}</td><td style='width:50%'>"
        f"<div style='background:{BLUE};height:1em;width:{max(share, 0.005):.1%}'></div></td>"
        f"<td style='text-align:right;padding-left:.8em'>{share:.0%}</td></tr>"
        for name, share in shares
    )
    return f"<table style='width:100%;border-collapse:collapse'>{rows}</table>"


def data_url(content: bytes, mime: str) -> str:
    """A file as an address that carries its content: nothing has to be served."""
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"


def download_html(name: str, content: bytes, mime: str) -> str:
    """A link that saves a file."""
    link = f"download='{escape(name, quote=True)}' href='{data_url(content, mime)}'"
    # JupyterLab takes the underline from links, and then they look like any text.
    return f"<a {link} style='text-decoration:underline'>Download {escape(name)}</a>"


def table_html(table: pd.DataFrame) -> str:
    """A table with air between its columns, and headings that stand above what they name."""
    cells = ".workoutlib-table th, .workoutlib-table td {padding: .1em 1.2em .1em 0; text-align: left !important}"
    body = table.to_html(index=False, border=0, classes="workoutlib-table", justify="left")
    return f"<style>{cells}</style><div style='overflow-x:auto'>{body}</div>"


def as_code(config: Config) -> str:
    """The line of Python that builds a config: ``Config.profile("quick", epochs=3)``."""
    changes = [f"{name}={value!r}" for name, value in config.changes().items() if name != "name"]
    return f"Config.profile({', '.join([json.dumps(config.name), *changes])})"


def upload_name(name: str) -> str:
    """The name of an uploaded file without any folder that it may hold."""
    safe = Path(name.replace("\\", "/")).name
    if not safe or safe.startswith("."):
        raise WorkoutlibError(f"{name!r} is no name for a file: rename it and upload it again")
    return safe


def keep_upload(folder: Path, name: str, content: bytes) -> Path:
    """Store an uploaded file under its own name."""
    path = folder / upload_name(name)
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


class Bridge(widgets.Textarea):
    """A hidden text field: JavaScript on the page writes JSON into it, `receive` gets that in Python."""

    def __init__(self, receive: Callable[[Any], None]):
        super().__init__(layout=widgets.Layout(display="none"))
        self.name = f"workoutlib-{self.model_id}"
        self.add_class(self.name)
        self._receive = receive
        self.observe(self._pass_on, names="value")

    def _pass_on(self, change: Any) -> None:
        if change["new"]:
            self._receive(json.loads(change["new"])["sent"])

    def script(self, expression: str) -> str:
        """JavaScript that sends the value of an expression; safe inside a double-quoted HTML attribute."""
        return escape(self.code(expression), quote=True)

    def code(self, expression: str) -> str:
        """The same as plain JavaScript."""
        return (
            f"const box = document.querySelector('.{self.name} textarea');"
            # The time makes each message new: a value that stays the same is not sent.
            f"box.value = JSON.stringify({{at: Date.now(), sent: {expression}}});"
            "box.dispatchEvent(new Event('input', {bubbles: true}));"
            "box.dispatchEvent(new Event('change', {bubbles: true}));"
        )
