"""Getting into position is no repetition: weights picked up and put down, people who stand before and after a set."""

import numpy as np
import pytest
from test_workout_repetitions import rhythm, see
from test_workout_sets import join

from workoutlib.workout import Repetition, Set, count_repetitions, find_sets
from workoutlib.workout import signals as signals_module
from workoutlib.workout.preparation import drop_preparations, drop_single, joint_ranges
from workoutlib.workout.workout import count

VIEW = (50, 8)


def lift(way):
    """A bar lifted from the floor in 1.5 seconds, or put down again."""
    share = np.linspace(0, 1, 45)
    phase = 0.5 - 0.5 * np.cos(np.pi * (share if way == "up" else 1 - share))
    return see("deadlift", np.arange(45) / 30, phase, view=VIEW)


def stand(seconds):
    """Somebody who stands there with hanging arms."""
    times = np.arange(0, seconds, 1 / 30)
    return see("deadlift", times, np.ones(len(times)), view=VIEW)


def with_set_up(label, repetitions):
    """Stand, bend down, pick up, a set, put down, stand up; and when the set begins and ends."""
    times, phase, _ = rhythm(repetitions, seconds=2.5)
    parts = [
        stand(1),
        lift("down"),
        lift("up"),
        see(label, times, phase, view=VIEW),
        lift("down"),
        lift("up"),
        stand(1),
    ]
    sequence, borders = join(*parts)
    return sequence, borders[3]


@pytest.mark.parametrize("label", ["barbell biceps curl", "hammer curl", "lateral raises", "shoulder press"])
def test_a_weight_picked_up_and_put_down_is_not_counted(label):
    sequence, (start, end) = with_set_up(label, 5)
    (entry,) = find_sets(sequence, [(0.0, float(sequence.times[-1]), label)])
    assert entry.count == 5
    assert start - 1.5 < entry.start and entry.end < end + 1.5


def test_a_lift_that_was_recognised_is_no_set_beside_a_longer_one():
    sequence, (start, end) = with_set_up("barbell biceps curl", 4)
    last = float(sequence.times[-1])
    segments = [(0.0, start, "deadlift"), (start, end, "barbell biceps curl"), (end, last, "deadlift")]
    assert [(entry.label, entry.count) for entry in find_sets(sequence, segments)] == [("barbell biceps curl", 4)]


def test_a_posture_is_read_from_the_frames_around_it_alone(monkeypatch):
    """Else a set of many repetitions would cost the square of its length."""
    times, phase, _ = rhythm(20, seconds=2.0)
    sequence, lengths, visibility = see("squat", times, phase, view=VIEW), [], signals_module._visibility
    monkeypatch.setattr(
        signals_module, "_visibility", lambda part, *rest: lengths.append(len(part)) or visibility(part, *rest)
    )
    found = signals_module.posture(sequence, 7.0)
    near = signals_module.cut(sequence, 6.9, 7.1)
    assert lengths and max(lengths) <= len(near) + 1
    np.testing.assert_allclose(found, signals_module.postures(near).mean(0), atol=10)


@pytest.mark.parametrize("start, end, first, last", [(2.0, 4.0, 2, 4), (1.5, 4.5, 2, 4), (-np.inf, np.inf, 0, 9)])
def test_both_ends_belong_to_a_part(start, end, first, last):
    sequence = see("squat", np.arange(10.0), np.zeros(10), view=VIEW)
    assert signals_module.cut(sequence, start, end).times.tolist() == list(range(first, last + 1))


def test_a_single_lift_with_a_rest_after_it_is_a_set():
    times, phase, _ = rhythm(1, seconds=3.0)
    curls, swing, _ = rhythm(4, seconds=2.5)
    parts = [see("deadlift", times, phase, view=VIEW), stand(8), see("barbell biceps curl", curls, swing, view=VIEW)]
    sequence, borders = join(*parts)
    segments = [(*borders[0], "deadlift"), (*borders[1], None), (*borders[2], "barbell biceps curl")]
    found = find_sets(sequence, segments)
    assert [(entry.label, entry.count) for entry in found] == [("deadlift", 1), ("barbell biceps curl", 4)]


def test_one_more_of_the_same_movement_under_another_name_stays():
    times, phase, _ = rhythm(5, seconds=2.5)
    sequence = see("pull up", times, phase)
    found = count_repetitions(sequence, "pull up")
    sets = [Set("pull up", 0, found[3].end, tuple(found[:4])), Set("lat pulldown", found[4].start, 13, (found[4],))]
    assert drop_single(sets, sequence) == sets


def test_who_stands_with_the_bar_before_and_after_is_not_counted():
    """The first and the last high of the hip are those of somebody who waits."""
    times, phase, _ = rhythm(4, seconds=2.5)
    lowered = [lift("down"), see("deadlift", times, phase, view=VIEW), lift("up")]
    sequence, _ = join(stand(3), *lowered, stand(3))
    assert count(count_repetitions(sequence, "deadlift")) == 4
    sequence, _ = join(*lowered)  # a clip cut out of a set begins and ends at the top
    assert count(count_repetitions(sequence, "deadlift")) == 5


def test_arms_at_rest_between_sets_are_not_counted():
    """After the presses the arms hang, bend once, and hang again."""
    times, phase, _ = rhythm(5, seconds=2.5)
    rested = np.arange(0, 3, 1 / 30)
    bend = 0.5 - 0.5 * np.cos(2 * np.pi * rested / 3)
    parts = see("shoulder press", times, phase, view=VIEW), see("barbell biceps curl", rested, bend, view=VIEW)
    sequence, _ = join(*parts)
    (entry,) = find_sets(sequence, [(0.0, float(sequence.times[-1]), "shoulder press")])
    assert entry.count == 5 and entry.end < times[-1] + 0.5


def test_without_a_set_to_compare_with_nothing_is_dropped():
    sequence = see("squat", np.arange(90) / 30)
    single = [Repetition(0.0, 1.0, 2.0)]
    assert drop_preparations(single, sequence) == single and drop_preparations([], sequence) == []
    assert drop_single([Set("squat", 0.0, 2.0, tuple(single))], sequence)


def test_joints_that_are_not_seen_have_no_range():
    sequence = see("squat", np.arange(90) / 30)
    sequence.visibility[:, 25:] = 0.05
    ranges = joint_ranges(sequence, [Repetition(0.0, 1.0, 2.0), Repetition(7.0, 8.0, 9.0)])
    assert ranges.shape == (2, 5, 2) and np.isnan(ranges[0, 2:4]).all() and np.isfinite(ranges[0, [0, 1, 4]]).all()
    assert np.isnan(ranges[1]).all()  # a time that the clip does not have
