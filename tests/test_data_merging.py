"""Several data sets as one catalog."""

import shutil

import numpy as np
import pytest
from helpers.tiny import make_dataset

from workoutlib.config import Config
from workoutlib.data.annotations import Annotations
from workoutlib.data.dataset import load_dataset
from workoutlib.data.merging import read_catalogs, with_class_shares, without_held_out
from workoutlib.training.experiments import split_catalog


@pytest.fixture(scope="module")
def more(data_folder, tmp_path_factory):
    """A second data set with one video of the first, under another number and in another spelling of the class."""
    root = tmp_path_factory.mktemp("more")
    (root / "Squats").mkdir()
    for path in sorted((data_folder / "squat").glob("squat_1*.jpg")):
        shutil.copy(path, root / "Squats" / path.name)
    return root


def test_one_folder_is_as_it_was(data_folder, catalog):
    assert read_catalogs([data_folder]).equals(catalog)


def test_classes_are_merged_and_videos_of_one_name_stay_two(data_folder, more, catalog):
    both = read_catalogs([data_folder, more])
    assert set(both["label"]) == set(catalog["label"])
    assert both.loc[both["added"], "video"].unique().tolist() == ["squat/1 of data set 2"]
    usual = len(catalog) / catalog["video"].nunique()
    assert both.loc[both["added"], "weight"].sum() == pytest.approx(usual)
    assert both.index.is_unique and len(both) == len(catalog) + both["added"].sum()
    assert "problems" in both.attrs


def test_a_class_that_gains_videos_counts_no_more_than_before(data_folder, more, catalog, tmp_path):
    """Whatever part of the first folder is trained on."""
    both = read_catalogs([data_folder, more])
    train = both[both["added"] | (both["frame"] % 20 == 1)]
    shared = with_class_shares(train)
    sums, before = shared.groupby("label")["weight"].sum(), train[~train["added"]].groupby("label").size()
    assert sums.to_dict() == pytest.approx(before.to_dict())
    assert shared.loc[shared["label"] != "squat", "weight"].eq(1).all() and with_class_shares(catalog) is catalog
    of_squats = shared["label"] == "squat"
    relative = shared.loc[of_squats, "weight"] / train.loc[of_squats, "weight"]
    assert relative.nunique() == 1 and relative.iloc[0] < 1  # among themselves they count as before
    (tmp_path / "yoga").mkdir()
    for path in (more / "Squats").iterdir():
        shutil.copy(path, tmp_path / "yoga" / path.name)
    new = with_class_shares(read_catalogs([data_folder, tmp_path]))  # a class that the first folder does not have
    assert new.loc[new["label"] == "yoga", "weight"].gt(0).all() and new.loc[~new["added"], "weight"].eq(1).all()


def test_confidence_is_the_weight(data_folder, tmp_path, more):
    shutil.copytree(more / "Squats", tmp_path / "squat")
    ends = " ".join(path.stem.rpartition("_")[2] for path in (tmp_path / "squat").iterdir())
    row = {"source": "a.mp4", "start": 0.0, "end": 1.0, "confidence": 0.9, "label": "squat", "status": "kept"}
    Annotations(tmp_path).add([row | {"pictures": ends, "video": "1"}])
    both = read_catalogs([data_folder, tmp_path])
    full = read_catalogs([data_folder, more])
    shares = [
        each.loc[each["added"], "weight"].sum() / each.loc[~each["added"] & (each["label"] == "squat"), "weight"].sum()
        for each in (both, full)
    ]
    assert shares[0] == pytest.approx(0.9 * shares[1])
    assert both.loc[both["label"] != "squat", "weight"].eq(1).all()
    assert load_dataset(both, size=64, progress=False).weights.numpy().min() == np.float32(both["weight"].min())


def test_validation_stays_that_of_the_first_folder(data_folder, more, catalog):
    config = Config(valid=0.3)
    alone, both = split_catalog(catalog, config), split_catalog(read_catalogs([data_folder, more]), config)
    assert both["valid"]["path"].tolist() == alone["valid"]["path"].tolist()
    assert len(both["train"]) > len(alone["train"])


def test_a_copy_of_a_validation_video_does_not_get_into_training(data_folder, more):
    both = read_catalogs([data_folder, more])
    dataset = load_dataset(both, size=64, progress=False)
    in_first = (both["video"] == "squat/1") & ~both["added"]
    held_out = {"train": both[~in_first], "valid": both[in_first]}
    with pytest.warns(UserWarning, match="1 added videos show recordings of held-out ones"):
        assert not without_held_out(held_out, dataset)["train"]["added"].any()
    trained = {"train": both[both["label"] != "plank"], "valid": both[both["label"] == "plank"]}
    assert without_held_out(trained, dataset)["train"].equals(trained["train"])


def test_without_added_pictures_nothing_is_left_out():
    dataset = make_dataset(6)
    parts = {"train": dataset.catalog[:3], "valid": dataset.catalog[3:]}
    assert without_held_out(parts, dataset) is parts
