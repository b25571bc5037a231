"""What a file is that was taken for something else: by its first bytes, in words, with what to do about it."""

from __future__ import annotations

import re
from pathlib import Path

_HEAD = 1024
_SAVED_PAGE = "Download the file itself: this is what a site answered instead, a login page or an error perhaps"
_UNPACK = "Unpack it first"
_WEIGHTS = "Save the weights of its PyTorch model: torch.save(model.state_dict(), FILE)"
_PICTURE = "Export it as JPEG or PNG"
# (pattern of the first bytes, what such a file is, what to do); "." is any byte
_FOREIGN: tuple[tuple[bytes, str, str], ...] = (
    (rb"(?i)(\xef\xbb\xbf)?\s*(<!doctype html|<html|<head|<script)", "a web page", _SAVED_PAGE),
    (rb"version https://git-lfs", "a pointer of Git LFS", "Fetch the file: git lfs pull"),
    (rb"%PDF-", "a PDF document", _PICTURE),
    (rb"8BPS", "a Photoshop document", _PICTURE),
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "a JPEG XL file", _PICTURE),
    (rb"(?i)\s*(<\?xml.*?)?(<!--.*?-->\s*)?(<!doctype svg.*?)?<svg", "an SVG drawing", _PICTURE),
    (rb"#EXTM3U|ffconcat version", "a playlist", "Give the clips that it lists"),
    (rb"(\xef\xbb\xbf)?1\r?\n\d\d:\d\d:\d\d,\d+ -->|WEBVTT", "subtitles", "Give the clip that they belong to"),
    (rb"PK\x03\x04|PK\x05\x06", "a zip file", _UNPACK),
    (rb"\x1f\x8b", "a gzip archive", _UNPACK),
    (rb"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (rb"Rar!", "a RAR archive", _UNPACK),
    (rb".{257}ustar", "a tar archive", _UNPACK),
    (rb"\x89HDF\r\n", "an HDF5 file of Keras or others", _WEIGHTS),
    (rb"....TFL3", "a TensorFlow Lite model", _WEIGHTS),
    (rb"\x08[\x03-\x0f]\x12.{1,2}(pytorch|onnx|tf2onnx|keras|skl2onnx)", "an ONNX model", _WEIGHTS),
    (rb"(\xef\xbb\xbf)?\s*(\{\s*[\"}]|\[\s*[\"{\[\d])", "a text in JSON", _SAVED_PAGE),
    (rb"\0{1024}", "nothing but zeros", "Fetch it again: a download or a copy was interrupted"),
)


def foreign_content(path: str | Path) -> tuple[str, str] | None:
    """What a file is, and what to do, if its first bytes tell; None for pictures, clips and all that is not known."""
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD)
    except (OSError, ValueError):
        return None
    found = (entry for entry in _FOREIGN if re.match(entry[0], head, re.DOTALL))
    return next(((what, f"{advice}.") for _, what, advice in found), None)
