"""Whole experiments on the small gym: what is stored is what was measured, and nothing is judged on itself."""

import numpy as np
import pandas as pd
import pytest
import torch
from tiny import assert_same_state, make_model

from workoutlib.config import Config
from workoutlib.data.dataset import load_dataset
from workoutlib.data.splits import leakage
from workoutlib.evaluation.calibration import fit_temperature
from workoutlib.evaluation.metrics import scores
from workoutlib.models.checkpoints import load_checkpoint
from workoutlib.training import experiments
from workoutlib.training.experiments import (
    SCORES,
    by_fold,
    crossvalidate,
    judge,
    measure_leak,
    model_from_config,
    split,
    train,
)
from workoutlib.utils.errors import WorkoutlibError

CPU = torch.device("cpu")


def test_the_config_says_how_to_split(catalog, config):
    random = split(catalog, config.replace(split="random", valid=0.25))
    assert {name: len(part) for name, part in random.items()} == {"train": 36, "valid": 12}
    by_video = split(catalog, config.replace(valid=0.25))
    assert set(by_video) == {"train", "valid"} and leakage(by_video["train"], by_video["valid"])["shared_videos"] == 0
    assert leakage(random["train"], random["valid"])["seen_video"] > 0.8
    assert set(split(catalog, config.replace(valid=0.2, test=0.2))) == {"train", "valid", "test"}


def test_training_learns_and_stores_what_it_measured(trained, catalog, config):
    assert trained.result.history["epoch"].tolist() == [0, 1, 2] and trained.result.stopped is None
    assert scores(trained.predictions)["top1"] > 0.5  # chance is a third
    out = trained.checkpoint.parent
    assert sorted(p.name for p in out.iterdir()) == ["best_model.pth", "history.csv", "last.pth", "model.pth"]
    stored = load_checkpoint(trained.checkpoint)
    assert stored.config == config and stored.labels == ("plank", "push up", "squat")
    assert_same_state(stored.model.state_dict(), trained.model.state_dict())
    valid = split(catalog, config)["valid"]
    frames = load_dataset(catalog, config, progress=False).select(valid)
    again = judge(stored.model, frames, config, device=CPU)
    assert np.allclose(again.logits, trained.predictions.logits, atol=1e-5)
    assert stored.metrics == {"split": "video", **{k: pytest.approx(v, nan_ok=True) for k, v in scores(again).items()}}
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


@pytest.mark.parametrize("head_first", [False, True])
def test_two_runs_of_one_config_are_equal(catalog, config, tmp_path, head_first):
    config = config.replace(head_first=head_first, epochs=1)
    runs = [train(catalog, config, out=tmp_path / str(i), cache=tmp_path / "cache", progress=False) for i in (1, 2)]
    first, second = (run.result.history.drop(columns="seconds") for run in runs)
    pd.testing.assert_frame_equal(first, second)
    assert_same_state(runs[0].model.state_dict(), runs[1].model.state_dict())


def test_training_from_the_memory_map_is_training_from_memory(catalog, config, trained, tmp_path):
    load_dataset(catalog, config, cache=tmp_path, progress=False)
    mapped = train(catalog, config, cache=tmp_path, progress=False)
    assert len(list(tmp_path.glob("*.npy"))) == 1
    pd.testing.assert_frame_equal(
        mapped.result.history.drop(columns="seconds"), trained.result.history.drop(columns="seconds")
    )


def test_an_interrupted_experiment_keeps_a_usable_model_and_goes_on(catalog, config, trained, tmp_path):
    steps = []
    stopped = train(
        catalog,
        config,
        out=tmp_path,
        progress=False,
        on_step=lambda *step: steps.append(step),
        should_stop=lambda: len(steps) >= 7,
    )
    assert stopped.result.stopped == "stopped" and stopped.result.history["epoch"].tolist() == [0, 1]
    assert load_checkpoint(tmp_path / "best_model.pth").metrics["top1"] == scores(stopped.predictions)["top1"]
    resumed = train(catalog, config, out=tmp_path, progress=False, resume=True)
    pd.testing.assert_frame_equal(
        resumed.result.history.drop(columns="seconds"), trained.result.history.drop(columns="seconds")
    )
    assert_same_state(resumed.model.state_dict(), trained.model.state_dict())
    assert_same_state(
        *(load_checkpoint(p / "model.pth").model.state_dict() for p in (tmp_path, trained.checkpoint.parent))
    )


def test_without_a_folder_nothing_is_written(catalog, config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = train(catalog, config.replace(epochs=0), progress=False)
    assert found.checkpoint is None and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["best_model", "last"])
