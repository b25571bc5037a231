"""Photos, clips and streams look at pictures and hands in one way."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers.tiny import make_model
from scipy.special import log_softmax
from test_pose_hands import noise, person

from workoutlib import Config, Recognizer
from workoutlib.media.video_reader import read_frames
from workoutlib.media.video_writer import ClipWriter
from workoutlib.pose.body_model import fit_body
from workoutlib.pose.estimator import LOOKS
from workoutlib.pose.hands import join_hands
from workoutlib.pose.sequence import PoseSequence
from workoutlib.pose.skeleton import MIRROR, Pose, mirrored
from workoutlib.recognition import recognizer as recognizer_module
from workoutlib.recognition.forward import logits_of, views_of
from workoutlib.recognition.starter import starter_recognizer

CPU, LABELS = torch.device("cpu"), ("plank", "push up", "squat")
CONFIG = Config(resize=72, crop=64, flip_at_test=True)


def knowing(*, hands: bool = True):
    model = make_model()
    model.hands = torch.nn.Linear(8, 3).requires_grad_(False) if hands else None
    if hands:
        model.hands.weight *= 40  # so that other squares make other answers
    return model


def recognizer(poses: list[Pose | None], *, hands: bool = True) -> Recognizer:
    """One whose estimator finds these in one picture after the other, again and again."""
    made = Recognizer(knowing(hands=hands), LABELS, CONFIG, device=CPU, body=fit_body(np.empty((0, 33, 3)), [], LABELS))
    waiting = iter(poses * 100)
    made.__dict__["pose_estimator"] = SimpleNamespace(exerciser=lambda image, **_: next(waiting))
    return made


def test_photo_clip_and_stream_have_one_answer(tmp_path, monkeypatch):
    pose = person(left=(120, 90))
    with ClipWriter(tmp_path / "clip.mp4", 200, 160, 10) as writer:
        for number in range(6):
            writer.write(np.roll(noise(160, 200) // 4 * 4, 17 * number, 1), number / 10)
    frames = [frame for _, frame in read_frames(tmp_path / "clip.mp4")]

    class Tracker:
        def __init__(self, estimator, **options):
            pass

        def follow(self, frames):
            return ((*frame, pose) for frame in frames)

    monkeypatch.setattr(recognizer_module, "PoseTracker", Tracker)
    made, without = recognizer([pose]), recognizer([pose], hands=False)
    photos = made.logits(frames)
    clip = made.predict_clip(tmp_path / "clip.mp4", progress=False)
    stream = np.array([made.stream_logits(frame, pose) for frame in frames])
    looked_at = slice(None, None, 2)
    clip_said, photos_said = (log_softmax(each[looked_at], axis=1) for each in (clip.logits, photos))
    np.testing.assert_allclose(clip_said, photos_said, atol=1e-3)  # a clip's motion lowers all logits alike
    np.testing.assert_allclose(made.body.fuse(stream, PoseSequence.of(range(6), [pose] * 6)), photos, atol=1e-3)
    assert np.ptp(photos - without.logits(frames), axis=1).min() > 0.1


def test_a_batch_may_hold_pictures_with_people_and_without():
    pictures, pose = [noise(200, 201), noise(90, 60), noise(1, 1)], person()
    mixed = recognizer([pose, None, None]).logits(pictures)
    one_by_one = np.concatenate(
        [recognizer([each]).logits([picture]) for each, picture in zip([pose, None, None], pictures, strict=True)]
    )
    np.testing.assert_allclose(mixed, one_by_one, atol=1e-5)
    plain = recognizer([None], hands=False).logits(pictures[1:])
    assert mixed[1:] == pytest.approx(plain - np.log(3), abs=1e-5)


def test_a_mirrored_picture_has_the_same_answer():
    picture, pose = noise(), person(left=(141, 30), right=(3, 190))
    landmarks = (pose.landmarks[MIRROR] * [-1, 1, 1] + [picture.shape[1], 0, 0]).astype(np.float32)
    other = Pose(landmarks, mirrored(pose.world), pose.visibility, pose.probability)
    there = recognizer([pose]).logits([picture])
    np.testing.assert_allclose(recognizer([other]).logits([picture[:, ::-1]]), there, atol=1e-3)


def test_the_first_view_is_the_picture_and_the_others_are_its_hands():
    picture, pose = noise(), person()
    views = views_of(picture, pose, CONFIG)
    assert views.shape == (3, 72, 72, 3) and np.array_equal(views[:1], views_of(picture, None, CONFIG))

    def forward(squares: np.ndarray) -> np.ndarray:
        means = squares.reshape(len(squares), -1).mean(1, keepdims=True)
        return np.concatenate([means, 2 * means, 5 * means, -means], 1).astype(np.float32)

    answers = forward(views)
    expected = join_hands(answers[:1, :2], answers[1:, 2:], np.array([True]))
    assert np.array_equal(logits_of(forward, [views], 2), expected)
    assert np.array_equal(logits_of(lambda squares: forward(squares)[:, :2], [views[:1]], 2), answers[:1, :2])


@pytest.mark.parametrize("looks", [1, LOOKS])
def test_a_photo_is_looked_at_again_if_the_body_model_learned_so(looks):
    asked = []
    made = starter_recognizer(device=CPU)
    made.body = replace(made.body, looks=looks)
    stub = SimpleNamespace(exerciser=lambda image, *, again: asked.append(again))
    made.__dict__["pose_estimator"] = stub
    made.predict(noise())
    assert asked == [looks > 1]
