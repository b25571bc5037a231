"""Paths: as one printable line, listed without loops, and where data and results live."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workoutlib.media.images import IMAGE_SUFFIXES, read_image
from workoutlib.media.video_reader import probe_clip
from workoutlib.models.checkpoints import load_checkpoint
from workoutlib.utils import paths
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.paths import is_hidden, is_url, list_files, shortened, shown


@given(st.text())
def test_shown_is_one_printable_line(name: str) -> None:
    text = shown(name)
    assert text.isprintable() and text.startswith('"') and text.endswith('"')
    text.encode("utf-8")


def test_files_are_listed_sorted_from_all_folders_and_without_end_in_cycles(tmp_path: Path) -> None:
    for name in ("b/2.JPG", "b/1.png", "a.webp", "notes.txt", ".hidden.jpg", ".git/x.jpg", "clip.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    if os.name != "nt":
        (tmp_path / "b" / "parent").symlink_to(tmp_path, target_is_directory=True)
        (tmp_path / "b" / "self").symlink_to(tmp_path / "b" / "self")
    found = [path.relative_to(tmp_path).as_posix() for path in list_files(tmp_path, IMAGE_SUFFIXES)]
    assert found == ["a.webp", "b/1.png", "b/2.JPG"]
    with pytest.raises(WorkoutlibError, match="not a folder"):
        list_files(tmp_path / "nowhere", IMAGE_SUFFIXES)


def test_list_files_names_a_folder_it_may_not_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: object) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(WorkoutlibError, match="Permission denied"):
        list_files(tmp_path, IMAGE_SUFFIXES)


def test_data_and_outputs_live_together(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKOUTLIB_HOME", str(tmp_path))
    assert (paths.data_root(), paths.output_root()) == (tmp_path / "input", tmp_path / "outputs")
    monkeypatch.delenv("WORKOUTLIB_HOME")
    assert paths.home() == Path(__file__).resolve().parents[1]
    monkeypatch.setattr(paths, "__file__", str(tmp_path / "site-packages" / "workoutlib" / "utils" / "paths.py"))
    monkeypatch.chdir(tmp_path)
    assert paths.home() == tmp_path


@pytest.mark.parametrize("address", ["https://example.com/squat.mp4", "ftp://example.com/a.jpg", "rtsp://cam/1"])
def test_a_web_address_is_not_called_a_missing_file(address: str) -> None:
    for read in (read_image, probe_clip, load_checkpoint):
        with pytest.raises(WorkoutlibError, match=r"a web address, not a file\. Download it"):
            read(address)
    assert is_url(Path(address)) and not is_url("C:/a.mp4") and not is_url("a.mp4") and not is_url("/a:/b")


@pytest.mark.parametrize(
    ("name", "hidden"),
    [("._a.jpg", True), (".a.jpg", True), ("__MACOSX", True), ("@eaDir", True), ("a.jpg", False), ("__a.jpg", False)],
)
def test_what_is_hidden(name: str, hidden: bool) -> None:
    assert is_hidden(name) == hidden


def test_long_texts_keep_their_ends() -> None:
    assert shortened("a.jpg") == "a.jpg" and shortened("x" * 60) == "x" * 60
    assert shortened("a" * 200 + "é.jpg") == "a" * 30 + "…" + "a" * 24 + "é.jpg"
    assert shortened("0123456789", 5) == "01…89"


@pytest.mark.parametrize("bin", ["$RECYCLE.BIN", "#recycle", "lost+found", "System Volume Information", ".Trash-1000"])
def test_what_was_deleted_is_not_listed(tmp_path, bin):
    for place in (tmp_path / "squat.jpg", tmp_path / bin / "deleted.jpg"):
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(b"x")
    assert list_files(tmp_path) == [tmp_path / "squat.jpg"]
