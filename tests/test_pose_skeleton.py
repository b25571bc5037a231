"""Angles, mirror images and crops of skeletons; smoothing and gaps over time."""

from dataclasses import replace

import numpy as np
import pytest

from workoutlib.pose.drawing import draw_skeleton
from workoutlib.pose.sequence import PoseSequence
from workoutlib.pose.skeleton import INDEX, JOINTS, MIRROR, Pose, crop_person, joint_angles, mirrored
from workoutlib.pose.smoothing import fill_gaps, one_euro, smooth


def standing(x: float = 200.0) -> Pose:
    """Somebody who stands facing the camera, arms hanging, 300 pixels tall; the left side is at the right."""
    points = np.zeros((33, 3), np.float32)
    places = {
        "shoulder": (30, -110), "elbow": (35, -60), "wrist": (35, -10), "hip": (20, 0), "knee": (20, 70),
        "ankle": (20, 140), "heel": (20, 145), "foot": (25, 150), "pinky": (35, 0), "index": (35, 2), "thumb": (33, 0),
    }  # fmt: skip
    for part, (across, down) in places.items():
        for side, sign in (("left", 1), ("right", -1)):
            points[INDEX[f"{side} {part}"]] = (sign * across, down, 0)
    points[:11, 1] = -140
    world = points / 160
    return Pose(points + np.float32([x, 160, 0]), world, np.ones(33, np.float32), 0.99)


def sequence(poses: list[Pose | None], rate: float = 10.0) -> PoseSequence:
    return PoseSequence.of(np.arange(len(poses)) / rate, poses)


def test_angles_of_a_known_body():
    pose = standing()
    angles = dict(zip(JOINTS, joint_angles(pose.world), strict=True))
    assert angles["left knee"] == pytest.approx(180, abs=0.1) == angles["right knee"]
    assert angles["left hip"] == pytest.approx(180 - np.degrees(np.arctan2(10, 110)), abs=0.1)
    bent = pose.world.copy()
    bent[INDEX["left wrist"]] = bent[INDEX["left elbow"]] + [0.3, 0, 0]
    bent[INDEX["left shoulder"]] = bent[INDEX["left elbow"]] + [0, -0.3, 0]
    assert joint_angles(bent)[JOINTS.index("left elbow")] == pytest.approx(90, abs=0.1)
    assert joint_angles(np.stack([bent, pose.world])).shape == (2, 8)


def test_a_mirror_image_exchanges_the_sides():
    world = np.random.default_rng(0).normal(size=(33, 3))
    there = joint_angles(mirrored(world))
    assert there == pytest.approx(joint_angles(world)[[1, 0, 3, 2, 5, 4, 7, 6]])
    assert np.array_equal(mirrored(mirrored(world)), world)
    assert sorted(MIRROR) == list(range(33)) and MIRROR[INDEX["left knee"]] == INDEX["right knee"]


def test_the_crop_holds_the_person_and_stays_in_the_picture():
    image, pose = np.zeros((320, 400, 3), np.uint8), standing()
    left, top, right, bottom = pose.box
    crop = crop_person(image, pose, margin=0)
    assert crop.shape[:2] == pytest.approx((bottom - top, right - left), abs=1.5)
    assert crop_person(image, pose, margin=5).shape == image.shape
    assert crop_person(image, standing(-4000)).size > 0


def test_drawing_marks_the_bones_and_leaves_the_picture():
    image, pose = np.full((320, 400, 3), 90, np.uint8), standing()
    drawn = draw_skeleton(image, pose)
    assert (image == 90).all() and drawn.shape == image.shape
    knee, other = (pose.landmarks[INDEX[f"{side} knee"], :2].astype(int) for side in ("left", "right"))
    assert drawn[knee[1], knee[0]].tolist() == [230, 159, 0]
    assert drawn[other[1], other[0]].tolist() == [86, 180, 233]
    hidden = Pose(pose.landmarks, pose.world, np.zeros(33, np.float32), 0.9)
    assert draw_skeleton(image, hidden)[knee[1], knee[0]].tolist() == [115, 79, 0]
    assert draw_skeleton(np.zeros((1, 1, 3), np.uint8), standing(1e6)).shape == (1, 1, 3)


def test_parts_of_a_sequence_are_joined_in_their_order():
    poses = [None if i == 3 else standing(100 + i) for i in range(7)]
    whole = sequence(poses)
    joined = PoseSequence.joined([whole.select(slice(0, 4)), whole.select(slice(4, 5)), whole.select(slice(5, 7))])
    for one, other in zip(vars(joined).values(), vars(whole).values(), strict=True):
        np.testing.assert_array_equal(one, other)
    looks = [PoseSequence.of([i], [replace(standing(), looks=np.full((2, 33, 3), i, np.float32))]) for i in range(3)]
    assert PoseSequence.joined(looks).looks[:, 0, 0, 0].tolist() == [0, 1, 2]


def test_gaps_of_half_a_second_are_filled_and_longer_ones_are_not():
    walk = [standing(100 + 10 * i) for i in range(30)]
    poses = [None if i in (3, 4, 5) or 12 <= i < 20 else pose for i, pose in enumerate(walk)]
    poses[0] = None
    filled = fill_gaps(sequence(poses))
    assert filled.found.tolist() == [i != 0 and not 12 <= i < 20 for i in range(30)]
    assert filled.landmarks[4] == pytest.approx(walk[4].landmarks, abs=0.01)
    assert filled.visibility[4] == pytest.approx(walk[4].visibility)
    assert not fill_gaps(sequence([None] * 5)).found.any()
    assert len(fill_gaps(sequence([]))) == 0


def test_the_filter_calms_what_rests_and_follows_what_moves():
    rng, times = np.random.default_rng(0), np.arange(300) / 30
    rest = rng.normal(0, 0.01, 300)
    assert one_euro(times, rest)[30:].std() < 0.5 * rest[30:].std()
    swing = np.sin(2 * np.pi * times / 2)
    followed = one_euro(times, swing)
    assert np.abs(followed - swing)[30:].max() < 0.12
    assert one_euro(times, np.ones(300)) == pytest.approx(1)


def test_after_a_gap_the_filter_begins_anew():
    values = np.r_[np.zeros(10), [np.nan] * 20, np.ones(10)]
    filtered = one_euro(np.arange(40) / 10, values)
    assert np.isnan(filtered[10:30]).all() and filtered[30] == 1 and filtered[9] == 0


def test_smoothing_keeps_what_is_empty_empty():
    poses = [standing(100 + i) if i > 10 else None for i in range(30)]
    smoothed = smooth(sequence(poses))
    assert smoothed.found.tolist() == [i > 10 for i in range(30)]
    assert smoothed.pose(5) is None and smoothed.pose(20).landmarks.dtype == np.float32
    assert not smooth(sequence([None] * 4)).found.any()
