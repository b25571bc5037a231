"""The notebooks: their anatomy, their stored outputs, and that each runs from top to bottom with the profile best."""

import ast
import base64
import html
import json
import re
from importlib import import_module
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import workoutlib
from workoutlib import gym, plots
from workoutlib.notebook import panels
from workoutlib.pose.weights import pose_files
from workoutlib.training import synthetic

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
TITLES = {
    "01_data_exploration": "Data exploration",
    "02_augmentation": "Augmentation",
    "03_fine_tuning": "Fine-tuning",
    "04_evaluation": "Evaluation",
    "05_image_inference": "Photos",
    "06_video_inference": "Clips",
    "07_poses": "Poses",
    "08_repetitions_and_form": "Repetitions and form",
    "09_more_data": "More data",
}
COLAB = "https://colab.research.google.com/github/workoutlib/workoutlib/blob/main/notebooks/"
NAMES = list(TITLES)
IGNORED = "nbval-ignore-output"
PANELS = {
    "02_augmentation": "AugmentationPlayground",
    "03_fine_tuning": "TrainingPanel",
    "04_evaluation": "ErrorBrowser",
    "05_image_inference": "PhotoPanel",
    "06_video_inference": "ClipPanel",
    "07_poses": "PosePanel",
    "08_repetitions_and_form": "RepetitionPanel",
    "09_more_data": "ReviewPanel",
}
# What a panel shows before anybody has touched it.
SHOWN = {
    "02_augmentation": ("<img", 'Config.profile("best"'),
    "03_fine_tuning": ('Config.profile("best"',),
    "04_evaluation": ("<table",),
    "05_image_inference": ("<img", "<table", "photos.csv"),
    "06_video_inference": ("<video", "<button", "workout.segments.csv"),
    "07_poses": ("Skeleton on", "<table"),
    "08_repetitions_and_form": ("repetitions counted", "<img"),
    "09_more_data": ("<img",),
}


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
    assert lines[3] == "| what you will do | with which function |"
    assert sum(line.startswith("|") for line in lines) >= 6
    assert re.match(r"You need: .+ Takes about \d+ (s|min)\b.*\(measured", lines[-1])


def test_goals_name_public_functions_that_the_code_uses(notebook, code):
    source = "\n".join(cell.source for cell in code)
    rows = [line for line in notebook.cells[0].source.splitlines() if line.startswith("|")][2:]
    for row in rows:
        names = re.findall(r"`([\w.]+)`", row.split("|")[2])
        assert names, row
        for name in names:
            owner, _, attribute = name.rpartition(".")
            if not owner:
                assert name in workoutlib.__all__ or name in panels.__all__, name
            else:
                assert hasattr(plots if owner == "plots" else getattr(workoutlib, owner), attribute), name
            assert re.search(rf"\b{attribute}\(", source), f"{name} is promised and not called"


def test_public_names_are_imported_from_the_package(code):
    for cell in code:
        for line in re.findall(r"^from workoutlib\.\S+ import .+$", cell.source, re.M):
            (statement,) = ast.parse(line).body
            assert not {alias.name for alias in statement.names} & set(workoutlib.__all__), line


def test_what_is_imported_exists(code):
    for cell in code:
        for line in re.findall(r"^from workoutlib\S* import .+$", cell.source, re.M):
            (statement,) = ast.parse(line).body
            for alias in statement.names:
                assert hasattr(import_module(statement.module), alias.name), line


def test_one_word_for_one_thing(notebook):
    """The model is never called a network, and so on: docs/glossary has the words."""
    texts = "\n".join(cell.source for cell in notebook.cells)
    found = re.findall(r"\b(?:networks?|judged?|judges|twins?|desk|guests?|lessons?|cheats?)\b", texts, re.I)
    assert found == []


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
    assert 60 <= sum(lengths) <= 150
    assert texts >= len(code)


def test_nothing_is_defined_in_the_notebook(code):
    for cell in code:
        assert not re.search(r"^\s*(def|class) ", cell.source, re.M), cell.id


