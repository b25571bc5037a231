"""The counter over a set, the drawn overlay, and the page with its table, plots and notes."""

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from helpers.browser import needs_chromium, opened
from helpers.clips import save_clip
from helpers.tiny import make_model, save_noise
from test_recognition_analysis import clip_of
from test_workout_repetitions import rhythm, see

from workoutlib import Config, Recognizer
from workoutlib.labels import LABELS
from workoutlib.media.counter import draw_counter
from workoutlib.media.overlay import UNKNOWN, colour_of
from workoutlib.recognition import annotation as annotation_module
from workoutlib.recognition.analysis import ClipWorkout, analyze_clip
from workoutlib.recognition.annotation import counter_at
from workoutlib.recognition.files import predict_files
from workoutlib.recognition.report import caption, overview, told_apart, write_report
from workoutlib.workout import Fault, Repetition, Set, Workout

TWO = (Repetition(1.0, 2.0, 3.0, pause=0.2), Repetition(4.0, 5.0, 6.0))
FAULT = Fault("shallow squat", 100.0, "degrees", "Sit lower.", 5.0)


def test_the_counter_counts_at_the_end_of_a_repetition_and_hints_where_the_fault_is():
    workout = Workout([Set("squat", 1.0, 6.0, TWO, (FAULT,)), Set("plank", 20.0, 50.0, hold=True)])
    assert counter_at(workout, 0.5) is None and counter_at(workout, 15.0) is None
    assert counter_at(workout, 1.0) == ("0", "reps", 0.0, None)
    assert counter_at(workout, 2.0).phase == 1.0
    assert counter_at(workout, 2.55).phase == pytest.approx(0.5)
    assert counter_at(workout, 3.5)[:3] == ("1", "rep", 0.0)
    assert counter_at(workout, 5.5).hint == "Sit lower."
    assert counter_at(workout, 7.0)[:2] == ("2", "reps")
    assert counter_at(workout, 32.0)[:2] == ("12", "s")


@pytest.mark.parametrize("shape", [(540, 960), (960, 540), (120, 160)])
def test_the_counter_is_drawn_at_the_bottom_left_and_grows_with_the_picture(shape):
    frame = np.full((*shape, 3), 128, np.uint8)
    low, high, hinted = (draw_counter(frame, "12", "reps", *rest) for rest in ((0.1,), (0.9,), (0.9, "Sit lower.")))
    assert (frame == 128).all() and low.shape == frame.shape
    changed = np.argwhere((low != frame).any(-1))
    assert changed[:, 0].min() > shape[0] / 2 and changed[:, 1].max() < shape[1] * 0.75
    assert not np.array_equal(low, high)  # the bar
    assert (hinted != frame).any(-1).sum() > (high != frame).any(-1).sum()
    assert draw_counter(frame[:6, :4], "12", "reps", 0.5, "Sit lower.").shape == (6, 4, 3)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """The page of a workout of squats whose pictures are coloured noise."""
    folder = tmp_path_factory.mktemp("report")
    times, phase, _ = rhythm(3, seconds=2.0, rate=10)
    poses = see("squat", times, phase)
    path = save_clip(folder / "<b>.mp4")
    reader = Recognizer(make_model(len(LABELS)), LABELS, Config(resize=64, crop=64))
    clip = replace(clip_of(poses, ["squat"] * len(times)), path=path, reader=reader)
    entry = replace(analyze_clip(clip).sets[0], faults=(replace(FAULT, time=0.2),))
    workout = ClipWorkout([entry, Set("plank", 8.0, 30.0, hold=True)], clip=clip)
    return workout, workout.report(folder / "out", progress=False)


