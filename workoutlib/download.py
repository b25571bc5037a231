"""Getting a data set: the real one from Kaggle, a folder or zip file of the user's, or the built-in sample.

Whatever is fetched, unpacked or rendered is made in a hidden folder and renamed when it is
complete, so that a folder with its final name is never half of a data set.
"""

import hashlib
import lzma
import os
import re
import shutil
import stat
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workoutlib.catalog import describe_problems, read_catalog
from workoutlib.errors import WorkoutlibError
from workoutlib.images import IMAGE_SUFFIXES, shown
from workoutlib.paths import data_root

KAGGLE_HANDLE = "hasyimabdillah/workoutexercises-images"
KAGGLE_PAGE = f"https://www.kaggle.com/datasets/{KAGGLE_HANDLE}"
KAGGLE_FOLDER = "workout-images"
KAGGLE_IMAGES, KAGGLE_CLASSES = 13_853, 22

# Photos hardly shrink in a zip file; a "zip bomb" unpacks to a thousand times its size.
MAX_UNPACKED_BYTES = 50 * 2**30
MAX_RATIO, RATIO_COUNTS_FROM_BYTES = 100, 2**30

_DAMAGED_ZIP = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, ValueError)


def get_dataset(source: str | Path = "auto", *, root: str | Path | None = None) -> Path:
    """The folder of a data set, fetched or rendered first where it is not there yet.

    ``source`` is "kaggle" (the real data set), "sample" (the built-in one), "auto" (the real one
    if it lies in ``root`` already, else the sample), or the path of a folder or a zip file.
    ``root`` is where data sets are kept, ``data_root()`` if left out.
    """
    root = _root(root)
    match source:
        case "kaggle":
            return download_kaggle(root)
        case "sample":
            return make_sample(root)
        case "auto":
            return download_kaggle(root) if (root / KAGGLE_FOLDER).exists() else make_sample(root)
    path = Path(source).expanduser().absolute()
    if path.is_dir():
        return path
    if path.is_file() and path.suffix.lower() == ".zip":
        out = root / f"{path.stem}-{_zip_fingerprint(path)}"
        return out if out.is_dir() else unpack_archive(path, out)
    raise WorkoutlibError(
        f"no data set {shown(path)}: give kaggle, sample, auto, or the path of a folder "
        "with one folder a class, or of a zip file of one"
    )


def download_kaggle(root: str | Path | None = None) -> Path:
    """The real data set in ``root/workout-images``, downloaded unless it is there.

    kagglehub shows the progress and resumes an interrupted download from its own cache. A zip
    file saved by hand as ``root/archive.zip`` takes the place of the download.

    Raises WorkoutlibError, with the steps to do by hand, if Kaggle cannot be reached or
    refuses, and if these are not the 13,853 images of 22 classes that they should be.
    """
    root = _root(root)
    out, archive = root / KAGGLE_FOLDER, root / "archive.zip"
    if out.exists():
        tree = _tree_of_classes(out)
        _require_complete(tree, f"Delete {shown(out)} and try again")
        return tree
    with _workspace(out) as work:
        if archive.is_file():
            tree = _unpack(archive, work)
            _require_complete(tree, f"Download it again from {KAGGLE_PAGE} to {shown(archive)}")
        else:
            downloaded = _tree_of_classes(_fetch_from_kaggle(root))
            _require_complete(downloaded, f"Delete {shown(downloaded)} and try again")
            tree = shutil.copytree(downloaded, work / "tree", copy_function=_link_or_copy)
        _publish(tree, out)
    return out


def make_sample(
    root: str | Path | None = None,
    *,
    videos: int = 10,
    frames: int = 5,
    stills: int = 2,
    seed: int = 0,
    progress: bool = True,
) -> Path:
    """The built-in sample, rendered by ``workoutlib.gym`` unless it is there: ``videos`` clips of
    ``frames`` sampled frames and ``stills`` photos a class.

    Each combination of settings and renderer has a folder of its own below ``root``.
    """
    from workoutlib import gym

    settings = {"videos": videos, "frames": frames, "stills": stills, "seed": seed}
    sources = sorted(Path(gym.__path__[0]).glob("*.py"))
    renderer = hashlib.sha256(repr(settings).encode() + b"".join(path.read_bytes() for path in sources))
    out = _root(root) / f"sample-{renderer.hexdigest()[:8]}"
    if not out.is_dir():
        with _workspace(out) as work:
            gym.write_dataset(work / "tree", **settings, progress=progress)
            _publish(work / "tree", out)
    return out


def unpack_archive(archive: str | Path, out: str | Path) -> Path:
    """Unpack a zip file of class folders, at any depth in it, to the new folder ``out``.

    Raises WorkoutlibError, with ``out`` not made, for a damaged or encrypted file, members that
    lead out of the folder, links, and contents out of all proportion to the file's size.
    """
    archive, out = Path(archive), Path(out).absolute()
    if out.exists():
        raise WorkoutlibError(f"{shown(out)} is there already: delete it, or unpack to another folder")
    with _workspace(out) as work:
        _publish(_unpack(archive, work), out)
    return out


def _root(root: str | Path | None) -> Path:
    return data_root() if root is None else Path(root).expanduser().absolute()


