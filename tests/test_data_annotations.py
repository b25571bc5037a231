"""The table of annotations: decisions, undo, what a killed program left, weights, corrected labels."""

import threading
import zipfile

import pandas as pd
import pytest
from filelock import FileLock
from helpers.tiny import save_noise

from workoutlib.data.annotations import TABLE, Annotations
from workoutlib.data.catalog import read_catalog
from workoutlib.utils.errors import WorkoutlibError

ROW = {"start": 0.0, "end": 1.0, "confidence": 0.6, "second": "plank", "third": "push up"}


@pytest.fixture
def annotations(tmp_path) -> Annotations:
    """A kept squat of two pictures, and another that waits."""
    save_noise(tmp_path / "squat" / "squat_100001.jpg")
    save_noise(tmp_path / "squat" / "squat_100002.jpg", seed=1)
    save_noise(tmp_path / "review" / "squat_200003.jpg", seed=2)
    found = Annotations(tmp_path)
    rows = [("kept", "1", "100001 100002"), ("review", "2", "200003")]
    found.add(
        [
            ROW | {"source": f"{video}.mp4", "label": "squat", "predicted": "squat", "status": status, "video": video,
                   "pictures": pictures}
            for status, video, pictures in rows
        ]
    )  # fmt: skip
    return found


def pictures(annotations: Annotations) -> set[str]:
    return {path.relative_to(annotations.root).as_posix() for path in annotations.root.rglob("*.jpg")}


def test_a_decision_moves_the_pictures_and_undo_moves_them_back(annotations):
    before = annotations.table.loc[1].to_dict()
    annotations.decide(1, "plank")
    assert "plank/plank_200003.jpg" in pictures(annotations)
    assert Annotations(annotations.root).table.loc[1, ["label", "status"]].tolist() == ["plank", "confirmed"]
    catalog = read_catalog(annotations.root)
    assert catalog.attrs["problems"].empty and set(catalog["video"]) == {"plank/2", "squat/1"}
    annotations.restore(1, before)
    assert "review/squat_200003.jpg" in pictures(annotations)
    annotations.decide(0, None)
    assert pictures(annotations) == {f"review/squat_{end}.jpg" for end in ("100001", "100002", "200003")}


def test_killed_between_the_table_and_the_pictures_they_are_moved_at_the_next_opening(annotations):
    table = annotations.table.assign(label=["push up", "squat"], status=["confirmed", "review"])
    table.to_csv(annotations.root / TABLE, index=False)
    Annotations(annotations.root)
    assert pictures(annotations) == {
        "push up/push up_100001.jpg", "push up/push up_100002.jpg", "review/squat_200003.jpg"
    }  # fmt: skip


def test_a_person_counts_fully_a_model_as_much_as_it_is_sure(annotations):
    annotations.decide(1, "plank")
    weights = {path.rpartition("/")[2]: weight for path, weight in annotations.weights().items()}
    assert weights == {"squat_100001.jpg": 0.6, "squat_100002.jpg": 0.6, "plank_200003.jpg": 1.0}


def test_labels_of_the_data_set_itself_are_corrected_without_moving_a_file(tmp_path):
    for name in (
        "squat/squat_100001.jpg",
        "squat/squat_100002.jpg",
        "squat/squat_200001.jpg",
        "plank/plank_100001.jpg",
    ):
        save_noise(tmp_path / name)
    found = Annotations(tmp_path)
    row = ROW | {"label": "squat", "predicted": "plank", "status": "review"}
    found.add([row | {"source": f"squat/squat_{end}.jpg"} for end in ("100001", "100002", "200001")])
    assert read_catalog(tmp_path)["label"].tolist() == ["plank", "squat", "squat", "squat"]  # nobody has said anything
    assert found.paths(0) == [tmp_path / "squat/squat_100001.jpg"]
    found.decide(0, "plank")
    found.decide(1, None)
    catalog = read_catalog(tmp_path).set_index("path")
    assert catalog.loc[str(tmp_path / "squat/squat_100001.jpg"), "label"] == "plank"
    assert len(catalog) == 3 and len(pictures(found)) == 4
    # neither with the video that it was taken from, whose label is another one, nor with one of its new label
    assert catalog["video"].tolist() == ["plank/1", "plank/squat_100001.jpg", "squat/2"]


