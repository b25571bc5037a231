"""Getting a data set: from Kaggle, a folder, a zip file or the renderer, and never half of one."""

import os
import re
import sys
import types
from pathlib import Path

import pytest
from helpers.archives import TREE, images, write_tree, write_zip

from workoutlib.data import download
from workoutlib.data.download import KAGGLE_PAGE, download_kaggle, get_dataset, make_sample
from workoutlib.utils.errors import WorkoutlibError


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """An empty folder for data sets, in which Kaggle's data set has 44 images."""
    monkeypatch.setattr(download, "KAGGLE_IMAGES", len(TREE))
    return tmp_path / "input"


@pytest.fixture
def kaggle(monkeypatch):
    """kagglehub replaced by a function of the test's; its calls are listed."""

    def replace(behaviour):
        calls = []

        def dataset_download(handle):
            calls.append(handle)
            return behaviour()

        stand_in = types.SimpleNamespace(dataset_download=dataset_download)
        monkeypatch.setitem(sys.modules, "kagglehub", stand_in)
        return calls

    return replace


@pytest.fixture
def renderer(monkeypatch):
    """The gym's writer replaced by a quick one; its calls are listed."""
    from workoutlib import gym

    calls = []

    def write_dataset(out, **settings):
        calls.append(settings)
        write_tree(Path(out))

    monkeypatch.setattr(gym, "write_dataset", write_dataset, raising=False)
    return calls


def test_kaggles_tree_is_put_in_place_once(root, kaggle, tmp_path):
    calls = kaggle(lambda: str(write_tree(tmp_path / "cache" / "versions" / "1")))
    assert download_kaggle(root) == root / "workout-images"
    assert get_dataset("kaggle", root=root) == get_dataset("auto", root=root) == root / "workout-images"
    assert images(root / "workout-images") == 44
    assert calls == ["hasyimabdillah/workoutexercises-images"]
    assert images(tmp_path / "cache" / "versions" / "1") == 44  # kagglehub's cache stays whole
    assert os.listdir(root) == ["workout-images"]


def test_a_tree_inside_another_folder_is_found(root, kaggle, tmp_path):
    kaggle(lambda: str(write_tree(tmp_path / "cache" / "Workout" / "images").parents[1]))
    assert images(download_kaggle(root)) == 44


def test_without_hard_links_files_are_copied(root, kaggle, tmp_path, monkeypatch):
    def refuse(source, target):
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    kaggle(lambda: str(write_tree(tmp_path / "cache")))
    assert images(download_kaggle(root)) == 44


def test_without_a_network_the_steps_by_hand_are_told(root, kaggle):
    def offline():
        raise ConnectionError("Failed to resolve 'www.kaggle.com'\nlong trace")

    kaggle(offline)
    with pytest.raises(WorkoutlibError) as caught:
        download_kaggle(root)
    message = str(caught.value)
    assert isinstance(caught.value.__cause__, ConnectionError)
    assert "Failed to resolve" in message
    assert "long trace" not in message
    for told in (KAGGLE_PAGE, str(root / "workout-images"), str(root / "archive.zip"), "workoutlib split"):
        assert told in message
    assert os.listdir(root) == []


def test_what_is_downloaded_but_incomplete_is_not_taken(root, kaggle, tmp_path):
    cache, wanted = write_tree(tmp_path / "cache"), TREE[0]
    (cache / wanted).write_bytes(b"")
    kaggle(lambda: str(cache))
    with pytest.raises(WorkoutlibError, match="43 images of 22 classes, expected are 44 of 22") as caught:
        download_kaggle(root)
    assert Path(wanted).name in str(caught.value)
    assert os.listdir(root) == []
    (cache / wanted).write_bytes(b"whole")
    assert images(download_kaggle(root)) == 44


