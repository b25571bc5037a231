"""Every panel without a browser: set a control as a hand would, look at what the page would show."""

import base64
import json
import re
import threading
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.uploads import send_in_parts
from matplotlib.figure import Figure
from PIL import Image

from workoutlib.config import Config
from workoutlib.data.transforms import model_view
from workoutlib.gym import render_clip
from workoutlib.media.video_reader import probe_clip
from workoutlib.media.video_writer import ClipWriter
from workoutlib.notebook.panels import (
    AugmentationPlayground,
    ClipPanel,
    ErrorBrowser,
    PhotoPanel,
    TrainingPanel,
    Webcam,
    show_clip,
)
from workoutlib.notebook.panels.common import ANY, Bridge, Panel, as_code, keep_upload, message, picture_html
from workoutlib.notebook.panels.mistakes import matching
from workoutlib.notebook.panels.photos import files_html
from workoutlib.notebook.panels.player import browser_copy, player_html, timeline_html
from workoutlib.notebook.panels.runs import best_line, new_run, stored_runs
from workoutlib.notebook.panels.training import parse_changes, time_left
from workoutlib.notebook.panels.upload import ChunkedUpload
from workoutlib.recognition.recognizer import Recognizer
from workoutlib.utils.errors import WorkoutlibError


@pytest.fixture(scope="module")
def recognizer(trained) -> Recognizer:
    return Recognizer.from_checkpoint(trained.checkpoint)


@pytest.fixture(scope="module")
def clip_path(tmp_path_factory) -> Path:
    """Two seconds of squats at 10 frames a second."""
    path = tmp_path_factory.mktemp("clips") / "squat.mp4"
    with ClipWriter(path, 160, 120, 10) as writer:
        for number, frame in enumerate(render_clip("squat", 1, frames=20, size=(160, 120)).frames):
            writer.write(frame, number / 10)
    return path


@pytest.fixture(scope="module")
def clip(recognizer, clip_path):
    return recognizer.predict_clip(clip_path, progress=False)


@pytest.fixture
def photo(catalog) -> Path:
    return Path(catalog["path"].iloc[0])


def jpeg_bytes(pixels: np.ndarray) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


def pixels_in(html: str) -> np.ndarray:
    """The first picture that a piece of HTML holds."""
    return np.asarray(Image.open(BytesIO(base64.b64decode(re.search(r"base64,([^'\"]+)", html)[1]))))


def send_photos(panel: PhotoPanel, files: dict[str, bytes]) -> None:
    """Choose these files, and wait until they are recognised."""
    for number, (name, content) in enumerate(files.items(), start=1):
        send_in_parts(panel.upload, name, content, rest=len(files) - number)
    panel.thread.join()


# What all panels share


def test_panel_says_in_words_what_is_here_where_widgets_cannot_run():
    bundle = Panel("Photo panel", [])._repr_mimebundle_()
    assert bundle["text/plain"].startswith("[Photo panel:")
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_text_from_files_cannot_become_html():
    assert "<script>" not in message("<script>alert(1)</script>", alert=True)
    assert "<b>" not in picture_html(np.zeros((2, 2, 3), np.uint8), "'><b>")
    assert "role='alert'" in message("bad", alert=True)
    assert message("") == ""


def test_code_line_builds_the_same_config():
    config = Config.profile("tutorial", rotation=20.0, epochs=3)
    assert as_code(config) == 'Config.profile("tutorial", rotation=20.0, epochs=3)'
    assert eval(as_code(config)) == config
    assert as_code(Config.profile("best")) == 'Config.profile("best")'


@pytest.mark.parametrize(
    ("name", "kept"), [("a.jpg", "a.jpg"), ("../../etc/a.jpg", "a.jpg"), ("C:\\x\\a.jpg", "a.jpg")]
)
def test_uploads_stay_in_their_folder(tmp_path, name, kept):
    path = keep_upload(tmp_path / "in", name, b"12")
    assert path == tmp_path / "in" / kept
    assert path.read_bytes() == b"12"


@pytest.mark.parametrize("name", ["", "..", ".bashrc", "/"])
def test_uploads_without_a_name_are_refused(tmp_path, name):
    with pytest.raises(WorkoutlibError, match="no name"):
        keep_upload(tmp_path, name, b"")


