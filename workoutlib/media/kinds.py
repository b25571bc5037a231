"""What a file is, by its content first and only then by its name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from workoutlib.media.animations import animation_frames
from workoutlib.media.images import AVIF_BRANDS, HEIF_BRANDS, IMAGE_SUFFIXES, TGA
from workoutlib.utils.paths import list_files

Kind = Literal["photo", "clip", "sound", "other"]

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".qt", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".vob", ".ts", ".mts", ".m2ts"}
    | {".wmv", ".asf", ".flv", ".f4v", ".3gp", ".3g2", ".ogv", ".mxf", ".dv", ".h264", ".hevc"}
)
SOUND_SUFFIXES = frozenset(
    {".mp3", ".m4a", ".m4b", ".aac", ".wav", ".flac", ".ogg", ".oga", ".opus", ".wma", ".aif", ".aiff", ".amr", ".mka"}
)
_HEAD = 1024  # bytes that are looked at
# Bytes that files of a kind begin with, as a pattern; "." is any byte.
_SIGNATURES: tuple[tuple[Kind, bytes], ...] = (
    ("photo", rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF....WEBP|\0\0\0\x0cjP  "),
    ("photo", rb"\x0a[\0\x02-\x05]\x01[\x01\x02\x04\x08]|" + TGA),  # PCX, and TGA
    ("sound", rb"ID3|fLaC|RIFF....WAVE|FORM....AIF|#!AMR|....ftypM4[AB]|\xff[\xf1\xf9\xfa\xfb\xf2\xf3]"),
    ("clip", rb"\0...(ftyp|moov|wide|pnot|free|skip)|....mdat|\x1a\x45\xdf\xa3|RIFF....AVI |FLV\x01"),
    ("clip", rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11|\x06\x0e\x2b\x34|DKIF|YUV4MPEG2|\x1f\x07\0"),
    ("clip", rb"\0\0\0?\x01[\xba\xb3\xb0\x67\x27\x47\x09\x40\x46]"),  # MPEG-1, -2, -4, H.264, HEVC without a container
    ("clip", rb"\x47.{187}\x47.{187}\x47|....\x47.{191}\x47.{191}\x47"),  # transport streams
)


def kind_of(path: str | Path) -> Kind:
    """Whether a file is a photo, a clip (animations too) or sound; "other" for all else.

    A file that is not there, or says nothing by its content, is what its name says.
    """
    path = Path(path)
    found = _whatever_moves(path, head := _head(path))
    return "clip" if found == "photo" and _may_move(head) and animation_frames(path) else found


def is_picture(path: str | Path) -> bool:
    """Whether a file is a photo or an animated picture: by its name, else by its content.

    The name comes first as data sets have many files, and to open each of them takes minutes on a network drive; what
    is no picture under a picture's name is told when it is decoded.
    """
    path = Path(path)
    return path.suffix.lower() in IMAGE_SUFFIXES or _whatever_moves(path, _head(path)) == "photo"


def is_clip(path: str | Path) -> bool:
    """Whether `path` is a clip by its content, or named like one; an animation is one if it has several frames."""
    return kind_of(path) == "clip"


def list_media(folder: str | Path) -> list[Path]:
    """Every photo and clip below `folder`, sorted; hidden names are left out.

    Raises:
        WorkoutlibError: the folder, or one inside it, cannot be listed.
    """
    return [path for path in list_files(folder) if kind_of(path) in ("photo", "clip")]


def _whatever_moves(path: Path, head: bytes) -> Kind:
    """What a file is by its first bytes or else its name, where animated pictures are photos too."""
    suffix = path.suffix.lower()
    if found := _by_content(head):
        return found
    if suffix in IMAGE_SUFFIXES:
        return "photo"
    return "clip" if suffix in VIDEO_SUFFIXES else "sound" if suffix in SOUND_SUFFIXES else "other"


def _by_content(head: bytes) -> Kind | None:
    if head[4:8] == b"ftyp" and head[8:12] in HEIF_BRANDS | AVIF_BRANDS:
        return "photo"
    if head.startswith(b"OggS"):
        return "clip" if re.search(rb"theora|OVP80|BBCD", head[:256]) else "sound"
    return next((kind for kind, pattern in _SIGNATURES if re.match(pattern, head, re.DOTALL)), None)


def _may_move(head: bytes) -> bool:
    return head.startswith((b"GIF8", b"\x89PNG")) or head[8:12] in (b"WEBP", b"avis")


def _head(path: Path) -> bytes:
    """The first bytes of a regular file; none where it cannot be read."""
    try:
        if not path.is_file():  # opening a named pipe would wait for ever
            return b""
        with path.open("rb") as file:
            return file.read(_HEAD)
    except (OSError, ValueError):
        return b""
