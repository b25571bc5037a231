"""Length and loss of clips by what was decoded: every loss told with how much and where, and no false alarm."""

import re
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.boxes import with_edits
from helpers.clips import add_sound, loudness, moving, read_with_note, remux, write_with
from PIL import Image

from workoutlib.media.timeline import Timeline
from workoutlib.media.video_reader import probe_clip, read_frames
from workoutlib.media.video_writer import ClipWriter
from workoutlib.utils.errors import WorkoutlibError

FIXTURES = Path(__file__).with_name("fixtures")


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mkv", "libx264"), ("a.ts", "libx264"), ("a.mp4", "libx264"), ("a.webm", "libvpx"), ("a.avi", "mpeg4")],
)
@pytest.mark.parametrize(("first", "count"), [(50, 29), (20, 12)])
def test_frames_lost_in_the_middle_are_counted_and_placed(
    tmp_path: Path, name: str, codec: str, first: int, count: int
) -> None:
    whole = write_with(tmp_path / name, moving(120), codec, gop_size=60, max_b_frames=0)
    part = remux(whole, tmp_path / f"part {name}", drop=range(first, first + count))
    times, end, note = read_with_note(part)
    assert len(times) == 120 - count and end == pytest.approx(4.8, abs=0.05)
    assert f"{count} of 120 frames are missing" in note
    assert f"from {first / 25:.2f} to {(first + count) / 25:.2f} s" in note
    assert read_with_note(whole) == (
        pytest.approx([i / 25 for i in range(120)], abs=0.002),
        pytest.approx(4.8, abs=0.002),
        "",
    )


def test_a_scratch_in_the_middle_is_told(tmp_path: Path) -> None:
    path = write_with(tmp_path / "scratched.mp4", moving(120), gop_size=60)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + len(data) // 5] = bytes(len(data) // 5)
    path.write_bytes(data)
    times, end, note = read_with_note(path)
    missing = int(re.search(r"(\d+) of \d+ frames are missing \(from 2\.\d+ to [23]\.\d+ s\)", note)[1])
    assert missing == pytest.approx(120 - len(times), abs=1) and end == pytest.approx(4.8, abs=0.01)


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.avi", "mpeg4")])
def test_a_clip_cut_short_ends_with_its_last_frame(tmp_path: Path, name: str, codec: str) -> None:
    path = write_with(tmp_path / name, moving(100), codec, bit_rate=800_000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    times, end, note = read_with_note(path)
    assert end == pytest.approx(times[-1] + 0.04, abs=0.002)
    assert f"{100 - len(times)} of 100 frames are missing (from {end:.2f} s to the end at 4.00 s)" in note


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "ts", "avi", "flv"])
@pytest.mark.parametrize("seconds", [2, 10])
def test_sound_longer_than_the_picture_is_no_damage(tmp_path: Path, suffix: str, seconds: int) -> None:
    silent = write_with(tmp_path / f"silent.{suffix}", moving(50), max_b_frames=0)
    path = add_sound(silent, tmp_path / f"sound.{suffix}", seconds=2 + seconds)
    times, end, note = read_with_note(path)
    assert (len(times), end, note) == (50, pytest.approx(2.0, abs=0.01), "")
    assert probe_clip(path).duration == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_a_picture_that_starts_late_starts_at_zero(tmp_path: Path, suffix: str) -> None:
    silent = write_with(tmp_path / f"silent.{suffix}", moving(50), max_b_frames=0)
    path = add_sound(silent, tmp_path / f"late.{suffix}", seconds=2.7, late=0.7)
    times, end, note = read_with_note(path)
    assert (times[0], times[-1]) == (0, pytest.approx(1.96, abs=0.002))
    assert (end, note) == (pytest.approx(2.0, abs=0.01), "")
    assert probe_clip(path).duration == pytest.approx(2.0, abs=0.05)


def test_a_variable_rate_is_no_loss(tmp_path: Path) -> None:
    steps = [1, 1, 1, 3, 1, 2, 1, 1, 4, 1, 1, 2] * 5
    times = [float(time) for time in np.cumsum([0, *steps[:-1]]) / 30]
    for suffix in ("mp4", "mkv", "webm"):
        path = write_with(
            tmp_path / f"uneven.{suffix}", moving(60), "libvpx" if suffix == "webm" else "libx264", rate=30, times=times
        )
        found, end, note = read_with_note(path)
        assert note == "" and found == pytest.approx(times, abs=0.002)
        assert times[-1] + 0.02 < end < times[-1] + 0.16


@pytest.mark.parametrize("before", [1, 2, 10])
def test_frames_before_the_time_zero_count(tmp_path: Path, before: int) -> None:
    """A clip cut without encoding it anew: Matroska keeps times below zero, which its reader does not tell."""
    whole = write_with(tmp_path / "whole.mp4", moving(50), max_b_frames=0)
    options = {"avoid_negative_ts": "disabled"}
    with av.open(str(whole)) as old, av.open(str(tmp_path / "a.mkv"), "w", options=options) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.size:
                packet.pts = packet.dts = packet.dts - round(before * 0.04 / packet.time_base)
                packet.stream = stream
                new.mux(packet)
    times, end, note = read_with_note(tmp_path / "a.mkv")
    assert times == pytest.approx([number / 25 for number in range(50)], abs=0.002)
    assert (end, note) == (pytest.approx(2.0, abs=0.002), "")


