"""Photos of any format, mode, orientation and size, read into one kind of array: uint8 RGB (H, W, 3)."""

from __future__ import annotations

import io
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageCms, ImageOps

from workoutlib.media.photo_colour import Stated, in_srgb, stated_colours
from workoutlib.media.tiff import TIFF, choose_page, read_odd_tiff
from workoutlib.utils.contents import TEXT, foreign_content, unfinished, without_zeros
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.paths import require_file, shown

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
    | {".ppm", ".pgm", ".pnm", ".jp2", ".mpo", ".heic", ".heif", ".avif", ".tga", ".pcx"}
)

#: Largest picture that is read, in pixels. Phones reach 200 million; a "decompression bomb"
#: of a few kilobytes can hold billions and would fill the memory.
MAX_PIXELS = 204_800_000
#: JPEGs above this are decoded at half, quarter or eighth size, where the format does it for free.
DRAFT_PIXELS = 50_000_000
# Pillow's list without the formats that run another program (EPS starts Ghostscript) or hold no photo.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "MPO", "PPM", "JPEG2000", "AVIF", "HEIF", "PCX")
#: How a TGA file begins, which has no signature: its kind, and how deep its pixels are.
TGA = rb".\0[\x02\x03\x0a\x0b]\0{5}.{8}[\x08\x0f\x10\x18\x20][\0-\x08\x20-\x28]"
TGA += rb"|.\x01[\x01\x09].{4}[\x18\x20].{8}\x08[\0\x20]"  # with a colour map
#: Kinds of files that begin as an MP4 does and hold a picture.
HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"})
AVIF_BRANDS = frozenset({b"avif", b"avis"})
_JPEG_BEGINS, _JPEG_ENDS = b"\xff\xda", b"\xff\xd9"  # of a scan, and of the whole picture
_EXPORT = "Export it as JPEG or PNG."
_pillow_limit = threading.Lock()


#: What every function that looks at one picture takes: a path, a PIL image, or an array (`as_rgb`).
Picture = np.ndarray | Image.Image | str | Path


class UnreadableImage(WorkoutlibError):
    """A picture that cannot be read; `reason` says why in a few words, for tables."""

    def __init__(self, path: str | Path, reason: str, advice: str = "Replace it or take it out.") -> None:
        super().__init__(f"Cannot read the picture {shown(path)}: {reason}. {advice}")
        self.reason = reason


def read_image(path: str | Path) -> np.ndarray:
    """Read any photo as uint8 RGB (H, W, 3), upright as its EXIF orientation says.

    Animations give their first frame, TIFFs their first page, with a note if there are more; transparency is laid on
    white; 16-bit and float pictures are scaled to 8 bits; a JPEG above `DRAFT_PIXELS` comes at half, quarter or eighth
    size.

    Raises WorkoutlibError when there is no such readable file, when it is empty, truncated
    or no picture, or when it has more than `MAX_PIXELS` pixels.
    """
    path = Path(path)
    require_file(path, UnreadableImage)
    try:
        with _open(path) as image:
            pages = choose_page(image) if image.format == "TIFF" else 1  # first: each has a size of its own
            if not pages:
                raise UnreadableImage(path, "a camera's raw file, of which only a thumbnail is a picture", _EXPORT)
            if pages > 1:
                warnings.warn(f"The picture {shown(path)} has {pages} pages: the first is read", stacklevel=2)
            if image.width * image.height > MAX_PIXELS:
                size = f"{image.width} × {image.height} pixels are above the limit of {MAX_PIXELS / 1e6:.0f} million"
                raise UnreadableImage(path, size, "Scale it down first.")
            if image.width * image.height > DRAFT_PIXELS:
                _draft(image)
            _require_whole(path, image.format)
            return _pil_to_rgb(image, stated_colours(path))
    except WorkoutlibError:
        raise
    except MemoryError as cause:
        raise UnreadableImage(path, "not enough memory for it", "Scale it down first.") from cause
    # A broken file can raise nearly anything inside Pillow's decoders (OSError, SyntaxError,
    # struct.error, KeyError, ...): to the caller they all say that the picture cannot be read.
    except Exception as cause:
        reason = "truncated" if "truncated" in str(cause).lower() else f"broken ({cause})"
        if found := unfinished(path):
            raise UnreadableImage(path, f"{reason}, it is {found[0]}", found[1]) from cause
        raise UnreadableImage(path, reason) from cause