def test_the_last_epochs_checkpoint_does_not_take_another_files_name(catalog, config, tmp_path, name):
    with pytest.raises(WorkoutlibError, match=f"cannot be called {name}"):
        train(catalog, config, out=tmp_path, save_name=name, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_a_given_network_is_trained(catalog, config):
    model = make_model(3)
    found = train(catalog, config.replace(epochs=1), model=model, progress=False)
    assert found.model is model and found.result.history["epoch"].tolist() == [0, 1]


def test_crossvalidation_judges_each_picture_once_by_a_network_that_did_not_see_its_video(catalog, config, monkeypatch):
    seen = []
    fit = experiments.fit

    def spy(model, train, valid, config, **options):
        assert valid is None, "nothing may be chosen on the judged fold"
        seen.append(set(train.catalog["video"]))
        return fit(model, train, valid, config, **options)

    monkeypatch.setattr(experiments, "fit", spy)
    summary, together = crossvalidate(catalog, config.replace(epochs=0), folds=3, progress=False)
    assert sorted(together.catalog["path"]) == sorted(catalog["path"]) and len(seen) == 3
    start = 0
    for videos, size in zip(seen, fold_sizes(together, seen), strict=True):
        assert not videos & set(together.catalog["video"].iloc[start : start + size])
        start += size
    assert set(summary) == set(SCORES)
    for name, score in summary.items():
        assert set(score) == {"mean", "std", "folds"} and len(score["folds"]) == 3
        assert all(0 <= value <= 1 for value in score["folds"])
        assert score["mean"] == pytest.approx(np.mean(score["folds"]))
        assert score["std"] == pytest.approx(np.std(score["folds"], ddof=1)), name
    counts = fold_sizes(together, seen)
    assert scores(together)["top1"] == pytest.approx(np.average(summary["top1"]["folds"], weights=counts))


def fold_sizes(together, seen) -> list[int]:
    everything = set(together.catalog["video"])
    return [int(together.catalog["video"].isin(everything - videos).sum()) for videos in seen]


def test_a_stopped_fold_is_no_fold(catalog, config, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("workoutlib.training.train_one_epoch", stop)
    with pytest.raises(KeyboardInterrupt):
        crossvalidate(catalog, config, folds=2, progress=False)


def test_the_leak_is_measured_on_the_same_pictures(catalog, config):
    groups = catalog["video"].replace({"plank/2": "plank/1"})
    found = measure_leak(catalog, config, folds=3, groups=groups, progress=False)
    assert list(found) == ["random frames", "by video", "by recording", "stills"]
    for way in list(found)[:3]:
        assert sorted(found[way].catalog["path"]) == sorted(catalog["path"])
        assert set(by_fold(found[way])) == set(SCORES) and set(found[way].catalog["fold"]) == {0, 1, 2}
    folds = found["by recording"].catalog.groupby(groups)["fold"].nunique()
    assert (folds == 1).all() and (found["by video"].catalog.groupby("video")["fold"].nunique() == 1).all()
    assert (found["random frames"].catalog.groupby("video")["fold"].nunique() > 1).any()
    assert set(found["stills"].catalog["source"]) == {"still"}


def test_stills_are_not_judged_where_a_class_has_nothing_else(catalog, config):
    few = catalog[(catalog["label"] != "plank") | (catalog["source"] == "still")]
    more = pd.concat([few, few[few["label"] == "plank"].assign(video="plank/g2")], ignore_index=True)
    assert "stills" not in measure_leak(more, config, folds=2, progress=False)


def test_crossvalidation_over_random_frames(catalog, config):
    summary, together = crossvalidate(catalog, config.replace(epochs=0), folds=3, split="random", progress=False)
    assert sorted(together.catalog["path"]) == sorted(catalog["path"])
    assert (together.catalog.groupby("video")["fold"].nunique() > 1).any()
    assert summary == by_fold(together)
    with pytest.raises(WorkoutlibError, match="choose one of the two"):
        crossvalidate(catalog, config, split="random", groups=catalog["video"], progress=False)


def test_too_few_videos_are_an_error(catalog):
    few = catalog[catalog["video"].isin(["plank/1", "squat/1", "squat/2", "push up/1", "push up/2"])]
    with pytest.raises(WorkoutlibError, match="'plank' has 1"):
        train(few, Config(resize=64, crop=64), progress=False)
    with pytest.raises(WorkoutlibError, match="'plank' has 1"):
        crossvalidate(few, Config(resize=64, crop=64), folds=2, progress=False)