def test_bridge_hands_on_what_the_page_sends():
    received = []
    bridge = Bridge(received.append)
    bridge.value = json.dumps({"at": 1, "sent": ["squat", "plank"]})
    bridge.value = json.dumps({"at": 2, "sent": ["squat", "plank"]})
    assert received == [["squat", "plank"]] * 2
    assert bridge.layout.display == "none"
    script = bridge.script('["it\'s", 1]')
    assert '"' not in script  # it stands inside of a double-quoted attribute
    assert bridge.name in script and bridge.name in bridge._dom_classes


# The augmentation playground


@pytest.fixture
def playground(photo, home):
    return AugmentationPlayground(photo, Config.profile("best", resize=64, crop=64))


def test_playground_starts_with_its_config(playground):
    assert playground.config == Config.profile("best", resize=64, crop=64)
    assert "<img" in playground.grid.value


def test_each_slider_reaches_the_config_and_the_picture(playground):
    wanted = {"rotation": 45.0, "zoom": 0.5, "colour": 0.6, "erase": 1.0, "flip": False, "resize_mode": "squash"}
    for field, value in wanted.items():
        before = playground.grid.value
        getattr(playground, field).value = value
        assert playground.grid.value != before, field
    assert {name: getattr(playground.config, name) for name in wanted} == wanted
    assert "rotation=45.0" in playground.code.value


def test_draw_again_changes_the_copies_and_not_the_config(playground):
    before, config = playground.grid.value, playground.config
    playground.again.click()
    assert playground.grid.value != before
    assert playground.config == config


def test_playground_takes_a_photo_of_ones_own(playground):
    before = playground.grid.value
    send_in_parts(playground.upload, "red.jpg", jpeg_bytes(np.full((80, 80, 3), (200, 0, 0), np.uint8)))
    assert playground.grid.value != before and not playground.fault.value
    assert pixels_in(playground.grid.value).mean((0, 1)) == pytest.approx((200, 0, 0), abs=4)
    send_in_parts(playground.upload, "broken.jpg", b"no picture")
    assert "broken.jpg" in playground.fault.value


def test_choosing_a_profile_moves_the_sliders(photo):
    playground = AugmentationPlayground(photo, Config.profile("best"))
    playground.profile.value = "tutorial"
    assert playground.config == Config.profile("tutorial")
    assert playground.rotation.value == 35.0


# The control panel


@pytest.fixture
def panel(catalog, config, tmp_path):
    return TrainingPanel(catalog, config, out=tmp_path / "run")


def test_untouched_panel_holds_the_given_config(panel, config):
    assert panel.config == config
    assert not panel.fault.value


@pytest.mark.parametrize("name", ["quick", "tutorial", "best"])
def test_panel_shows_each_profile_exactly(catalog, tmp_path, name):
    panel = TrainingPanel(catalog, Config.profile("quick"), out=tmp_path)
    panel.profile.value = name
    assert panel.config == Config.profile(name)


def test_panels_hold_values_that_their_sliders_did_not_reach(catalog, photo, tmp_path):
    far = Config.profile("quick", epochs=50, learning_rate=1e-7, zoom=0.8, rotation=120.0)
    panel = TrainingPanel(catalog, far, out=tmp_path)
    assert panel.config == far
    panel.profile.value = "best"
    assert panel.config == Config.profile("best")
    assert AugmentationPlayground(photo, far).config == far


def test_each_control_reaches_the_config_and_has_a_tooltip(panel):
    wanted = {
        "model": "resnet18",
        "split": "random",
        "epochs": 7,
        "learning_rate": 1e-2,
        "batch_size": 16,
        "scheduler": "step",
        "fine_tune": False,
        "flip": False,
        "rotation": 15.0,
        "zoom": 0.2,
        "colour": 0.4,
        "erase": 0.5,
        "seed": 3,
    }
    assert set(wanted) == set(panel.fields)
    for name, value in wanted.items():
        panel.fields[name].value = value
    assert {name: getattr(panel.config, name) for name in wanted} == wanted
    assert all(field.tooltip for field in panel.fields.values())
    assert "epochs=7" in panel.code.value


