"""Getting a data set: the real one from Kaggle, a folder or zip file of the user's, or the built-in sample.

Whatever is fetched, unpacked or rendered is made in a hidden folder and renamed when it is
complete, so that a folder with its final name is never half of a data set.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

from workoutlib.data.archives import publish, tree_of_classes, unpack_archive, unpack_below, zip_fingerprint
from workoutlib.data.catalog import describe_problems, read_catalog
from workoutlib.utils.contents import ZIP, foreign_content
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import workspace
from workoutlib.utils.paths import data_root, is_url, shown

KAGGLE_HANDLE = "hasyimabdillah/workoutexercises-images"
KAGGLE_PAGE = f"https://www.kaggle.com/datasets/{KAGGLE_HANDLE}"
KAGGLE_FOLDER = "workout-images"
KAGGLE_IMAGES, KAGGLE_CLASSES = 13_853, 22


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
    found = foreign_content(path)
    if path.is_file() and (path.suffix.lower() == ".zip" or (found and found[0] == ZIP)):
        out = root / f"{path.stem}-{zip_fingerprint(path)}"
        return out if out.is_dir() else unpack_archive(path, out)
    if is_url(source):
        text = f"no data set {shown(source)}: that is a web address; download its zip file and give the path of that"
        raise WorkoutlibError(f"{text}, or give kaggle")
    if found:
        raise WorkoutlibError(f"no data set {shown(path)}: it is {found[0]}, not a folder or a zip file. {found[1]}")
    what = "it is a file, " if path.is_file() else ""
    raise WorkoutlibError(
        f"no data set {shown(path)}: {what}give kaggle, sample, auto, or the path of a folder "
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
        tree = tree_of_classes(out)
        _require_complete(tree, f"Delete {shown(out)} and try again")
        return tree
    with workspace(out) as work:
        if archive.is_file():
            tree = unpack_below(archive, work)
            _require_complete(tree, f"Download it again from {KAGGLE_PAGE} to {shown(archive)}", archive)
        else:
            downloaded = tree_of_classes(_fetch_from_kaggle(root))
            _require_complete(downloaded, f"Delete {shown(downloaded)} and try again")
            tree = shutil.copytree(downloaded, work / "tree", copy_function=_link_or_copy)
        publish(tree, out)
    return out


def count_images(folder: Path) -> int:
    """Images of the data set in a folder, at any depth there."""
    return len(read_catalog(tree_of_classes(folder)))


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

    Each combination of settings and ``gym.SAMPLE_VERSION`` has a folder of its own below ``root``.
    """
    from workoutlib import gym

    settings: dict[str, Any] = {"videos": videos, "frames": frames, "stills": stills, "seed": seed}
    key = hashlib.sha256(repr({**settings, "version": gym.SAMPLE_VERSION}).encode()).hexdigest()[:8]
    out = _root(root) / f"sample-{key}"
    if not out.is_dir():
        with workspace(out) as work:
            gym.write_dataset(work / "tree", **settings, progress=progress)
            publish(work / "tree", out)
    return out


def _root(root: str | Path | None) -> Path:
    return data_root() if root is None else Path(root).expanduser().absolute()


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


def _require_complete(tree: Path, advice: str, source: Path | None = None) -> None:
    """Refuse a tree that is not the whole data set; `source` is what the user has, if not the tree itself."""
    source = source or tree
    catalog = read_catalog(tree)
    images, classes = len(catalog), catalog["label"].nunique()
    if (images, classes) != (KAGGLE_IMAGES, KAGGLE_CLASSES):
        raise WorkoutlibError(
            f"{shown(source)} is not the whole data set: {images:,} images of {classes} classes, expected are "
            f"{KAGGLE_IMAGES:,} of {KAGGLE_CLASSES} ({describe_problems(catalog)}). "
            f"{advice}, or use it as it is with --data {shown(source)}."
        )
