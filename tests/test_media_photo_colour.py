"""Photos in other colours than sRGB's, however they say so, look as their sRGB copy."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from helpers.pictures import profile, quarters
from PIL import Image

from workoutlib.media.images import read_image

# Primaries relative to D50, as ICC profiles have them; columns X, Y, Z
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
DISPLAY_P3 = ((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407))
ADOBE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
TO_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])


def linear() -> np.ndarray:
    signal = quarters() / 255
    return np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)


def stored(light: np.ndarray, gamma: float, bits: int = 8) -> np.ndarray:
    return ((2**bits - 1) * np.clip(light, 0, 1) ** (1 / gamma)).round().astype(np.uint8 if bits == 8 else np.uint16)


def in_primaries(primaries: tuple) -> np.ndarray:
    return linear() @ np.array(SRGB) @ np.linalg.inv(np.array(primaries))


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_with(path: Path, pixels: np.ndarray, extra: bytes) -> Path:
    """A PNG of 8 or 16 bits with a chunk after its header."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.astype(pixels.dtype.newbyteorder(">")).tobytes() for row in pixels)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8 * pixels.itemsize, 2, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
    return path


def error(path: Path, expected: np.ndarray | None = None) -> int:
    expected = quarters() if expected is None else expected
    return int(np.abs(read_image(path).astype(int) - expected).max())


def pq(light: np.ndarray) -> np.ndarray:
    power = (np.clip(203 * light, 0, None) / 10_000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)


def hlg(scene: np.ndarray) -> np.ndarray:
    scene = np.clip(0.265 * scene, 0, 1)
    upper = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), upper)


def test_adobe_rgb_by_exif_alone(tmp_path: Path) -> None:
    """As cameras write it ("_DSC0001.JPG"): no profile, but the interoperability index R03."""
    exif = Image.Exif()
    exif[0x8769] = {0xA001: 65535, 0xA005: {1: "R03"}}
    image = Image.fromarray(stored(in_primaries(ADOBE), 2.19921875))
    image.save(tmp_path / "a.jpg", quality=98, subsampling=0, exif=exif)
    image.save(tmp_path / "without.jpg", quality=98, subsampling=0)
    assert error(tmp_path / "a.jpg") < 12 < 60 < error(tmp_path / "without.jpg")


def test_a_linear_profile_that_is_called_srgb(tmp_path: Path) -> None:
    named = profile(SRGB, 1.0).replace(b"a test", b"sRGB l")
    Image.fromarray(stored(linear(), 1.0)).save(tmp_path / "a.png", icc_profile=named)
    assert error(tmp_path / "a.png") <= 3


def test_a_turned_photo_with_a_profile(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = np.ascontiguousarray(np.rot90(stored(in_primaries(DISPLAY_P3), 2.2)))
    Image.fromarray(turned).save(tmp_path / "a.png", icc_profile=profile(DISPLAY_P3, 2.2), exif=exif)
    assert error(tmp_path / "a.png") <= 4


@pytest.mark.parametrize("mode", ["L", "LA"])
@pytest.mark.parametrize("gamma", [1.0, 1.8])
def test_grey_photos_with_a_profile(tmp_path: Path, mode: str, gamma: float) -> None:
    grey = np.asarray(Image.fromarray(quarters()).convert("L"))
    light = np.where(grey / 255 <= 0.04045, grey / 255 / 12.92, ((grey / 255 + 0.055) / 1.055) ** 2.4)
    curve = b"curv\0\0\0\0" + struct.pack(">IHH", 1, round(gamma * 256), 0)
    whole = profile(SRGB, gamma)
    place = whole.index(curve)
    tags = b"".join(
        name + struct.pack(">II", at, size)
        for name, at, size in ((b"wtpt", whole.index(b"XYZ \0\0\0\0"), 20), (b"kTRC", place, len(curve)))
    )
    # the table of tags is written over: a grey profile has its white and one curve
    made = whole[:16] + b"GRAY" + whole[20:128] + struct.pack(">I", 2) + tags + whole[132 + len(tags) :]
    image = Image.fromarray(stored(light, gamma)).convert(mode)
    image.save(tmp_path / "a.png", icc_profile=made)
    assert error(tmp_path / "a.png", grey[..., None]) <= 3


@pytest.mark.parametrize(
    ("primaries", "transfer", "pixels", "limit"),
    [
        (12, 13, lambda: stored(in_primaries(DISPLAY_P3), 2.2), 8),
        (1, 8, lambda: stored(linear(), 1.0), 3),
        (9, 16, lambda: stored(pq(linear() @ TO_2020.T), 1.0, bits=16), 24),
        (9, 18, lambda: stored(hlg(linear() @ TO_2020.T), 1.0, bits=16), 24),
    ],
)
def test_a_png_that_states_its_colours(tmp_path: Path, primaries: int, transfer: int, pixels, limit: int) -> None:
    path = png_with(tmp_path / "a.png", pixels(), chunk(b"cICP", bytes([primaries, transfer, 0, 1])))
    assert error(path) <= limit and np.abs(read_image(path) - quarters().astype(int)).mean() < 6


@pytest.mark.parametrize(("chunks", "limit"), [((b"gAMA",), 3), ((b"gAMA", b"sRGB"), 60)])
def test_a_png_that_states_a_gamma(tmp_path: Path, chunks: tuple, limit: int) -> None:
    """sRGB overrules it."""
    data = {b"gAMA": struct.pack(">I", 100_000), b"sRGB": b"\0"}
    path = png_with(tmp_path / "a.png", stored(linear(), 1.0), b"".join(chunk(kind, data[kind]) for kind in chunks))
    assert limit - 30 < error(path) <= limit


def test_an_avif_that_is_hdr(tmp_path: Path) -> None:
    """Pillow writes sRGB's numbers: those of PQ and BT.2020 take their place."""
    image = Image.fromarray(stored(pq(linear() @ TO_2020.T), 1.0))
    try:
        image.save(tmp_path / "a.avif", quality=98, subsampling="4:4:4")
    except (KeyError, ValueError, OSError):
        pytest.skip("this Pillow writes no AVIF")
    data = (tmp_path / "a.avif").read_bytes()
    assert data.count(b"colrnclx\0\x01\0\x0d") == 1
    (tmp_path / "a.avif").write_bytes(data.replace(b"colrnclx\0\x01\0\x0d", b"colrnclx\0\x09\0\x10"))
    assert np.abs(read_image(tmp_path / "a.avif") - quarters().astype(int)).mean() < 8
