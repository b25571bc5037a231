"""Whole files, from the decoder to the count: odd rates, half a second, half a person and nobody."""

from pathlib import Path

import numpy as np
import pytest

from workoutlib import gym
from workoutlib.gym.exercises import EXERCISES
from workoutlib.media.video_writer import ClipWriter
from workoutlib.recognition.clips import usual_stride
from workoutlib.recognition.starter import starter_recognizer

pytestmark = pytest.mark.slow
RATE, SIZE, REPETITIONS = 10.0, (320, 240), 3


@pytest.fixture(scope="module")
def recognizer(estimator):
    made = starter_recognizer()
    made.pose_estimator = estimator
    return made


@pytest.fixture(scope="module")
def squats() -> np.ndarray:
    """Frames (T, 240, 320, 3) of three whole squats."""
    frames = int((REPETITIONS + 1) * 1.1 * EXERCISES["squat"].seconds[1] * RATE)
    clip = gym.render_clip("squat", 3, frames=frames, frames_per_second=RATE, size=SIZE)
    return clip.frames[clip.truth["repetition"].between(2, REPETITIONS + 1)]


@pytest.fixture
def analyze(recognizer, tmp_path):
    def save_and_analyze(frames: np.ndarray, times: np.ndarray | None = None, rate: float = RATE):
        height, width = frames.shape[1:3]
        with ClipWriter(tmp_path / "clip.mp4", width, height, rate) as writer:
            for number, frame in enumerate(np.ascontiguousarray(frames)):
                writer.write(frame, number / rate if times is None else float(times[number]))
        path: Path = tmp_path / "clip.mp4"
        return recognizer.analyze(path, stride=usual_stride(path), progress=False)

    return save_and_analyze


def test_240_frames_a_second(squats, analyze):
    workout = analyze(np.repeat(squats, 24, axis=0), rate=240.0)
    assert workout.clip.frames_per_second == pytest.approx(240, abs=1)
    assert workout.clip.duration == pytest.approx(len(squats) / RATE, abs=0.05)
    assert [(entry.label, entry.count) for entry in workout.sets] == [("squat", REPETITIONS)]


def test_a_variable_frame_rate(squats, analyze):
    rows = np.sort(np.random.default_rng(0).choice(len(squats), len(squats) // 2, replace=False))
    workout = analyze(squats[rows], rows / RATE)
    steps = np.diff(workout.clip.times)
    assert steps.max() > 2.5 * steps.min()
    assert [(entry.label, entry.count) for entry in workout.sets] == [("squat", REPETITIONS)]
    assert workout.sets[0].end <= len(squats) / RATE


def test_half_a_second(squats, analyze):
    workout = analyze(squats[10:15])
    assert workout.clip.duration == pytest.approx(0.5, abs=0.01)
    assert sum(entry.count for entry in workout.sets) <= 1
    assert not any(entry.faults for entry in workout.sets)


def test_a_person_whose_legs_are_out_of_the_picture_is_not_judged(squats, analyze):
    workout = analyze(squats[:, : SIZE[1] // 2])
    assert np.mean(workout.clip.poses.found) > 0.5
    assert not any(entry.known or entry.faults for entry in workout.sets)


def test_nobody(squats, analyze):
    room = np.tile(np.median(squats[:, -40:, :40], axis=0).astype(np.uint8), (1, 3, 4, 1))
    workout = analyze(np.repeat(room, 10, axis=0))
    assert workout.sets == [] and not workout.overall.known
