"""Loaders: decoded once and kept, never stale, never half, and every row where it belongs."""

import dataclasses
import errno
import os
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
from tiny import make_dataset, save_noise

from workoutlib.config import Config
from workoutlib.data import dataset as loaders
from workoutlib.data.dataset import batches, decode, load_dataset, shuffled
from workoutlib.data.transforms import to_square
from workoutlib.utils.errors import WorkoutlibError

CONFIG = Config(resize=64, crop=64)


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

    monkeypatch.setattr(loaders, "to_square", spy)
    return seen


def test_the_cache_holds_what_fresh_decoding_gives(paths, tmp_path, decoded):
    fresh = decode(paths, CONFIG, progress=False)
    assert np.array_equal(fresh, [to_square(path, size=64, fit=CONFIG.fit) for path in paths])
    decoded.clear()
    first = decode(paths, CONFIG, cache=tmp_path / "cache", progress=False)
    assert sorted(decoded) == sorted(paths)
    again = decode(paths, CONFIG, cache=tmp_path / "cache", progress=False)
    assert sorted(decoded) == sorted(paths), "the second call decoded again"
    assert np.array_equal(first, fresh) and np.array_equal(again, fresh)
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".npy"]


def test_a_changed_picture_is_decoded_again(paths, tmp_path):
    before = decode(paths, CONFIG, cache=tmp_path / "cache", progress=False)
    stamp = os.stat(paths[2])
    save_noise(tmp_path / "in" / "2.png", size=(62, 40), seed=99)
    os.utime(paths[2], ns=(stamp.st_atime_ns, stamp.st_mtime_ns + 1_000_000_000))
    after = decode(paths, CONFIG, cache=tmp_path / "cache", progress=False)
    assert not np.array_equal(before[2], after[2])
    assert np.array_equal(after[2], to_square(paths[2], size=64, fit=CONFIG.fit))


@pytest.mark.parametrize("changed", [{"resize": 72}, {"resize_mode": "squash"}])
def test_other_settings_have_a_cache_of_their_own(paths, tmp_path, changed):
    other = CONFIG.replace(**changed)
    for _ in range(2):
        for config in (CONFIG, other):
            kept = decode(paths, config, cache=tmp_path / "cache", progress=False)
            assert np.array_equal(kept, decode(paths, config, progress=False))


@pytest.mark.parametrize("changed", [{"seed": 1}, {"flip": False, "rotation": 30.0}, {"batch_size": 7}])
def test_settings_that_do_not_change_the_squares_share_a_cache(paths, tmp_path, decoded, changed):
    decode(paths, CONFIG, cache=tmp_path / "cache", progress=False)
    decoded.clear()
    decode(paths, CONFIG.replace(**changed), cache=tmp_path / "cache", progress=False)
    assert decoded == []


def test_the_kept_file_cannot_be_changed_through_the_array(paths, tmp_path):
    fresh = decode(paths, CONFIG, progress=False)
    for _ in range(3):
        kept = decode(paths, CONFIG, cache=tmp_path / "cache", progress=False)
        assert np.array_equal(kept, fresh)
        kept[:] = 0


@pytest.mark.parametrize("error", [KeyboardInterrupt, WorkoutlibError("broken picture")])
def test_an_interrupted_write_leaves_nothing(paths, tmp_path, monkeypatch, error):
    def fail(path, **options):
        if path == paths[3]:
            raise error
        return to_square(path, **options)

    monkeypatch.setattr(loaders, "to_square", fail)
    with pytest.raises(type(error) if isinstance(error, Exception) else error):
        decode(paths, CONFIG, cache=tmp_path / "cache", progress=False)
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("damage", ["empty", "half", "other shape", "text", "open bracket", "other order"])
def test_a_damaged_cache_file_is_made_anew(paths, tmp_path, damage):
    fresh = np.array(decode(paths, CONFIG, cache=tmp_path / "cache", progress=False))
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
    assert np.array_equal(decode(paths, CONFIG, cache=tmp_path / "cache", progress=False), fresh)
    assert file.read_bytes() == whole


def test_an_unwritable_cache_is_a_warning_only(paths, tmp_path):
    (tmp_path / "file").write_text("where the folder should be")
    with pytest.warns(UserWarning, match="decoding into memory"):
        found = decode(paths, CONFIG, cache=tmp_path / "file" / "cache", progress=False)
    assert np.array_equal(found, decode(paths, CONFIG, progress=False))


