"""A page of results for the browser: one file of HTML beside the pictures and clips that it shows."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
from matplotlib.figure import Figure

from workoutlib.utils.files import replacing

Colour = tuple[int, int, int]
POSTER = ".poster.jpg"
"""What the name of a clip's still ends with: it lies beside the clip."""

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 62rem; margin: 1rem auto; padding: 0 1rem; }
h1, h2, p, figcaption { overflow-wrap: anywhere; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #8884; }
.media { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(18rem, 100%), 1fr)); gap: 1rem; }
.media { margin: 1rem 0; }
figure { margin: 0; } img, video { max-width: 100%; border-radius: 6px; } .plot { background: white; }
.headline { font-size: 1.3rem; } pre { overflow-x: auto; padding: .6rem 1rem; background: #8882; border-radius: 6px; }
.small { width: 34rem; max-width: 100%; } .scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { padding: .2rem clamp(.3rem, 1.5vw, .8rem); text-align: right; border-bottom: 1px solid #8883; }
th:first-child, td:first-child, .words td, .words th { text-align: left; }
.timeline { display: flex; margin-top: .3rem; border-radius: 6px; overflow: hidden; }
.timeline button { min-width: 2px; height: 1.8rem; border: 0; padding: 0; overflow: hidden; white-space: nowrap; }
.timeline button { cursor: pointer; font-size: .8rem; }
.leads tbody tr { position: relative; } .leads tbody tr:hover { background: #8882; }
.leads td a::after { content: ""; position: absolute; inset: 0; } a { color: inherit; }
"""


class Page:
    """A page that grows from top to bottom; every text is escaped."""

    def __init__(self, folder: Path, title: str):
        self.folder, self.title, self.parts = Path(folder), title, [f"<h1>{escape(title)}</h1>"]
        self.folder.mkdir(parents=True, exist_ok=True)

    def heading(self, text: str, *, level: int = 2, anchor: str = "") -> None:
        """A heading; `anchor` is the name by which a link of the page leads to it."""
        self.parts.append(f"<h{level}{_named(anchor)}>{escape(text)}</h{level}>")

    def text(self, text: str) -> None:
        self.parts.append(f"<p>{escape(text)}</p>")

    def headline(self, text: str) -> None:
        """The sentence that stays in mind, in larger letters."""
        self.parts.append(f'<p class="headline">{escape(text)}</p>')

    def code(self, text: str) -> None:
        """Commands to copy."""
        self.parts.append(f"<pre><code>{escape(text)}</code></pre>")

    @contextmanager
    def folded(self, summary: str) -> Iterator[None]:
        """What is added inside is hidden until somebody opens it."""
        self.parts.append(f"<details><summary>{escape(summary)}</summary>")
        yield
        self.parts.append("</details>")

    def table(self, table: pd.DataFrame) -> None:
        self.parts.append(f'<div class="scroll">{table.to_html(border=0, escape=True)}</div>')

    def moments(self, table: pd.DataFrame, times: Sequence[float], anchor: str) -> None:
        """A table whose rows, when clicked, move the clip called `anchor` to their times in seconds."""
        seek = f"document.querySelector('#{anchor} video').currentTime="
        links = [f'href="#{anchor}" onclick="{escape(seek)}{time:.3f}"' for time in times]
        self._links(table, links, index=True, classes="leads")

    def words(self, table: pd.DataFrame, anchors: Sequence[str] = ()) -> None:
        """A table of texts, without its index; its rows lead to the parts of the page that are called `anchors`."""
        self._links(table, [f'href="#{anchor}"' for anchor in anchors], index=False, classes="words leads")

    def _links(self, table: pd.DataFrame, links: Sequence[str], **options: Any) -> None:
        """A table whose rows are links with these attributes; the first column's text is what is read of them."""
        cells = table.map(lambda value: escape(str(value)))
        if links:
            cells.iloc[:, 0] = [f"<a {link}>{cell}</a>" for link, cell in zip(links, cells.iloc[:, 0], strict=True)]
        cells.columns = [escape(name) for name in cells.columns]
        justify = {} if options["index"] else {"justify": "left"}
        self.parts.append(f'<div class="scroll">{cells.to_html(border=0, escape=False, **justify, **options)}</div>')

    def figure(self, figure: Figure, name: str) -> None:
        """Store the figure as ``<name>.png`` beside the page and show it."""
        figure.savefig(self.folder / f"{name}.png", dpi=110)
        self.parts.append(f'<p><img class="plot" src="{escape(name)}.png" alt="{escape(name)}"></p>')

    def picture(self, path: Path, alternative: str) -> None:
        """A picture that lies in the page's folder or below it, with a text for those who do not see it."""
        self.parts.append(f'<p><img src="{self._source(path)}" alt="{escape(alternative)}" class="small"></p>')

    def _source(self, path: Path) -> str:
        return quote(os.fsencode(path.relative_to(self.folder).as_posix()))

    def media(self, items: list[tuple[Path, str]], anchors: Sequence[str] = ()) -> None:
        """Photos and playing clips with a caption each; they lie in the page's folder or below it."""
        shown = []
        for (path, caption), anchor in zip(items, anchors or [""] * len(items), strict=True):
            tag = f'<img src="{self._source(path)}" alt="{escape(caption)}">'
            tag = self._video(path) if path.suffix.lower() == ".mp4" else tag
            shown.append(f"<figure{_named(anchor)}>{tag}<figcaption>{escape(caption)}</figcaption></figure>")
        self.parts.append(f'<div class="media">{"".join(shown)}</div>')

    def clip(
        self, path: Path, caption: str, stretches: list[tuple[float, float, str, Colour]], anchor: str = ""
    ) -> None:
        """A playing clip above its timeline: (start, end, text, colour) of each stretch, which seeks when clicked."""
        buttons = []
        for start, end, text, colour in stretches:
            style = f"flex:{max(end - start, 1e-3):.3f} 1 0;{on_colour(colour)}"
            seek = f"this.closest('figure').querySelector('video').currentTime={start:.3f}"
            title = f"{text}, {start:.1f} to {end:.1f} s"
            buttons.append(f'<button style="{style}" onclick="{seek}" title="{escape(title)}">{escape(text)}</button>')
        timeline = f'<div class="timeline">{"".join(buttons)}</div>'
        caption = f"<figcaption>{escape(caption)}</figcaption>"
        self.parts.append(f'<figure{_named(anchor)} class="small">{self._video(path)}{timeline}{caption}</figure>')

    def _video(self, path: Path) -> str:
        poster = path.with_name(path.stem + POSTER)  # shown until the clip plays
        still = f'" poster="{self._source(poster)}"' if poster.is_file() else '#t=0.5"'
        return f'<video src="{self._source(path)}{still} controls loop muted playsinline preload="metadata"></video>'

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


def on_colour(colour: Colour) -> str:
    """CSS for text on a colour (red, green, blue in 0..255): white on dark ones, else black."""
    red, green, blue = colour
    ink = "#fff" if 0.299 * red + 0.587 * green + 0.114 * blue < 140 else "#000"
    return f"background:rgb({red},{green},{blue});color:{ink}"


def _named(anchor: str) -> str:
    """The attribute that gives an element its name."""
    return f' id="{escape(anchor)}"' if anchor else ""
