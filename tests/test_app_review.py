"""The page of review: who may ask what, answers that come too late or twice, and a person with keys and mouse."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from helpers.browser import needs_chromium, opened
from helpers.tiny import one_thread_environment
from helpers.waiting import make_waiting

from workoutlib.app.cli import main
from workoutlib.app.local_page import local_server
from workoutlib.app.review import ReviewPage
from workoutlib.collection.review import ReviewQueue
from workoutlib.data.annotations import Annotations


class Client:
    """Asks a page of review as a browser would."""

    def __init__(self, page: ReviewPage, port: int) -> None:
        self.page, self.port = page, port

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET" if body is None else "POST", path, body, headers)
        with connection.getresponse() as reply:
            found = reply.status, reply.read()
        connection.close()
        return found

    def answer(self, **said: object) -> tuple[int, dict]:
        status, body = self.ask("/answer", json.dumps(said).encode(), **{"X-Token": self.page.token})
        return status, json.loads(body)


@pytest.fixture
def client(tmp_path):
    page = ReviewPage(ReviewQueue(make_waiting(tmp_path / "new")))
    server = local_server(page.handler(), 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Client(page, server.server_port)
    server.shutdown()
    server.server_close()


def statuses(client: Client) -> list[str]:
    return Annotations(client.page.queue.annotations.root).table["status"].tolist()


def test_the_page_its_state_and_a_picture(client):
    status, html = client.ask("/")
    assert status == 200 and client.page.token.encode() in html and b"TOKEN_OF_THE_PAGE" not in html
    state = json.loads(client.ask("/state")[1])
    assert (state["number"], state["place"], state["total"], state["pictures"]) == (1, 0, 3, 1)
    assert client.page.token not in json.dumps(state)
    status, jpeg = client.ask("/picture/1/0")
    shown = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    original = cv2.imread(str(client.page.queue.pictures(4)[0]))
    assert status == 200 and shown.shape == original.shape and np.abs(shown - original.astype(float)).mean() < 8


@pytest.mark.parametrize("path", ["/", "/state", "/picture/1/0", "/answer"])
def test_a_foreign_name_is_answered_with_403(client, path):
    body = b'{"number": 1, "action": "reject"}' if path == "/answer" else None
    for host in ("evil.example", f"evil.example:{client.port}", "127.0.0.1"):
        assert client.ask(path, body, Host=host, **{"X-Token": client.page.token})[0] == 403
    assert statuses(client) == ["review"] * 3


@pytest.mark.parametrize("headers", [{}, {"X-Token": "guessed"}, {"X-Token": "ä"}])
def test_nothing_is_stored_without_the_token_of_the_page(client, headers):
    status, body = client.ask("/answer", b'{"number": 1, "action": "reject"}', **headers)
    assert status == 403 and b"load it anew" in body and statuses(client) == ["review"] * 3


@pytest.mark.parametrize(
    "path",
    [
        "/annotations.csv", "/../secret.jpg", "/picture/../../secret.jpg", "/picture/1/..%2f..%2fsecret.jpg",
        "/picture/1/1", "/picture/99/0", "/picture/-1/0", "/picture/1/0/", "//etc/passwd",
    ],
)  # fmt: skip
def test_only_pictures_of_the_clips_to_review_are_served(client, path):
    assert client.ask(path)[0] == 404


def test_a_clip_that_was_answered_quickly_still_gets_its_pictures(client):
    client.page.answer({"number": 1, "action": "choose", "label": "plank"})
    assert client.page.queue.current != 1 and client.ask("/picture/1/0")[0] == 200


def test_a_picture_that_a_link_or_the_table_leads_out_to_is_not_served(client, tmp_path):
    queue = client.page.queue
    picture = queue.pictures(4)[0]
    picture.rename(tmp_path / "secret.jpg")
    assert client.ask("/picture/1/0")[0] == 404  # gone
    picture.symlink_to(tmp_path / "secret.jpg")
    assert client.ask("/picture/1/0")[0] == 404
    queue.annotations.table.loc[1, ["pictures", "source"]] = ["", str(tmp_path / "secret.jpg")]
    assert client.ask("/picture/1/0")[0] == 404


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"number": 0, "action": "reject"}, "not shown any more"),
        ({"number": 99, "action": "choose", "label": "squat"}, "not shown any more"),
        ({"number": None, "action": "skip"}, "not shown any more"),
        ({"number": 1, "action": "choose", "label": "../evil"}, "none of the labels"),
        ({"number": 1, "action": "choose", "label": ["squat"]}, "none of the labels"),
        ({"number": 1, "action": "choose"}, "none of the labels"),
        ({"number": 1, "action": "erase"}, "an action"),
        ({"number": 1, "action": {}}, "an action"),
        ({"action": "skip"}, "has a number"),
    ],
)
def test_a_wrong_or_late_answer_is_told_so_and_changes_nothing(client, said, error):
    status, state = client.answer(**said)
    assert status == 409 and error in state["error"] and state["number"] == 1
    assert statuses(client) == ["review"] * 3


def test_what_is_no_json_or_too_long_is_refused(client):
    token = {"X-Token": client.page.token}
    assert client.ask("/answer", b"{", **token)[0] == 409
    assert client.ask("/answer", b"[]", **token)[0] == 409
    assert client.ask("/answer", b" " * 10_001, **token)[0] == 413
    assert client.ask("/elsewhere", b"{}", **token)[0] == 404


def test_of_two_answers_at_once_one_counts(client):
    """Two windows, or a double click: the second must not label the next clip."""
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: client.answer(number=1, action="choose", label="plank"), range(8)))
    assert sorted(status for status, _ in found) == [200] + [409] * 7
    assert client.page.queue.place == 1 and statuses(client) == ["review", "confirmed", "review"]


def test_a_port_in_use_is_passed_over(client):
    server = local_server(client.page.handler(), client.port)
    assert server.server_port != client.port and server.server_address[0] == "127.0.0.1"
    server.server_close()


def test_a_folder_without_a_table_is_told_so(tmp_path, capsys):
    assert main(["review", str(tmp_path)]) == 2
    assert "workoutlib annotate" in capsys.readouterr().err


# A shell's background processes, and what they start, begin without it.
HEARS_CTRL_C = """
import signal, sys
from workoutlib.app.cli import main

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C cannot be sent to one process alone")
def test_ctrl_c_ends_it_with_how_many_were_done(tmp_path):
    make_waiting(tmp_path)
    command = [sys.executable, "-c", HEARS_CTRL_C, "review", str(tmp_path), "--port", "0"]
    process = subprocess.Popen(command, env=one_thread_environment(), stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline().startswith("3 wait; open http://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60)[0].startswith("0 of 3 done, 3 wait for the next time")
    assert process.returncode == 0


@pytest.mark.browser
@needs_chromium
@pytest.mark.parametrize("width", [390, 1280])
def test_a_person_labels_with_keys_and_clicks(client, width):
    def see(text: str) -> None:
        page.get_by_role("status").get_by_text(text, exact=True).wait_for()

    with opened(f"http://127.0.0.1:{client.port}/", width=width) as page:
        see("0 of 3")
        page.wait_for_function("[...document.images].every((image) => image.naturalWidth > 0)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.keyboard.press("9")  # no such guess
        page.keyboard.press("2")
        see("1 of 3")
        assert statuses(client) == ["review", "confirmed", "review"]
        page.keyboard.press("u")
        see("0 of 3")
        assert statuses(client) == ["review"] * 3
        page.get_by_role("button", name="push up").click()
        see("1 of 3")
        page.reload()
        see("1 of 3")
        page.get_by_label("another exercise").select_option("deadlift")
        see("2 of 3")
        page.keyboard.press("s")
        see("3 of 3")
        assert page.get_by_text("workoutlib train --data OLD").is_visible()
        assert page.get_by_text("1 skipped").is_visible()
        assert page.get_by_role("button", name="skip").is_disabled()
        page.keyboard.press("u")
        see("2 of 3")
        page.keyboard.press("n")
        see("3 of 3")
    found = Annotations(client.page.queue.annotations.root).table
    assert found["status"].tolist() == ["confirmed", "confirmed", "rejected"]
    assert found["label"].tolist()[:2] == ["deadlift", "push up"]
