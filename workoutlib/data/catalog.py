"""From a folder of class folders to a table with one row an image, and a list of all that is wrong there.

The file names of the real data set say which video a frame was cut from:

    bench press_3900491.jpg    video 39, frame 491
    bench press_g13.jpg        web still 13
    anything else.png          a still of its own
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from workoutlib.data.annotations import awaits_review, corrected
from workoutlib.data.readable import find_unreadable
from workoutlib.labels import LABELS, find_label, near_labels, spelling_key
from workoutlib.media.kinds import is_picture
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import gone, stamp
from workoutlib.utils.paths import is_hidden, shown

NO_FRAME = -1  # in the column "frame" of a still
NO_IMAGES = "class folder without images"
_COLUMNS = ["path", "label", "video", "frame", "source"]
_FRAME_NAME = re.compile(r"(?P<stem>.+)_(?P<video>[0-9]+)(?P<frame>[0-9]{5})", re.DOTALL)
_STILL_NAME = re.compile(r"(?P<stem>.+)_(?P<still>g[0-9]+)", re.DOTALL)


class ProblemTable(pd.DataFrame):
    """A DataFrame whose ``==`` is one truth value.

    pandas compares ``attrs`` whenever it joins tables; with a plain DataFrame in there,
    ``pd.concat``, ``merge`` and ``groupby().apply`` of a catalog would fail.
    """

    @property
    def _constructor(self) -> type[ProblemTable]:
        return ProblemTable

    def __eq__(self, other: object) -> bool:
        return isinstance(other, pd.DataFrame) and self.equals(other)

    __hash__ = None  # type: ignore[assignment]


def read_catalog(
    root: str | Path, *, labels: Sequence[str] | None = None, check: bool = False, may_be_empty: bool = False
) -> pd.DataFrame:
    """List the images below ``root``, a folder with one folder a class.

    Folders are matched to the 22 exercises in any spelling; a tree with none of the 22 is
    taken as classes of the user's own, named as their folders. ``labels`` replaces both
    rules: exactly these classes. ``check`` also opens every image and leaves broken ones out.

    Returns a row an image, sorted by path: ``path`` (absolute), ``label``, ``video`` (what must
    stay together in a split, "bench press/39"; a still is a group of its own), ``frame``
    (number in its video, -1 for a still) and ``source`` ("frame" or "still").
    ``.attrs["problems"]`` is a table (path, problem) of all that was left out or looks wrong.

    Raises WorkoutlibError if ``root`` is no folder, has a folder that names no class, or has
    no images and not ``may_be_empty``.
    """
    root = Path(os.path.abspath(os.path.expanduser(root)))
    problems: list[tuple[str, str]] = []
    class_folders = labelled_folders(root, labels, problems)
    rows: list[tuple] = []
    for folder, label in class_folders.items():
        found = list(_read_class_folder(folder, label, problems))
        if not found:
            problems.append((folder, NO_IMAGES))
        rows += found
    rows = corrected(rows, root)
    if check:
        rows = _keep_readable(rows, problems)
    if not rows and not may_be_empty:
        raise WorkoutlibError(_no_images_message(root, len(class_folders), problems))
    # dtype=object: a file name may hold bytes that are no text, which pandas' own string type refuses.
    catalog = pd.DataFrame(sorted(rows), columns=_COLUMNS, dtype=object).astype({"frame": "int64"})
    catalog.attrs["problems"] = ProblemTable(sorted(problems), columns=["path", "problem"], dtype=object)
    return catalog


def describe_problems(catalog: pd.DataFrame, *, names: int = 3) -> str:
    """The problems of a catalog as text: a line a kind with its count and the first ``names`` files."""
    problems = catalog.attrs["problems"]
    if problems.empty:
        return f"{len(catalog):,} images, no problems found."
    lines = [f"{len(catalog):,} images, {len(problems):,} problems:"]
    kinds = problems["problem"].str.partition(":")[0]
    for kind, paths in problems["path"].groupby(kinds):
        first = ", ".join(shown("/".join(Path(path).parts[-2:])) for path in paths[:names])
        lines.append(f"  {len(paths):,} × {kind}: {first}{', …' if len(paths) > names else ''}")
    return "\n".join(lines)


def class_counts(catalog: pd.DataFrame) -> pd.DataFrame:
    """A row a label with its number of images, videos and stills, and the images of its largest video."""
    frames = catalog[catalog["source"] == "frame"]
    by_label = frames.groupby("label")["video"]
    counts = pd.DataFrame(
        {
            "images": catalog.groupby("label").size(),
            "videos": by_label.nunique(),
            "stills": (catalog["source"] == "still").groupby(catalog["label"]).sum(),
            "largest_video": frames.groupby(["label", "video"]).size().groupby("label").max(),
        }
    )
    return counts.fillna(0).astype(int)


def find_duplicates(catalog: pd.DataFrame) -> pd.DataFrame:
    """Images whose files are equal byte by byte, with the same ``content`` for each set of equals.

    Returns the catalog's columns path, label and video plus ``content`` (start of the SHA-256)
    and ``across_classes`` (True where equal files carry different labels).
    """
    sizes = catalog["path"].map(lambda path: stamp(path)[1])
    equal_size = catalog.loc[sizes.duplicated(keep=False), ["path", "label", "video"]]
    # Only files of one size can be equal, so few need reading.
    hashed = equal_size.assign(content=[_content_hash(path) for path in equal_size["path"]])
    duplicates = hashed[hashed["content"].duplicated(keep=False)].sort_values(["content", "path"])
    labels = duplicates.groupby("content")["label"].transform("nunique")
    return duplicates.assign(across_classes=labels > 1)


def labelled_folders(root: Path, labels: Sequence[str] | None, problems: list) -> dict[str, str]:
    """{path of a class folder below ``root``: its label}, as `read_catalog` describes."""
    return _match_folders(root, _class_folders(root, problems), labels, problems)


def _class_folders(root: Path, problems: list) -> dict[str, str]:
    """{path: name} of the folders in ``root``; a text file beside them (truth.csv) is nobody's problem."""
    folders: dict[str, str] = {}
    try:
        entries = _scan(root)
    except OSError as cause:
        raise WorkoutlibError(
            f"no data set at {shown(root)} ({cause.strerror or cause}): give a folder with one folder a class in it"
        ) from cause
    for entry in entries:
        kind = _kind(entry)
        if kind == "folder" and is_hidden(entry.name):  # .ipynb_checkpoints, __MACOSX
            problems.append((entry.path, "hidden or system folder"))
        elif kind == "folder":
            folders |= {} if awaits_review(entry.path) else {entry.path: entry.name}
        elif is_hidden(entry.name):
            continue
        elif kind == "file" and is_picture(entry.path):
            problems.append((entry.path, "image outside of the class folders"))
        elif kind == "broken link or special file":
            problems.append((entry.path, kind))
    return folders


