"""A page of results for the browser: one file of HTML beside the pictures and clips that it shows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from urllib.parse import quote

import pandas as pd
from matplotlib.figure import Figure

from workoutlib.utils.files import replacing

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 62rem; margin: 1rem auto; padding: 0 1rem; }
h1, h2, p, figcaption { overflow-wrap: anywhere; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #8884; }
.media { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(18rem, 100%), 1fr)); gap: 1rem; }
.media { margin: 1rem 0; }
figure { margin: 0; } img, video { max-width: 100%; border-radius: 6px; } .plot { background: white; }
.headline { font-size: 1.3rem; } pre { overflow-x: auto; padding: .6rem 1rem; background: #8882; border-radius: 6px; }
.small { width: 34rem; } .scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { padding: .2rem clamp(.3rem, 1.5vw, .8rem); text-align: right; border-bottom: 1px solid #8883; }
th:first-child, td:first-child { text-align: left; }
"""


class Page:
    """A page that grows from top to bottom; every text is escaped."""

    def __init__(self, folder: Path, title: str):
        self.folder, self.title, self.parts = Path(folder), title, [f"<h1>{escape(title)}</h1>"]
        self.folder.mkdir(parents=True, exist_ok=True)

    def heading(self, text: str, *, level: int = 2) -> None:
        self.parts.append(f"<h{level}>{escape(text)}</h{level}>")

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

    def figure(self, figure: Figure, name: str) -> None:
        """Store the figure as ``<name>.png`` beside the page and show it."""
        figure.savefig(self.folder / f"{name}.png", dpi=110)
        self.parts.append(f'<p><img class="plot" src="{escape(name)}.png" alt="{escape(name)}"></p>')

    def picture(self, path: Path, alternative: str) -> None:
        """A picture that lies in the page's folder or below it, with a text for those who do not see it."""
        self.parts.append(f'<p><img src="{self._source(path)}" alt="{escape(alternative)}" class="small"></p>')

    def _source(self, path: Path) -> str:
        return quote(os.fsencode(path.relative_to(self.folder).as_posix()))

    def media(self, items: list[tuple[Path, str]]) -> None:
        """Photos and playing clips with a caption each; they lie in the page's folder or below it."""
        shown = []
        for path, caption in items:
            source = self._source(path)
            tag = (
                f'<video src="{source}#t=0.5" controls loop muted playsinline preload="metadata"></video>'
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
