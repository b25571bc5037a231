"""Form rules: the gym's faults are found, right form is left alone, and what cannot be seen is not judged."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_workout_repetitions import rhythm, see

from workoutlib.gym.exercises import EXERCISES
from workoutlib.labels import LABELS
from workoutlib.pose.sequence import PoseSequence
from workoutlib.workout import analyze_workout
from workoutlib.workout.form import judge_frames, view_angle
from workoutlib.workout.form_rules import RULES, rules_of
from workoutlib.workout.measures import hand_level, hip_level
from workoutlib.workout.signals import cut

TABLES = Path(__file__).parents[2] / "shared" / "data" / "landmarks"
COLUMNS = {
    "nose": 0, "left_shoulder": 11, "right_shoulder": 12, "left_hip": 23, "right_hip": 24, "left_ankle": 27,
    "right_ankle": 28,
}  # fmt: skip


def middle_view(rule):
    """A camera from which the rule can be seen; the usual one of the exercise where any will do."""
    low, high = rule.views
    usual = EXERCISES[rule.exercises[0]].azimuth
    return (usual if (low, high) == (0, 90) else low + 0.6 * (high - low) if low else 0.3 * high, 8.0)


def faults_of(label, fault, seed=0, view=None, noise=0.5):
    times, phase, _ = rhythm(3)
    sequence = see(label, times, phase, seed=seed, fault=fault, view=view, noise=noise)
    (entry,) = analyze_workout(sequence, [(0.0, times[-1], label)]).sets
    return {found.name for found in entry.faults}


def test_every_exercise_has_a_rule_and_every_rule_a_source():
    assert {label for rule in RULES for label in rule.exercises} == set(LABELS)
    for rule in RULES:
        assert rule.source
        assert rule.hint.endswith(".")
        for label in rule.exercises:
            assert rule.fault in EXERCISES[label].faults + EXERCISES[label].staged_faults, (label, rule.fault)


@pytest.mark.parametrize("label", LABELS)
def test_faults_are_found_and_right_form_is_left_alone(label):
    for rule in rules_of(label):
        view = middle_view(rule)
        assert rule.fault in faults_of(label, rule.fault, view=view, noise=0.3), rule.fault
        assert rule.fault not in faults_of(label, None, view=view, noise=0.3), rule.fault


def test_what_cannot_be_seen_is_not_judged():
    assert "knees caving in" in faults_of("squat", "knees caving in", view=(5, 8))
    assert "knees caving in" not in faults_of("squat", "knees caving in", view=(88, 8))
    times = np.arange(0, 8, 1 / 30)
    sequence = see("plank", times, fault="sagging hips", view=(85, 8))
    visibility = sequence.visibility.copy()
    visibility[:, 27:29] = 0.1
    hidden = replace(sequence, visibility=visibility)
    (entry,) = analyze_workout(hidden, [(0.0, times[-1], "plank")]).sets
    assert entry.faults == ()


def test_what_is_hidden_at_the_turn_is_not_judged_there():
    """As shins are behind the plates of a bar while it is low: the estimator guesses them, and bends the knees."""
    times, phase, _ = rhythm(3)
    sequence = see("romanian deadlift", times, phase, fault="bent knees", view=(70, 8), noise=0.3)
    behind = np.where((phase > 0.8)[:, None], 0.6, sequence.visibility)
    for visibility, named in ((sequence.visibility, True), (behind, False)):
        seen = replace(sequence, visibility=visibility)
        (entry,) = analyze_workout(seen, [(0.0, times[-1], "romanian deadlift")]).sets
        assert any(fault.name == "bent knees" for fault in entry.faults) == named


def test_a_fault_names_value_hint_and_frame():
    times, phase, _ = rhythm(3)
    sequence = see("squat", times, phase, fault="shallow squat", view=(40, 8), noise=0.3)
    (entry,) = analyze_workout(sequence, [(0.0, times[-1], "squat")]).sets
    (fault,) = [found for found in entry.faults if found.name == "shallow squat"]
    assert 0.6 < fault.value < 0.9
    assert fault.unit == "leg lengths"
    assert "lower" in fault.hint
    assert entry.start < fault.time < entry.end
    assert all("shallow squat" in {f.name for f in r.faults} for r in entry.repetitions if r.complete)


def arm(upper, fore):
    """Landmarks (1, 33, 2) of two arms whose bones point that many degrees from straight down, in lengths of 1."""
    points = np.zeros((1, 33, 2))
    for joint, before, angle in ((13, 11, upper), (15, 13, fore)):
        for side in (0, 1):
            points[:, joint + side] = points[:, before + side] + [np.sin(np.radians(angle)), np.cos(np.radians(angle))]
    return points


@pytest.mark.parametrize(
    ("upper", "fore", "level"), [(0, 0, -1), (0, 90, -0.5), (90, 90, 0), (180, 180, 1), (90, 180, 0.5)]
)
def test_hand_level_is_told_in_arms(upper, fore, level):
    assert hand_level(7 * arm(upper, fore)) == pytest.approx(np.full((1, 2), level))


def test_hip_level_is_told_in_legs():
    points = np.zeros((1, 33, 2))
    points[:, 25:27] = (0.0, 3.0)
    points[:, 27:29] = (0.0, 6.0)
    assert hip_level(points) == pytest.approx(np.ones((1, 2)))
    points[:, 25:27], points[:, 27:29] = (3.0, 0.0), (3.0, 3.0)  # thighs level, shins upright
    assert hip_level(points) == pytest.approx(np.full((1, 2), 0.5))


def test_a_view_that_is_told_roughly_is_judged_so_far_beyond_the_limits_of_a_rule():
    assert "swinging" in faults_of("lateral raises", "swinging", view=(40, 8))  # to be seen from 45 degrees on
    assert "swinging" not in faults_of("lateral raises", "swinging", view=(10, 8))


@pytest.mark.parametrize("rate", [8.0, 240.0])
def test_form_at_any_frame_rate(rate):
    times, phase, _ = rhythm(3, rate=rate)
    for fault in (None, "half range"):
        sequence = see("push up", times, phase, fault=fault, noise=0.3)
        (entry,) = analyze_workout(sequence, [(0.0, times[-1], "push up")]).sets
        assert [found.name for found in entry.faults] == [fault] * bool(fault)
        assert len(entry.repetitions) == 3


def test_form_at_a_variable_frame_rate():
    times, phase, _ = rhythm(4)
    kept = np.sort(np.random.default_rng(2).choice(len(times), len(times) // 2, replace=False))
    sequence = see("pull up", times[kept], phase[kept], fault="half range", noise=0.3)
    (entry,) = analyze_workout(sequence, [(0.0, times[-1], "pull up")]).sets
    assert [found.name for found in entry.faults] == ["half range"]


def test_a_repetition_that_the_clip_cuts_is_judged_where_its_turn_is_seen():
    times = np.arange(0, 3, 1 / 30)
    phase = 0.5 - 0.5 * np.cos(2 * np.pi * times / 3)
    for first, last, judged in ((0.6, 2.4, True), (1.6, 2.9, False)):
        for fault in (None, "half range"):
            part = cut(see("pull up", times, phase, fault=fault, noise=0.0, view=(160, 8)), first, last)
            sets = analyze_workout(part, [(first, last, "pull up")]).sets
            assert not any(r.complete for entry in sets for r in entry.repetitions)
            names = {found.name for entry in sets for r in entry.repetitions for found in r.faults}
            assert names == ({fault} if fault and judged else set())


def test_half_a_second_and_half_a_person_have_no_faults():
    short = np.arange(0, 0.5, 1 / 30)
    for label in LABELS:
        moving = see(label, short, np.linspace(0, 1, len(short)), noise=0.3)
        for entry in analyze_workout(moving, [(0.0, 0.5, label)]).sets:
            assert entry.faults == (), label
    times, phase, _ = rhythm(3)
    seen = see("bench press", times, phase, fault="half range", noise=0.3)
    assert "half range" in {
        f.name for entry in analyze_workout(seen, [(0, 9, "bench press")]).sets for f in entry.faults
    }
    visibility = seen.visibility.copy()
    visibility[:, 13:23] = 0.02  # the arms are out of the picture
    unseen = replace(seen, visibility=visibility)
    assert not any(entry.faults for entry in analyze_workout(unseen, [(0, 9, "bench press")]).sets)


def test_view_angle():
    still = np.arange(0, 1, 1 / 30)
    for azimuth in (0, 30, 60, 90, 150):
        seen = see("squat", still, np.zeros(len(still)), view=(azimuth, 0), noise=0.0)
        assert view_angle(seen) == pytest.approx(min(azimuth, 180 - azimuth), abs=3)


def read_table(name, aspect):
    """A table of normalised landmarks as a sequence without world coordinates."""
    table = pd.read_csv(TABLES / name)
    landmarks = np.full((len(table), 33, 3), np.nan)
    for column, number in COLUMNS.items():
        if f"{column}_x" in table:
            landmarks[:, number] = table[[f"{column}_{axis}" for axis in "xyz"]].to_numpy() * [aspect, 1, aspect]
    visibility = np.isfinite(landmarks[..., 0]).astype(float)
    times = np.arange(len(table)) / 30
    return table["label"], PoseSequence(
        times, landmarks, np.full_like(landmarks, np.nan), visibility, np.ones(len(table))
    )


@pytest.mark.skipif(not TABLES.exists(), reason="the landmark tables are not beside the checkout")
@pytest.mark.parametrize("aspect", [1.0, 16 / 9])
def test_landmark_tables_of_right_and_faulty_form(aspect):
    labels, sequence = read_table("plank_model_test.csv", aspect)
    names = {(): "C", ("sagging hips",): "L", ("high hips",): "H"}
    assert np.mean([names[found] for found in judge_frames(sequence, "plank")] == labels) >= 0.90
    labels, sequence = read_table("bicep_model_test.csv", aspect)
    leaning = ["L" if found else "C" for found in judge_frames(sequence, "barbell biceps curl")]
    assert np.mean(np.array(leaning) == labels) >= 0.85


def test_the_documented_table_has_every_rule_and_no_other():
    text = (Path(__file__).parents[1] / "docs" / "command_line.md").read_text(encoding="utf-8")
    section = text.split("### Hints on form")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:5]] for line in section.splitlines() if line.startswith("| ")]
    listed = {(exercise, row[1]) for row in rows[2:] for exercise in row[0].split(", ")}
    assert listed == {(label, rule.fault) for rule in RULES for label in rule.exercises}
    views = {(row[0].split(", ")[0], row[1]): row[3] for row in rows[2:]}
    for rule in RULES:
        seen = views[rule.exercises[0], rule.fault]
        assert ("anywhere" in seen) == (rule.views == (0, 90))
        assert ("front" in seen) == (rule.views[0] == 0 and rule.views[1] < 90)
        assert ("side" in seen) == (rule.views[0] > 0)
