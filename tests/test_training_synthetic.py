"""Synthetic pictures: never those of the built-in sample, only the labels that are asked for, learned once."""

import pandas as pd
import pytest
import torch

from workoutlib.config import Config
from workoutlib.models.build import build_model, untrained
from workoutlib.training import synthetic
from workoutlib.utils.files import read_file


@pytest.fixture
def small_gym(data_folder, tmp_path, monkeypatch):
    """Three classes of the small gym in place of the rendered ones; the seeds asked for are listed."""
    folder, seeds = tmp_path / "gym", []
    folder.symlink_to(data_folder)
    monkeypatch.setattr(synthetic, "make_sample", lambda *, seed: seeds.append(seed) or folder)
    return folder, seeds


def test_synthetic_pictures_are_other_videos_than_the_samples(small_gym):
    assert synthetic.synthetic_dataset(Config(synthetic=0.5, resize=64, crop=64), ("squat",), progress=False)
    _, seeds = small_gym
    assert seeds and 0 not in seeds  # the built-in sample is rendered from seed 0


def test_only_the_models_own_labels_come_along(small_gym):
    config, labels = Config(synthetic=0.5, resize=64, crop=64), ("box jump", "squat", "plank")
    found = synthetic.synthetic_dataset(config, labels, progress=False)
    assert found.labels == labels and set(found.catalog["label"]) == {"squat", "plank"}
    assert [labels[i] for i in found.targets] == found.catalog["label"].tolist()
    assert synthetic.synthetic_dataset(config, ("box jump",), progress=False) is None


def test_nothing_is_rendered_where_the_config_asks_for_none(monkeypatch):
    monkeypatch.setattr(synthetic, "make_sample", lambda **_: pytest.fail("rendered"))
    assert synthetic.synthetic_dataset(Config(), ("squat",)) is None


def test_the_warm_up_starts_from_the_given_weights(small_gym, tmp_path, monkeypatch):
    name, own = "tf_efficientnet_lite0", tmp_path / "own.pth"
    torch.save(untrained(f"timm/{name}").state_dict(), own)
    monkeypatch.setattr(synthetic, "fit", lambda *_, **__: None)
    stored = read_file(synthetic.warm_up(name, str(own)))
    assert stored["conv_stem.weight"].equal(read_file(own)["conv_stem.weight"])
    assert not read_file(synthetic.warm_up(name))["conv_stem.weight"].equal(stored["conv_stem.weight"])


@pytest.mark.slow
def test_the_warm_up_is_done_once_and_moves_the_upper_layers_half_way(small_gym, monkeypatch):
    profile = Config.profile("best", resize=64, crop=64, batch_size=16)
    monkeypatch.setattr(synthetic.Config, "profile", lambda name, **changes: profile.replace(**changes))
    path = synthetic.warm_up(profile.model)
    made = path.stat().st_mtime_ns
    assert synthetic.warm_up(profile.model) == path and path.stat().st_mtime_ns == made
    before = build_model(profile.model, 3).body.state_dict()
    after = build_model(profile.model, 3, weights=str(path)).body.state_dict()
    assert set(read_file(path)) == set(before)
    moved = pd.Series({name: not value.equal(after[name]) for name, value in before.items()})
    assert moved[moved.index.str.startswith("conv_head")].all()
    assert not moved[moved.index.str.startswith(("conv_stem", "blocks.0"))].any()
