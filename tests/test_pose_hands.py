"""Squares around hands: where they lie, how they are cut, how their answers join the picture's."""

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from workoutlib.pose.hands import SIDE, cut_hands, hand_boxes, hands_of, join_hands
from workoutlib.pose.skeleton import MIRROR, Pose, mirrored

LEFT, RIGHT = [15, 17, 19], [16, 18, 20]


def person(*, left=(150, 100), right=(50, 100), trunk=80.0) -> Pose:
    """Somebody upright of 160 pixels a metre whose hands are at these places."""
    points = np.zeros((33, 3), np.float32)
    points[:, :2] = 100
    points[[11, 12, 23, 24], :2] = [[110, 60], [90, 60], [110, 60 + trunk], [90, 60 + trunk]]
    points[LEFT, :2], points[RIGHT, :2] = left, right
    return Pose(points, (points - points[[23, 24]].mean(0)) / 160, np.ones(33, np.float32), 0.9)


def noise(height: int = 200, width: int = 201) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_a_box_lies_around_the_hand_and_its_side_follows_the_trunk():
    pose = person()
    boxes = hand_boxes(pose.landmarks, pose.world)
    assert boxes[:, :2].tolist() == [[150, 100], [50, 100]]
    assert boxes[:, 2].tolist() == [round(SIDE / 2 * 80)] * 2
    twice = hand_boxes(pose.landmarks * 2, pose.world)
    assert twice[:, 2] == pytest.approx(boxes[:, 2] * 2, abs=1)
    many = hand_boxes(np.stack([pose.landmarks, pose.landmarks * 2]), np.stack([pose.world] * 2))
    assert np.array_equal(many, [boxes, twice])


def test_a_trunk_that_points_at_the_camera_is_no_short_one():
    world = np.random.default_rng(0).normal(size=(33, 3)) * 0.3
    world[[11, 12]], world[[23, 24]] = [[0.1, 0, 0.5], [-0.1, 0, 0.5]], [[0.1, 0, 0], [-0.1, 0, 0]]
    half = hand_boxes(world * 100, world)[0, 2]
    assert half == pytest.approx(SIDE / 2 * 50, abs=1)


def test_the_square_shows_what_is_around_the_hand():
    picture, pose = noise(), person()
    size = 2 * int(hand_boxes(pose.landmarks, pose.world)[0, 2])
    left, right = hands_of(picture, pose, size=size)
    half = size // 2
    assert np.array_equal(left, picture[100 - half : 100 + half, 150 - half : 150 + half])
    assert np.array_equal(right, picture[100 - half : 100 + half, 50 - half : 50 + half])
    assert hands_of(picture, pose, size=64).shape == (2, 64, 64, 3)


def test_beyond_the_edge_a_square_is_black():
    picture = np.full((100, 200, 3), 200, np.uint8)
    corner, outside = cut_hands(picture, np.array([[0, 0, 20], [500, -300, 20]]), size=40)
    assert (corner[20:, 20:] == 200).all() and not corner[:20].any() and not corner[:, :20].any()
    assert (outside[20:, :20] == 200).all() and not outside[:20].any() and not outside[:, 20:].any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1)])
@pytest.mark.parametrize("half", [1, 7, 10**6])
def test_pictures_of_any_shape_have_squares(shape, half):
    picture = np.full((*shape, 3), 90, np.uint8)
    squares = cut_hands(picture, np.array([[0, 0, half], [150, 150, half]]), size=16)
    assert squares.shape == (2, 16, 16, 3) and squares.any() and squares.max() <= 90


def test_a_mirror_image_has_the_same_squares_with_sides_exchanged():
    picture, pose = noise(), person(left=(141, 30), right=(3, 190))
    landmarks = pose.landmarks[MIRROR] * [-1, 1, 1] + [picture.shape[1], 0, 0]
    other = Pose(landmarks.astype(np.float32), mirrored(pose.world), pose.visibility, 0.9)
    there, back = hands_of(picture, pose, size=48), hands_of(picture[:, ::-1], other, size=48)
    assert np.array_equal(there, back[::-1, :, ::-1])


def test_hands_join_the_picture_as_a_product_of_experts():
    rng = np.random.default_rng(0)
    picture, hands = rng.normal(size=(3, 4)).astype(np.float32), rng.normal(size=(4, 4)).astype(np.float32)
    found = np.array([True, False, True])
    joined = join_hands(picture, hands, found)
    assert joined.dtype == np.float32
    said = log_softmax(log_softmax(hands[2:], axis=1).mean(0))
    assert joined[2] == pytest.approx(picture[2] + said, abs=1e-6)
    swapped = join_hands(picture, hands[[1, 0, 3, 2]], found)
    assert swapped == pytest.approx(joined, abs=1e-6)


def test_without_a_person_the_picture_decides_alone_and_is_less_sure_to_be_known():
    picture = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)
    joined = join_hands(picture, np.empty((0, 4), np.float32), np.zeros(2, bool))
    assert softmax(joined, axis=1) == pytest.approx(softmax(picture, axis=1), abs=1e-6)
    assert joined == pytest.approx(picture - np.log(4), abs=1e-6)
