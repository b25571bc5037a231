"""Unpack zip files of class folders, safely."""

from __future__ import annotations

import hashlib
import lzma
import os
import re
import shutil
import stat
import zipfile
import zlib
from pathlib import Path

from workoutlib.media.kinds import kind_of
from workoutlib.utils.contents import ZIP, foreign_content, unfinished
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import workspace
from workoutlib.utils.paths import is_hidden, list_files, shown

# Photos hardly shrink in a zip file; a "zip bomb" unpacks to a thousand times its size.
MAX_UNPACKED_BYTES = 50 * 2**30
MAX_RATIO, RATIO_COUNTS_FROM_BYTES = 100, 2**30
_DAMAGED_ZIP = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, ValueError)


def unpack_archive(archive: str | Path, out: str | Path) -> Path:
    """Unpack a zip file of class folders, at any depth in it, to the new folder ``out``.

    Raises WorkoutlibError, with ``out`` not made, for a damaged or encrypted file, members that
    lead out of the folder, links, and contents out of all proportion to the file's size.
    """
    archive, out = Path(archive), Path(out).absolute()
    if out.exists():
        raise WorkoutlibError(f"{shown(out)} is there already: delete it, or unpack to another folder")
    with workspace(out) as work:
        publish(unpack_below(archive, work), out)
    return out


def publish(tree: Path, out: Path) -> None:
    """Give a complete tree its final name; where another process was first, its tree stays."""
    try:
        os.rename(tree, out)
    except OSError:
        if not out.is_dir():  # else another process has finished the same data set first
            raise


def tree_of_classes(top: Path) -> Path:
    """The one folder at or below ``top`` whose folders hold images."""
    found = []
    try:
        for folder, names, _ in os.walk(top):
            names[:] = sorted(name for name in names if not is_hidden(name))
            if any(_holds_media(Path(folder, name)) for name in names):
                found.append(Path(folder))
                names.clear()
    except OSError as cause:
        raise WorkoutlibError(f"{shown(top)} cannot be read ({cause})") from cause
    if not found:
        inner = next((path for path in list_files(top) if zipfile.is_zipfile(path)), None)
        what = f"it holds another archive, {shown(inner.name)}: unpack that" if inner else "no folder in it has images"
        raise WorkoutlibError(f"{shown(top)} should hold one folder a class, but {what}")
    if len(found) > 1:
        several = ", ".join(shown(path.relative_to(top)) for path in found)
        raise WorkoutlibError(f"{shown(top)} holds {len(found)} trees of class folders ({several}): give one of them")
    return found[0]


def _holds_media(folder: Path) -> bool:
    files = (path for path in folder.iterdir() if not is_hidden(path.name))
    return any(kind_of(path) in ("photo", "clip") for path in files)  # `evaluate` takes folders of clips


def unpack_below(archive: Path, work: Path) -> Path:
    """Unpack below ``work`` and return the tree of class folders there."""
    from tqdm.auto import tqdm

    try:
        with zipfile.ZipFile(archive) as file:
            members = file.infolist()
            _require_harmless(archive, members, free=shutil.disk_usage(work).free)
            for member in tqdm(members, f"unpacking {archive.name}", leave=False):
                member.filename = member.filename.replace("\\", "/")  # as some programs for Windows write it
                file.extract(member, work / "tree")
    except NotImplementedError as cause:  # Windows packs large files by Deflate64
        text = f"{shown(archive)} is packed in a way that Python does not know ({cause})"
        raise WorkoutlibError(f"{text}: unpack it, and give the folder") from cause
    except _DAMAGED_ZIP as cause:
        raise WorkoutlibError(f"{shown(archive)} is damaged ({cause}): download it again") from cause
    try:
        return tree_of_classes(work / "tree")
    except WorkoutlibError as error:  # of a folder that will be gone
        raise WorkoutlibError(str(error).replace(shown(work / "tree"), shown(archive))) from error


def _require_harmless(archive: Path, members: list[zipfile.ZipInfo], *, free: int) -> None:
    """Refuse what could write outside of the folder or fill the disk; zipfile itself reads no
    more of a member than the size that is declared here, and checks its sum."""

    def refuse(reason: str) -> None:
        raise WorkoutlibError(f"{shown(archive)} is refused, nothing was unpacked: {reason}")

    for member in members:
        name = member.filename
        if re.match(r"[/\\]|[A-Za-z]:", name) or ".." in re.split(r"[/\\]", name):
            refuse(f"its member {shown(name)} leads out of the folder")
        if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            refuse(f"its member {shown(name)} is a link or a special file")
        if member.flag_bits & 1:
            refuse(f"its member {shown(name)} is encrypted; unpack it with its password, and give the folder")
    size = sum(member.file_size for member in members)
    if size > MAX_UNPACKED_BYTES:
        refuse(f"it would unpack to {size / 2**30:.0f} GiB")
    if size > RATIO_COUNTS_FROM_BYTES and size > MAX_RATIO * archive.stat().st_size:
        refuse(f"it would unpack to {size / archive.stat().st_size:.0f} times its size")
    if size > free:
        refuse(f"it needs {size / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB are free")


def zip_fingerprint(archive: Path) -> str:
    """Eight characters that change with the names or contents in a zip file."""
    try:
        with zipfile.ZipFile(archive) as file:
            contents = repr([(member.filename, member.CRC) for member in file.infolist()])
    except (*_DAMAGED_ZIP, OSError) as cause:
        if (found := foreign_content(archive)) and found[0] != ZIP:
            raise WorkoutlibError(f"{shown(archive)} is {found[0]}, not a zip file. {found[1]}") from cause
        if part := unfinished(archive):
            raise WorkoutlibError(f"{shown(archive)} is {part[0]}. {part[1]}") from cause
        raise WorkoutlibError(f"{shown(archive)} is no readable zip file ({cause}): download it again") from cause
    return hashlib.sha256(contents.encode(errors="surrogateescape")).hexdigest()[:8]
