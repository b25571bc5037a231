"""Models: the right size, and frozen that means frozen."""

import pytest
import torch
from helpers.tiny import make_dataset, make_model
from torch import nn

from workoutlib.config import Config
from workoutlib.data.loader import BatchLoader
from workoutlib.data.transforms import transforms_of
from workoutlib.models.build import MODELS, build_model, count_parameters, freeze, layers
from workoutlib.training.loop import train_one_epoch
from workoutlib.training.schedule import build_optimizer
from workoutlib.utils.errors import WorkoutlibError


def train_a_step(model, config: Config) -> None:
    transform, _ = transforms_of(config, model.mean, model.std)
    loader = BatchLoader(make_dataset(8, size=config.resize), 8, transform=transform, shuffle=True)
    train_one_epoch(model, loader, build_optimizer(model, config))


def test_resnet50_has_the_published_number_of_parameters():
    assert count_parameters(build_model("resnet50", 22, weights=None)) == {"total": 23_553_110, "trainable": 23_553_110}
    frozen = build_model("resnet50", 22, fine_tune=False, weights=None)
    assert count_parameters(frozen) == {"total": 23_553_110, "trainable": 2048 * 22 + 22}


@pytest.mark.parametrize("name", MODELS)
def test_every_model_maps_pictures_to_logits(name):
    model = build_model(name, 5, weights=None)
    images = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        features = model.body(images)
        assert features.ndim == 2 and features.shape[1] == model.head.in_features
        assert model(images).shape == (2, 5)
    assert len(model.mean) == len(model.std) == 3 and not model.training


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_frozen_means_frozen_after_a_step(share, batch_norm):
    config = Config(resize=64, crop=64, learning_rate=0.1, weight_decay=0.1, frozen=share)
    model = build_model("tf_efficientnet_lite0", 3, weights=None)
    freeze(model, share, batch_norm=batch_norm)
    frozen = layers(model)[: round(share * len(layers(model)))]
    kept = {id(tensor) for layer in frozen for tensor in layer.state_dict(keep_vars=True).values()}
    if batch_norm:
        norms = [m for m in model.body.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        kept |= {id(tensor) for norm in norms for tensor in norm.state_dict(keep_vars=True).values()}
    before = {name: value.clone() for name, value in model.state_dict().items()}
    live = model.state_dict(keep_vars=True)
    train_a_step(model, config)
    moved = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    may_move = {name for name, value in live.items() if id(value) not in kept}
    assert moved <= may_move
    assert {"head.weight", "head.bias"} <= moved
    statistics = {name for name in may_move if name.endswith(("running_mean", "running_var"))}
    assert statistics <= moved and bool(statistics) == (share < 1.0 and not batch_norm)


def test_freezing_all_parameters_by_hand_is_no_trap():
    model = make_model().requires_grad_(False)
    assert not model.train().training and not model.eval().training


def test_thawing_again():
    model = build_model("tf_efficientnet_lite0", 3, fine_tune=False, weights=None)
    freeze(model, 0.0)
    assert all(p.requires_grad for p in model.parameters())
    assert all(module.training for module in model.train().modules())


def test_unknown_model():
    with pytest.raises(WorkoutlibError, match="no model 'vgg16': choose one of resnet50"):
        build_model("vgg16")
