"""Animated WebP, PNG and AVIF are clips with their own times."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from workoutlib.media.images import read_image
from workoutlib.media.video_reader import probe_clip, read_frames

SUFFIXES = ["webp", "png", "gif", *(["avif"] if features.check("avif") else [])]


def save(path: Path, *, duration: object, **options: object) -> list[tuple[int, int, int]]:
    """Ten frames of one colour each, which are returned."""
    colours = [(20 * i, 255 - 20 * i, 90) for i in range(10)]
    first, *rest = [Image.new("RGB", (64, 48), colour) for colour in colours]
    first.save(path, save_all=True, append_images=rest, duration=duration, **options)
    return colours


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_frame_comes_at_its_time(tmp_path: Path, suffix: str) -> None:
    colours = save(tmp_path / f"a.{suffix}", duration=[40, 80, *[40] * 7, 200])
    frames = read_frames(tmp_path / f"a.{suffix}")
    found = list(frames)
    assert [time for time, _ in found] == pytest.approx([0, 0.04, *np.arange(0.12, 0.41, 0.04)], abs=0.002)
    assert frames.end == pytest.approx(0.6, abs=0.002)
    for (_, frame), colour in zip(found, colours, strict=True):
        assert frame.shape == (48, 64, 3) and np.abs(frame.astype(int) - colour).max() < 8
    info = probe_clip(tmp_path / f"a.{suffix}")
    assert (info.width, info.height) == (64, 48)
    assert info.duration == pytest.approx(0.6, abs=0.002)
    assert info.frames_per_second == pytest.approx(10 / 0.6, rel=0.01)


def test_frames_without_a_duration_are_shown_as_browsers_do(tmp_path: Path) -> None:
    save(tmp_path / "a.webp", duration=0)
    frames = read_frames(tmp_path / "a.webp", stride=3)
    assert [time for time, _ in frames] == pytest.approx([0, 0.3, 0.6, 0.9])
    assert frames.end == pytest.approx(1.0)
    assert probe_clip(tmp_path / "a.webp").frames_per_second == pytest.approx(10)


def test_the_picture_for_programs_without_animation_is_left_out(tmp_path: Path) -> None:
    colours = save(tmp_path / "a.png", duration=40, default_image=True)
    found = [tuple(frame[0, 0]) for _, frame in read_frames(tmp_path / "a.png")]
    assert found == colours[1:]


def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    frames = [Image.new("RGBA", (16, 16), (255, 0, 0, alpha)) for alpha in (0, 255)]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], duration=50, lossless=True)
    found = [tuple(frame[0, 0]) for _, frame in read_frames(tmp_path / "a.webp")]
    assert found == [(255, 255, 255), (255, 0, 0)]


def test_where_no_frame_of_a_webp_reaches_is_white(tmp_path: Path) -> None:
    """Some programs leave out the flag for alpha where each frame, smaller than the whole, is opaque."""
    frames = [Image.new("RGBA", (64, 48), (0, 0, 0, 0)) for _ in range(2)]
    for frame, colour in zip(frames, ("red", "blue"), strict=True):
        frame.paste(colour, (0, 0, 32, 48))
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], duration=50, lossless=True)
    assert not (tmp_path / "a.webp").read_bytes()[20] & 0x10
    found = [(tuple(frame[24, 10]), tuple(frame[24, 50])) for _, frame in read_frames(tmp_path / "a.webp")]
    assert found == [((255, 0, 0), (255, 255, 255)), ((0, 0, 255), (255, 255, 255))]
    assert tuple(read_image(tmp_path / "a.webp")[24, 50]) == (255, 255, 255)


def test_a_cut_animation_says_what_is_missing(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (10, 48, 64, 3), dtype=np.uint8)
    first, *rest = map(Image.fromarray, noise)
    first.save(tmp_path / "a.png", save_all=True, append_images=rest, duration=100)
    data = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(data[: len(data) // 2])
    frames = read_frames(tmp_path / "a.png")
    with pytest.warns(UserWarning, match=r"[56] of 10 frames are missing \(from 0.[45]0 s to the end at 1.00 s\)"):
        count = len(list(frames))
    assert frames.end == pytest.approx(count / 10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        next(read_frames(tmp_path / "a.png"))
