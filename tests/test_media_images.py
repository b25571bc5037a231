"""Photos of every kind, whole and broken: one kind of array, or one kind of error."""

import builtins
import os
import random
import sys
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from helpers.pictures import BLUE, GREEN, RED, broken_files, png, profile, quarters
from helpers.tiny import save_noise
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageCms

from workoutlib.media import images
from workoutlib.media.images import as_rgb, check_image, encode_jpeg, read_image
from workoutlib.utils.errors import WorkoutlibError


def assert_like(pixels: np.ndarray, expected: np.ndarray, tolerance: int = 30) -> None:
    assert pixels.dtype == np.uint8 and pixels.shape == expected.shape and pixels.flags.c_contiguous
    assert np.abs(pixels[2:-2, 2:-2].astype(int) - expected[2:-2, 2:-2]).mean() < tolerance / 4


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("plain.jpg", {}),
        ("progressive.jpg", {"progressive": True}),
        ("plain.png", {}),
        ("plain.webp", {"lossless": True}),
        ("plain.bmp", {}),
        ("plain.tiff", {}),
        ("plain.ppm", {}),
        ("WRONG.png", {"format": "JPEG"}),
        ("with 'quotes' \"and\" spaces é 日本 💪.jpg", {}),
    ],
)
def test_formats_and_names_give_the_same_picture(tmp_path: Path, name: str, options: dict) -> None:
    if os.name == "nt":
        name = name.replace('"', "")
    Image.fromarray(quarters()).save(tmp_path / name, **options)
    assert_like(read_image(tmp_path / name), quarters())
    assert check_image(tmp_path / name) is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux allows any byte in a file name")
@pytest.mark.parametrize("name", [b"\xff\xfe squat.jpg", b"two\nlines.jpg"])
def test_names_of_any_bytes(tmp_path: Path, name: bytes) -> None:
    path = tmp_path / os.fsdecode(name)
    Image.fromarray(quarters()).save(path, "JPEG")
    assert_like(read_image(path), quarters())
    path.write_bytes(b"broken")
    with pytest.raises(WorkoutlibError) as caught:
        read_image(path)
    assert "\n" not in str(caught.value)
    str(caught.value).encode("utf-8")  # can be printed and stored


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I", "I;16", "F"])
def test_every_mode_shows_the_same_grey(mode: str) -> None:
    grey = np.full((8, 8), 255 if mode == "1" else 128, np.uint8)
    if mode == "I;16":
        image = Image.fromarray(grey.astype(np.uint16) * 257)
    elif mode == "I":
        image = Image.fromarray(grey.astype(np.int32) * 257)
    elif mode == "F":
        image = Image.fromarray(grey.astype(np.float32) / 255)
    else:
        image = Image.fromarray(grey).convert("RGB" if mode == "CMYK" else mode[:1] if mode == "PA" else mode)
        image = image.convert(mode)
    assert image.mode == mode
    assert np.abs(as_rgb(image).astype(int) - grey[..., None]).max() <= 1


def test_16_bit_files_are_scaled_not_clipped(tmp_path: Path) -> None:
    ramp = np.tile(np.arange(0, 65536, 256, dtype=np.uint16), (4, 1))
    for name in ("ramp.png", "ramp.tiff"):
        Image.fromarray(ramp).save(tmp_path / name)
        pixels = read_image(tmp_path / name)
        assert np.abs(pixels[0, :, 0].astype(int) - np.arange(256)).max() <= 1


def test_float_and_signed_pictures_use_their_own_range() -> None:
    values = np.array([[-5.0, 0.0, 15.0, np.nan]], np.float32)
    assert as_rgb(Image.fromarray(values))[0, :, 0].tolist() == [0, 64, 255, 64]
    assert as_rgb(Image.fromarray(np.full((2, 2), -7.0, np.float32))).max() == 0


def test_cmyk_and_lab_files(tmp_path: Path) -> None:
    Image.fromarray(quarters()).convert("CMYK").save(tmp_path / "cmyk.jpg", quality=95)
    assert_like(read_image(tmp_path / "cmyk.jpg"), quarters())
    lab = Image.merge("LAB", [Image.new("L", (8, 8), value) for value in (136, 208, 195)])
    lab.save(tmp_path / "lab.tiff")
    red, green, blue = read_image(tmp_path / "lab.tiff")[4, 4]
    assert red > 200 and green < 60 and blue < 60


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_laid_on_white(tmp_path: Path, mode: str) -> None:
    if mode == "P":
        image = Image.new("P", (10, 10), 0)
        image.putpalette([0, 0, 0, 9, 9, 9])
        image.paste(1, (5, 0, 10, 10))
        image.save(tmp_path / "alpha.png", transparency=1)
    else:
        image = Image.new("RGBA", (10, 10), (0, 0, 0, 0))
        image.paste((0, 0, 0, 255), (0, 0, 5, 10))
        image.convert(mode).save(tmp_path / "alpha.png")
    pixels = read_image(tmp_path / "alpha.png")
    assert (pixels[:, :5] == 0).all() and (pixels[:, 5:] == 255).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tiff"])
