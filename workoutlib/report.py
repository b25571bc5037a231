"""The demo's page: one HTML file beside the figures, photos and clips that it shows."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path
from urllib.parse import quote

import pandas as pd
from matplotlib.figure import Figure

from workoutlib.files import replacing

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #8884; }
.media { display: grid; grid-template-columns: repeat(auto-fill, minmax(18rem, 1fr)); gap: 1rem; }
figure { margin: 0; } img, video { max-width: 100%; border-radius: 6px; } .plot { background: white; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { padding: .2rem .8rem; text-align: right; border-bottom: 1px solid #8883; }
th:first-child, td:first-child { text-align: left; }
"""


class Page:
    """A page that grows from top to bottom; every text is escaped."""

    def __init__(self, folder: Path, title: str):
        self.folder, self.title, self.parts = Path(folder), title, [f"<h1>{escape(title)}</h1>"]
        self.folder.mkdir(parents=True, exist_ok=True)

    def heading(self, text: str) -> None:
        self.parts.append(f"<h2>{escape(text)}</h2>")

    def text(self, text: str) -> None:
        self.parts.append(f"<p>{escape(text)}</p>")

    def table(self, table: pd.DataFrame) -> None:
        self.parts.append(table.to_html(border=0, escape=True))

    def figure(self, figure: Figure, name: str) -> None:
        """Store the figure as ``<name>.png`` beside the page and show it."""
        figure.savefig(self.folder / f"{name}.png", dpi=110)
        self.parts.append(f'<p><img class="plot" src="{escape(name)}.png" alt="{escape(name)}"></p>')

    def media(self, items: list[tuple[Path, str]]) -> None:
        """Photos and playing clips with a caption each."""
        shown = []
        for path, caption in items:
            source = quote(os.fsencode(path.relative_to(self.folder).as_posix()))
            tag = (
                f'<video src="{source}" controls loop muted playsinline preload="metadata"></video>'
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
