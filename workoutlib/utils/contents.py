"""What a file is that was taken for something else: by its first bytes, in words, with what to do about it."""

from __future__ import annotations

import codecs
import re
import tarfile
import zipfile
from contextlib import suppress
from pathlib import Path

_HEAD = 1024
# Names that browsers and download programs give to what has not come whole.
_PARTIAL = frozenset({".crdownload", ".part", ".partial", ".download", ".opdownload", ".!ut", ".aria2", ".filepart"})
_BLOCK, _CHUNK = 10_240, 1 << 20  # bytes: so many zeros belong to the end of a tar
ZIP, TAR, TEXT, JSON = "a zip file", "a tar archive", "a text", "a text in JSON"
PICKLE = "Python objects (a pickle)"
_SAVED_PAGE = "Download the file itself: this is what a site answered instead, a login page or an error perhaps"
_UNPACK = "Unpack it first"
_EXPORT = "Give the checkpoint that it was made from, or save the model's weights: torch.save(model.state_dict(), FILE)"
_OTHER = "Give a file of another kind"
_FROM_KERAS = "Train the model here, or convert its weights to PyTorch first"
_PICTURE = "Export it as JPEG or PNG"
_CLIP = "Export it as MP4"
_JOIN = "Join the parts with the program that made them, and unpack that"
_CSV = 'Open it in the spreadsheet, and save it as "CSV UTF-8"'
_RAW = "a camera's raw file"
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
    (rb"II\*\0.{4}CR\x02|....ftypcrx |FUJIFILMCCD-RAW|FOVb|IIU\0|IIR[OS]", _RAW, _PICTURE),
    (rb".{128}DICM", "a medical picture (DICOM)", _PICTURE),
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "a JPEG XL file", _PICTURE),
    (rb"(?i)\s*(<\?xml.*?)?(<!--.*?-->\s*)?(<!doctype svg.*?)?<svg", "an SVG drawing", _PICTURE),
    (rb"#EXTM3U|ffconcat version", "a playlist", "Give the clips that it lists"),
    (rb"(\xef\xbb\xbf)?1\r?\n\d\d:\d\d:\d\d,\d+ -->|WEBVTT", "subtitles", "Give the clip that they belong to"),
    (rb"\.RMF|nut/multimedia|[FCZ]WS[\x01-\x40]|\x12\0\x0a", "a video of a kind that is not read", _CLIP),
    (rb"DKIF.{12}(\0{4}|.{4}\0{4})", "a video that states no frame rate", "Export it with one"),
    (rb"....(styp|sidx|moof)", "a segment of a stream, without its beginning", "Join it to the stream's first file"),
    (rb"PK\x03\x04|PK\x05\x06", ZIP, _UNPACK),
    (rb"PK\x07\x08", "a part of a zip file in several files", _JOIN),
    (rb"\x1f\x8b", "a gzip archive", _UNPACK),
    (rb"\xfd7zXZ\0|BZh[1-9]1AY|\x28\xb5\x2f\xfd|\x04\x22\x4d\x18|MSCF", "a compressed archive", _UNPACK),
    (rb"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (rb"Rar!", "a RAR archive", _UNPACK),
    (rb".{257}ustar", TAR, _UNPACK),
    (rb"\x89HDF\r\n", "an HDF5 file, as Keras stores models", _FROM_KERAS),
    (rb"GGUF", "a language model (GGUF)", _OTHER),
    (rb"\x93NUMPY", "an array of NumPy", _OTHER),
    (rb"ftrt", "an engine of TensorRT", _EXPORT),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a workbook of a spreadsheet, or another old document of Office", _CSV),
    (rb"\{\\rtf", "a text with formats (RTF)", "Save it as plain text"),
    (rb"SQLite format 3|PAR1", "a database", "Export its table as CSV"),
    (rb"....TFL3", "a model of TensorFlow Lite", _FROM_KERAS),
    (rb"\x08[\x03-\x0f]\x12.{1,2}(pytorch|onnx|tf2onnx|keras|skl2onnx)", "an ONNX export", _EXPORT),
    (rb"(\xef\xbb\xbf)?\s*(\{\s*[\"}]|\[\s*[\"{\[\d])", JSON, _SAVED_PAGE),
    (rb"\0{1024}", "nothing but zeros", "Fetch it again: a download or a copy was interrupted"),
)

