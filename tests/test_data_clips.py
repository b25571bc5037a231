"""The clips of a folder of class folders, and its pictures beside them."""

import pytest
from helpers.clips import save_clip
from helpers.tiny import save_noise
from PIL import Image

from workoutlib.data.clips import read_pictures_and_clips
from workoutlib.utils.errors import WorkoutlibError


def test_pictures_and_clips_are_read_apart_and_what_is_neither_is_a_problem(tmp_path):
    save_noise(tmp_path / "squat" / "squat_100001.jpg")
    (tmp_path / "squat" / "notes.txt").write_text("x")
    (tmp_path / "plank").mkdir()
    clip, animation = save_clip(tmp_path / "plank" / "a.mp4"), tmp_path / "squat" / "b.gif"
    frames = [Image.new("RGB", (32, 24), (level, 0, 0)) for level in (0, 200)]
    frames[0].save(animation, save_all=True, append_images=frames[1:])
    save_clip(tmp_path / "planks" / "c.mp4")  # the same class once more
    (tmp_path / "deadlift").mkdir()
    catalog, clips = read_pictures_and_clips(tmp_path)
    assert catalog["path"].tolist() == [str(tmp_path / "squat" / "squat_100001.jpg")]
    assert sorted(clips["path"]) == sorted(map(str, [clip, animation, tmp_path / "planks" / "c.mp4"]))
    problems = catalog.attrs["problems"].set_index("path")["problem"].to_dict()
    assert problems == {
        str(tmp_path / "squat" / "notes.txt"): "not an image file",
        str(tmp_path / "deadlift"): "class folder without images",
        str(tmp_path / "planks"): "second folder of a class, read into it: 'plank'",
    }


def test_a_folder_without_pictures_and_clips_is_refused(tmp_path):
    (tmp_path / "squat").mkdir()
    with pytest.raises(WorkoutlibError, match="no images in"):
        read_pictures_and_clips(tmp_path)
