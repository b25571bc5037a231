"""Training: schedules, weighted means, frozen parts, and runs that go on as if never interrupted."""

import math
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from tiny import assert_same_state, make_dataset, make_model, one_thread_environment
from torch import nn

import workoutlib.training.fit as fit_module
from workoutlib.config import Config
from workoutlib.data.transforms import apply_augmentation, evaluation_batch
from workoutlib.models.build import freeze
from workoutlib.models.inference import predict_logits
from workoutlib.training import run_folder as runs
from workoutlib.training.fit import fit
from workoutlib.training.loop import build_optimizer, train_one_epoch, validate
from workoutlib.training.run_folder import HISTORY, best_epoch
from workoutlib.training.schedule import learning_rate_at
from workoutlib.utils import devices
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import read_file

CPU = torch.device("cpu")
CONFIG = Config(
    resize=64,
    crop=64,
    epochs=4,
    batch_size=5,
    learning_rate=0.01,
    frozen=0.0,
    freeze_batch_norm=False,
    head_first=False,
    rotation=10.0,
    zoom=0.2,
    colour=0.2,
    erase=0.3,
    label_smoothing=0.1,
)
PLAIN = CONFIG.replace(
    flip=False,
    rotation=0.0,
    zoom=0.0,
    colour=0.0,
    erase=0.0,
    label_smoothing=0.0,
    flip_at_test=False,
    freeze_batch_norm=True,
)
STEPS = 5  # of an epoch: 22 pictures in batches of 5


def run(config: Config, *, out=None, model=None, valid=True, **options):
    """Fit a small model to 22 pictures."""
    model = model or make_model()
    found = fit(
        model,
        make_dataset(22),
        make_dataset(9, seed=1) if valid else None,
        config,
        device=CPU,
        rendered=make_dataset(30, seed=2) if config.synthetic else None,
        out=out,
        progress=False,
        **options,
    )
    return model, found


def copy_of(model) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def without_seconds(history: pd.DataFrame) -> pd.DataFrame:
    return history.drop(columns="seconds")


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


def test_the_history_states_the_rate_that_was_used():
    config = CONFIG.replace(scheduler="step", step_epochs=2, epochs=5, learning_rate=0.01)
    _, found = run(config)
    assert found.history["learning_rate"].tolist() == pytest.approx([0.01, 0.01, 0.001, 0.001, 0.0001])
    assert list(found.history.columns) == list(HISTORY) and found.history["epoch"].tolist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_the_optimizer_has_only_what_may_move(name):
    model = make_model()
    model.body.requires_grad_(False)
    optimizer = build_optimizer(model, CONFIG.replace(optimizer=name, weight_decay=0.25), CPU)
    assert type(optimizer).__name__.lower() == name
    assert [id(p) for group in optimizer.param_groups for p in group["params"]] == [
        id(p) for p in model.head.parameters()
    ]
    assert optimizer.defaults["lr"] == 0.01 and optimizer.defaults["weight_decay"] == 0.25


def one_epoch(model, config, frames):
    return train_one_epoch(
        model,
        frames,
        build_optimizer(model, config, CPU),
        config,
        epoch=1,
        device=CPU,
        prepare=lambda images, draw: apply_augmentation(images, draw, config, model.mean, model.std),
    )


@pytest.mark.parametrize("batch_size", [1, 4, 5, 11, 100])
def test_a_short_last_batch_does_not_count_like_a_full_one(batch_size):
    config = PLAIN.replace(learning_rate=1e-8, batch_size=batch_size)
    model, frames = make_model(), make_dataset(11)
    freeze(model, 0.0, batch_norm=True)
    expected = validate(model, frames, config, device=CPU)
    found = one_epoch(model, config, frames)
    assert found["loss"] == pytest.approx(expected["loss"], rel=1e-5)
    assert found["accuracy"] == pytest.approx(expected["accuracy"])


