import csv
import os
import unicodedata
from pathlib import Path

import pandas as pd
import pytest
from helpers.clips import save_clip
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from workoutlib.data.catalog import class_counts, describe_problems, find_duplicates, read_catalog
from workoutlib.labels import LABELS
from workoutlib.media import kinds
from workoutlib.media.kinds import is_clip, list_media
from workoutlib.utils.errors import WorkoutlibError

INDEX = Path(__file__).parents[2] / "shared" / "kaggle" / "index.csv"
STEMS = {"chest fly machine": "cfm", "decline bench press": "dbp", "lateral raises": "lateral raise"}


def touch(root: Path, *names: str, content: bytes = b"x") -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def problems_of(catalog: pd.DataFrame) -> dict[str, str]:
    table = catalog.attrs["problems"]
    return {Path(path).name: problem for path, problem in zip(table["path"], table["problem"], strict=True)}


def row_of(catalog: pd.DataFrame, name: str) -> list:
    return catalog[catalog["path"].map(os.path.basename) == name].iloc[0].tolist()[1:]


def test_a_name_tells_its_video_frame_and_source(tmp_path):
    touch(
        tmp_path,
        "bench press/bench press_3900491.jpg",
        "bench press/bench press_g13.jpg",
        "bench press/my photo.PNG",
        "chest fly machine/cfm_1700011.jpg",
        "decline bench press/dbp_400001.jpg",
        "lateral raises/lateral raise_g2.jpg",
    )
    catalog = read_catalog(tmp_path)
    assert catalog.columns.tolist() == ["path", "label", "video", "frame", "source"]
    assert row_of(catalog, "bench press_3900491.jpg") == ["bench press", "bench press/39", 491, "frame"]
    assert row_of(catalog, "bench press_g13.jpg") == ["bench press", "bench press/g13", -1, "still"]
    assert row_of(catalog, "my photo.PNG") == ["bench press", "bench press/my photo.PNG", -1, "still"]
    assert row_of(catalog, "cfm_1700011.jpg") == ["chest fly machine", "chest fly machine/17", 11, "frame"]
    assert row_of(catalog, "dbp_400001.jpg") == ["decline bench press", "decline bench press/4", 1, "frame"]
    assert row_of(catalog, "lateral raise_g2.jpg") == ["lateral raises", "lateral raises/g2", -1, "still"]
    assert all(os.path.isabs(path) for path in catalog["path"])
    assert catalog.attrs["problems"].empty
    assert "no problems" in describe_problems(catalog)


def test_folders_in_any_spelling(tmp_path):
    touch(tmp_path, "pull Up/pull Up_100001.jpg", "tricep Pushdown/a.jpg", "lateral raise/b.jpg")
    labels = read_catalog(tmp_path)["label"].tolist()
    assert sorted(labels) == ["lateral raises", "pull up", "tricep pushdown"]


def test_a_foreign_name_is_a_video_only_if_its_number_is_no_date(tmp_path):
    touch(tmp_path, "squat/clip_1200031.jpg", "squat/IMG_20240131.jpg", "squat/squat_1200031.jpg")
    catalog = read_catalog(tmp_path)
    assert row_of(catalog, "clip_1200031.jpg")[1:] == ["squat/clip 12", 31, "frame"]
    assert row_of(catalog, "squat_1200031.jpg")[1:] == ["squat/12", 31, "frame"]
    assert row_of(catalog, "IMG_20240131.jpg")[3] == "still"


def test_everything_left_out_is_named_and_counted(tmp_path):
    touch(tmp_path, "squat/a.jpg", "squat/notes.txt", "squat/deeper/b.jpg", "truth.csv", "stray.jpg", ".hidden/c.jpg")
    touch(tmp_path, "squat/empty.jpg", content=b"")
    touch(tmp_path, "squat/plank_100001.jpg")
    (tmp_path / "plank").mkdir()
    catalog = read_catalog(tmp_path)
    found = problems_of(catalog)
    assert found == {
        "notes.txt": "not an image file",
        "deeper": "folder inside a class folder, not read",
        "stray.jpg": "image outside of the class folders",
        ".hidden": "hidden or system folder",
        "empty.jpg": "empty file",
        "plank": "class folder without images",
        "plank_100001.jpg": "named after another class, kept in its folder's: 'plank'",
    }
    assert len(catalog) == 2
    text = describe_problems(catalog)
    assert "7 problems" in text
    assert "squat/empty.jpg" in text


