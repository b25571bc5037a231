"""The set-up cell as Colab runs it: a wheel built from the tree, no checkout, Google's package at hand."""

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SOURCE = "git+https://github.com/workoutlib/workoutlib"

# Colab has imported its package before the first cell runs. What the cell picks goes to a file.
RUNNER = """\
import json, sys
from pathlib import Path
import google.colab
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
shell.run_cell(Path("cell.txt").read_text(encoding="utf-8")).raise_error()
shell.run_cell("kept = setup(drive=True)").raise_error()
import workoutlib
found = {
    "package": workoutlib.__file__,
    "data": str(shell.user_ns["session"].data),
    "outputs": str(shell.user_ns["session"].outputs),
    "on drive": shell.user_ns["kept"].outputs.as_posix(),
    "mounted": google.colab.drive.mounted,
}
Path("found.json").write_text(json.dumps(found), encoding="utf-8")
"""

DRIVE = """\
mounted = []


def mount(mountpoint):
    mounted.append(mountpoint)
"""


def setup_cell(notebook: Path) -> str:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return "".join(next(cell for cell in cells if cell["id"] == "setup")["source"])


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The package as a wheel, built without a network from a copy that holds only what git keeps."""
    try:
        found = Version(version("setuptools"))
    except PackageNotFoundError:
        pytest.skip("setuptools is not installed here, and without a network pip cannot fetch it")
    if found < Version("77"):
        pytest.skip(f"pyproject.toml asks for setuptools 77, here is {found}")
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    shutil.copytree(ROOT / "workoutlib", tree / "workoutlib", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    command = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(tree)]
    subprocess.run([sys.executable, "-m", "pip", *command], check=True, timeout=300)
    (built,) = folder.glob("workoutlib-*.whl")
    return built


def test_every_notebook_has_the_same_setup_cell():
    cells = {notebook.stem: setup_cell(notebook) for notebook in NOTEBOOKS}
    assert len(cells) >= 6 and len(set(cells.values())) == 1, cells
    assert f"%pip install -q {SOURCE}\n" in cells["01_data_exploration"]


@pytest.mark.slow
def test_the_setup_cell_installs_the_wheel_and_keeps_results_on_drive(wheel, tmp_path):
    packages, google, content = (tmp_path / name for name in ("packages", "google_colab", "content"))
    (google / "google/colab").mkdir(parents=True)
    (google / "google/colab/__init__.py").write_text("from . import drive\n")
    (google / "google/colab/drive.py").write_text(DRIVE)
    packages.mkdir()
    content.mkdir()
    install = f'--no-deps --no-index --no-warn-conflicts --target "{packages}" "{wheel}"'
    cell = setup_cell(NOTEBOOKS[0]).replace(SOURCE, install)
    (content / "cell.txt").write_text(cell, encoding="utf-8")
    # Nothing of this checkout is on the path: what is imported was installed by the cell.
    environment = {name: value for name, value in os.environ.items() if name != "WORKOUTLIB_HOME"} | {
        "PYTHONPATH": os.pathsep.join([str(packages), str(google)]),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", RUNNER], cwd=content, env=environment, capture_output=True, text=True, timeout=1800
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((content / "found.json").read_text(encoding="utf-8"))
    assert Path(found["package"]).parent == packages / "workoutlib"
    assert Path(found["data"]).parent == content / "input"
    assert Path(found["outputs"]) == content / "outputs"
    assert found["mounted"] == ["/content/drive"]
    assert found["on drive"] == "/content/drive/MyDrive/workoutlib"
    assert "workoutlib 0" in done.stdout and "device:" in done.stdout
