"""Text on a frame: as large as the picture lets it be, smaller and then cut where there is no room."""

import numpy as np
import pytest

from workoutlib.media.lettering import ENDLESS, SMALLEST_TEXT, WHITE, Row, fit, put, text_size


@pytest.mark.parametrize(("size", "capital"), [((120, 160), 9), ((540, 960), 24), ((12, 400), 3), ((1, 1), 1)])
def test_capitals_grow_with_the_picture(size, capital):
    assert text_size(np.zeros((*size, 3), np.uint8)) == capital


def test_a_text_shrinks_to_what_can_be_read_and_is_then_cut():
    whole = fit("romanian deadlift", 24, ENDLESS)
    smaller = fit("romanian deadlift", 24, whole.width // 2)
    assert smaller.text == whole.text and smaller.width <= whole.width // 2 and smaller.scale < whole.scale
    cut = fit("romanian deadlift", 24, 40)
    assert cut.text.endswith("...") and whole.text.startswith(cut.text[:-3]) and 0 < cut.width <= 40
    assert cut.scale == pytest.approx(fit("x", SMALLEST_TEXT, ENDLESS).scale)
    assert fit("romanian deadlift", 24, 1).text == ""


def test_letters_that_opencv_has_not_are_written_without_accents_or_as_question_marks():
    assert fit("Übung é 深蹲 ½", 24, ENDLESS).text == "Ubung e ?? 1?2"


def test_capitals_stand_between_the_upper_edge_and_the_row_below():
    area = np.zeros((40, 200, 3), np.uint8)
    put(area, fit("H", 20, ENDLESS), 5, Row("H", None, 20, WHITE, WHITE))
    rows, columns = np.nonzero(area.any(-1))
    assert rows.min() <= 2 and 18 <= rows.max() <= 22 and columns.min() >= 5


def test_texts_are_measured_once():
    fit.cache_clear()
    for _ in range(20):
        fit("squat", 24, 300)
    assert fit.cache_info().hits == 19