def test_impossible_values_are_explained_while_typing_and_stop_train(panel):
    panel.fields["batch_size"].value = 0
    assert "batch_size" in panel.fault.value and "role='alert'" in panel.fault.value
    assert panel.train_button.disabled
    panel.start()
    assert panel.thread is None
    panel.fields["batch_size"].value = 8
    assert not panel.fault.value
    assert not panel.train_button.disabled


def test_any_other_field_can_be_typed(panel):
    panel.more.value = "label_smoothing=0.1, optimizer='adam'"
    assert (panel.config.label_smoothing, panel.config.optimizer) == (0.1, "adam")
    panel.more.value = "label_smoothing=0.1, optimiser='adam'"
    assert "optimiser" in panel.fault.value
    panel.more.value = "label_smoothing="
    assert "not of the form" in panel.fault.value


@pytest.mark.parametrize("text", ["3", "**{}", "a=open('x')", "a=1); f(", "a=1 b=2"])
def test_typed_fields_are_read_and_never_run(text):
    with pytest.raises(WorkoutlibError, match="not of the form"):
        parse_changes(text)


def test_train_button_trains_in_a_thread_and_shows_the_end(panel, monkeypatch):
    told, show = [], TrainingPanel.show_progress
    monkeypatch.setattr(
        TrainingPanel, "show_progress", lambda panel, doing: (told.append(doing.split(":")[0]), show(panel, doing))
    )
    assert panel.resume_button.disabled, "there is nothing to resume"
    panel.train_button.click()
    assert panel.train_button.disabled and not panel.stop_button.disabled
    panel.thread.join()
    assert panel.trained.checkpoint == panel.out / "run-001" / "best_model.pth"
    assert panel.trained.checkpoint.is_file()
    assert "finished" in panel.status.value and "best epoch" in panel.status.value
    assert panel.bar.value == 1
    assert panel.curves.value.count("<img") == 1
    assert "run-001" in panel.table.value
    assert not panel.train_button.disabled and panel.stop_button.disabled
    assert not panel.resume_button.disabled
    stages = ("decoding pictures", "fitting the head …", "validating", "evaluating the model …")
    assert [stage for stage in dict.fromkeys(told) if stage in stages] == list(stages)


@pytest.mark.slow
def test_stop_keeps_the_model_and_resume_ends_as_if_never_stopped(catalog, config, trained, tmp_path):
    panel = TrainingPanel(catalog, config, out=tmp_path / "run")
    panel.bar.observe(lambda change: panel.stop_button.click() if 0 < change["new"] < 1 else None, "value")
    panel.train_button.click()
    panel.thread.join()
    assert "stopped" in panel.status.value
    assert (tmp_path / "run" / "run-001" / "best_model.pth").is_file()
    assert len(panel.trained.result.history) < len(trained.result.history)
    panel.bar.unobserve_all()
    panel.resume_button.click()
    panel.thread.join()
    columns = ["epoch", "train_loss", "valid_loss"]
    pd.testing.assert_frame_equal(panel.trained.result.history[columns], trained.result.history[columns])


def test_a_run_of_a_version_with_other_fields_does_not_stop_the_panel(tmp_path, config, trained):
    for _ in range(2):
        trained.history.to_csv(new_run(tmp_path, config) / "history.csv")
    (tmp_path / "run-001" / "config.json").write_text('{"a field of tomorrow": 1}')
    assert [run.name for run in stored_runs(tmp_path)] == ["run-002"]


def test_a_new_run_overwrites_none_that_cannot_be_read(tmp_path, config, trained):
    for _ in range(2):
        trained.history.to_csv(new_run(tmp_path, config) / "history.csv")
    (tmp_path / "run-002" / "config.json").write_text('{"a field of tomorrow": 1}')
    assert new_run(tmp_path, config).name == new_run(tmp_path, config).name == "run-003"  # no epoch: used again
    trained.history.to_csv(tmp_path / "run-003" / "history.csv")
    for number in (999, 1000):
        (tmp_path / f"run-{number}").mkdir()
        trained.history.to_csv(tmp_path / f"run-{number}" / "history.csv")
    assert new_run(tmp_path, config).name == "run-1001"


def test_a_stop_before_the_first_epoch_is_no_fault(panel):
    panel._stop.set()
    panel._run(panel.config, None)
    assert "stopped before the first epoch ended" in panel.status.value and "alert" not in panel.status.value
    assert panel.trained is None and not panel.train_button.disabled
    assert panel.resume_button.disabled, "no epoch was kept"


