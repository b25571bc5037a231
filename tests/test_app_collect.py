"""How `train` divides few pictures, and what it tells of pictures that were added to a data set."""

from argparse import Namespace
from pathlib import Path

import pandas as pd
import pytest
import torch
from helpers.profiles import shrink_profiles
from helpers.tiny import save_noise

from workoutlib.app.cli import main
from workoutlib.app.collect import FEW_PICTURES, folds_of
from workoutlib.config import Config
from workoutlib.models.build import build_model
from workoutlib.models.checkpoints import load_checkpoint
from workoutlib.utils.files import save_atomically

UNTOLD = {"folds": None, "fine_tune": None, "epochs": None, "resume": False}
BEST = Config.profile("best")


@pytest.mark.parametrize(
    ("profile", "told", "folds", "heads_alone"),
    [
        ("best", {}, 5, True),
        ("best", {"folds": 0}, 0, False),
        ("best", {"folds": 3}, 3, False),
        ("best", {"fine_tune": True}, 5, False),
        ("best", {"epochs": 8}, 5, False),
        ("best", {"resume": True}, 0, False),
        ("quick", {}, 0, False),
        ("tutorial", {}, 0, False),
    ],
)
def test_best_learns_from_all_of_few_pictures_by_its_heads_if_not_told_otherwise(
    catalog, profile, told, folds, heads_alone, capsys
):
    config = Config.profile(profile)
    expected = config.replace(fine_tune=False) if heads_alone else config
    assert folds_of(catalog, config, Namespace(**{**UNTOLD, **told})) == (expected, folds)
    printed = capsys.readouterr().out
    assert ("all are learned from" in printed) == (folds == 5) and ("heads alone" in printed) == heads_alone


def test_many_pictures_few_videos_and_random_frames_are_divided_as_they_fit(catalog):
    options = Namespace(**UNTOLD)
    many = pd.concat([catalog] * -(-FEW_PICTURES // len(catalog)), ignore_index=True)
    assert folds_of(many, BEST, options) == (BEST, 0)
    joined = many.assign(added=many.index >= len(catalog))  # the judged ones are few
    assert folds_of(joined, BEST, options)[1] == 5
    few = catalog[catalog["video"].str.contains("/[12]$")]
    assert folds_of(few, BEST, options)[1] == 2
    assert folds_of(few[few["video"] != "plank/1"], BEST, options) == (BEST, 0)
    random = BEST.replace(split="random")
    assert folds_of(catalog, random, options) == (random, 0)


@pytest.fixture
def warm(home, data_folder, monkeypatch) -> Path:
    """Small profiles and a random body in the place of the one that the gym would warm up."""
    shrink_profiles(monkeypatch)
    torch.manual_seed(5)
    path = save_atomically(
        build_model("tf_efficientnet_lite0", 3, weights=None).body.state_dict(), home / "input" / "warm.pth"
    )
    monkeypatch.setattr("workoutlib.training.experiments.warm_up", lambda name, weights: path)
    monkeypatch.setattr("workoutlib.training.synthetic.synthetic_folder", lambda: data_folder)
    return home


@pytest.mark.slow
def test_best_on_few_pictures_and_on_what_was_added_to_them(warm, data_folder, tmp_path, capsys):
    arguments = ["train", "--profile", "best", "--data", str(data_folder)]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "scores of 5 folds, each image judged by a model that had not seen its video" in printed
    assert "48 images of 15 videos, by video" in printed and "model of all 48 images" in printed
    out = warm / "outputs"
    stored, table = load_checkpoint(out / "best_model.pth"), pd.read_csv(out / "held_out.csv")
    assert stored.metrics["folds"] == 5 and stored.metrics["images"] == 48 and not stored.config.fine_tune
    assert stored.metrics["top1"] == pytest.approx((table["label"] == table["predicted"]).mean())
    assert stored.model.memory.shape[0] == 3

    for number in (1, 2):
        save_noise(tmp_path / "new" / "squat" / f"squat_10000{number}.jpg", seed=number)
    assert main([*arguments, str(tmp_path / "new")]) == 0
    assert f"top-1 before {stored.metrics['top1']:.3f}, now " in capsys.readouterr().out
    assert main([*arguments, str(tmp_path / "new"), "--folds", "0", "--epochs", "0"]) == 0
    printed = capsys.readouterr().out
    assert "split video: " in printed and "no model to compare with" in printed  # it knows what is held out now
    assert not (out / "held_out.csv").exists() and "folds" not in load_checkpoint(out / "best_model.pth").metrics
