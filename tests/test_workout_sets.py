"""Sets, rests and holds from labels over time; the plain form of a workout."""

import json

import numpy as np
import pytest
from test_workout_repetitions import nobody, rhythm, see

from workoutlib.pose.sequence import PoseSequence
from workoutlib.workout import Repetition, Set, Workout, analyze_workout, find_sets
from workoutlib.workout.sets import merge_segments, split_at_rests


def join(*parts):
    """One sequence of several; and where each begins and ends."""
    times, borders, clock = [], [], 0.0
    for part in parts:
        times.append(part.times + clock)
        borders.append((times[-1][0], times[-1][-1]))
        clock = times[-1][-1] + 1 / 30
    names = ("landmarks", "world", "visibility", "probability")
    return PoseSequence(
        np.concatenate(times), *(np.concatenate([getattr(p, n) for p in parts]) for n in names)
    ), borders


@pytest.fixture(scope="module")
def circuit():
    """Squats, a rest, push ups, a rest, curls."""
    counts = {"squat": 5, "push up": 4, "barbell biceps curl": 6}
    parts, labels = [], []
    for label, number in counts.items():
        times, phase, _ = rhythm(number, seconds=2.5)
        rest = np.arange(0, 5, 1 / 30)
        parts += [see(label, times, phase), see("squat", rest, np.zeros(len(rest)), view=(20, 8))]
        labels += [label, None]
    sequence, borders = join(*parts)
    return sequence, [(a, b, label) for (a, b), label in zip(borders, labels, strict=True)], counts


def test_three_exercises_with_rests_give_three_sets(circuit):
    sequence, segments, counts = circuit
    workout = Workout(find_sets(sequence, segments))
    assert {entry.label: entry.count for entry in workout.sets} == counts
    assert len(workout.rests) == 2
    assert all(end - start > 4 for start, end in workout.rests)


def test_labels_that_flicker_do_not_split_a_set(circuit):
    sequence, segments, counts = circuit
    start, end, label = segments[0]
    middle = 0.5 * (start + end)
    broken = [(start, middle, label), (middle, middle + 0.4, "deadlift"), (middle + 0.4, end, label), *segments[1:]]
    assert [entry.count for entry in find_sets(sequence, broken)] == list(counts.values())
    assert merge_segments([(3, 4, "a"), (0, 1, "a"), (1.2, 3, "a"), (4, 4, "b")]) == [(0, 4, "a")]


def test_two_sets_of_one_exercise_with_a_rest(circuit):
    times, phase, _ = rhythm(4, seconds=2.5)
    rest = np.arange(0, 8, 1 / 30)
    sequence, _ = join(
        see("squat", times, phase), see("squat", rest, np.zeros(len(rest))), see("squat", times, phase, seed=1)
    )
    sets = find_sets(sequence, [(0.0, sequence.times[-1], "squat")])
    assert [entry.count for entry in sets] == [4, 4]


def test_an_unknown_exercise_and_nobody_give_no_set(circuit):
    sequence = circuit[0]
    assert find_sets(sequence, [(0.0, 20.0, "burpee"), (20.0, 40.0, None)]) == []
    assert find_sets(nobody(np.arange(0, 5, 1 / 30)), [(0.0, 5.0, "squat"), (0.0, 5.0, "plank")]) == []
    assert analyze_workout(sequence, []).sets == []


def test_a_hold_is_timed():
    sequence = see("plank", np.arange(0, 12, 1 / 30))
    (entry,) = find_sets(sequence, [(0.0, 12.0, "plank")])
    assert entry.hold
    assert entry.count == 0
    assert entry.seconds == pytest.approx(12, abs=1)


def test_rests_are_longer_than_pauses():
    slow = [Repetition(start, start + 1, start + 2) for start in (0, 3, 6, 20, 23)]
    assert [len(group) for group in split_at_rests(slow)] == [3, 2]
    assert split_at_rests([]) == []


def test_table_and_dictionary():
    repetitions = tuple(
        Repetition(2.0 * k, 2.0 * k + 1, 2.0 * k + 2, k < 6, 1.0 + 0.1 * k, 0.0, 1.0, 90.0 - 3 * k, 1.0)
        for k in range(7)
    )
    workout = Workout([Set("squat", 0.0, 14.0, repetitions), Set("plank", 20.0, 50.0, hold=True)])
    table = workout.table()
    assert list(table["repetition"].fillna(0)) == [1, 2, 3, 4, 5, 6, 7, 0]
    assert table["end"].iloc[-1] == 50.0
    plain = json.loads(json.dumps(workout.to_dict(), allow_nan=False))
    first, second = plain["sets"]
    assert (first["label"], first["start"], first["end"], first["count"]) == ("squat", 0.0, 14.0, 7)
    wanted = {"start", "end", "range_of_motion", "seconds_out", "seconds_back", "faults"}
    assert wanted <= set(first["repetitions"][0])
    assert first["repetitions"][0]["left_right_difference"] is None
    assert (second["count"], second["hold"]) == (0, True)
    trend = workout.sets[0].trend()
    assert trend["range_of_motion"] == pytest.approx(76.5 / 88.5 - 1)
    assert trend["seconds_out"] > 0.3
    assert workout.sets[1].trend() == {}
    assert Workout([]).table().empty
