"""HDR and wide-gamut clips give the colours of their SDR copies; photos with a profile those of sRGB."""

from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from helpers.clips import write_with
from helpers.pictures import quarters

from workoutlib import gym
from workoutlib.media import colour
from workoutlib.media.colour import Later, ToRgb, ToSdr, rgb_of
from workoutlib.media.video_reader import read_frames

# Linear BT.709 to BT.2020, ITU-R BT.2087
TO_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])


def srgb(signal: np.ndarray) -> np.ndarray:
    return np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)


def bt1886(signal: np.ndarray) -> np.ndarray:
    return signal**2.4


def pq(nits: np.ndarray) -> np.ndarray:
    power = (np.clip(nits, 0, None) / 10_000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)


def hlg(scene: np.ndarray) -> np.ndarray:
    scene = np.clip(scene, 0, 1)
    upper = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), upper)


def graded(light: np.ndarray) -> np.ndarray:
    """HLG of display light, 1 at 203 cd/m², through the inverse of the system gamma of 1.2."""
    display = light * 0.203
    luminance = np.maximum(display @ [0.2627, 0.6780, 0.0593], 1e-9)
    return hlg(display * luminance[..., None] ** (1 / 1.2 - 1))


MAKERS = {
    "pq": (16, lambda light: pq(203 * light)),
    "pq, white at 100": (16, lambda light: pq(100 * light)),
    "hlg": (18, lambda light: hlg(0.265 * light)),
}