def test_a_report_has_table_json_and_a_page_that_shows_files_that_are_there(told):
    workout, page = told
    table = pd.read_csv(page.parent / "workout.csv")
    assert table["repetition"].fillna(0).tolist() == [1, 2, 3, 0]
    assert table["label"].tolist() == ["squat"] * 3 + ["plank"]
    (plain,) = json.loads((page.parent / "workout.json").read_text("utf-8"))
    assert plain["sets"] == json.loads(json.dumps(workout.to_dict()["sets"]))
    html = page.read_text("utf-8")
    assert "<b>" not in html and "Sit lower." in html and "squat, 3 repetitions" in html
    assert "plank, held for 22 s" in html
    assert 'title="squat, 0.0 to ' in html and 'poster="annotated.poster.jpg"' in html  # its timeline, its still
    sources = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            sources.extend(value for name, value in attributes if name == "src")

    Reader().feed(html)
    assert len(sources) == 4  # the clip, two plots, the frame of the fault
    assert all((page.parent / unquote(source.split("#")[0])).is_file() for source in sources)


def test_every_frame_of_a_set_is_labelled_with_its_name(told, tmp_path, monkeypatch):
    """The pictures of the clip are noise: the frames' own labels are others."""
    drawn = []
    monkeypatch.setattr(
        annotation_module, "draw_label", lambda frame, *said, time: drawn.append((time, *said)) or frame
    )
    clip = replace(told[0].clip, logits=told[0].clip.logits[:, ::-1])
    entry = Set("squat", 0.15, 0.4, TWO, confidence=0.7, known=False)
    clip.reader.annotate_clip(ClipWorkout([entry], clip=clip), tmp_path / "out.mp4", progress=False)
    inside = [said for time, *said in drawn if 0.15 <= time <= 0.4]
    assert inside == [["unknown, perhaps squat", 0.7]] * 3
    assert len(drawn) == 6 and all(label != entry.name for time, label, _ in drawn if time < 0.15 or time > 0.41)


def test_an_unsure_set_is_called_so_in_heading_timeline_and_tables(tmp_path):
    entry = Set("squat", 1.0, 6.0, TWO, confidence=0.33, known=False)
    row = {"path": "x.mp4", "kind": "clip", "label": "squat", "confidence": 0.33, "top3": [], "known": False}
    row |= {"annotated": str(save_clip(tmp_path / "x.mp4")), "truth": None, **Workout([entry]).to_dict()}
    row["segments"] = [{"start": 1.0, "end": 6.0, "label": entry.name, "confidence": 0.33}]
    html = write_report([row], tmp_path).read_text("utf-8")
    assert "Set 1: unknown, perhaps squat, 2 repetitions</h3>" in html
    assert "<figcaption>unknown, perhaps squat (33%); unknown, perhaps squat, 2 repetitions<" in html
    grey = ",".join(map(str, colour_of(UNKNOWN)))
    assert f'background:rgb({grey});color:#000" onclick' in html and 'title="unknown, perhaps squat, 1.0' in html
    table = pd.read_csv(tmp_path / "workout.csv")
    assert table[["label", "known", "confidence"]].to_numpy().tolist() == [["squat", False, 0.33]] * 2


def test_a_page_says_which_repetitions_count_together(tmp_path):
    first, last = (Repetition(start, start + 0.5, start + 1, complete=False) for start in (0.0, 7.0))
    row = {"path": "x.mp4", "kind": "clip", "label": "squat", "confidence": 0.9, "top3": [], "known": True}
    row |= {"annotated": str(save_clip(tmp_path / "x.mp4")), "truth": None}
    pages = []
    for repetitions in ((first, *TWO, replace(last, faults=(FAULT,))), (first, *TWO), (*TWO, last)):
        found = Workout([Set("squat", 0.0, 8.0, repetitions, confidence=0.9)])
        pages.append(write_report([row | found.to_dict()], tmp_path).read_text("utf-8"))
        table = pd.read_csv(tmp_path / "workout.csv")
        assert table["count"].tolist() == found.table()["count"].tolist() == [3] * len(repetitions)
        assert table["complete"].sum() == 2
    assert all("squat, 3 repetitions" in page for page in pages)
    assert "Repetitions 1 and 4 are cut by the clip&#x27;s ends: they count as one." in pages[0]
    assert "<td>cut</td>" in pages[0] and "<td>cut, shallow squat</td>" in pages[0]
    assert not any("count as one" in page for page in pages[1:])


