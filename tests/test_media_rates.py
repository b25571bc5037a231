"""Frame rates that cannot be: the frames' own times count where those can be, else they are counted, with a note."""

import struct
from pathlib import Path

import pytest
from helpers.clips import moving, read_with_note, write_with

from workoutlib.media.video_reader import probe_clip, read_frames
from workoutlib.utils.errors import WorkoutlibError

EVEN = [number / 25 for number in range(50)]


def with_rate(path: Path, rate: int, scale: int) -> Path:
    """A clip of 50 frames whose header says that there are `rate` / `scale` a second."""
    codec = {".avi": "mpeg4", ".y4m": "rawvideo", ".ivf": "libvpx"}[path.suffix]
    data = bytearray(write_with(path, moving(50), codec).read_bytes())
    if path.suffix == ".y4m":
        data = bytearray(bytes(data).replace(b"F25:1", b"F%d:%d" % (rate, scale), 1))
    elif path.suffix == ".avi":
        struct.pack_into("<II", data, data.index(b"strh") + 28, scale, rate)
    else:
        struct.pack_into("<II", data, 16, rate, scale)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("suffix", ["avi", "y4m", "ivf"])
@pytest.mark.parametrize(("rate", "scale"), [(1_000_000, 1), (2_000_000_000, 1), (1, 1_000_000), (1, 4000)])
def test_what_cannot_be_is_25_a_second_with_a_note(tmp_path: Path, suffix: str, rate: int, scale: int) -> None:
    path = with_rate(tmp_path / f"a.{suffix}", rate, scale)
    times, end, note = read_with_note(path)
    assert times == pytest.approx(EVEN) and end == pytest.approx(2.0)
    assert "its times cannot be, 25 frames a second are taken" in note
    found = probe_clip(path)
    assert (found.frames, found.frames_per_second, found.duration) == (50, 25, pytest.approx(2.0))


@pytest.mark.parametrize("suffix", ["avi", "y4m"])
@pytest.mark.parametrize(("rate", "scale"), [(0, 0), (0, 1), (1, 0)])
def test_no_rate_at_all_is_25_a_second(tmp_path: Path, suffix: str, rate: int, scale: int) -> None:
    path = with_rate(tmp_path / f"a.{suffix}", rate, scale)
    times, end, _ = read_with_note(path)
    assert times == pytest.approx(EVEN) and end == pytest.approx(2.0)
    assert (probe_clip(path).frames, probe_clip(path).duration) == (50, pytest.approx(2.0))


@pytest.mark.parametrize(("rate", "scale"), [(240, 1), (960, 1), (1, 10), (1, 1001)])
def test_what_is_odd_but_can_be_counts(tmp_path: Path, rate: int, scale: int) -> None:
    path = with_rate(tmp_path / "a.y4m", rate, scale)
    times, end, note = read_with_note(path)
    assert times == pytest.approx([number * scale / rate for number in range(50)], rel=1e-4) and note == ""
    assert end == pytest.approx(50 * scale / rate, rel=1e-4)


def mp4(path: Path, box: bytes, place: int, value: int) -> Path:
    data = bytearray(write_with(path, moving(50), max_b_frames=0).read_bytes())
    struct.pack_into(">I", data, data.index(box) + place, value)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("box", "place", "value"),
    [(b"stts", 16, 0), (b"stts", 16, 1), (b"stts", 16, 2**31 - 1)],
    ids=["no time between frames", "13,000 a second", "days between frames"],
)
def test_times_in_an_mp4_that_cannot_be(tmp_path: Path, box: bytes, place: int, value: int) -> None:
    """FFmpeg's edit list, of two seconds, would leave out all frames but one."""
    path = mp4(tmp_path / "a.mp4", box, place, value)
    times, end, note = read_with_note(path)
    assert times == pytest.approx(EVEN) and end == pytest.approx(2.0) and "25 frames a second are taken" in note
    assert probe_clip(path).frames in (25, 50)


@pytest.mark.parametrize(("rate", "scale"), [(0, 1), (25, 0)])
def test_an_ivf_without_a_rate_is_refused_for_that(tmp_path: Path, rate: int, scale: int) -> None:
    with pytest.raises(WorkoutlibError, match=r"a\.ivf\": a video that states no frame rate"):
        next(read_frames(with_rate(tmp_path / "a.ivf", rate, scale)))