@pytest.mark.skipif(os.name == "nt", reason="needs links without special rights")
def test_links_that_lead_nowhere_are_reported(tmp_path):
    touch(tmp_path, "squat/a.jpg")
    (tmp_path / "squat" / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (tmp_path / "squat" / "one.jpg").symlink_to(tmp_path / "squat" / "two.jpg")
    (tmp_path / "squat" / "two.jpg").symlink_to(tmp_path / "squat" / "one.jpg")
    catalog = read_catalog(tmp_path)
    assert len(catalog) == 1
    assert problems_of(catalog).keys() == {"gone.jpg", "one.jpg", "two.jpg"}


@pytest.mark.skipif(os.name == "nt", reason="such names cannot exist there")
def test_names_that_are_no_text(tmp_path):
    names = ["new\nline.jpg", "quote\"'.jpg", "emoji 🏋.jpg", os.fsdecode(b"latin-\xe9.jpg")]
    try:
        touch(tmp_path, *(f"squat/{name}" for name in names))
        touch(tmp_path, "squat/new\nline.txt")
    except OSError:
        pytest.skip("this file system refuses such names")
    catalog = read_catalog(tmp_path)
    assert {os.path.basename(path) for path in catalog["path"]} == set(names)
    assert catalog["video"].nunique() == 4
    assert len(describe_problems(catalog).splitlines()) == 2


def test_check_opens_every_image(tmp_path):
    touch(tmp_path, "squat/text.jpg", content=b"this is no picture")
    Image.new("RGB", (1, 1)).save(tmp_path / "squat" / "tiny.jpg")
    assert len(read_catalog(tmp_path)) == 2
    checked = read_catalog(tmp_path, check=True)
    assert [Path(path).name for path in checked["path"]] == ["tiny.jpg"]
    assert problems_of(checked)["text.jpg"].startswith("unreadable image: ")


def test_classes_of_the_users_own(tmp_path):
    touch(tmp_path, "yoga/yoga_100001.jpg", "boxing/x.jpg", "boxing/y.jpg")
    catalog = read_catalog(tmp_path)
    assert sorted(set(catalog["label"])) == ["boxing", "yoga"]
    assert row_of(catalog, "yoga_100001.jpg")[1:] == ["yoga/1", 1, "frame"]


def test_known_and_unknown_folders_mixed_are_an_error_with_near_names(tmp_path):
    touch(tmp_path, "squat/a.jpg", "bech press/b.jpg", "yoga/c.jpg")
    with pytest.raises(WorkoutlibError, match=r"2 folders .*'bech press' \(near: bench press.*'yoga'"):
        read_catalog(tmp_path)


def test_labels_name_the_classes_and_the_missing_ones(tmp_path):
    touch(tmp_path, "Push-Ups/a.jpg", "yoga/c.jpg")
    catalog = read_catalog(tmp_path, labels=["push up", "yoga", "boxing"])
    assert sorted(catalog["label"]) == ["push up", "yoga"]
    assert problems_of(catalog) == {"boxing": "class without a folder"}
    with pytest.raises(WorkoutlibError, match="yoga"):
        read_catalog(tmp_path, labels=LABELS)


def test_two_folders_of_one_class_are_read_into_one(tmp_path):
    touch(tmp_path, "pull up/a.jpg", "pull-ups/b.jpg")
    catalog = read_catalog(tmp_path)
    assert catalog["label"].tolist() == ["pull up", "pull up"]
    assert problems_of(catalog)["pull-ups"].startswith("second folder of a class")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "0 folders"),
        (["photo.jpg"], "1 × image outside"),
        (["squat/a.txt"], "1 × not an image file"),
        (["data/train/squat/a.jpg", "data/train/plank/a.jpg"], "try .*data"),
    ],
)
def test_without_images_the_error_says_what_is_there(tmp_path, names, message):
    with pytest.raises(WorkoutlibError, match=message):
        read_catalog(touch(tmp_path, *names))


def test_a_root_that_is_no_folder(tmp_path):
    touch(tmp_path, "file")
    for root in (tmp_path / "nowhere", tmp_path / "file"):
        with pytest.raises(WorkoutlibError, match="no data set at") as caught:
            read_catalog(root)
        assert isinstance(caught.value.__cause__, OSError)


def test_catalogs_can_be_joined_by_pandas(tmp_path):
    catalog = read_catalog(touch(tmp_path, "squat/a.jpg", "plank/b.jpg", "plank/c.txt"))
    halves = [catalog[catalog["label"] == label] for label in ("plank", "squat")]
    assert len(pd.concat(halves)) == 2
    assert len(catalog.merge(catalog.copy(), on="path")) == 2
    assert len(halves[0].attrs["problems"]) == 1


def test_class_counts(tmp_path):
    names = ["squat_100001.jpg", "squat_100011.jpg", "squat_200001.jpg", "squat_g1.jpg", "selfie.jpg"]
    touch(tmp_path, *(f"squat/{name}" for name in names), "plank/plank_g1.jpg")
    counts = class_counts(read_catalog(tmp_path))
    assert counts.loc["squat"].to_dict() == {"images": 5, "videos": 2, "stills": 2, "largest_video": 2}
    assert counts.loc["plank"].to_dict() == {"images": 1, "videos": 0, "stills": 1, "largest_video": 0}


def test_duplicates_across_classes(tmp_path):
    touch(tmp_path, "squat/a.jpg", "plank/b.jpg", content=b"same")
    touch(tmp_path, "squat/c.jpg", "squat/d.jpg", content=b"twin")
    touch(tmp_path, "plank/e.jpg", content=b"lone")
    duplicates = find_duplicates(read_catalog(tmp_path))
    across = {Path(path).name: across for path, across in duplicates[["path", "across_classes"]].to_numpy()}
    assert across == {"a.jpg": True, "b.jpg": True, "c.jpg": False, "d.jpg": False}
    assert duplicates["content"].nunique() == 2


