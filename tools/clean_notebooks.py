"""Strip from executed notebooks what changes with every run: widget ids and state, progress bars, execution metadata.

Where a panel was, the stored notebook shows its picture, a screenshot of JupyterLab: ``docs/panels/<notebook>.png``,
for its second panel ``<notebook>_2.png``.

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


def show_panels(notebook: nbformat.NotebookNode, pictures: Sequence[Path]) -> None:
    """Put the pictures of a notebook's panels beside the sentences that stand for them where widgets cannot run."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", []) if is_panel(output)]
    for output, picture in zip(outputs, pictures, strict=False):
        output["data"]["image/png"] = base64.b64encode(picture.read_bytes()).decode()


def is_panel(output: nbformat.NotebookNode) -> bool:
    """Whether a panel was here."""
    return bool(re.match(r"\[.+: sliders and buttons", output.get("data", {}).get("text/plain", "")))


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
        show_panels(notebook, sorted(PICTURES.glob(f"{path.stem}*.png")))
        path.write_text(json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
