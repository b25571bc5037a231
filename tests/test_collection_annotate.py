"""Annotating: what is kept, what waits for a person, what is left out; killed and begun again."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.tiny import one_thread_environment
from PIL import Image

from workoutlib.collection.annotate import _parts, annotate_media
from workoutlib.data.annotations import TABLE, Annotations
from workoutlib.data.catalog import read_catalog
from workoutlib.gym import render_clip, render_still
from workoutlib.media.video_reader import read_frames
from workoutlib.media.video_writer import ClipWriter
from workoutlib.recognition.analysis import ClipWorkout
from workoutlib.recognition.clips import ClipPrediction, LogitReader
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.workout.workout import Set

LABELS = ("plank", "push up", "squat")
# file: logits of its frames
FILES = {
    "a.mp4": (9, 0, 0),
    "doubtful.mp4": (0, 1, 0.8),
    "photo.jpg": (0, 9, 0),
    "squat.mp4": (0, 0, 9),
    "unknown.mp4": (-5, -5, -20),
}


class Scripted(LogitReader):
    """Says of each file what the table above has for it."""

    def __init__(self, dies_at: str = ""):
        super().__init__(LABELS, unknown_threshold=-1.0)
        self.seen, self.dies_at, self.sets = [], dies_at, {}

    def analyze(self, path: Path, *, stride: int, progress: bool) -> ClipWorkout:
        times = np.array([time for time, _ in read_frames(path, stride=stride)])
        if path.name == self.dies_at:
            raise KeyboardInterrupt
        self.seen.append(path.name)
        logits = np.tile(np.array(FILES.get(path.name, (9, 0, 0)), np.float32), (len(times), 1))
        clip = ClipPrediction(path, times, logits, times[-1] + 0.1, 10.0, self)
        return ClipWorkout(self.sets.get(path.name, []), clip=clip)

    def predict(self, pixels: np.ndarray):
        self.seen.append("photo")
        return self.read_logits(np.array(FILES["photo.jpg"], np.float32))


def write_clip(path: Path, label: str, seed: int, size: tuple[int, int] = (160, 120)) -> Path:
    with ClipWriter(path, *size, 10) as writer:
        for number, frame in enumerate(render_clip(label, seed, frames=8, size=size).frames):
            writer.write(frame, number / 10)
    return path


@pytest.fixture(scope="module")
def media(tmp_path_factory) -> Path:
    """A folder of four clips of different videos, a photo, and one that is no picture."""
    folder = tmp_path_factory.mktemp("media")
    for seed, (name, label) in enumerate(zip(FILES, ("plank", "push up", "", "squat", "deadlift"), strict=True), 20):
        if label:
            write_clip(folder / name, label, seed)
    Image.fromarray(render_still("push up", 50, size=(160, 120))[0]).save(folder / "photo.jpg")
    (folder / "broken.mp4").write_bytes(b"no clip")
    return folder


@pytest.fixture(scope="module")
def annotated(media, tmp_path_factory):
    return annotate_media(Scripted(), media, tmp_path_factory.mktemp("new") / "set", progress=False)


def by_file(annotations):
    return annotations.table.assign(file=annotations.table["source"].map(lambda path: Path(path).name)).set_index(
        "file"
    )


def test_sure_ones_are_kept_the_others_wait_and_broken_files_are_skipped(annotated):
    table = by_file(annotated)
    expected = {"a.mp4": "kept", "photo.jpg": "kept", "squat.mp4": "kept", "doubtful.mp4": "review"}
    assert table["status"].to_dict() == expected | {"unknown.mp4": "review", "broken.mp4": "skipped"}
    assert "not a video" in table.loc["broken.mp4", "note"] and table.loc["a.mp4", "note"] == ""
    assert "none of the exercises" in table.loc["unknown.mp4", "note"]
    assert list(table.loc["doubtful.mp4", ["label", "second", "third"]]) == ["push up", "squat", "plank"]
    assert annotated.summary()["sets"].to_dict() == {"kept": 3, "review": 2, "skipped": 1}
    waiting = [path for number in range(len(table)) for path in annotated.paths(number) if path.parent.name == "review"]
    assert waiting and all(path.is_file() for path in waiting)


def test_it_is_a_data_set_grouped_by_source(annotated):
    catalog = read_catalog(annotated.root)
    assert catalog.attrs["problems"].empty  # neither the table nor review/ is in the way
    assert dict(catalog.groupby("label")["video"].nunique()) == {"plank": 1, "push up": 1, "squat": 1}
    assert dict(catalog.groupby("label")["source"].first()) == {"plank": "frame", "push up": "still", "squat": "frame"}
    weights = annotated.weights()
    assert set(weights) == set(catalog["path"]) and all(0.9 < weight < 1 for weight in weights.values())


def test_a_copy_is_left_out_and_a_cut_of_a_recording_joins_its_video(media, annotated, tmp_path):
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "copy.mp4").write_bytes((media / "squat.mp4").read_bytes())
    write_clip(folder / "large.mp4", "squat", 23, size=(320, 240))
    out = tmp_path / "out"
    known = read_catalog(annotated.root)
    found = annotate_media(Scripted(), folder, out, training=known, progress=False)
    assert set(found.table["status"]) == {"skipped"}
    assert found.table["note"].str.contains("a recording that training has: squat/squat_").all()
    found = by_file(annotate_media(Scripted(), folder, tmp_path / "alone", progress=False))
    assert found.loc["copy.mp4", "status"] == "kept" and found.loc["large.mp4", "video"] in ("", "1")


def test_a_file_that_was_mended_is_taken_by_the_next_run(media, tmp_path):
    """A download that has come whole by then; until it has, its row stays as it is."""
    folder, out = tmp_path / "clips", tmp_path / "set"
    folder.mkdir()
    whole = (media / "squat.mp4").read_bytes()
    (folder / "squat.mp4").write_bytes(whole[:500])
    for _ in range(2):
        (row,) = annotate_media(Scripted(), folder, out, progress=False).table.to_dict("records")
        assert row["status"] == "skipped" and row["note"].startswith("Cannot read the clip")
    (folder / "squat.mp4").write_bytes(whole)
    (row,) = annotate_media(Scripted(), folder, out, progress=False).table.to_dict("records")
    assert (row["status"], row["label"]) == ("kept", "squat") and len(Annotations(out).table) == 1
    again = Scripted()
    annotate_media(again, folder, out, progress=False)
    assert again.seen == []


def test_a_full_disk_stops_the_job_and_the_next_run_goes_on(media, tmp_path, monkeypatch):
    saved = Image.Image.save

    def full(self, *arguments, **options):
        if len(list(tmp_path.rglob("*.jpg"))) >= 2:
            raise OSError(28, "No space left on device")
        saved(self, *arguments, **options)

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(WorkoutlibError, match="No space left"):
        annotate_media(Scripted(), media, tmp_path / "set", progress=False)
    assert not Annotations(tmp_path / "set").table["note"].str.contains("No space").any()
    monkeypatch.setattr(Image.Image, "save", saved)
    found = annotate_media(Scripted(), media, tmp_path / "set", progress=False)
    assert {Path(source).name for source in found.table["source"]} == {*FILES, "broken.mp4"}
    assert found.summary()["files"]["skipped"] == 1


def test_killed_it_goes_on_where_it_was(media, annotated, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        annotate_media(Scripted("squat.mp4"), media, tmp_path / "set", progress=False)
    again = Scripted()
    found = annotate_media(again, media, tmp_path / "set", progress=False)
    assert again.seen == ["squat.mp4", "unknown.mp4"]
    assert found.table.equals(annotated.table)
    names = {path.relative_to(found.root).as_posix() for path in found.root.rglob("*.jpg")}
    assert names == {path.relative_to(annotated.root).as_posix() for path in annotated.root.rglob("*.jpg")}


def test_several_exercises_are_labelled_set_by_set(media, tmp_path):
    recognizer = Scripted()
    sets = [Set("squat", 0.0, 0.3, confidence=0.97), Set("plank", 0.4, 0.8, confidence=0.99, known=False)]
    recognizer.sets["a.mp4"] = sets
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "a.mp4").write_bytes((media / "a.mp4").read_bytes())
    found = annotate_media(recognizer, folder, tmp_path / "set", progress=False).table
    assert found["start"].tolist() == [0.0, 0.4] and found["video"].tolist() == ["1", "1"]
    assert not set(found["pictures"][0].split()) & set(found["pictures"][1].split())
    assert found["label"].tolist() == ["squat", "plank"] and found["confidence"].tolist() == [0.97, 0.99]
    assert found["status"].tolist() == ["kept", "review"], "a set that the model does not know waits"
    assert found[["second", "third"]].to_numpy().tolist() == [["plank", "push up"], ["push up", "squat"]]


def test_a_folder_that_holds_something_else_is_not_touched(media, tmp_path):
    (tmp_path / "squat").mkdir()
    with pytest.raises(WorkoutlibError, match="name a new folder"):
        annotate_media(Scripted(), media, tmp_path, progress=False)
    assert not (tmp_path / TABLE).exists()


def test_while_one_annotates_another_is_sent_away(media, tmp_path):
    code = "import sys; from workoutlib.collection.annotate import annotate_media; "
    code += "from workoutlib.recognition.clips import LogitReader; "
    code += "annotate_media(LogitReader(['squat']), sys.argv[1], sys.argv[2], progress=False)"

    class Watched(Scripted):
        def analyze(self, path, **options):
            if not self.seen:
                command = [sys.executable, "-c", code, str(media), str(tmp_path / "set")]
                self.other = subprocess.run(command, capture_output=True, text=True, env=one_thread_environment())
            return super().analyze(path, **options)

    recognizer = Watched()
    found = annotate_media(recognizer, media, tmp_path / "set", progress=False)
    assert recognizer.other.returncode and "another program is annotating into" in recognizer.other.stderr
    assert len(found.table) == len(FILES) + 1


def test_nothing_is_written_out_of_the_new_data_set(media, tmp_path):
    """A foreign checkpoint may call its classes anything."""
    evil = Scripted()
    evil.labels = ("../evil", "push up", "squat")
    with pytest.raises(WorkoutlibError, match=r"the model's class names: .*lead out of its folder"):
        annotate_media(evil, media, tmp_path / "new", progress=False)
    assert not (tmp_path / "new").exists() and not (tmp_path / "evil").exists()


def test_a_class_folder_that_is_a_link_is_told_and_left_alone(media, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    Annotations(tmp_path / "out").add([])
    (tmp_path / "out" / "squat").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    table = annotate_media(Scripted(), media, tmp_path / "out", progress=False).table.set_index("source")
    row = table.loc[str(media / "squat.mp4")]
    assert row["status"] == "skipped" and "leads out of the data set" in row["note"]
    assert not any((tmp_path / "elsewhere").iterdir())


def test_a_set_between_two_frames_that_were_looked_at_has_guesses() -> None:
    times, logits = np.array([0.0, 1.0, 2.0]), np.array([[9, 0, 0], [9, 1, 0], [0, 2, 9]], np.float32)
    clip = ClipPrediction(Path("a.mp4"), times, logits, 3.0, 1.0, LogitReader(LABELS))
    sets = [Set("plank", 0.0, 1.1, confidence=0.9), Set("push up", 1.2, 1.6, confidence=0.6)]
    _, second = _parts(ClipWorkout(sets, clip=clip))
    assert [label for label, _ in second.found.top3] == ["push up", "plank", "squat"]
    assert all(0 <= share <= 1 for _, share in second.found.top3)
