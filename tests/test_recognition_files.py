"""Folder jobs: every file recognised or named, nothing of the user's overwritten, strange names harmless."""

import json
import os
import subprocess
import sys
import tracemalloc
import warnings
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
import torch
from helpers.clips import add_sound, loudness, moving, remux, save_clip, turned_by_metadata, write_with
from helpers.pictures import save_strangely_named
from helpers.rows import CLIP_KEYS, PHOTO_KEYS
from helpers.tiny import make_model, one_thread_environment, save_noise
from PIL import Image

from workoutlib.config import Config
from workoutlib.media.video_reader import probe_clip, read_frames
from workoutlib.recognition import files as files_module
from workoutlib.recognition.files import accuracy_by_name, as_table, predict_files
from workoutlib.recognition.inputs import expand
from workoutlib.recognition.recognizer import Recognizer
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import write_csv, write_json

LABELS = ("plank", "push up", "squat")


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer(make_model(), LABELS, Config(resize=64, crop=64))


@pytest.fixture
def folder(tmp_path):
    """Photos and clips of several kinds, two of them broken, and a file that is neither."""
    root = tmp_path / "in"
    save_noise(root / "push_up.jpg")
    save_noise(root / "deep" / "squat (2).png", seed=1)
    save_clip(root / "plank.mp4")
    (root / "broken.jpg").write_bytes(b"no picture")
    (root / "broken.mp4").write_bytes(b"no clip")
    (root / "notes.txt").write_text("not for us")
    return root


def test_rows_have_the_promised_keys(recognizer, folder, tmp_path):
    rows, failures = predict_files(recognizer, [folder], out=tmp_path / "out", progress=False)
    by_name = {os.path.basename(row["path"]): row for row in rows}
    assert set(by_name) == {"push_up.jpg", "squat (2).png", "plank.mp4"}
    photo, clip = by_name["push_up.jpg"], by_name["plank.mp4"]
    assert set(photo) == PHOTO_KEYS | {"annotated"} and set(clip) == CLIP_KEYS | {"annotated"}
    assert (photo["kind"], photo["truth"], clip["kind"], clip["truth"]) == ("photo", "push up", "clip", "plank")
    assert by_name["squat (2).png"]["truth"] == "squat"
    assert (clip["frames"], clip["frames_per_second"]) == (6, pytest.approx(10))
    for row in rows:
        assert row["label"] == row["top3"][0]["label"] and row["confidence"] == row["top3"][0]["confidence"]
        assert [set(entry) for entry in row["top3"]] == [{"label", "confidence"}] * 3
        assert sum(entry["confidence"] for entry in row["top3"]) == pytest.approx(1)
    assert [set(segment) for segment in clip["segments"]] == [{"start", "end", "label", "confidence"}] * len(
        clip["segments"]
    )
    assert json.loads(json.dumps(rows)) == rows, "plain values only"
    assert {os.path.basename(f["path"]): f["kind"] for f in failures} == {"broken.jpg": "photo", "broken.mp4": "clip"}
    for failure in failures:
        assert failure["label"] is failure["confidence"] is None and failure["top3"] == []
        assert os.path.basename(failure["path"]) in failure["error"]


def test_annotated_copies_and_tables_lie_as_the_folder_does(recognizer, folder, tmp_path):
    rows, _ = predict_files(recognizer, [folder], out=tmp_path / "out", progress=False)
    out = tmp_path / "out"
    written = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    beside = [f"plank.{ending}" for ending in ("frames.csv", "mp4", "poster.jpg", "segments.csv")]
    assert written == ["deep/squat (2).png.jpg", *beside, "push_up.jpg"]
    assert sorted(row["annotated"] for row in rows) == sorted(
        str(p) for p in out.rglob("*") if p.suffix in (".jpg", ".mp4") and ".poster" not in p.name
    )
    with Image.open(out / "push_up.jpg") as image:
        assert image.format == "JPEG" and image.size == (60, 40)
    assert probe_clip(out / "plank.mp4").frames == 6
    table = pd.read_csv(out / "plank.frames.csv")
    assert table.columns.tolist() == ["time", "label", "confidence", "known", *LABELS] and len(table) == 6
    segments = pd.read_csv(out / "plank.segments.csv")
    assert segments.columns.tolist() == ["start", "end", "label", "confidence"]
    assert segments["end"].iloc[-1] == pytest.approx(0.6, abs=0.05)


def test_without_a_folder_nothing_is_written(recognizer, folder):
    before = sorted(folder.rglob("*"))
    rows, _ = predict_files(recognizer, [folder], progress=False)
    assert sorted(folder.rglob("*")) == before and all("annotated" not in row for row in rows)


