"""Boxes of MP4 files (ISO/IEC 14496-12), to be changed as other programs write them."""

import struct
from pathlib import Path


def find_box(data: bytes, *names: bytes) -> tuple[int, int]:
    """(place, length) of the first box of these names, each inside the one before."""
    start, end = 0, len(data)
    for name in names:
        while data[start + 4 : start + 8] != name:
            start += struct.unpack_from(">I", data, start)[0]
            assert start < end, f"no box {name!r}"
        place, length = start, struct.unpack_from(">I", data, start)[0]
        start, end = place + 8, place + length
    return place, length


def with_edits(source: Path, target: Path, edits: list[tuple[float, float | None]]) -> Path:
    """A copy of an MP4 whose first track has this edit list: (seconds, from where in the track; None: nothing)."""
    data = bytearray(source.read_bytes())
    place, length = find_box(data, b"moov", b"trak", b"edts")
    movie, _ = find_box(data, b"moov", b"mvhd")
    media, _ = find_box(data, b"moov", b"trak", b"mdia", b"mdhd")
    (ticks,), (own,) = (struct.unpack_from(">I", data, box + 20) for box in (movie, media))
    rows = [(round(seconds * ticks), -1 if at is None else round(at * own), 1, 0) for seconds, at in edits]
    table = struct.pack(">4sII", b"elst", 0, len(rows)) + b"".join(struct.pack(">Iihh", *row) for row in rows)
    box = struct.pack(">I4sI", 12 + len(table), b"edts", 4 + len(table)) + table
    data[place : place + length] = box
    longer = len(box) - length
    for names in ((b"moov",), (b"moov", b"trak")):
        outer, old = find_box(data, *names)
        struct.pack_into(">I", data, outer, old + longer)
    assert find_box(data, b"mdat")[0] < find_box(data, b"moov")[0], "places of samples would have to be moved"
    target.write_bytes(data)
    return target
