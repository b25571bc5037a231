import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from workoutlib.data.splits import (
    folds_by_video,
    folds_random,
    group_near_duplicates,
    leakage,
    split_by_video,
    split_random,
)
from workoutlib.utils.errors import WorkoutlibError


def make_catalog(videos: dict[str, list[int]], stills: dict[str, int] | None = None) -> pd.DataFrame:
    """A catalog of ``videos`` (label: frames of each of its videos) and ``stills`` (label: how many)."""
    rows = [
        (f"/{label}/{label}_{number}{frame:05d}.jpg", label, f"{label}/{number}", 10 * frame + 1, "frame")
        for label, lengths in videos.items()
        for number, length in enumerate(lengths, 1)
        for frame in range(length)
    ]
    rows += [
        (f"/{label}/{label}_g{number}.jpg", label, f"{label}/g{number}", -1, "still")
        for label, count in (stills or {}).items()
        for number in range(count)
    ]
    return pd.DataFrame(rows, columns=["path", "label", "video", "frame", "source"])


def assert_whole(catalog: pd.DataFrame, parts: list[pd.DataFrame], groups: pd.Series) -> None:
    """The parts are the catalog, each row once, and no group is in two of them."""
    indices = np.concatenate([part.index for part in parts])
    assert sorted(indices) == catalog.index.tolist()
    owners = [set(groups[part.index]) for part in parts]
    assert sum(map(len, owners)) == len(set().union(*owners))


catalogs = st.builds(
    lambda lengths, stills: make_catalog(
        {f"class {i}": frames for i, frames in enumerate(lengths)},
        {f"class {i}": count for i, count in enumerate(stills[: len(lengths)])},
    ),
    st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=8), min_size=1, max_size=5),
    st.lists(st.integers(0, 6), min_size=5, max_size=5),
)


def merged_at_random(catalog: pd.DataFrame, seed: int) -> pd.Series:
    """Videos of each class thrown together into fewer groups."""
    rng = np.random.default_rng(seed)
    number = {video: rng.integers(0, 6) for video in catalog["video"].unique()}
    return catalog["label"] + "|" + catalog["video"].map(number).astype(str)


@pytest.mark.slow
@given(catalogs, st.integers(0, 10_000), st.sampled_from([(0.15, 0.15), (0.2, 0), (0.4, 0.3)]), st.booleans())
@settings(max_examples=1000, deadline=None)
def test_no_group_is_ever_in_two_parts_and_every_class_in_each(catalog, seed, shares, merge):
    groups = merged_at_random(catalog, seed) if merge else catalog["video"]
    valid, test = shares
    fewest = groups.groupby(catalog["label"]).nunique().min()
    parts = 3 if test else 2
    if fewest < parts:
        with pytest.raises(WorkoutlibError, match=r"'class \d' has"):
            split_by_video(catalog, valid=valid, test=test, seed=seed, groups=groups)
        return
    split = split_by_video(catalog, valid=valid, test=test, seed=seed, groups=groups if merge else None)
    assert list(split) == ["train", "valid", "test"][:parts]
    assert_whole(catalog, list(split.values()), groups)
    for part in split.values():
        assert set(part["label"]) == set(catalog["label"])
    assert leakage(split["train"], split["valid"])["shared_videos"] == 0


@pytest.mark.slow
@given(catalogs, st.integers(0, 10_000), st.integers(2, 5), st.booleans())
@settings(max_examples=200, deadline=None)
@pytest.mark.filterwarnings("ignore:The least populated class")
def test_folds_hold_whole_groups_and_train_on_every_class(catalog, seed, folds, merge):
    groups = merged_at_random(catalog, seed) if merge else catalog["video"]
    assume(groups.groupby(catalog["label"]).nunique().min() >= 2)
    try:
        pairs = folds_by_video(catalog, folds=folds, seed=seed, groups=groups)
    except WorkoutlibError:
        assert groups.groupby(catalog["label"]).nunique().max() < folds
        return
    assert_whole(catalog, [pair["valid"] for pair in pairs], groups)
    for pair in pairs:
        assert_whole(catalog, [pair["train"], pair["valid"]], groups)
        assert set(pair["train"]["label"]) == set(catalog["label"])


def test_random_folds_hold_each_image_once_and_share_videos():
    catalog = make_catalog({"squat": [20, 20], "plank": [20]})
    parts = folds_random(catalog, folds=4, seed=3)
    assert sorted(np.concatenate([part["valid"].index for part in parts])) == catalog.index.tolist()
    for part in parts:
        assert sorted([*part["train"].index, *part["valid"].index]) == catalog.index.tolist()
        assert leakage(part["train"], part["valid"])["seen_video"] == 1.0
    with pytest.raises(WorkoutlibError, match="choose 2 to 20"):
        folds_random(catalog, folds=21)