def test_an_interrupted_download_leaves_nothing_behind(root, kaggle, tmp_path, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    kaggle(interrupt)
    with pytest.raises(KeyboardInterrupt):
        download_kaggle(root)
    assert os.listdir(root) == []

    placed = []

    def link_three(source, target):
        if len(placed) == 3:
            raise KeyboardInterrupt
        placed.append(target)

    kaggle(lambda: str(write_tree(tmp_path / "cache")))
    with monkeypatch.context() as context:
        context.setattr(download, "_link_or_copy", link_three)
        with pytest.raises(KeyboardInterrupt):
            download_kaggle(root)
    assert os.listdir(root) == []
    assert images(download_kaggle(root)) == 44


def test_what_a_killed_process_left_is_no_obstacle_and_goes_after_a_day(root, kaggle, tmp_path):
    old, fresh = root / ".old.part", root / ".new.part"
    write_tree(old)
    write_tree(fresh)
    os.utime(old, (0, 0))
    kaggle(lambda: str(write_tree(tmp_path / "cache")))
    assert images(download_kaggle(root)) == 44
    assert not old.exists()
    assert fresh.exists()  # may belong to a process that is still at work


def test_two_processes_that_finish_at_once(root, kaggle, tmp_path):
    def other_finishes_first():
        write_tree(root / "workout-images")
        return str(write_tree(tmp_path / "cache"))

    kaggle(other_finishes_first)
    assert images(download_kaggle(root)) == 44
    assert os.listdir(root) == ["workout-images"]


def test_a_full_disk_is_a_clear_message(root, kaggle, tmp_path, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device")

    kaggle(lambda: str(write_tree(tmp_path / "cache")))
    monkeypatch.setattr(download, "_link_or_copy", full)
    with pytest.raises(WorkoutlibError, match="No space left on device"):
        download_kaggle(root)
    assert os.listdir(root) == []


def test_a_half_copied_tree_is_not_taken_for_whole(root):
    write_tree(root / "workout-images", TREE[:-1])
    for source in ("kaggle", "auto"):
        with pytest.raises(WorkoutlibError, match=r"43 images .* Delete .* or use it as it is with --data"):
            get_dataset(source, root=root)
    assert get_dataset(root / "workout-images", root=root) == root / "workout-images"


def test_a_zip_file_saved_by_hand_takes_the_place_of_the_download(root, kaggle):
    calls = kaggle(lambda: pytest.fail("the network was used"))
    write_zip(root / "archive.zip", [f"Workout/{name}" for name in TREE])
    assert images(download_kaggle(root)) == 44
    assert calls == []


def test_get_dataset_takes_a_folder_a_zip_file_or_a_name(root, renderer, tmp_path):
    folder = write_tree(tmp_path / "mine")
    assert get_dataset(str(folder)) == folder
    archive = write_zip(tmp_path / "mine.zip", ["yoga/a.jpg", "boxing/b.jpg"])
    unpacked = get_dataset(archive, root=root)
    assert images(unpacked) == 2
    assert get_dataset(archive, root=root) == unpacked
    write_zip(archive, ["yoga/a.jpg", "boxing/b.jpg", "boxing/c.jpg"])
    assert images(get_dataset(archive, root=root)) == 3
    assert get_dataset("auto", root=root) == get_dataset("sample", root=root)
    with pytest.raises(WorkoutlibError, match="kaggle, sample, auto"):
        get_dataset("kagle", root=root)
    (tmp_path / "broken.zip").write_bytes(b"PK nothing")
    with pytest.raises(WorkoutlibError, match="a text, not a zip file"):
        get_dataset(tmp_path / "broken.zip", root=root)


def test_the_sample_is_rendered_once_for_each_setting(root, renderer):
    first = make_sample(root, progress=False)
    assert make_sample(root) == first
    assert make_sample(root, seed=1) != first
    assert renderer == [
        {"videos": 10, "frames": 5, "stills": 2, "seed": 0, "progress": False},
        {"videos": 10, "frames": 5, "stills": 2, "seed": 1, "progress": True},
    ]
    assert images(first) == 44
    assert first.name.startswith("sample-")


def test_a_new_version_of_the_sample_is_rendered_again(root, renderer, monkeypatch):
    first = make_sample(root)
    monkeypatch.setattr("workoutlib.gym.SAMPLE_VERSION", -1)
    assert make_sample(root) != first and len(renderer) == 2


def test_an_interrupted_sample_is_rendered_again(root, monkeypatch):
    from workoutlib import gym

    def stops(out, **settings):
        write_tree(Path(out), TREE[:3])
        raise KeyboardInterrupt

    monkeypatch.setattr(gym, "write_dataset", stops, raising=False)
    with pytest.raises(KeyboardInterrupt):
        make_sample(root)
    assert os.listdir(root) == []
    monkeypatch.setattr(gym, "write_dataset", lambda out, **settings: write_tree(Path(out)))
    assert images(make_sample(root)) == 44


def test_a_half_downloaded_archive_advises_nothing_that_is_gone(root, kaggle):
    archive = write_zip(root / "archive.zip", [f"Workout/{name}" for name in TREE[:10]])
    kaggle(lambda: pytest.fail("the network was used"))
    with pytest.raises(WorkoutlibError, match="10 images") as caught:
        download_kaggle(root)
    advised = re.search(r'--data "([^"]+)"', str(caught.value))[1]
    assert advised == str(archive) and images(get_dataset(advised, root=root)) == 10
    assert ".part" not in str(caught.value)


@pytest.mark.parametrize("address", ["https://example.com/data.zip", "http://example.com/data", "s3://bucket/data"])
def test_a_web_address_is_called_one(root, address):
    with pytest.raises(WorkoutlibError, match="that is a web address; download"):
        get_dataset(address, root=root)