@pytest.mark.slow
def test_resume_with_another_config_says_what_changed(panel):
    panel.start()
    panel.thread.join()
    panel.fields["seed"].value = 5
    panel.resume_button.click()
    panel.thread.join()
    assert "cannot resume" in panel.status.value
    assert not panel.train_button.disabled


def test_a_fault_of_ours_is_shown_and_raised(panel, monkeypatch):
    raised = []
    monkeypatch.setattr("threading.excepthook", raised.append)
    monkeypatch.setattr("workoutlib.training.experiments.train_model", lambda *a, **k: 1 / 0)
    panel.start()
    panel.thread.join()
    assert "ZeroDivisionError" in panel.status.value
    assert [each.exc_type for each in raised] == [ZeroDivisionError]
    assert not panel.train_button.disabled


def test_time_left_in_words():
    assert time_left(10, 1, 3) == ", about 30 s left"
    assert time_left(60, 1, 5) == ", about 5 min left"
    assert time_left(5, 0, 3) == ""


def test_best_line_names_the_epoch_with_the_lowest_loss():
    history = pd.DataFrame({"epoch": [0, 1, 2], "valid_loss": [0.5, 0.3, 0.4], "valid_accuracy": [0.7, 0.8, 0.9]})
    assert best_line(history) == "best epoch so far: 1 (validation loss 0.300, accuracy 80.0%)"


# The error browser


@pytest.fixture
def browser(recognizer, trained):
    return ErrorBrowser(recognizer, trained.predictions)


def test_browser_starts_with_all_mistakes(browser, trained):
    predictions = trained.predictions
    assert len(browser.found) == int((predictions.targets != predictions.predicted).sum())


def test_browser_finds_a_cell_of_the_matrix(browser, trained):
    label = trained.predictions.catalog["label"].iloc[0]
    browser.true.value = label
    assert len(browser.found) == (trained.predictions.catalog["label"] == label).sum()
    taken_for = browser.found["predicted"].iloc[0]
    browser.predicted.value = taken_for
    assert set(browser.found["label"]) == {label} and set(browser.found["predicted"]) == {taken_for}
    assert "<img" in browser.pictures.value


def test_browser_sorts_by_confidence_and_takes_clips_as_a_whole(browser, trained):
    browser.true.value = trained.predictions.catalog["label"].iloc[0]
    assert browser.found["confidence"].is_monotonic_decreasing
    browser.order.value = True
    assert browser.found["confidence"].is_monotonic_increasing
    frames = len(browser.found)
    browser.unit.value = True
    assert len(browser.found) == browser.found["video"].nunique() < frames


def test_clicking_the_matrix_sets_the_menus(browser, trained):
    labels = trained.predictions.labels
    browser.bridge.value = json.dumps({"at": 1, "sent": [labels[0], labels[1]]})
    assert (browser.true.value, browser.predicted.value) == labels[:2]
    assert browser.matrix.value.count("<button") >= 1
    assert browser.matrix.value.count("outline:3px") == 1, "the chosen cell"


def test_matching_nothing_is_an_empty_table(trained, browser):
    predictions = trained.predictions.where(trained.predictions.targets == trained.predictions.predicted)
    assert matching(predictions, true=ANY, predicted=ANY).empty


# The photo panel


@pytest.fixture
def photo_panel(recognizer, tmp_path):
    return PhotoPanel(recognizer, folder=tmp_path / "uploads")


def test_uploaded_photos_are_recognised(photo_panel, photo):
    send_photos(photo_panel, {"plank.jpg": photo.read_bytes(), "squat.jpg": photo.read_bytes()})
    assert [Path(row["path"]).name for row in photo_panel.rows] == ["plank.jpg", "squat.jpg"]
    assert photo_panel.card.value.count("<img") == 2
    assert "photos.csv" in photo_panel.download.value
    assert "of 2 files named after an exercise" in photo_panel.status.value


