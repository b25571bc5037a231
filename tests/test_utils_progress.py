"""Progress: told to the listener of this thread alone, who may end the work."""

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