def test_every_batch_and_epoch_has_an_order_and_draws_of_its_own():
    frames, seen = make_dataset(22), []
    frames.images[:, 0, 0, 0] = torch.arange(22)  # a number for each picture

    def remember(images, draw):
        seen.append((images[:, 0, 0, 0].tolist(), draw["angle"].tolist()))
        return evaluation_batch(images, CONFIG, model.mean, model.std)

    model = make_model()
    for epoch in (1, 2):
        train_one_epoch(
            model, frames, build_optimizer(model, CONFIG, CPU), CONFIG, epoch=epoch, device=CPU, prepare=remember
        )
    orders = [[number for numbers, _ in seen[i : i + STEPS] for number in numbers] for i in (0, STEPS)]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(22)) and orders[0] != orders[1]
    angles = [angle for _, angles in seen for angle in angles]
    assert len(set(angles)) == len(angles) == 44


def test_rendered_pictures_join_each_batch_with_draws_of_their_own():
    frames, rendered, seen = make_dataset(22), make_dataset(30, seed=2), []
    frames.images[:, 0, 0, 0], rendered.images[:, 0, 0, 0] = torch.arange(22), torch.arange(100, 130)

    def remember(images, draw):
        seen.append((images[:, 0, 0, 0].tolist(), draw["angle"].tolist()))
        return evaluation_batch(images, config, model.mean, model.std)

    model, config = make_model(), CONFIG.replace(synthetic=0.6)
    for epoch in (1, 2):
        train_one_epoch(
            model,
            frames,
            build_optimizer(model, config, CPU),
            config,
            epoch=epoch,
            device=CPU,
            prepare=remember,
            rendered=rendered,
        )
    assert [len(numbers) for numbers, _ in seen] == 2 * [8, 8, 8, 8, 3]  # 5 + 3, at last 2 + 1
    own = [number for numbers, _ in seen[:STEPS] for number in numbers if number < 100]
    guests = [[n for numbers, _ in seen[i : i + STEPS] for n in numbers if n >= 100] for i in (0, STEPS)]
    assert sorted(own) == list(range(22)) and guests[0] != guests[1]
    angles = [angle for _, angles in seen for angle in angles]
    assert len(set(angles)) == len(angles) == 70


def test_rendered_pictures_count_in_the_mean():
    config = PLAIN.replace(learning_rate=1e-8, batch_size=22, synthetic=1.0)
    model, frames, rendered = make_model(), make_dataset(22), make_dataset(1, seed=2)
    freeze(model, 0.0, batch_norm=True)
    losses = [validate(model, each, config, device=CPU)["loss"] for each in (frames, rendered)]
    found = train_one_epoch(
        model,
        frames,
        build_optimizer(model, config, CPU),
        config,
        epoch=1,
        device=CPU,
        rendered=rendered,
        prepare=lambda images, draw: apply_augmentation(images, draw, config, model.mean, model.std),
    )
    assert found["loss"] == pytest.approx(np.mean(losses), rel=1e-5)


def test_the_step_follows_the_mean_gradient_of_the_batch():
    model, frames = make_model(), make_dataset(6)
    config = PLAIN.replace(batch_size=6, learning_rate=0.001, optimizer="adam", weight_decay=0.0, scheduler="none")
    freeze(model, 0.0, batch_norm=True)
    twin = make_model()
    loss = nn.functional.cross_entropy(
        twin(evaluation_batch(frames.images, config, twin.mean, twin.std)), frames.targets
    )
    loss.backward()
    before = model.head.weight.detach().clone()
    one_epoch(model, config, frames)
    # Adam's first step has the size of the rate and the gradient's sign
    step = model.head.weight.detach() - before
    assert torch.allclose(step, -0.001 * twin.head.weight.grad.sign(), atol=1e-5)


def test_validation_is_the_cross_entropy_of_the_mean_over_both_mirror_images():
    model, frames = make_model(), make_dataset(9)
    inputs = evaluation_batch(frames.images, CONFIG, model.mean, model.std)
    with torch.inference_mode():
        straight, mirrored = model(inputs), model(inputs.flip(3))
    for flip, expected in ((False, straight), (True, (straight + mirrored) / 2)):
        config = CONFIG.replace(flip_at_test=flip)
        logits = predict_logits(model, frames, config, device=CPU, size=4)
        assert torch.allclose(logits, expected, atol=1e-5)
        found = validate(model, frames, config, device=CPU)
        assert found["loss"] == pytest.approx(nn.functional.cross_entropy(expected, frames.targets).item(), rel=1e-4)
        assert found["accuracy"] == pytest.approx((expected.argmax(1) == frames.targets).float().mean().item())
    assert not torch.allclose(straight, mirrored, atol=1e-3)


