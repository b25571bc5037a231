"""Whether a clip's file ends in the middle of something: what a recorder or a download that was cut off leaves.

Containers without a length in their header do not tell by it that they were cut. But each is a row of boxes, packets or
frames that state how long they are; where the last one goes on beyond the end of the file, the rest is missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

_HEAD, _TAIL = 1024, 262_144  # bytes
_SEGMENT, _CLUSTER = 0x18538067, 0x1F43B675  # of Matroska; what they hold is walked where they state no length
_PACKET = re.compile(rb"\0\0\x01[\xbb-\xff]")  # of a program stream
_ASF_FILE = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


def is_cut_off(path: Path) -> bool:
    """Whether the file ends before the last box, packet or frame in it does; False for containers not known here."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEAD)
        file.seek(max(size - _TAIL, 0))
        tail = file.read()
        for pattern, check in _CHECKS:
            if re.match(pattern, head, re.DOTALL):
                return check(file, head, tail, size)
    return False


def _walk(file: BinaryIO, place: int, size: int, length: Callable[[BinaryIO], int | None]) -> bool:
    """Whether a row of elements from `place` on leads beyond `size`; `length` reads one's head, None ends the walk."""
    while place < size:
        file.seek(place)
        step = length(file)
        if not step:
            return False
        place += step
    return place > size


def _mp4(file: BinaryIO, head: bytes, tail: bytes, size: int) -> bool:
    def box(file: BinaryIO) -> int | None:
        data = file.read(16)
        if not re.match(rb"[ -~\xa9]{4}", data[4:8]):
            return 8 if len(data) < 8 else None
        length = int.from_bytes(data[:4], "big")
        return int.from_bytes(data[8:16], "big") if length == 1 else length  # 0: to the end of the file

    return _walk(file, 0, size, box)


def _matroska(file: BinaryIO, head: bytes, tail: bytes, size: int) -> bool:
    def element(file: BinaryIO) -> int | None:
        data = file.read(16)
        if not data[0]:
            return None
        first = 9 - data[0].bit_length()
        if first > 4 or len(data) <= first or not data[first]:
            return None if first > 4 or len(data) > first else first + 1
        second = 9 - data[first].bit_length()
        value = int.from_bytes(data[first : first + second], "big") & ((1 << 7 * second) - 1)
        unknown = value == (1 << 7 * second) - 1
        into = int.from_bytes(data[:first], "big") in (_SEGMENT, _CLUSTER) and unknown
        return first + second + (0 if into else value)

    return _walk(file, 0, size, element)


def _avi(file: BinaryIO, head: bytes, tail: bytes, size: int) -> bool:
    def chunk(file: BinaryIO) -> int | None:
        data = file.read(8)
        length = int.from_bytes(data[4:8], "little")
        return 8 + length + length % 2 if data[:4] == b"RIFF" and length else None

    return _walk(file, 0, size, chunk)


def _mxf(file: BinaryIO, head: bytes, tail: bytes, size: int) -> bool:
    def triplet(file: BinaryIO) -> int | None:
        data = file.read(25)
        if data[:4] != b"\x06\x0e\x2b\x34" or len(data) < 17:
            return None
        more = data[16] & 0x7F if data[16] & 0x80 else 0
        return 17 + more + (int.from_bytes(data[17 : 17 + more], "big") if more else data[16])

    return _walk(file, 0, size, triplet)


def _ivf(file: BinaryIO, head: bytes, tail: bytes, size: int) -> bool:
    def frame(file: BinaryIO) -> int:
        return 12 + int.from_bytes(file.read(4), "little")

    return _walk(file, int.from_bytes(head[6:8], "little"), size, frame)


