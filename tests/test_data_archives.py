"""Zip files: unpacked whole or not at all, and nothing outside of the folder."""

import os
import re
import signal
import stat
import subprocess
import sys
import types
import zipfile
from pathlib import Path

import pytest
from helpers.archives import TREE, images, write_zip
from helpers.pictures import png
from hypothesis import given, settings
from hypothesis import strategies as st

from workoutlib.data import archives
from workoutlib.data.archives import unpack_archive
from workoutlib.data.catalog import read_catalog
from workoutlib.utils.errors import WorkoutlibError


@pytest.mark.parametrize(
    "name", ["/etc/x.jpg", "../x.jpg", "squat/../../x.jpg", "C:/x.jpg", "\\\\host\\x.jpg", "squat\\..\\..\\x.jpg"]
)
def test_members_that_lead_out_are_refused(tmp_path, name):
    archive = write_zip(tmp_path / "a.zip", {"squat/a.jpg": b"a"})
    with zipfile.ZipFile(archive, "a") as file:
        member = zipfile.ZipInfo()
        member.filename = name
        file.writestr(member, b"evil")
    with pytest.raises(WorkoutlibError, match="leads out of the folder"):
        unpack_archive(archive, tmp_path / "in" / "out")
    assert os.listdir(tmp_path / "in") == []


def test_links_in_archives_are_refused(tmp_path):
    archive = write_zip(tmp_path / "a.zip", {"squat/a.jpg": b"a"})
    with zipfile.ZipFile(archive, "a") as file:
        member = zipfile.ZipInfo("squat/link.jpg")
        member.create_system = 3
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(member, "/etc/passwd")
    with pytest.raises(WorkoutlibError, match="is a link"):
        unpack_archive(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_bombs_are_refused(tmp_path, monkeypatch):
    archive = write_zip(tmp_path / "a.zip", {"squat/a.jpg": bytes(1_000_000)})
    monkeypatch.setattr(archives, "RATIO_COUNTS_FROM_BYTES", 1000)
    with pytest.raises(WorkoutlibError, match="times its size"):
        unpack_archive(archive, tmp_path / "out")
    monkeypatch.setattr(archives, "MAX_UNPACKED_BYTES", 100_000)
    with pytest.raises(WorkoutlibError, match="would unpack to"):
        unpack_archive(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_does_not_fit_on_the_disk_is_refused(tmp_path, monkeypatch):
    archive = write_zip(tmp_path / "a.zip")
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda path: types.SimpleNamespace(free=10))
    with pytest.raises(WorkoutlibError, match="GiB are free"):
        unpack_archive(archive, tmp_path / "out")


def test_an_existing_folder_is_never_overwritten(tmp_path):
    archive = write_zip(tmp_path / "a.zip")
    (tmp_path / "out").mkdir()
    with pytest.raises(WorkoutlibError, match="there already"):
        unpack_archive(archive, tmp_path / "out")


def test_what_cannot_be_unpacked_says_what_helps(tmp_path):
    inner = write_zip(tmp_path / "inner.zip")
    nested = write_zip(tmp_path / "nested.zip", {"data/inner.zip": inner.read_bytes()})
    with pytest.raises(WorkoutlibError, match=r'it holds another archive, "inner\.zip": unpack that'):
        unpack_archive(nested, tmp_path / "out")
    for name, place, value, why in (
        ("windows.zip", (8, 10), 9, "Python does not know .*: unpack it, and give the folder"),  # Deflate64
        ("secret.zip", (6, 8), 1, "encrypted; unpack it with its password, and give the folder"),
    ):
        data = bytearray(inner.read_bytes())
        for mark, offset in zip((b"PK\x03\x04", b"PK\x01\x02"), place, strict=True):
            for found in re.finditer(re.escape(mark), bytes(data)):
                data[found.start() + offset] = value
        (tmp_path / name).write_bytes(data)
        with pytest.raises(WorkoutlibError, match=why):
            unpack_archive(tmp_path / name, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_zip_file_of_clips(tmp_path):
    archive = write_zip(tmp_path / "clips.zip", {"top/squat/a.mp4": b"a", "top/plank/b.MOV": b"b"})
    assert sorted(path.name for path in unpack_archive(archive, tmp_path / "out").iterdir()) == ["plank", "squat"]


@pytest.mark.parametrize(
    ("names", "message"),
    [(["readme.txt"], "no folder in it has images"), (["train/squat/a.jpg", "valid/squat/b.jpg"], "2 trees")],
)
def test_archives_without_one_tree_of_classes(tmp_path, names, message):
    with pytest.raises(WorkoutlibError, match=message):
        unpack_archive(write_zip(tmp_path / "a.zip", names), tmp_path / "out")


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_damaged_archive_gives_the_tree_or_a_clear_error(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("zip")
    archive = write_zip(folder / "a.zip", {name: name.encode() * 20 for name in TREE[:6]})
    content = bytearray(archive.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    archive.write_bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))])
    inside = folder / "inside"
    inside.mkdir()
    try:
        unpack_archive(archive, inside / "out")
    except WorkoutlibError:
        assert os.listdir(inside) == []
    else:
        assert os.listdir(inside) == ["out"]
    assert sorted(os.listdir(folder)) == ["a.zip", "inside"]


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
@pytest.mark.parametrize("files_before_the_kill", [1, 150, 400])
def test_killed_while_unpacking(tmp_path, files_before_the_kill):
    names = [f"squat/squat_{number}00001.jpg" for number in range(1, 501)]
    archive, out = write_zip(tmp_path / "a.zip", names), tmp_path / "sets" / "out"
    code = (
        "import os, signal, sys, zipfile\n"
        "from workoutlib.data.archives import unpack_archive\n"
        "extract, left = zipfile.ZipFile.extract, [int(sys.argv[3])]\n"
        "def killing(self, *arguments):\n"
        "    left[0] -= 1\n"
        "    if left[0] < 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return extract(self, *arguments)\n"
        "zipfile.ZipFile.extract = killing\n"
        "unpack_archive(sys.argv[1], sys.argv[2])\n"
    )
    command = [sys.executable, "-c", code, str(archive), str(out), str(files_before_the_kill)]
    killed = subprocess.run(command, capture_output=True, cwd=Path(__file__).parents[1])
    assert killed.returncode == -signal.SIGKILL
    left = [path for path in (tmp_path / "sets").rglob("*.jpg")]
    assert len(left) == files_before_the_kill
    assert not out.exists()
    assert images(unpack_archive(archive, out)) == 500


def test_a_zip_file_of_pictures_without_suffix(tmp_path):
    names = ["set/squat/0001", "set/plank/0001"]
    archive = write_zip(tmp_path / "a.zip", dict.fromkeys(names, png(8, 8)))
    assert unpack_archive(archive, tmp_path / "data") == tmp_path / "data"
    assert read_catalog(tmp_path / "data")["label"].tolist() == ["plank", "squat"]
