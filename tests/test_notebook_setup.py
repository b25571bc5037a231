"""The set-up cell's function."""

import importlib
import sys
import types

import pytest

from workoutlib.config import Config
from workoutlib.models.checkpoints import load_checkpoint
from workoutlib.notebook.setup import setup, trained_checkpoint
from workoutlib.utils.errors import WorkoutlibError


def test_set_up_says_what_is_here_and_hands_on_the_choices(home, data_folder, capsys):
    session = setup("tutorial", data=str(data_folder), epochs=3)
    printed = capsys.readouterr().out
    assert session.config == Config.profile("tutorial", epochs=3)
    assert (session.data, session.outputs) == (data_folder, home / "outputs")
    assert session.checkpoint == home / "outputs" / "best_model.pth"
    assert "torch" in printed and "device: " in printed
    assert ("No GPU here" in printed) == (session.device.type == "cpu")
    assert str(home) not in printed


def test_auto_says_what_it_chose_and_why(home, data_folder, capsys):
    session = setup(data=str(data_folder))
    assert f"profile {session.config.name}: " in capsys.readouterr().out


def test_a_wrong_profile_is_named(home, data_folder):
    with pytest.raises(WorkoutlibError, match="no profile 'fast'"):
        setup("fast", data=str(data_folder))


def test_drive_is_for_colab(home, data_folder, monkeypatch):
    with pytest.raises(WorkoutlibError, match="for Colab"):
        setup(data=str(data_folder), drive=True)
    mounted = []
    colab = types.ModuleType("google.colab")
    colab.drive = types.SimpleNamespace(mount=mounted.append)
    monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    session = setup(data=str(data_folder), drive=True)
    assert mounted == ["/content/drive"]
    assert session.outputs.as_posix() == "/content/drive/MyDrive/workoutlib"


@pytest.mark.slow
def test_a_missing_checkpoint_is_trained_once(home, data_folder, config, capsys):
    changes = {name: getattr(config, name) for name in ("resize", "crop", "batch_size", "valid")}
    session = setup("quick", data=str(data_folder), **changes)
    path = trained_checkpoint(session)
    assert "training one now" in capsys.readouterr().out
    assert load_checkpoint(path).config == session.config
    written = path.stat().st_mtime_ns
    assert trained_checkpoint(session) == path
    assert path.stat().st_mtime_ns == written


def test_an_old_ipywidgets_is_named_in_one_sentence(monkeypatch):
    """An old Colab has version 7; its own answer would be KeyError(0)."""
    import ipywidgets

    from workoutlib.notebook.panels import common

    monkeypatch.setattr(ipywidgets, "__version__", "7.7.1")
    with pytest.raises(
        WorkoutlibError, match=r"need ipywidgets 8.1 or later, here is 7\.7\.1: run  pip install"
    ) as caught:
        common.Panel("a panel", [])
    assert "\n" not in str(caught.value)
    with pytest.raises(WorkoutlibError, match="restart the runtime"):
        importlib.reload(common)
