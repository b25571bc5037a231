"""A camera's frames one by one: exercise, skeleton, count and hint, as they come."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from workoutlib.media.counter import draw_counter
from workoutlib.media.overlay import draw_label
from workoutlib.pose.drawing import draw_skeleton
from workoutlib.pose.skeleton import Pose
from workoutlib.pose.smoothing import smooth
from workoutlib.pose.tracking import PoseSequence, PoseTracker
from workoutlib.recognition.analysis import ClipWorkout, analyze_clip
from workoutlib.recognition.annotation import counter_at
from workoutlib.recognition.clips import ClipPrediction, Prediction
from workoutlib.recognition.recognizer import Recognizer

REMEMBERED = 120.0
"""Seconds that are analysed anew each time: a longer set loses its first repetitions."""
_ANALYSED, _LOOKED = 1.0, 0.3  # seconds between two analyses, and between two looks of the picture model
_LABEL = 2.0  # seconds over which the label is averaged


class LiveWorkout:
    """Recognises a stream, a frame at a time; at most one analysis runs beside it, in a thread of its own.

    Args:
        recognizer: its pose network is fetched where it is not here yet.
    """

    def __init__(self, recognizer: Recognizer) -> None:
        self.recognizer = recognizer
        self._tracker = PoseTracker(recognizer.pose_estimator)
        self._seen: deque[tuple[float, Pose | None, np.ndarray]] = deque()
        self._picture, self._looked, self._asked = np.zeros(0), -np.inf, -np.inf
        recognizer.stream_logits(np.zeros((64, 64, 3), np.uint8))  # what is compiled, is compiled before the stream
        self._threads = ThreadPoolExecutor(1)
        self._analysis: Future[ClipWorkout] | None = None
        self.workout: ClipWorkout | None = None

    def see(self, time: float, frame: np.ndarray) -> np.ndarray:
        """The next frame, uint8 RGB (H, W, 3), `time` in seconds, as a copy with all that is known drawn on it."""
        pose = self._tracker.update(time, frame)
        self._seen.append((time, pose, self._logits(time, frame, pose)))
        while time - self._seen[0][0] > REMEMBERED:
            self._seen.popleft()
        self._analyse(time)
        found = self.label(time)
        drawn = draw_label(draw_skeleton(frame, pose) if pose else frame, found.shown, found.confidence)
        said = counter_at(self.workout, time) if self.workout else None
        return draw_counter(drawn, *said) if said else drawn

    def label(self, time: float) -> Prediction:
        """What the last two seconds show."""
        recent = [logits for moment, _, logits in self._seen if time - moment <= _LABEL]
        return self.recognizer.read_logits(np.mean(recent, axis=0))

    def close(self) -> None:
        """End the thread."""
        self._threads.shutdown(cancel_futures=True)

    def _logits(self, time: float, frame: np.ndarray, pose: Pose | None) -> np.ndarray:
        """Of a frame (C,); between two looks of the picture model its last answer counts."""
        if time - self._looked >= _LOOKED:
            self._picture, self._looked = self.recognizer.stream_logits(frame), time
        body = self.recognizer.body
        return body.fuse(self._picture[None], PoseSequence.of([time], [pose]))[0] if body else self._picture

    def _analyse(self, time: float) -> None:
        if self._analysis and self._analysis.done():
            self.workout, self._analysis = self._analysis.result(), None
        if self._analysis is None and time - self._asked >= _ANALYSED and len(self._seen) > 3:
            self._asked = time
            self._analysis = self._threads.submit(self._whole, list(self._seen))

    def _whole(self, seen: list[tuple[float, Pose | None, np.ndarray]]) -> ClipWorkout:
        times = np.array([time for time, _, _ in seen])
        poses = smooth(PoseSequence.of(times, [pose for _, pose, _ in seen]))
        logits, rate = np.array([each for _, _, each in seen]), len(times) / max(times[-1] - times[0], 1e-3)
        return analyze_clip(
            ClipPrediction(Path("live"), times, logits, times[-1] + 1 / rate, rate, self.recognizer, poses=poses)
        )
