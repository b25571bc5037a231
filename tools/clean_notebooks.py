"""Strip from executed notebooks what changes with every run: widget ids and state, progress bars, execution metadata.

Where a panel was, the stored notebook shows its picture, ``docs/panels/<notebook>.png``: a screenshot of JupyterLab.

python tools/clean_notebooks.py [NOTEBOOK ...]     default: all of notebooks/
"""

import base64
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
PICTURES = NOTEBOOKS.with_name("docs") / "panels"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def clean(notebook: nbformat.NotebookNode) -> None:
    """Keep sources, tags and what is to be read."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({"tags": cell.metadata["tags"]} if "tags" in cell.metadata else {})
        if cell.cell_type == "code":
            cell.outputs = joined([output for output in cell.outputs if not is_debris(output)])
            for output in cell.outputs:
                output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
                if "metadata" in output:
                    output["metadata"] = {}


def show_panels(notebook: nbformat.NotebookNode, picture: Path) -> None:
    """Put the picture of a notebook's first panel beside the sentence that stands for it where widgets cannot run."""
    content = base64.b64encode(picture.read_bytes()).decode()
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if re.match(r"\[.+: sliders and buttons", output.get("data", {}).get("text/plain", "")):
                output["data"]["image/png"] = content
                return


def is_debris(output: nbformat.NotebookNode) -> bool:
    """Progress bars, and what libraries write to stderr."""
    shown = output.get("data", {}).get("text/plain", "")
    return output.get("name") == "stderr" or bool(re.search(r"\d+%\|", shown))


def joined(outputs: list) -> list:
    """Neighbouring pieces of printed text as one."""
    whole: list = []
    for output in outputs:
        if whole and output.output_type == whole[-1].output_type == "stream":
            whole[-1].text += output.text
        else:
            whole.append(output)
    return whole


def main(paths: Sequence[str]) -> None:
    for path in map(Path, paths or sorted(NOTEBOOKS.glob("*.ipynb"))):
        notebook = nbformat.read(path, 4)
        clean(notebook)
        if (picture := PICTURES / f"{path.stem}.png").is_file():
            show_panels(notebook, picture)
        path.write_text(json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
