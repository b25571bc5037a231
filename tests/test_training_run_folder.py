"""The folder of a run: runs that go on as if never interrupted, files that are whole, one best model."""

import math
import os
import subprocess
import sys

import pandas as pd
import pytest
import torch
from helpers.runs import CONFIG, CPU, STEPS, VALID, copy_of, run, without_seconds
from helpers.tiny import assert_same_state, make_dataset, make_model, one_thread_environment

import workoutlib.training.fit as fit_module
from workoutlib.evaluation.calibration import fit_temperature, fit_unknown_threshold
from workoutlib.evaluation.metrics import scores
from workoutlib.evaluation.predictions import Predictions
from workoutlib.models.inference import eval_loader, predict_logits
from workoutlib.training.fit import Callbacks, fit
from workoutlib.training.run_folder import STATE, RunFolder, best_epoch
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import read_file

RECIPES = {
    "plain": CONFIG,
    "head first": CONFIG.replace(head_first=True),
    "interpolated": CONFIG.replace(head_first=True, weight_interpolation=0.4, frozen=0.5),
    "with synthetic pictures": CONFIG.replace(head_first=True, synthetic=0.5),
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
    other = make_dataset(22, seed=9)
    folder = RunFolder(tmp_path, CONFIG, other, VALID, resume=True)
    with pytest.raises(WorkoutlibError, match="other pictures"):
        fit(make_model(), other, VALID, CONFIG, device=CPU, folder=folder, callbacks=Callbacks(progress=False))


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
        ("config", lambda config: {k: v for k, v in config.items() if k != "synthetic"}, "synthetic was None, is 0.0"),
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
    monkeypatch.setattr(
        fit_module,
        "validate",
        lambda *_, **__: {"loss": next(losses), "accuracy": 0.5, "logits": torch.eye(3)[VALID.targets]},
    )
    states, model = [], make_model()
    _, found = run(CONFIG, out=tmp_path, model=model, on_epoch=lambda _: states.append(copy_of(model)))
    assert found.best_epoch == 2
    assert_same_state(read_file(tmp_path / "best_model.pth")["state_dict"], states[1])
    assert_same_state(model.state_dict(), states[3])


def test_best_epoch_of_a_history():
    table = pd.DataFrame({"epoch": [0, 1, 2, 3], "valid_loss": [math.nan, 0.5, 0.3, 0.4]})
    assert best_epoch(table) == 2
    assert best_epoch(table.assign(valid_loss=math.nan)) == 3


def test_state_of_a_run_names_all_that_it_needs(tmp_path):
    run(CONFIG, out=tmp_path)
    assert set(read_file(tmp_path / "last.pth")) == set(STATE)


KILLED = """
import os, sys
from helpers.runs import CONFIG, STEPS, run
import torch
torch.set_num_threads(1)
left = [2 * STEPS + 2]
def die(*_):
    left[0] -= 1
    if not left[0]:
        os._exit(9)
run(CONFIG, out=sys.argv[1], on_step=die)
"""


@pytest.mark.slow
def test_a_killed_run_leaves_a_calibrated_best_model(tmp_path):
    """No line of Python runs after the kill, so what lies there was finished before it."""
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    done = subprocess.run(command, env=one_thread_environment(), cwd=os.path.dirname(__file__), timeout=300)
    assert done.returncode == 9
    assert pd.read_csv(tmp_path / "history.csv")["epoch"].tolist() == [1, 2]
    assert_calibrated(tmp_path)


@pytest.mark.parametrize("recipe", ["plain", "interpolated", "head only"])
def test_every_best_model_is_calibrated_on_its_own_logits(recipe, tmp_path):
    run(RECIPES[recipe], out=tmp_path)
    assert_calibrated(tmp_path, flip=RECIPES[recipe].flip_at_test)


def assert_calibrated(folder, *, flip=CONFIG.flip_at_test):
    """The stored temperature, threshold and scores are those of the stored weights."""
    kept, model = read_file(folder / "best_model.pth"), make_model()
    model.load_state_dict(kept["state_dict"])
    logits = predict_logits(model, eval_loader(model, VALID, crop=64, device=CPU), flip=flip)
    predictions = Predictions(VALID.catalog, logits.numpy(), VALID.labels)
    assert kept["metrics"]["calibrated"] is True
    assert kept["temperature"] == pytest.approx(fit_temperature(predictions), rel=1e-3) and kept["temperature"] != 1
    assert kept["unknown_threshold"] == pytest.approx(fit_unknown_threshold(predictions), rel=1e-3)
    assert kept["metrics"]["top1"] == pytest.approx(scores(predictions)["top1"])


def test_without_validation_the_best_model_says_that_it_is_not_calibrated(tmp_path):
    run(CONFIG, out=tmp_path, valid=None)
    kept = read_file(tmp_path / "best_model.pth")
    assert kept["metrics"] == {"epoch": 4, "split": "video", "calibrated": False}
    assert (kept["temperature"], kept["unknown_threshold"]) == (1.0, None)
