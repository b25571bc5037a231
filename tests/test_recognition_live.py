"""A stream frame by frame: the count grows as the repetitions come."""

import threading
from concurrent import futures
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.tiny import make_model
from test_workout_repetitions import rhythm, see

from workoutlib import Config, Recognizer, starter_recognizer
from workoutlib.labels import LABELS
from workoutlib.pose.sequence import PoseSequence
from workoutlib.pose.smoothing import smooth
from workoutlib.recognition import live as live_module
from workoutlib.recognition.analysis import analyze_clip
from workoutlib.recognition.clips import ClipPrediction
from workoutlib.recognition.live import LiveWorkout


@pytest.fixture
def squats(monkeypatch):
    """A tracker that sees three squats of two seconds, ten frames a second, and their times."""
    times, phase, _ = rhythm(3, seconds=2.0, rate=10)
    poses = iter([see("squat", times, phase).pose(number) for number in range(len(times))])
    monkeypatch.setattr(
        live_module, "PoseTracker", lambda estimator: SimpleNamespace(update=lambda time, frame: next(poses))
    )
    return times


def wait(live: LiveWorkout) -> None:
    """Until what was begun beside the frames is done."""
    futures.wait([job._work for job in (live._looks, live._analyses) if job._work])


def test_repetitions_are_counted_as_they_come(squats):
    answers = np.eye(len(LABELS), dtype=np.float32)[[LABELS.index("squat")]] * 9
    recognizer = Recognizer(lambda pictures: answers.repeat(len(pictures), 0), LABELS, Config(resize=64, crop=64))
    recognizer.__dict__["pose_estimator"] = None
    live, frame, counts = LiveWorkout(recognizer), np.full((120, 160, 3), 128, np.uint8), []
    for time in squats:
        drawn = live.see(time, frame)
        wait(live)
        counts.append(live.workout.sets[0].count if live.workout and live.workout.sets else 0)
    live.close()
    assert drawn.shape == frame.shape and (frame == 128).all() and (drawn != frame).any()
    assert live.found.label == "squat" and counts[0] == 0 and counts[-1] in (2, 3)
    assert max(np.diff(counts)) <= 1


def test_until_there_is_an_answer_it_says_so_and_then_names_the_set(squats, monkeypatch):
    """The picture model takes its time; then it takes every other frame for a plank."""
    said, asked, answer = [], [], threading.Event()
    monkeypatch.setattr(live_module, "draw_label", lambda frame, *label: said.append(label) or frame)
    votes = iter([0] + [0, 0, 1] * 100)

    def model(pictures):
        asked.append(len(pictures))
        if len(asked) > 1:  # the first is to have it compiled
            assert answer.wait(30)
        return np.array([[0, 5], [5, 0]], np.float32)[[next(votes)] * len(pictures)]

    recognizer = Recognizer(model, ("plank", "squat"), Config(resize=64, crop=64))
    recognizer.__dict__["pose_estimator"] = None
    live = LiveWorkout(recognizer)
    for number, time in enumerate(squats):
        live.see(time, np.zeros((48, 64, 3), np.uint8))
        if number == 3:
            answer.set()
        if number >= 3:
            wait(live)
    live.close()
    assert said[:4] == [("looking...", None)] * 4 and live.found is not None
    assert all(label in ("plank", "squat") for label, _ in said[6:])
    (entry,) = live.workout.sets
    assert said[-1] == (entry.name, entry.confidence) == ("squat", pytest.approx(0.8, abs=0.2))


def test_a_stream_is_recognised_and_counted_as_a_clip_of_its_frames(squats):
    """By the motion, too: not by single poses alone."""
    recognizer = starter_recognizer()
    recognizer.__dict__["pose_estimator"] = None
    live = LiveWorkout(recognizer)
    for time in squats:
        live.see(time, np.zeros((48, 64, 3), np.uint8))
    live.close()
    found = live._whole(list(live._seen))
    poses = smooth(PoseSequence.of([time for time, _, _ in live._seen], [pose for _, pose, _ in live._seen]))
    logits, whole = recognizer.body.fuse_clip(None, poses)
    length = squats[-1] + squats[1]
    clip = ClipPrediction(Path("clip"), squats, logits, length, 10.0, recognizer, poses=poses, whole=whole)
    assert np.abs(found.clip.whole_logits - whole).max() < 1e-4 < np.abs(whole - logits.mean(0)).max()
    told = [[(entry.label, entry.count) for entry in each.sets] for each in (found, analyze_clip(clip))]
    assert told[0] == told[1] == [("squat", 3)]


def test_while_nobody_is_there_a_body_model_alone_has_no_answer(monkeypatch):
    monkeypatch.setattr(live_module, "PoseTracker", lambda estimator: SimpleNamespace(update=lambda time, frame: None))
    recognizer = starter_recognizer()
    recognizer.__dict__["pose_estimator"] = None
    live = LiveWorkout(recognizer)
    for number in range(12):
        live.see(number / 10, np.zeros((48, 64, 3), np.uint8))
        wait(live)
    live.close()
    assert live.found is None and live.shown_at(1.2) == ("looking...", None)


def test_the_picture_model_looks_a_few_times_a_second(squats, monkeypatch):
    monkeypatch.setattr(live_module, "_SHARE", np.inf)  # however busy this machine is
    looks = []
    model = lambda pictures: looks.append(1) or np.zeros((len(pictures), 2), np.float32)  # noqa: E731
    recognizer = Recognizer(model, ("squat", "plank"), Config(resize=64, crop=64))
    recognizer.__dict__["pose_estimator"] = make_model
    live = LiveWorkout(recognizer)
    for time in squats[:20]:  # two seconds
        live.see(time, np.zeros((48, 64, 3), np.uint8))
        wait(live)
    live.close()
    assert 5 <= len(looks) <= 9


def test_a_slow_picture_model_holds_no_frame_up(squats):
    """It is asked for the next frame only when it has answered."""
    answer, asked = threading.Event(), []

    def model(pictures):
        asked.append(len(pictures))
        if len(asked) > 1:  # the first is to have it compiled
            assert answer.wait(30)
        return np.zeros((len(pictures), 2), np.float32)

    recognizer = Recognizer(model, ("squat", "plank"), Config(resize=64, crop=64))
    recognizer.__dict__["pose_estimator"] = make_model
    live = LiveWorkout(recognizer)
    for time in squats[:20]:
        live.see(time, np.zeros((48, 64, 3), np.uint8))
    answer.set()
    wait(live)
    live.close()
    assert len(asked) == 2


def test_a_look_sees_the_hands_of_the_frames_own_pose(squats, monkeypatch):
    monkeypatch.setattr(live_module, "_SHARE", np.inf)  # however busy this machine is
    recognizer, poses = Recognizer(lambda pictures: np.zeros((len(pictures), 2)), ("squat", "plank"), Config()), []
    recognizer.__dict__["pose_estimator"] = None
    monkeypatch.setattr(
        recognizer, "stream_logits", lambda frame, pose=None: poses.append(pose) or np.zeros(2, np.float32)
    )
    live = LiveWorkout(recognizer)
    for time in squats[:5]:
        live.see(time, np.zeros((48, 64, 3), np.uint8))
        wait(live)
    live.close()
    assert poses[0] is None and len(poses) == 3  # compiled beforehand; two looks
    assert all(
        np.array_equal(pose.world, live._seen[number][1].world) for pose, number in zip(poses[1:], (0, 3), strict=True)
    )