@given(st.sampled_from(LABELS), st.integers(0, 9999), st.integers(0, 99_999), st.sampled_from(["jpg", "JPEG", "Png"]))
@settings(max_examples=50, deadline=None)
def test_names_round_trip_through_a_folder(tmp_path_factory, label, video, frame, suffix):
    root = tmp_path_factory.mktemp("tree")
    name = f"{STEMS.get(label, label)}_{video}{frame:05d}.{suffix}"
    catalog = read_catalog(touch(root, f"{label}/{name}"))
    assert row_of(catalog, name) == [label, f"{label}/{video}", frame, "frame"]
    assert catalog.attrs["problems"].empty


@pytest.mark.skipif(not INDEX.is_file(), reason="the index of the real data set is not there")
def test_a_full_size_tree_with_the_true_names(tmp_path):
    videos, stills = set(), 0
    with INDEX.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["source"].startswith("g"):
                names = [f"{row['stem']}_{row['source']}.jpg"]
                stills += 1
            else:
                numbers = list(range(int(row["first_frame"]), int(row["last_frame"]) + 1, 10))
                missing = len(numbers) - int(row["frames"])  # a few in between
                names = [
                    f"{row['stem']}_{row['source']}{number:05d}.jpg" for number in [numbers[0], *numbers[1 + missing :]]
                ]
                videos.add(f"{row['class']}/{row['source']}")
            touch(tmp_path, *(f"{row['class']}/{name}" for name in names))
    catalog = read_catalog(tmp_path)
    assert len(catalog) == 13_853
    assert tuple(sorted(set(catalog["label"]))) == LABELS
    assert (catalog["source"] == "still").sum() == stills == 477
    assert set(catalog.loc[catalog["source"] == "frame", "video"]) == videos
    assert class_counts(catalog)["largest_video"]["plank"] == 676
    assert catalog.attrs["problems"].empty


def test_hidden_twins_of_macos_are_nobodys_problem(tmp_path):
    touch(
        tmp_path, "squat/a.jpg", "squat/._a.jpg", "squat/.hidden.jpg", "squat/.cache/b.jpg", "._x.jpg", "__MACOSX/c.jpg"
    )
    found = read_catalog(tmp_path)
    assert [os.path.basename(path) for path in found["path"]] == ["a.jpg"]
    assert found.attrs["problems"]["path"].map(os.path.basename).tolist() == ["__MACOSX"]


def test_a_picture_is_told_by_its_content_as_everywhere(tmp_path, monkeypatch):
    """Without a suffix, or with another's, as `predict` does. What is called a picture is not opened here."""
    for name in ("squat_100001", "squat_100002.heic.download", "squat_100003.txt", "squat_100004.PNG"):
        touch(tmp_path, f"squat/{name}")
        Image.new("RGB", (8, 8)).save(tmp_path / "squat" / name, "PNG")
    save_clip(tmp_path / "squat" / "clip.mp4").rename(tmp_path / "squat" / "clip")
    touch(tmp_path, "squat/readme", content=b"text")
    Image.new("RGB", (8, 8)).save(tmp_path / "stray", "JPEG")
    catalog = read_catalog(tmp_path)
    assert sorted(catalog["path"]) == [str(path) for path in list_media(tmp_path / "squat") if not is_clip(path)]
    assert len(catalog) == 4
    monkeypatch.setattr(kinds, "_head", None)
    touch(tmp_path / "lunge", "lunge/lunge_100001.jpg")
    assert len(read_catalog(tmp_path / "lunge")) == 1
    assert problems_of(catalog) == {
        "clip": "not an image file",
        "readme": "not an image file",
        "stray": "image outside of the class folders",
    }


def test_accents_are_the_same_however_they_are_written(tmp_path):
    """macOS writes names of files with accents as letters of their own; who types a name does not."""
    stored, typed = (unicodedata.normalize(form, "montée de genoux") for form in ("NFD", "NFC"))
    assert stored != typed
    touch(tmp_path, f"{stored}/{stored}_100001.jpg", "squat/squat_100001.jpg")
    assert set(read_catalog(tmp_path, labels=[typed, "squat"])["label"]) == {typed, "squat"}
    (tmp_path / "squat" / "squat_100001.jpg").unlink()
    (tmp_path / "squat").rmdir()
    found = read_catalog(tmp_path)
    assert found["label"].tolist() == [typed] and found["video"].tolist() == [f"{typed}/1"]


def test_pictures_in_folders_inside_class_folders_are_told_to_be_moved_up(tmp_path):
    touch(tmp_path, "squat/anna/a.jpg", "plank/bob/b.jpg")
    with pytest.raises(WorkoutlibError, match=r"inside the class folders are not read, such as .*bob\": move them up"):
        read_catalog(tmp_path)