def test_sound_that_ends_a_frame_later_is_not_worth_a_note(tmp_path: Path) -> None:
    """Nothing like "5.5 of 5.5 s": AAC comes in packets of 23 ms, so the sound ends a little after the picture."""
    silent = write_with(tmp_path / "silent.mp4", moving(55), rate=10, max_b_frames=0)
    for suffix in ("mp4", "mkv", "ts"):
        path = add_sound(silent, tmp_path / f"a.{suffix}", seconds=5.52)
        times, end, note = read_with_note(path)
        assert (len(times), end, note) == (55, pytest.approx(5.5, abs=0.01), "")


@pytest.mark.parametrize(
    ("edits", "frames"),
    [
        ([(2.0, 0.0)], 50),  # as it is
        ([(1.0, 1.0)], 25),  # the second half
        ([(0.4, 0.4), (0.4, 1.6)], 20),  # two pieces
        ([(0.5, None), (2.0, 0.0)], 50),  # begins half a second later
        ([(1.0, None), (1.0, 0.0)], 25),  # begins a second later, and is cut
        ([(0.0, 0.0)], 50),  # a length of 0, for all there is
    ],
)
def test_edit_lists_are_followed_and_what_they_leave_out_is_no_loss(tmp_path, edits, frames):
    whole = write_with(tmp_path / "whole.mov", moving(50), gop_size=10, max_b_frames=0)
    times, end, note = read_with_note(with_edits(whole, tmp_path / "a.mov", edits))
    assert (times, end, note) == (pytest.approx([n / 25 for n in range(frames)]), pytest.approx(frames / 25), "")


def test_empty_packets_repeat_a_frame() -> None:
    """Theora: a still picture that changes at 0.40 and 0.48 s, by libtheora; the other 17 packets are empty."""
    times, end, note = read_with_note(FIXTURES / "still.ogv")
    assert times == pytest.approx([0, 0.4, 0.48], abs=0.001)
    assert (end, note) == (pytest.approx(0.8, abs=0.001), "")


def line(stamps: list[float], length: float = 0.04) -> Timeline:
    timeline = Timeline(25)
    for stamp in stamps:
        timeline.add_packet(stamp, length)
        timeline.add_frame(stamp)
    return timeline


def test_a_frame_or_two_skipped_by_a_camera_is_no_loss_but_three_are() -> None:
    for missing, told in ((1, None), (2, None), (3, "3 of 100 frames are missing (from 2.00 to 2.12 s)")):
        stamps = [i / 25 for i in range(100) if not 50 <= i < 50 + missing]
        assert line(stamps).describe_losses(4.0) == told
    broken = line([i / 25 for i in range(100) if i != 50])
    broken.failed = True
    assert broken.describe_losses(4.0) == "1 of 100 frames is missing (from 2.00 to 2.04 s)"


def test_losses_at_both_ends_and_many() -> None:
    timeline = Timeline(25)
    for i in range(10):
        timeline.add_packet(i / 25, 0.04)
    for i in range(10, 60):
        timeline.add_packet(i / 25, 0.04)
        timeline.add_frame(i / 25)
    timeline.failed = True
    assert timeline.describe_losses(4.0) == (
        "50 of 100 frames are missing (0.40 s before the first that can be read, from 2.00 s to the end at 3.60 s)"
    )
    many = line([i / 25 for i in range(400) if i % 40 < 34])
    assert "and 7 more stretches" in many.describe_losses(16.0)
    assert len(many.losses(16.0)) == 10


def test_frames_decoded_with_errors_are_counted() -> None:
    timeline = Timeline(25)
    for i in range(5):
        timeline.add_frame(i / 25, damaged=i in (2, 3))
    assert timeline.describe_losses() == "2 of 5 frames are damaged (between 0.08 and 0.12 s)"


def test_a_still_frame_at_the_end_is_as_long_as_the_file_says() -> None:
    timeline = line([0, 0.04, 0.08])
    timeline.add_packet(0.12, 3.0)
    timeline.add_frame(0.12)
    assert timeline.end() == pytest.approx(3.12) and timeline.describe_losses(3.12) is None


def test_a_transport_stream_without_its_beginning(tmp_path: Path) -> None:
    """Frames before the first key frame cannot be decoded: that is told, and time starts at the first that can."""
    whole = write_with(tmp_path / "whole.ts", moving(60), gop_size=20, max_b_frames=0)
    path = remux(whole, tmp_path / "begun.ts", drop=range(5))
    with av.open(str(path)) as container:
        assert len([packet for packet in container.demux(video=0) if packet.size]) == 55
    times, _, note = read_with_note(path)
    assert times[0] == 0 and len(times) in (40, 55)
    assert ("15 of 55 frames are missing" in note) == (len(times) == 40)