def _require_whole(path: Path, kind: str | None) -> None:
    """Refuse a JPEG or WebP with zeros in place of its end, which decoders take for a picture that is grey there."""
    if kind not in ("JPEG", "MPO", "WEBP") or not (found := unfinished(path)):
        return
    data = path.read_bytes()
    if kind == "WEBP":
        complete = without_zeros(path) > int.from_bytes(data[4:8], "little") - 56  # a stretch of zeros may be its own
    else:  # neither mark can be within a picture; other things may follow it
        complete = data.rfind(_JPEG_ENDS) > data.rfind(_JPEG_BEGINS)
    if not complete:
        raise UnreadableImage(path, f"truncated, it is {found[0]}", found[1])


def check_image(path: str | Path) -> str | None:
    """None if `read_image` reads the picture, else the reason in a few words."""
    try:
        read_image(path)
    except UnreadableImage as error:
        return error.reason
    return None


def as_rgb(image: Picture) -> np.ndarray:
    """Any picture as uint8 RGB (H, W, 3): a path, a PIL image, or an array.

    Arrays are (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), uint8 in 0..255 or float in 0..1;
    the fourth channel is alpha, laid on white. Raises WorkoutlibError for anything else.
    """
    match image:
        case str() | Path():
            return read_image(image)
        case Image.Image():
            try:
                return _pil_to_rgb(image)
            except OSError as cause:  # Pillow decodes late: the file behind the image may be broken
                raise WorkoutlibError(f"Cannot decode the picture: {cause}. Replace it.") from cause
        case np.ndarray():
            return _array_to_rgb(image)
    raise WorkoutlibError(f"A picture is a path, a PIL image or an array, not {type(image).__name__}.")


def _open(path: Path) -> Image.Image:
    """Open with Pillow, with the help of pi-heif where it is needed."""
    with path.open("rb") as file:
        head = file.read(32)
    brand = head[8:12] if head[4:8] == b"ftyp" else b""
    if brand in HEIF_BRANDS:
        try:
            import pi_heif
        except ImportError as cause:
            advice = "Install the decoder: pip install pi-heif"
            raise UnreadableImage(path, "HEIC without a decoder", advice) from cause
        pi_heif.register_heif_opener()
    Image.init()
    if brand in AVIF_BRANDS and "AVIF" not in Image.OPEN:
        advice = 'Install a newer decoder: pip install "pillow>=11.3"'
        raise UnreadableImage(path, "AVIF without a decoder", advice)
    try:
        with _without_pillow_limit():
            loose = ("TGA",) if re.match(TGA, head, re.DOTALL) else ()  # else it would be anything
            formats = [name for name in (*_FORMATS, *loose) if name in Image.OPEN]
            return Image.open(for_pillow(path), formats=formats)
    except Image.UnidentifiedImageError as cause:
        if head.startswith(TIFF) and (image := _by_opencv(path)):
            return image
        found = foreign_content(path)
        if (found is None or found[0] == TEXT) and (kind := _other_kind(path)):
            raise UnreadableImage(path, f"pictures of this kind ({kind}) are not read", _EXPORT) from cause
        if found:
            raise UnreadableImage(path, f"{found[0]}, not a picture", found[1]) from cause
        raise UnreadableImage(path, "not a picture, or its header is broken") from cause


def for_pillow(path: Path) -> Path | io.BytesIO:
    """A file as Pillow reads it rightly: by its path, unless it is a TIFF or an animated WebP.

    Of the path of a TIFF that is turned and not compressed, Pillow mixes the pixels up. An animated WebP may be
    transparent where its frames do not reach and not say so.
    """
    with path.open("rb") as file:
        head = file.read(21)
        if head[8:16] == b"WEBPVP8X" and head[20] & 0x12 == 0x02:  # of its flags, animation and alpha
            head = head[:20] + bytes([head[20] | 0x10])
        elif not head.startswith(TIFF):
            return path
        return io.BytesIO(head + file.read())


