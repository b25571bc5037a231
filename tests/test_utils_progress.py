"""Progress: told to the listener of this thread alone, who may end the work."""

import os
import subprocess
import sys

import pytest

from workoutlib.utils.progress import listening, tell, track


def test_a_listener_hears_what_is_done_and_of_how_much():
    heard = []
    with listening(lambda *word: heard.append(word)):
        assert list(track("ab", "letters", show=False)) == ["a", "b"]
        assert list(track(iter("ab"), "letters", show=False)) == ["a", "b"]
        tell("rest")
    tell("nobody hears this")
    counted = [("letters", done, 2) for done in range(3)]
    assert heard == [*counted, *(("letters", done, None) for done in range(3)), ("rest", 0, None)]


def test_an_exception_of_the_listener_ends_the_work_and_it_is_no_longer_heard():
    def stop(what, done, total):
        if done:
            raise KeyboardInterrupt

    done = []
    with pytest.raises(KeyboardInterrupt), listening(stop):
        done.extend(track(range(5), "numbers", show=False))
    assert list(track(range(2), "numbers", show=False)) == [0, 1]


def test_the_environment_of_tqdm_is_heard():
    code = "from workoutlib.utils.progress import progress_bar, track; list(progress_bar('ab')); list(track('ab', 'x'))"
    spoken = []
    for switch in ({}, {"TQDM_DISABLE": "1"}):
        environment = {name: value for name, value in os.environ.items() if name != "TQDM_DISABLE"} | switch
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        spoken.append(done.stderr)
    assert "2/2" in spoken[0] and spoken[1] == ""
