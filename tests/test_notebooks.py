"""The anatomy of the notebooks: what a reader finds in each, and what a diff must not be full of."""

import json
import re
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
TITLES = {
    "01_data_exploration": "Data exploration",
    "02_augmentation": "Augmentation",
    "03_fine_tuning": "Fine-tuning",
    "04_evaluation": "Evaluation",
    "05_image_inference": "Photos",
    "06_video_inference": "Clips",
}
COLAB = "https://colab.research.google.com/github/workoutlib/workoutlib/blob/main/notebooks/"
NAMES = list(TITLES)
IGNORED = "nbval-ignore-output"


@pytest.fixture(params=NAMES)
def name(request) -> str:
    return request.param


@pytest.fixture
def path(name) -> Path:
    return FOLDER / f"{name}.ipynb"


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


@pytest.fixture
def code(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def setup_cell(name: str):
    cells = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4).cells
    return next(cell for cell in cells if cell.cell_type == "code")


def test_there_are_no_other_notebooks():
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == NAMES


def test_it_is_valid(notebook):
    nbformat.validate(notebook)


def test_first_cell_is_title_sentence_badge_and_goals(name, notebook):
    first = notebook.cells[0]
    lines = [line for line in first.source.splitlines() if line]
    assert first.cell_type == "markdown"
    assert lines[0] == f"# {name[:2]} · {TITLES[name]}"
    assert lines[1].endswith(".") and not lines[1].startswith(("|", "[", "#"))
    assert lines[2].endswith(f"({COLAB}{name}.ipynb)")
    assert lines[3] == "| what you will do | with |"
    assert sum(line.startswith("|") for line in lines) >= 6
    assert lines[-1].startswith("You need: ")
    assert "@" not in first.source


def test_goals_name_functions_that_exist(notebook):
    import importlib

    for call in re.findall(r"`(\w+)\.(\w+)`", notebook.cells[0].source):
        room, thing = call
        if room in ("Recognizer", "ClipPrediction"):
            owner = getattr(importlib.import_module("workoutlib.inference"), room)
        else:
            owner = importlib.import_module(f"workoutlib.{room}")
        assert hasattr(owner, thing), call


def test_set_up_is_the_second_and_the_same_everywhere(name, notebook):
    assert notebook.cells[1].source.startswith("## Set-up")
    assert notebook.cells[2].id == "setup"
    assert notebook.cells[2].source == setup_cell(NAMES[0]).source
    assert notebook.cells[1].source == nbformat.read(FOLDER / f"{NAMES[0]}.ipynb", 4).cells[1].source


def test_set_up_installs_on_colab_only():
    source = setup_cell(NAMES[0]).source
    install = next(line for line in source.splitlines() if "%pip" in line)
    assert source.count("%pip") == 1
    assert install == "    %pip install -q git+https://github.com/workoutlib/workoutlib"
    before = source[: source.index(install)].splitlines()[-1]
    assert before.startswith('if "google.colab" in sys.modules:')


def test_sections_are_numbered_in_order(notebook):
    headings = re.findall(r"^## (.+)$", "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown"), re.M)
    assert headings[0] == "Set-up"
    assert headings[-2:] == ["What you learned", "Try this"]
    numbers = [int(heading.split(" · ")[0]) for heading in headings[1:-2]]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 4


def test_last_cell_is_take_away_three_tries_and_next_link(name, notebook):
    last = notebook.cells[-1].source
    learned, tries = last.split("## Try this")
    assert len(re.findall(r"^- ", learned, re.M)) >= 3
    assert len(re.findall(r"^\d\. ", tries, re.M)) == 3
    link = re.search(r"\*\*Next:\*\* .*\]\((.+?)\)", last)[1]
    following = NAMES.index(name) + 1
    assert link == (f"{NAMES[following]}.ipynb" if following < len(NAMES) else "README.md")
    assert (FOLDER / link).is_file()


def test_cells_are_short_and_explained(notebook, code):
    lengths = [len(cell.source.splitlines()) for cell in code]
    texts = len(notebook.cells) - len(code)
    assert max(lengths) <= 25
    assert 60 <= sum(lengths) <= 160
    assert texts >= len(code)


def test_nothing_is_defined_in_the_notebook(code):
    for cell in code:
        assert not re.search(r"^\s*(def|class) ", cell.source, re.M), cell.id


def test_there_is_a_panel_that_works_untouched(notebook, name):
    panels = {
        "02": "AugmentationPlayground",
        "03": "TrainingPanel",
        "04": "ErrorBrowser",
        "05": "PhotoPanel",
        "06": "ClipPanel",
    }
    if name[:2] in panels:
        assert panels[name[:2]] in "".join(cell.source for cell in notebook.cells)


def test_it_diffs_well(path, notebook):
    raw = json.loads(path.read_text(encoding="utf-8"))
    ids = [cell.id for cell in notebook.cells]
    assert path.read_text(encoding="utf-8") == json.dumps(raw, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", each) for each in ids)  # words, no random ids
    assert set(raw["metadata"]) == {"kernelspec", "language_info"}
    assert raw["metadata"]["kernelspec"]["name"] == "python3"
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags"}
        assert set(cell.metadata.get("tags", [])) <= {IGNORED}


def test_outputs_are_stored_and_clean(path, code):
    outputs = json.dumps([cell.outputs for cell in code], ensure_ascii=False)
    assert path.stat().st_size < 1_500_000
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert sum(bool(cell.outputs) for cell in code) >= len(code) - 2
    assert '"output_type": "error"' not in outputs
    assert '"name": "stderr"' not in outputs
    assert "widget-view" not in outputs
    for pattern in (r"/(root|home|work|tmp|Users)/", r"\w*Warning: ", r"\d+%\|", r"[A-Z]:\\\\"):
        assert not re.search(pattern, outputs), pattern
    for cell in code:
        for output in cell.outputs:
            text = output.get("text") or output.get("data", {}).get("text/plain", "")
            assert len(text.splitlines()) <= 40, cell.id


def test_only_a_minority_of_what_can_be_compared_is_not(notebook):
    """Cells that read the catalog, split it or show a config print the same everywhere: they are compared."""
    ignored = {cell.id for cell in notebook.cells if IGNORED in cell.metadata.get("tags", [])}
    assert ignored.isdisjoint({"catalog", "counts", "splits", "leak-sentences", "data", "model", "change", "panel"})


def test_readme_links_every_notebook():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name, title in TITLES.items():
        assert f"[{name[:2]} · {title}]({name}.ipynb)" in text
    assert not re.search(r"@\w+@", text)
