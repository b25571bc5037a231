"""Live: the newest frame counts, errors are clear, a page shows the stream, Ctrl-C ends it."""

import http.client
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.clips import save_clip
from helpers.tiny import make_model, one_thread_environment

from workoutlib import Config, Recognizer, WorkoutlibError
from workoutlib.app.cli import main
from workoutlib.app.live_source import Newest, open_source
from workoutlib.app.live_view import page
from workoutlib.recognition import live as live_module
from workoutlib.recognition.live import LiveWorkout


def test_frames_that_come_too_fast_are_dropped():
    came = threading.Event()

    def source():
        yield 0, "first"
        came.wait(10)
        yield from ((number, "late") for number in range(1, 100))

    newest, seen = Newest(source()), []
    for number, _ in newest:
        seen.append(number)
        came.set()
        time.sleep(0.2)
    assert seen[0] == 0 and seen[-1] == 99 and len(seen) + newest.dropped == 100 and newest.dropped > 50


def test_a_slow_estimator_drops_frames_and_never_lags(monkeypatch):
    """Ten frames come while it looks at one; the next that it looks at is the newest of them."""
    turn, looked_at = threading.Barrier(2, timeout=30), []

    def source():
        for number in range(101):
            yield float(number), np.zeros((48, 64, 3), np.uint8)
            if number % 10 == 0:
                if number:
                    turn.wait()  # the look at an earlier frame ends
                turn.wait()  # the look at this one begins
        turn.wait()

    def update(time, frame):
        looked_at.append(time)
        turn.wait()
        turn.wait()

    monkeypatch.setattr(live_module, "PoseTracker", lambda estimator: SimpleNamespace(update=update))
    recognizer = Recognizer(make_model(2), ("squat", "plank"), Config(resize=64, crop=64), backend="torch")
    recognizer.__dict__["pose_estimator"] = None
    workout, newest = LiveWorkout(recognizer), Newest(source())
    for moment, frame in newest:
        workout.see(moment, frame)
    workout.close()
    assert looked_at == list(range(0, 101, 10)) and newest.dropped == 90


def test_at_the_end_the_camera_is_free(monkeypatch):
    class Camera:
        def __init__(self, *_):
            self.released = False
            cameras.append(self)

        def isOpened(self):
            return True

        def read(self):
            time.sleep(0.01)
            return True, np.zeros((48, 64, 3), np.uint8)

        def release(self):
            self.released = True

    cameras: list[Camera] = []
    monkeypatch.setattr("cv2.VideoCapture", Camera)
    frames = Newest(open_source("0"))
    assert next(iter(frames))[1].shape == (48, 64, 3) and not cameras[0].released
    frames.close()
    assert cameras[0].released and not frames._thread.is_alive()


def test_a_fault_of_the_source_is_told_where_it_is_used():
    def source():
        yield 0, "frame"
        raise WorkoutlibError("unplugged")

    with pytest.raises(WorkoutlibError, match="unplugged"):
        list(Newest(source()))


def test_a_clip_comes_at_its_own_pace(tmp_path):
    began = time.monotonic()
    times = [moment for moment, _ in open_source(str(save_clip(tmp_path / "clip.mp4", frames=5)))]
    assert times == pytest.approx([0, 0.1, 0.2, 0.3, 0.4]) and time.monotonic() - began >= 0.4


@pytest.mark.parametrize(
    ("source", "message"),
    [("plonk.mp4", "no camera, stream or clip"), ("99", "no camera 99"), ("http://127.0.0.1:9/x", "does not answer")],
)
def test_what_is_not_there_is_said_at_once(capsys, source, message):
    assert main(["live", "--source", source]) == 2
    assert message in capsys.readouterr().err


def test_the_page_shows_frames_and_ends(capsys):
    with page(0) as show:
        address = capsys.readouterr().out.split()[1]
        assert address.startswith("http://127.0.0.1:")
        assert b"src=/stream" in urllib.request.urlopen(address, timeout=10).read()
        stream, ended = urllib.request.urlopen(f"{address}stream", timeout=10), threading.Event()

        def push():
            while not ended.wait(0.02):
                show(np.zeros((48, 64, 3), np.uint8))

        threading.Thread(target=push, daemon=True).start()
        assert stream.readline() == b"--frame\r\n" and b"image/jpeg" in stream.readline()
        ended.set()
    stream.read()  # ends


# What Ctrl-C finds: an analysis under way that never ends, begun when the fourth frame has come.
NEVER_ENDING = """
import signal, sys, threading
from workoutlib.app.cli import main
from workoutlib.recognition.live import LiveWorkout

def analyse(self, seen):
    print("analysis begun", flush=True)
    threading.Event().wait()

LiveWorkout._whole = analyse
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background processes begin without it
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def start_live(trained, estimator, tmp_path):
    """Starts ``live`` on a clip, without a window, in a process that is ended with the test."""
    started = []

    def start(frames: int) -> subprocess.Popen:
        clip = save_clip(tmp_path / "clip.mp4", frames=frames)
        hidden = {"DISPLAY": "", "WAYLAND_DISPLAY": "", "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-c", NEVER_ENDING, "live", "--source", str(clip)]
        command += ["--checkpoint", str(trained.checkpoint)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(command, env=one_thread_environment() | hidden, **pipes))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def address_of(process: subprocess.Popen) -> str:
    line = next(line for line in process.stdout if "http://" in line)
    assert "begins when the page is opened" in line
    return line.split()[1]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows sends no Ctrl-C to a single process")
def test_ctrl_c_ends_it_although_an_analysis_is_under_way(start_live):
    process = start_live(300)
    with urllib.request.urlopen(f"{address_of(process)}stream", timeout=60) as stream:
        assert stream.readline() == b"--frame\r\n"
        assert next(process.stdout) == "analysis begun\n"
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    assert " frames at " in out and " dropped" in out and error == ""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows sends no Ctrl-C to a single process")
def test_ctrl_c_ends_it_while_nobody_has_looked_yet(start_live):
    process = start_live(5)
    address_of(process)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=120)
    assert process.returncode == 0 and out.startswith("0 frames") and error == ""


@pytest.mark.slow
def test_a_short_clip_waits_for_its_first_viewer_and_is_shown_to_its_end(start_live):
    process = start_live(3)
    with urllib.request.urlopen(f"{address_of(process)}stream", timeout=60) as stream:
        assert stream.read().count(b"--frame\r\n") >= 1
    out, error = process.communicate(timeout=120)
    assert process.returncode == 0 and not out.startswith("0 frames") and error == ""


@pytest.mark.parametrize("path", ["/", "/stream"])
def test_the_page_answers_to_its_own_address_alone(capsys, path):
    """A page elsewhere can let its name lead to this machine; its requests still bear that name."""
    with page(0):
        port = int(capsys.readouterr().out.split("127.0.0.1:")[1].split("/")[0])
        own = [f"127.0.0.1:{port}", f"localhost:{port}", f"LOCALHOST:{port}"]
        foreign = ["evil.example", f"evil.example:{port}", "127.0.0.1", "localhost:1", "", None]
        for host in own + foreign:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.putrequest("GET", path, skip_host=True)
            if host is not None:
                connection.putheader("Host", host)
            connection.endheaders()
            assert connection.getresponse().status == (200 if host in own else 403), host
            connection.close()
