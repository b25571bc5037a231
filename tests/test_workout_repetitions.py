"""Counting: the gym's true joints seen with an estimator's errors, cut clips, odd rates, and nobody."""

from dataclasses import replace

import numpy as np
import pytest

from workoutlib.gym.skeletons import draw_view, estimate, perform
from workoutlib.labels import LABELS
from workoutlib.pose.sequence import PoseSequence
from workoutlib.workout import count_repetitions
from workoutlib.workout.repetitions import find_extremes, smooth_and_find
from workoutlib.workout.signals import MOVEMENTS, Signal, cut, movement_signal
from workoutlib.workout.workout import count

MOVING = [label for label in LABELS if label != "plank"]


def rhythm(repetitions, seconds=3.0, rate=30.0, rest=0.6):
    """Times and phase of whole repetitions with a rest before and after, and the times of the turns."""
    times = np.arange(0, repetitions * seconds + 2 * rest, 1 / rate)
    clock = np.clip((times - rest) / seconds, 0, repetitions)
    phase = 0.5 - 0.5 * np.cos(2 * np.pi * clock)
    return times, phase, rest + seconds * (np.arange(repetitions) + 0.5)


def see(label, times, phase=None, *, seed=0, fault=None, noise=1.0, view=None):
    rng = np.random.default_rng([seed, LABELS.index(label)])
    view = draw_view(label, rng) if view is None else view
    seen = estimate(perform(label, seed, times, phase=phase, fault=fault), rng, view, noise)
    return PoseSequence(**vars(seen))


def nobody(times):
    shape = (len(times), 33, 3)
    missing = np.full(shape, np.nan)
    return PoseSequence(times, missing, missing, np.zeros(shape[:2]), np.zeros(len(times)))


def test_every_label_has_a_movement():
    assert tuple(MOVEMENTS) == LABELS


@pytest.mark.parametrize("label", MOVING)
def test_whole_repetitions_are_counted_and_their_turns_found(label):
    times, phase, turns = rhythm(5)
    found = count_repetitions(see(label, times, phase), label)
    assert count(found) == 5
    assert all(r.complete for r in found[1:-1])
    assert np.abs(np.array([r.turn for r in found]) - turns).max() < 0.3
    assert np.median(np.abs(np.array([r.turn for r in found]) - turns)) < 0.15


@pytest.mark.parametrize("label", ["squat", "push up", "deadlift"])
def test_numbers_of_a_repetition(label):
    times, phase, _ = rhythm(4)
    found = count_repetitions(see(label, times, phase, noise=0.0, view=(70, 8)), label)
    for r in found:
        assert r.start < r.turn < r.end
        assert r.seconds_out + r.pause + r.seconds_back == pytest.approx(r.end - r.start, abs=1e-6)
        assert 2.0 < r.end - r.start < 3.2
        assert r.share_of_best > 0.97
        assert abs(r.left_right_difference) < 3 or np.isnan(r.left_right_difference)
    assert found[0].range_of_motion == pytest.approx({"squat": 115, "push up": 102, "deadlift": 120}[label], abs=12)


def test_a_slow_way_back_is_told_apart():
    times = np.arange(0, 16, 1 / 30)
    share = (times / 4) % 1
    phase = np.where(share < 0.25, np.sin(2 * np.pi * share) ** 2, np.cos(np.pi / 2 * (share - 0.25) / 0.75) ** 2)
    found = [r for r in count_repetitions(see("squat", times, phase, noise=0.5), "squat") if r.complete]
    assert len(found) >= 2
    assert all(r.seconds_back > 1.8 * r.seconds_out for r in found)


@pytest.mark.parametrize("rate", [8.0, 60.0, 240.0])
def test_any_frame_rate(rate):
    times, phase, _ = rhythm(3, rate=rate)
    assert count(count_repetitions(see("squat", times, phase), "squat")) == 3


