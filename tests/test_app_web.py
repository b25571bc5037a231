"""The app: a file in, what a page shows of it out; and the page itself in a browser, where Gradio is installed."""

import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from helpers.browser import CHROMIUM, needs_chromium, opened
from helpers.clips import save_clip
from helpers.tiny import make_model, one_thread_environment, save_noise

from workoutlib import Config, Recognizer, WorkoutlibError
from workoutlib.app import web
from workoutlib.app.cli import main
from workoutlib.app.web import recognise
from workoutlib.recognition.analysis import ClipWorkout
from workoutlib.workout import Fault, Repetition, Set


@pytest.fixture(scope="module")
def recognizer(estimator) -> Recognizer:
    """Knows three exercises, and finds nobody in noise."""
    made = Recognizer(make_model(), ("plank", "push up", "squat"), Config(resize=64, crop=64), backend="torch")
    made.__dict__["pose_estimator"] = estimator
    return made


@pytest.mark.parametrize("name", ["squat.mp4", "squat.jpg"])
def test_a_file_without_a_person_gives_guesses_a_copy_and_a_page(recognizer, tmp_path, name):
    file = (save_clip if name.endswith("mp4") else save_noise)(tmp_path / name)
    found = recognise(recognizer, file, tmp_path / "out")
    assert ("no repetitions found" in found.said[0]) == name.endswith("mp4")
    assert set(found.table["label"]) == {"plank", "push up", "squat"} and found.table["sure"].str.endswith("%").all()
    assert found.annotated.name == name and found.annotated.stat().st_size
    with zipfile.ZipFile(found.archive) as archive:
        texts = [archive.read(each) for each in archive.namelist()]
        assert {"index.html", name} <= set(archive.namelist())
    assert not any(os.fsencode(tmp_path) in text for text in texts)  # our folders are nobody's business
    assert {path.name for path in tmp_path.iterdir()} == {name, "out"}
    assert {path.name for path in found.archive.parent.iterdir()} == {"workout", "workout.zip"}
    assert found.archive.parent.parent == tmp_path / "out"


def test_each_of_two_visitors_keeps_the_own_results_for_an_hour(recognizer, tmp_path):
    mine, yours = (recognise(recognizer, save_noise(tmp_path / f"{who}.jpg"), tmp_path / "out") for who in "ab")
    for found, name in ((mine, "a.jpg"), (yours, "b.jpg")):
        assert found.annotated.name == name and found.annotated.stat().st_size
        with zipfile.ZipFile(found.archive) as archive:
            assert {each for each in archive.namelist() if each.endswith(".jpg")} == {name}
    hour_ago = time.time() - 3601
    os.utime(mine.archive.parent, (hour_ago, hour_ago))
    recognise(recognizer, tmp_path / "b.jpg", tmp_path / "out")
    assert not mine.archive.parent.exists() and yours.archive.is_file()


def test_repetitions_are_told_a_row_each_with_hints(monkeypatch, recognizer, tmp_path):
    fault = Fault("shallow squat", 100.0, "degrees", "Sit lower.", 0.1)
    done = (
        Repetition(0.0, 0.1, 0.2, range_of_motion=80.0, faults=(fault,)),
        Repetition(0.3, 0.4, 0.5, range_of_motion=90.0),
    )
    sets = [Set("squat", 0.0, 0.5, done, (fault,))]
    monkeypatch.setattr(
        Recognizer, "analyze", lambda self, path, **_: ClipWorkout(sets, clip=self.predict_clip(path, progress=False))
    )
    found = recognise(recognizer, save_clip(tmp_path / "clip.mp4"), tmp_path / "out")
    assert found.said[0].endswith("squat, 2 repetitions") and found.said[1].endswith("Sit lower.")
    assert "no medical advice" in found.said[2]
    shown = found.table[["set", "no.", "range", "form"]].to_numpy().tolist()
    assert shown == [["1 squat", 1, "80°", "shallow squat"], ["1 squat", 2, "90°", ""]]


@pytest.mark.parametrize(
    ("name", "limit", "message"),
    [
        ("clip.mp4", ("LONGEST", 0.5), "clip.mp4 is 1 seconds long: cut it"),
        ("clip.mp4", ("LARGEST", 0), "clip.mp4 is larger than 0 MB"),
        ("text.mp4", None, "not a video"),
        ("text.txt", None, "Cannot read the picture"),
    ],
)
def test_what_cannot_be_taken_is_answered_with_a_sentence(monkeypatch, recognizer, tmp_path, name, limit, message):
    save_clip(tmp_path / "clip.mp4")
    for other in ("text.mp4", "text.txt"):
        (tmp_path / other).write_text("just text\n" * 100)
    if limit:
        monkeypatch.setattr(web, *limit)
    with pytest.raises(WorkoutlibError, match=message):
        recognise(recognizer, tmp_path / name, tmp_path / "out")