def test_what_was_skipped_has_no_pictures(annotations):
    """Its source is a clip, or a photo that was not taken into the data set."""
    photo = save_noise(annotations.root / "elsewhere.jpg")
    annotations.add([ROW | {"source": str(photo), "label": "squat", "status": "skipped"}])
    assert annotations.paths(2) == [] and str(photo) not in annotations.weights()


def test_it_waits_for_another_program_but_not_for_ever(annotations, monkeypatch):
    def held(seconds: float) -> threading.Timer:
        """Another program holds the table for so long."""
        lock = FileLock(annotations.root / ".annotations.lock", thread_local=False)
        lock.acquire(timeout=0)
        release = threading.Timer(seconds, lock.release)
        release.start()
        return release

    held(0.3)
    annotations.decide(1, "plank")
    monkeypatch.setattr("workoutlib.data.annotations._PATIENCE", 0.2)
    release, before = held(20), (annotations.root / TABLE).read_bytes()
    with pytest.raises(WorkoutlibError, match="in use by another program"):
        annotations.decide(1, None)
    assert release.is_alive() and (annotations.root / TABLE).read_bytes() == before
    release.cancel()
    release.function()


def test_what_is_no_table_is_said(tmp_path):
    (tmp_path / TABLE).write_text("a,b\n1,2\n")
    with pytest.raises(WorkoutlibError, match="no table of annotations"):
        Annotations(tmp_path)


def test_texts_come_back_as_they_were(tmp_path):
    found = Annotations(tmp_path)
    found.add([ROW | {"source": "=1.mp4", "label": "-x", "status": "skipped", "note": 'a "b", c'}])
    pd.testing.assert_frame_equal(Annotations(tmp_path).table, found.table)


def as_saved(table: pd.DataFrame, how: str) -> bytes:
    """The table as a spreadsheet saves it."""
    numbers = {column: table[column].map(str) for column in ("start", "end", "confidence")}
    european = table.assign(**{name: cells.str.replace(".", ",") for name, cells in numbers.items()})
    blank = ";" * (len(table.columns) - 1) + "\r\n"
    return {
        "UTF-8 with a mark": lambda: table.to_csv(index=False).encode("utf-8-sig"),
        "Unicode text": lambda: table.to_csv(index=False, sep="\t").encode("utf-16"),
        "semicolons": lambda: (european.to_csv(index=False, sep=";") + 3 * blank).encode(),
        "old Windows": lambda: european.to_csv(index=False, sep=";", lineterminator="\r\n").encode("cp1252"),
        "sep=": lambda: ("sep=;\r\n" + european.to_csv(index=False, sep=";")).encode(),
        "quoted": lambda: table.to_csv(index=False, quoting=1).encode(),
        "other order": lambda: table[list(table.columns[::-1])].assign(extra="x").to_csv(index=False).encode(),
    }[how]()


@pytest.mark.parametrize(
    "how", ["UTF-8 with a mark", "Unicode text", "semicolons", "old Windows", "sep=", "quoted", "other order"]
)
def test_a_table_that_a_spreadsheet_saved_is_the_same_table(annotations, how):
    annotations.table.loc[0, "note"] = 'Kniebeuge für "Anfänger", tief; gut'
    annotations.table.loc[1, "confidence"] = 0.375
    (annotations.root / TABLE).write_bytes(as_saved(annotations.table, how))
    pd.testing.assert_frame_equal(Annotations(annotations.root).table, annotations.table)


