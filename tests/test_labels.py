import pytest
from hypothesis import given
from hypothesis import strategies as st

from workoutlib.labels import LABELS, canonical_label, label_of_file
from workoutlib.utils.errors import WorkoutlibError


def test_the_22_names_are_in_alphabetical_order():
    assert len(LABELS) == len(set(LABELS)) == 22
    assert list(LABELS) == sorted(LABELS)


@pytest.mark.parametrize(
    ("spelling", "label"),
    [
        ("lateral raise", "lateral raises"),
        ("pull Up", "pull up"),
        ("push-up", "push up"),
        ("tricep Pushdown", "tricep pushdown"),
        ("barbell_bicep_curl", "barbell biceps curl"),
        ("Leg_Raise", "leg raises"),
        ("T-Bar Rows", "t bar row"),
        ("bench presses", "bench press"),
        ("PullUps", "pull up"),
        ("triceps dip", "tricep dips"),
        ("dbp", "decline bench press"),
    ],
)
def test_spellings_seen_in_the_wild(spelling, label):
    assert canonical_label(spelling) == label


def test_no_two_labels_share_a_spelling():
    assert [canonical_label(label) for label in LABELS] == list(LABELS)


@pytest.mark.parametrize(("typo", "near"), [("bech press", "bench press"), ("squatt", "squat")])
def test_an_unknown_name_lists_the_near_ones(typo, near):
    with pytest.raises(WorkoutlibError, match=near):
        canonical_label(typo)


@pytest.mark.parametrize("name", ["", "_", "日本", "press", "curl"])
def test_what_names_no_exercise_is_refused(name):
    with pytest.raises(WorkoutlibError, match="none of the 22"):
        canonical_label(name)


@given(st.sampled_from(LABELS), st.sampled_from([" ", "_", "-", "  ", ""]), st.data())
def test_case_separators_and_plurals_do_not_matter(label, separator, data):
    words = [
        data.draw(st.sampled_from([word, word.upper(), word.title()]))
        + data.draw(st.sampled_from(["", "" if word.endswith("s") else "s"]))
        for word in label.split()
    ]
    if separator == "":  # without separators a plural inside can no longer be told
        words = label.split()
    spelling = separator.join(words)
    assert canonical_label(spelling) == label
    assert canonical_label(canonical_label(spelling)) == label


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("barbell_bicep_curl.jpg", "barbell biceps curl"),
        ("folder/push_up.mp4", "push up"),
        ("bench press_3900491.jpg", "bench press"),
        ("cfm_1700011.jpg", "chest fly machine"),
        ("dbp_g3.JPG", "decline bench press"),
        ("squat (2).jpeg", "squat"),
        ("plank", "plank"),
        ("9.mp4", None),
        ("demo_2.mp4", None),
        ("holiday.jpg", None),
    ],
)
def test_files_named_after_their_exercise(path, label):
    assert label_of_file(path) == label


@given(st.text(max_size=30))
def test_any_file_name_gives_a_label_or_none(name):
    assert label_of_file(name) in (*LABELS, None)


@given(st.sampled_from(LABELS), st.integers(1, 999), st.integers(1, 99_999))
def test_names_of_the_data_set_round_trip(label, video, frame):
    assert label_of_file(f"{label}_{video}{frame:05d}.jpg") == label
    assert label_of_file(f"{label}_g{video}.jpg") == label


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("bicep curl", "barbell biceps curl"),
        ("Biceps_Curls", "barbell biceps curl"),
        ("chest fly", "chest fly machine"),
        ("Chest Flyes", "chest fly machine"),
        ("RDL", "romanian deadlift"),
        ("overhead-press", "shoulder press"),
        ("dips", "tricep dips"),
        ("chestfly", "chest fly machine"),
    ],
)
def test_other_names_of_an_exercise(name, label):
    assert canonical_label(name) == label
    assert label_of_file(f"{name} 3.jpg") == label