def _other_kind(path: Path) -> str | None:
    """The name of a format that Pillow knows, and that is not read here: icons, drawings, what science uses."""
    loose = {"TGA", "SPIDER"}  # without a signature
    with suppress(Exception), _without_pillow_limit(), warnings.catch_warnings():  # its header may be broken in any way
        warnings.simplefilter("ignore")
        return Image.open(path, formats=sorted(set(Image.OPEN) - loose)).format
    return None


def _by_opencv(path: Path) -> Image.Image | None:
    """A TIFF of a kind that Pillow does not know, such as colours as floats; None if OpenCV does not either."""
    pixels = read_odd_tiff(path, MAX_PIXELS)
    if pixels is None:
        return None
    if pixels.dtype != np.uint8:
        mode = "F" if pixels.dtype.kind == "f" else "I;16" if pixels.dtype.itemsize == 2 else "I"
        pixels = (255 * _deep_to_unit(pixels, mode)).round().astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(pixels))


@contextmanager
def _without_pillow_limit() -> Iterator[None]:
    """Lift Pillow's process-wide limit (179 million) while a header is read: `read_image` checks its own."""
    with _pillow_limit:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _draft(image: Image.Image) -> None:
    """Let the JPEG decoder scale down until the picture is at most `DRAFT_PIXELS`."""
    scale = next(s for s in (2, 4, 8) if image.width * image.height <= DRAFT_PIXELS * s * s)
    image.draft(None, (max(image.width // scale, 1), max(image.height // scale, 1)))


def _pil_to_rgb(image: Image.Image, stated: Stated | None = None) -> np.ndarray:
    """Upright uint8 RGB (H, W, 3) of a PIL image in any mode; `stated` as for `in_srgb`."""
    if image.width == 0 or image.height == 0:
        raise WorkoutlibError(f"The picture has no pixels: its size is {image.width} × {image.height}.")
    image = in_srgb(ImageOps.exif_transpose(image), stated)
    if image.mode[0] in "IF":
        return _array_to_rgb(_deep_to_unit(np.asarray(image), image.mode))
    if image.mode == "LAB":
        image = ImageCms.profileToProfile(  # type: ignore[assignment]  # None only with inPlace
            image, ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return np.array(image.convert("RGB"))


def _deep_to_unit(pixels: np.ndarray, mode: str) -> np.ndarray:
    """Grey values (H, W) of Pillow's deep modes as float32 in 0..1: by the least of 1, 255, 65535 that holds them.

    16-bit pictures go by their full range, those with negative or larger values by what they hold.
    """
    values = np.nan_to_num(pixels.astype(np.float32), posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    # Mode "I" is 32-bit, but Pillow also reads 16-bit files into it; some programs store 8 bits as 32, or as floats.
    ranges = {"I": (255.0, 65535.0), "F": (1.0, 255.0)}.get(mode, (65535.0,))
    full = next((each for each in ranges if high <= each), ranges[-1])
    if low < 0 or high > full:
        return (values - low) / (high - low) if high > low else np.zeros_like(values)
    return values / full


def _array_to_rgb(array: np.ndarray) -> np.ndarray:
    """uint8 RGB (H, W, 3) of a uint8 or float array with 1, 3 or 4 channels."""
    pixels = array[..., None] if array.ndim == 2 else array
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3, 4) or pixels.size == 0:
        text = f"A picture's array is (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), not {array.shape}."
        raise WorkoutlibError(text + " Channels come last, and none may be empty.")
    if np.issubdtype(pixels.dtype, np.floating):
        low, high = float(pixels.min()), float(pixels.max())
        if not (low >= 0 and high <= 1):  # also catches NaN
            raise WorkoutlibError(f"A float picture holds values in 0..1, not {low:.3g}..{high:.3g}.")
        pixels = (pixels * 255).round().astype(np.uint8)
    if pixels.dtype != np.uint8:
        raise WorkoutlibError(f"A picture's array is uint8 or float, not {array.dtype}. Convert it first.")
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    if pixels.shape[2] == 4:
        return _pil_to_rgb(Image.fromarray(np.ascontiguousarray(pixels)))
    return np.ascontiguousarray(pixels)


def encode_jpeg(pixels: np.ndarray, quality: int = 85) -> bytes:
    """uint8 RGB (H, W, 3) as a JPEG file, for a page."""
    return cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])[
        1
    ].tobytes()
