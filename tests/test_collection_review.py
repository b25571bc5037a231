"""The queue of what a person should look at: its order, answers, skips, undo."""

import pytest
from helpers.waiting import make_waiting

from workoutlib.collection.review import ReviewQueue, review_order
from workoutlib.data.annotations import Annotations
from workoutlib.utils.errors import WorkoutlibError


@pytest.fixture
def queue(tmp_path) -> ReviewQueue:
    return ReviewQueue(make_waiting(tmp_path))


def stored(queue: ReviewQueue) -> list[tuple]:
    """What stands on the disk: label and status of each row."""
    return list(Annotations(queue.annotations.root).table[["label", "status"]].itertuples(index=False, name=None))


def test_least_sure_first_then_what_differs(queue):
    assert review_order(queue.annotations) == queue.order == [1, 0, 2]


def test_every_answer_is_stored_at_once_and_taken_back_one_by_one(queue):
    before = stored(queue)
    assert queue.current == 1 and queue.guesses() == ["squat", "plank", "push up"]
    assert queue.about() == "2.mp4, squat 30%"
    queue.decide("plank")
    assert stored(queue)[1] == ("plank", "confirmed") and (queue.current, queue.place) == (0, 1)
    queue.skip()
    assert stored(queue)[0] == before[0] and (queue.current, queue.skipped) == (2, 1)
    queue.decide(None)
    assert stored(queue)[2] == ("squat", "rejected")
    assert queue.current is None and queue.guesses() == queue.pictures(4) == [] and queue.about() == ""
    queue.decide("plank")
    queue.skip()
    assert queue.place == 3  # at the end nothing happens
    for current in (2, 0, 1):
        queue.undo()
        assert queue.current == current
    queue.undo()
    assert stored(queue) == before and (queue.place, queue.skipped, queue.can_undo) == (0, 0, False)


def test_what_was_skipped_comes_the_next_time_and_what_was_answered_does_not(queue):
    queue.skip()
    queue.decide("plank")
    assert sorted(ReviewQueue(queue.annotations.root).order) == [1, 2]


def test_an_answer_for_another_clip_is_refused(queue):
    queue.require(1)
    for number in (0, 99, None):
        with pytest.raises(WorkoutlibError, match="not shown any more"):
            queue.require(number)


def test_a_label_that_leads_out_of_the_folder_changes_nothing(queue):
    before = stored(queue)
    with pytest.raises(WorkoutlibError, match="lead out"):
        queue.decide("../plank")
    assert stored(queue) == before and queue.place == 0 and not queue.can_undo
