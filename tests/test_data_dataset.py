"""Datasets: decoded once and kept, never stale, never half-written, and every row where it belongs."""

import dataclasses
import errno
import os
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.tiny import make_dataset, save_noise

from workoutlib.config import Config
from workoutlib.data import dataset as module
from workoutlib.data.dataset import dataset_of, decode, load_dataset
from workoutlib.data.readable import UnreadableFiles, find_unreadable
from workoutlib.data.transforms import to_square
from workoutlib.utils.errors import WorkoutlibError

SETTINGS = {"size": 64, "resize_mode": "crop"}


@pytest.fixture
def paths(tmp_path) -> list[str]:
    return [str(save_noise(tmp_path / "in" / f"{i}.png", size=(60 + i, 40), seed=i)) for i in range(5)]


@pytest.fixture
def decoded(monkeypatch) -> list[str]:
    """The paths that were decoded, in any order."""
    seen: list[str] = []

    def spy(path, **options):
        seen.append(path)
        return to_square(path, **options)

    monkeypatch.setattr(module, "to_square", spy)
    return seen


def test_the_cache_holds_what_fresh_decoding_gives(paths, tmp_path, decoded):
    fresh = decode(paths, **SETTINGS, progress=False)
    assert np.array_equal(fresh, [to_square(path, **SETTINGS) for path in paths])
    decoded.clear()
    first = decode(paths, **SETTINGS, cache=tmp_path / "cache", progress=False)
    assert sorted(decoded) == sorted(paths)
    again = decode(paths, **SETTINGS, cache=tmp_path / "cache", progress=False)
    assert sorted(decoded) == sorted(paths), "the second call decoded again"
    assert np.array_equal(first, fresh) and np.array_equal(again, fresh)
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".npy"]


def test_a_changed_picture_is_decoded_again(paths, tmp_path):
    before = decode(paths, **SETTINGS, cache=tmp_path / "cache", progress=False)
    stamp = os.stat(paths[2])
    save_noise(tmp_path / "in" / "2.png", size=(62, 40), seed=99)
    os.utime(paths[2], ns=(stamp.st_atime_ns, stamp.st_mtime_ns + 1_000_000_000))
    after = decode(paths, **SETTINGS, cache=tmp_path / "cache", progress=False)
    assert not np.array_equal(before[2], after[2])
    assert np.array_equal(after[2], to_square(paths[2], **SETTINGS))


@pytest.mark.parametrize("changed", [{"size": 72}, {"resize_mode": "squash"}])
def test_other_settings_have_a_cache_of_their_own(paths, tmp_path, changed):
    other = SETTINGS | changed
    for _ in range(2):
        for settings in (SETTINGS, other):
            kept = decode(paths, **settings, cache=tmp_path / "cache", progress=False)
            assert np.array_equal(kept, decode(paths, **settings, progress=False))


def test_what_does_not_change_the_squares_shares_a_cache(catalog, tmp_path, decoded):
    load_dataset(catalog, size=64, cache=tmp_path, progress=False)
    assert len(decoded) == len(catalog)
    decoded.clear()
    other = catalog.assign(label="squat", video="squat/1")
    load_dataset(other, size=64, labels=("plank", "squat"), cache=tmp_path, progress=False)
    assert decoded == []


def test_the_kept_file_cannot_be_changed_through_the_array(paths, tmp_path):
    fresh = decode(paths, **SETTINGS, progress=False)
    for _ in range(3):
        kept = decode(paths, **SETTINGS, cache=tmp_path / "cache", progress=False)
        assert np.array_equal(kept, fresh)
        kept[:] = 0


