"""kill -9 at random moments: nothing half-written is taken for whole, and the next run gives what it should.

``WORKOUTLIB_KILLS=50 python -m pytest -s tests/test_interruptions.py`` kills fifty times in each phase,
``WORKOUTLIB_KILL_SEED=1`` at other moments.
"""

import multiprocessing
import os
import time
import zipfile
from pathlib import Path
from zlib import crc32

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.clips import save_clip
from helpers.tiny import assert_same_state, save_noise
from PIL import Image

from workoutlib.config import Config
from workoutlib.data.archives import unpack_archive
from workoutlib.data.catalog import read_catalog
from workoutlib.data.dataset import decode
from workoutlib.media.video_reader import read_frames
from workoutlib.models.checkpoints import load_checkpoint
from workoutlib.recognition.files import predict_files
from workoutlib.recognition.recognizer import Recognizer
from workoutlib.training.experiments import train_model
from workoutlib.training.fit import Callbacks
from workoutlib.utils.files import read_file, save_atomically

KILLS = int(os.environ.get("WORKOUTLIB_KILLS", 3))
SEED = int(os.environ.get("WORKOUTLIB_KILL_SEED", 0))
CONFIG = Config.profile("quick", resize=64, crop=64, epochs=3, batch_size=8, valid=0.3, weight_interpolation=0.5)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def processes():
    """Processes that have all modules loaded, where the system can fork one off such a server."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["workoutlib.training.experiments", "workoutlib.recognition.files", "timm"])
    finish(context, int, ())  # starts the server: the time of that is nobody's
    return context


def kill_at_random_moments(processes, work, prepare):
    """Let ``work(*arguments)`` run once to the end, then kill it ``KILLS`` times, at moments spread over that time.

    Yields the arguments that ``prepare()`` gave, after the end of each process, the undisturbed one's first.
    """
    arguments = prepare()
    began = time.monotonic()
    finish(processes, work, arguments)
    duration = time.monotonic() - began
    yield arguments
    rng = np.random.default_rng([SEED, crc32(work.__name__.encode())])
    killed = 0
    for share in (np.arange(KILLS) + rng.random(KILLS)) / KILLS:
        arguments = prepare()
        process = processes.Process(target=work, args=arguments)
        process.start()
        process.join(share * duration)
        process.kill()
        process.join()
        killed += process.exitcode != 0
        yield arguments
    print(f"\n{work.__name__}: {killed} of {KILLS} processes killed before their end")
    assert killed > 0, "no process was killed before its end"


def finish(processes, work, arguments) -> None:
    process = processes.Process(target=work, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == 0


def train_in(data: Path, out: Path) -> None:
    torch.set_num_threads(1)
    catalog = read_catalog(data)
    train_model(catalog, CONFIG, out=out, cache=out / "cache", resume=True, callbacks=Callbacks(progress=False))


def history(out: Path) -> pd.DataFrame:
    return pd.read_csv(out / "history.csv").drop(columns="seconds")


def assert_all_is_whole(out: Path, data: Path) -> None:
    for path in out.glob("*.pth"):
        read_file(path)
    for name in ("best_model.pth", "model.pth"):
        if (out / name).exists():
            load_checkpoint(out / name)
    if (out / "history.csv").exists():
        assert len(history(out).columns) == 6
    for path in (out / "cache").glob("*.npy"):
        paths = read_catalog(data)["path"].tolist()
        assert np.array_equal(
            np.load(path), decode(paths, size=CONFIG.resize, resize_mode=CONFIG.resize_mode, progress=False)
        )


def test_killed_training_goes_on_as_if_undisturbed(data_folder, tmp_path, processes):
    """From the first picture's decoding to the last checkpoint."""
    outs = iter(tmp_path / str(i) for i in range(KILLS + 1))
    moments = kill_at_random_moments(processes, train_in, lambda: (data_folder, next(outs)))
    _, undisturbed = next(moments)
    for _, out in moments:
        assert_all_is_whole(out, data_folder)
        finish(processes, train_in, (data_folder, out))
        pd.testing.assert_frame_equal(history(out), history(undisturbed))
        for name in ("best_model.pth", "model.pth"):
            one, other = (load_checkpoint(folder / name) for folder in (out, undisturbed))
            assert one.metrics == pytest.approx(other.metrics, nan_ok=True) and one.temperature == other.temperature
            assert_same_state(one.model.state_dict(), other.model.state_dict())


def test_killed_again_and_again_training_still_ends(data_folder, tmp_path, processes):
    out = tmp_path / "out"
    for share in (0.5, 1.0, 1.5):
        process = processes.Process(target=train_in, args=(data_folder, out))
        process.start()
        process.join(share)
        process.kill()
        process.join()
        assert_all_is_whole(out, data_folder)
    finish(processes, train_in, (data_folder, out))
    assert history(out)["epoch"].tolist() == [0, 1, 2, 3]


def decode_into(data: Path, cache: Path) -> None:
    decode(read_catalog(data)["path"].tolist(), cache=cache, progress=False)


