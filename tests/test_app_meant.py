"""Paths as people type, copy and quote them."""

import argparse
import os
from pathlib import Path

import pytest

from workoutlib.app.cli import main
from workoutlib.app.meant import as_meant, files_meant, path_meant
from workoutlib.utils.errors import WorkoutlibError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my clips" / "deep").mkdir(parents=True)
    for name in ("b.jpg", "a.jpg", "c.png", "deep/d.jpg", "50% [1].jpg", "it's.jpg"):
        (tmp_path / "my clips" / name).write_bytes(b"x")
    return tmp_path


@pytest.mark.parametrize(
    "text",
    [
        "my clips/a.jpg",
        " my clips/a.jpg ",
        "my clips/a.jpg\n",
        '"my clips/a.jpg"',
        "'my clips/a.jpg'",
        "“my clips/a.jpg”",
        "~/my clips/a.jpg",
        '"~/my clips/a.jpg" ',
        "$HOME/my clips/a.jpg",
        "file:///HERE/my%20clips/a.jpg",
        "file://localhost/HERE/my%20clips/a.jpg",
        "FILE:HERE/my%20clips/a.jpg",
        "my clips\\a.jpg",
        "my clips/./deep/../a.jpg",
    ],
)
def test_one_file_however_it_is_written(folder: Path, text: str) -> None:
    text = text.replace("/HERE", str(folder)).replace("HERE", str(folder))
    (found,) = files_meant(text)
    assert os.path.samefile(found, folder / "my clips" / "a.jpg")


def test_names_that_look_like_something_else_are_theirs(folder: Path) -> None:
    for name in (" a ", '"quoted"', "~", "-", "*", "$HOME", "a\\b"):
        (folder / name).write_bytes(b"x")
        assert files_meant(name) == [name]
    assert files_meant("my clips/50% [1].jpg") == ["my clips/50% [1].jpg"]
    assert files_meant("my clips/it's.jpg") == ["my clips/it's.jpg"]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("my clips/*.jpg", ["50% [1].jpg", "a.jpg", "b.jpg", "it's.jpg"]),
        ("'my clips/?.*'", ["a.jpg", "b.jpg", "c.png"]),
        ("~/my clips/[ab].jpg", ["a.jpg", "b.jpg"]),
        ("my clips/**/d.jpg", ["d.jpg"]),
        ("*clips/deep", ["deep"]),
    ],
)
def test_a_pattern_that_no_shell_has_filled_in(folder: Path, pattern: str, names: list[str]) -> None:
    assert [Path(path).name for path in files_meant(pattern)] == names


def test_what_is_not_there_is_told_by_the_name_that_was_meant(folder: Path) -> None:
    assert path_meant(' "gone.jpg" ') == "gone.jpg"
    assert path_meant("~/gone.jpg") == str(folder / "gone.jpg")
    assert path_meant("https://example.com/a b.jpg") == "https://example.com/a b.jpg"
    assert path_meant("a\0b") == "a\0b"
    assert files_meant("https://example.com/watch?v=a") == ["https://example.com/watch?v=a"]
    assert files_meant("my clips/gone [1].jpg") == ["my clips/gone [1].jpg"]
    with pytest.raises(WorkoutlibError, match=r"no file fits the pattern \"\*\.gif\""):
        files_meant("*.gif")
    with pytest.raises(WorkoutlibError, match=r"standard input \(-\) is not read"):
        files_meant("-")


def test_every_option_that_takes_a_path(folder: Path) -> None:
    given = {
        "paths": ["~/my clips/*.png", " my clips "],
        "data": ["'my clips'", "kaggle"],
        "folder": Path("~/my clips"),
        "weights": "~/my clips/c.png",
    }
    options = argparse.Namespace(**given, out=Path("~/new"), json=Path("file:///new/a.json"), labels="squat,plank")
    as_meant(options)
    assert options.paths == [str(folder / "my clips" / "c.png"), "my clips"] and options.data == ["my clips", "kaggle"]
    assert options.weights == str(folder / "my clips" / "c.png")
    assert options.folder == folder / "my clips" and options.out == folder / "new"
    assert options.json == Path("/new/a.json") and options.labels == "squat,plank"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["predict", "-"], "standard input (-) is not read"),
        (["predict", "*.gif"], "no file fits the pattern"),
        (["predict", "https://example.com/clip.mp4"], "download what has a web address first"),
        (["predict", "https://example.com/watch?v=a"], "download what has a web address first"),
        (["predict", "my clips/50% [2].jpg"], "did you mean"),
        (["split", "--data", "-"], "standard input (-) is not read"),
        (["annotate", "~/gone", "--out", "~/new"], "gone"),
    ],
)
def test_on_the_command_line(folder: Path, capsys: pytest.CaptureFixture[str], arguments: list, said: str) -> None:
    assert main(arguments) == 2
    assert said in capsys.readouterr().err and not (folder / "~").exists()
