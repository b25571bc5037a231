"""The sound of a clip in its copy: as loud, at its time, cut to the picture."""

import warnings
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.clips import add_sound, loudness, moving, save_clip, write_with

from workoutlib.media.video_reader import probe_clip, read_frames
from workoutlib.media.video_writer import ClipWriter


def copy(path: Path, target: Path) -> Path:
    info, frames = probe_clip(path), read_frames(path)
    with ClipWriter(target, info.width, info.height, info.frames_per_second, source=frames) as writer:
        for time, frame in frames:
            writer.write(frame, time)
    return target


def lengths(path: Path) -> dict[str, float]:
    with av.open(str(path)) as container:
        return {stream.type: float(stream.duration * stream.time_base) for stream in container.streams}


# loudness of a sine of amplitude a is a / sqrt(2); `tone` grows by 0.1 every second
LOUD = [value / 2**0.5 for value in (0.25, 0.25, 0.35, 0.35, 0.45, 0.45)]


@pytest.mark.parametrize(
    ("name", "codec", "video", "rate", "layout", "copied"),
    [
        ("aac.mp4", "aac", "libx264", 44100, "stereo", "aac"),
        ("aac.ts", "aac", "libx264", 48000, "mono", "aac"),
        ("mp3.avi", "libmp3lame", "mpeg4", 44100, "stereo", "mp3float"),
        ("slow.avi", "libmp3lame", "mpeg4", 11025, "mono", "aac"),
        ("opus.webm", "libopus", "libvpx", 48000, "stereo", "aac"),
        ("pcm.mov", "pcm_s16le", "libx264", 22050, "mono", "aac"),
        ("pcm.avi", "pcm_s16le", "mpeg4", 44100, "mono", "aac"),
        ("flac.mkv", "flac", "libx264", 96000, "stereo", "aac"),
        ("surround.mkv", "ac3", "libx264", 48000, "5.1", "aac"),
        ("phone.3gp", "aac", "mpeg4", 8000, "mono", "aac"),
        ("film.mkv", "mp2", "mpeg2video", 48000, "stereo", "aac"),
    ],
)
def test_sound_stays_as_loud_and_ends_with_the_picture(
    tmp_path: Path, name: str, codec: str, video: str, rate: int, layout: str, copied: str
) -> None:
    silent = write_with(tmp_path / f"silent{Path(name).suffix}", moving(75), video, max_b_frames=0)
    source = add_sound(silent, tmp_path / name, seconds=5, codec=codec, rate=rate, layout=layout)
    target = copy(source, tmp_path / "copy.mp4")
    found = lengths(target)
    assert found["video"] == pytest.approx(3.0, abs=0.15)  # AVI has no place for the first frames' time
    assert found["audio"] == pytest.approx(found["video"], abs=0.1)
    assert loudness(target)[:5] == pytest.approx(LOUD[:5], rel=0.2)
    with av.open(str(target)) as container:
        assert container.streams.audio[0].codec_context.name == copied


@pytest.mark.parametrize(("name", "codec"), [("late.mp4", "aac"), ("late.mkv", "flac")])
def test_sound_before_a_late_picture_is_left_out(tmp_path: Path, name: str, codec: str) -> None:
    """The copy begins with the picture, 1 s into the sound: that is as loud as the tone's second second."""
    silent = write_with(tmp_path / f"silent{Path(name).suffix}", moving(50), max_b_frames=0)
    source = add_sound(silent, tmp_path / name, seconds=3, codec=codec, late=1.0)
    target = copy(source, tmp_path / "copy.mp4")
    assert lengths(target)["audio"] == pytest.approx(2.0, abs=0.04)
    assert loudness(target)[:4] == pytest.approx(LOUD[2:6], rel=0.07)


def test_shorter_sound_is_not_made_longer(tmp_path: Path) -> None:
    silent = write_with(tmp_path / "silent.mkv", moving(75), max_b_frames=0)
    target = copy(add_sound(silent, tmp_path / "short.mkv", seconds=1, codec="flac"), tmp_path / "copy.mp4")
    assert lengths(target) == pytest.approx({"video": 3.0, "audio": 1.0}, abs=0.04)


def test_a_silent_clip_has_no_sound(tmp_path: Path) -> None:
    target = copy(save_clip(tmp_path / "silent.mp4"), tmp_path / "copy.mp4")
    assert list(lengths(target)) == ["video"] and loudness(target) == []


def test_damaged_sound_does_not_cost_the_picture(tmp_path: Path) -> None:
    silent = write_with(tmp_path / "silent.mkv", moving(75), max_b_frames=0)
    source = add_sound(silent, tmp_path / "sound.mkv", seconds=3, codec="flac")
    data, chance = bytearray(source.read_bytes()), np.random.default_rng(0)
    with av.open(str(source)) as container:
        places = [packet.pos for packet in container.demux(audio=0) if packet.size]
    for place in places[10:20]:
        data[place + 8 : place + 40] = chance.bytes(32)
    source.write_bytes(data)
    target = tmp_path / "copy.mp4"
    assert "s of it are damaged" in noted_copy(source, target)[0]
    assert len(list(read_frames(target))) == 75
    assert lengths(target)["audio"] == pytest.approx(3.0, abs=0.04)


