"""Where the frames of the command ``live`` come from: a camera, a stream or a clip, the newest frame first."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.paths import is_url, near_name, shown

if TYPE_CHECKING:
    import numpy as np

_PATIENCE = 5000  # milliseconds until a stream must answer
_GRACE = 1.0  # seconds for which the end waits for the next frame


def require_source(source: str) -> None:
    """Say at once that there is no such clip."""
    path = Path(source)
    if is_clip(source) and not path.is_file():
        raise WorkoutlibError(
            f"no camera, stream or clip {shown(source)}{near_name(path)}: give a camera's number such as 0, an "
            "address such as rtsp://…, or the path of a clip"
        )


def is_clip(source: str) -> bool:
    """Whether a source is a file, which begins when it is opened, and ends."""
    return not source.isdigit() and not is_url(source)


def open_source(source: str) -> Generator[tuple[float, np.ndarray], None, None]:
    """Frames as they come, with seconds, uint8 RGB; a clip's at the pace of its times.

    Raises:
        WorkoutlibError: no camera, nobody answers, no such clip; later, that no more pictures come.
    """
    import cv2

    if is_clip(source):
        return paced(source)
    if source.isdigit():
        capture, closed = cv2.VideoCapture(int(source)), f"no camera {source}: connect one, end other programs that "
        closed += "use it, or give --source FILE"
    else:
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _PATIENCE, cv2.CAP_PROP_READ_TIMEOUT_MSEC, _PATIENCE]
        capture = cv2.VideoCapture(source, cv2.CAP_FFMPEG, limits)
        closed = f"{shown(source)} does not answer: check the address and the network"
    if not capture.isOpened():
        raise WorkoutlibError(closed)

    def captured() -> Generator[tuple[float, np.ndarray], None, None]:
        began = time.monotonic()
        try:
            while (read := capture.read())[0]:
                yield time.monotonic() - began, cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB)
        finally:
            capture.release()
        raise WorkoutlibError(f"{'the camera' if source.isdigit() else shown(source)} sends no more pictures")

    return captured()


def paced(clip: str) -> Generator[tuple[float, np.ndarray], None, None]:
    """A clip's frames at the pace of their times."""
    from workoutlib.media.video_reader import read_frames

    began = time.monotonic()
    for moment, frame in read_frames(clip):
        time.sleep(max(moment - (time.monotonic() - began), 0))
        yield moment, frame


class Newest:
    """Iterates over the newest of the frames that a thread reads; those that came meanwhile are dropped."""

    def __init__(self, frames: Generator[tuple[float, np.ndarray], None, None]) -> None:
        self.dropped = 0
        self._frames, self._changed = frames, threading.Condition()
        self._newest: tuple[float, np.ndarray] | None = None
        self._ended = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._read, daemon=True)

    def _read(self) -> None:
        error: BaseException | None = None
        try:
            with closing(self._frames) as frames:  # which frees a camera
                for item in frames:
                    with self._changed:
                        self.dropped += self._newest is not None
                        self._newest = item
                        self._changed.notify()
                        if self._ended:
                            return
        except BaseException as caught:  # told where the frames are used
            error = caught
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify()

    def __iter__(self) -> Iterator[tuple[float, np.ndarray]]:
        self._thread.start()
        while True:
            with self._changed:
                while self._newest is None and not self._ended:
                    self._changed.wait(0.2)
                item, self._newest = self._newest, None
                if item is None:
                    if self._error:
                        raise self._error
                    return
            yield item

    def close(self) -> None:
        """Let the thread end with its next frame, and wait for that a moment: a camera is free then."""
        with self._changed:
            self._ended = True
        if self._thread.is_alive():
            self._thread.join(_GRACE)