def test_split_random_is_the_tutorials():
    catalog = make_catalog({"squat": [13_853]})
    split = split_random(catalog)
    assert [len(part) for part in split.values()] == [12_468, 1_385]
    indices = torch.randperm(13_853, generator=torch.Generator().manual_seed(42)).tolist()
    assert sorted(split["valid"].index) == sorted(indices[-1_385:])
    assert sorted(split["train"].index) == sorted(indices[:-1_385])
    assert not split_random(catalog, seed=1)["valid"].index.equals(split["valid"].index)


@pytest.mark.parametrize("valid", [0, 0.01, 1, 1.5, -0.1, float("nan")])
def test_split_random_needs_images_on_both_sides(valid):
    with pytest.raises(WorkoutlibError, match="validation images"):
        split_random(make_catalog({"squat": [20]}), valid=valid)


def test_the_same_seed_gives_the_same_split():
    catalog = make_catalog({"squat": [5] * 12, "plank": [9] * 7})
    first, second = split_by_video(catalog, seed=3), split_by_video(catalog, seed=3)
    assert all(first[part].equals(second[part]) for part in first)
    assert any(not split_by_video(catalog, seed=seed)["valid"].equals(first["valid"]) for seed in range(5))


def test_the_largest_video_goes_to_training_and_the_rest_is_balanced():
    plank = [676, 51, 60, 40, 70, 50, 46]
    catalog = make_catalog({"plank": plank, "squat": [25] * 30}, {"plank": 20})
    for seed in range(10):
        split = split_by_video(catalog, seed=seed)
        assert (split["train"]["video"] == "plank/1").sum() == 676
        for part in ("valid", "test"):
            shares = split[part]["label"].value_counts() / catalog["label"].value_counts()
            assert shares.between(0.10, 0.20).all()
            assert split[part].query("label == 'plank' and source == 'frame'")["video"].nunique() >= 1
            assert (split[part]["source"] == "still").sum() == 3


def test_the_largest_video_is_in_training_even_where_another_part_has_room_for_it():
    catalog = make_catalog({"squat": [6, 5, 5, 5]})
    for seed in range(20):
        split = split_by_video(catalog, valid=0.35, test=0.3, seed=seed)
        assert "squat/1" in set(split["train"]["video"])


def test_parts_do_not_carry_the_problems_of_the_whole_catalog():
    catalog = make_catalog({"squat": [5] * 5, "plank": [5] * 5})
    catalog.attrs["problems"] = "many"
    folds = folds_by_video(catalog)
    for part in (*split_random(catalog).values(), *split_by_video(catalog).values(), folds[0]["train"]):
        assert part.attrs == {}
    assert catalog.attrs == {"problems": "many"}


def test_too_few_videos_are_named_with_their_counts():
    catalog = make_catalog({"squat": [5, 5], "plank": [5, 5, 5], "push up": [9]})
    with pytest.raises(WorkoutlibError, match=r"at least 3 .* 'push up' has 1, 'squat' has 2"):
        split_by_video(catalog)
    with pytest.raises(WorkoutlibError, match=r"at least 2 .* 'push up' has 1\."):
        folds_by_video(catalog)


@pytest.mark.parametrize("shares", [(0, 0.1), (0.5, 0.5), (-0.1, 0.1), (0.2, -0.1), (float("nan"), 0.1)])
def test_shares_out_of_range(shares):
    with pytest.raises(WorkoutlibError, match="shares"):
        split_by_video(make_catalog({"squat": [5] * 5}), valid=shares[0], test=shares[1])


@pytest.mark.parametrize("folds", [0, 1, 4, 50])
def test_impossible_folds(folds):
    with pytest.raises(WorkoutlibError, match="folds"):
        folds_by_video(make_catalog({"squat": [9, 9, 9]}), folds=folds)


def test_groups_must_fit_the_catalog():
    catalog = make_catalog({"squat": [5] * 5, "plank": [5] * 5})
    with pytest.raises(WorkoutlibError, match="no group for 10 of 50"):
        split_by_video(catalog, groups=catalog["video"][:40])
    with pytest.raises(WorkoutlibError, match="more than one class"):
        split_by_video(catalog, groups=pd.Series("one", index=catalog.index))


