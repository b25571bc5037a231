"""The training loop: means weighted by pictures, steps that follow the gradient, validation by both mirror images."""

import numpy as np
import pytest
import torch
from helpers.runs import CONFIG, CPU, PLAIN
from helpers.tiny import make_dataset, make_model
from torch import nn

from workoutlib.config import Config
from workoutlib.data.dataset import ImageDataset
from workoutlib.data.loader import BatchLoader
from workoutlib.data.transforms import EvalTransform, transforms_of
from workoutlib.models.build import Classifier, freeze
from workoutlib.models.inference import eval_loader, predict_logits
from workoutlib.training.loop import train_one_epoch, validate
from workoutlib.training.schedule import build_optimizer
from workoutlib.utils.errors import WorkoutlibError


def train(
    model: Classifier, dataset: ImageDataset, config: Config, *, synthetic: ImageDataset | None = None, **options
) -> dict[str, float]:
    transform, _ = transforms_of(config, model.mean, model.std)
    loader = BatchLoader(
        dataset,
        config.batch_size,
        transform=transform,
        shuffle=True,
        synthetic=synthetic,
        synthetic_share=config.synthetic,
    )
    return train_one_epoch(model, loader, build_optimizer(model, config), **options)


def validated(model: Classifier, dataset: ImageDataset, *, flip: bool = False) -> dict:
    return validate(model, eval_loader(model, dataset, crop=64, device=CPU), flip=flip)


@pytest.mark.parametrize("batch_size", [1, 4, 5, 11, 100])
def test_a_short_last_batch_does_not_count_like_a_full_one(batch_size):
    config = PLAIN.replace(learning_rate=1e-8, batch_size=batch_size)
    model, dataset = make_model(), make_dataset(11)
    freeze(model, 0.0, batch_norm=True)
    expected = validated(model, dataset)
    found = train(model, dataset, config)
    assert found["loss"] == pytest.approx(expected["loss"], rel=1e-5)
    assert found["accuracy"] == pytest.approx(expected["accuracy"])


def test_synthetic_pictures_count_in_the_mean():
    config = PLAIN.replace(learning_rate=1e-8, batch_size=22, synthetic=1.0)
    model, dataset, synthetic = make_model(), make_dataset(22), make_dataset(1, seed=2)
    freeze(model, 0.0, batch_norm=True)
    losses = [validated(model, each)["loss"] for each in (dataset, synthetic)]
    found = train(model, dataset, config, synthetic=synthetic)
    assert found["loss"] == pytest.approx(np.mean(losses), rel=1e-5)


def test_the_step_follows_the_mean_gradient_of_the_batch():
    model, dataset = make_model(), make_dataset(6)
    config = PLAIN.replace(batch_size=6, learning_rate=0.001, optimizer="adam", weight_decay=0.0)
    freeze(model, 0.0, batch_norm=True)
    twin = make_model()
    images = EvalTransform(crop=64, mean=twin.mean, std=twin.std)(dataset.images)
    nn.functional.cross_entropy(twin(images), dataset.targets).backward()
    before = model.head.weight.detach().clone()
    train(model, dataset, config)
    # Adam's first step has the size of the rate and the gradient's sign
    step = model.head.weight.detach() - before
    assert torch.allclose(step, -0.001 * twin.head.weight.grad.sign(), atol=1e-5)


def test_the_size_of_the_step_is_that_of_the_mean_gradient():
    model, dataset, twin = make_model(), make_dataset(6), make_model()
    freeze(model, 0.0, batch_norm=True)
    images = EvalTransform(crop=64, mean=twin.mean, std=twin.std)(dataset.images)
    nn.functional.cross_entropy(twin(images), dataset.targets).backward()
    before = model.head.weight.detach().clone()
    transform = EvalTransform(crop=64, mean=model.mean, std=model.std)
    loader = BatchLoader(dataset, 6, transform=transform, shuffle=True)
    train_one_epoch(model, loader, torch.optim.SGD(model.parameters(), lr=0.5))
    torch.testing.assert_close(before - model.head.weight.detach(), 0.5 * twin.head.weight.grad, atol=1e-6, rtol=1e-4)


def test_a_criterion_of_ones_own_decides_the_loss():
    model, dataset = make_model(), make_dataset(6)
    freeze(model, 0.0, batch_norm=True)
    config = PLAIN.replace(learning_rate=1e-8, batch_size=6)
    smooth = nn.CrossEntropyLoss(reduction="none", label_smoothing=0.5)
    logits = validated(model, dataset)["logits"]
    found = train(model, dataset, config, criterion=smooth)
    assert found["loss"] == pytest.approx(smooth(logits, dataset.targets).mean().item(), rel=1e-5)


def test_the_scheduler_is_stepped_and_the_caller_told_after_every_batch():
    model, steps, rates = make_model(), [], []
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5**step)

    def on_step(step: int, of: int) -> None:
        steps.append((step, of))
        rates.append(optimizer.param_groups[0]["lr"])

    loader = BatchLoader(make_dataset(11), 4, transform=EvalTransform(crop=64), shuffle=True)
    train_one_epoch(model, loader, optimizer, scheduler=scheduler, on_step=on_step)
    assert steps == [(1, 3), (2, 3), (3, 3)] and rates == [0.5, 0.25, 0.125]


def test_a_loss_that_is_no_number_stops_the_epoch():
    model = make_model()
    model.head.bias.data[0] = float("nan")
    with pytest.raises(
        WorkoutlibError, match=r"the loss became nan in step 5 of 5: lower the learning rate \(now 0\.01"
    ):
        train(model, make_dataset(22), CONFIG)


def test_validation_is_the_cross_entropy_of_the_mean_over_both_mirror_images():
    model, dataset = make_model(), make_dataset(9)
    inputs = EvalTransform(crop=64, mean=model.mean, std=model.std)(dataset.images)
    with torch.inference_mode():
        straight, mirrored = model(inputs), model(inputs.flip(3))
    for flip, expected in ((False, straight), (True, (straight + mirrored) / 2)):
        loader = eval_loader(model, dataset, crop=64, device=CPU, batch_size=4)
        assert torch.allclose(predict_logits(model, loader, flip=flip), expected, atol=1e-5)
        found = validate(model, loader, flip=flip)
        assert torch.allclose(found["logits"], expected, atol=1e-5)
        assert found["loss"] == pytest.approx(nn.functional.cross_entropy(expected, dataset.targets).item(), rel=1e-4)
        assert found["accuracy"] == pytest.approx((expected.argmax(1) == dataset.targets).float().mean().item())
    assert not torch.allclose(straight, mirrored, atol=1e-3)
