"""Fit: the head first, frozen parts, interpolated weights, and reasons where a run must stop."""

import math

import pandas as pd
import pytest
import torch
from helpers.runs import CONFIG, CPU, PLAIN, STEPS, copy_of, run, without_seconds
from helpers.tiny import assert_same_state, make_dataset, make_model

import workoutlib.training.fit as fit_module
from workoutlib.data.dataset import ImageDataset
from workoutlib.models.build import Classifier
from workoutlib.models.inference import eval_loader
from workoutlib.training.fit import Callbacks, fit
from workoutlib.training.loop import validate
from workoutlib.training.run_folder import HISTORY, RunFolder
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import read_file

QUIET = Callbacks(progress=False)


def accuracy(model: Classifier, dataset: ImageDataset) -> float:
    return validate(model, eval_loader(model, dataset, crop=64, device=CPU))["accuracy"]


def test_the_history_states_the_rate_that_was_used():
    config = CONFIG.replace(scheduler="step", step_epochs=2, epochs=5, learning_rate=0.01)
    _, found = run(config)
    assert found.history["learning_rate"].tolist() == pytest.approx([0.01, 0.01, 0.001, 0.001, 0.0001])
    assert list(found.history.columns) == list(HISTORY) and found.history["epoch"].tolist() == [1, 2, 3, 4, 5]


def test_training_learns():
    config = PLAIN.replace(epochs=30, learning_rate=0.03)
    model, found = run(config)
    assert found.history["train_loss"].iloc[-1] < 0.5 * found.history["train_loss"].iloc[0]
    assert accuracy(model, make_dataset(30, seed=5)) > 0.8


def test_the_same_seed_gives_the_same_run_and_another_one_another():
    model, found = run(CONFIG)
    twin, same = run(CONFIG)
    other, _ = run(CONFIG.replace(seed=7))
    pd.testing.assert_frame_equal(without_seconds(found.history), without_seconds(same.history))
    assert_same_state(model.state_dict(), twin.state_dict())
    assert not torch.equal(model.head.weight, other.head.weight)


def test_without_validation_the_last_epoch_is_the_best(tmp_path):
    model, found = run(CONFIG, out=tmp_path, valid=None)
    assert found.history[["valid_loss", "valid_accuracy"]].isna().all(axis=None)
    assert found.history["train_loss"].notna().all() and found.best_epoch == 4
    assert_same_state(read_file(tmp_path / "best_model.pth")["state_dict"], model.state_dict())


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("moment", ["first step", "later epoch", "last step"])
def test_a_loss_that_is_no_number_stops_with_a_reason(tmp_path, value, moment):
    model, config = make_model(), CONFIG.replace(head_first=True)
    poisoned_step = {"first step": 1, "later epoch": 2 * STEPS + 2, "last step": 2 * STEPS}[moment]
    done = [0]

    def poison(*_):
        done[0] += 1
        if done[0] == poisoned_step:
            model.head.bias.data[0] = value

    with pytest.raises(WorkoutlibError, match=r"the loss became (nan|inf) in .*lower the learning rate \(now 0\.0"):
        run(config, out=tmp_path, model=model, on_step=poison)
    epochs = {"first step": 0, "later epoch": 2, "last step": 1}[moment]
    assert [row["epoch"] for row in read_file(tmp_path / "last.pth")["history"]] == list(range(epochs + 1))
    kept = read_file(tmp_path / "best_model.pth")["state_dict"]
    assert all(v.isfinite().all() for v in kept.values() if v.is_floating_point())


def test_a_loss_that_is_no_number_stops_without_validation_too():
    model = make_model()
    model.head.bias.data[0] = math.nan
    with pytest.raises(WorkoutlibError, match="epoch 1: the loss became nan in step 5 of 5"):
        run(CONFIG, model=model, valid=None)


def test_a_full_device_memory_says_which_batch_to_try(monkeypatch):
    def full(*_, **__):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(fit_module, "train_one_epoch", full)
    with pytest.raises(WorkoutlibError, match=r"batches of 5 pictures: train with batches of 2 \(--batch-size\)"):
        run(CONFIG)