def test_leakage_counts_neighbours_and_videos():
    catalog = make_catalog({"squat": [4, 2, 1]}, {"squat": 1})
    valid = catalog.iloc[[1, 2, 5, 6, 7]]  # frames 2 and 3 of video 1, the last of 2, all of 3, the still
    report = leakage(catalog.drop(valid.index), valid)
    assert (report["frames"], report["stills"], report["shared_videos"]) == (4, 1, 2)
    assert report["seen_video"] == 3 / 4
    assert report["next_frame"] == 3 / 5  # 2 beside 1, 3 beside 4, the last of video 2 beside its first
    assert "75.00% of the 4" in report["sentence"]
    assert "60.00% of all 5" in report["sentence"]


def test_leakage_does_not_depend_on_the_order_or_the_index():
    catalog = make_catalog({"squat": [30, 20, 5], "plank": [40]})
    split = split_random(catalog, valid=0.3)
    mixed = {name: part.sample(frac=1, random_state=0).reset_index(drop=True) for name, part in split.items()}
    assert leakage(**mixed) == leakage(**split)


def test_leakage_without_validation_frames():
    catalog = make_catalog({"squat": [3]}, {"squat": 2})
    report = leakage(catalog[:3], catalog[3:])
    assert (report["seen_video"], report["next_frame"], report["frames"], report["stills"]) == (0, 0, 0, 2)


def test_a_random_split_of_a_full_size_set_leaks_and_one_by_video_does_not():
    lengths = np.random.default_rng(0).geometric(1 / 21, size=(22, 28)).clip(2)
    catalog = make_catalog({f"class {i}": row.tolist() for i, row in enumerate(lengths)}, {"class 0": 400})
    cheating = leakage(**split_random(catalog))
    assert cheating["seen_video"] > 0.99
    assert 0.90 < cheating["next_frame"] < 0.98
    split = split_by_video(catalog)
    honest = leakage(split["train"], split["valid"])
    assert honest["seen_video"] == honest["next_frame"] == honest["shared_videos"] == 0


def embed(catalog: pd.DataFrame, directions: dict[str, int], noise: float = 0.05) -> np.ndarray:
    """Embeddings in which each video points along the axis that ``directions`` gives it."""
    rng = np.random.default_rng(0)
    axes = np.eye(max(directions.values()) + 1)
    points = axes[[directions[video] for video in catalog["video"]]]
    return (points + noise * rng.standard_normal(points.shape)) * rng.uniform(1, 9, (len(points), 1))


def test_near_duplicates_of_one_class_are_merged():
    catalog = make_catalog({"squat": [3, 5, 2, 1], "plank": [4, 4]})
    directions = {"squat/1": 0, "squat/2": 0, "squat/3": 1, "squat/4": 0, "plank/1": 0, "plank/2": 2}
    groups = group_near_duplicates(catalog, embed(catalog, directions))
    assert groups.index.equals(catalog.index)
    assert dict(zip(catalog["video"], groups, strict=True)) == {
        "squat/1": "squat/1",
        "squat/2": "squat/1",
        "squat/3": "squat/3",
        "squat/4": "squat/1",
        "plank/1": "plank/1",  # looks like the squats, but is another class
        "plank/2": "plank/2",
    }
    assert groups.attrs == {"merged": 2}


@given(catalogs, st.integers(0, 1000), st.floats(0.01, 1.5))
@settings(max_examples=100, deadline=None)
def test_a_group_is_a_union_of_whole_videos_of_one_class(catalog, seed, threshold):
    embeddings = np.random.default_rng(seed).standard_normal((len(catalog), 3))
    groups = group_near_duplicates(catalog, embeddings, threshold=threshold)
    assert (groups.groupby(catalog["video"]).nunique() == 1).all()
    assert (catalog["label"].groupby(groups).nunique() == 1).all()
    assert groups.attrs["merged"] == catalog["video"].nunique() - groups.nunique()


def test_a_higher_threshold_merges_no_less():
    catalog = make_catalog({"squat": [3] * 12})
    embeddings = np.abs(np.random.default_rng(1).standard_normal((36, 4)))
    merged = [group_near_duplicates(catalog, embeddings, threshold=t).attrs["merged"] for t in (0.01, 0.2, 0.4, 2)]
    assert merged == sorted(merged)
    assert (merged[0], merged[-1]) == (0, 11)


@pytest.mark.parametrize("embeddings", [np.ones((3, 2)), np.ones(4), np.zeros((4, 2)), np.full((4, 2), np.nan)])
def test_embeddings_that_do_not_fit(embeddings):
    with pytest.raises(WorkoutlibError, match="embeddings"):
        group_near_duplicates(make_catalog({"squat": [2, 2]}), embeddings)