def test_training_learns():
    config = PLAIN.replace(epochs=30, learning_rate=0.03)
    model, found = run(config)
    assert found.history["train_loss"].iloc[-1] < 0.5 * found.history["train_loss"].iloc[0]
    assert validate(model, make_dataset(30, seed=5), config, device=CPU)["accuracy"] > 0.8


def test_the_same_seed_gives_the_same_run_and_another_one_another():
    model, found = run(CONFIG)
    twin, same = run(CONFIG)
    other, _ = run(CONFIG.replace(seed=7))
    pd.testing.assert_frame_equal(without_seconds(found.history), without_seconds(same.history))
    assert_same_state(model.state_dict(), twin.state_dict())
    assert not torch.equal(model.head.weight, other.head.weight)


RECIPES = {
    "plain": CONFIG,
    "head first": CONFIG.replace(head_first=True),
    "interpolated": CONFIG.replace(head_first=True, weight_interpolation=0.4, frozen=0.5),
    "with rendered pictures": CONFIG.replace(head_first=True, synthetic=0.5),
    "head only": CONFIG.replace(fine_tune=False),
    "adam, steps": CONFIG.replace(optimizer="adam", scheduler="step", step_epochs=2, freeze_batch_norm=True),
}


class Undisturbed:
    """Runs that nothing interrupts, each made once."""

    def __init__(self, folder):
        self.folder, self.made = folder, {}

    def __getitem__(self, recipe):
        if recipe not in self.made:
            out = self.folder / recipe
            model, found = run(RECIPES[recipe], out=out)
            self.made[recipe] = model.state_dict(), found.history, read_file(out / "best_model.pth")
        return self.made[recipe]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Undisturbed:
    return Undisturbed(tmp_path_factory.mktemp("undisturbed"))


def stop_after(steps: int, how: str) -> dict:
    """Options of fit that end the run after so many steps, by the ways in which a run can end."""
    left = [steps]

    def count_down(*_) -> bool:
        left[0] -= 1
        if left[0] == 0 and how == "Ctrl-C":
            raise KeyboardInterrupt
        return left[0] <= 0

    return {"should_stop": count_down} if how == "should_stop" else {"on_step": count_down}


def assert_resumes(recipe, out, undisturbed):
    weights, history, best = undisturbed[recipe]
    model, found = run(RECIPES[recipe], out=out, resume=True)
    pd.testing.assert_frame_equal(without_seconds(found.history), without_seconds(history))
    assert_same_state(model.state_dict(), weights)
    kept = read_file(out / "best_model.pth")
    assert kept["metrics"] == best["metrics"]
    assert_same_state(kept["state_dict"], best["state_dict"])
    stored = pd.read_csv(out / "history.csv")
    pd.testing.assert_frame_equal(without_seconds(stored), without_seconds(history), check_exact=False, rtol=1e-12)
    assert found.stopped is None and sorted(p.name for p in out.iterdir()) == [
        "best_model.pth",
        "history.csv",
        "last.pth",
    ]


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize(
    ("steps", "how"),
    [(STEPS, "should_stop"), (STEPS + 2, "Ctrl-C"), (2 * STEPS + 1, "should_stop"), (4 * STEPS - 1, "Ctrl-C")],
)
def test_a_resumed_run_is_an_undisturbed_one(recipe, steps, how, tmp_path, undisturbed):
    if steps == STEPS and not RECIPES[recipe].head_first:
        with pytest.raises(WorkoutlibError, match="before the first epoch ended"):
            run(RECIPES[recipe], out=tmp_path, **stop_after(steps, how))
    else:
        _, found = run(RECIPES[recipe], out=tmp_path, **stop_after(steps, how))
        expected = undisturbed[recipe][1]
        assert found.stopped == {"should_stop": "stopped", "Ctrl-C": "interrupted"}[how]
        assert len(found.history) < len(expected)
        pd.testing.assert_frame_equal(without_seconds(found.history), without_seconds(expected[: len(found.history)]))
    assert_resumes(recipe, tmp_path, undisturbed)


def test_a_run_interrupted_again_and_again(tmp_path, undisturbed):
    for steps in (STEPS + 1, 1, STEPS + 3, STEPS):
        run(RECIPES["interpolated"], out=tmp_path, resume=True, **stop_after(steps, "Ctrl-C"))
    assert_resumes("interpolated", tmp_path, undisturbed)