def test_a_row_is_clicked_and_wrong_ones_are_marked(photo_panel, photo):
    send_photos(photo_panel, {"squat.jpg": photo.read_bytes(), "plank.jpg": photo.read_bytes()})
    labels = [row["label"] for row in photo_panel.rows]
    wrong = sum(label != truth for label, truth in zip(labels, ("squat", "plank"), strict=True))
    assert wrong >= 1, "one photo cannot be both"
    assert photo_panel.table.value.count("✗") == wrong
    assert "squat.jpg" in photo_panel.card.value
    photo_panel.bridge.value = json.dumps({"at": 1, "sent": 1})
    assert "plank.jpg" in photo_panel.card.value and "squat.jpg" not in photo_panel.card.value
    assert (": wrong" in photo_panel.card.value) == (labels[1] != "plank")


def test_a_folder_of_a_class_tells_the_truth(photo_panel, photo, tmp_path):
    (tmp_path / "push up").mkdir()
    (tmp_path / "push up" / "me.jpg").write_bytes(photo.read_bytes())
    photo_panel.path.value = str(tmp_path / "push up")
    photo_panel.thread.join()
    assert photo_panel.rows[0]["truth"] == "push up"


def test_a_folder_and_a_broken_photo(photo_panel, photo, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "good.jpg").write_bytes(photo.read_bytes())
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"no picture")
    photo_panel.path.value = str(tmp_path / "photos")
    photo_panel.thread.join()
    assert len(photo_panel.rows) == 1
    assert "broken.jpg" in photo_panel.status.value
    photo_panel.path.value = str(tmp_path / "nowhere")
    photo_panel.thread.join()
    assert "role='alert'" in photo_panel.status.value


def test_an_emptied_field_does_not_mean_the_current_folder(photo_panel, clip_panel, photo, monkeypatch):
    photo_panel.path.value = f" {photo} "
    photo_panel.thread.join()
    assert [row["path"] for row in photo_panel.rows] == [str(photo)]
    clip_panel.path.value = str(photo.parent)
    clip_panel.thread.join()
    for panel in (photo_panel, clip_panel):
        monkeypatch.setattr(panel, "_in_thread", lambda *_: pytest.fail("looked at something"))
        panel.path.value = "  "
        panel.path.value = ""


def test_a_clip_in_a_folder_is_stopped(photo_panel, clip_path, monkeypatch):
    watch = PhotoPanel._watch

    def press_stop(panel, done, total):
        if done:
            panel.stop.click()
        watch(panel, done, total)

    monkeypatch.setattr(PhotoPanel, "_watch", press_stop)
    photo_panel.recognise([clip_path])
    photo_panel.thread.join()
    assert "stopped" in photo_panel.status.value and photo_panel.rows == []
    monkeypatch.setattr(PhotoPanel, "_watch", watch)
    photo_panel.recognise([clip_path])
    photo_panel.thread.join()
    assert photo_panel.rows[0]["kind"] == "clip" and photo_panel.card.value.count("<img") == 1
    assert photo_panel.stop.disabled and photo_panel.bar.value == 1


def test_csv_holds_every_photo(photo_panel, photo):
    send_photos(photo_panel, {"a.jpg": photo.read_bytes()})
    csv = base64.b64decode(re.search(r"base64,([^']+)", photo_panel.download.value)[1]).decode()
    assert "a.jpg" in csv and csv.startswith("path,kind,label")


# The clip panel and the player


@pytest.fixture
def clip_panel(recognizer, clip, tmp_path):
    return ClipPanel(recognizer, clip, [], folder=tmp_path / "clips")


def test_clip_panel_shows_player_and_timeline(clip_panel, clip):
    assert "<video" in clip_panel.player.value
    assert clip_panel.timeline.value.count("<button") == len(clip.segments())
    assert f".{clip_panel.name} video" in clip_panel.timeline.value
    assert clip_panel.downloads.value.count("download=") == 2


def test_another_clip_of_the_same_name_does_not_take_its_place(recognizer, clip, tmp_path):
    other = tmp_path / "other" / clip.path.name
    assert ClipPanel(recognizer, clip, [other], folder=tmp_path).choice.value == clip.path


def test_sliders_cut_anew_without_looking_again(clip_panel, monkeypatch):
    monkeypatch.setattr(Recognizer, "predict_clip", lambda *_, **__: pytest.fail("looked again"))
    clip_panel.confidence.value = 1.0
    assert "unknown" in clip_panel.timeline.value
    clip_panel.confidence.value = 0
    clip_panel.smoothing.value = 0
    clip_panel.shortest.value = 0
    expected = clip_panel.clip.segments(0, 0, 0)
    assert clip_panel.timeline.value.count("<button") == len(expected)


