"""People found in pictures and followed through clips, with the real network."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from workoutlib import WorkoutlibError
from workoutlib.gym import render_clip
from workoutlib.pose.accuracy import evaluate_pose, summarise, true_joints
from workoutlib.pose.estimator import PoseEstimator, Region
from workoutlib.pose.sequence import PoseSequence
from workoutlib.pose.skeleton import Pose, joint_angles
from workoutlib.pose.tracking import PoseTracker, track

REAL_PICTURES = Path(__file__).parents[2] / "shared" / "data" / "kaggle_sample"


@pytest.fixture(scope="module")
def clip():
    """Lateral raises seen from the front: every joint is visible."""
    return render_clip("lateral raises", 3, frames=12, frames_per_second=10, size=(320, 240))


def hips_of(pose: Pose) -> np.ndarray:
    return pose.landmarks[[23, 24], :2].mean(0)


def test_the_athlete_is_found_where_the_gym_rendered_it(estimator, clip):
    pose = estimator.estimate(clip.frames[0])[0]
    pixels, _ = true_joints(clip.truth, 0)
    assert np.linalg.norm(pose.landmarks[[11, 12, 23, 24], :2] - pixels[[0, 1, 6, 7]], axis=1).max() < 12
    assert pose.landmarks.shape == pose.world.shape == (33, 3) and pose.visibility.shape == (33,)
    assert pose.probability > 0.9 and (pose.visibility[[11, 12, 23, 24]] > 0.9).all()
    left, top, right, bottom = pose.box
    assert left < pixels[:, 0].min() + 12 and bottom > pixels[:, 1].max() - 12 and top < bottom and left < right
    assert abs(pose.world[[23, 24]].mean(0)).max() < 0.05


def test_what_is_turned_is_found_turned(estimator, clip):
    frame = clip.frames[0]
    upright = estimator.estimate(frame)[0]
    turned = estimator.estimate(np.ascontiguousarray(np.rot90(frame)))[0]
    height, width = frame.shape[:2]
    expected = np.column_stack([upright.landmarks[:, 1], width - upright.landmarks[:, 0]])
    trunk = np.linalg.norm(upright.landmarks[11, :2] - upright.landmarks[23, :2])
    assert np.linalg.norm(turned.landmarks[11:, :2] - expected[11:], axis=1).mean() < 0.15 * trunk
    mirror = estimator.estimate(np.ascontiguousarray(frame[:, ::-1]))[0]
    assert hips_of(mirror)[0] == pytest.approx(width - hips_of(upright)[0], abs=5)
    assert height > 0


def test_a_photo_is_looked_at_again_nearer_farther_and_in_a_mirror(estimator):
    frame = render_clip("hammer curl", 2, frames=1, size=(320, 240)).frames[0][:, 60:]  # a mirror moves the person
    first, pose = estimator.estimate(frame)[0], estimator.exerciser(frame)
    assert np.array_equal(pose.world, first.world) and pose.looks.shape == (3, 33, 3)
    away = np.linalg.norm(pose.looks[:, 11:] - pose.world[11:], axis=-1).mean(1)  # metres
    assert (away > 0).all() and (away < 0.1).all(), away
    assert estimator.exerciser(np.zeros((64, 64, 3), np.uint8)) is None


def test_a_region_is_the_square_between_its_pixels():
    region = Region.around(np.array([100.0, 80.0]), np.array([100.0, 40.0]))
    assert region.side == 100 and region.angle == pytest.approx(0)
    corners = np.array([[0, 0, 1], [256, 256, 1]]) @ region.matrix.T
    assert corners == pytest.approx(np.array([[50, 30], [150, 130]]))
    lying = Region.around(np.array([100.0, 80.0]), np.array([140.0, 80.0]))
    assert lying.angle == pytest.approx(np.pi / 2)


@pytest.mark.parametrize("shape", [(1, 1), (2, 100), (100, 3), (30, 30)])
def test_pictures_of_nobody_give_nobody(estimator, shape):
    assert estimator.estimate(np.full((*shape, 3), 120, np.uint8)) == []
    assert PoseTracker(estimator).update(0.0, np.full((*shape, 3), 120, np.uint8)) is None


@pytest.mark.parametrize("shape", [(20, 180), (20, 400), (700, 20)])
def test_a_panorama_is_looked_at_without_gaps(shape, estimator, monkeypatch):
    """Where the whole shows nobody, squares that overlap by half of their side."""
    looked = []
    monkeypatch.setattr(estimator, "_detect_in", lambda pixels, *square: looked.append(square) or [])
    assert estimator.detect(np.zeros((*shape, 3), np.uint8)) == []
    starts = [max(left, top) for left, top, _ in looked[1:]]
    assert {side for *_, side in looked[1:]} == {20}
    assert (starts[0], starts[-1]) == (0, max(shape) - 20) and max(np.diff(starts)) <= 10


def test_small_and_many_people(estimator, clip):
    frame = clip.frames[0]
    small = np.full((480, 640, 3), 127, np.uint8)
    small[200:230, 300:340] = frame[::8, ::8]
    assert len(estimator.estimate(small)) <= 1  # twenty pixels hold too little to be sure of, but are no error
    row = np.concatenate([frame] * 3, axis=1)
    found = estimator.estimate(row)
    assert 1 <= len(found) <= 3
    assert len({round(float(hips_of(pose)[0]) // 100) for pose in found}) == len(found)


def test_the_larger_and_nearer_to_the_middle_comes_first(estimator, clip):
    frame = clip.frames[0]
    picture = np.full((240, 640, 3), 127, np.uint8)
    picture[:, 160:480] = frame
    picture[100:240, :160] = frame[30:170, 80:240]
    assert 160 < hips_of(estimator.estimate(picture)[0])[0] < 480


@pytest.mark.slow
def test_a_person_is_followed_by_the_landmarks_alone(estimator, clip, monkeypatch):
    calls = []
    detect = estimator.detect
    monkeypatch.setattr(estimator, "detect", lambda pixels: calls.append(1) or detect(pixels))
    found = list(track(estimator, ((number / 30, frame) for number, frame in enumerate(clip.frames))))
    assert len(calls) == 1 and all(pose is not None for _, pose in found)
    sequence = PoseSequence.of(*zip(*found, strict=True))
    assert sequence.found.all() and np.abs(np.diff(joint_angles(sequence.world), axis=0)).max() < 60


@pytest.mark.slow
def test_who_leaves_and_returns_is_found_again(estimator, clip):
    empty = np.full_like(clip.frames[0], 120)
    frames = [*clip.frames[:3], *[empty] * 4, *clip.frames[3:6]]
    found = [pose is not None for _, pose in track(estimator, ((n / 10, f) for n, f in enumerate(frames)))]
    assert found == [True] * 3 + [False] * 4 + [True] * 3


@pytest.mark.slow
def test_the_athlete_is_kept_while_somebody_walks_by(estimator, clip):
    walker = render_clip("walking", 1, frames=1, size=(320, 240)).frames[0][20:240, 100:220]
    wall = np.full((240, 160, 3), 127, np.uint8)
    tracker, away = PoseTracker(estimator), []
    for number in range(12):
        frame, left = np.concatenate([wall, clip.frames[number], wall], axis=1), 520 - 44 * number
        frame[20:240, left : left + 120] = walker
        pose = tracker.update(number / 10, frame)
        pixels, _ = true_joints(clip.truth, number)
        if abs(left + 60 - 160 - pixels[6, 0]) > 100:  # else the walker stands in front
            away.append(abs(hips_of(pose)[0] - 160 - pixels[[6, 7], 0].mean()))
    assert len(away) >= 6 and max(away) < 25


def test_without_openvino_it_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(WorkoutlibError, match="pip install openvino"):
        PoseEstimator()


@pytest.mark.slow
def test_accuracy_in_the_gym(estimator):
    table = evaluate_pose(estimator, ["squat", "plank", "lateral raises"], videos=1, frames=2)
    assert len(table) == 6 and set(table["view"]) <= {"front", "diagonal", "side"}
    means = summarise(table)
    assert means.loc["lateral raises", "pck"] > 0.7 and means.loc["lateral raises", "knee"] < 15
    assert means["found"].mean() == 1 and means["exerciser"].mean() == 1


def test_where_nobody_is_found_the_measures_are_nan():
    blind = SimpleNamespace(estimate=lambda frame: [])
    table = evaluate_pose(blind, ["squat"], videos=1, frames=1)
    assert not table["found"].any() and table[["pck", "elbow", "knee"]].isna().all(axis=None)


@pytest.mark.slow
@pytest.mark.skipif(not REAL_PICTURES.is_dir(), reason="the real pictures are not here")
def test_people_in_real_pictures(estimator):
    found = [bool(estimator.estimate(path)) for path in sorted(REAL_PICTURES.rglob("*.jpg"))]
    assert len(found) == 220 and sum(found) >= 209


@pytest.mark.slow
def test_landmarks_equal_mediapipes_own(estimator):
    """The reference was made by mediapipe 0.10.21's Pose, full model, static pictures, on the same rendered frames."""
    reference = json.loads((Path(__file__).parent / "fixtures" / "pose_reference.json").read_text())
    errors = []
    for entry in reference:
        frame = render_clip(entry["label"], entry["seed"], frames=1).frames[0]
        pose = estimator.estimate(frame)[0]
        theirs = np.array(entry["landmarks"])
        trunk = np.linalg.norm(theirs[[11, 12], :2].mean(0) - theirs[[23, 24], :2].mean(0))
        visible = theirs[:, 2] > 0.5
        errors.append(np.linalg.norm(pose.landmarks[visible, :2] - theirs[visible, :2], axis=1).mean() / trunk)
    assert np.mean(errors) <= 0.02, errors