@pytest.mark.parametrize("where", ["best_model.pth", "last.pth", "history.csv"])
@pytest.mark.parametrize("fault", [KeyboardInterrupt, OSError(28, "No space left on device")])
@pytest.mark.parametrize("time", [1, 2])
def test_a_stop_while_files_are_written(where, fault, time, tmp_path, undisturbed, monkeypatch):
    """Whichever of the three files is being written: what is there is whole, and the run goes on from it."""
    replace, written = os.replace, []

    def fail(source, target):
        written.append(os.path.basename(target))
        if written[-1] == where and written.count(where) == time + (where == "history.csv"):  # it begins empty
            raise fault
        replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", fail)
        if fault is KeyboardInterrupt and time == 2:
            _, found = run(RECIPES["plain"], out=tmp_path)
            assert found.stopped == "interrupted" and 1 <= len(found.history) < 4
        else:
            with pytest.raises(WorkoutlibError, match=r"No space left|before the first epoch ended"):
                run(RECIPES["plain"], out=tmp_path)
    assert written[-1] == where
    assert_resumes("plain", tmp_path, undisturbed)


def test_a_finished_run_is_not_trained_again(tmp_path, undisturbed):
    run(RECIPES["plain"], out=tmp_path)
    (tmp_path / "history.csv").unlink()

    def never(*_):
        raise AssertionError("a finished run has no steps left")

    model, found = run(RECIPES["plain"], out=tmp_path, resume=True, on_step=never)
    assert_same_state(model.state_dict(), undisturbed["plain"][0])
    assert len(found.history) == 4 and (tmp_path / "history.csv").is_file()


def test_without_resume_a_run_begins_anew(tmp_path, undisturbed):
    run(RECIPES["plain"].replace(seed=3), out=tmp_path)
    _, found = run(RECIPES["plain"], out=tmp_path)
    pd.testing.assert_frame_equal(without_seconds(found.history), without_seconds(undisturbed["plain"][1]))
    assert_same_state(read_file(tmp_path / "best_model.pth")["state_dict"], undisturbed["plain"][2]["state_dict"])


def test_resuming_with_another_config_or_other_pictures_is_refused(tmp_path):
    run(CONFIG, out=tmp_path)
    with pytest.raises(WorkoutlibError, match=r"another config \(learning_rate was 0.01, is 0.02; seed was 42, is 1\)"):
        run(CONFIG.replace(learning_rate=0.02, seed=1), out=tmp_path, resume=True)
    with pytest.raises(WorkoutlibError, match="other pictures"):
        fit(
            make_model(),
            make_dataset(22, seed=9),
            make_dataset(9, seed=1),
            CONFIG,
            device=CPU,
            out=tmp_path,
            resume=True,
            progress=False,
        )


@pytest.mark.parametrize("content", [None, [], {"history": []}, b"half a file"])
def test_resuming_from_a_broken_state_is_refused(tmp_path, content):
    if isinstance(content, bytes):
        (tmp_path / "last.pth").write_bytes(content)
    else:
        torch.save(content, tmp_path / "last.pth")
    with pytest.raises(WorkoutlibError, match=r"last\.pth"):
        run(CONFIG, out=tmp_path, resume=True)


@pytest.mark.parametrize(
    ("field", "change", "message"),
    [
        ("model", lambda state: {**state, "head.bias": state["head.bias"] * math.nan}, "NaN or infinite"),
        ("model", lambda state: {"a": torch.zeros(1)}, "missing"),
        ("start", lambda state: {}, "missing"),
        ("optimizer", lambda state: {}, "its optimizer is not"),
        ("optimizer", lambda state: {**state, "param_groups": []}, "its optimizer is not"),
        ("scaler", lambda state: None, "not the state of a training run"),
        ("history", lambda rows: None, "not the state of a training run"),
        ("history", lambda rows: [], "not the state of a training run"),
        ("history", lambda rows: rows[1:], "not the state of a training run"),
        ("history", lambda rows: [{"epoch": 1}], "not the state of a training run"),
        ("data", lambda data: None, "not the state of a training run"),
        ("config", lambda config: {**config, "new": 1}, "new was 1, is None"),
        ("config", lambda config: {k: v for k, v in config.items() if k != "rendered"}, "rendered was None, is 0.0"),
    ],
)
def test_resuming_from_a_state_with_something_wrong_in_it(tmp_path, field, change, message):
    """Damaged, or written by another version: nothing is trained on, and the file stays as it is."""
    run(CONFIG, out=tmp_path, **stop_after(2 * STEPS + 1, "should_stop"))
    state = read_file(tmp_path / "last.pth")
    torch.save({**state, field: change(state[field])}, tmp_path / "last.pth")
    before = (tmp_path / "last.pth").read_bytes()
    with pytest.raises(WorkoutlibError, match=rf"last\.pth.*{message}"):
        run(CONFIG, out=tmp_path, resume=True)
    assert (tmp_path / "last.pth").read_bytes() == before