def test_damaged_packets_of_aac_are_left_out_of_the_copy(tmp_path: Path) -> None:
    """Browsers stop a clip at the first one; here 20 of them, of 1024 samples each, from 0.93 to 1.39 s."""
    silent = write_with(tmp_path / "silent.mp4", moving(75), max_b_frames=0)
    source = add_sound(silent, tmp_path / "sound.mp4", seconds=3)
    data, chance = bytearray(source.read_bytes()), np.random.default_rng(0)
    with av.open(str(source)) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.size]
    for packet in packets[40:60]:
        data[packet.pos : packet.pos + packet.size] = chance.bytes(packet.size)
    source.write_bytes(data)
    target = tmp_path / "copy.mp4"
    assert "0.46 s of it are damaged" in noted_copy(source, target)[0]
    with av.open(str(target)) as container:
        times = [frame.time for frame in container.decode(audio=0)]
    assert not [time for time in times if 0.96 < time < 1.36] and times[-1] == pytest.approx(2.97, abs=0.05)


def test_the_last_frame_is_shown_as_long_as_in_the_source(tmp_path: Path) -> None:
    times = [float(time) for time in np.cumsum([0, *[1, 2, 1, 3, 1, 1, 4] * 6]) / 30]
    source = write_with(tmp_path / "uneven.mp4", moving(len(times)), rate=30, times=times)
    frames = read_frames(source)
    assert [time for time, _ in frames] == pytest.approx(times, abs=0.002)
    assert probe_clip(copy(source, tmp_path / "copy.mp4")).duration == pytest.approx(frames.end, abs=0.001)


def noted_copy(source: Path, target: Path) -> list[str]:
    """The notes of a copy."""
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        copy(source, target)
    return [str(note.message) for note in notes]


@pytest.mark.parametrize("layouts", [("mono", "stereo"), ("stereo", "mono")])
@pytest.mark.parametrize("codec", ["ac3", "aac"])
def test_sound_that_changes_its_kind_goes_on(tmp_path: Path, codec: str, layouts: tuple[str, str]) -> None:
    """As in a broadcast that goes from an old film to an advertisement; each part's tone grows from 0.25 to 0.35."""
    silent = write_with(tmp_path / "silent.ts", moving(50), max_b_frames=0)
    parts = [
        add_sound(silent, tmp_path / f"{layout}.ts", seconds=2, codec=codec, rate=rate, layout=layout)
        for rate, layout in zip((44100 if codec == "aac" else 48000, 48000), layouts, strict=True)
    ]
    (tmp_path / "joined.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    assert noted_copy(tmp_path / "joined.ts", tmp_path / "copy.mp4") == []
    found = loudness(tmp_path / "copy.mp4")
    assert found[:7] == pytest.approx([*LOUD[:4], *LOUD[:3]], abs=0.03)


def test_surround_sound_keeps_each_of_its_channels(tmp_path: Path) -> None:
    silent = write_with(tmp_path / "silent.mkv", moving(50), max_b_frames=0)
    source = add_sound(silent, tmp_path / "a.mkv", seconds=2, codec="flac", rate=48000, layout="5.1")
    with av.open(str(copy(source, tmp_path / "copy.mp4"))) as container:
        stream = container.streams.audio[0]
        samples = np.concatenate([frame.to_ndarray() for frame in container.decode(stream)], axis=1)
    assert stream.layout.name == "5.1" and len(samples) == 6
    assert np.sqrt((samples[[0, 1, 2, 4, 5], :40_000] ** 2).mean(1)) == pytest.approx(LOUD[0], rel=0.1)


def test_a_sound_track_without_sound_does_not_cost_the_picture(tmp_path: Path) -> None:
    """A recorder that was stopped before its microphone had started."""
    silent = write_with(tmp_path / "silent.ts", moving(50), max_b_frames=0)
    with av.open(str(silent)) as old, av.open(str(tmp_path / "a.ts"), "w") as new:
        picture = new.add_stream_from_template(old.streams.video[0])
        new.add_stream("aac", rate=44100, layout="stereo")
        for packet in old.demux(video=0):
            if packet.size:
                packet.stream = picture
                new.mux(packet)
    (note,) = noted_copy(tmp_path / "a.ts", tmp_path / "copy.mp4")
    assert "is empty, or of a kind that is not known" in note
    assert lengths(tmp_path / "copy.mp4") == {"video": pytest.approx(2.0, abs=0.002)}


def test_sound_packets_with_equal_time_stamps_are_all_kept(tmp_path: Path) -> None:
    """As FFmpeg reads them from some fragmented files."""
    silent = write_with(tmp_path / "silent.mp4", moving(75), max_b_frames=0)
    whole = add_sound(silent, tmp_path / "whole.mp4", seconds=3)
    with av.open(str(whole)) as old, av.open(str(tmp_path / "a.mkv"), "w") as new:
        streams = [new.add_stream_from_template(stream) for stream in old.streams]
        for number, packet in enumerate(packet for packet in old.demux() if packet.size):
            packet.stream = streams[packet.stream.index]
            if packet.stream.type == "audio" and number % 2:
                packet.pts = packet.dts = packet.pts + 1023
            new.mux(packet)
    assert noted_copy(tmp_path / "a.mkv", tmp_path / "copy.mp4") == []
    assert loudness(tmp_path / "copy.mp4")[:5] == pytest.approx(LOUD[:5], rel=0.1)
