"""The two files of the pose network: a path of the user's, the cache, or one download through pip.

They are MediaPipe's BlazePose (Apache-2.0, https://github.com/google-ai-edge/mediapipe), as the wheel of mediapipe
0.10.21 on PyPI carries them. mediapipe itself is not needed and not installed.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from workoutlib.errors import WorkoutlibError
from workoutlib.files import replacing
from workoutlib.images import shown
from workoutlib.paths import data_root

#: Path of each file inside the wheel, with its SHA-256.
FILES = {
    "mediapipe/modules/pose_detection/pose_detection.tflite": (
        "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c"
    ),
    "mediapipe/modules/pose_landmark/pose_landmark_full.tflite": (
        "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f"
    ),
}
DOWNLOAD = (
    "download", "--no-deps", "--only-binary=:all:", "--python-version", "3.12",
    "--platform", "manylinux_2_28_x86_64", "mediapipe==0.10.21",
)  # fmt: skip
VARIABLE = "WORKOUTLIB_POSE"
_SECONDS = 600  # for 36 MB over a slow line
_ADVICE = (
    f"Where there is a network, run: pip {' '.join(DOWNLOAD)} ; "
    f"then set {VARIABLE} to the path of that wheel, or of a folder with its two .tflite files."
)


@dataclass(frozen=True)
class PoseWeights:
    """Paths of the two checked files."""

    detector: Path  # pose_detection.tflite, 3.0 MB
    landmarks: Path  # pose_landmark_full.tflite, 6.4 MB


def get_weights(path: str | Path | None = None) -> PoseWeights:
    """The two files: from `path`, else from the variable WORKOUTLIB_POSE, else cached, else downloaded (36 MB, once).

    Args:
        path: a folder that holds both files, or the wheel of mediapipe 0.10.21.
    Raises:
        WorkoutlibError: no such files there, other files than expected (SHA-256), or no download.
    """
    chosen = path or os.environ.get(VARIABLE)
    if chosen:
        return _given_weights(Path(chosen).expanduser())
    cached = cached_weights()
    if cached is not None:
        return cached
    with tempfile.TemporaryDirectory(prefix="workoutlib-pose-", ignore_cleanup_errors=True) as folder:
        return _unpack(_download_wheel(Path(folder)))


def cached_weights() -> PoseWeights | None:
    """The two files in the cache, or None where one is missing or damaged; never downloads."""
    weights = _in_folder(_cache())
    return weights if all(_is_expected(path) for path in (weights.detector, weights.landmarks)) else None


def describe_weights() -> str:
    """One line for `workoutlib info`: where the files are, or that they will be downloaded; never downloads."""
    if chosen := os.environ.get(VARIABLE):
        return f"{shown(chosen)} (given by {VARIABLE})"
    if cached_weights():
        return f"cached in {shown(_cache())}"
    return "not there yet: downloaded once when first needed (36 MB)"


def _cache() -> Path:
    return data_root() / "pose"


def _in_folder(folder: Path) -> PoseWeights:
    return PoseWeights(*(folder / Path(member).name for member in FILES))


def _given_weights(path: Path) -> PoseWeights:
    if path.suffix == ".whl" and path.is_file():
        cached = cached_weights()
        return _unpack(path) if cached is None else cached
    weights = _in_folder(path)
    for file in (weights.detector, weights.landmarks):
        if not file.is_file():
            raise WorkoutlibError(f"The pose network's file {shown(file)} is not there. {_ADVICE}")
        if not _is_expected(file):
            raise WorkoutlibError(
                f"{shown(file)} is not the pose network's file of mediapipe 0.10.21: its SHA-256 differs. {_ADVICE}"
            )
    return weights


def _is_expected(path: Path) -> bool:
    expected = {Path(member).name: digest for member, digest in FILES.items()}[path.name]
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == expected
    except OSError:
        return False


def _download_wheel(folder: Path) -> Path:
    """Let pip download the wheel into a folder: its index settings and proxies are honoured."""
    options = ("--no-input", "--disable-pip-version-check", "--retries", "2", "--timeout", "20", "--dest", str(folder))
    command = [sys.executable, "-m", "pip", *DOWNLOAD, *options]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise _not_downloaded(f"no end after {_SECONDS} s") from error
    except OSError as error:
        raise _not_downloaded(str(error)) from error
    wheels = sorted(folder.glob("mediapipe-*.whl"))
    if done.returncode != 0 or not wheels:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["pip gave no reason"]
        raise _not_downloaded(lines[-1].strip())
    return wheels[0]


def _not_downloaded(reason: str) -> WorkoutlibError:
    return WorkoutlibError(f"The pose network (mediapipe 0.10.21) could not be downloaded: {reason}. {_ADVICE}")


def _unpack(wheel: Path) -> PoseWeights:
    """Check the two files in a wheel, then write both into the cache, each atomically."""
    contents = {}
    for member, expected in FILES.items():
        try:
            with zipfile.ZipFile(wheel) as archive:
                content = archive.read(member)
        except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, OSError) as error:
            raise WorkoutlibError(f"{shown(wheel)} is damaged or another wheel: {error}. {_ADVICE}") from error
        if hashlib.sha256(content).hexdigest() != expected:
            raise WorkoutlibError(f"{shown(wheel)} holds another {Path(member).name}: its SHA-256 differs. {_ADVICE}")
        contents[Path(member).name] = content
    for name, content in contents.items():
        with replacing(_cache() / name) as partial:
            partial.write_bytes(content)
    return _in_folder(_cache())