def test_an_unwritable_folder_is_found_out_before_training(tmp_path):
    (tmp_path / "file").write_text("x")
    steps = []
    with pytest.raises(WorkoutlibError, match=r"history\.csv.* cannot be written"):
        run(CONFIG, out=tmp_path / "file" / "out", on_step=lambda *_: steps.append(1))
    assert steps == []


def test_ctrl_c_keeps_the_best_model_and_the_last_finished_epoch(tmp_path):
    states = {}
    model = make_model()

    def remember(history):
        states[int(history["epoch"].iloc[-1])] = copy_of(model)

    _, found = run(CONFIG, out=tmp_path, model=model, on_epoch=remember, **stop_after(2 * STEPS + 3, "Ctrl-C"))
    assert found.stopped == "interrupted" and found.history["epoch"].tolist() == [1, 2]
    assert_same_state(model.state_dict(), states[2])
    assert found.best_epoch == found.history.set_index("epoch")["valid_loss"].idxmin()
    kept = read_file(tmp_path / "best_model.pth")
    assert_same_state(kept["state_dict"], states[found.best_epoch])
    assert kept["metrics"]["epoch"] == found.best_epoch


def test_the_best_model_is_the_one_with_the_lowest_validation_loss(tmp_path, monkeypatch):
    losses = iter([0.9, 0.4, 0.7, 0.4])
    monkeypatch.setattr(fit_module, "validate", lambda *_, **__: {"loss": next(losses), "accuracy": 0.5})
    states, model = [], make_model()
    _, found = run(CONFIG, out=tmp_path, model=model, on_epoch=lambda _: states.append(copy_of(model)))
    assert found.best_epoch == 2
    assert_same_state(read_file(tmp_path / "best_model.pth")["state_dict"], states[1])
    assert_same_state(model.state_dict(), states[3])


def test_without_validation_the_last_epoch_is_the_best(tmp_path):
    model, found = run(CONFIG, out=tmp_path, valid=False)
    assert found.history[["valid_loss", "valid_accuracy"]].isna().all(axis=None)
    assert found.history["train_loss"].notna().all() and found.best_epoch == 4
    assert_same_state(read_file(tmp_path / "best_model.pth")["state_dict"], model.state_dict())


def test_best_epoch_of_a_history():
    table = pd.DataFrame({"epoch": [0, 1, 2, 3], "valid_loss": [math.nan, 0.5, 0.3, 0.4]})
    assert best_epoch(table) == 2
    assert best_epoch(table.assign(valid_loss=math.nan)) == 3


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
    with pytest.raises(WorkoutlibError, match="the loss became nan in epoch 1, by step 5 of 5"):
        run(CONFIG, model=model, valid=False)


def test_a_full_device_memory_says_which_batch_to_try(monkeypatch):
    def full(*_, **__):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(fit_module, "train_one_epoch", full)
    with pytest.raises(WorkoutlibError, match=r"batches of 5 pictures: train with batches of 2 \(--batch-size\)"):
        run(CONFIG)


def test_the_head_alone_is_trained_on_cached_features():
    model, calls = make_model(), []
    before = {name: value.clone() for name, value in model.body.state_dict().items()}
    model.body.register_forward_hook(lambda *_: calls.append(1))
    run(CONFIG.replace(fine_tune=False), model=model, valid=False)
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
    monkeypatch.setattr(fit_module, "fit_head", lambda *_: pytest.fail("went on"))
    with pytest.raises(WorkoutlibError, match="stopped before the first epoch ended"):
        run(PLAIN.replace(head_first=True), should_stop=lambda: True)


