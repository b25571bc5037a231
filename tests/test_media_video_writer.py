"""Writing clips: H.264 that browsers play, whole or not there."""

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.clips import assert_frame_like, moving
from helpers.pictures import RED, quarters

from workoutlib.media.kinds import is_clip
from workoutlib.media.video_reader import probe_clip, read_frames
from workoutlib.media.video_writer import ClipWriter
from workoutlib.utils.errors import WorkoutlibError


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (63, 47), (64, 47), (17, 48)])
def test_writer_pads_odd_sizes_by_one_pixel(tmp_path: Path, size: tuple[int, int]) -> None:
    width, height = size
    with ClipWriter(tmp_path / "odd.mp4", width, height, 30) as writer:
        for index in range(3):
            writer.write(np.full((height, width, 3), RED, np.uint8), index / 30)
    frames = [frame for _, frame in read_frames(tmp_path / "odd.mp4")]
    assert len(frames) == 3
    assert frames[0].shape == (height + height % 2, width + width % 2, 3)
    assert np.abs(frames[0].astype(int) - RED).max() < 12  # the added edge too


def test_written_clip_is_what_browsers_play(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    rate = 30000 / 1001
    with ClipWriter(path, 64, 48, rate) as writer:
        for index in range(30):
            writer.write(quarters(), index / rate)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # plays before it is loaded
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == Fraction(30000, 1001) and stream.frames == 30
    info = probe_clip(path)
    assert info.frames_per_second == pytest.approx(rate) and info.duration == pytest.approx(30 / rate, abs=1e-3)
    assert_frame_like(next(read_frames(path))[1], quarters())
    assert [item.name for item in tmp_path.iterdir()] == ["clip.mp4"]


def test_writer_leaves_nothing_after_an_exception(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"the clip of before")
    with pytest.raises(KeyboardInterrupt), ClipWriter(path, 64, 48, 25) as writer:
        writer.write(quarters(), 0)
        raise KeyboardInterrupt
    assert path.read_bytes() == b"the clip of before"
    assert [item.name for item in tmp_path.iterdir()] == ["clip.mp4"]


def test_a_very_slow_clip_can_be_written(tmp_path: Path) -> None:
    with ClipWriter(tmp_path / "slow.mp4", 64, 48, 0.0001) as writer:
        writer.write(quarters(), 0)
        writer.write(quarters(), 3600)
    assert [time for time, _ in read_frames(tmp_path / "slow.mp4")] == [0, 3600]


def test_nothing_stands_under_the_name_until_the_end(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    with ClipWriter(path, 64, 48, 25) as writer:
        writer.write(quarters(), 0)
        assert not path.exists() and not any(is_clip(item) for item in tmp_path.iterdir())
    assert path.exists()


def test_writer_says_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments, message in (
        (("clip.avi", 64, 48, 25), "Change the suffix"),
        (("clip.mp4", 0, 48, 25), "at least 1"),
        (("clip.mp4", 64, 48, 0), "frames_per_second"),
        (("clip.mp4", 64, 48, float("nan")), "frames_per_second"),
    ):
        with pytest.raises(WorkoutlibError, match=message):
            ClipWriter(tmp_path / arguments[0], *arguments[1:])
    for path in (tmp_path / "nowhere" / "clip.mp4", tmp_path / "folder.mp4"):
        (tmp_path / "folder.mp4").mkdir(exist_ok=True)
        with pytest.raises(WorkoutlibError, match="existing folder"), ClipWriter(path, 64, 48, 25):
            pass
    with pytest.raises(WorkoutlibError, match="not one frame"), ClipWriter(tmp_path / "none.mp4", 64, 48, 25):
        pass
    for frame, times, message in (
        (quarters(), (0, 0), "increase"),
        (quarters(), (0.5, 0.2), "increase"),
        (quarters(), (-1,), "increase"),
        (quarters(), (float("nan"),), "increase"),
        (quarters(20, 20), (0,), "does not fit"),
        (np.zeros((48, 64), np.int32), (0,), "int32"),
    ):
        with pytest.raises(WorkoutlibError, match=message), ClipWriter(tmp_path / "bad.mp4", 64, 48, 25) as writer:
            for time in times:
                writer.write(frame, time)
    with (
        pytest.raises(WorkoutlibError, match=r"cannot be written.*20000 × 8"),
        ClipWriter(tmp_path / "wide.mp4", 20_000, 8, 25) as out,
    ):
        out.write(np.zeros((8, 20_000, 3), np.uint8), 0)
    monkeypatch.setattr(av, "codecs_available", set())
    with pytest.raises(WorkoutlibError, match="libx264"), ClipWriter(tmp_path / "bad.mp4", 64, 48, 25):
        pass
    assert [item.name for item in tmp_path.iterdir()] == ["folder.mp4"]


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX limits")
def test_full_disk_is_reported_and_leaves_nothing(tmp_path: Path) -> None:
    import resource
    import signal

    path = tmp_path / "full.mp4"
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.getsignal(signal.SIGXFSZ)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with (
            pytest.raises(WorkoutlibError, match=r"cannot be written.*free space"),
            ClipWriter(path, 320, 240, 25) as out,
        ):
            for index, frame in enumerate(moving(60, 240, 320)):
                out.write(frame, index / 25)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == []
