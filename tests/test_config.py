"""Configs: the published recipe to the letter, ranges that hold, and profiles that can be changed."""

import dataclasses
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from workoutlib import config as module
from workoutlib.config import CHOICES, PROFILES, RANGES, Config, choose_profile
from workoutlib.data.download import KAGGLE_FOLDER
from workoutlib.utils.errors import WorkoutlibError


def test_the_tutorial_profile_is_the_published_recipe():
    tutorial = Config.profile("tutorial")
    published = {
        "model": "resnet50",
        "weights": "DEFAULT",
        "fine_tune": True,
        "optimizer": "adam",
        "learning_rate": 1e-3,
        "batch_size": 64,
        "epochs": 10,
        "scheduler": "step",
        "step_epochs": 7,
        "resize": 256,
        "crop": 224,
        "resize_mode": "squash",
        "flip": True,
        "rotation": 35.0,
        "interpolation": "nearest",
        "split": "random",
        "valid": 0.10,
        "zoom": 0.0,
        "colour": 0.0,
        "erase": 0.0,
        "weight_decay": 0.0,
        "label_smoothing": 0.0,
        "weight_interpolation": 1.0,
        "head_first": False,
        "frozen": 0.0,
        "freeze_batch_norm": False,
        "flip_at_test": False,
    }
    assert {name: getattr(tutorial, name) for name in published} == published


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_can_be_changed_and_stored(name):
    changed = Config.profile(name, epochs=3, seed=7)
    assert (changed.name, changed.epochs, changed.seed) == (name, 3, 7)
    assert Config.from_dict(changed.to_dict()) == changed
    assert changed.replace(batch_size=5).batch_size == 5 and changed.batch_size != 5
    assert changed.changes() == {k: v for k, v in {"epochs": 3, "seed": 7}.items() if v != PROFILES[name].get(k)}
    assert Config.profile(name).changes() == {}
    with pytest.raises(dataclasses.FrozenInstanceError):
        changed.epochs = 4


@pytest.mark.parametrize("field", RANGES)
def test_ranges_hold_at_both_ends(field):
    low, high = RANGES[field]
    whole = isinstance(getattr(Config(), field), int)
    step = 1 if whole else 1e-9 + 1e-6 * abs(high)
    together = {"crop": {"resize": 1024}, "resize": {"crop": 64}, "epochs": {}}.get(field, {})
    for value in (low, high):
        assert getattr(Config(**{**together, field: value}), field) == value
    for value in (low - step, high + step, math.nan, math.inf):
        with pytest.raises(WorkoutlibError, match=rf"Config\.{field} "):
            Config(**{**together, field: value})


@given(
    field=st.sampled_from([f.name for f in dataclasses.fields(Config)]),
    value=st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just([1]),
)
def test_any_value_is_taken_as_it_is_or_named_in_an_error(field, value):
    try:
        made = Config.from_dict({"resize": 1024, "crop": 64, field: value})
    except WorkoutlibError as error:
        assert f"Config.{field}" in str(error)
    else:
        assert getattr(made, field) is value or getattr(made, field) == value
        assert Config.from_dict(made.to_dict()) == made
        assert (
            type(value)
            in {"str": (str,), "bool": (bool,), "int": (int,), "float": (int, float)}[
                {f.name: f.type for f in dataclasses.fields(Config)}[field]
            ]
        )


@pytest.mark.parametrize("field", CHOICES)
def test_a_wrong_choice_lists_the_right_ones(field):
    with pytest.raises(WorkoutlibError, match=CHOICES[field][0]):
        Config(**{field: "nonsense"})


def test_what_cannot_go_together():
    with pytest.raises(WorkoutlibError, match=r"Config\.crop = 300 is larger than Config\.resize = 256"):
        Config(crop=300)
    with pytest.raises(WorkoutlibError, match="nothing would be trained"):
        Config(epochs=0, head_first=False)
    assert Config(epochs=0).epochs == 0


def test_unknown_names():
    with pytest.raises(WorkoutlibError, match="no profile 'fast': choose one of quick, tutorial, best"):
        Config.profile("fast")
    with pytest.raises(WorkoutlibError, match="unknown Config field 'learning rate', 'speed'"):
        Config.from_dict({"speed": 1, "learning rate": 2})


@pytest.mark.parametrize(
    ("data", "kaggle", "device", "expected"),
    [
        ("auto", False, "cuda", "quick"),
        ("auto", True, "cuda", "best"),
        ("auto", True, "cpu", "quick"),
        ("sample", True, "cuda", "quick"),
        ("kaggle", False, "cuda", "best"),
        ("some/folder", False, "cpu", "quick"),
        ("some/folder", False, "cuda", "best"),
    ],
)
def test_auto_says_what_it_chose_and_how_to_choose_otherwise(home, monkeypatch, data, kaggle, device, expected):
    monkeypatch.setattr("workoutlib.devices.pick_device", lambda: torch.device(device))
    monkeypatch.setattr("workoutlib.devices.describe", lambda device: f"a {device.type}")
    if kaggle:
        (home / "input" / KAGGLE_FOLDER).mkdir(parents=True)
    name, reason = choose_profile(data)
    assert name == expected
    assert name in reason and f"a {device}" in reason and all(other in reason for other in module.PROFILES)
