"""The pose panel without a browser, with a stand-in for the estimator."""

import base64
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from helpers.uploads import send_in_parts
from PIL import Image

from workoutlib import Pose
from workoutlib.notebook.panels import PosePanel
from workoutlib.notebook.panels.poses import angle_table
from workoutlib.notebook.panels.upload import PART


def standing(probability: float = 0.9) -> Pose:
    """Shoulders above hips, knees and ankles; the left forearm at a right angle and hidden."""
    world = np.zeros((33, 3), np.float32)
    world[[11, 13, 15], 1] = -0.5, -0.2, -0.2
    world[15, 0] = 0.25
    world[[12, 14, 16], 1] = -0.5, -0.2, 0.1
    world[[25, 27], 1] = world[[26, 28], 1] = 0.4, 0.8
    visibility = np.ones(33, np.float32)
    visibility[15] = 0.1
    return Pose(world * 50 + 60, world, visibility, probability)


class StandIn:
    """Finds `people` in every picture that is not black."""

    def __init__(self, people: int = 1) -> None:
        self.people = people

    def estimate(self, image: np.ndarray) -> list[Pose]:
        return [standing()] * self.people if image.any() else []


@pytest.fixture
def photos(tmp_path) -> list[Path]:
    paths = [tmp_path / "grey.png", tmp_path / "black.png"]
    for path, level in zip(paths, (120, 0), strict=True):
        Image.fromarray(np.full((120, 160, 3), level, np.uint8)).save(path)
    return paths


@pytest.fixture
def panel(photos, tmp_path) -> PosePanel:
    return PosePanel(StandIn(), photos, folder=tmp_path / "uploads")


def upload(panel: PosePanel, files: dict[str, bytes], parts: int = 1) -> None:
    for number, (name, content) in enumerate(files.items(), start=1):
        send_in_parts(panel.upload, name, content, parts=parts, rest=len(files) - number)


def test_it_begins_with_the_first_photo_and_its_angles(panel):
    assert "Skeleton on grey.png" in panel.card.value and "<table" in panel.card.value
    assert "probability 90%" in panel.status.value and "more in the picture" not in panel.status.value
    assert len(panel.poses) == 1


def test_a_photo_of_nobody_is_shown_with_a_word(panel):
    panel.choice.value = "black.png"
    assert "nobody found" in panel.status.value and "alert" not in panel.status.value
    assert "<img" in panel.card.value and "<table" not in panel.card.value and panel.poses == []


def test_uploads_come_first_in_the_menu_and_are_shown(panel, photos, tmp_path):
    upload(panel, {"mine.png": photos[0].read_bytes(), "dark.png": photos[1].read_bytes()})
    assert list(panel.choice.options) == ["mine.png", "dark.png", "grey.png", "black.png"]
    assert "Skeleton on mine.png" in panel.card.value
    assert (tmp_path / "uploads" / "dark.png").is_file()


def test_an_upload_of_the_same_name_takes_the_place_of_the_old_one(panel, photos):
    upload(panel, {"grey.png": photos[1].read_bytes()})
    assert list(panel.choice.options) == ["grey.png", "black.png"]
    assert "nobody found" in panel.status.value


def test_a_large_photo_comes_in_parts(panel, tmp_path):
    """Jupyter's server closes the connection at one message of 10 MB, which a phone's photo may be."""
    noise = np.random.default_rng(0).integers(0, 256, (1200, 1600, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "large.png")
    content = (tmp_path / "large.png").read_bytes()
    upload(panel, {"large.png": content}, parts=-(-len(content) // PART))
    assert (tmp_path / "uploads" / "large.png").read_bytes() == content and len(content) > 3 * PART
    assert "Skeleton on large.png" in panel.card.value


@pytest.mark.parametrize("name", ["broken.jpg", ".."])
def test_what_is_no_photo_is_explained(panel, name):
    upload(panel, {name: b"no picture"})
    assert "role='alert'" in panel.status.value + panel.upload.state.value


def test_photos_of_the_camera_are_shown_and_not_stored(panel, tmp_path):
    buffer = BytesIO()
    Image.fromarray(np.full((60, 80, 3), 90, np.uint8)).save(buffer, "JPEG")
    for _ in range(2):
        panel._add_camera_photo(base64.b64encode(buffer.getvalue()).decode())
    assert list(panel.choice.options)[:2] == ["camera 2", "camera 1"]
    assert "Skeleton on camera 2" in panel.card.value
    assert not (tmp_path / "uploads").exists()
    assert panel.bridge.name in panel.camera.value and "getUserMedia" in panel.camera.value


def test_others_in_the_picture_are_counted(photos, tmp_path):
    assert "and 2 more in the picture" in PosePanel(StandIn(3), photos, folder=tmp_path).status.value


def test_without_photos_it_waits(tmp_path):
    panel = PosePanel(StandIn(), folder=tmp_path)
    assert panel.card.value == panel.status.value == ""


def test_angles_of_hidden_joints_are_in_brackets():
    table = angle_table(standing()).set_index("joint")
    assert table.loc["elbow"].tolist() == ["(90°)", "180°"]
    assert table.loc["knee"].tolist() == ["180°", "180°"]
