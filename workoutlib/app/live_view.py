"""Where the command ``live`` shows its frames: in a window, or on a page of this machine."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from workoutlib.app.local_page import LocalHandler, address, local_server

if TYPE_CHECKING:
    import numpy as np

Show = Callable[["np.ndarray"], bool]
"""Shows uint8 RGB (H, W, 3); False where the viewer has ended it."""

_TITLE = "workoutlib live"
_PAGE = (
    f"<!doctype html><html lang=en><meta charset=utf-8><title>{_TITLE}</title><meta name=viewport "
    "content='width=device-width'><style>body{margin:0;background:#111}img{display:block;width:100%;height:100vh;"
    "object-fit:contain}</style><img src=/stream alt='the camera, with skeleton, exercise and count'>"
).encode()


def has_display() -> bool:
    """Whether a window can be opened here."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


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
def page(port: int = 8765, *, wait: bool = False) -> Iterator[Show]:
    """A page on this machine alone, as motion JPEG; another port is taken where this one is not free.

    Args:
        wait: begin when somebody looks: a short clip would be over before.
    """
    from workoutlib.media.images import encode_jpeg

    stream = Stream()
    server = local_server(stream.handler(), port)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def show(frame: np.ndarray) -> bool:
        stream.push(encode_jpeg(frame, 80))
        return True

    begins = "; it begins when the page is opened" if wait else ""
    print(f"open {address(server)} in a browser; Ctrl-C ends it{begins}", flush=True)
    try:
        while wait and not stream.watched.wait(0.2):  # a wait without an end hears no Ctrl-C on Windows
            pass
        yield show
    finally:
        stream.end()
        server.shutdown()
        server.server_close()


class Stream:
    """The newest JPEG, for any number of viewers.

    Attributes:
        watched: set when the first of them has come.
    """

    def __init__(self) -> None:
        self.watched = threading.Event()
        self._changed, self._number, self._jpeg = threading.Condition(), 0, b""
        self._ended = False

    def push(self, jpeg: bytes) -> None:
        """Show the next one."""
        with self._changed:
            self._jpeg, self._number = jpeg, self._number + 1
            self._changed.notify_all()

    def end(self) -> None:
        """Let the viewers go; their page goes on showing the last picture."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def jpegs(self) -> Iterator[bytes]:
        """Each JPEG that comes from now on, as far as the viewer keeps up."""
        number = self._number
        self.watched.set()
        while True:
            with self._changed:
                while self._number == number and not self._ended:
                    self._changed.wait()
                if self._number == number:
                    return
                number, jpeg = self._number, self._jpeg
            yield jpeg

    def handler(self) -> type[LocalHandler]:
        """Answers / with the page and /stream with the frames."""
        stream = self

        class Handler(LocalHandler):
            def do_GET(self) -> None:
                if not self.is_own():
                    return None
                if self.path == "/":
                    return self.reply(_PAGE, "text/html")
                if self.path != "/stream":
                    return self.send_error(404)
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                try:
                    for jpeg in stream.jpegs():
                        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                        self.wfile.write(head.encode() + jpeg + b"\r\n")
                except OSError:  # the viewer has gone
                    pass
                return None

        return Handler