@pytest.mark.parametrize("name", PANELS)
def test_a_cell_ends_with_the_panel(code, name):
    last = [cell.source.rstrip().splitlines()[-1] for cell in code]
    assert sum(line.startswith(f"{PANELS[name]}(") and line.endswith(")") for line in last) == 1


@pytest.fixture(scope="module")
def tiny_home(tmp_path_factory, estimator) -> tuple[Path, Path, Path]:
    """A home in which warm-up was done on three synthetic classes, a data set of three classes, the pose files' folder.

    The first two are made by the package's own functions, with fewer and smaller pictures.
    """
    pose = pose_files()[0].parent
    home, data = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("data") / "pictures"
    labels, write_dataset = ("deadlift", "plank", "squat"), gym.write_dataset
    write_dataset(data, videos=5, frames=3, stills=1, size=(160, 120), labels=labels, progress=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKOUTLIB_HOME", str(home))
        patch.setattr(
            gym,
            "write_dataset",
            lambda out, progress, **settings: write_dataset(
                out, videos=2, frames=2, stills=1, size=(160, 120), labels=labels, progress=progress
            ),
        )
        synthetic.warm_up("tf_efficientnet_lite0")
    return home, data, pose


@pytest.mark.slow
def test_it_runs_from_top_to_bottom_with_the_profile_best(name, notebook, tiny_home, monkeypatch):
    """As a person runs it on real data, whose ``auto`` is ``best``, with fewer, smaller pictures and one epoch.

    Nobody touches the panel, and yet it shows what it has to show.
    """
    home, data, pose = tiny_home
    changes = "epochs=1, resize=64, crop=64, batch_size=8, valid=0.3"
    setup = notebook.cells[2]
    assert setup.source.count("session = setup()") == 1
    setup.source = setup.source.replace("setup()", f'setup("best", data=r"{data}", {changes})')
    monkeypatch.setenv("WORKOUTLIB_HOME", str(home))
    monkeypatch.setenv("WORKOUTLIB_POSE", str(pose))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for cell in notebook.cells:
        cell.pop("outputs", None) if cell.cell_type == "markdown" else cell.update(outputs=[])
    NotebookClient(notebook, timeout=600, kernel_name="python3").execute()  # raises where a cell does
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")
    if name in PANELS:
        widgets = notebook.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
        texts = html.unescape("\n".join(str(widget["state"].get("value", "")) for widget in widgets.values()))
        for expected in SHOWN[name]:
            assert expected in texts
        assert "Please mend" not in texts  # what every alert begins with


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
    for pattern in (r"/(root|home|work|tmp|Users)/", r"\w*Warning\b", r"\d+%\|", r"[A-Z]:\\\\", r"WARNING \|"):
        assert not re.search(pattern, outputs), pattern
    for cell in code:
        for output in cell.outputs:
            text = output.get("text") or output.get("data", {}).get("text/plain", "")
            assert len(text.splitlines()) <= 40, cell.id


def test_each_panel_is_stored_with_its_picture(name, code):
    stored = sorted((FOLDER.parent / "docs/panels").glob(f"{name}*.png"))
    shown = [output.data for cell in code for output in cell.outputs if "data" in output]
    panels = [data for data in shown if re.match(r"\[.+: sliders and buttons", data.get("text/plain", ""))]
    pictures = [data.get("image/png") for data in panels]
    assert pictures == [base64.b64encode(picture.read_bytes()).decode() for picture in stored]


def test_only_a_minority_of_what_can_be_compared_is_not(notebook):
    """Cells that read the catalog, split it or show a config print the same everywhere: they are compared."""
    ignored = {cell.id for cell in notebook.cells if IGNORED in cell.metadata.get("tags", [])}
    assert ignored.isdisjoint(
        {"catalog", "counts", "splits", "leak", "data", "model", "loop", "change", "settings", "panel"}
    )


def test_readme_links_every_notebook():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name, title in TITLES.items():
        assert f"[{name[:2]} · {title}]({name}.ipynb)" in text
    assert not re.search(r"@\w+@", text)