def test_the_users_own_files_are_never_overwritten(recognizer, folder):
    """Photos annotated into the folder that they lie in get other names."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    rows, _ = predict_files(recognizer, [folder], out=folder, progress=False)
    assert {path: path.read_bytes() for path in before} == before
    names = sorted(os.path.basename(row["annotated"]) for row in rows)
    assert names == ["plank (2).mp4", "push_up (2).jpg", "squat (2).png.jpg"]
    assert all(os.path.isfile(row["annotated"]) for row in rows)


def test_equal_names_from_two_places_do_not_overwrite_each_other(recognizer, tmp_path):
    files = [save_noise(tmp_path / name / "x.jpg", seed=i) for i, name in enumerate("abc")]
    save_noise(tmp_path / "d" / "X.jpg", seed=9)
    files.append(tmp_path / "d" / "X.jpg")
    rows, _ = predict_files(recognizer, files, out=tmp_path / "out", progress=False)
    assert [os.path.basename(row["annotated"]) for row in rows] == ["x.jpg", "x (2).jpg", "x (3).jpg", "X (4).jpg"]
    assert len({Path(row["annotated"]).read_bytes() for row in rows}) == 4


def test_copies_of_files_with_the_longest_names(recognizer, tmp_path):
    """What is added to a name fits no more: it is cut, and the copies still have names of their own."""
    files = [save_noise(tmp_path / f"{'x' * 250}{i}.png", seed=i) for i in range(2)]
    files += [save_noise(tmp_path / f"{'é' * 125}.jpg"), save_clip(tmp_path / f"{'z' * 251}.mp4")]
    rows, failures = predict_files(recognizer, files, out=tmp_path / "out", progress=False)
    assert failures == [] and [row["path"] for row in rows] == [str(path) for path in files]
    assert len(list((tmp_path / "out").iterdir())) == len({row["annotated"] for row in rows}) + 3 == 7


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_links_broken_cyclic_and_to_the_output(recognizer, tmp_path):
    root = tmp_path / "in"
    save_noise(root / "real.jpg")
    (root / "nowhere.jpg").symlink_to(tmp_path / "missing.jpg")
    (root / "cycle.jpg").symlink_to(root / "cycle.jpg")
    (root / "loop").symlink_to(root)
    rows, failures = predict_files(recognizer, [root], out=tmp_path / "out", progress=False)
    assert [os.path.basename(row["path"]) for row in rows] == ["real.jpg"]
    assert sorted(os.path.basename(f["path"]) for f in failures) == ["cycle.jpg", "nowhere.jpg"]
    # An output folder that is a link to the input is the same trap as naming the input itself.
    before = (root / "real.jpg").read_bytes()
    (tmp_path / "link").symlink_to(root)
    predict_files(recognizer, [root / "real.jpg"], out=tmp_path / "link", progress=False)
    assert (root / "real.jpg").read_bytes() == before


def test_bad_arguments_do_not_end_the_job(recognizer, tmp_path):
    good, empty = save_noise(tmp_path / "good.jpg"), tmp_path / "empty"
    empty.mkdir()
    paths = [tmp_path / "missing.jpg", empty, good, tmp_path / ("x" * 300 + ".jpg"), tmp_path / "missing.mp4"]
    rows, failures = predict_files(recognizer, paths, out=tmp_path / "out", progress=False)
    assert [row["path"] for row in rows] == [str(good)]
    assert sorted(f["path"] for f in failures) == sorted(str(p) for p in paths if p != good)
    assert any("no photo or clip in" in f["error"] for f in failures)


def test_a_full_disk_is_reported_and_leaves_no_half_files(recognizer, folder, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    rows, failures = predict_files(recognizer, [folder], out=tmp_path / "out", progress=False)
    assert rows == [] and len(failures) == 5
    assert sum("No space left" in f["error"] for f in failures) == 3
    assert [p for p in (tmp_path / "out").rglob("*") if p.is_file()] == []


def test_a_folder_is_expanded_and_a_file_is_not(folder):
    assert [inside.as_posix() for _, inside in expand(folder)] == [
        "broken.jpg",
        "broken.mp4",
        "deep/squat (2).png",
        "plank.mp4",
        "push_up.jpg",
    ]
    assert expand(folder / "notes.txt") == [(folder / "notes.txt", (folder / "notes.txt").relative_to(folder))]
    (folder / "nothing").mkdir()
    with pytest.raises(WorkoutlibError, match="no photo or clip"):
        expand(folder / "nothing")


def test_an_animated_gif_is_a_clip_and_a_still_one_a_photo(recognizer, tmp_path):
    pictures = [Image.fromarray(np.full((40, 60, 3), level, np.uint8)) for level in (0, 120, 240)]
    pictures[0].save(tmp_path / "still.gif")
    pictures[0].save(tmp_path / "moving.gif", save_all=True, append_images=pictures[1:], duration=100)
    rows, failures = predict_files(recognizer, [tmp_path], out=tmp_path / "out", progress=False)
    assert {os.path.basename(r["path"]): r["kind"] for r in rows} == {"still.gif": "photo", "moving.gif": "clip"}
    assert failures == [] and {os.path.basename(r["annotated"]) for r in rows} == {"still.gif.jpg", "moving.gif.mp4"}


def test_a_phones_upright_clip_stays_upright(recognizer, tmp_path):
    """Turned by metadata, as phones write them: the copy has the sides that a player shows."""
    source = save_clip(tmp_path / "turned.mp4")
    turned_by_metadata(source, (0, 1, -1, 0))
    [row], _ = predict_files(recognizer, [source], out=tmp_path / "out", progress=False)
    copy = probe_clip(row["annotated"])
    assert (copy.width, copy.height, copy.rotation, copy.frames) == (48, 64, 0, 6)


def test_strange_names_come_through_whole(recognizer, tmp_path):
    strange = save_strangely_named(tmp_path / "in")
    rows, failures = predict_files(recognizer, [strange], out=tmp_path / "out", progress=False)
    assert failures == [] and sorted(os.listdir(tmp_path / "out")) == sorted(os.listdir(strange))
    write_csv(as_table(rows), tmp_path / "out.csv")
    assert len(pd.read_csv(tmp_path / "out.csv")) == len(rows)


def test_labels_that_are_formulas_or_tags(tmp_path, folder):
    hostile = ('=HYPERLINK("http://x")', "<script>alert(1)</script>", "@SUM(1)")
    recognizer = Recognizer(make_model(), hostile, Config(resize=64, crop=64))
    rows, _ = predict_files(recognizer, [folder], out=tmp_path / "out", progress=False)
    write_csv(as_table(rows), tmp_path / "all.csv")
    for path in (tmp_path / "out" / "plank.frames.csv", tmp_path / "out" / "plank.segments.csv", tmp_path / "all.csv"):
        table = pd.read_csv(path)
        texts = [*table.columns, *table.select_dtypes(exclude="number").astype(str).to_numpy().ravel()]
        assert not [text for text in texts if text.startswith(("=", "+", "-", "@"))]


def test_accuracy_counts_only_what_is_named_after_an_exercise():
    rows = [
        {"truth": "squat", "label": "squat"},
        {"truth": "squat", "label": "plank"},
        {"truth": None, "label": "plank"},
    ]
    assert accuracy_by_name(rows) == "1 of 2 files named after an exercise recognised as it"
    assert accuracy_by_name(rows[2:]) == "" and accuracy_by_name([]) == ""


def test_the_stride_reaches_the_clips(recognizer, folder, tmp_path):
    [row], _ = predict_files(recognizer, [folder / "plank.mp4"], out=tmp_path / "out", stride=4, progress=False)
    assert row["frames"] == 2
    assert len(list(read_frames(row["annotated"]))) == 6, "the copy has all frames"


@pytest.mark.slow
@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="PyTorch was built without gloo")
def test_two_processes_share_a_folder_and_tell_what_one_does(trained, folder, tmp_path):
    begin = [sys.executable, "-m"]
    together = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    for name, launcher in (("one", begin), ("two", begin + together)):
        command = [
            "workoutlib",
            "predict",
            str(folder),
            "--checkpoint",
            str(trained.checkpoint),
            "--backend",
            "torch",
            "--out",
            str(tmp_path / name),
            "--json",
            str(tmp_path / f"{name}.json"),
        ]
        done = subprocess.run([*launcher, *command], env=one_thread_environment(), capture_output=True, text=True)
        assert done.returncode == 1, "two of the files are broken"
        assert done.stderr.count("error: Cannot read") == 2 and done.stdout.count("push_up.jpg") == 1
    one, two = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("one", "two"))
    assert [row["path"] for row in two] == [row["path"] for row in one] and len(one) == 5
    for row, other in zip(one, two, strict=True):
        assert (row["label"], row.get("error")) == (other["label"], other.get("error"))
        assert row["confidence"] == pytest.approx(other["confidence"])
    assert names_below(tmp_path / "one") == names_below(tmp_path / "two")


def names_below(folder: Path) -> list[Path]:
    return sorted(path.relative_to(folder) for path in folder.rglob("*"))


def test_a_clips_losses_are_noted_in_its_row_and_told_once(recognizer, tmp_path):
    whole = write_with(tmp_path / "whole.mkv", moving(60), gop_size=30, max_b_frames=0)
    remux(whole, tmp_path / "in" / "lost.mkv", drop=range(20, 35))
    save_clip(tmp_path / "in" / "whole.mp4")
    with pytest.warns(UserWarning, match="15 of 60 frames are missing") as told:
        rows, _ = predict_files(recognizer, [tmp_path / "in"], out=tmp_path / "out", progress=False)
    assert len(told) == 1
    assert [len(row["notes"]) for row in rows] == [1, 0]
    assert "from 0.80 to 1.40 s" in rows[0]["notes"][0]
    assert rows[0]["segments"][-1]["end"] == pytest.approx(2.4, abs=0.01)


def test_the_copy_of_a_clip_with_longer_sound_keeps_it_to_the_pictures_end(recognizer, tmp_path):
    silent = write_with(tmp_path / "silent.mkv", moving(50), max_b_frames=0)
    add_sound(silent, tmp_path / "in" / "long.mkv", seconds=6, codec="flac")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows, _ = predict_files(recognizer, [tmp_path / "in"], out=tmp_path / "out", progress=False)
    assert rows[0]["segments"][-1]["end"] == pytest.approx(2.0, abs=0.01) and rows[0]["notes"] == []
    assert loudness(tmp_path / "out" / "long.mkv.mp4")[:4] == pytest.approx([0.177, 0.177, 0.247, 0.247], rel=0.1)
    assert probe_clip(tmp_path / "out" / "long.mkv.mp4").duration == pytest.approx(2.0, abs=0.01)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_segments_and_copy_of_a_late_picture_end_with_its_last_frame(recognizer, tmp_path, suffix):
    silent = write_with(tmp_path / f"silent.{suffix}", moving(50), max_b_frames=0)
    add_sound(silent, tmp_path / "in" / f"late.{suffix}", seconds=2.7, late=0.7)
    rows, _ = predict_files(recognizer, [tmp_path / "in"], out=tmp_path / "out", progress=False)
    assert rows[0]["segments"][0]["start"] == 0 and rows[0]["notes"] == []
    assert rows[0]["segments"][-1]["end"] == pytest.approx(2.0, abs=0.01)
    copy = next((tmp_path / "out").glob("late*.mp4"))
    assert probe_clip(copy).duration == pytest.approx(2.0, abs=0.01)
    # the tone from 0.7 s on, a tenth louder from 1 and 2 s on
    assert loudness(copy)[:3] == pytest.approx([0.208, 0.247, 0.278], abs=0.03)


@pytest.mark.parametrize("name", ["song.m4a", "song.mp3"])
def test_sound_is_called_sound_and_not_a_picture(recognizer, tmp_path, name):
    with av.open(str(tmp_path / name), "w") as out:
        stream = out.add_stream("libmp3lame" if name.endswith("mp3") else "aac", rate=44100)
        samples = av.AudioFrame.from_ndarray(np.zeros((2, 1152), np.float32), "fltp", "stereo")
        samples.sample_rate = 44100
        out.mux([*stream.encode(samples), *stream.encode(None)])
    _, failures = predict_files(recognizer, [tmp_path / name], progress=False)
    assert "only sound, no video" in failures[0]["error"] and failures[0]["kind"] == "clip"


def test_a_job_of_many_photos_takes_no_more_memory_than_one_of_few(tmp_path):
    """In place of 5,000 photos: 200 take at their peak what 40 take, and a row each, a fiftieth of a photo."""
    recognizer = Recognizer(make_model(), LABELS, Config(resize=64, crop=64))
    for i in range(200):
        for folder in ("many", *["few"] * (i < 40)):
            save_noise(tmp_path / folder / f"{i:03}.jpg", size=(320, 240), seed=i)
    peaks = []
    for folder, count in (("few", 40), ("few", 40), ("many", 200)):  # the first warms up
        tracemalloc.start()
        rows, _ = predict_files(recognizer, [tmp_path / folder], progress=False)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert len(rows) == count
    assert peaks[2] < peaks[1] + 160 * 5_000, peaks


def test_photos_are_recognised_many_at_a_time_with_few_in_memory(tmp_path, monkeypatch):
    for i in range(40):
        save_noise(tmp_path / "small" / f"{i:02}.jpg", seed=i)
    for i in range(5):
        save_noise(tmp_path / "large" / f"{i}.jpg", size=(4000, 3000), seed=i)
    recognizer, batches = Recognizer(make_model(), LABELS, Config(resize=64, crop=64)), []
    forward = recognizer._forward
    monkeypatch.setattr(recognizer, "_forward", lambda squares: batches.append(len(squares)) or forward(squares))
    rows, _ = predict_files(recognizer, [tmp_path / "small"], progress=False)
    assert batches == [8] * 5
    for row in rows[::9]:
        alone = recognizer.predict(row["path"])
        assert (row["label"], row["confidence"]) == (alone.label, pytest.approx(alone.confidence, abs=1e-5))
    batches.clear()
    assert len(predict_files(recognizer, [tmp_path / "large"], progress=False)[0]) == 5
    assert batches == [3, 2]


def test_the_table_grows_and_outlives_an_interruption(recognizer, tmp_path, monkeypatch):
    for i in range(50):
        save_noise(tmp_path / "in" / f"{i:02}.jpg", seed=i)
    annotate, done, reports = recognizer.annotate, [], []

    def interrupted(*arguments, **options):
        if len(done) == 40:
            raise KeyboardInterrupt
        done.append(1)
        return annotate(*arguments, **options)

    monkeypatch.setattr(recognizer, "annotate", interrupted)
    monkeypatch.setattr(files_module, "_TOLD", 0.0)
    with pytest.raises(KeyboardInterrupt):
        predict_files(
            recognizer,
            [tmp_path / "in"],
            out=tmp_path / "out",
            progress=False,
            report=lambda rows, failures: reports.append(len(rows)),
        )
    assert reports[0] == 1 and reports[-1] == 40 == len(list((tmp_path / "out").glob("*.jpg")))
    assert reports == sorted(reports)


@pytest.mark.parametrize("inside", ["out", "deep/out"])
def test_results_inside_the_input_are_not_judged_again(recognizer, folder, inside):
    out = folder / inside
    for _ in range(2):
        rows, _ = predict_files(recognizer, [folder], out=out, progress=False)
        assert {os.path.basename(row["path"]) for row in rows} == {"push_up.jpg", "squat (2).png", "plank.mp4"}
    write_csv(as_table(rows), out / "predictions.csv")
    assert len(predict_files(recognizer, [folder], out=folder / "other", progress=False)[0]) == 3
    assert len(predict_files(recognizer, [out], progress=False)[0]) == 3  # who names the results wants them


def test_one_photo_that_breaks_the_model_does_not_cost_the_others(recognizer, folder, monkeypatch):
    forward = recognizer._forward

    def picky(squares):
        if len(squares) > 1:
            raise WorkoutlibError("too many")
        return forward(squares)

    monkeypatch.setattr(recognizer, "_forward", picky)
    rows, failures = predict_files(recognizer, [folder], progress=False)
    assert len(rows) == 3 and len(failures) == 2


def test_another_programs_predictions_csv_is_no_sign_of_results(recognizer, tmp_path):
    save_noise(tmp_path / "mine" / "squat.jpg")
    (tmp_path / "mine" / "predictions.csv").write_text("id,prediction\n1,squat\n")
    rows, failures = predict_files(recognizer, [tmp_path], progress=False)
    assert [Path(row["path"]).name for row in rows] == ["squat.jpg"] and failures == []


def test_copies_beside_their_sources_are_not_judged_again(recognizer, tmp_path, monkeypatch):
    """--out is the folder that is read: a second run, from elsewhere too, sees the same files and writes the same."""
    for number, name in enumerate(("squat.jpg", "squat (2).jpg", "deep/squat.jpg", "plank.png")):
        save_noise(tmp_path / "mine" / name, seed=number)
    monkeypatch.chdir(tmp_path)
    found = []
    for folder in (Path("mine"), Path("mine"), tmp_path / "mine"):
        rows, _ = predict_files(recognizer, [folder], out=folder, progress=False)
        write_csv(as_table(rows), folder / "predictions.csv")
        write_json(rows, folder / "predictions.json")
        found.append((len(rows), len(list(folder.rglob("*.[jp][pn]g")))))
    assert found == [(4, 8)] * 3


def test_a_folder_of_other_kinds_of_files_says_what_they_are(tmp_path):
    (tmp_path / "a.psd").write_bytes(b"8BPS" + bytes(90))
    (tmp_path / "b.txt").write_text("notes")
    with pytest.raises(
        WorkoutlibError, match=r'only files of other kinds, such as "a\.psd" \(a Photoshop document\. Export'
    ):
        expand(tmp_path)
