"""Working ahead in a thread: the same items in order, errors where they belong, no thread left behind."""

import threading
import time

import pytest

from workoutlib.utils.prefetch import prefetch


@pytest.fixture(autouse=True)
def _no_thread_left():
    before = set(threading.enumerate())
    yield
    assert not [
        t for t in set(threading.enumerate()) - before if t.is_alive() and "Thread-" in t.name and "produce" in t.name
    ]


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 1000])
def test_all_items_come_in_order(count):
    assert list(prefetch(range(count))) == list(range(count))


def test_none_and_errors_are_items_too():
    items = [None, ValueError("not raised"), StopIteration(), None]
    assert list(prefetch(items)) == items


def test_an_error_comes_after_the_items_before_it():
    def produce():
        yield from range(3)
        raise KeyError("broken")

    found = []
    with pytest.raises(KeyError, match="broken"):
        for item in prefetch(produce()):
            found.append(item)
    assert found == [0, 1, 2]


def test_it_works_ahead_but_not_further_than_asked():
    made = []

    def produce():
        for item in range(100):
            made.append(item)
            yield item

    items = prefetch(produce(), ahead=4)
    assert next(items) == 0
    deadline = time.monotonic() + 30
    while len(made) < 6 and time.monotonic() < deadline:  # 1 taken, 4 waiting, 1 in the producer's hand
        time.sleep(0.01)
    assert len(made) == 6
    items.close()
    assert len(made) == 6


def test_stopping_early_stops_the_producer():
    made = []

    def produce():
        while True:
            made.append(1)
            yield 1

    for _ in prefetch(produce()):
        break
    count = len(made)
    assert count < 20


def test_ctrl_c_in_the_consumer_stops_the_producer():
    def consume():
        for item in prefetch(iter(int, 1)):
            if item == 0:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        consume()


def test_nothing_is_produced_before_it_is_asked_for():
    made = []
    items = prefetch(made.append(i) for i in range(3))
    assert made == []
    list(items)
    assert len(made) == 3


def test_a_producer_that_holds_a_file_lets_it_go_when_the_consumer_stops():
    """A clip's reader is closed in the end, so that its file can be deleted on Windows."""
    closed = threading.Event()

    def produce():
        try:
            yield from range(1000)
        finally:
            closed.set()

    for _ in prefetch(produce()):
        break
    assert closed.wait(10)
