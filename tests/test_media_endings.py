"""Files that end in the middle of something: known for what they are in every container, and no whole file is."""

from fractions import Fraction
from pathlib import Path

import av
import pytest
from helpers.clips import moving, write_with

from workoutlib.media.endings import is_cut_off
from workoutlib.media.video_reader import read_frames
from workoutlib.utils.errors import WorkoutlibError


def live(path: Path, format: str, **options: str) -> Path:
    """As a recorder writes a file that it does not come back to: without a length in front, an index behind."""
    with av.open(str(path), "w", format=format, options=options) as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt, stream.codec_context.gop_size = 64, 48, "yuv420p", 10
        for frame in moving(100):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        out.mux(stream.encode(None))
    return path


def video(folder: Path, name: str) -> Path:
    codecs = {
        "mpg": "mpeg2video",
        "y4m": "rawvideo",
        "wmv": "wmv2",
        "flv": "flv",
        "ivf": "libvpx",
        "ogg": "libvpx",
        "mxf": "mpeg2video",
    }
    path, suffix = folder / name, name.rpartition(".")[2]
    if name == "live.mkv":
        return live(path, "matroska", live="1")
    if name == "live.mp4":
        return live(path, "mp4", movflags="frag_keyframe+empty_moov")
    if suffix == "dv":
        return write_with(path, moving(20, 480, 720), "dvvideo", pixels="yuv411p", rate=Fraction(30000, 1001))
    return write_with(path, moving(100), codecs.get(suffix, "libx264"), bit_rate=800_000)


NAMES = ["a.ogg", "live.mkv", "live.mp4", "a.mpg", "a.y4m", "a.ts", "a.wmv", "a.flv", "a.ivf", "a.mxf", "a.dv"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("share", [0.5, 0.8])
def test_a_cut_is_told_with_where_and_a_whole_file_is_whole(
    tmp_path: Path, name: str, share: float, recwarn: pytest.WarningsRecorder
) -> None:
    path = video(tmp_path, name)
    whole = len(list(read_frames(path)))
    assert not is_cut_off(path) and not recwarn.list
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share) + 7])
    frames = read_frames(path)
    times = [time for time, _ in frames]
    assert is_cut_off(path) and whole * share * 0.5 < len(times) < whole * share * 1.1 + 1
    (note,) = [str(each.message) for each in recwarn.list]
    assert f"{frames.end:.2f} s" in note and ("cannot be read on after" in note or "to the end at" in note)


@pytest.mark.parametrize("colours", ["yuv420p", "yuv422p", "yuv444p", "yuv411p", "gray"])
@pytest.mark.parametrize("size", [(48, 64), (47, 63)])
def test_frames_without_a_length_of_their_own_are_reckoned_by_their_colours(
    tmp_path: Path, colours: str, size: tuple[int, int]
) -> None:
    path = write_with(tmp_path / "a.y4m", moving(3, *size), "rawvideo", pixels=colours)
    data = path.read_bytes()
    assert not is_cut_off(path)
    for lost in (1, 300, len(data) // 2):
        path.write_bytes(data[:-lost])
        assert is_cut_off(path)


@pytest.mark.parametrize("name", NAMES)
def test_no_file_is_too_odd_to_be_asked(tmp_path: Path, name: str) -> None:
    """Cut anywhere, or with scribbles in its head, it gets an answer."""
    path = video(tmp_path, name)
    data = path.read_bytes()
    for length in (3, *range(1, 200, 7), 1000, len(data) - 1):
        path.write_bytes(data[:length])
        assert is_cut_off(path) in (True, False)
        path.write_bytes(data[:length] + b"\xff" * 100)
        assert is_cut_off(path) in (True, False)


def test_deep_frames_take_two_bytes_a_value(tmp_path: Path) -> None:
    frame = b"FRAME\n" + bytes(2 * (64 * 48 + 2 * 32 * 24))
    (tmp_path / "a.y4m").write_bytes(b"YUV4MPEG2 W64 H48 F25:1 C420p10\n" + 3 * frame)
    assert not is_cut_off(tmp_path / "a.y4m")
    (tmp_path / "a.y4m").write_bytes(b"YUV4MPEG2 W64 H48 F25:1 C420p10\n" + 3 * frame[:-1])
    assert is_cut_off(tmp_path / "a.y4m") is False  # no row of frames: nothing is said
    (tmp_path / "a.y4m").write_bytes(b"YUV4MPEG2 W64 H48 F25:1 C420p10\n" + 2 * frame + frame[:-1])
    assert is_cut_off(tmp_path / "a.y4m")


@pytest.mark.parametrize("name", ["a.mp4", "live.mkv", "a.ts"])
def test_a_clip_whose_end_is_zeros_is_an_interrupted_download(tmp_path: Path, name: str) -> None:
    path = video(tmp_path, name)
    whole = len(list(read_frames(path)))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))
    with pytest.warns(UserWarning, match="it is a file whose last 50 % are zeros") as notes:
        assert 0.4 * whole < len(list(read_frames(path))) < 0.6 * whole
    assert len(notes) == 1


def test_a_download_without_its_index_is_refused_for_that(tmp_path: Path) -> None:
    """An MP4 whose index stands at its end, as phones write it."""
    data = write_with(tmp_path / "a.mov", moving(100), bit_rate=800_000).read_bytes()
    assert data.index(b"moov") > len(data) / 2
    (tmp_path / "b.mov").write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))
    (tmp_path / "c.mov.crdownload").write_bytes(data[: len(data) // 2])
    for name, why in (("b.mov", "last 50 % are zeros"), ("c.mov.crdownload", "an unfinished download. Wait")):
        with pytest.raises(WorkoutlibError, match=why):
            list(read_frames(tmp_path / name))
