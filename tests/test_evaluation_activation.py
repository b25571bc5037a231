"""Class-activation maps: they point at what decides, for every model."""

import numpy as np
import pytest
import torch
from torch import nn

from workoutlib.config import Config
from workoutlib.data.transforms import model_view
from workoutlib.evaluation.activation import activation_map, overlay_activation
from workoutlib.models.build import MODELS, Classifier, build_model
from workoutlib.utils.errors import WorkoutlibError

CONFIG = Config.profile("quick", resize=64, crop=64)


def bright_spot(top: int, left: int) -> np.ndarray:
    image = np.zeros((64, 64, 3), np.uint8)
    image[top : top + 16, left : left + 16] = 255
    return image


@pytest.fixture
def seeks_light() -> Classifier:
    """Brightness in cells of 8 × 8 pixels, averaged: class 1 rises with it, class 0 falls."""
    body = nn.Sequential(nn.AvgPool2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    head = nn.Linear(3, 2, bias=False)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[-1.0] * 3, [1.0] * 3]))
    return Classifier(body, head, (0.0,) * 3, (1.0,) * 3)


@pytest.mark.parametrize(("top", "left"), [(0, 0), (0, 48), (40, 8)])
def test_map_is_bright_where_the_deciding_thing_is(seeks_light, top, left):
    heat = activation_map(seeks_light, bright_spot(top, left), CONFIG, 1)
    inside = heat[top : top + 16, left : left + 16]
    assert heat.shape == (64, 64) and heat.dtype == np.float32
    assert inside[4:12, 4:12].mean() > 0.95
    assert heat.sum() < 2 * inside.sum()


def test_what_speaks_against_a_class_is_dark(seeks_light):
    assert not activation_map(seeks_light, bright_spot(0, 0), CONFIG, 0).any()


def test_the_first_choice_is_explained_unless_told_otherwise(seeks_light):
    image = bright_spot(20, 20)
    np.testing.assert_array_equal(
        activation_map(seeks_light, image, CONFIG), activation_map(seeks_light, image, CONFIG, 1)
    )


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.parametrize("fine_tune", [False, True])
def test_every_model_has_a_map_and_is_left_as_it_was(name, fine_tune):
    torch.manual_seed(0)  # of some random weights every map is dark
    model = build_model(name, 3, fine_tune, weights=None)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    image = np.random.default_rng(0).integers(0, 256, (80, 100, 3), dtype=np.uint8)
    heats = [activation_map(model, image, CONFIG, label) for label in range(3)]
    assert all(heat.min() >= 0 and heat.max() <= 1 and heat.shape == (64, 64) for heat in heats)
    assert any(heat.any() for heat in heats)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_unknown_class_and_a_body_without_maps_are_refused(seeks_light):
    with pytest.raises(WorkoutlibError, match="classes 0 to 1"):
        activation_map(seeks_light, bright_spot(0, 0), CONFIG, 2)
    flat = Classifier(nn.Flatten(), nn.Linear(64 * 64 * 3, 2), (0.0,) * 3, (1.0,) * 3)
    with pytest.raises(WorkoutlibError, match="no feature maps"):
        activation_map(flat, bright_spot(0, 0), CONFIG)


def test_view_is_the_middle_of_the_picture():
    image = np.zeros((100, 200, 3), np.uint8)
    image[:, 50:150] = 200
    view = model_view(image, Config.profile("quick", resize=100, crop=80))
    assert view.shape == (80, 80, 3)
    assert view.min() == 200


def test_overlay_is_yellow_where_it_is_hot_and_blue_where_it_is_cold():
    view = np.full((40, 60, 3), 128, np.uint8)
    heat = np.zeros((4, 6), np.float32)
    heat[:, 3:] = 1
    drawn = overlay_activation(view, heat)
    (_, _, cold_blue), (hot_red, hot_green, hot_blue) = drawn[20, 5].astype(int), drawn[20, 55].astype(int)
    assert drawn.shape == view.shape and drawn.dtype == np.uint8
    assert min(hot_red, hot_green) > hot_blue
    assert cold_blue > drawn[20, 5][0]
    np.testing.assert_array_equal(overlay_activation(view, heat, strength=0.0), view)
