"""Clips that were joined of several: one time for picture and sound; and lengths by all packets."""

from pathlib import Path

import av
import pytest
from helpers.clips import add_sound, loudness, moving, read_with_note, write_with

from workoutlib.media.video_reader import probe_clip, read_frames
from workoutlib.media.video_writer import ClipWriter


def later(source: Path, target: Path, seconds: float) -> Path:
    """A copy whose time stamps are so many seconds later."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        streams = {stream.index: new.add_stream_from_template(stream) for stream in old.streams}
        for packet in old.demux():
            if packet.size:
                packet.pts += round(seconds / packet.time_base)
                packet.dts = packet.pts
                packet.stream = streams[packet.stream.index]
                new.mux(packet)
    return target


@pytest.mark.parametrize("first", ["early", "late", "same"])
def test_joined_transport_streams_run_on(tmp_path: Path, first: str) -> None:
    early = write_with(tmp_path / "early.ts", moving(50), max_b_frames=0)
    late = later(early, tmp_path / "late.ts", 3600)
    parts = {"early": (early, late), "late": (late, early), "same": (early, early)}[first]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    times, end, note = read_with_note(path)
    assert times == pytest.approx([i / 25 for i in range(100)], abs=0.002) and end == pytest.approx(4.0, abs=0.002)
    assert probe_clip(path).duration == pytest.approx(4.0, abs=0.002)
    # back by less than the clock's 26 hours it may have run over, as far as anyone can tell
    assert ("its clock jumps at 2.00 s" in note) == (first != "same") and "frames" not in note


def test_joined_program_streams_run_on(tmp_path: Path) -> None:
    part = write_with(tmp_path / "a.mpg", moving(50), "mpeg2video", max_b_frames=0, bit_rate=2_000_000)
    (tmp_path / "twice.mpg").write_bytes(2 * part.read_bytes())
    times, end, note = read_with_note(tmp_path / "twice.mpg")
    assert times == pytest.approx([i / 25 for i in range(100)], abs=0.002) and (end, note) == (pytest.approx(4.0), "")


@pytest.mark.parametrize("codec", ["aac", "mp2"])
def test_the_sound_of_joined_streams_stays_beside_the_picture(tmp_path: Path, codec: str) -> None:
    silent = write_with(tmp_path / "silent.ts", moving(50), max_b_frames=0)
    part = add_sound(silent, tmp_path / "part.ts", seconds=2, codec=codec)
    (tmp_path / "twice.ts").write_bytes(2 * part.read_bytes())
    frames = read_frames(tmp_path / "twice.ts")
    with ClipWriter(tmp_path / "copy.mp4", 64, 48, 25, source=frames) as writer:
        for time, frame in frames:
            writer.write(frame, time)
    once = [0.177, 0.177, 0.247, 0.247]  # the tone grows every second
    assert loudness(tmp_path / "copy.mp4")[:7] == pytest.approx((once + once)[:7], abs=0.025)


@pytest.mark.parametrize("suffix", ["ts", "mpg", "mkv"])
def test_the_length_without_a_header_counts_every_packet(tmp_path: Path, suffix: str) -> None:
    """The first frame of a clip with B-frames comes after several packets; they count too."""
    codec = "mpeg2video" if suffix == "mpg" else "libx264"
    path = write_with(tmp_path / f"a.{suffix}", moving(60), codec, max_b_frames=2, bit_rate=2_000_000)
    path.write_bytes(path.read_bytes().replace(b"DURATION", b"XURATION"))  # Matroska's tag
    assert probe_clip(path).duration == pytest.approx(2.4, abs=0.002)


def test_subtitles_longer_than_the_picture_are_no_damage(tmp_path: Path) -> None:
    """Without Matroska's tag of each stream's length there is that of the whole file alone."""
    silent = write_with(tmp_path / "a.mkv", moving(50), max_b_frames=0)
    path, lines = tmp_path / "b.mkv", tmp_path / "lines.srt"
    lines.write_text("1\n00:00:00,000 --> 00:00:01,000\none\n\n2\n00:00:09,000 --> 00:00:10,000\ntwo\n")
    with av.open(str(silent)) as clip, av.open(str(lines)) as text, av.open(str(path), "w") as new:
        streams = [new.add_stream_from_template(each.streams[0]) for each in (clip, text)]
        for source, stream in zip((clip, text), streams, strict=True):
            for packet in source.demux():
                if packet.size:
                    packet.stream = stream
                    new.mux(packet)
    path.write_bytes(path.read_bytes().replace(b"DURATION", b"XURATION"))
    times, end, note = read_with_note(path)
    assert (len(times), end, note) == (50, pytest.approx(2.0, abs=0.002), "")