def test_slow_motion_and_variable_frame_rate():
    times, phase, _ = rhythm(3, seconds=20.0, rate=15.0)
    assert count(count_repetitions(see("pull up", times, phase), "pull up")) == 3
    times, phase, turns = rhythm(4)
    kept = np.sort(np.random.default_rng(1).choice(len(times), len(times) // 2, replace=False))
    found = count_repetitions(see("pull up", times[kept], phase[kept], noise=0.5), "pull up")
    assert count(found) == 4
    assert np.abs([r.turn - turn for r, turn in zip(found, turns, strict=True)]).max() < 0.2


def test_a_loop_of_one_repetition_counts_as_one_wherever_it_is_cut():
    times = np.arange(0, 2.0, 1 / 15)
    for shift in (0.0, 0.25, 0.5, 0.75):
        phase = 0.5 - 0.5 * np.cos(2 * np.pi * (times / 2.0 + shift))
        assert count(count_repetitions(see("squat", times, phase, noise=0.3), "squat")) == 1, shift


@pytest.mark.parametrize("label", ["lat pulldown", "lateral raises", "pull up", "push up", "tricep dips"])
def test_a_set_that_begins_and_ends_at_its_resting_level_is_whole(label):
    lasting = np.arange(0, 30.0, 1 / 25)
    for seed in range(4):
        performed = perform(label, seed, lasting)
        shown = (performed.repetition > 1) & (performed.repetition <= 6)
        rng = np.random.default_rng(seed)
        seen = PoseSequence(**vars(estimate(performed, rng, draw_view(label, rng)))).select(shown)
        assert count(count_repetitions(seen, label)) == 5, seed


def test_a_clip_that_is_cut_at_one_end_alone_is_no_whole_set():
    times, phase, _ = rhythm(5, rest=0.0)
    whole = see("push up", times, phase, noise=0.3)
    found = count_repetitions(cut(whole, 0.45, 15.0), "push up")
    assert not found[0].complete
    assert count(found) == 5


def test_what_the_clip_cuts_is_told_apart():
    times, phase, _ = rhythm(5, rest=0.0)
    whole = see("push up", times, phase, noise=0.3)
    found = count_repetitions(cut(whole, 0.8, 13.4), "push up")
    assert [r.complete for r in found] == [False, True, True, True, False]
    assert count(found) == 4
    assert np.isnan(found[0].seconds_out)
    assert np.isnan(found[-1].seconds_back)


def test_half_a_second_nobody_and_standing_still():
    assert count(count_repetitions(see("squat", np.arange(0, 0.5, 1 / 30)), "squat")) <= 1
    assert count_repetitions(nobody(np.arange(0, 5, 1 / 30)), "squat") == []
    assert count_repetitions(nobody(np.empty(0)), "squat") == []
    still = see("squat", np.arange(0, 5, 1 / 30), np.zeros(150), noise=0.2)
    assert count_repetitions(still, "squat") == []


def test_half_out_of_frame():
    times, phase, _ = rhythm(4)
    seen = see("squat", times, phase, view=(40, 8))
    visibility = seen.visibility.copy()
    visibility[:, 25:] = 0.02  # knees and feet below the picture's edge
    landmarks, world = seen.landmarks.copy(), seen.world.copy()
    landmarks[:, 25:] = world[:, 25:] = 0.0
    assert count_repetitions(replace(seen, landmarks=landmarks, world=world, visibility=visibility), "squat") == []
    visibility = seen.visibility.copy()
    visibility[:, 12:33:2] = 0.02  # the right side behind a rack
    assert count(count_repetitions(replace(seen, visibility=visibility), "squat")) == 4


def test_a_gap_without_the_person_does_not_lose_count():
    times, phase, _ = rhythm(4)
    seen = see("pull up", times, phase, noise=0.5)
    for values in (seen.landmarks, seen.world):
        values[100:112] = np.nan
    assert count(count_repetitions(seen, "pull up")) == 4


def test_trembling_at_the_turn_is_not_counted():
    values = np.concatenate([np.linspace(0, 1, 30), 1 + 0.2 * np.sin(np.arange(60)), np.linspace(1, 0, 30)])
    assert [kind for _, kind in find_extremes(values, 0.4)] == [-1, 1, -1]
    assert len(find_extremes(values, 0.2)) > 3
    assert find_extremes(np.zeros(10), 0.4) == []


@pytest.mark.parametrize(("size", "uneven", "turns"), [(0.13, 0.0, 4), (0.13, 0.6, 0), (0.07, 0.0, 0), (0.3, 0.6, 4)])
def test_a_small_movement_is_counted_where_it_repeats_evenly(size, uneven, turns):
    times, phase, _ = rhythm(4)
    depth = np.where((times > 3.6) & (times < 6.6), 1 - uneven, 1.0)
    _, extremes, _ = smooth_and_find(Signal(times, size * depth * phase), hysteresis=0.3)
    assert sum(kind > 0 for _, kind in extremes) == turns


def test_a_small_movement_that_is_seen_once_is_not_counted():
    times, phase, _ = rhythm(1)
    assert smooth_and_find(Signal(times, 0.13 * phase))[1] == []


def test_the_hidden_side_is_left_out_of_the_signal():
    times, phase, _ = rhythm(3)
    seen = see("barbell biceps curl", times, phase, view=(0, 8))
    visibility = seen.visibility.copy()
    visibility[:, [12, 14, 16]] = 0.05
    signal = movement_signal(replace(seen, visibility=visibility), "barbell biceps curl")
    assert signal.sources
    assert not any("right" in source for source in signal.sources)