def test_head_only_with_head_first_needs_no_epochs():
    model, found = run(PLAIN.replace(head_first=True, fine_tune=False))
    assert found.history["epoch"].tolist() == [0] and found.best_epoch == 0
    assert validate(model, make_dataset(22), PLAIN, device=CPU)["accuracy"] > 0.8


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
    run(config, model=model, valid=False, out=tmp_path, on_epoch=lambda _: states.append(copy_of(model)))
    for name, value in model.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(value, (states[0][name] + states[2][name]) / 2)
    assert_same_state(read_file(tmp_path / "best_model.pth")["state_dict"], model.state_dict())


def test_a_class_without_training_pictures_is_named():
    frames = make_dataset(12)
    part = frames.select(frames.catalog[frames.catalog["label"] != "class 1"])
    with pytest.raises(WorkoutlibError, match="no training picture of class 1"):
        fit(make_model(), part, None, CONFIG.replace(head_first=True), device=CPU, progress=False)


@pytest.mark.parametrize("head_first", [True, False])
def test_one_class_is_not_enough(head_first, tmp_path):
    run(CONFIG, out=tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    frames, config = make_dataset(6, classes=1), CONFIG.replace(head_first=head_first)
    with pytest.raises(WorkoutlibError, match="only one class, class 0"):
        fit(make_model(1), frames, None, config, device=CPU, out=tmp_path, progress=False)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before, "the run before it is still there"


def test_two_classes_are():
    config = PLAIN.replace(head_first=True, epochs=0)
    frames, model = make_dataset(20, classes=2), make_model(2)
    fit(model, frames, None, config, device=CPU, progress=False)
    assert validate(model, make_dataset(20, classes=2, seed=3), config, device=CPU)["accuracy"] > 0.8


def test_state_of_a_run_names_all_that_it_needs(tmp_path):
    run(CONFIG, out=tmp_path)
    assert set(read_file(tmp_path / "last.pth")) == set(runs.STATE)


WORKER = """
import sys
import torch
sys.path.insert(0, sys.argv[1])
from tiny import make_dataset, make_model
from workoutlib.utils import devices
from workoutlib.config import Config
from workoutlib.training.fit import fit
torch.set_num_threads(1)
devices.join_processes()
model = make_model()
config = Config.from_dict(eval(sys.argv[2]))
fit(model, make_dataset(21), make_dataset(9, seed=1), config, device=torch.device("cpu"),
    rendered=make_dataset(30, seed=2), out=sys.argv[3], progress=False)
assert devices.rank_and_world()[1] == 2
torch.save(model.state_dict(), f"{sys.argv[3]}/rank{devices.rank_and_world()[0]}.pth")
torch.distributed.destroy_process_group()
"""


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="PyTorch was built without gloo")
def test_two_processes_train_what_one_does(tmp_path):
    """21 pictures in batches of 5: the last batch is one picture, so the second process has none of it."""
    config = CONFIG.replace(epochs=2, freeze_batch_norm=True, head_first=True, weight_interpolation=0.5, synthetic=0.6)
    (tmp_path / "worker.py").write_text(WORKER)
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        str(tmp_path / "worker.py"),
        os.path.dirname(__file__),
        repr(config.to_dict()),
        str(tmp_path),
    ]
    done = subprocess.run(command, env=one_thread_environment(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    alone = make_model()
    found = fit(
        alone,
        make_dataset(21),
        make_dataset(9, seed=1),
        config,
        device=CPU,
        rendered=make_dataset(30, seed=2),
        progress=False,
    )
    history = pd.read_csv(tmp_path / "history.csv")
    pd.testing.assert_frame_equal(without_seconds(history), without_seconds(found.history), rtol=1e-3, atol=1e-4)
    for rank in (0, 1):
        together = torch.load(tmp_path / f"rank{rank}.pth", weights_only=True)
        for name, value in alone.state_dict().items():
            torch.testing.assert_close(together[name], value, rtol=1e-3, atol=1e-4, msg=name)


def test_outside_of_torchrun_there_is_one_process(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    devices.join_processes()
    assert devices.rank_and_world() == (0, 1)
    assert devices.sum_over_processes(torch.tensor([2.0])).item() == 2.0
