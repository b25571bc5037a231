"""Clips of many kinds, whole and broken."""

import struct
import warnings
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from helpers.pictures import quarters
from workoutlib import gym
from workoutlib.media.video_reader import read_frames
from workoutlib.media.video_writer import ClipWriter


def moving(frames: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """Noise that drifts: costly to encode, so that cutting the file cuts pictures."""
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return [np.roll(noise, index, axis=1) for index in range(frames)]


def read_with_note(path: Path) -> tuple[list[float], float, str]:
    """Times, the end, and the note of a clip, "" without one."""
    frames = read_frames(path)
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        times = [time for time, _ in frames]
    return times, frames.end, " ".join(str(note.message) for note in notes)


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


def assert_frame_like(frame: np.ndarray, expected: np.ndarray) -> None:
    assert frame.dtype == np.uint8 and frame.shape == expected.shape and frame.flags.c_contiguous
    rows, columns = frame.shape[0] // 4, frame.shape[1] // 4
    for y in (rows, 3 * rows):
        for x in (columns, 3 * columns):
            seen = frame[y - 4 : y + 4, x - 4 : x + 4].mean(axis=(0, 1))  # the mean, as GIF is dithered
            assert np.abs(seen - expected[y, x]).max() < 25


def save_clip(path: Path, *, frames: int = 6, seed: int = 0) -> Path:
    """A clip of noise, 64 × 48 pixels, 10 frames a second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    with ClipWriter(path, 64, 48, 10) as writer:
        for index in range(frames):
            writer.write(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8), index / 10)
    return path


def save_exercises(path: Path, labels: Sequence[str] = ("plank", "squat")) -> Path:
    """1.6 seconds of each exercise of the built-in gym, one after the other, 10 frames a second."""
    clips = [gym.render_clip(label, 5, frames=16, frames_per_second=10, size=(160, 120)) for label in labels]
    with ClipWriter(path, 160, 120, 10) as writer:
        for index, frame in enumerate(frame for clip in clips for frame in clip.frames):
            writer.write(frame, index / 10)
    return path


def remux(source: Path, target: Path, *, drop: range) -> Path:
    """The packets of a clip in another file, without some of them."""
    target.parent.mkdir(exist_ok=True)
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for number, packet in enumerate(packet for packet in old.demux(video=0) if packet.size):
            if number not in drop:
                packet.stream = stream
                new.mux(packet)
    return target


def tone(seconds: float, *, rate: int = 44100, hertz: float = 440, start: float = 0.0) -> np.ndarray:
    """(samples,) of a sine at a quarter of full scale that grows by a tenth of it every second."""
    time = start + np.arange(round(seconds * rate)) / rate
    return (0.25 + 0.1 * np.floor(time)) * np.sin(2 * np.pi * hertz * time)


def add_sound(
    silent: Path,
    target: Path,
    *,
    seconds: float,
    codec: str = "aac",
    late: float = 0.0,
    rate: int = 44100,
    layout: str = "mono",
    format: str | None = None,
) -> Path:
    """A clip with the picture of `silent`, `late` seconds later, and so many seconds of `tone`."""
    target.parent.mkdir(exist_ok=True)
    with av.open(str(silent)) as old, av.open(str(target), "w") as new:
        picture = new.add_stream_from_template(old.streams.video[0])
        voice = new.add_stream(codec, rate=rate, layout=layout)
        packets = []
        for packet in old.demux(video=0):
            if packet.size:
                shift = round(late / packet.time_base)
                packet.pts += shift
                packet.dts = packet.pts if packet.dts is None else packet.dts + shift
                packet.stream = picture
                packets.append(packet)
        channels = len(voice.codec_context.layout.channels)
        samples = np.tile(tone(seconds, rate=rate).astype(np.float32), (channels, 1))
        frame = av.AudioFrame.from_ndarray(samples, "fltp", layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        resampler = av.AudioResampler(voice.codec_context.format, layout, rate, frame_size=1024)
        for part in [*resampler.resample(frame), *resampler.resample(None), None]:
            packets += voice.encode(part)
        for packet in sorted(packets, key=lambda packet: (packet.dts or 0) * packet.time_base):
            new.mux(packet)
    return target


def loudness(path: Path, step: float = 0.5) -> list[float]:
    """Root mean square of the first channel in every full `step` seconds; empty without sound."""
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return []
        context = container.streams.audio[0].codec_context
        rate, resampler = context.sample_rate, av.AudioResampler("fltp", context.layout, context.sample_rate)
        parts = [part.to_ndarray()[0] for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    samples, size = np.concatenate(parts), round(step * rate)
    rows = samples[: len(samples) // size * size].reshape(-1, size)
    return [float(value) for value in np.sqrt((rows**2).mean(1))]
