"""Trees and zip files of class folders."""

import zipfile
from pathlib import Path

from workoutlib.labels import LABELS

TREE = [f"{label}/{label}_{video}00001.jpg" for label in LABELS for video in (1, 2)]


def write_tree(root: Path, names: list[str] = TREE) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    return root


def write_zip(path: Path, members: dict[str, bytes] | list[str] = TREE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    contents = members if isinstance(members, dict) else {name: name.encode() for name in members}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in contents.items():
            file.writestr(name, content)
    return path


def images(tree: Path) -> int:
    return len(list(tree.glob("*/*.jpg")))
