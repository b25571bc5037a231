"""Loggers: TensorBoard hears of each epoch, and where it is missing the way to it is named."""

import sys
from types import ModuleType

import pytest
from helpers.runs import PLAIN, run

from workoutlib.training.loggers import open_logger
from workoutlib.utils.errors import WorkoutlibError


class Writer:
    def __init__(self, folder):
        self.folder, self.scalars = folder, []
        Writer.last = self

    def add_scalar(self, name, value, step):
        self.scalars.append((name, value, step))

    def flush(self):
        pass


def test_tensorboard_gets_each_number_of_each_epoch(tmp_path, monkeypatch):
    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    _, found = run(PLAIN.replace(head_first=True, epochs=1), on_epoch=open_logger("tensorboard", tmp_path))
    assert Writer.last.folder == str(tmp_path / "tensorboard")
    history = found.history.set_index("epoch")
    names = [(name, epoch) for name, _, epoch in Writer.last.scalars]
    assert ("loss/train", 0) not in names, "nothing was trained at epoch 0"
    assert {("loss/valid", 0), ("accuracy/valid", 1), ("loss/train", 1), ("learning_rate", 1)} <= set(names)
    assert ("loss/train", history.loc[1, "train_loss"], 1) in Writer.last.scalars


def test_without_tensorboard_its_installation_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(WorkoutlibError, match="pip install tensorboard"):
        open_logger("tensorboard", tmp_path)