def test_a_note_on_a_damaged_clip_names_no_folder(recognizer, tmp_path):
    whole = save_clip(tmp_path / "whole.mp4", frames=60).read_bytes()
    half = tmp_path / "half.mp4"
    half.write_bytes(whole[: whole.index(b"mdat")] + whole[whole.index(b"mdat") :][: len(whole) * 2 // 3])
    with pytest.warns(UserWarning, match="damaged or cut short"):
        found = recognise(recognizer, half, tmp_path / "out")
    assert any('The clip "half.mp4" is damaged' in text for text in found.said)
    assert not any(str(tmp_path) in text for text in found.said)
    with zipfile.ZipFile(found.archive) as archive:
        assert os.fsencode(tmp_path) not in archive.read("index.html")


def test_without_gradio_the_command_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(web, "find_spec", lambda name: None)
    assert main(["app"]) == 2 and 'pip install -e ".[app]"' in capsys.readouterr().err


needs_gradio = pytest.mark.skipif(find_spec("gradio") is None, reason='needs Gradio: pip install -e ".[app]"')


@contextmanager
def served(checkpoint: Path, folder: Path) -> Iterator[str]:
    """The address of the app, started in an empty folder; nothing is left when it ends."""
    work, temporary = folder / "work", folder / "temporary"
    for each in (work, temporary):
        each.mkdir()
    environment = one_thread_environment() | {"TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "workoutlib", "app", "--checkpoint", str(checkpoint)]
    server = subprocess.Popen(command, cwd=work, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        address = next(line.split()[-1] for line in server.stdout if "http://" in line)
        assert address.startswith("http://127.0.0.1:")
        yield address
    finally:
        server.send_signal(signal.SIGTERM)
        told, _ = server.communicate(timeout=60)
    assert "share=True" not in told  # words for programmers
    assert not list(work.iterdir()) and not list(temporary.glob("workoutlib-app-*"))


def drop(page: Any, file: Path) -> None:
    page.set_input_files("input[type=file]", str(file))


def take_home(page: Any) -> set[str]:
    """The names in the zip file that the page offers, once its clip plays."""
    button = page.get_by_text("Download the page of results")
    button.wait_for()
    page.wait_for_function("document.querySelector('video')?.duration > 0.5")
    with page.expect_download() as download:
        button.click()
    return set(zipfile.ZipFile(download.value.path()).namelist())


@pytest.mark.browser
@needs_chromium
@needs_gradio
def test_a_visitor_drops_a_clip_and_takes_the_page_home(trained, tmp_path):
    """Nothing is asked of another machine; a file that cannot be read leaves nothing of the last one."""
    clip = save_clip(tmp_path / "plank.mp4")
    (tmp_path / "text.mp4").write_text("just text\n" * 100)
    with served(trained.checkpoint, tmp_path) as address, opened(address, width=390) as page:
        asked: list[str] = []
        page.set_default_timeout(120_000)
        page.on("request", lambda request: asked.append(request.url))
        page.reload()
        drop(page, tmp_path / "text.mp4")
        page.get_by_text("not a video").wait_for()
        assert str(tmp_path) not in page.inner_text("body")
        drop(page, clip)  # the box is ready for the next file
        assert {"index.html", "plank.mp4"} <= take_home(page)
        assert not page.get_by_text("not a video").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.get_by_label("Clear").or_(page.get_by_label("Remove")).first.click()
        page.locator("video").wait_for(state="hidden")
        drop(page, tmp_path / "text.mp4")
        page.get_by_text("not a video").wait_for()
        assert not page.get_by_text("Download the page of results").is_visible()
        assert all(url.startswith((address, "data:", "blob:")) for url in asked)


@pytest.mark.browser
@needs_chromium
@needs_gradio
def test_two_visitors_at_once_get_each_their_own(trained, tmp_path):
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    names = ("mine.mp4", "yours.mp4")
    with served(trained.checkpoint, tmp_path) as address, playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        pages = [browser.new_context().new_page() for _ in names]
        for page in pages:
            page.set_default_timeout(120_000)
            page.goto(address)
            page.get_by_text("Drop File Here").wait_for()
        for page, name, frames in zip(pages, names, (30, 60), strict=True):
            drop(page, save_clip(tmp_path / name, frames=frames))
        for page, name, other in zip(pages, names, names[::-1], strict=True):
            assert {each for each in take_home(page) if each.endswith(".mp4")} == {name}
            assert page.evaluate("document.querySelector('video').currentSrc").endswith(name)
            assert page.locator("table").first.is_visible() and other not in page.content()
        lengths = [page.evaluate("document.querySelector('video').duration") for page in pages]
        assert lengths[1] == pytest.approx(2 * lengths[0], abs=0.2)
        browser.close()
