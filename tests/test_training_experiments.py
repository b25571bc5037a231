"""Whole experiments on the small gym: what is stored is what was measured, and nothing is scored on itself."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.tiny import assert_same_state, make_dataset

from workoutlib.config import PROFILES, Config
from workoutlib.data.dataset import load_dataset
from workoutlib.data.download import KAGGLE_FOLDER
from workoutlib.data.splits import leakage
from workoutlib.evaluation.calibration import fit_keep_confidence, fit_temperature
from workoutlib.evaluation.metrics import scores
from workoutlib.evaluation.predictions import evaluate
from workoutlib.models.build import build_model, count_parameters, untrained
from workoutlib.models.checkpoints import load_checkpoint
from workoutlib.training import experiments
from workoutlib.training.experiments import Trained, choose_profile, model_from_config, split_catalog, train_model
from workoutlib.training.fit import Callbacks, fit
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import save_atomically

QUIET = Callbacks(progress=False)


def assert_same_history(one: Trained, other: Trained) -> None:
    """Equal but for rounding, which differs with what a process has done before; another order of pictures shows."""
    first, second = (run.result.history.drop(columns="seconds") for run in (one, other))
    pd.testing.assert_frame_equal(first, second, rtol=1e-3)


def test_the_config_says_how_to_split(catalog, config):
    random = split_catalog(catalog, config.replace(split="random", valid=0.25))
    assert {name: len(part) for name, part in random.items()} == {"train": 36, "valid": 12}
    by_video = split_catalog(catalog, config.replace(valid=0.25))
    assert set(by_video) == {"train", "valid"} and leakage(by_video["train"], by_video["valid"])["shared_videos"] == 0
    assert leakage(random["train"], random["valid"])["seen_video"] > 0.8
    assert set(split_catalog(catalog, config.replace(valid=0.2, test=0.2))) == {"train", "valid", "test"}


@pytest.mark.parametrize("changes", [{}, {"fine_tune": False}, {"frozen": 0.25, "freeze_batch_norm": False}])
def test_the_models_trainable_parameters_are_those_that_are_trained(changes):
    config = Config.profile("quick", resize=64, crop=64, epochs=1, head_first=False, **changes)
    model = model_from_config(config, 3)
    before, told = {name: value.clone() for name, value in model.named_parameters()}, count_parameters(model)
    fit(model, make_dataset(8), None, config, device=torch.device("cpu"), callbacks=QUIET)
    moved = [name for name, value in model.named_parameters() if not value.equal(before[name])]
    assert 0 < sum(before[name].numel() for name in moved) <= told["trainable"] <= told["total"]
    assert count_parameters(model) == told


def test_given_weights_are_those_that_the_warm_up_starts_from(monkeypatch, tmp_path):
    torch.save(untrained("timm/tf_efficientnet_lite0").state_dict(), tmp_path / "own.pth")
    monkeypatch.setattr(experiments, "warm_up", lambda name, weights: Path(weights))
    model = model_from_config(Config.profile("best", weights=str(tmp_path / "own.pth")), 3)
    assert model.body.conv_stem.weight.equal(torch.load(tmp_path / "own.pth")["conv_stem.weight"])


def test_one_of_several_processes_writes_the_log(monkeypatch, tmp_path):
    monkeypatch.setattr(experiments, "open_logger", lambda logger, out: pytest.fail("opened"))
    monkeypatch.setattr(experiments.devices, "rank_and_world", lambda: (1, 2))
    callbacks = replace(QUIET, logger="tensorboard")
    with experiments.logged(callbacks, tmp_path) as heard:
        assert heard is callbacks


def test_training_learns_and_stores_what_it_measured(trained, catalog, config):
    assert trained.result.history["epoch"].tolist() == [0, 1, 2] and trained.result.stopped is None
    assert scores(trained.predictions)["top1"] > 0.5  # chance is a third
    out = trained.checkpoint.parent
    assert sorted(p.name for p in out.iterdir()) == ["best_model.pth", "history.csv", "last.pth", "model.pth"]
    stored = load_checkpoint(trained.checkpoint)
    assert stored.config == config and stored.labels == ("plank", "push up", "squat")
    assert_same_state(stored.model.state_dict(), trained.model.state_dict())
    valid = split_catalog(catalog, config)["valid"]
    dataset = load_dataset(catalog, size=config.resize, progress=False).select(valid)
    again = evaluate(stored.model, dataset, config)
    assert np.allclose(again.logits, trained.predictions.logits, atol=1e-5)
    assert stored.metrics == {
        "epoch": trained.result.best_epoch,
        "split": "video",
        "calibrated": True,
        "keep_confidence": fit_keep_confidence(again, stored.temperature),
        **{k: pytest.approx(v, nan_ok=True) for k, v in scores(again).items()},
    }
    assert stored.temperature == pytest.approx(fit_temperature(again))
    below = (trained.predictions.logits.max(1) < stored.unknown_threshold).sum()
    assert below == 1, "the fewest of a small set that a twentieth can be"


def test_the_best_epochs_model_and_the_last_ones_are_kept_apart(trained):
    history = trained.result.history
    best, last = (load_checkpoint(trained.checkpoint.with_name(n)) for n in ("best_model.pth", "model.pth"))
    assert trained.result.best_epoch == history.set_index("epoch")["valid_loss"].idxmin()
    same = torch.equal(best.model.head.weight, last.model.head.weight)
    assert same == (trained.result.best_epoch == history["epoch"].iloc[-1])


def test_the_seed_makes_the_untrained_head(config):
    states = [model_from_config(config.replace(seed=s), 3).state_dict() for s in (1, 1, 2)]
    assert_same_state(states[0], states[1])
    assert not torch.equal(states[0]["head.weight"], states[2]["head.weight"])


@pytest.mark.slow
@pytest.mark.parametrize("head_first", [False, True])
def test_two_runs_of_one_config_are_equal(catalog, config, tmp_path, head_first):
    config = config.replace(head_first=head_first, epochs=1)
    runs = [
        train_model(catalog, config, out=tmp_path / str(i), cache=tmp_path / "cache", callbacks=QUIET) for i in (1, 2)
    ]
    assert_same_history(*runs)
    assert_same_state(runs[0].model.state_dict(), runs[1].model.state_dict(), tolerance=1e-3)


def test_training_from_the_memory_map_is_training_from_memory(catalog, config, trained, tmp_path):
    load_dataset(catalog, size=config.resize, cache=tmp_path, progress=False)
    mapped = train_model(catalog, config, cache=tmp_path, callbacks=QUIET)
    assert len(list(tmp_path.glob("*.npy"))) == 1
    assert_same_history(mapped, trained)


@pytest.mark.slow
def test_an_interrupted_experiment_keeps_a_usable_model_and_goes_on(catalog, config, trained, tmp_path):
    steps = []
    stopped = train_model(
        catalog,
        config,
        out=tmp_path,
        callbacks=Callbacks(
            on_step=lambda *step: steps.append(step), should_stop=lambda: len(steps) >= 7, progress=False
        ),
    )
    assert stopped.result.stopped == "stopped" and stopped.result.history["epoch"].tolist() == [0, 1]
    assert load_checkpoint(tmp_path / "best_model.pth").metrics["top1"] == scores(stopped.predictions)["top1"]
    resumed = train_model(catalog, config, out=tmp_path, callbacks=QUIET, resume=True)
    assert_same_history(resumed, trained)
    assert_same_state(resumed.model.state_dict(), trained.model.state_dict(), tolerance=1e-3)
    assert_same_state(
        *(load_checkpoint(p / "model.pth").model.state_dict() for p in (tmp_path, trained.checkpoint.parent)),
        tolerance=1e-3,
    )


def test_without_a_folder_nothing_is_written(catalog, config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = train_model(catalog, config.replace(epochs=0), callbacks=QUIET)
    assert found.checkpoint is None and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["best_model", "last"])
def test_the_last_epochs_checkpoint_does_not_take_another_files_name(catalog, config, tmp_path, name):
    with pytest.raises(WorkoutlibError, match=f"cannot be called {name}"):
        train_model(catalog, config, out=tmp_path, save_name=name, callbacks=QUIET)
    assert list(tmp_path.iterdir()) == []


def test_too_few_videos_are_an_error(catalog):
    few = catalog[catalog["video"].isin(["plank/1", "squat/1", "squat/2", "push up/1", "push up/2"])]
    with pytest.raises(WorkoutlibError, match="'plank' has 1"):
        train_model(few, Config(resize=64, crop=64), callbacks=QUIET)


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
    monkeypatch.setattr("workoutlib.utils.devices.pick_device", lambda: torch.device(device))
    monkeypatch.setattr("workoutlib.utils.devices.describe", lambda device: f"a {device.type}")
    if kaggle:
        (home / "input" / KAGGLE_FOLDER).mkdir(parents=True)
    name, reason = choose_profile(data)
    assert name == expected
    assert name in reason and f"a {device}" in reason and all(other in reason for other in PROFILES)


@pytest.fixture
def warm_weights(tmp_path, monkeypatch) -> dict[str, torch.Tensor]:
    """Weights of a random body in the place of those that the warm-up would train."""
    torch.manual_seed(5)
    weights = build_model("tf_efficientnet_lite0", 3, weights=None).body.state_dict()
    path = save_atomically(weights, tmp_path / "warm.pth")
    monkeypatch.setattr(experiments, "warm_up", lambda name, weights: path)
    return weights


def test_the_profile_best_starts_from_warmed_up_weights(warm_weights):
    best = Config.profile("best")
    assert_same_state(model_from_config(best, 4).body.state_dict(), warm_weights)
    assert build_model(best.model, 4, best.fine_tune, best.weights).head.out_features == 4, "its fields are no trap"


@pytest.mark.slow
def test_the_profile_best_trains(catalog, data_folder, warm_weights, tmp_path, monkeypatch):
    monkeypatch.setattr("workoutlib.training.synthetic.synthetic_folder", lambda: data_folder)
    config = Config.profile("best", resize=64, crop=64, epochs=1, batch_size=8, valid=0.3)
    trained = train_model(catalog, config, out=tmp_path / "run", callbacks=QUIET)
    stored = load_checkpoint(trained.checkpoint)
    assert trained.history["epoch"].tolist() == [0, 1] and stored.config == config
    assert stored.model.memory is not None and 0.7 < stored.unknown_threshold / trained.predictions.logits.max() <= 1