@pytest.mark.parametrize("error", [KeyboardInterrupt, WorkoutlibError("broken picture")])
def test_an_interrupted_write_leaves_nothing(paths, tmp_path, monkeypatch, error):
    def fail(path, **options):
        if path == paths[3]:
            raise error
        return to_square(path, **options)

    monkeypatch.setattr(module, "to_square", fail)
    with pytest.raises(type(error) if isinstance(error, Exception) else error):
        decode(paths, **SETTINGS, cache=tmp_path / "cache", progress=False)
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("damage", ["empty", "half", "other shape", "text", "open bracket", "other order"])
def test_a_damaged_cache_file_is_made_anew(paths, tmp_path, damage):
    fresh = np.array(decode(paths, **SETTINGS, cache=tmp_path / "cache", progress=False))
    file = next((tmp_path / "cache").iterdir())
    whole = file.read_bytes()
    if damage == "other shape":
        file.unlink()
        with file.open("wb") as out:
            np.save(out, np.zeros((5, 3, 3), np.uint8))
    else:
        contents = {
            "empty": b"",
            "half": whole[: len(whole) // 2],
            "text": b"no array" * 50,
            "open bracket": whole.replace(b"}", b"(", 1),
            "other order": whole.replace(b"False,", b"True ,", 1),
        }
        file.unlink()
        file.write_bytes(contents[damage])
    assert np.array_equal(decode(paths, **SETTINGS, cache=tmp_path / "cache", progress=False), fresh)
    assert file.read_bytes() == whole


def test_an_unwritable_cache_is_a_warning_only(paths, tmp_path):
    (tmp_path / "file").write_text("where the folder should be")
    with pytest.warns(UserWarning, match="decoding into memory"):
        found = decode(paths, **SETTINGS, cache=tmp_path / "file" / "cache", progress=False)
    assert np.array_equal(found, decode(paths, **SETTINGS, progress=False))


@pytest.mark.parametrize("step", ["posix_fallocate", "replace"])
def test_a_full_disk_is_a_warning_only(paths, tmp_path, monkeypatch, step):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, step, full, raising=False)
    with pytest.warns(UserWarning, match="No space left"):
        found = decode(paths, **SETTINGS, cache=tmp_path / "cache", progress=False)
    assert np.array_equal(found, decode(paths, **SETTINGS, progress=False))
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a limit on the size of files")
def test_a_file_that_cannot_grow_does_not_kill_the_process(paths, tmp_path):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.warns(UserWarning, match="decoding into memory"):
            found = decode(paths, **SETTINGS, cache=tmp_path / "cache", progress=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert np.array_equal(found, decode(paths, **SETTINGS, progress=False))


def test_what_killed_processes_left_goes_after_a_day(paths, tmp_path):
    old, new = tmp_path / "cache" / ".0123.part", tmp_path / "cache" / ".4567.part"
    old.parent.mkdir()
    for file, age in ((old, 2 * 86_400), (new, 60)):
        file.write_bytes(b"half")
        os.utime(file, (time.time() - age,) * 2)
    decode(paths, **SETTINGS, cache=tmp_path / "cache", progress=False)
    assert not old.exists() and new.exists()


def test_a_picture_that_is_gone_is_named(paths, tmp_path):
    os.unlink(paths[1])
    for cache in (None, tmp_path / "cache"):
        with pytest.raises(WorkoutlibError, match=r"1\.png"):
            decode(paths, **SETTINGS, cache=cache, progress=False)


def test_the_dataset_of_a_catalog(catalog, config, tmp_path):
    dataset = load_dataset(catalog, size=config.resize, cache=tmp_path, progress=False)
    assert dataset.images.shape == (len(catalog), 3, 64, 64) and dataset.images.dtype == torch.uint8
    assert dataset.images.is_contiguous(memory_format=torch.channels_last)
    assert [dataset.labels[i] for i in dataset.targets] == catalog["label"].tolist()
    assert dataset.labels == tuple(sorted(set(catalog["label"])))
    square = to_square(catalog["path"].iloc[7], size=64, resize_mode=config.resize_mode)
    assert np.array_equal(dataset.images[7].permute(1, 2, 0).numpy(), square)


def test_given_labels_keep_their_order(catalog, config, tmp_path):
    labels = ("squat", "deadlift", "plank", "push up")
    dataset = load_dataset(catalog, size=config.resize, labels=labels, cache=tmp_path, progress=False)
    assert [labels[i] for i in dataset.targets] == catalog["label"].tolist()


def test_a_label_that_the_model_does_not_know(catalog, config):
    with pytest.raises(WorkoutlibError, match="does not know the labels push up, squat"):
        load_dataset(catalog, size=config.resize, labels=("plank",), progress=False)


def test_select_finds_rows_by_their_index():
    dataset = make_dataset(12)
    rows = dataset.catalog.iloc[[7, 0, 4]]
    part = dataset.select(rows)
    images, targets = part.take(torch.arange(3))
    assert torch.equal(images, dataset.images[[7, 0, 4]]) and torch.equal(targets, dataset.targets[[7, 0, 4]])
    assert part.catalog is rows and part.labels == dataset.labels and len(part) == 3
    images.zero_()
    assert dataset.images[7].any(), "take must copy"
    assert part.images is dataset.images, "select must not copy: a full data set would be twice in memory"
    image, target = part.select(rows.iloc[[2]]).take(torch.tensor([0]))
    assert torch.equal(image, dataset.images[[4]]) and torch.equal(target, dataset.targets[[4]])


def test_features_take_the_place_of_pictures():
    dataset = make_dataset(12)
    part = dataset.select(dataset.catalog.iloc[[7, 0, 4]]).with_images(torch.tensor([[1.0], [2.0], [3.0]]))
    features, targets = part.take(torch.tensor([2, 0]))
    assert features.tolist() == [[3.0], [1.0]] and torch.equal(targets, dataset.targets[[4, 7]])
    assert part.catalog["path"].tolist() == dataset.catalog["path"].iloc[[7, 0, 4]].tolist()


def test_select_refuses_strange_rows():
    dataset = make_dataset(6)
    with pytest.raises(WorkoutlibError, match="2 rows are not in this dataset's catalog"):
        dataset.select(dataset.catalog.iloc[:2].set_axis([100, 101]))
    twice = make_dataset(4)
    twice = dataclasses.replace(twice, catalog=pd.concat([twice.catalog.iloc[:2]] * 2))
    with pytest.raises(WorkoutlibError, match="reset_index"):
        twice.select(twice.catalog.iloc[:1])


def test_all_pictures_that_cannot_be_read_are_named_at_once(paths, tmp_path):
    whole = (tmp_path / "in" / "1.png").read_bytes()
    (tmp_path / "in" / "1.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "in" / "3.png").write_bytes(b"no picture")
    with pytest.raises(UnreadableFiles, match=r"2 pictures cannot be read.*--skip-unreadable") as caught:
        decode(paths, **SETTINGS, cache=tmp_path / "cache", progress=False)
    assert list(caught.value.reasons) == [paths[1], paths[3]]
    assert list((tmp_path / "cache").iterdir()) == []
    assert find_unreadable(paths, progress=False) == caught.value.reasons


@pytest.mark.parametrize("mode", ["squash", "crop"])
def test_a_data_set_of_a_config_has_its_size_and_mode(catalog, mode):
    config = Config(resize=72, crop=64, resize_mode=mode)
    found = dataset_of(config, catalog.head(2), labels=("x", "plank"), progress=False)
    assert found.labels == ("x", "plank") and found.targets.tolist() == [1, 1]
    for number, path in enumerate(catalog["path"].head(2)):
        shown = found[number][0].permute(1, 2, 0).numpy()
        np.testing.assert_array_equal(shown, to_square(path, size=72, resize_mode=mode))
