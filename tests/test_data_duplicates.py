"""Copies and cuts of one recording, told from other pictures."""

import cv2
import numpy as np
import pytest
from PIL import Image

from workoutlib.data.duplicates import SAME_PICTURE, SAME_RECORDING, distances, thumbnail, thumbnails_of
from workoutlib.gym import render_clip


@pytest.fixture(scope="module")
def clips() -> list[np.ndarray]:
    return [render_clip("squat", seed, frames=3, size=(160, 120)).frames for seed in (1, 2)]


def test_a_copy_of_other_size_and_encoding_is_the_same_picture(clips, tmp_path):
    frame = clips[0][0]
    Image.fromarray(cv2.resize(frame, (100, 75))).save(tmp_path / "copy.jpg", quality=60)
    copy = thumbnails_of([tmp_path / "copy.jpg"])
    assert distances(thumbnail(frame)[None], copy)[0, 0] < SAME_PICTURE


def test_one_recording_is_near_another_one_far(clips):
    first, other = (np.array([thumbnail(frame) for frame in clip]) for clip in clips)
    assert distances(first[:1], first[1:]).max() < SAME_RECORDING < distances(first, other).min()


def test_a_picture_of_one_colour_is_like_no_other():
    black = thumbnail(np.zeros((40, 60, 3), np.uint8))
    assert distances(black[None], black[None])[0, 0] == 1