def test_a_part_that_is_missing_is_told_and_nothing_is_handed_on(tmp_path):
    got = []
    field = ChunkedUpload(got.append, tmp_path, accept="video/*", description="clip")
    part = {"id": "1", "name": "a.mp4", "size": 6, "at": 3, "data": base64.b64encode(b"def").decode(), "rest": 0}
    field.bridge.value = json.dumps({"at": 1, "sent": part})
    assert "a part is missing" in field.state.value
    assert "data-failed" in field.state.value
    send_in_parts(field, "../a.mp4", b"abcdef", parts=2)
    assert got == [[tmp_path / "a.mp4"]]
    assert got[0][0].read_bytes() == b"abcdef"
    assert not field.bridge.value  # a stored notebook holds nothing of it


def test_the_same_file_can_be_sent_again_on_windows(tmp_path, monkeypatch):
    def rename(path, target):
        raise FileExistsError(target) if target.exists() else AssertionError("not the second time")

    got, rest = [], {"accept": "video/*", "description": "clip"}
    field = ChunkedUpload(got.append, tmp_path, **rest)
    send_in_parts(field, "a.mp4", b"abc")
    monkeypatch.setattr(Path, "rename", rename)
    send_in_parts(field, "a.mp4", b"abcdef")
    assert got == [[tmp_path / "a.mp4"]] * 2 and (tmp_path / "a.mp4").read_bytes() == b"abcdef"


def test_the_rest_of_a_broken_upload_goes_with_the_next(tmp_path):
    field = ChunkedUpload(lambda path: None, tmp_path, accept="video/*", description="clip")
    part = {"id": "7", "name": "b.mp4", "size": 6, "at": 0, "data": base64.b64encode(b"abc").decode()}
    field.bridge.value = json.dumps({"at": 1, "sent": part})
    assert len(list(tmp_path.iterdir())) == 1
    send_in_parts(field, "a.mp4", b"abcdef", parts=2)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_uploaded_clip_is_recognised_in_a_thread(clip_panel, clip_path):
    send_in_parts(clip_panel.upload, "mine.mp4", clip_path.read_bytes(), parts=3)
    clip_panel.thread.join()
    assert clip_panel.clip.path.name == "mine.mp4"
    assert "mine.frames.csv" in clip_panel.downloads.value
    assert clip_panel.status.value == ""


def test_unreadable_clip_leaves_the_old_one(clip_panel, clip, tmp_path):
    clip_panel.path.value = str(tmp_path / "nowhere.mp4")
    clip_panel.thread.join()
    assert "role='alert'" in clip_panel.status.value
    assert clip_panel.clip is clip


def test_annotated_copy_can_be_downloaded(clip_panel, tmp_path):
    clip_panel.annotate.click()
    clip_panel.thread.join()
    assert "squat.annotated.mp4" in clip_panel.copy.value
    assert probe_clip(tmp_path / "clips" / "squat.annotated.mp4").frames == 20


def test_annotated_copy_too_large_for_a_page_is_named_instead(clip_panel, monkeypatch):
    monkeypatch.setattr("workoutlib.notebook.panels.clips.LARGEST_BYTES", 10)
    clip_panel.annotate.click()
    clip_panel.thread.join()
    assert "squat.annotated.mp4" in clip_panel.copy.value
    assert "data:" not in clip_panel.copy.value


@pytest.mark.parametrize("work", ["recognise", "annotate"])
def test_work_on_a_clip_shows_its_progress_and_can_be_stopped(clip_panel, clip, clip_path, tmp_path, monkeypatch, work):
    moments = []

    def press_stop(panel, done, total):
        assert not panel.stop.disabled and panel.annotate.disabled
        moments.append((done, total))
        panel.stop.click()
        watch(panel, done, total)

    watch = ClipPanel._watch
    monkeypatch.setattr(ClipPanel, "_watch", press_stop)
    clip_panel.recognise(clip_path) if work == "recognise" else clip_panel.write_copy()
    clip_panel.thread.join()
    assert len(moments) == 1 and moments[0][1] == 20, "the first word of progress ended it"
    assert "stopped" in clip_panel.status.value and "alert" not in clip_panel.status.value
    assert clip_panel.choice.value == clip.path
    assert clip_panel.clip is clip and clip_panel.stop.disabled and not clip_panel.annotate.disabled
    assert clip_panel.copy.value == "" and list((tmp_path / "clips").glob("*")) == []
    monkeypatch.setattr(ClipPanel, "_watch", watch)
    clip_panel.write_copy()
    clip_panel.thread.join()
    assert "annotated.mp4" in clip_panel.copy.value and clip_panel.bar.value == 1


