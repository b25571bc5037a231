"""A camera's frames one by one: exercise, skeleton, count and hint, as they come."""

from __future__ import annotations

import time as clock
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np

from workoutlib.media.counter import draw_counter
from workoutlib.media.overlay import draw_label
from workoutlib.pose.drawing import draw_skeleton
from workoutlib.pose.sequence import PoseSequence
from workoutlib.pose.skeleton import Pose
from workoutlib.pose.smoothing import smooth
from workoutlib.pose.tracking import PoseTracker
from workoutlib.recognition.analysis import ClipWorkout, analyze_clip
from workoutlib.recognition.annotation import LINGER, counter_at
from workoutlib.recognition.clips import ClipPrediction, Prediction, Shown, shown_in
from workoutlib.recognition.recognizer import Recognizer
from workoutlib.workout.workout import set_at

REMEMBERED = 120.0
"""Seconds that are analysed anew each time: a longer set loses its first repetitions."""
_ANALYSED, _LOOKED = 1.0, 0.3  # least seconds between two analyses, and between two looks of the picture model
_SHARE = 0.25  # of its thread's time that either may take: analyses of a long stream come more rarely
_GRACE = 0.3  # seconds for which the end waits for what is under way
_LABEL = 2.0  # seconds over which the label is averaged

LOOKING = "looking..."
"""What is shown until there is an answer."""

Seen = tuple[float, Pose | None, np.ndarray | None]
"""Time, pose, and what the picture model said last, logits (C,); None before its first answer."""


class LiveWorkout:
    """Recognises a stream, a frame at a time: each frame waits for its pose alone.

    The picture model and the analysis of the workout run beside it; their newest answers are drawn.

    Args:
        recognizer: its pose network is fetched where it is not here yet.

    Attributes:
        found: what the last two seconds show; None until there is an answer, and while nobody is there to be recognised
            by pose alone.
        workout: the last two minutes' sets, as far as they are analysed.
    """

    def __init__(self, recognizer: Recognizer) -> None:
        self.recognizer = recognizer
        self._tracker = PoseTracker(recognizer.pose_estimator)
        self._seen: deque[Seen] = deque()
        recognizer.stream_logits(np.zeros((64, 64, 3), np.uint8))  # compiled before the stream
        self._picture: np.ndarray | None = None
        self._looks, self._analyses = _Beside(_LOOKED), _Beside(_ANALYSED)
        self.found: Prediction | None = None
        self.workout: ClipWorkout | None = None

    def see(self, time: float, frame: np.ndarray) -> np.ndarray:
        """The next frame, uint8 RGB (H, W, 3), `time` in seconds, as a copy with all that is known drawn on it."""
        pose = self._tracker.update(time, frame)
        self._seen.append((time, pose, self._picture))
        while time - self._seen[0][0] > REMEMBERED:
            self._seen.popleft()
        if (picture := self._looks.newest()) is not None:
            if self._picture is None:  # it holds for all that came before it, too
                self._seen = deque((moment, body, picture) for moment, body, _ in self._seen)
            self._picture = picture
            self.found = self._read([each for each in self._seen if time - each[0] <= _LABEL])
        self._looks.ask(time, self.recognizer.stream_logits, frame, pose)
        self.workout = self._analyses.newest() or self.workout
        if len(self._seen) > 3 and self._picture is not None:
            self._analyses.ask(time, self._whole, list(self._seen))
        drawn = draw_label(draw_skeleton(frame, pose) if pose else frame, *self.shown_at(time))
        said = counter_at(self.workout, time) if self.workout else None
        return draw_counter(drawn, *said) if said else drawn

    def shown_at(self, time: float) -> Shown:
        """The label at a time in seconds and its confidence: the set's while its count stays, else what is found."""
        entry = set_at(self.workout.sets, time, LINGER) if self.workout else None
        return shown_in(entry, (self.found.shown, self.found.confidence) if self.found else (LOOKING, None))

    def close(self) -> None:
        """Wait a moment for what is under way; a long analysis is not waited for."""
        self._looks.close()
        self._analyses.close()

    def _read(self, seen: list[Seen]) -> Prediction | None:
        nothing = not any(pose for _, pose, _ in seen) and not any(np.any(picture) for _, _, picture in seen)
        return None if nothing else self.recognizer.read_logits(self._logits(seen).mean(0))

    def _logits(self, seen: list[Seen]) -> np.ndarray:
        """Logits (T, C) of frames: the picture model's, joined with those of the poses."""
        picture, body = np.array([each for _, _, each in seen]), self.recognizer.body
        return body.fuse(picture, _poses(seen)) if body else picture

    def _whole(self, seen: list[Seen]) -> ClipWorkout:
        """As `Recognizer.analyze` tells a clip of these frames."""
        poses, body = smooth(_poses(seen)), self.recognizer.body
        times, rate = poses.times, len(seen) / max(seen[-1][0] - seen[0][0], 1e-3)
        logits, whole = np.array([each for _, _, each in seen]), None
        if body:
            logits, whole = body.fuse_clip(logits, poses)
        end, reader = times[-1] + 1 / rate, self.recognizer
        return analyze_clip(ClipPrediction(Path("live"), times, logits, end, rate, reader, poses=poses, whole=whole))


def _poses(seen: list[Seen]) -> PoseSequence:
    return PoseSequence.of([time for time, _, _ in seen], [pose for _, pose, _ in seen])


class _Beside:
    """Does one thing at a time in a thread, which ends with it; what is asked meanwhile is left out.

    Args:
        pause: least seconds between the beginnings of two works.
    """

    def __init__(self, pause: float) -> None:
        self._pause, self._asked, self._took = pause, -np.inf, 0.0
        self._work: Future | None = None
        self._thread: Thread | None = None

    def ask(self, time: float, work: Callable[..., Any], *arguments: Any) -> None:
        """Begin a work at `time` in seconds, unless another is under way or the last one was begun just now."""
        if self._work is None and time - self._asked >= max(self._pause, self._took / _SHARE):
            self._asked, self._work = time, Future()
            # A daemon: a program ends although a long analysis is under way, which an executor's threads do not allow.
            self._thread = Thread(target=self._do, args=(self._work, partial(work, *arguments)), daemon=True)
            self._thread.start()

    def newest(self) -> Any:
        """What the last work found, once; None while there is nothing new."""
        if self._work is None or not self._work.done():
            return None
        done, self._work = self._work, None
        return done.result()

    def _do(self, future: Future, work: Callable[[], Any]) -> None:
        began = clock.perf_counter()
        try:
            found = work()
        except BaseException as error:  # told where the result is used
            future.set_exception(error)
        else:
            self._took = clock.perf_counter() - began
            future.set_result(found)

    def close(self) -> None:
        """Wait a moment, at most, for the work that is under way."""
        if self._thread:
            self._thread.join(_GRACE)
