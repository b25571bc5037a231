"""Pictures with known content, whole and broken."""

import os
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

RED, GREEN, BLUE, WHITE = (220, 30, 40), (30, 200, 60), (20, 60, 210), (255, 255, 255)


def quarters(height: int = 48, width: int = 64) -> np.ndarray:
    """A picture whose four quarters differ, so that every turn and mirroring shows."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2], pixels[: height // 2, width // 2 :] = RED, GREEN
    pixels[height // 2 :, : width // 2], pixels[height // 2 :, width // 2 :] = BLUE, WHITE
    return pixels


def png(width: int, height: int, rows: bytes = b"") -> bytes:
    """A PNG of any stated size, with a valid header whatever it holds."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def broken_files(folder: Path) -> dict[str, Path]:
    """One file of each way to be broken, by what the error must say."""
    whole = folder / "whole.jpg"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(whole)
    data = whole.read_bytes()
    kinds = {"empty": b"", "truncated": data[: len(data) // 2], "not a picture": b"just text\n" * 9}
    paths = {}
    for name, content in kinds.items():
        paths[name] = folder / f"{name}.jpg"
        paths[name].write_bytes(content)
    (folder / "folder.jpg").mkdir()
    # A program that a Pillow plug-in would hand to Ghostscript.
    (folder / "program.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    return paths | {
        "no such file": folder / "missing.jpg",
        "a folder": folder / "folder.jpg",
        "a PostScript document": folder / "program.jpg",
    }


STRANGE_NAMES = [
    "a b.jpg",
    'it\'s "quoted".jpg',
    "new\nline.jpg",
    "💪 curl.jpg",
    "=1+1.jpg",
    "-x.jpg",
    "#50%?.jpg",
    "<b>bold<br>.jpg",
    "ünï.jpg",
    os.fsdecode(b"caf\xe9.jpg"),  # no text in UTF-8
]


def save_strangely_named(folder: Path) -> Path:
    """A new folder of photos with names that break what does not expect them; outside of Linux the possible ones."""
    names = STRANGE_NAMES if sys.platform.startswith("linux") else ["a b.jpg", "it's.jpg", "=1+1.jpg", "ünï.jpg"]
    folder.mkdir()
    for name in names:
        Image.fromarray(quarters()).save(folder / name, "JPEG")
    return folder


def profile(primaries: tuple, gamma: float, text: bytes = b"a test") -> bytes:
    """An ICC profile (version 2) of three primaries (X, Y, Z) relative to D50; without any, of grey."""

    def number(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    curve = b"curv\0\0\0\0" + struct.pack(">IHH", 1, round(gamma * 256), 0)
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text) + 1) + text + b"\0" * 79,
        b"cprt": b"text\0\0\0\0none\0\0\0\0",
        b"wtpt": b"XYZ \0\0\0\0" + b"".join(map(number, (0.9642, 1.0, 0.8249))),
    }
    for name, primary in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=False):
        tags[name] = b"XYZ \0\0\0\0" + b"".join(map(number, primary))
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC") if primaries else (b"kTRC",), curve)
    table, data, place = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        content += b"\0" * (-len(content) % 4)
        table += name + struct.pack(">II", place + len(data), len(content))
        data += content
    head = struct.pack(
        ">I4sI4s4s4s",
        128 + len(table) + len(data),
        b"\0\0\0\0",
        0x02400000,
        b"mntr",
        b"RGB " if primaries else b"GRAY",
        b"XYZ ",
    )
    head += b"\0" * 12 + b"acsp" + b"\0" * 28 + b"".join(map(number, (0.9642, 1.0, 0.8249)))
    return head.ljust(128, b"\0") + table + data
