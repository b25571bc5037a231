"""Loggers: TensorBoard hears of each epoch, and where it is missing the way to it is named."""

import sys
from types import ModuleType

import pytest
from helpers.runs import PLAIN, run

from workoutlib.training.experiments import train_model
from workoutlib.training.fit import Callbacks
from workoutlib.training.loggers import open_logger
from workoutlib.utils.errors import WorkoutlibError


class Writer:
    def __init__(self, folder):
        self.folder, self.scalars, self.closed = folder, [], False
        Writer.last = self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closed = True

    def add_scalar(self, name, value, step):
        self.scalars.append((name, value, step))

    def flush(self):
        pass


@pytest.fixture(autouse=True)
def tensorboard(monkeypatch):
    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)


def test_tensorboard_gets_each_number_of_each_epoch(tmp_path):
    with open_logger("tensorboard", tmp_path) as log:
        _, found = run(PLAIN.replace(head_first=True, epochs=1), on_epoch=log)
        assert not Writer.last.closed
    assert Writer.last.closed
    assert Writer.last.folder == str(tmp_path / "tensorboard")
    history = found.history.set_index("epoch")
    names = [(name, epoch) for name, _, epoch in Writer.last.scalars]
    assert ("loss/train", 0) not in names, "nothing was trained at epoch 0"
    assert {("loss/valid", 0), ("accuracy/valid", 1), ("loss/train", 1), ("learning_rate", 1)} <= set(names)
    assert ("loss/train", history.loc[1, "train_loss"], 1) in Writer.last.scalars


def test_without_tensorboard_its_installation_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(WorkoutlibError, match="pip install tensorboard"), open_logger("tensorboard", tmp_path):
        pass


def test_a_training_that_fails_closes_its_log(catalog, tmp_path):
    with pytest.raises(WorkoutlibError, match="only one class"):
        train_model(
            catalog[catalog["label"] == "squat"],
            PLAIN,
            out=tmp_path,
            callbacks=Callbacks(progress=False, logger="tensorboard"),
        )
    assert Writer.last.folder == str(tmp_path / "tensorboard") and Writer.last.closed
