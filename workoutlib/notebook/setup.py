"""What every notebook begins with: versions, device, and where data and results live."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import torch

import workoutlib
from workoutlib.config import Config
from workoutlib.data.catalog import read_catalog
from workoutlib.data.download import get_dataset
from workoutlib.notebook.figures import show_figures
from workoutlib.training import experiments
from workoutlib.training.fit import Callbacks
from workoutlib.utils import devices, paths
from workoutlib.utils.errors import WorkoutlibError

NO_GPU = """\
No GPU here: the quick profile is made for that, so go on. To have one:
  Colab: Runtime > Change runtime type > T4 GPU, then Runtime > Run all
  own computer: an NVIDIA card needs the CUDA build of PyTorch, see https://pytorch.org/get-started/locally/"""


@dataclass(frozen=True)
class Setup:
    """What the set-up cell picks; every notebook hands these on as arguments."""

    config: Config
    data: Path
    """The folder of the data set, one folder a class."""
    outputs: Path
    """Where checkpoints, figures and annotated media go."""
    cache: Path
    """Where decoded pictures are kept, so that the second training starts at once."""
    device: torch.device

    @property
    def checkpoint(self) -> Path:
        """The best model of notebook 03."""
        return self.outputs / "best_model.pth"


def setup(profile: str = "auto", data: str = "auto", *, drive: bool = False, **changes: Any) -> Setup:
    """Choose config, data and device, print them, and have figures shown well in this notebook.

    Args:
        profile: ``"quick"``, ``"tutorial"``, ``"best"`` or ``"auto"``, which says what it chose and why.
        data: ``"kaggle"``, ``"sample"``, a folder of class folders, or ``"auto"``.
        drive: on Colab, keep checkpoints and results on your Google Drive, where they outlive the session.
        changes: single fields of the config, for example ``epochs=3``.
    Raises:
        WorkoutlibError: unknown profile, a value out of range, or data that cannot be had.
    """
    show_figures()
    devices.tune_process()
    device = devices.pick_device()
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "torchvision"))
    print(f"workoutlib {workoutlib.__version__}, Python {sys.version.split()[0]}, {packages}")
    print(f"device: {devices.describe(device)}")
    if device.type == "cpu":
        print(NO_GPU)
    if profile == "auto":
        profile, reason = experiments.choose_profile(data)
        print(reason)
    config = Config.profile(profile, **changes)
    folder = get_dataset(data)
    print(f"data: {folder.name}")
    outputs = mount_drive() if drive else paths.output_root()
    return Setup(config, folder, outputs, paths.data_root() / "cache", device)


def mount_drive() -> Path:
    """On Colab, ask for the user's Google Drive and return its folder ``workoutlib``."""
    try:
        from google.colab import drive
    except ImportError as error:
        raise WorkoutlibError("drive=True is for Colab: elsewhere results stay in outputs/") from error
    drive.mount("/content/drive")
    return Path("/content/drive/MyDrive/workoutlib")


def trained_checkpoint(session: Setup, catalog: pd.DataFrame | None = None) -> Path:
    """The checkpoint of notebook 03; where it is missing, it is trained now by the same config."""
    if not session.checkpoint.is_file():
        print(f"no {session.checkpoint.name} yet: training one now, as notebook 03 does")
        catalog = read_catalog(session.data) if catalog is None else catalog
        experiments.train_model(
            catalog,
            session.config,
            out=session.outputs,
            cache=session.cache,
            device=session.device,
            callbacks=Callbacks(progress=False),
        )
    return session.checkpoint