def test_the_head_alone_is_trained_on_cached_features(monkeypatch):
    monkeypatch.setattr("workoutlib.models.features._kept", {})  # as if nothing had been trained before
    model, calls = make_model(), []
    before = {name: value.clone() for name, value in model.body.state_dict().items()}
    model.body.register_forward_hook(lambda *_: calls.append(1))
    run(CONFIG.replace(fine_tune=False), model=model, valid=None)
    assert len(calls) == 2, "the body looks once at the pictures and once at their mirror images, not every epoch"
    assert_same_state(model.body.state_dict(), before)
    assert not torch.equal(model.head.weight, make_model().head.weight)


def test_head_first_starts_from_a_fitted_head():
    config = PLAIN.replace(head_first=True, epochs=1, learning_rate=1e-8)
    _, found = run(config)
    assert found.history["epoch"].tolist() == [0, 1] and math.isnan(found.history["train_loss"][0])
    _, untrained = run(PLAIN.replace(epochs=1, learning_rate=1e-8))
    assert found.history["valid_loss"][0] < 0.8 * untrained.history["valid_loss"].iloc[0]


def test_a_stop_is_heard_while_features_are_extracted(monkeypatch):
    monkeypatch.setattr("workoutlib.models.features._kept", {})
    monkeypatch.setattr(fit_module, "fit_head", lambda *_: pytest.fail("went on"))
    with pytest.raises(WorkoutlibError, match="stopped before the first epoch ended"):
        run(PLAIN.replace(head_first=True), should_stop=lambda: True)


def test_head_only_with_head_first_needs_no_epochs():
    model, found = run(PLAIN.replace(head_first=True, fine_tune=False))
    assert found.history["epoch"].tolist() == [0] and found.best_epoch == 0
    assert accuracy(model, make_dataset(22)) > 0.8


@pytest.mark.parametrize("head_first", [False, True])
def test_interpolating_by_nothing_gives_the_start(head_first):
    config = PLAIN.replace(head_first=head_first, weight_interpolation=0.0, epochs=2)
    start = []
    model = make_model()
    _, found = run(config, model=model, on_epoch=lambda _: start.append(copy_of(model)))
    losses = found.history["valid_loss"]
    assert losses.nunique() == 1, "every epoch's evaluated weights are the start's"
    if head_first:
        assert_same_state(model.state_dict(), start[0])
        assert not torch.equal(start[1]["head.weight"], start[0]["head.weight"]), "but training itself moved"
    else:
        assert_same_state(model.state_dict(), make_model().state_dict())


def test_interpolating_half_way_is_the_mean_of_start_and_end(tmp_path):
    states, model = [], make_model()
    config = PLAIN.replace(head_first=True, weight_interpolation=0.5, epochs=2)
    run(config, model=model, valid=None, out=tmp_path, on_epoch=lambda _: states.append(copy_of(model)))
    for name, value in model.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(value, (states[0][name] + states[2][name]) / 2)
    assert_same_state(read_file(tmp_path / "best_model.pth")["state_dict"], model.state_dict())


def test_a_class_without_training_pictures_is_named():
    dataset = make_dataset(12)
    part = dataset.select(dataset.catalog[dataset.catalog["label"] != "class 1"])
    with pytest.raises(WorkoutlibError, match="no training picture of class 1"):
        fit(make_model(), part, None, CONFIG.replace(head_first=True), device=CPU, callbacks=QUIET)


@pytest.mark.parametrize("head_first", [True, False])
def test_one_class_is_not_enough(head_first, tmp_path):
    run(CONFIG, out=tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    dataset, config = make_dataset(6, classes=1), CONFIG.replace(head_first=head_first)
    with pytest.raises(WorkoutlibError, match="only one class, class 0"):
        folder = RunFolder(tmp_path, config, dataset, None)
        fit(make_model(1), dataset, None, config, device=CPU, folder=folder, callbacks=QUIET)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before, "the run before it is still there"


def test_two_classes_are():
    config = PLAIN.replace(head_first=True, epochs=0)
    dataset, model = make_dataset(20, classes=2), make_model(2)
    fit(model, dataset, None, config, device=CPU, callbacks=QUIET)
    assert accuracy(model, make_dataset(20, classes=2, seed=3)) > 0.8
