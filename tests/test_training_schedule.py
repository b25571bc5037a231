"""Learning rates over a run, and the optimizer that follows them."""

import math

import pytest
import torch
from helpers.runs import CONFIG
from helpers.tiny import make_model

from workoutlib.config import Config
from workoutlib.training.schedule import build_optimizer, build_scheduler, learning_rate_at


def test_the_tutorials_schedule_falls_to_a_tenth_after_seven_epochs():
    tutorial = Config.profile("tutorial")
    rates = [learning_rate_at(tutorial, done + part) for done in range(10) for part in (0, 0.5, 0.999)]
    assert rates == pytest.approx([1e-3] * 21 + [1e-4] * 9, rel=1e-12)


def test_cosine_and_constant_schedules():
    cosine = Config(scheduler="cosine", epochs=4, learning_rate=0.8)
    expected = [0.8 * 0.5 * (1 + math.cos(math.pi * done / 4)) for done in (0, 1, 2, 3, 4)]
    assert [learning_rate_at(cosine, done) for done in (0, 1, 2, 3, 4)] == pytest.approx(expected)
    assert learning_rate_at(cosine, 0) == 0.8 and learning_rate_at(cosine, 4) == pytest.approx(0)
    assert learning_rate_at(Config(scheduler="none", learning_rate=0.5), 100) == 0.5


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_the_optimizer_has_only_what_may_move(name):
    model = make_model()
    model.body.requires_grad_(False)
    optimizer = build_optimizer(model, CONFIG.replace(optimizer=name, weight_decay=0.25))
    assert type(optimizer).__name__.lower() == name
    assert [id(p) for group in optimizer.param_groups for p in group["params"]] == [
        id(p) for p in model.head.parameters()
    ]
    assert optimizer.defaults["lr"] == 0.01 and optimizer.defaults["weight_decay"] == 0.25


@pytest.mark.parametrize("name", ["step", "cosine", "none"])
@pytest.mark.parametrize("done", [0, 7])
def test_the_scheduler_sets_the_rate_of_each_step(name, done):
    """Also where it begins within a run: nothing but the number of steps done decides."""
    config, steps = CONFIG.replace(scheduler=name, step_epochs=2), 5
    optimizer = torch.optim.SGD(make_model().parameters(), lr=config.learning_rate)
    scheduler = build_scheduler(optimizer, config, steps_per_epoch=steps, steps_done=done)
    for step in range(done, 4 * steps):
        assert optimizer.param_groups[0]["lr"] == pytest.approx(learning_rate_at(config, step / steps), rel=1e-12)
        optimizer.step()
        scheduler.step()