def test_a_workbook_called_csv_says_what_to_do(annotations):
    with zipfile.ZipFile(annotations.root / TABLE, "w") as workbook:
        workbook.writestr("xl/workbook.xml", "<workbook/>")
    with pytest.raises(WorkoutlibError, match=r'a workbook of a spreadsheet.* save it as "CSV UTF-8"'):
        Annotations(annotations.root)
    (annotations.root / TABLE).write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 1000)
    with pytest.raises(WorkoutlibError, match="a workbook of a spreadsheet"):
        Annotations(annotations.root)
    annotations.table.drop(columns="status").to_csv(annotations.root / TABLE, index=False)
    with pytest.raises(WorkoutlibError, match="it has no column status"):
        Annotations(annotations.root)


@pytest.mark.parametrize("column", ["label", "pictures"])
@pytest.mark.parametrize("value", ["../../evil", "/tmp/evil", "..", "a\\b", "C:\\x"])
def test_a_table_moves_nothing_out_of_its_folder(annotations, column, value):
    """Whoever hands a data set on may have written anything into its table."""
    everywhere = annotations.root.parent
    before = {path for path in everywhere.rglob("*.jpg")}
    table = annotations.table.copy()
    table.loc[0, column] = value
    table.to_csv(annotations.root / TABLE, index=False)
    with pytest.raises(WorkoutlibError, match="lead out of its folder"):
        Annotations(annotations.root)
    with pytest.raises(WorkoutlibError, match="lead out of its folder"):
        annotations.restore(1, {"status": "confirmed", column: value})
    with pytest.raises(WorkoutlibError, match="lead out of its folder"):
        annotations.add([ROW | {"source": "a", "label": "squat", "status": "kept", "video": "1", column: value}])
    assert {path for path in everywhere.rglob("*.jpg")} == before


def test_links_lead_no_picture_out_or_in(annotations, tmp_path_factory):
    """A class folder that is a link to elsewhere: nothing is moved into it, and nothing there is moved."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    theirs = save_noise(elsewhere / "squat_300004.jpg", seed=3)
    (annotations.root / "plank").symlink_to(elsewhere, target_is_directory=True)
    annotations.decide(1, "plank")
    annotations.add(
        [ROW | {"source": "b", "label": "squat", "predicted": "squat", "status": "kept", "video": "3",
                "pictures": "300004"}]
    )  # fmt: skip
    Annotations(annotations.root)
    assert list(elsewhere.iterdir()) == [theirs]
    assert (annotations.root / "review" / "squat_200003.jpg").is_file()


def test_two_that_write_at_once_lose_nothing(annotations):
    """Each has opened the table before the other writes."""
    other = Annotations(annotations.root)
    annotations.decide(1, "plank")
    other.decide(0, "push up")
    annotations.add([ROW | {"source": "new.mp4", "label": "squat", "status": "skipped"}])
    other.restore(0, {"label": "squat", "status": "kept"})
    stored = Annotations(annotations.root).table
    assert stored["label"].tolist() == ["squat", "plank", "squat"] and stored["source"].iloc[-1] == "new.mp4"
    assert stored["status"].tolist() == ["kept", "confirmed", "skipped"]
    pd.testing.assert_frame_equal(other.table, stored)
    assert pictures(annotations) == {"squat/squat_100001.jpg", "squat/squat_100002.jpg", "plank/plank_200003.jpg"}


def test_a_row_that_became_another_one_is_not_overwritten(annotations):
    other = Annotations(annotations.root).table.iloc[::-1]
    other.to_csv(annotations.root / TABLE, index=False)
    before = (annotations.root / TABLE).read_bytes()
    with pytest.raises(WorkoutlibError, match="row 1 is another one now: nothing was written"):
        annotations.decide(1, "plank")
    assert (annotations.root / TABLE).read_bytes() == before


def test_a_folder_that_cannot_be_written_to_can_be_read(annotations, monkeypatch):
    (annotations.root / "squat" / "squat_100001.jpg").unlink()  # somebody has taken it away
    (annotations.root / ".annotations.lock").unlink()
    monkeypatch.setattr("workoutlib.data.annotations.locked", lambda *_, **__: pytest.fail("locked"))
    assert len(read_catalog(annotations.root)) == 1 and len(Annotations(annotations.root).weights()) == 2