def test_every_exif_orientation_comes_upright(tmp_path: Path, orientation: int, suffix: str) -> None:
    upright = quarters()
    stored = {  # how the camera stores what is upright as `upright`
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.swapaxes(0, 1),
        6: np.rot90(upright),
        7: np.rot90(upright, 2).swapaxes(0, 1),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"turned{suffix}"
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif.tobytes())
    assert_like(read_image(path), upright)
    with Image.open(path) as image:
        assert_like(as_rgb(image), upright)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "I;16", "1"])
@pytest.mark.parametrize("orientation", [3, 6])
def test_turned_tiffs_of_every_mode_come_upright(tmp_path: Path, mode: str, orientation: int) -> None:
    upright = quarters()
    rgb = Image.fromarray(np.ascontiguousarray(np.rot90(upright, 1 if orientation == 6 else 2)))
    stored = rgb.quantize() if mode == "P" else (rgb.convert("L") if mode == "I;16" else rgb).convert(mode)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "turned.tiff", exif=exif)
    stored.save(tmp_path / "plain.tiff")
    found, expected = read_image(tmp_path / "turned.tiff"), read_image(tmp_path / "plain.tiff")
    assert np.array_equal(found, np.rot90(expected, -1 if orientation == 6 else 2))


def test_broken_exif_does_not_cost_the_picture(tmp_path: Path) -> None:
    junk = b"Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff" + bytes(range(256))
    Image.fromarray(quarters()).save(tmp_path / "exif.jpg", exif=junk)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_like(read_image(tmp_path / "exif.jpg"), quarters())


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_animations_give_their_first_frame(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (16, 12), colour) for colour in (RED, GREEN, BLUE)]
    path = tmp_path / f"animated{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:], lossless=True)
    assert np.abs(read_image(path).astype(int) - RED).max() < 6


def test_extreme_sizes(tmp_path: Path) -> None:
    for size in ((1, 1), (20_000, 10), (10, 20_000)):
        Image.new("RGB", size, RED).save(tmp_path / "extreme.png")
        assert read_image(tmp_path / "extreme.png").shape == (size[1], size[0], 3)


def test_large_photos_are_read_and_bombs_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = Image.MAX_IMAGE_PIXELS
    (tmp_path / "bomb.png").write_bytes(png(30_000, 30_000, b"\0" * 1000))
    with pytest.raises(WorkoutlibError, match=r"30000 × 30000 pixels.*limit of 205 million"):
        read_image(tmp_path / "bomb.png")
    # 200 megapixels, above Pillow's own limit, pass the check: this one then fails for its lack of data.
    (tmp_path / "phone.png").write_bytes(png(16_320, 12_240, b"\0" * 1000))
    with pytest.raises(WorkoutlibError, match=r"truncated|broken"):
        read_image(tmp_path / "phone.png")
    assert limit == Image.MAX_IMAGE_PIXELS
    monkeypatch.setattr(images, "DRAFT_PIXELS", 40 * 60 // 4)
    Image.fromarray(quarters(80, 120)).save(tmp_path / "large.jpg")
    assert_like(read_image(tmp_path / "large.jpg"), quarters(20, 30))


def test_broken_files_give_one_clear_line(tmp_path: Path) -> None:
    for reason, path in broken_files(tmp_path).items():
        with pytest.raises(WorkoutlibError, match=reason) as caught:
            read_image(str(path))
        assert path.name in str(caught.value) and "\n" not in str(caught.value)
        assert reason in check_image(path)
        with pytest.raises(WorkoutlibError, match=reason):
            as_rgb(path)


@pytest.mark.parametrize("format", ["PNG", "GIF", "BMP", "TIFF", "WEBP", "JPEG", "JPEG2000"])
def test_a_file_cut_anywhere_never_crashes(tmp_path: Path, format: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "whole", format)
    data = (tmp_path / "whole").read_bytes()
    reasons = []
    for length in range(1, len(data) - len(data) // 8, max(len(data) // 40, 1)):
        (tmp_path / "cut").write_bytes(data[:length])
        reasons.append(check_image(tmp_path / "cut"))
    # JPEG 2000 shows a cut picture at a lower quality, and GIF's first rows can be all there is.
    assert all(reasons) or format == "JPEG2000"
    assert any(reasons)


@pytest.mark.slow
def test_corrupted_files_read_or_say_why(tmp_path: Path) -> None:
    """A small fuzz run with a fixed budget; any exception that is not ours fails it."""
    chance = random.Random(7)
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8))
    outcomes = set()
    for format in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM"):
        noise.save(tmp_path / "seed", format)
        seed = (tmp_path / "seed").read_bytes()
        for _ in range(60):
            data = bytearray(seed)
            for _ in range(chance.choice((1, 4, 20))):
                data[chance.randrange(min(len(data), chance.choice((40, 400, 4000))))] = chance.randrange(256)
            (tmp_path / "fuzzed").write_bytes(data)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                outcomes.add(check_image(tmp_path / "fuzzed") is None)
    assert outcomes == {True, False}


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX files")
def test_links_pipes_and_permissions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link.jpg").symlink_to(tmp_path / "gone.jpg")
    assert check_image(tmp_path / "link.jpg") == "a link to nothing"
    (tmp_path / "self.jpg").symlink_to(tmp_path / "self.jpg")
    assert check_image(tmp_path / "self.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    assert check_image(tmp_path / "pipe.jpg") == "not a regular file"

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    Image.fromarray(quarters()).save(tmp_path / "mine.jpg")
    monkeypatch.setattr(Path, "open", refuse)  # a test may run as root, whom no mode keeps out
    assert check_image(tmp_path / "mine.jpg") == "no permission to read it"


def test_heic_without_its_decoder_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 64)
    importing = builtins.__import__

    def without_heif(name: str, *rest: object) -> object:
        if name == "pi_heif":
            raise ImportError(name)
        return importing(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_heif)
    with pytest.raises(WorkoutlibError, match="pip install pi-heif"):
        read_image(tmp_path / "phone.heic")


