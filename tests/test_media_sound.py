"""The sound of a clip in its copy: as loud, at its time, cut to the picture."""

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
    target = copy(source, tmp_path / "copy.mp4")
    assert len(list(read_frames(target))) == 75
    assert lengths(target)["audio"] == pytest.approx(3.0, abs=0.04)


def test_the_last_frame_is_shown_as_long_as_in_the_source(tmp_path: Path) -> None:
    times = [float(time) for time in np.cumsum([0, *[1, 2, 1, 3, 1, 1, 4] * 6]) / 30]
    source = write_with(tmp_path / "uneven.mp4", moving(len(times)), rate=30, times=times)
    frames = read_frames(source)
    assert [time for time, _ in frames] == pytest.approx(times, abs=0.002)
    assert probe_clip(copy(source, tmp_path / "copy.mp4")).duration == pytest.approx(frames.end, abs=0.001)