@contextmanager
def _workspace(out: Path) -> Iterator[Path]:
    """A hidden folder beside ``out`` to make it in; gone at the end, whatever happens."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        for left_over in out.parent.glob(f".{out.name}-*.partial"):  # of a process that was killed
            if time.time() - left_over.stat().st_mtime > 24 * 3600:
                shutil.rmtree(left_over, ignore_errors=True)
        with tempfile.TemporaryDirectory(
            prefix=f".{out.name}-", suffix=".partial", dir=out.parent, ignore_cleanup_errors=True
        ) as work:
            yield Path(work)
    except OSError as cause:
        raise WorkoutlibError(
            f"{shown(out)} could not be made ({cause}): free some space, or set WORKOUTLIB_HOME to another folder"
        ) from cause


def _publish(tree: Path, out: Path) -> None:
    try:
        os.rename(tree, out)
    except OSError:
        if not out.is_dir():  # else another process has finished the same data set first
            raise


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without hard links
        shutil.copy2(source, target)


def _fetch_from_kaggle(root: Path) -> Path:
    try:
        import kagglehub

        return Path(kagglehub.dataset_download(KAGGLE_HANDLE))
    # Network, authentication, proxy, disk, a changed service: kagglehub has no common type for them,
    # and the way out is the same for all.
    except Exception as cause:
        reason = (str(cause).strip() or type(cause).__name__).splitlines()[0]
        raise WorkoutlibError(_manual_steps(root, reason)) from cause


def _manual_steps(root: Path, reason: str) -> str:
    folder = root / KAGGLE_FOLDER
    return (
        f"Kaggle's data set could not be downloaded: {reason}\n"
        "An interrupted download is resumed when you try again. To do it by hand:\n"
        f"  1. open {KAGGLE_PAGE} and click Download (a zip file of 818 MB)\n"
        f'  2. unzip it to "{folder}", so that "{folder / "bench press"}" is one of its 22 folders,\n'
        f'     or save the zip file as "{root / "archive.zip"}" and run the same command again\n'
        f'  3. check it: python -m workoutlib split --data "{folder}"\n'
        "Without it, everything runs on the built-in sample: --data sample"
    )


def _require_complete(tree: Path, advice: str) -> None:
    catalog = read_catalog(tree)
    images, classes = len(catalog), catalog["label"].nunique()
    if (images, classes) != (KAGGLE_IMAGES, KAGGLE_CLASSES):
        raise WorkoutlibError(
            f"{shown(tree)} is not the whole data set: {images:,} images of {classes} classes, expected are "
            f"{KAGGLE_IMAGES:,} of {KAGGLE_CLASSES} ({describe_problems(catalog)}). "
            f"{advice}, or use it as it is with --data {shown(tree)}."
        )


def _tree_of_classes(top: Path) -> Path:
    """The one folder at or below ``top`` whose folders hold images."""
    found = []
    try:
        for folder, names, _ in os.walk(top):
            names[:] = sorted(name for name in names if not name.startswith((".", "__")))
            if any(_holds_image(Path(folder, name)) for name in names):
                found.append(Path(folder))
                names.clear()
    except OSError as cause:
        raise WorkoutlibError(f"{shown(top)} cannot be read ({cause})") from cause
    if not found:
        raise WorkoutlibError(f"{shown(top)} should hold one folder a class, but no folder in it has images")
    if len(found) > 1:
        several = ", ".join(shown(path.relative_to(top)) for path in found)
        raise WorkoutlibError(f"{shown(top)} holds {len(found)} trees of class folders ({several}): give one of them")
    return found[0]


def _holds_image(folder: Path) -> bool:
    return any(path.suffix.lower() in IMAGE_SUFFIXES for path in folder.iterdir())


def _unpack(archive: Path, work: Path) -> Path:
    """Unpack below ``work`` and return the tree of class folders there."""
    from tqdm.auto import tqdm

    try:
        with zipfile.ZipFile(archive) as file:
            members = file.infolist()
            _require_harmless(archive, members, free=shutil.disk_usage(work).free)
            for member in tqdm(members, f"unpacking {archive.name}", leave=False):
                file.extract(member, work / "tree")
    except _DAMAGED_ZIP as cause:
        raise WorkoutlibError(f"{shown(archive)} is damaged ({cause}): download it again") from cause
    return _tree_of_classes(work / "tree")


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
            refuse(f"its member {shown(name)} is encrypted")
    size = sum(member.file_size for member in members)
    if size > MAX_UNPACKED_BYTES:
        refuse(f"it would unpack to {size / 2**30:.0f} GiB")
    if size > RATIO_COUNTS_FROM_BYTES and size > MAX_RATIO * archive.stat().st_size:
        refuse(f"it would unpack to {size / archive.stat().st_size:.0f} times its size")
    if size > free:
        refuse(f"it needs {size / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB are free")


def _zip_fingerprint(archive: Path) -> str:
    """Eight characters that change with the names or contents in a zip file."""
    try:
        with zipfile.ZipFile(archive) as file:
            contents = repr([(member.filename, member.CRC) for member in file.infolist()])
    except (*_DAMAGED_ZIP, OSError) as cause:
        raise WorkoutlibError(f"{shown(archive)} is no readable zip file ({cause}): download it again") from cause
    return hashlib.sha256(contents.encode(errors="surrogateescape")).hexdigest()[:8]