def write_wide(
    path: Path, pixels: np.ndarray, transfer: int, encode: Callable, linear: Callable = srgb, codec: str = "libx265"
) -> Path:
    """Five frames of an SDR picture as a 10-bit clip of BT.2020, as a phone would film it."""
    signal = encode(np.clip(linear(pixels / 255) @ TO_2020.T, 0, None))
    luma = signal @ [0.2627, 0.6780, 0.0593]
    blue, red = (signal[..., 2] - luma) / 1.8814, (signal[..., 0] - luma) / 1.4746
    halves = [plane.reshape(len(plane) // 2, 2, -1, 2).mean((1, 3)) for plane in (blue, red)]
    planes = [64 + 876 * luma, *(512 + 896 * half for half in halves)]
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25, options={"crf": "4", "x265-params": "log-level=none"})
        stream.height, stream.width, stream.pix_fmt = *pixels.shape[:2], "yuv420p10le"
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = 9, transfer, 9, 1
        for number in range(5):
            frame = av.VideoFrame(pixels.shape[1], pixels.shape[0], "yuv420p10le")
            for plane, values in zip(frame.planes, planes, strict=True):
                rows = np.frombuffer(plane, np.uint16).reshape(values.shape[0], -1)
                rows[:, : values.shape[1]] = values.round().clip(0, 1023)
            frame.pts, frame.colorspace, frame.color_range = number, 9, 1
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def gym_scene() -> np.ndarray:
    return gym.render_clip("squat", 3, frames=1, frames_per_second=10, size=(192, 128)).frames[0]


def ramps() -> np.ndarray:
    ramp = np.tile(np.linspace(0, 255, 128), (16, 1))
    dark = np.zeros_like(ramp)
    rows = [(ramp, ramp, ramp), (ramp, dark, dark), (dark, ramp, dark), (dark, dark, ramp)]
    return np.concatenate([np.stack(row, -1) for row in rows]).round().astype(np.uint8)


def errors(tmp_path: Path, pixels: np.ndarray, transfer: int, encode: Callable, linear: Callable) -> float:
    """Mean difference in grey levels between a clip and its SDR copy."""
    path = write_wide(tmp_path / "phone.mp4", pixels, transfer, encode, linear)
    frames = [frame for _, frame in read_frames(path)]
    sdr = next(read_frames(write_with(tmp_path / "sdr.mp4", [pixels] * 2)))[1]
    assert len(frames) == 5 and frames[0].shape == pixels.shape
    return float(np.abs(frames[2].astype(int) - sdr).mean())


@pytest.mark.parametrize("maker", ["pq", "hlg"])
@pytest.mark.parametrize("picture", [quarters, ramps, gym_scene])
def test_hdr_looks_as_its_sdr_copy(tmp_path: Path, maker: str, picture: Callable) -> None:
    assert errors(tmp_path, picture(), *MAKERS[maker], srgb) < 6


@pytest.mark.parametrize("maker", ["pq", "hlg"])
@pytest.mark.parametrize("picture", [quarters, ramps, gym_scene])
def test_large_frames_do_so_by_the_table(tmp_path: Path, maker: str, picture: Callable, monkeypatch) -> None:
    """Their edges are fewer for their size, so the picture is enlarged; 1080p would take longer."""
    monkeypatch.setattr(colour, "_LARGE", 0)
    assert errors(tmp_path, cv2.resize(picture(), None, fx=3, fy=3), *MAKERS[maker], srgb) < 6


@pytest.mark.parametrize(
    ("maker", "linear", "picture", "limit"),
    [
        ("pq", bt1886, quarters, 6),
        ("pq", bt1886, gym_scene, 6.5),
        ("pq, white at 100", srgb, ramps, 6.5),
        ("hlg", bt1886, ramps, 8),
    ],
)
def test_other_ways_to_make_it_stay_near(
    tmp_path: Path, maker: str, linear: Callable, picture: Callable, limit: float
) -> None:
    assert errors(tmp_path, picture(), *MAKERS[maker], linear) < limit


def test_hlg_that_was_graded_on_a_display_stays_near(tmp_path: Path) -> None:
    assert errors(tmp_path, quarters(), 18, graded, bt1886) < 10


def test_wide_gamut_without_hdr(tmp_path: Path) -> None:
    """BT.2020 of standard range, 10 bit."""
    assert errors(tmp_path, quarters(), 14, lambda light: light ** (1 / 2.4), bt1886) < 6


def test_sdr_is_read_as_before(tmp_path: Path) -> None:
    path = write_with(tmp_path / "sdr.mp4", [quarters()] * 2, pixels="yuv420p10le")
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        assert ToSdr.needed(frame, container.streams.video[0].codec_context) is None


def test_highlights_are_rolled_off_not_cut(tmp_path: Path) -> None:
    """A lamp of 1,000 cd/m² beside a white wall of 203: both bright, and not the same."""
    light = np.ones((48, 64, 3))
    light[:, 32:] = 5.0
    pixels = np.full((48, 64, 3), 255, np.uint8)
    path = write_wide(tmp_path / "lamp.mp4", pixels, 16, lambda _: pq(203 * light))
    frame = [frame for _, frame in read_frames(path)][2]
    wall, lamp = frame[:, 4:28].mean(), frame[:, 36:60].mean()
    assert 235 < wall < lamp - 2


@pytest.mark.parametrize(("height", "width"), [(47, 63), (48, 62), (50, 66)])
def test_sizes_that_are_odd(tmp_path: Path, height: int, width: int) -> None:
    pixels = quarters(48, 64)
    path = write_wide(tmp_path / "a.mp4", pixels, *MAKERS["pq"])
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        found = ToSdr.needed(frame, container.streams.video[0].codec_context)(frame, width, height)
    assert found.shape == (height, width, 3)
    assert np.abs(found[10].astype(int).mean(0) - pixels[10].mean(0)).max() < 25


@pytest.mark.parametrize("maker", ["pq", "hlg"])
def test_large_frames_by_the_table_look_as_small_ones(tmp_path: Path, maker: str, monkeypatch) -> None:
    path = write_wide(tmp_path / "a.mp4", gym_scene(), *MAKERS[maker])
    small = next(read_frames(path))[1].astype(int)
    monkeypatch.setattr(colour, "_LARGE", 0)
    large = next(read_frames(path))[1]
    assert np.abs(small - large).mean() < 3 and np.abs((small - large).mean((0, 1))).max() < 1.5


@pytest.mark.parametrize(("size", "matrix"), [((720, 1280), "ITU709"), ((1280, 720), "ITU709"), ((480, 640), "ITU601")])
def test_a_clip_without_a_matrix_is_read_as_players_do(tmp_path, size, matrix):
    colours = np.zeros((*size, 3), np.uint8)
    colours[: size[0] // 2], colours[size[0] // 2 :] = (200, 40, 30), (40, 160, 60)
    frame = av.VideoFrame.from_ndarray(colours, "rgb24").reformat(format="yuv420p", dst_colorspace=matrix)
    frame.colorspace, frame.color_range = 2, 0
    with av.open(str(tmp_path / "a.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        (stream.height, stream.width), stream.pix_fmt = size, "yuv420p"
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    (_, seen), *_ = read_frames(tmp_path / "a.mp4")
    for y in (size[0] // 4, 3 * size[0] // 4):
        assert np.abs(seen[y, 100].astype(int) - colours[y, 100]).max() <= 4


@pytest.mark.parametrize(("name", "codec", "pixels"), [("a.mov", "png", "rgba"), ("a.mkv", "ffv1", "bgra")])
def test_transparency_is_laid_on_white(tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    """As in photos; what colour the transparent pixels have does not show."""
    rgba = np.dstack([quarters(), np.full((48, 64), 255, np.uint8)])
    rgba[:24, :32, 3] = 0
    with av.open(str(tmp_path / name), "w") as out:
        stream = out.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        out.mux(stream.encode(av.VideoFrame.from_ndarray(rgba, format="rgba")))
        out.mux(stream.encode(None))
    expected = quarters()
    expected[:24, :32] = 255
    assert np.abs(next(read_frames(tmp_path / name))[1].astype(int) - expected).max() <= 1


@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
def test_the_transparency_of_webm_is_laid_on_white(tmp_path: Path, codec: str) -> None:
    """WebM keeps it in a picture of its own beside each packet; it moves here, so that frames and it must agree."""
    with av.open(str(tmp_path / "a.webm"), "w") as out:
        stream = out.add_stream(codec, rate=25, options={"auto-alt-ref": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuva420p"
        for number in range(12):
            rgba = np.dstack([quarters(), np.full((48, 64), 255, np.uint8)])
            rgba[:24, 4 * number : 4 * number + 16, 3] = 0
            out.mux(stream.encode(av.VideoFrame.from_ndarray(rgba, format="rgba")))
        out.mux(stream.encode(None))
    frames = list(read_frames(tmp_path / "a.webm"))
    assert [time for time, _ in frames] == pytest.approx([number / 25 for number in range(12)], abs=0.001)
    for number, (_, frame) in enumerate(frames):
        expected = quarters()
        expected[:24, 4 * number : 4 * number + 16] = 255
        assert np.abs(frame.astype(int) - expected).mean() < 6 and frame[10, 4 * number + 8].min() > 245


def test_half_transparent_frames_of_webm_are_mixed_with_white(tmp_path: Path) -> None:
    rgba = np.dstack([np.full((48, 64, 3), (200, 40, 40), np.uint8), np.full((48, 64), 128, np.uint8)])
    with av.open(str(tmp_path / "a.webm"), "w") as out:
        stream = out.add_stream("libvpx-vp9", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuva420p"
        out.mux(stream.encode(av.VideoFrame.from_ndarray(rgba, format="rgba")))
        out.mux(stream.encode(None))
    assert np.abs(next(read_frames(tmp_path / "a.webm"))[1].mean((0, 1)) - (227.5, 147.5, 147.5)).max() < 4


@pytest.mark.parametrize("kind", ["hlg", "sdr"])
def test_frames_that_nobody_looks_at_are_not_converted(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every second one waits until it is looked at; it looks the same then."""
    path = tmp_path / "a.mp4"
    if kind == "hlg":
        write_wide(path, gym_scene(), *MAKERS[kind])
    else:
        write_with(path, [quarters()] * 5)
    plain, converted = [frame for _, frame in read_frames(path)], []
    convert = ToRgb.__call__
    monkeypatch.setattr(ToRgb, "__call__", lambda self, *rest: converted.append(1) or convert(self, *rest))
    shots = [shot for _, shot in read_frames(path).sparing()]
    assert [isinstance(shot, Later) for shot in shots] == [False, True, False, True, False] and len(converted) == 3
    for shot, frame in zip(shots, plain, strict=True):
        assert np.array_equal(rgb_of(shot), frame) and rgb_of(shot) is rgb_of(shot)
    assert len(converted) == 5


def write_prores(path: Path, pixels: np.ndarray, transfer: int, primaries: int, matrix: int, encode: Callable) -> Path:
    """A clip whose container says what its colours are, but none of its frames does."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("prores_ks", rate=25)
        stream.height, stream.width, stream.pix_fmt = *pixels.shape[:2], "yuv422p10le"
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace = primaries, transfer, matrix
        signal = (65535 * encode(pixels / 255).clip(0, 1)).round().astype(np.uint16)
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(signal, format="rgb48le")
            frame = frame.reformat(format="yuv422p10le", dst_colorspace=matrix, dst_color_range=1)
            frame.pts, frame.colorspace = number, 2
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def test_hdr_that_the_container_alone_states(tmp_path: Path) -> None:
    pixels = gym_scene()

    def phone(picture: np.ndarray) -> np.ndarray:
        return hlg(0.265 * (srgb(picture) @ TO_2020.T).clip(0))

    _, frame = next(read_frames(write_prores(tmp_path / "a.mov", pixels, 18, 9, 9, phone)))
    assert np.abs(frame.astype(int) - pixels).mean() < 6


def test_a_matrix_that_the_container_alone_states(tmp_path: Path) -> None:
    pixels = quarters(96, 128)  # small: without a word it would be BT.601's
    _, frame = next(read_frames(write_prores(tmp_path / "a.mov", pixels, 1, 1, 1, lambda picture: picture)))
    assert np.abs(frame.astype(int) - pixels).mean() < 3