def test_killed_decoding_leaves_no_half_cache(data_folder, tmp_path, processes):
    caches = iter(tmp_path / str(i) for i in range(KILLS + 1))
    fresh = decode(read_catalog(data_folder)["path"].tolist(), progress=False)
    for _, cache in kill_at_random_moments(processes, decode_into, lambda: (data_folder, next(caches))):
        for _ in range(2):
            assert all(np.array_equal(np.load(path), fresh) for path in cache.glob("*.npy"))
            decode_into(data_folder, cache)
        assert len(list(cache.glob("*.npy"))) == 1


def save_into(out: Path) -> None:
    for number in range(1, 31):
        save_atomically({"number": number, "weights": torch.full((1_000_000,), float(number))}, out / "model.pth")


def test_killed_saving_keeps_one_whole_checkpoint(tmp_path, processes):
    outs = iter(tmp_path / str(i) for i in range(KILLS + 1))
    for (out,) in kill_at_random_moments(processes, save_into, lambda: (next(outs),)):
        if (out / "model.pth").exists():
            stored = read_file(out / "model.pth")
            assert (stored["weights"] == stored["number"]).all()
        finish(processes, save_into, (out,))
        assert read_file(out / "model.pth")["number"] == 30


def unpack_into(archive: Path, out: Path) -> None:
    if not out.exists():
        unpack_archive(archive, out)


def test_killed_unpacking_leaves_no_half_data_set(tmp_path, processes):
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as file:
        for number in range(5000):
            file.writestr(f"images/squat/squat_{number}.jpg", b"picture" * 100)
    outs = iter(tmp_path / f"tree {i}" for i in range(KILLS + 1))
    for archive, out in kill_at_random_moments(processes, unpack_into, lambda: (tmp_path / "data.zip", next(outs))):
        assert not out.exists() or len(list(out.glob("squat/*.jpg"))) == 5000
        finish(processes, unpack_into, (archive, out))
        assert len(list(out.glob("squat/*.jpg"))) == 5000


def annotate_into(checkpoint: Path, media: Path, out: Path) -> None:
    torch.set_num_threads(1)
    _, failures = predict_files(Recognizer.from_checkpoint(checkpoint), [media], out=out, progress=False)
    assert not failures


def test_killed_annotating_leaves_no_half_copies(trained, tmp_path, processes):
    media = tmp_path / "media"
    for i in range(6):
        save_noise(media / f"{i}.jpg", size=(640, 480), seed=i)
    save_clip(media / "clip.mp4", frames=60)
    outs = iter(tmp_path / str(i) for i in range(KILLS + 1))
    moments = kill_at_random_moments(processes, annotate_into, lambda: (trained.checkpoint, media, next(outs)))
    *_, undisturbed = next(moments)
    names = {path.name for path in undisturbed.iterdir()}
    for *arguments, out in moments:
        for path in (p for p in out.glob("*") if not p.name.startswith(".")):
            assert path.name in names
            assert_whole(path)
        finish(processes, annotate_into, (*arguments, out))
        assert {path.name for path in out.iterdir() if not path.name.startswith(".")} == names
        for name in names - {"clip.mp4"}:  # the clip shows how fast it was recognised
            assert (out / name).read_bytes() == (undisturbed / name).read_bytes()
        assert_whole(out / "clip.mp4")


def assert_whole(path: Path) -> None:
    match path.suffix:
        case ".jpg":
            with Image.open(path) as image:
                image.load()
        case ".mp4":
            assert len(list(read_frames(path))) == 60
        case ".csv":
            assert path.read_bytes().endswith(b"\n") and len(pd.read_csv(path)) in (60, 1)


def test_two_processes_on_one_folder_do_each_other_no_harm(data_folder, tmp_path, processes):
    """Started at the same moment with the same config, both end, and the files are those of one."""
    both = [processes.Process(target=train_in, args=(data_folder, tmp_path / "both")) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    assert_all_is_whole(tmp_path / "both", data_folder)
    finish(processes, train_in, (data_folder, tmp_path / "alone"))
    pd.testing.assert_frame_equal(history(tmp_path / "both"), history(tmp_path / "alone"))
    one, other = (load_checkpoint(tmp_path / name / "best_model.pth") for name in ("both", "alone"))
    assert_same_state(one.model.state_dict(), other.model.state_dict())


@pytest.mark.skipif(os.name != "posix", reason="needs a limit on the size of files")
def test_training_on_a_full_disk_stops_with_a_reason_and_goes_on_later(data_folder, tmp_path, processes):
    """Files may grow to 3 MB only: the cache falls back to memory, the first checkpoint is too large."""
    queue = processes.SimpleQueue()
    process = processes.Process(target=train_with_little_space, args=(data_folder, tmp_path / "out", queue))
    process.start()
    process.join()
    kind, message = queue.get()
    assert kind == "Unwritable" and "best_model.pth" in message and "free space" in message
    assert list((tmp_path / "out").glob("*.pth")) == [] and list((tmp_path / "out").glob(".*.part")) == []
    finish(processes, train_in, (data_folder, tmp_path / "out"))
    assert history(tmp_path / "out")["epoch"].tolist() == [0, 1, 2, 3]


def train_with_little_space(data: Path, out: Path, queue) -> None:
    import resource
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, resource.RLIM_INFINITY))
    try:
        train_in(data, out)
    except Exception as error:
        queue.put((type(error).__name__, str(error)))
