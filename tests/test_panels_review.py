"""The review panel without a browser: a click a clip, undo, what is stored."""

import pandas as pd
import pytest
from helpers.tiny import save_noise
from helpers.waiting import make_waiting

from workoutlib.collection.review import add_suspects
from workoutlib.data.annotations import Annotations
from workoutlib.data.catalog import read_catalog
from workoutlib.notebook.panels import ReviewPanel


@pytest.fixture
def annotations(tmp_path) -> Annotations:
    return make_waiting(tmp_path)


def test_a_click_a_clip_is_stored_at_once_and_undone(annotations):
    panel = ReviewPanel(annotations)
    assert panel.top3[0].description == "squat (1)" and "<img" in panel.pictures.value and panel.back.disabled
    panel.top3[1].click()
    assert Annotations(annotations.root).table.loc[1, ["label", "status"]].tolist() == ["plank", "confirmed"]
    assert panel.queue.place == panel.progress.value == 1
    panel.other.value = "deadlift"
    assert panel.other.value != "deadlift"  # ready for the next clip
    panel.none.click()
    assert "nothing is left" in panel.status.value and panel.none.disabled
    assert set(read_catalog(annotations.root)["label"]) == {"plank", "deadlift"}
    panel.back.click()
    panel.back.click()
    panel.back.click()
    assert annotations.table["status"].tolist() == ["review"] * 3 and panel.back.disabled
    assert {path.parent.name for path in annotations.root.rglob("*.jpg")} == {"review"}


def test_keys_do_the_same_and_other_keys_nothing(annotations):
    panel = ReviewPanel(annotations.root)
    for key in ("3", "n", "u", "x"):
        panel.bridge._receive(key)
    assert panel.queue.place == 1 and panel.annotations.table.loc[1, "label"] == "push up"


def test_what_is_skipped_by_button_or_key_waits_for_the_next_time(annotations):
    panel = ReviewPanel(annotations)
    total = len(panel.queue.order)
    panel.later.click()
    for _ in range(total - 1):
        panel.bridge._receive("s")
    assert f"0 of {total} reviewed" in panel.status.value and f"{total} skipped" in panel.status.value
    assert panel.later.disabled and set(Annotations(annotations.root).table["status"]) == {"review"}
    panel.bridge._receive("u")
    assert panel.queue.place == total - 1 and not panel.later.disabled
    assert ReviewPanel(annotations.root).queue.order == panel.queue.order


def test_labels_that_look_wrong_are_reviewed_in_the_same_panel(tmp_path):
    for name in ("squat/squat_100001", "plank/plank_100001"):
        save_noise(tmp_path / f"{name}.jpg")
    found = Annotations(tmp_path)
    wrong = [str(tmp_path / "squat" / "squat_100001.jpg")]
    suspects = pd.DataFrame({"path": wrong, "label": "squat", "predicted": "plank", "confidence": 0.9})
    assert (add_suspects(found, suspects), add_suspects(found, suspects)) == (1, 0)
    panel = ReviewPanel(found)
    assert "labelled squat" in panel.status.value
    panel.top3[0].click()
    assert read_catalog(tmp_path)["label"].tolist() == ["plank", "plank"]


def test_a_picture_that_is_gone_is_told_and_its_clip_can_be_answered(annotations):
    panel = ReviewPanel(annotations)
    gone = annotations.paths(panel.queue.order[1])[0]
    gone.unlink()
    panel.later.click()
    assert "no such file" in panel.pictures.value and "role='alert'" in panel.pictures.value
    panel.later.click()
    assert "<img onload=" in panel.pictures.value and panel.queue.place == 2


def test_nothing_to_review(tmp_path):
    assert "nothing is left" in ReviewPanel(tmp_path).status.value
