"""The command ``live``: a camera, a stream or a clip, recognised as it comes, in a window or on a page."""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseServer
from typing import TYPE_CHECKING

from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.paths import is_url, near_name, shown

if TYPE_CHECKING:
    import numpy as np

Show = Callable[["np.ndarray"], bool]
"""Shows uint8 RGB (H, W, 3); False where the viewer has ended it."""

_TITLE = "workoutlib live"
_PATIENCE = 5000  # milliseconds until a stream must answer
_PAGE = (
    f"<!doctype html><html lang=en><meta charset=utf-8><title>{_TITLE}</title><meta name=viewport "
    "content='width=device-width'><style>body{margin:0;background:#111}img{display:block;width:100%;height:100vh;"
    "object-fit:contain}</style><img src=/stream alt='the camera, with skeleton, exercise and count'>"
).encode()


def live(options: argparse.Namespace) -> None:
    require_source(options.source)
    frames = Newest(open_source(options.source))

    from workoutlib.recognition.live import LiveWorkout
    from workoutlib.recognition.starter import choose_recognizer
    from workoutlib.utils import devices

    devices.tune_process()
    recognizer, which = choose_recognizer(options.checkpoint)
    print(which)
    workout, shows = LiveWorkout(recognizer), window if has_display() else page
    done, began, busy = 0, time.perf_counter(), time.process_time()
    try:
        with shows() as show:
            for moment, frame in frames:
                done += 1
                if not show(workout.see(moment, frame)):
                    break
    except KeyboardInterrupt:
        pass
    finally:
        frames.close()
        workout.close()
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    print(
        f"{done} frames at {done / seconds:.0f} a second, {frames.dropped} dropped; "
        f"{1000 * busy / max(done, 1):.0f} ms of processor time a frame"
    )


def require_source(source: str) -> None:
    """Say at once that there is no such clip."""
    path = Path(source)
    if not source.isdigit() and not is_url(source) and not path.is_file():
        raise WorkoutlibError(
            f"no camera, stream or clip {shown(source)}{near_name(path)}: give a camera's number such as 0, an "
            "address such as rtsp://…, or the path of a clip"
        )


def has_display() -> bool:
    """Whether a window can be opened here."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def open_source(source: str) -> Iterator[tuple[float, np.ndarray]]:
    """Frames as they come, with seconds, uint8 RGB; a clip's at the pace of its times.

    Raises:
        WorkoutlibError: no camera, nobody answers, no such clip; later, that no more pictures come.
    """
    import cv2

    if not source.isdigit() and not is_url(source):
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

    def captured() -> Iterator[tuple[float, np.ndarray]]:
        began = time.monotonic()
        while (read := capture.read())[0]:
            yield time.monotonic() - began, cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB)
        capture.release()
        raise WorkoutlibError(f"{'the camera' if source.isdigit() else shown(source)} sends no more pictures")

    return captured()


def paced(clip: str) -> Iterator[tuple[float, np.ndarray]]:
    """A clip's frames at the pace of their times."""
    from workoutlib.media.video_reader import read_frames

    began = time.monotonic()
    for moment, frame in read_frames(clip):
        time.sleep(max(moment - (time.monotonic() - began), 0))
        yield moment, frame


class Newest:
    """Iterates over the newest of the frames that a thread reads; those that came meanwhile are dropped."""

    def __init__(self, frames: Iterator[tuple[float, np.ndarray]]) -> None:
        self.dropped = 0
        self._frames, self._changed = frames, threading.Condition()
        self._newest: tuple[float, np.ndarray] | None = None
        self._ended = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._read, daemon=True)

    def _read(self) -> None:
        error: BaseException | None = None
        try:
            for item in self._frames:
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
        """Let the thread end with its next frame."""
        with self._changed:
            self._ended = True


@contextmanager
def window() -> Iterator[Show]:
    """A window; q, Escape or closing it ends the show."""
    import cv2

    def show(frame: np.ndarray) -> bool:
        cv2.imshow(_TITLE, cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        key = cv2.waitKey(1) & 0xFF
        return key not in (ord("q"), 27) and cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) >= 1

    print("press q in the window to end")
    try:
        yield show
    finally:
        cv2.destroyAllWindows()


@contextmanager
def page(port: int = 8765) -> Iterator[Show]:
    """A page on this machine alone, as motion JPEG; another port is taken where this one is not free."""
    import cv2

    stream = Stream()
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), stream.handler())
    except OSError:
        server = ThreadingHTTPServer(("127.0.0.1", 0), stream.handler())
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def show(frame: np.ndarray) -> bool:
        stream.push(
            cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()
        )
        return True

    print(f"open http://127.0.0.1:{server.server_port}/ in a browser; Ctrl-C ends it", flush=True)
    try:
        yield show
    finally:
        stream.push(None)
        server.shutdown()
        server.server_close()


def _own_names(server: BaseServer) -> set[str]:
    port = server.server_address[1]
    return {f"{host}:{port}" for host in ("127.0.0.1", "localhost")}


class Stream:
    """The newest JPEG, for any number of viewers; ``None`` ends them."""

    def __init__(self) -> None:
        self._changed, self._number = threading.Condition(), 0
        self._jpeg: bytes | None = b""

    def push(self, jpeg: bytes | None) -> None:
        with self._changed:
            self._jpeg, self._number = jpeg, self._number + 1
            self._changed.notify_all()

    def jpegs(self) -> Iterator[bytes]:
        """Each JPEG that comes from now on, as far as the viewer keeps up."""
        number = self._number
        while True:
            with self._changed:
                while self._number == number:
                    self._changed.wait()
                number, jpeg = self._number, self._jpeg
            if jpeg is None:
                return
            yield jpeg

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """Answers / with the page and /stream with the frames."""
        stream = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                # a page elsewhere whose name leads to this machine would else see the camera ("DNS rebinding")
                if self.headers.get("Host", "").lower() not in _own_names(self.server):
                    return self.send_error(403, "Open the address that workoutlib live has printed")
                if self.path not in ("/", "/stream"):
                    return self.send_error(404)
                kind = "text/html" if self.path == "/" else "multipart/x-mixed-replace; boundary=frame"
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.end_headers()
                if self.path == "/":
                    self.wfile.write(_PAGE)
                    return None
                try:
                    for jpeg in stream.jpegs():
                        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                        self.wfile.write(head.encode() + jpeg + b"\r\n")
                except OSError:  # the viewer has gone
                    pass
                return None

            def log_message(self, format: str, *arguments: object) -> None:
                """Nothing: a line a request would bury the address."""

        return Handler
