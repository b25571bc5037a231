"""The repetition panel: the slider changes the count and the picture."""

from test_workout_repetitions import rhythm, see

from workoutlib.notebook.panels import RepetitionPanel


def test_a_small_hysteresis_counts_every_tremble_and_the_default_the_truth():
    times, phase, turns = rhythm(6)
    panel = RepetitionPanel(see("squat", times, phase), "squat", tuple(turns))
    assert "6 repetitions counted; 6 turns in truth" in panel.status.value
    assert "<img" in panel.picture.value
    before = panel.picture.value
    panel.hysteresis.value = 0.02
    assert "6 repetitions counted" not in panel.status.value
    assert panel.picture.value != before
    panel.hysteresis.value = 0.4
    assert "6 repetitions counted" in panel.status.value


def test_without_truth_none_is_told():
    times, phase, _ = rhythm(2)
    assert "truth" not in RepetitionPanel(see("push up", times, phase), "push up").status.value