@pytest.mark.parametrize("flags", ["frag_keyframe+empty_moov", "frag_keyframe+empty_moov+default_base_moof+dash"])
def test_fragments_are_whole_whatever_their_length_is_counted_from(tmp_path, flags):
    whole = write_with(tmp_path / "whole.mp4", moving(50), gop_size=10)
    with av.open(str(whole)) as old, av.open(str(tmp_path / "a.mp4"), "w", options={"movflags": flags}) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.size:
                packet.stream = stream
                new.mux(packet)
    times, end, note = read_with_note(tmp_path / "a.mp4")
    assert (len(times), end, note) == (50, pytest.approx(2.0), "")
    data = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])
    assert "missing" in read_with_note(tmp_path / "cut.mp4")[2]


def test_a_gif_that_was_cut_is_told(tmp_path):
    frames = [Image.fromarray(frame) for frame in moving(10)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=40)
    assert read_with_note(tmp_path / "a.gif")[2] == ""
    data = (tmp_path / "a.gif").read_bytes()
    (tmp_path / "cut.gif").write_bytes(data[: len(data) // 2])
    times, end, note = read_with_note(tmp_path / "cut.gif")
    assert len(times) < 10 and f"cannot be read on after {end:.2f} s" in note


@pytest.mark.parametrize(("name", "codec"), [("a.ts", "libx264"), ("a.mpg", "mpeg2video")])
def test_a_length_that_no_header_tells_counts_every_frame(tmp_path, name, codec):
    found = probe_clip(write_with(tmp_path / name, moving(50, 120, 160), codec))
    assert (found.frames, found.duration) == (50, pytest.approx(2.0, abs=0.01))


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_jumps_makes_no_clip_of_an_hour(tmp_path, hours):
    """Two transport streams joined, with sound in both; the copy is as long as what was decoded."""
    silent = write_with(tmp_path / "silent.mp4", moving(25))
    with_sound = add_sound(silent, tmp_path / "sound.mp4", seconds=1.0)
    parts = []
    for shift in (max(-hours, 0), max(hours, 0)):
        with av.open(str(with_sound)) as old, av.open(str(tmp_path / f"{shift}.ts"), "w") as new:
            streams = {stream.index: new.add_stream_from_template(stream) for stream in old.streams}
            for packet in old.demux():
                if packet.size:
                    packet.pts += round(shift * 3600 / packet.time_base)
                    packet.dts += round(shift * 3600 / packet.time_base)
                    packet.stream = streams[packet.stream.index]
                    new.mux(packet)
        parts.append((tmp_path / f"{shift}.ts").read_bytes())
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(parts))
    frames, info = read_frames(path), probe_clip(path)
    told = pytest.warns(UserWarning, match=r"its clock jumps at 1\.0")
    with told, ClipWriter(tmp_path / "copy.mp4", 64, 48, 25, source=frames) as writer:
        for time, frame in frames:
            writer.write(frame, time)
    assert frames.end == pytest.approx(2.0, abs=0.1) and info.duration == pytest.approx(2.0, abs=0.2)
    assert loudness(tmp_path / "copy.mp4", 0.45) == pytest.approx([0.18] * 4, abs=0.04)


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.ts", "libx264"), ("a.webm", "libvpx")]
)
def test_a_clip_without_its_first_key_frame_begins_with_the_next(tmp_path: Path, name: str, codec: str) -> None:
    whole = write_with(tmp_path / name, moving(60), codec, gop_size=20, max_b_frames=0)
    times, end, note = read_with_note(remux(whole, tmp_path / f"part {name}", drop=range(1)))
    assert len(times) == 40 and end == pytest.approx(1.6, abs=0.01)
    assert "19 of 59 frames are missing (0.76 s before the first that can be read)" in note


@pytest.mark.parametrize(("gop", "damaged"), [(20, "19 of 59 frames are damaged (between 0.00"), (60, "59 of 59")])
def test_frames_drawn_onto_nothing_are_called_damaged(tmp_path: Path, gop: int, damaged: str) -> None:
    whole = write_with(tmp_path / "a.avi", moving(60), "mpeg4", gop_size=gop, max_b_frames=0)
    times, _, note = read_with_note(remux(whole, tmp_path / "part.avi", drop=range(1)))
    assert len(times) == 59 and damaged in note
    assert read_with_note(whole)[2] == ""


@pytest.mark.parametrize(
    ("name", "codec", "why"),
    [
        ("a.mp4", "libx264", "its key frames are missing"),
        ("a.webm", "libvpx", "its key frames are missing"),
        ("a.mpg", "mpeg2video", "no video that can be decoded"),
    ],
)
def test_a_clip_without_any_key_frame_is_refused_for_that(tmp_path: Path, name: str, codec: str, why: str) -> None:
    whole = write_with(tmp_path / name, moving(50), codec, gop_size=60, max_b_frames=0)
    with pytest.raises(WorkoutlibError, match=why):
        read_with_note(remux(whole, tmp_path / f"part {name}", drop=range(1)))