def _y4m(file: BinaryIO, head: bytes, tail: bytes, size: int) -> bool:
    line = head.partition(b"\n")[0]
    said = {word[:1]: word[1:] for word in line.decode("ascii", "replace").split()[1:][::-1]}
    width, height = (int(said[key]) if said.get(key, "").isdecimal() else 0 for key in "WH")
    kind = re.match(r"(mono|411|420|422|444)(alpha)?(?:.*?p?(\d\d)$)?", said.get("C", "420"))
    if not (width and height and kind) or kind[2]:
        return False
    across, down = {"420": (2, 2), "422": (2, 1), "411": (4, 1)}.get(kind[1], (1, 1))
    chroma = 0 if kind[1] == "mono" else 2 * -(-width // across) * -(-height // down)
    values = width * height + chroma
    deep = 2 if kind[3] in ("09", "10", "12", "14", "16") else 1

    def frame(file: BinaryIO) -> int | None:
        text = file.readline(256)
        return len(text) + values * deep if b"FRAME".startswith(text[:5]) else None

    return _walk(file, len(line) + 1, size, frame)


def _flv(file: BinaryIO, head: bytes, tail: bytes, size: int) -> bool:
    def tag(file: BinaryIO) -> int:
        return 15 + int.from_bytes(file.read(4)[1:4], "big")

    return _walk(file, 13, size, tag)


def _asf(file: BinaryIO, head: bytes, tail: bytes, size: int) -> bool:
    """By the file's size in its header, which a broadcast leaves out."""
    place = head.find(_ASF_FILE)
    if place < 0 or len(head) < place + 92 or head[place + 88] & 1:
        return False
    return int.from_bytes(head[place + 40 : place + 48], "little") > size


def _ogg(file: BinaryIO, head: bytes, tail: bytes, size: int) -> bool:
    place = tail.rfind(b"OggS")
    if place < 0:
        return True
    lengths = tail[place + 27 : place + 27 + (tail[place + 26] if len(tail) > place + 26 else 255)]
    return place + 27 + len(lengths) + sum(lengths) > len(tail) or not tail[place + 5] & 4  # 4: the last of its stream


def _program_stream(file: BinaryIO, head: bytes, tail: bytes, size: int) -> bool:
    """By the last packet's length, in 16 bits after its start code; a pack holds one or more of them."""
    place = tail.rfind(b"\0\0\1\xba")
    packet = _PACKET.search(tail, place + 4)
    if place < 0 or not packet:  # a pack of which not even the first packet has come
        return place >= 0
    while packet:
        end = packet.end() + 2 + int.from_bytes(tail[packet.end() : packet.end() + 2], "big")
        if end > len(tail):
            return True
        packet = _PACKET.match(tail, end)
    return False


def _transport_stream(file: BinaryIO, head: bytes, tail: bytes, size: int) -> bool:
    places = [at for at in range(len(head)) if head[at] == 0x47]
    steps = {second - first for first in places for second in places} & {188, 192, 204}
    step = next(
        (each for each in sorted(steps) if all(head[at] == 0x47 for at in range(places[0], len(head), each))), 0
    )
    return bool(step) and size % step != 0


def _dv(file: BinaryIO, head: bytes, tail: bytes, size: int) -> bool:
    return size % (144_000 if head[3:4] >= b"\x80" else 120_000) != 0


_CHECKS: tuple[tuple[bytes, Callable[[BinaryIO, bytes, bytes, int], bool]], ...] = (
    (rb"....(ftyp|moov|wide|pnot|free|skip|mdat|styp|moof)", _mp4),
    (rb"\x1a\x45\xdf\xa3", _matroska),
    (rb"RIFF....AVI ", _avi),
    (rb"\x06\x0e\x2b\x34", _mxf),
    (rb"DKIF", _ivf),
    (rb"YUV4MPEG2", _y4m),
    (rb"FLV\x01", _flv),
    (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", _asf),
    (rb"OggS", _ogg),
    (rb"\0\0\x01\xba", _program_stream),
    (rb"(.{4})?\x47.{187}(.{4})?(.{16})?\x47", _transport_stream),
    (rb"\x1f\x07\0", _dv),
)