@pytest.mark.parametrize("step", ["posix_fallocate", "replace"])
def test_a_full_disk_is_a_warning_only(paths, tmp_path, monkeypatch, step):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, step, full, raising=False)
    with pytest.warns(UserWarning, match="No space left"):
        found = decode(paths, CONFIG, cache=tmp_path / "cache", progress=False)
    assert np.array_equal(found, decode(paths, CONFIG, progress=False))
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a limit on the size of files")
def test_a_file_that_cannot_grow_does_not_kill_the_process(paths, tmp_path):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.warns(UserWarning, match="decoding into memory"):
            found = decode(paths, CONFIG, cache=tmp_path / "cache", progress=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert np.array_equal(found, decode(paths, CONFIG, progress=False))


def test_what_killed_processes_left_goes_after_a_day(paths, tmp_path):
    old, new = tmp_path / "cache" / ".0123.part", tmp_path / "cache" / ".4567.part"
    old.parent.mkdir()
    for file, age in ((old, 2 * 86_400), (new, 60)):
        file.write_bytes(b"half")
        os.utime(file, (time.time() - age,) * 2)
    decode(paths, CONFIG, cache=tmp_path / "cache", progress=False)
    assert not old.exists() and new.exists()


def test_a_picture_that_is_gone_is_named(paths, tmp_path):
    os.unlink(paths[1])
    for cache in (None, tmp_path / "cache"):
        with pytest.raises(WorkoutlibError, match=r"1\.png"):
            decode(paths, CONFIG, cache=cache, progress=False)


def test_frames_of_a_catalog(catalog, config, tmp_path):
    frames = load_dataset(catalog, config, cache=tmp_path, progress=False)
    assert frames.images.shape == (len(catalog), 3, 64, 64) and frames.images.dtype == torch.uint8
    assert frames.images.is_contiguous(memory_format=torch.channels_last)
    assert [frames.labels[i] for i in frames.targets] == catalog["label"].tolist()
    assert frames.labels == tuple(sorted(set(catalog["label"])))
    square = to_square(catalog["path"].iloc[7], size=64, fit=config.resize_mode)
    assert np.array_equal(frames.images[7].permute(1, 2, 0).numpy(), square)


def test_given_labels_keep_their_order(catalog, config, tmp_path):
    labels = ("squat", "deadlift", "plank", "push up")
    frames = load_dataset(catalog, config, labels=labels, cache=tmp_path, progress=False)
    assert [labels[i] for i in frames.targets] == catalog["label"].tolist()


def test_a_label_that_the_network_does_not_know(catalog, config):
    with pytest.raises(WorkoutlibError, match="does not know the labels push up, squat"):
        load_dataset(catalog, config, labels=("plank",), progress=False)


def test_select_finds_rows_by_their_index():
    frames = make_dataset(12)
    rows = frames.catalog.iloc[[7, 0, 4]]
    part = frames.select(rows)
    images, targets = part.take(torch.arange(3))
    assert torch.equal(images, frames.images[[7, 0, 4]]) and torch.equal(targets, frames.targets[[7, 0, 4]])
    assert part.catalog is rows and part.labels == frames.labels and len(part) == 3
    images.zero_()
    assert frames.images[7].any(), "take must copy"
    assert part.images is frames.images, "select must not copy: a full data set would be twice in memory"
    image, target = part.select(rows.iloc[[2]]).take(torch.tensor([0]))
    assert torch.equal(image, frames.images[[4]]) and torch.equal(target, frames.targets[[4]])


def test_features_take_the_place_of_pictures():
    frames = make_dataset(12)
    part = frames.select(frames.catalog.iloc[[7, 0, 4]]).holding(torch.tensor([[1.0], [2.0], [3.0]]))
    features, targets = part.take(torch.tensor([2, 0]))
    assert features.tolist() == [[3.0], [1.0]] and torch.equal(targets, frames.targets[[4, 7]])
    assert part.catalog["path"].tolist() == frames.catalog["path"].iloc[[7, 0, 4]].tolist()


def test_select_refuses_strange_rows():
    frames = make_dataset(6)
    with pytest.raises(WorkoutlibError, match="2 rows are not in these frames' catalog"):
        frames.select(frames.catalog.iloc[:2].set_axis([100, 101]))
    twice = make_dataset(4)
    twice = dataclasses.replace(twice, catalog=pd.concat([twice.catalog.iloc[:2]] * 2))
    with pytest.raises(WorkoutlibError, match="reset_index"):
        twice.select(twice.catalog.iloc[:1])


def test_batches_follow_the_order_and_lose_nothing():
    frames = make_dataset(11)
    order = shuffled(11, torch.Generator().manual_seed(5))
    pieces = list(batches(frames, 4, device=torch.device("cpu"), order=order))
    assert [len(targets) for _, targets in pieces] == [4, 4, 3]
    assert torch.equal(torch.cat([targets for _, targets in pieces]), frames.targets[order])
    assert torch.equal(torch.cat([images for images, _ in pieces]), frames.images[order])
    assert sorted(order.tolist()) == list(range(11)) and order.tolist() != list(range(11))
    plain = torch.cat([targets for _, targets in batches(frames, 4, device=torch.device("cpu"))])
    assert torch.equal(plain, frames.targets)