def test_as_rgb_takes_arrays_of_every_allowed_shape() -> None:
    grey = np.full((4, 5), 51, np.uint8)
    for array in (grey, grey[..., None], np.dstack([grey] * 3), grey / 255, (grey / 255).astype(np.float32)):
        assert as_rgb(array).shape == (4, 5, 3) and (as_rgb(array) == 51).all()
    see_through = np.dstack([grey] * 3 + [np.zeros_like(grey)])
    assert (as_rgb(see_through) == 255).all()
    turned = quarters().swapaxes(0, 1)
    assert as_rgb(turned).flags.c_contiguous and (as_rgb(turned) == turned).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((4, 5, 2), np.uint8), r"not \(4, 5, 2\)"),
        (np.zeros((3, 4, 5), np.uint8), "Channels come last"),
        (np.zeros(7, np.uint8), r"not \(7,\)"),
        (np.zeros((0, 5, 3), np.uint8), "none may be empty"),
        (np.zeros((4, 5), np.int64), "not int64"),
        (np.zeros((4, 5), bool), "not bool"),
        (np.full((4, 5), 2.0), r"not 2..2"),
        (np.full((4, 5), -0.1), r"0..1"),
        (np.full((4, 5), np.nan), "nan"),
        (np.array([["a"]]), "uint8 or float"),
        ([[1, 2]], "not list"),
        (None, "not NoneType"),
        (Image.new("RGB", (0, 5)), "no pixels"),
    ],
)
def test_as_rgb_says_what_is_wrong(wrong: object, message: str) -> None:
    with pytest.raises(WorkoutlibError, match=message):
        as_rgb(wrong)


def test_as_rgb_of_a_lazy_broken_image(tmp_path: Path) -> None:
    path = broken_files(tmp_path)["truncated"]
    with Image.open(path) as image, pytest.raises(WorkoutlibError, match="truncated"):
        as_rgb(image)


@settings(max_examples=50, deadline=None)
@given(arrays(np.float64, (3, 4, 3), elements=st.floats(0, 1)))
def test_float_and_uint8_agree(values: np.ndarray) -> None:
    assert (as_rgb(values) == as_rgb((values * 255).round().astype(np.uint8))).all()


# Display P3's primaries in XYZ, and sRGB's to XYZ, both relative to D50
P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])


def in_p3(pixels: np.ndarray) -> np.ndarray:
    """sRGB pixels (H, W, 3) as a phone stores them, in Display P3 with a gamma of 2.2."""
    signal = pixels / 255
    light = np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)
    wide = light @ (np.linalg.inv(np.array(P3).T) @ SRGB).T
    return (255 * wide.clip(0, 1) ** (1 / 2.2)).round().astype(np.uint8)