def _match_folders(root: Path, folders: dict[str, str], labels: Sequence[str] | None, problems: list) -> dict[str, str]:
    """{path of a class folder: its label}."""
    label_of = _labeller(folders.values(), labels)
    matched = {path: label_of(name) for path, name in folders.items()}
    unknown = sorted(name for path, name in folders.items() if matched[path] is None)
    if unknown:
        raise WorkoutlibError(_unknown_folders_message(root, unknown, tuple(labels or LABELS)))
    for label in labels or ():
        if label not in matched.values():
            problems.append((str(root / label), "class without a folder"))
    first_folder: dict[str, str] = {}
    found = {path: label for path, label in matched.items() if label is not None}
    for path, label in found.items():
        if first_folder.setdefault(label, path) != path:
            problems.append((path, f"second folder of a class, read into it: {label!r}"))
    return found


def _labeller(folder_names: Iterable[str], labels: Sequence[str] | None) -> Callable[[str], str | None]:
    """The function from a folder's name to its label, or to None where it names no class."""
    if labels is not None:
        by_key = {spelling_key(find_label(label) or label): label for label in labels}
        return lambda name: by_key.get(spelling_key(find_label(name) or name))
    if any(map(find_label, folder_names)):
        return find_label
    return lambda name: unicodedata.normalize("NFC", name)  # macOS writes accents as letters of their own


