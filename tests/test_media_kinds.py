"""Photos, clips and sound are told apart by their content, whatever their name."""

from pathlib import Path

import av
import numpy as np
import pytest
from helpers.clips import moving, only_sound, write_with
from helpers.pictures import BLUE, RED, quarters
from helpers.tiny import save_noise
from PIL import Image

from workoutlib.media.images import read_image
from workoutlib.media.kinds import kind_of, list_media


@pytest.mark.parametrize(
    ("format", "codec"),
    [
        ("mov", "libx264"),
        ("mp4", "libx264"),
        ("matroska", "libx264"),
        ("webm", "libvpx"),
        ("avi", "mpeg4"),
        ("mpegts", "libx264"),
        ("vob", "mpeg2video"),
        ("asf", "wmv2"),
        ("flv", "flv"),
        ("ogg", "libvpx"),
        ("h264", "libx264"),
        ("ivf", "libvpx"),
    ],
)
@pytest.mark.parametrize("name", ["holiday", "holiday.jpg", "holiday.qt", "holiday.dat"])
def test_a_clip_of_any_name_is_a_clip(tmp_path: Path, format: str, codec: str, name: str) -> None:
    path = write_with(tmp_path / name, moving(5), codec, format=format)
    assert kind_of(path) == "clip" and list_media(tmp_path) == [path]


def test_photos_of_any_name(tmp_path: Path) -> None:
    for suffix in ("jpg", "png", "webp", "gif"):
        path = save_noise(tmp_path / f"photo.{suffix}").rename(tmp_path / suffix)
        assert kind_of(path) == "photo"
    assert kind_of(save_noise(tmp_path / "photo.bmp")) == "photo"


@pytest.mark.parametrize(
    ("name", "codec", "format"),
    [
        ("song.mp3", "libmp3lame", "mp3"),
        ("song.m4a", "aac", "ipod"),
        ("song.wav", "pcm_s16le", "wav"),
        ("song.flac", "flac", "flac"),
        ("song.opus", "libopus", "ogg"),
        ("song.jpg", "libmp3lame", "mp3"),
        ("song", "aac", "adts"),
    ],
)
def test_sound_is_sound(tmp_path: Path, name: str, codec: str, format: str) -> None:
    with av.open(str(tmp_path / name), "w", format=format) as out:
        stream = out.add_stream(codec, rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 4096), np.float32), "fltp", "stereo")
        frame.sample_rate = 48000
        for part in av.AudioResampler(stream.format, stream.layout, 48000, frame_size=960).resample(frame):
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    assert kind_of(tmp_path / name) == "sound" and list_media(tmp_path) == []


def test_all_else_is_what_its_name_says(tmp_path: Path) -> None:
    contents = {
        "notes.txt": (b"The wide road is free to all\n", "other"),
        "page.html": (b"<!DOCTYPE html>", "other"),
        "model.pth": (b"PK\3\4", "other"),
        "broken.jpg": (b"<html>not found</html>", "photo"),
        "broken.mp4": (b"<html>not found</html>", "clip"),
        "empty.jpg": (b"", "photo"),
        "noname": (b"", "other"),
        "raw.cr2": (b"II*\0\x10\0\0\0CR\2\0", "other"),
    }
    for name, (content, kind) in contents.items():
        (tmp_path / name).write_bytes(content)
        assert kind_of(tmp_path / name) == kind, name
    assert kind_of(tmp_path / "missing.mov") == "clip" and kind_of(tmp_path / "missing") == "other"
    assert kind_of(tmp_path) == "other"
    assert kind_of(only_sound(tmp_path / "sound.mp4")) == "clip"  # the reader says that it holds no picture


@pytest.mark.parametrize("suffix", ["webp", "png", "gif", "avif"])
def test_an_animation_is_a_clip_and_a_still_a_photo(tmp_path: Path, suffix: str) -> None:
    one, other = Image.fromarray(quarters()), Image.fromarray(quarters()[::-1])
    one.save(tmp_path / f"still.{suffix}")
    one.save(tmp_path / f"moving.{suffix}", save_all=True, append_images=[other])
    assert kind_of(tmp_path / f"still.{suffix}") == "photo"
    assert kind_of(tmp_path / f"moving.{suffix}") == "clip"


def test_hidden_twins_are_left_out(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), RED).save(tmp_path / "a.jpg")
    Image.new("RGB", (8, 8), BLUE).save(tmp_path / ".hidden.jpg")
    (tmp_path / "._a.jpg").write_bytes(b"\0\5\x16\7")
    (tmp_path / "__MACOSX").mkdir()
    Image.new("RGB", (8, 8), BLUE).save(tmp_path / "__MACOSX" / "b.jpg")
    assert [path.name for path in list_media(tmp_path)] == ["a.jpg"]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
@pytest.mark.parametrize(("kind", "options"), [("tga", {}), ("tga", {"compression": "tga_rle"}), ("pcx", {})])
@pytest.mark.parametrize("name", ["photo", "photo.jpg", "photo.tga"])
def test_targa_and_paintbrush_are_photos_of_any_name(
    tmp_path: Path, mode: str, kind: str, options: dict, name: str
) -> None:
    if kind == "pcx" and mode == "RGBA":
        pytest.skip("PCX has no transparency")
    image = Image.fromarray(quarters()).convert(mode)
    image.save(tmp_path / name, kind, **options)
    assert kind_of(tmp_path / name) == "photo"
    assert np.abs(read_image(tmp_path / name).astype(int) - np.asarray(image.convert("RGB"))).max() <= 1
