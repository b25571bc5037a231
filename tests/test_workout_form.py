"""Form rules: the gym's faults are found, right form is left alone, and what cannot be seen is not judged."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_workout_repetitions import rhythm, see

from workoutlib.gym.exercises import EXERCISES
from workoutlib.labels import LABELS
from workoutlib.pose.tracking import PoseSequence
from workoutlib.workout import analyze_workout
from workoutlib.workout.form import judge_frames, view_angle
from workoutlib.workout.form_rules import RULES, rules_of

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