def _read_class_folder(folder: str, label: str, problems: list) -> Iterator[tuple]:
    """A row of the catalog for each image in the folder; everything else goes to the problems."""
    try:
        entries = _scan(folder)
    except OSError as cause:
        problems.append((folder, f"folder that cannot be read: {cause.strerror or cause}"))
        return
    for entry in entries:
        if is_hidden(entry.name):  # ._photo.jpg, which macOS puts beside photo.jpg
            continue
        kind = _kind(entry)
        if kind == "folder":
            problems.append((entry.path, "folder inside a class folder, not read"))
        elif not is_picture(entry.path):  # nothing can be told of the content of what cannot be read: its name counts
            problems.append((entry.path, "not an image file"))
        elif kind != "file":
            problems.append((entry.path, kind))
        else:
            other = _other_exercise(os.path.splitext(entry.name)[0], label)
            if other:
                problems.append((entry.path, f"named after another class, kept in its folder's: {other!r}"))
            yield entry.path, label, *_parse_name(entry.name, label)


def _parse_name(name: str, label: str) -> tuple[str, int, str]:
    """(video, frame, source) of an image file in the folder of ``label``."""
    stem = os.path.splitext(name)[0]
    if match := _FRAME_NAME.fullmatch(stem):
        prefix, video, frame = match["stem"], int(match["video"]), int(match["frame"])
        if _same_class(prefix, label):
            return f"{label}/{video}", frame, "frame"
        # After a foreign name a long number is a date or an id (IMG_20240131), not a video and its frame.
        digits = sum(map(str.isdigit, stem))
        if find_label(prefix) or digits <= 7:
            return f"{label}/{prefix} {video}", frame, "frame"
    match = _STILL_NAME.fullmatch(stem)
    if match and _same_class(match["stem"], label):
        return f"{label}/{match['still']}", NO_FRAME, "still"
    return f"{label}/{name}", NO_FRAME, "still"


def _same_class(prefix: str, label: str) -> bool:
    return spelling_key(find_label(prefix) or prefix) == spelling_key(find_label(label) or label)


def _other_exercise(stem: str, label: str) -> str | None:
    """The exercise other than ``label`` that a frame or numbered still is named after, or None."""
    match = _FRAME_NAME.fullmatch(stem) or _STILL_NAME.fullmatch(stem)
    other = match and find_label(match["stem"])
    return other if other and other != find_label(label) else None


def _keep_readable(rows: list[tuple], problems: list) -> list[tuple]:
    reasons = find_unreadable(row[0] for row in rows)
    problems += [(path, f"unreadable image: {reason}") for path, reason in reasons.items()]
    return [row for row in rows if row[0] not in reasons]


def _unknown_folders_message(root: Path, unknown: list[str], labels: tuple[str, ...]) -> str:
    def describe(name: str) -> str:
        near = near_labels(name, labels)
        return f"{name!r} (near: {', '.join(near)})" if near else repr(name)

    return (
        f"{len(unknown)} folders in {shown(root)} name no known class: {', '.join(map(describe, unknown))}. "
        'Rename or remove them, or name all classes yourself: --labels "one, two", in Python labels=[...].'
    )


def _no_images_message(root: Path, folders: int, problems: list) -> str:
    kinds = [problem.partition(":")[0] for _, problem in problems]
    deeper = [path for path, problem in problems if problem.startswith("folder inside")]
    message = f"no images in {shown(root)}: it needs one folder a class with image files in each"
    if deeper and any(find_label(Path(path).parent.name) for path in deeper):
        return f"{message}. Folders inside the class folders are not read, such as {shown(deeper[0])}: move them up."
    if deeper:
        return f"{message}. The class folders seem to lie deeper: try {shown(Path(deeper[0]).parent)}."
    outside = kinds.count("image outside of the class folders")
    if outside and find_label(root.name):
        return f"{message}. It holds {outside} itself, as a class folder does: give {shown(root.parent)}."
    if kinds:
        counts = ", ".join(f"{kinds.count(kind)} × {kind}" for kind in sorted(set(kinds)))
        return f"{message}; found {folders} folders and {counts}."
    return f"{message}; found {folders} folders."


def _kind(entry: os.DirEntry) -> str:
    """ "folder", "file" (with something in it), or what is wrong with the entry."""
    try:
        if entry.is_dir():
            return "folder"
        if entry.is_file():
            return "file" if entry.stat().st_size else "empty file"
    except OSError as cause:  # a link to itself, a file that is not ours to look at
        return f"file that cannot be reached: {cause.strerror}"
    return "broken link or special file"


def _scan(folder: str | Path) -> list[os.DirEntry]:
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def _content_hash(path: str) -> str:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]
    except OSError as cause:
        raise gone(path, cause) from cause
