"""Locks between processes: one waits for the other, a killed one holds none."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from helpers.tiny import one_thread_environment

from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import Unwritable
from workoutlib.utils.locks import locked

HOLD = """
import sys
from workoutlib.utils.locks import locked
with locked(sys.argv[1], "", seconds=0):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path) -> Iterator[subprocess.Popen]:
    """A process that holds a lock until its input ends."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "new" / ".lock")]
    environment = one_thread_environment()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_another_process_is_told_apart_and_a_killed_one_holds_nothing(holder, tmp_path):
    with pytest.raises(WorkoutlibError, match="taken"), locked(tmp_path / "new" / ".lock", "taken", seconds=0):
        pytest.fail("two hold it")
    holder.kill()
    holder.wait()
    with locked(tmp_path / "new" / ".lock", "taken", seconds=30):
        pass


def test_it_waits_for_so_long_and_no_longer(holder, tmp_path):
    began = time.monotonic()
    end = threading.Timer(20, holder.kill)  # else a wait without an end would be one
    end.start()
    with pytest.raises(WorkoutlibError, match="taken"), locked(tmp_path / "new" / ".lock", "taken", seconds=0.3):
        pytest.fail("two hold it")
    end.cancel()
    assert 0.3 <= time.monotonic() - began < 20


def test_it_waits_until_the_other_has_done(holder, tmp_path):
    holder.stdin.close()
    with locked(tmp_path / "new" / ".lock", "taken", seconds=60):
        holder.wait(60)


def test_it_is_released_after_an_error(tmp_path):
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), locked(tmp_path / ".lock", "taken", seconds=0):
            raise ZeroDivisionError


def test_where_nothing_can_be_written_it_says_so(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(Unwritable, match="cannot be written"), locked(tmp_path / "file" / ".lock", "", seconds=0):
        pytest.fail("held")
