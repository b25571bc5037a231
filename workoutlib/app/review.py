"""The command ``review``: a page of this machine for what ``annotate`` left to a person."""

from __future__ import annotations

import argparse
import json
import re
import secrets
import threading
from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from workoutlib.app.local_page import LocalHandler, address, local_server
from workoutlib.labels import LABELS
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.paths import shown

if TYPE_CHECKING:
    from workoutlib.collection.review import ReviewQueue

PICTURES, SIDE = 4, 640
"""Pictures that are shown of a clip, and how many pixels their longer side has at most."""
LONGEST = 10_000
"""Bytes of the longest request that is read."""
ACTIONS = ("choose", "reject", "skip", "undo")


def review(options: argparse.Namespace) -> None:
    """Show the page until Ctrl-C, then say how many were done."""
    from workoutlib.collection.review import ReviewQueue
    from workoutlib.data.annotations import TABLE

    if not (options.folder / TABLE).is_file():
        text = f"{shown(options.folder)} holds no {TABLE}. Make a data set of your clips first"
        raise WorkoutlibError(f"{text}: workoutlib annotate CLIPS --out FOLDER")
    page = ReviewPage(ReviewQueue(options.folder))
    server = local_server(page.handler(), options.port)
    try:
        print(f"{len(page.queue.order)} wait; open {address(server)} in a browser; Ctrl-C ends it", flush=True)
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
    with page.lock:  # an answer that is being stored is stored
        print(page.farewell())


class ReviewPage:
    """What the page shows and what it may do; any number of windows look at one queue.

    Args:
        queue: whose turn it is.
        labels: the exercises to choose from, beside those that the table names.

    Attributes:
        token: what a request that changes something must bear; only the page itself gets it.
    """

    def __init__(self, queue: ReviewQueue, labels: Sequence[str] = LABELS) -> None:
        table = queue.annotations.table
        named = {label for column in ("predicted", "second", "third") for label in table[column]} - {""}
        self.queue, self.labels = queue, [*labels, *sorted(named - set(labels))]
        self.token, self.lock = secrets.token_urlsafe(16), threading.Lock()

    def html(self) -> bytes:
        """The page."""
        text = (files("workoutlib.app") / "review.html").read_text(encoding="utf-8")
        return text.replace("TOKEN_OF_THE_PAGE", self.token).encode()

    def state(self) -> dict[str, Any]:
        """What is to be seen now; ``number`` is ``None`` at the end."""
        queue = self.queue
        return {
            "number": queue.current, "place": queue.place, "total": len(queue.order), "skipped": queue.skipped,
            "can_undo": queue.can_undo, "guesses": queue.guesses(), "labels": self.labels, "about": queue.about(),
            "pictures": len(queue.pictures(PICTURES)),
            "train": f"workoutlib train --data OLD {shown(queue.annotations.root)}",
        }  # fmt: skip

    def answer(self, said: Any) -> None:
        """Store what a person said: ``{"number", "action", "label"}``, the number being that of the clip then shown.

        Raises:
            WorkoutlibError: the clip is not shown any more, or this is no answer.
        """
        if not isinstance(said, dict) or said.get("action") not in ACTIONS or "number" not in said:
            raise WorkoutlibError(f"an answer has a number and an action, one of {', '.join(ACTIONS)}")
        queue, action, label = self.queue, said["action"], said.get("label")
        queue.require(said["number"])
        if action == "choose":
            if label not in self.labels:
                raise WorkoutlibError(f"{shown(str(label))} is none of the labels to choose from")
            queue.decide(label)
        elif action == "reject":
            queue.decide(None)
        elif action == "skip":
            queue.skip()
        else:
            queue.undo()

    def picture(self, number: int, place: int) -> bytes | None:
        """A picture of a clip that waits or waited, as JPEG; ``None`` where there is none in the folder.

        Not of the one that is shown alone: a browser still asks for the last one's when that was answered quickly.
        """
        import cv2

        from workoutlib.data.annotations import is_inside
        from workoutlib.media.images import encode_jpeg, read_image

        paths = self.queue.pictures(PICTURES, number) if number in self.queue.order else []
        if place >= len(paths) or not is_inside(paths[place], self.queue.annotations.root):
            return None
        pixels = read_image(paths[place])
        scale = min(1.0, SIDE / max(pixels.shape[:2]))
        small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return encode_jpeg(small, 95)

    def farewell(self) -> str:
        """How many were done, and what to do next."""
        queue = self.queue
        left = len(queue.order) - queue.place + queue.skipped
        said = f"{queue.place - queue.skipped} of {len(queue.order)} done"
        said += f", {left} wait for the next time" if left else ""
        return f"{said}; train on them: workoutlib train --data OLD {shown(queue.annotations.root)}"

    def handler(self) -> type[LocalHandler]:
        """Answers / with the page, /state and /picture/NUMBER/PLACE with what it shows; takes answers at /answer."""
        page = self

        class Handler(LocalHandler):
            def do_GET(self) -> None:
                if not self.is_own():
                    return None
                if self.path == "/":
                    return self.reply(page.html(), "text/html; charset=utf-8")
                if self.path == "/state":
                    with page.lock:
                        return self.json(page.state())
                if found := re.fullmatch(r"/picture/(\d{1,9})/(\d{1,3})", self.path, re.ASCII):
                    try:
                        with page.lock:
                            jpeg = page.picture(int(found[1]), int(found[2]))
                    except (WorkoutlibError, OSError):  # gone or damaged since the start: the page shows its name
                        jpeg = None
                    if jpeg:
                        return self.reply(jpeg, "image/jpeg")
                return self.send_error(404)

            def do_POST(self) -> None:
                if not self.is_own():
                    return None
                length = self.headers.get("Content-Length", "")
                if not length.isdecimal() or int(length) > LONGEST:
                    return self.send_error(413)
                body = self.rfile.read(int(length))
                given = self.headers.get("X-Token", "").encode("latin-1", "replace")
                if not secrets.compare_digest(given, page.token.encode()):
                    return self.json({"error": "this page is of an earlier start; load it anew"}, 403)
                if self.path != "/answer":
                    return self.send_error(404)
                with page.lock:
                    try:
                        page.answer(json.loads(body))
                    except (WorkoutlibError, OSError, ValueError) as error:  # OSError: a full disk
                        return self.json(page.state() | {"error": str(error)}, 409)
                    return self.json(page.state())

            def json(self, content: dict, status: int = 200) -> None:
                self.reply(json.dumps(content).encode(), "application/json", status)

        return Handler
