"""Cross-validation: each picture scored once, by a model that has not seen its video; and what a split hides."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.tiny import assert_same_state, save_noise

from workoutlib.config import Config
from workoutlib.data.catalog import read_catalog
from workoutlib.data.merging import read_catalogs
from workoutlib.evaluation.metrics import scores
from workoutlib.models.checkpoints import load_checkpoint
from workoutlib.training import crossvalidation, experiments
from workoutlib.training.crossvalidation import (
    SCORES,
    by_fold,
    crossvalidate,
    measure_leak,
    near_duplicate_groups,
    train_on_all,
)
from workoutlib.training.fit import Callbacks
from workoutlib.training.run_folder import calibrate
from workoutlib.utils.errors import WorkoutlibError

PICTURES = Path(__file__).parents[2] / "shared" / "data" / "kaggle_sample"


@pytest.mark.slow
@pytest.mark.skipif(not PICTURES.is_dir(), reason="the real pictures are not beside this checkout")
def test_cuts_of_one_recording_are_found_and_were_easy_questions():
    catalog = read_catalog(PICTURES)
    groups = near_duplicate_groups(catalog, progress=False)
    assert 20 <= groups.attrs["merged"] <= 45
    found = measure_leak(catalog, Config.profile("quick"), groups=groups, progress=False)
    by_video, by_recording = (scores(found[way])["top1"] for way in ("by video", "by recording"))
    assert 0.55 < by_video < 0.7 and by_video - by_recording > 0.04


@pytest.mark.slow
def test_crossvalidation_scores_each_picture_once_by_a_model_that_did_not_see_its_video(catalog, config, monkeypatch):
    seen = []
    fit = crossvalidation.fit

    def spy(model, train, valid, config, **options):
        assert valid is None, "nothing may be chosen on the validated fold"
        seen.append(set(train.catalog["video"]))
        return fit(model, train, valid, config, **options)

    monkeypatch.setattr(crossvalidation, "fit", spy)
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

    monkeypatch.setattr("workoutlib.training.fit.train_one_epoch", stop)
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


def test_stills_are_not_scored_where_a_class_has_nothing_else(catalog, config):
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


def test_a_model_of_all_videos_is_judged_and_calibrated_by_folds(catalog, config, tmp_path, monkeypatch):
    config, epochs = config.replace(epochs=1, split="random"), []
    monkeypatch.setattr(
        experiments, "open_logger", lambda logger, out: nullcontext(lambda history: epochs.append(logger))
    )
    callbacks = Callbacks(progress=False, logger="tensorboard")
    trained = train_on_all(catalog, config, out=tmp_path, folds=2, save_name="gym", callbacks=callbacks)
    _, together = crossvalidate(catalog, config, folds=2, progress=False)
    assert sorted(trained.predictions.catalog["path"]) == sorted(catalog["path"])
    np.testing.assert_allclose(trained.predictions.logits, together.logits, atol=1e-3)
    stored = load_checkpoint(trained.checkpoint)
    assert_same_state(stored.model.state_dict(), trained.model.state_dict())
    found = calibrate(trained.predictions)
    assert stored.temperature == found["temperature"] and stored.unknown_threshold == found["unknown_threshold"]
    assert stored.metrics["calibrated"] is True and stored.metrics["images"] == len(catalog)
    assert stored.metrics["keep_confidence"] == found["metrics"]["keep_confidence"]
    assert trained.result.history["valid_loss"].isna().all() and trained.result.best_epoch == 1
    assert stored.metrics["split"] == "video" and set(epochs) == {"tensorboard"}
    assert (tmp_path / "last.pth").is_file()
    assert_same_state(load_checkpoint(tmp_path / "gym.pth").model.state_dict(), stored.model.state_dict())


def test_a_model_that_was_stopped_is_not_given_the_scores_of_the_folds(catalog, config, tmp_path):
    done = []
    callbacks = Callbacks(progress=False, on_epoch=lambda history: done.append(1), should_stop=lambda: bool(done))
    with pytest.raises(KeyboardInterrupt):
        train_on_all(catalog, config.replace(epochs=2), out=tmp_path, folds=2, callbacks=callbacks)
    assert load_checkpoint(tmp_path / "best_model.pth").metrics["calibrated"] is False


def test_too_few_videos_for_folds_are_an_error(catalog):
    few = catalog[catalog["video"].isin(["plank/1", "squat/1", "squat/2", "push up/1", "push up/2"])]
    with pytest.raises(WorkoutlibError, match="'plank' has 1"):
        crossvalidate(few, Config(resize=64, crop=64), folds=2, progress=False)


@pytest.mark.slow
def test_added_pictures_are_learned_from_in_every_fold_and_never_predicted(
    catalog, config, data_folder, tmp_path, monkeypatch
):
    """They are never predicted; a class that gains videos counts as much as it would without."""
    for number in range(1, 5):
        save_noise(tmp_path / "new" / "squat" / f"squat_{number}00001.jpg", seed=number)
    seen, fit = [], crossvalidation.fit

    def spy(model, train, *others, **options):
        seen.append(train.catalog)
        return fit(model, train, *others, **options)

    monkeypatch.setattr(crossvalidation, "fit", spy)
    both = read_catalogs([data_folder, tmp_path / "new"])
    quiet = Callbacks(progress=False)
    trained = train_on_all(both, config.replace(epochs=0), out=tmp_path / "out", folds=2, callbacks=quiet)
    assert sorted(trained.predictions.catalog["path"]) == sorted(catalog["path"])
    assert len(seen) == 3 and len(seen[-1]) == len(both)
    for train in seen:
        assert train["added"].sum() == 4
        own = train[~train["added"]].groupby("label").size()
        assert train.groupby("label")["weight"].sum().to_dict() == pytest.approx(own.to_dict())
