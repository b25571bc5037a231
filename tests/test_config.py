"""Configs: the published recipe to the letter, ranges that hold, and profiles that can be changed."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from workoutlib.config import PROFILES, Config
from workoutlib.utils.errors import WorkoutlibError

# field: (lowest, highest), both allowed
RANGES = {
    "resize": (64, 1024),
    "crop": (64, 1024),
    "rotation": (0.0, 180.0),
    "zoom": (0.0, 0.9),
    "colour": (0.0, 0.9),
    "erase": (0.0, 1.0),
    "synthetic": (0.0, 1.0),
    "valid": (0.0, 0.5),
    "test": (0.0, 0.5),
    "epochs": (0, 10_000),
    "batch_size": (1, 65_536),
    "learning_rate": (1e-8, 10.0),
    "weight_decay": (0.0, 10.0),
    "step_epochs": (1, 10_000),
    "label_smoothing": (0.0, 0.9),
    "frozen": (0.0, 1.0),
    "weight_interpolation": (0.0, 1.0),
    "seed": (0, 2**31 - 1),
}
CHOICES = {
    "resize_mode": ("squash", "crop"),
    "interpolation": ("nearest", "bilinear"),
    "split": ("random", "video"),
    "optimizer": ("adam", "adamw"),
    "scheduler": ("step", "cosine", "none"),
}


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
        "synthetic": 0.0,
        "warm_up": False,
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
    with pytest.raises(ValidationError, match="frozen"):
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


def test_every_number_has_a_range_and_every_choice_its_values():
    numbers = {name for name, value in Config().to_dict().items() if type(value) in (int, float)}
    assert numbers == set(RANGES)
    assert {name for name, value in Config().to_dict().items() if type(value) is str} == {
        *CHOICES,
        "name",
        "model",
        "weights",
    }


@given(
    field=st.sampled_from(list(Config.model_fields)),
    value=st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just([1]),
)
def test_any_value_is_taken_as_it_is_or_named_in_an_error(field, value):
    try:
        made = Config.from_dict({"resize": 1024, "crop": 64, field: value})
    except WorkoutlibError as error:
        assert f"Config.{field}" in str(error)
        assert "\n" not in str(error)
    else:
        assert getattr(made, field) is value or getattr(made, field) == value
        assert Config.from_dict(made.to_dict()) == made
        kind = type(getattr(Config(), field))
        assert type(value) is kind or (kind, type(value)) == (float, int)


@pytest.mark.parametrize("field", CHOICES)
def test_a_wrong_choice_lists_the_right_ones(field):
    with pytest.raises(WorkoutlibError, match=rf"Config\.{field} = 'nonsense'") as found:
        Config(**{field: "nonsense"})
    assert all(repr(choice) in str(found.value) for choice in CHOICES[field])
    for choice in CHOICES[field]:
        assert getattr(Config(**{field: choice}), field) == choice


def test_what_cannot_go_together():
    with pytest.raises(WorkoutlibError, match=r"Config\.crop = 300 is larger than Config\.resize = 256"):
        Config(crop=300)
    with pytest.raises(WorkoutlibError, match="nothing would be trained"):
        Config(epochs=0, head_first=False)
    assert Config(epochs=0).epochs == 0


def test_unknown_names():
    with pytest.raises(WorkoutlibError, match="no profile 'fast': choose one of quick, tutorial, best"):
        Config.profile("fast")
    with pytest.raises(WorkoutlibError, match=r"unknown Config field 'speed': choose one of name, model, "):
        Config.from_dict({"speed": 1})


def test_configs_of_version_0_1_are_understood():
    before = {**Config().to_dict(), "weights": "WARM", "interpolate": 0.75, "fit": "squash", "rendered": 0.5}
    for name in ("weight_interpolation", "resize_mode", "synthetic", "warm_up"):
        del before[name]
    expected = {"weight_interpolation": 0.75, "resize_mode": "squash", "synthetic": 0.5, "warm_up": True}
    assert Config.from_dict(before) == Config(**expected)
    assert Config.from_dict(before | {"weights": "net.pth"}) == Config(
        **expected | {"weights": "net.pth", "warm_up": False}
    )