def test_several_files_have_a_table_in_per_cent_that_marks_mistakes(tmp_path):
    guesses = [{"label": "squat", "confidence": 0.914}, {"label": "plank", "confidence": 0.05}]
    row = {"kind": "photo", "label": "squat", "confidence": 0.914, "top3": guesses, "known": True, "sets": []}
    rows = [row | {"path": "plank.jpg", "truth": "plank"}, row | {"path": "x.jpg", "truth": None, "known": False}]
    table = overview(rows)
    assert table.to_numpy().tolist() == [
        ["plank.jpg", "squat", "91%", "plank (5%)", "✗"],
        ["x.jpg", "unknown, perhaps squat", "91%", "plank (5%)", ""],
    ]
    assert caption(rows[0]).startswith("✗ this is a plank: squat (91%)")
    assert "0 of 1 files named after an exercise" in write_report(rows, tmp_path).read_text("utf-8")


def test_files_of_one_name_are_told_apart_by_their_folders():
    paths = [Path(name) for name in ("in/a/1/x.jpg", "in/b/1/x.jpg", "in/b/y.jpg", "/z.jpg")]
    assert told_apart(paths) == ["a/1/x.jpg", "b/1/x.jpg", "y.jpg", "z.jpg"]
    assert told_apart([Path("x.jpg")] * 2) == ["x.jpg", "x.jpg"] and told_apart([]) == []


def test_a_plot_marks_every_repetition(told):
    figure = told[0].plot()
    assert [text.get_text() for text in figure.axes[0].texts] == ["1", "2", "3"]
    assert figure.axes[1].get_title("left") == "plank: 22 s"
    nothing = replace(told[0].clip, poses=None)
    assert ClipWorkout(clip=nothing).plot().axes[0].texts[0].get_text() == "no set"


@pytest.fixture(scope="module")
def results(tmp_path_factory, estimator):
    """The page of a clip of four seconds with two repetitions, and of two photos with long names."""
    folder = tmp_path_factory.mktemp("results")
    files = [save_clip(folder / "squat.mp4", frames=40)]
    files += [save_noise(folder / f"{'a_photo_with_a_long_name_' * 4}{number}.jpg") for number in range(2)]
    recognizer = Recognizer(make_model(), ("plank", "push up", "squat"), Config(resize=64, crop=64))
    recognizer.__dict__["pose_estimator"] = estimator
    sets = [Set("squat", 0.5, 3.5, (Repetition(0.5, 1.0, 1.5), Repetition(2.5, 3.0, 3.5)))]
    recognizer.analyze = lambda path, **_: ClipWorkout(sets, clip=recognizer.predict_clip(path, progress=False))
    rows, failures = predict_files(recognizer, files, out=folder / "out", progress=False)
    assert not failures
    return write_report(rows, folder / "out")


@pytest.mark.browser
@needs_chromium
@pytest.mark.parametrize("width", [390, 1280])
def test_in_a_browser_the_clip_plays_and_rows_lead_to_what_they_name(results, width):
    with opened(results.as_uri(), width=width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
        now = "document.querySelector('video').currentTime"
        page.evaluate("document.querySelector('video').play()")
        page.wait_for_function(f"{now} > 0.2")
        page.evaluate("document.querySelector('video').pause()")
        second = page.locator("tr").filter(has_text="2.5 s")
        second.click()  # in its middle, beside the text
        page.wait_for_function(f"Math.abs({now} - 2.5) < 0.05")
        assert page.evaluate("location.hash") == "#file-1-clip"
        page.get_by_role("button").first.click()  # the timeline's
        page.wait_for_function(f"Math.abs({now}) < 0.05")
        page.locator(".words tbody tr").nth(2).click()
        target = page.locator(":target")
        assert target.get_attribute("id") == "file-3" and target.locator("img").is_visible()
