"""Small things that many tests share: rendered pictures, a trained model, one thread."""

import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import torch
from hypothesis import settings

from workoutlib import gym
from workoutlib.config import Config
from workoutlib.data.catalog import read_catalog
from workoutlib.pose.weights import FILES, pose_folder
from workoutlib.training.experiments import Trained, train_model
from workoutlib.training.fit import Callbacks

# A busy machine is no reason to fail.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

LABELS = ("plank", "push up", "squat")


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Sums in one order on every machine, and no fight over its cores."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def _own_graphs(tmp_path_factory) -> Iterator[None]:
    """No converted model of a test stays in the cache of the repository."""
    folder = tmp_path_factory.mktemp("graphs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("workoutlib.recognition.openvino.graph_folder", lambda: folder)
        yield


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory) -> Path:
    """Three classes of the built-in gym: five videos of three frames and one still each."""
    folder = tmp_path_factory.mktemp("data") / "gym"
    gym.write_dataset(folder, videos=5, frames=3, stills=1, size=(160, 120), labels=LABELS)
    return folder


@pytest.fixture(scope="session")
def catalog(data_folder) -> pd.DataFrame:
    return read_catalog(data_folder)


@pytest.fixture(scope="session")
def config() -> Config:
    """The profile quick with pictures small enough for a test."""
    return Config.profile("quick", resize=64, crop=64, epochs=2, batch_size=8, valid=0.3)


@pytest.fixture(scope="session")
def trained(catalog, config, tmp_path_factory) -> Trained:
    """The small model after two epochs, with its files in the folder of ``trained.checkpoint``."""
    return train_model(catalog, config, out=tmp_path_factory.mktemp("run"), callbacks=Callbacks(progress=False))


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """An empty folder that ``input/`` and ``outputs/`` are made in; the pose network is not fetched anew for it."""
    if all((pose_folder() / name).is_file() for name in FILES):
        monkeypatch.setenv("WORKOUTLIB_POSE", str(pose_folder()))
    monkeypatch.setenv("WORKOUTLIB_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="session")
def estimator():
    """BlazePose, fetched once by the package's own code; without a network these tests are skipped, but not in CI."""
    from workoutlib import WorkoutlibError
    from workoutlib.pose.estimator import PoseEstimator

    try:
        return PoseEstimator(threads=1)
    except WorkoutlibError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
