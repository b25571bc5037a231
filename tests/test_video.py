"""Clips of every kind, whole and broken: upright frames with true times, or one kind of error."""

import os
import random
import struct
import sys
import warnings
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from workoutlib.UNRESOLVED import is_image

from workoutlib.media.video_reader import is_clip, probe_clip, read_frames
from workoutlib.media.video_writer import ClipWriter
from workoutlib.utils.errors import WorkoutlibError

RED, GREEN, BLUE, WHITE = (220, 30, 40), (30, 200, 60), (20, 60, 210), (235, 235, 235)


def quarters(height: int = 48, width: int = 64) -> np.ndarray:
    """A picture whose four quarters differ, so that every turn and mirroring shows."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2], pixels[: height // 2, width // 2 :] = RED, GREEN
    pixels[height // 2 :, : width // 2], pixels[height // 2 :, width // 2 :] = BLUE, WHITE
    return pixels


def moving(frames: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """Noise that drifts: costly to encode, so that cutting the file cuts pictures."""
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return [np.roll(noise, index, axis=1) for index in range(frames)]


def write_with(
    path: Path,
    frames: list[np.ndarray],
    codec: str = "libx264",
    *,
    format: str | None = None,
    pixels: str = "yuv420p",
    rate: int = 25,
    times: list[float] | None = None,
    **settings: object,
) -> Path:
    """Write `frames` with any codec and container, as other programs would."""
    if codec not in av.codecs_available:
        pytest.skip(f"this PyAV has no {codec}")
    options = {"movflags": "+faststart"} if path.suffix == ".mp4" else {}
    with av.open(str(path), "w", format=format, options=options) as out:
        stream = out.add_stream(codec, rate=rate)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixels
        if times:
            stream.codec_context.time_base = Fraction(1, 1000)
        for name, value in settings.items():
            setattr(stream.codec_context, name, value)
        for index, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            if times:
                picture.time_base = Fraction(1, 1000)
                picture.pts = round(times[index] * 1000)
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
    return path


def turned_by_metadata(path: Path, matrix: tuple[int, int, int, int]) -> None:
    """Write (a, b, c, d) into the display matrix of an MP4 track (ISO/IEC 14496-12, box tkhd)."""
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 40  # version 0: the matrix follows 40 bytes after the name
    assert struct.unpack_from(">9i", data, place) == (65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
    a, b, c, d = (65536 * value for value in matrix)
    struct.pack_into(">9i", data, place, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def assert_like(frame: np.ndarray, expected: np.ndarray) -> None:
    assert frame.dtype == np.uint8 and frame.shape == expected.shape and frame.flags.c_contiguous
    rows, columns = frame.shape[0] // 4, frame.shape[1] // 4
    for y in (rows, 3 * rows):
        for x in (columns, 3 * columns):
            seen = frame[y - 4 : y + 4, x - 4 : x + 4].mean(axis=(0, 1))  # the mean, as GIF is dithered
            assert np.abs(seen - expected[y, x]).max() < 25


@pytest.mark.parametrize(
    ("name", "codec", "settings"),
    [
        ("plain.mp4", "libx264", {}),
        ("plain.mov", "libx264", {}),
        ("plain.mkv", "libx264", {}),
        ("plain.ts", "libx264", {}),
        ("plain.avi", "mpeg4", {}),
        ("plain.webm", "libvpx", {}),
        ("vp9.webm", "libvpx-vp9", {}),
        ("motion.avi", "mjpeg", {"pixels": "yuvj420p"}),
        ("hevc.mp4", "libx265", {}),
        ("ten_bit.mp4", "libx264", {"pixels": "yuv420p10le"}),
        ("full.mp4", "libx264", {"pixels": "yuv444p"}),
        ("plain.gif", "gif", {"pixels": "rgb8"}),
        ("wrong_extension.avi", "libx264", {"format": "mp4"}),
        ("wrong_extension.jpg", "libx264", {"format": "matroska"}),
        ("name: 'odd' é 日本 💪%03d.mp4", "libx264", {}),
    ],
)
def test_containers_and_codecs(tmp_path: Path, name: str, codec: str, settings: dict) -> None:
    if os.name == "nt":
        name = name.replace(":", "")
    path = write_with(tmp_path / name, [quarters()] * 10, codec, **settings)
    info = probe_clip(path)
    assert (info.width, info.height, info.rotation) == (64, 48, 0)
    assert info.frames_per_second == pytest.approx(25, rel=0.05)
    assert info.frames == pytest.approx(10, abs=1) and info.duration == pytest.approx(0.4, abs=0.05)
    frames = list(read_frames(str(path)))
    assert [time for time, _ in frames] == pytest.approx([index / 25 for index in range(10)], abs=0.002)
    for _, frame in frames:
        assert_like(frame, quarters())


def test_mpeg_whose_header_states_no_length(tmp_path: Path) -> None:
    path = write_with(tmp_path / "old.mpg", [quarters()] * 10, "mpeg1video")
    assert probe_clip(path).frames_per_second == 25
    assert [round(time * 25) for time, _ in read_frames(path)] == list(range(10))


@pytest.mark.parametrize(
    ("matrix", "rotation", "turn"),
    [
        ((0, 1, -1, 0), 90, lambda frame: np.rot90(frame, -1)),
        ((-1, 0, 0, -1), 180, lambda frame: np.rot90(frame, 2)),
        ((0, -1, 1, 0), 270, lambda frame: np.rot90(frame, 1)),
        ((-1, 0, 0, 1), 0, lambda frame: frame[:, ::-1]),
        ((0, 1, 1, 0), 90, lambda frame: frame.swapaxes(0, 1)),
    ],
)
def test_rotated_by_metadata(tmp_path: Path, matrix: tuple, rotation: int, turn: object) -> None:
    path = write_with(tmp_path / "phone.mp4", [quarters()] * 3)
    turned_by_metadata(path, matrix)
    upright = turn(quarters())
    info = probe_clip(path)
    assert (info.height, info.width) == upright.shape[:2]
    if matrix[0] * matrix[3] - matrix[1] * matrix[2] > 0:
        assert info.rotation == rotation
    assert all(frame.shape == upright.shape for _, frame in read_frames(path))
    assert_like(next(read_frames(path))[1], upright)


def test_pixels_that_are_not_square_are_made_so(tmp_path: Path) -> None:
    path = write_with(tmp_path / "wide.mp4", [quarters()] * 2, sample_aspect_ratio=Fraction(2, 1))
    assert probe_clip(path).width == 128
    assert_like(next(read_frames(path))[1], quarters(48, 128))


def test_variable_frame_rate_keeps_its_times(tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.08, 0.5, 0.54, 1.2]
    path = write_with(tmp_path / "uneven.mkv", [quarters()] * 6, times=times)
    assert [time for time, _ in read_frames(path)] == pytest.approx(times, abs=0.001)
    copy = tmp_path / "copy.mp4"
    with ClipWriter(copy, 64, 48, 25) as writer:
        for time, frame in read_frames(path):
            writer.write(frame, time)
    assert [time for time, _ in read_frames(copy)] == pytest.approx(times, abs=0.001)
    assert probe_clip(copy).duration == pytest.approx(1.24, abs=0.001)


def test_times_start_at_zero_and_increase(tmp_path: Path) -> None:
    late = write_with(tmp_path / "late.mkv", [quarters()] * 3, times=[7.0, 7.04, 7.08])
    assert [time for time, _ in read_frames(late)] == pytest.approx([0, 0.04, 0.08], abs=0.001)
    bare = write_with(tmp_path / "bare.h264", [quarters()] * 4, format="h264")  # no times at all
    times = [time for time, _ in read_frames(bare)]
    assert times[0] == 0 and len(times) == 4 and all(np.diff(times) > 0)


def test_stride_and_one_frame(tmp_path: Path) -> None:
    path = write_with(tmp_path / "ten.mp4", [quarters()] * 10)
    assert [round(time * 25) for time, _ in read_frames(path, stride=4)] == [0, 4, 8]
    with pytest.raises(WorkoutlibError, match="stride"):
        next(read_frames(path, stride=0))
    one = write_with(tmp_path / "one.mp4", [quarters()])
    assert len(list(read_frames(one))) == 1 and probe_clip(one).frames == 1


def test_changing_resolution_gives_one_size(tmp_path: Path) -> None:
    parts = [write_with(tmp_path / f"{h}.ts", [quarters(h, w)] * 4) for h, w in ((48, 64), (120, 160), (64, 48))]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the joints may cost a frame
        frames = list(read_frames(path))
    assert len(frames) >= 10
    assert all(np.diff([time for time, _ in frames]) > 0)
    for _, frame in frames:
        assert_like(frame, quarters())


def test_clip_with_sound_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as out:
        stream, voice = out.add_stream("libx264", rate=25), out.add_stream("aac", rate=44100)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(10):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(quarters())))
        out.mux(stream.encode(None))
        out.mux(voice.encode(silence()))
        out.mux(voice.encode(None))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(list(read_frames(path))) == 10


def silence(samples: int = 1024) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.zeros((2, samples), np.float32), format="fltp", layout="stereo")
    frame.sample_rate = 44100
    return frame


def only_sound(path: Path) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=44100)
        out.mux(stream.encode(silence()))
        out.mux(stream.encode(None))
    return path


def broken_clips(folder: Path) -> dict[str, tuple[Path, str]]:
    """One file of each way to be broken: its path and what the error must say."""
    whole = write_with(folder / "whole.mp4", moving(20)).read_bytes()
    (folder / "folder.mp4").mkdir()
    Image.fromarray(quarters()).save(folder / "picture.mp4", "JPEG")
    Image.fromarray(quarters()).save(folder / "photo.png")
    secret = write_with(folder / "secret.mp4", [quarters()] * 3)
    contents = {
        "text.mp4": b"just text\n" * 100,
        "empty.mp4": b"",
        "header.mp4": whole[: whole.index(b"moov") + 60],
        "no_frame.mp4": whole[: whole.index(b"mdat") + 8],
        "zeros.avi": b"\0" * 5000,
        "playlist.mp4": f"#EXTM3U\n#EXTINF:1,\nfile:{secret}\n#EXT-X-ENDLIST\n".encode(),
        "concat.mp4": f"ffconcat version 1.0\nfile '{secret.name}'\n".encode(),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    reasons = dict.fromkeys(contents, "not a video") | {
        "empty.mp4": "empty",
        "header.mp4": "no video",
        "no_frame.mp4": "not one frame",
    }
    reasons |= {"missing.mp4": "no such file", "folder.mp4": "a folder", "picture.mp4": "not a video"}
    reasons |= {"photo.png": "not a video", only_sound(folder / "sound.mp4").name: "only sound"}
    return {name: (folder / name, reason) for name, reason in reasons.items()}


def test_broken_clips_give_one_clear_line(tmp_path: Path) -> None:
    for name, (path, reason) in broken_clips(tmp_path).items():
        for read in (probe_clip, lambda clip: next(read_frames(clip))):
            with pytest.raises(WorkoutlibError, match=reason) as caught:
                read(path)
            assert name in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "codec"), [("cut.mp4", "libx264"), ("cut.mkv", "libx264"), ("cut.webm", "libvpx"), ("cut.avi", "mpeg4")]
)
def test_truncated_clips_give_what_decodes_and_a_warning(tmp_path: Path, name: str, codec: str) -> None:
    path = write_with(tmp_path / name, moving(100), codec, bit_rate=800_000)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.warns(UserWarning, match="damaged or cut short"):
        frames = list(read_frames(path))
    assert 20 < len(frames) < 70
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path.write_bytes(whole)
        assert len(list(read_frames(path))) == 100
        next(read_frames(path))  # a reader that stops early has nothing to warn of


def test_damage_in_the_middle_does_not_end_the_clip(tmp_path: Path) -> None:
    path = write_with(tmp_path / "scratched.mkv", moving(60), gop_size=10)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        times = [time for time, _ in read_frames(path)]
    assert times[-1] > 2.0 and all(np.diff(times) > 0)


def test_corrupted_clips_read_or_say_why(tmp_path: Path) -> None:
    """A small fuzz run with a fixed budget; any exception that is not ours fails it."""
    chance = random.Random(3)
    outcomes = set()
    for name, codec in (("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.avi", "mpeg4"), ("a.webm", "libvpx")):
        path = write_with(tmp_path / name, moving(5), codec)
        seed = path.read_bytes()
        for _ in range(40):
            data = bytearray(seed)
            for _ in range(chance.choice((1, 5, 30))):
                data[chance.randrange(min(len(data), chance.choice((100, 1000, 10_000))))] = chance.randrange(256)
            path.write_bytes(data)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    probe_clip(path)
                    outcomes.add(len(list(read_frames(path))) > 0)
                except WorkoutlibError:
                    outcomes.add(False)
    assert outcomes == {True, False}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux allows any byte in a file name")
@pytest.mark.parametrize("name", [b"\xff\xfe.mp4", b"two\nlines.mp4"])
def test_names_of_any_bytes(tmp_path: Path, name: bytes) -> None:
    path = tmp_path / os.fsdecode(name)
    with ClipWriter(path, 64, 48, 25) as writer:
        writer.write(quarters(), 0)
    assert_like(next(read_frames(path))[1], quarters())


def test_reading_keeps_few_frames_in_memory(tmp_path: Path) -> None:
    import tracemalloc

    path = write_with(tmp_path / "long.mp4", [quarters(240, 320)] * 300)
    tracemalloc.start()
    count = sum(1 for _ in read_frames(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 300 and peak < 20 * 240 * 320 * 3


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
    assert_like(next(read_frames(path))[1], quarters())
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
    with pytest.raises(WorkoutlibError, match="Cannot write"), ClipWriter(tmp_path / "wide.mp4", 20_000, 8, 25) as out:
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
        with pytest.raises(WorkoutlibError, match=r"Cannot write.*free space"), ClipWriter(path, 320, 240, 25) as out:
            for index, frame in enumerate(moving(60, 240, 320)):
                out.write(frame, index / 25)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == []


def test_photos_and_clips_are_told_apart(tmp_path: Path) -> None:
    still, animated = tmp_path / "still.gif", tmp_path / "animated.gif"
    Image.new("RGB", (8, 8), RED).save(still)
    Image.new("RGB", (8, 8), RED).save(animated, save_all=True, append_images=[Image.new("RGB", (8, 8), BLUE)])
    (tmp_path / "broken.gif").write_bytes(b"GIF89a")
    for name, clip, image in (
        (animated, True, False),
        (still, False, True),
        (tmp_path / "broken.gif", False, True),
        ("missing.gif", False, True),
        ("a.MP4", True, False),
        ("a.JPeG", False, True),
        ("notes.txt", False, False),
        ("noname", False, False),
    ):
        assert (is_clip(name), is_image(name)) == (clip, image), name
