"""What a file is that was taken for something else: by its first bytes, in words, with what to do about it."""

from __future__ import annotations

import re
import zipfile
from contextlib import suppress
from pathlib import Path

_HEAD = 1024
# Names that browsers and download programs give to what has not come whole.
_PARTIAL = frozenset({".crdownload", ".part", ".partial", ".download", ".opdownload", ".!ut", ".aria2", ".filepart"})
_BLOCK, _CHUNK = 10_240, 1 << 20  # bytes: so many zeros belong to the end of a tar
ZIP, TAR = "a zip file", "a tar archive"
_SAVED_PAGE = "Download the file itself: this is what a site answered instead, a login page or an error perhaps"
_UNPACK = "Unpack it first"
_EXPORT = "Give the checkpoint that it was made from, or save the model's weights: torch.save(model.state_dict(), FILE)"
_FROM_KERAS = "Train the model here, or convert its weights to PyTorch first"
_PICTURE = "Export it as JPEG or PNG"
# (pattern of the first bytes, what such a file is, what to do); "." is any byte
_FOREIGN: tuple[tuple[bytes, str, str], ...] = (
    (rb"(?i)(\xef\xbb\xbf)?\s*(<!doctype html|<html|<head|<script)", "a web page", _SAVED_PAGE),
    (rb"version https://git-lfs", "a pointer of Git LFS", "Fetch the file: git lfs pull"),
    (rb"%PDF-", "a PDF document", _PICTURE),
    (rb"8BPS", "a Photoshop document", _PICTURE),
    (rb"gimp xcf ", "a document of GIMP", _PICTURE),
    (rb"\x76\x2f\x31\x01", "an OpenEXR file", _PICTURE),
    (rb"#\?(RADIANCE|RGBE)", "a Radiance file", _PICTURE),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "a PostScript document", _PICTURE),
    (rb"II\*\0.{4}CR\x02|....ftypcrx |FUJIFILMCCD-RAW|FOVb|IIU\0|IIR[OS]", "a camera's raw file", _PICTURE),
    (rb".{128}DICM", "a medical picture (DICOM)", _PICTURE),
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "a JPEG XL file", _PICTURE),
    (rb"(?i)\s*(<\?xml.*?)?(<!--.*?-->\s*)?(<!doctype svg.*?)?<svg", "an SVG drawing", _PICTURE),
    (rb"#EXTM3U|ffconcat version", "a playlist", "Give the clips that it lists"),
    (rb"(\xef\xbb\xbf)?1\r?\n\d\d:\d\d:\d\d,\d+ -->|WEBVTT", "subtitles", "Give the clip that they belong to"),
    (rb"PK\x03\x04|PK\x05\x06", ZIP, _UNPACK),
    (rb"\x1f\x8b", "a gzip archive", _UNPACK),
    (rb"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (rb"Rar!", "a RAR archive", _UNPACK),
    (rb".{257}ustar", TAR, _UNPACK),
    (rb"\x89HDF\r\n", "a model of Keras", _FROM_KERAS),
    (rb"....TFL3", "a model of TensorFlow Lite", _FROM_KERAS),
    (rb"\x08[\x03-\x0f]\x12.{1,2}(pytorch|onnx|tf2onnx|keras|skl2onnx)", "an ONNX export", _EXPORT),
    (rb"(\xef\xbb\xbf)?\s*(\{\s*[\"}]|\[\s*[\"{\[\d])", "a text in JSON", _SAVED_PAGE),
    (rb"\0{1024}", "nothing but zeros", "Fetch it again: a download or a copy was interrupted"),
)


# Of zip files: a pattern of the names in it, what such a file is where weights are wanted, and what to do.
_ZIPPED = (
    (r"/constants\.pkl", "a TorchScript export", _EXPORT),
    (r"model\.weights\.h5", "a model of Keras", _FROM_KERAS),
    (r"\.(pth|pt|ckpt|safetensors)\b", "a zip file with a checkpoint in it", _UNPACK),
)
_PICTURE_HEAD = rb"\xff\xd8\xff|\x89PNG|RIFF....WEBP"


def first_bytes(path: str | Path) -> bytes:
    """The first kilobyte of a file."""
    with open(path, "rb") as file:
        return file.read(_HEAD)


def foreign_content(path: str | Path) -> tuple[str, str] | None:
    """What a file is, and what to do, if its first bytes tell; None for pictures, clips and all that is not known.

    Of those that came only in part this is told too (`unfinished`).
    """
    try:
        head = first_bytes(path)
    except (OSError, ValueError):
        return None
    found = (entry for entry in _FOREIGN if re.match(entry[0], head, re.DOTALL))
    return next(((what, f"{advice}.") for _, what, advice in found), None) or unfinished(path)


def unfinished(path: str | Path) -> tuple[str, str] | None:
    """What a file is that could not be read whole, if it came only in part, and what to do: by its name or its end."""
    path = Path(path)
    if path.suffix.lower() in _PARTIAL:
        return "an unfinished download", "Wait for its end, or fetch it again."
    try:
        size, kept = path.stat().st_size, without_zeros(path)
    except OSError:
        return None
    zeros = size - kept
    if zeros <= _BLOCK:
        return None
    share = f"{100 * zeros / size:.0f} %" if zeros >= size / 100 else f"{zeros:,} bytes"
    return f"a file whose last {share} are zeros, as a download leaves it that was interrupted", "Fetch it again."


def without_zeros(path: Path) -> int:
    """Length of a file in bytes without the zeros at its end."""
    end = path.stat().st_size
    with path.open("rb") as file:
        length = _BLOCK
        while end > 0:
            start = max(end - length, 0)
            file.seek(start)
            if left := len(file.read(end - start).rstrip(b"\0")):
                return start + left
            end, length = start, _CHUNK
    return 0


def not_weights(path: str | Path) -> tuple[str, str] | None:
    """As `foreign_content`, of a file that PyTorch does not read as weights."""
    with suppress(Exception), zipfile.ZipFile(path) as archive:  # a damaged one raises nearly anything
        names = "|".join(archive.namelist())
        return next(((what, f"{advice}.") for pattern, what, advice in _ZIPPED if re.search(pattern, names)), None)
    if re.match(_PICTURE_HEAD, first_bytes(path), re.DOTALL):
        return "a picture", "Give a .pth file."
    found = foreign_content(path)
    return unfinished(path) if found and found[0] in (ZIP, TAR) else found  # PyTorch's own formats, damaged