@pytest.mark.parametrize(
    ("suffix", "mode"), [("png", "RGB"), ("jpg", "RGB"), ("webp", "RGB"), ("png", "RGBA"), ("tif", "RGB")]
)
def test_a_photo_with_a_colour_profile_comes_in_srgb(tmp_path: Path, suffix: str, mode: str) -> None:
    stored = Image.fromarray(in_p3(quarters())).convert(mode)
    options = {"quality": 98} if suffix in ("jpg", "webp") else {}
    stored.save(tmp_path / f"p3.{suffix}", icc_profile=profile(P3, 2.2), **options)
    stored.save(tmp_path / f"bare.{suffix}", **options)
    seen, bare = read_image(tmp_path / f"p3.{suffix}"), read_image(tmp_path / f"bare.{suffix}")
    for y in (8, 40):
        for x in (8, 56):
            assert np.abs(seen[y, x].astype(int) - quarters()[y, x]).max() <= 6
    assert np.abs(bare.astype(int) - quarters()).max() > 20  # without its profile the same file looks otherwise


@pytest.mark.parametrize("mode", ["L", "LA", "I;16", "RGB"])
def test_linear_light_under_a_profile_comes_in_srgb(tmp_path: Path, mode: str) -> None:
    """Grey with a grey profile, and colours whose profile is called sRGB and is linear."""
    grey = np.repeat(np.array([[60, 128, 200, 250]]), 4, 0)
    light = (((grey / 255) + 0.055) / 1.055) ** 2.4
    deep = Image.fromarray((light * 65535).round().astype(np.uint16))
    stored = deep if mode == "I;16" else Image.fromarray((light * 255).round().astype(np.uint8)).convert(mode)
    icc = profile(tuple(SRGB.T), 1.0, b"sRGB linear") if mode == "RGB" else profile((), 1.0)
    stored.save(tmp_path / "a.png", icc_profile=icc)
    assert np.abs(read_image(tmp_path / "a.png") - grey[..., None]).max() <= 3


@pytest.mark.parametrize("broken", [b"no profile", profile(P3, 2.2)[:200], b"\0" * 3000])
def test_a_broken_profile_costs_nothing(tmp_path: Path, broken: bytes) -> None:
    Image.fromarray(quarters()).save(tmp_path / "a.png", icc_profile=broken)
    assert (read_image(tmp_path / "a.png") == quarters()).all()


def test_an_srgb_profile_changes_no_pixel(tmp_path: Path) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(quarters()).save(tmp_path / "a.png", icc_profile=srgb)
    assert (read_image(tmp_path / "a.png") == quarters()).all()


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_eight_bits_stored_as_32_keep_their_grey(tmp_path: Path, kind: type) -> None:
    grey = np.array([[20, 100, 180, 240]] * 4)
    Image.fromarray(grey.astype(kind)).save(tmp_path / "a.tif")
    assert (read_image(tmp_path / "a.tif") == grey[..., None]).all()


@pytest.mark.parametrize("mode", ["P", "RGB", "L"])
def test_a_colour_that_stands_for_nothing_is_white(tmp_path: Path, mode: str) -> None:
    """PNG and GIF may name one colour, or one entry of the palette, as transparent."""
    image = Image.fromarray(quarters()).convert(mode, palette=Image.Palette.ADAPTIVE)
    clear = image.getpixel((0, 0))
    expected = np.array(image.convert("RGB"))
    expected[:24, :32] = 255
    for suffix in ("png", "gif") if mode == "P" else ("png",):
        image.save(tmp_path / f"a.{suffix}", transparency=clear)
        assert np.array_equal(read_image(tmp_path / f"a.{suffix}"), expected), suffix


def test_a_palette_with_a_transparency_for_each_entry(tmp_path: Path) -> None:
    image = Image.fromarray(quarters()).convert("P", palette=Image.Palette.ADAPTIVE)
    alpha = bytearray(b"\xff" * 256)
    alpha[image.getpixel((0, 0))] = 128
    image.save(tmp_path / "a.png", transparency=bytes(alpha))
    mixed = np.array(image.convert("RGB").getpixel((0, 0))) * (128 / 255) + 255 * (127 / 255)
    assert np.abs(read_image(tmp_path / "a.png")[10, 10] - mixed).max() <= 1


@pytest.mark.parametrize("name", ["a.jpg.crdownload", "a.jpg.part", "a.jpg.download", "A.JPG.PARTIAL"])
def test_an_unfinished_download_is_called_so(tmp_path: Path, name: str) -> None:
    whole = save_noise(tmp_path / "whole.jpg", size=(640, 480)).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WorkoutlibError, match=r"an unfinished download.*Wait for its end"):
        read_image(tmp_path / name)
    (tmp_path / name).write_bytes(whole)  # it is whole, but its name was kept
    assert read_image(tmp_path / name).shape == (480, 640, 3)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "jp2"])
