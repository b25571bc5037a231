"""Clips of every kind, whole and broken: upright frames with true times, or one kind of error."""

import os
import random
import sys
import warnings
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.clips import assert_frame_like, broken_clips, moving, silence, turned_by_metadata, write_with
from helpers.pictures import BLUE, RED, quarters
from PIL import Image

from workoutlib.media.kinds import is_clip
from workoutlib.media.video_reader import probe_clip, read_frames
from workoutlib.media.video_writer import ClipWriter
from workoutlib.utils.errors import WorkoutlibError


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
        assert_frame_like(frame, quarters())


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
    assert_frame_like(next(read_frames(path))[1], upright)


def test_pixels_that_are_not_square_are_made_so(tmp_path: Path) -> None:
    path = write_with(tmp_path / "wide.mp4", [quarters()] * 2, sample_aspect_ratio=Fraction(2, 1))
    assert probe_clip(path).width == 128
    assert_frame_like(next(read_frames(path))[1], quarters(48, 128))


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
        assert_frame_like(frame, quarters())


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
    assert_frame_like(next(read_frames(path))[1], quarters())


def test_reading_keeps_few_frames_in_memory(tmp_path: Path) -> None:
    import tracemalloc

    path = write_with(tmp_path / "long.mp4", [quarters(240, 320)] * 300)
    tracemalloc.start()
    count = sum(1 for _ in read_frames(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 300 and peak < 20 * 240 * 320 * 3


def test_clips_are_told_from_photos(tmp_path: Path) -> None:
    still, animated = tmp_path / "still.gif", tmp_path / "animated.gif"
    Image.new("RGB", (8, 8), RED).save(still)
    Image.new("RGB", (8, 8), RED).save(animated, save_all=True, append_images=[Image.new("RGB", (8, 8), BLUE)])
    (tmp_path / "broken.gif").write_bytes(b"GIF89a")
    assert is_clip(animated) and is_clip("a.MP4")
    for other in (still, tmp_path / "broken.gif", "missing.gif", "a.JPeG", "notes.txt", "noname"):
        assert not is_clip(other), other


def with_two_pictures(path: Path, sizes: list[tuple[int, int]], default: int | None) -> Path:
    """A clip with two video streams, red and blue, one of them perhaps marked as the default."""
    with av.open(str(path), "w") as out:
        streams = []
        for number, (width, height) in enumerate(sizes):
            stream = out.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.disposition = 1 if number == default else 0
            streams.append((stream, np.full((height, width, 3), (RED, BLUE)[number], np.uint8)))
        for _ in range(10):
            for stream, pixels in streams:
                out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
        for stream, _ in streams:
            out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("sizes", "default", "colour"),
    [
        ([(64, 48), (320, 240)], 1, BLUE),
        ([(64, 48), (320, 240)], 0, RED),
        ([(320, 240), (64, 48)], None, RED),
        ([(64, 48), (320, 240)], None, BLUE),
    ],
)
def test_of_two_pictures_the_default_or_the_largest_is_read(
    tmp_path: Path, sizes: list, default: int | None, colour: tuple
) -> None:
    path = with_two_pictures(tmp_path / "two.mkv", sizes, default)
    width, height = sizes[(RED, BLUE).index(colour)]
    assert (probe_clip(path).width, probe_clip(path).height) == (width, height)
    frames = [frame for _, frame in read_frames(path)]
    assert len(frames) == 10 and frames[0].shape == (height, width, 3)
    assert np.abs(frames[0].astype(int) - colour).max() < 12


def test_a_cover_picture_is_no_clip(tmp_path: Path) -> None:
    """A cover larger than the clip, and sound with nothing but a cover."""
    import io

    cover = io.BytesIO()
    Image.new("RGB", (600, 600), BLUE).save(cover, "JPEG")
    for name, has_clip in (("clip.mp4", True), ("song.mp4", False)):
        with av.open(str(tmp_path / name), "w") as out:
            voice = out.add_stream("aac", rate=44100)
            stream = out.add_stream("libx264", rate=25) if has_clip else None
            picture = out.add_stream("mjpeg", rate=1)
            picture.width, picture.height, picture.pix_fmt, picture.disposition = 600, 600, "yuvj420p", 1 << 10
            if stream:
                stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
                for _ in range(10):
                    out.mux(stream.encode(av.VideoFrame.from_ndarray(quarters())))
                out.mux(stream.encode(None))
            packet = av.Packet(cover.getvalue())
            packet.stream, packet.pts, packet.dts, packet.time_base = picture, 0, 0, Fraction(1, 25)
            out.mux(packet)
            out.mux(voice.encode(silence()))
            out.mux(voice.encode(None))
    assert (probe_clip(tmp_path / "clip.mp4").width, len(list(read_frames(tmp_path / "clip.mp4")))) == (64, 10)
    with pytest.raises(WorkoutlibError, match="only sound"):
        next(read_frames(tmp_path / "song.mp4"))


@pytest.mark.parametrize("default", [0, 1])
def test_a_picture_as_a_video_track_is_no_clip_beside_one(tmp_path: Path, default: int) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as out:
        cover, clip = out.add_stream("mjpeg", rate=1), out.add_stream("libx264", rate=25)
        cover.width, cover.height, cover.pix_fmt, cover.disposition = 600, 600, "yuvj420p", default
        clip.width, clip.height, clip.pix_fmt = 64, 48, "yuv420p"
        picture = av.VideoFrame.from_ndarray(np.zeros((600, 600, 3), np.uint8), "rgb24").reformat(format="yuvj420p")
        out.mux([*cover.encode(picture), *cover.encode(None)])
        for frame in moving(10):
            out.mux(clip.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        out.mux(clip.encode(None))
    frames = [frame.shape for _, frame in read_frames(tmp_path / "a.mkv")]
    assert frames == [(48, 64, 3)] * 10
