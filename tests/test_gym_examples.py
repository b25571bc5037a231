"""Photos and clips to try a model on."""

import pytest

from workoutlib.gym import examples
from workoutlib.labels import label_of_file
from workoutlib.media.video_reader import probe_clip


def test_the_repository_has_the_seven_files_of_the_tutorial():
    names = {path.name for path in examples.example_media()}
    assert {"barbell_bicep_curl.jpg", "deadlift.jpg", "plank.mp4", "push_up.mp4"} <= names
    assert len(names) == 7


@pytest.mark.slow
def test_without_the_repository_they_are_rendered_once(home, monkeypatch):
    monkeypatch.setattr(examples, "sample_media", list)
    monkeypatch.setattr(examples, "PHOTOS", ("deadlift",))
    monkeypatch.setattr(examples, "CLIPS", ("plank",))
    photo, clip = examples.example_media()
    assert (label_of_file(photo), label_of_file(clip)) == ("deadlift", "plank")
    assert probe_clip(clip).duration == 5.0
    times = [path.stat().st_mtime_ns for path in (photo, clip)]
    assert [path.stat().st_mtime_ns for path in examples.example_media()] == times


def test_a_workout_has_its_exercises_one_after_the_other(tmp_path):
    info = probe_clip(examples.render_workout(tmp_path / "new" / "w.mp4", ("squat", "plank"), seconds=0.5))
    assert (info.width, info.height, info.frames, info.frames_per_second) == (480, 360, 30, 30.0)