def test_timeline_seeks_to_the_start_of_each_segment():
    segments = pd.DataFrame(
        [(0.0, 2.0, "squat", 0.9), (2.0, 3.5, "plank", 0.6)], columns=["start", "end", "label", "confidence"]
    )
    html = timeline_html(segments, 3.5, "demo")
    seeks = re.findall(r"currentTime = ([\d.]+)", html)
    assert seeks == ["0.000", "2.000"]
    assert "aria-label='Go to plank, 2.0 to 3.5 s, 60%'" in html


def test_a_label_without_room_in_its_segment_is_left_out_not_cut():
    segments = pd.DataFrame(
        [(0.0, 9.9, "squat", 0.9), (9.9, 10.0, "barbell biceps curl", 0.6)],
        columns=["start", "end", "label", "confidence"],
    )
    html = timeline_html(segments, 10.0, "demo")
    assert ">squat</button>" in html and "></button>" in html and "Go to barbell biceps curl" in html


def test_show_clip_holds_the_file_itself(clip_path, clip):
    html = show_clip(clip_path, clip.segments(), clip.duration).data
    held = re.search(r'src="data:video/mp4;base64,([^"]+)"', html)[1]
    assert base64.b64decode(held) == clip_path.read_bytes()


def test_clips_that_browsers_do_not_play_are_copied(tmp_path, clip_path):
    odd = tmp_path / "squat.mov"
    odd.write_bytes(clip_path.read_bytes())
    with pytest.raises(WorkoutlibError, match="browsers play"):
        player_html(odd, "demo")
    copy = browser_copy(odd, tmp_path / "copies")
    assert copy.suffix == ".mp4" and probe_clip(copy).frames == 20
    assert browser_copy(clip_path, tmp_path) == clip_path


# The webcam


def test_webcam_annotates_a_frame_and_says_which(recognizer, estimator):
    webcam = Webcam(recognizer)
    frame = render_clip("plank", 2, frames=1, size=(160, 120)).frames[0]
    data = base64.b64encode(jpeg_bytes(frame)).decode()
    webcam.bridge.value = json.dumps({"at": 1, "sent": {"number": 7, "data": data}})
    assert "data-frame='7'" in webcam.picture.value
    assert pixels_in(webcam.picture.value).shape == (120, 160, 3)
    assert "getUserMedia" in webcam.buttons.value and webcam.live is not None


def test_a_stopped_webcam_leaves_no_thread_and_begins_anew(recognizer, estimator):
    before, webcam = set(threading.enumerate()), Webcam(recognizer)
    data = base64.b64encode(jpeg_bytes(render_clip("plank", 2, frames=1, size=(160, 120)).frames[0])).decode()
    webcam.look({"number": 1, "data": data})
    first = webcam.live
    first._looks._thread.join(60)
    webcam.bridge.value = json.dumps({"at": 2, "sent": None})
    assert webcam.live is None and set(threading.enumerate()) <= before
    webcam.look(None)  # pressed twice
    webcam.look({"number": 1, "data": data})
    assert webcam.live is not first
    webcam.look(None)


def test_figures_with_photos_are_jpeg_and_charts_png(photo, config):
    chart = Figure()
    chart.subplots().plot([1, 2])
    grid = Figure()
    grid.subplots().imshow(model_view(photo, config))
    assert "data:image/png" in picture_html(chart, "a chart")
    assert "data:image/jpeg" in picture_html(grid, "a photo")


@pytest.mark.parametrize("truth", [None, "squat"])
def test_labels_of_a_foreign_checkpoint_are_text_on_the_page(truth):
    label = "<img src=x onerror=alert(1)>"
    shown = files_html([{"path": "a.jpg", "label": label, "truth": truth, "confidence": 0.5}], 0, Bridge(print))
    assert "&lt;img src=x" in shown and label not in shown