# Of archives: a pattern of the names in it, what such a file is, and what to do.
_PACKED = (
    (r"/constants\.pkl", "a TorchScript export", _EXPORT),
    (r"model\.weights\.h5", "a model of Keras", _FROM_KERAS),
    (r"(^|\|)xl/", "a workbook of a spreadsheet", _CSV),
    (r"(^|\|)(word|ppt)/", "a document of Office", "Save its pictures, or its text, as files of their own"),
    (r"\.npy(\||$)", "arrays of NumPy", _OTHER),
    (r"\.(pth|pt|ckpt|safetensors)\b", "an archive with a checkpoint in it", _UNPACK),
)
# Kinds without a mark of their own, or with TIFF's: (pattern of the name, what such a file is, what to do).
_NAMED = (
    (r"\.(nef|nrw|arw|sr2|dng|pef|raw|3fr|erf|kdc|dcr|mos|mef)", _RAW, _PICTURE),
    (r"\.(z\d\d|\d{3}|part\d+\.rar)", "a part of an archive in several files", _JOIN),
    (r"\.(pb|index|data-\d+-of-\d+)", "a model of TensorFlow", _FROM_KERAS),
    (r"\.(msgpack|params|caffemodel|weights|pdparams)", "a model of another framework", _FROM_KERAS),
    (r"\.(mlmodel|mlpackage)", "a model of Core ML", _EXPORT),
    (r"\.(joblib|pkl|pickle)", PICKLE, _OTHER),
)
_PICTURE_HEAD = rb"\xff\xd8\xff|\x89PNG|RIFF....WEBP"


def first_bytes(path: str | Path) -> bytes:
    """The first kilobyte of a file."""
    with open(path, "rb") as file:
        return file.read(_HEAD)


def foreign_content(path: str | Path) -> tuple[str, str] | None:
    """What a file is, and what to do, if its first bytes or its name tell; None for all that is not known.

    Of those that came only in part this is told too (`unfinished`). Only a file that could not be read is asked.
    """
    try:
        head = first_bytes(path)
    except (OSError, ValueError):
        return None
    name = Path(path).name.lower()
    found = next((entry for entry in _FOREIGN if re.match(entry[0], head, re.DOTALL)), None)
    named = next((entry for entry in _NAMED if re.search(f"{entry[0]}$", name)), None)
    if known := found if found and (not named or found[2] != _UNPACK) else named:  # a part of an archive begins as one
        _, what, advice = known
        packed = _packed(path) if what in (ZIP, TAR) else None
        return packed or (unfinished(path) if what == ZIP else None) or (what, f"{advice}.")
    return unfinished(path) or ((TEXT, f"{_OTHER}.") if _is_text(head) else None)


def _packed(path: str | Path) -> tuple[str, str] | None:
    """What an archive is by the names in it; None where they do not tell, or it cannot be read."""
    names: list[str] = []
    with suppress(Exception):  # a damaged one raises nearly anything
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
        else:
            with tarfile.open(path) as tar:
                names = tar.getnames()
    found = (entry for entry in _PACKED if re.search(entry[0], "|".join(names)))
    return next(((what, f"{advice}.") for _, what, advice in found), None)


def _is_text(head: bytes) -> bool:
    with suppress(UnicodeDecodeError):
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # its last letter may be cut
        return bool(text) and all(letter.isprintable() or letter.isspace() for letter in text)
    return False


def unfinished(path: str | Path) -> tuple[str, str] | None:
    """What a file is that could not be read whole, if it came only in part, and what to do: by its name or its end."""
    path = Path(path)
    if path.suffix.lower() in _PARTIAL:
        return "an unfinished download", "Wait for its end, or fetch it again."
    try:
        if first_bytes(path).startswith(b"PK\x03\x04") and not zipfile.is_zipfile(path):  # their index is at the end
            return "a file without its end, as a download leaves it that was interrupted", "Fetch it again."
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
    if zipfile.is_zipfile(path):  # PyTorch's own format, or another
        return _packed(path)
    if re.match(_PICTURE_HEAD, first_bytes(path), re.DOTALL):
        return "a picture", "Give a .pth file."
    found = foreign_content(path)
    return None if found and found[0] == TAR else found  # an old format of PyTorch's own, damaged


def decode_text(data: bytes) -> str:
    """Text in UTF-8, UTF-16 or UTF-32, as its mark in front or its zeros say; else as old Windows programs write it.

    Raises:
        UnicodeDecodeError: zeros as in UTF-16, but not its text.
    """
    if data.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return data.decode("utf-32")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    if len(data) % 2 == 0 and 0 in data[:2] and data[:2] != b"\0\0":  # without a mark
        return data.decode("utf-16-le" if data[1] == 0 else "utf-16-be")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")