def test_an_end_of_zeros_is_told(tmp_path: Path, suffix: str) -> None:
    """Download programs and file systems reserve a file's space before its content comes."""
    whole = save_noise(tmp_path / f"whole.{suffix}", size=(640, 480)).read_bytes()
    half = len(whole) // 2
    (tmp_path / f"a.{suffix}").write_bytes(whole[:half] + bytes(len(whole) - half))
    with pytest.raises(WorkoutlibError, match="whose last 50 % are zeros"):
        read_image(tmp_path / f"a.{suffix}")
    if suffix in ("jpg", "webp"):  # some devices fill the last block of a whole file with zeros
        (tmp_path / f"a.{suffix}").write_bytes(whole + bytes(20_000))
        assert np.array_equal(read_image(tmp_path / f"a.{suffix}"), read_image(tmp_path / f"whole.{suffix}"))


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_a_download_under_way_is_no_picture_that_is_half_grey(tmp_path: Path, suffix: str) -> None:
    whole = save_noise(tmp_path / f"whole.{suffix}", size=(640, 480)).read_bytes()
    half, path = len(whole) // 2, tmp_path / f"a.{suffix}.part"
    path.write_bytes(whole[:half] + bytes(len(whole) - half))
    with pytest.raises(WorkoutlibError, match="truncated, it is an unfinished download"):
        read_image(path)
    path.write_bytes(whole)
    assert np.array_equal(read_image(path), read_image(tmp_path / f"whole.{suffix}"))


def test_a_recovered_photo_may_have_more_behind_it_and_zeros(tmp_path: Path) -> None:
    """Recovery programs copy whole blocks of a card, and what was left in them."""
    whole = save_noise(tmp_path / "whole.jpg", size=(640, 480)).read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole + b"of another file" + bytes(20_000))
    assert np.array_equal(read_image(tmp_path / "a.jpg"), read_image(tmp_path / "whole.jpg"))


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"8BPS\0\1", "a Photoshop document"),
        (b"\xff\x0a\x7f", "a JPEG XL file"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL file"),
        (b'<?xml version="1.0"?>\n<!-- made by hand -->\n<svg xmlns="http://www.w3.org/2000/svg">', "an SVG drawing"),
        (b"gimp xcf v011\0", "a document of GIMP"),
        (b"v/1\x01\x02", "an OpenEXR file"),
        (b"II*\0\x10\0\0\0CR\x02\0", "a camera's raw file"),
        (b"FUJIFILMCCD-RAW 0201", "a camera's raw file"),
    ],
)
@pytest.mark.parametrize("name", ["a.jpg", "a.psd"])
def test_what_is_no_photo_is_named_with_advice(tmp_path: Path, head: bytes, what: str, name: str) -> None:
    (tmp_path / name).write_bytes(head + b"\1" * 500)
    with pytest.raises(WorkoutlibError, match=rf"{what}, not a picture\. Export it as JPEG or PNG"):
        read_image(tmp_path / name)


def test_a_jpeg_for_a_page_has_the_pictures_colours():
    pixels = np.zeros((24, 32, 3), np.uint8)
    pixels[:, :16], pixels[:, 16:] = (250, 20, 10), (10, 30, 240)
    decoded = np.asarray(Image.open(BytesIO(encode_jpeg(pixels))))
    assert decoded.shape == pixels.shape and np.abs(decoded.astype(int) - pixels)[:, [4, 28]].max() < 12
    assert len(encode_jpeg(pixels, 20)) < len(encode_jpeg(pixels, 95))


@pytest.mark.parametrize("name", ["a.ico", "a.jpg", "a.qoi", "a.sgi", "a.dds", "a.xbm"])
def test_other_kinds_of_pictures_are_named(tmp_path: Path, name: str) -> None:
    kind = {"jpg": "ico"}.get(name[2:], name[2:])
    Image.fromarray(quarters()).convert("1" if kind == "xbm" else "RGB").save(tmp_path / name, kind)
    with pytest.raises(WorkoutlibError, match=rf"this kind \({kind.upper()}\) are not read\. Export it as JPEG"):
        read_image(tmp_path / name)


def test_a_photo_of_an_iphone(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")  # which writes, too
    heif.register_heif_opener()
    Image.fromarray(quarters()).save(tmp_path / "a.heic", quality=95)
    assert_like(read_image(tmp_path / "a.heic"), quarters(), 8)
