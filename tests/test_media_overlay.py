"""The overlay: drawn on a copy, inside the picture, readable, in stable colours."""

import colorsys
from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workoutlib.labels import LABELS
from workoutlib.media.overlay import OKABE_ITO, UNKNOWN, colour_of, draw_label, draw_timeline
from workoutlib.utils.errors import WorkoutlibError

SIZES = [(120, 160), (360, 480), (540, 960), (720, 1280), (640, 360), (2160, 3840)]  # height, width


def grey(height: int, width: int, value: int = 128) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def changed(before: np.ndarray, after: np.ndarray) -> tuple[int, int, int, int]:
    """(top, bottom, left, right) of the pixels that differ."""
    rows, columns = np.nonzero((before != after).any(axis=2))
    return rows.min(), rows.max() + 1, columns.min(), columns.max() + 1


def texts_drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, int]]:
    """Record every (text, right end, width of the area) that is handed to OpenCV."""
    drawn = []
    put = cv2.putText

    def record(area: np.ndarray, text: str, origin: tuple, font: int, scale: float, *rest: object) -> object:
        width = cv2.getTextSize(text, font, scale, rest[1])[0][0]
        drawn.append((text, origin[0] + width, area.shape[1]))
        return put(area, text, origin, font, scale, *rest)

    monkeypatch.setattr(cv2, "putText", record)
    return drawn


@pytest.mark.parametrize("size", SIZES)
def test_panel_is_readable_and_inside_at_every_size(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = texts_drawn(monkeypatch)
    frame = grey(*size)
    top3 = [("barbell biceps curl", 0.87), ("romanian deadlift", 0.08), ("squat", 0.02)]
    labelled = draw_label(frame, "barbell biceps curl", 0.87, time=62.58, top3=top3)
    assert (frame == 128).all() and labelled.shape == frame.shape and labelled.dtype == np.uint8
    top, bottom, left, right = changed(frame, labelled)
    assert top > 0 and left > 0 and bottom < 0.75 * size[0] and right < size[1]
    assert [text for text, *_ in drawn] == [
        "barbell biceps curl",
        "87%",
        "romanian deadlift",
        "8%",
        "squat",
        "2%",
        "1:02.5",
    ]
    assert all(end <= width for _, end, width in drawn)
    assert (labelled >= 240).all(axis=2).any()  # letters stand out against the darkened panel
    assert labelled[bottom - 1, right - 1].max() < 60


@pytest.mark.parametrize(
    ("seconds", "written"), [(0, "0:00.0"), (0.1 + 0.2, "0:00.3"), (59.99, "0:59.9"), (3600, "60:00.0")]
)
def test_the_time_in_the_clip(seconds: float, written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = texts_drawn(monkeypatch)
    draw_label(grey(360, 480), "plank", 0.5, time=seconds)
    assert drawn[-1][0] == written


def test_text_grows_with_the_picture() -> None:
    heights = []
    for height, width in ((120, 160), (540, 960), (2160, 3840)):
        top, bottom, *_ = changed(grey(height, width), draw_label(grey(height, width), "plank", 0.5))
        heights.append(bottom - top)
    assert heights[0] >= 15 and heights[1] > 1.8 * heights[0] and heights[2] > 3 * heights[1]


def test_bar_is_as_long_as_the_confidence() -> None:
    colour = colour_of("squat")
    lengths = []
    for confidence in (0.0, 0.25, 0.5, 1.0):
        labelled = draw_label(grey(540, 960), "squat", confidence)
        lengths.append(int((labelled == colour).all(axis=2).sum(axis=1).max()))
    stripe = lengths[0]
    full = lengths[3] - stripe
    assert full > 100
    assert [length - stripe for length in lengths] == pytest.approx([0, full / 4, full / 2, full], abs=2)


def test_unknown_is_grey() -> None:
    labelled = draw_label(grey(540, 960, 0), UNKNOWN, 0.4, time=25)
    spread = labelled.max(axis=2).astype(int) - labelled.min(axis=2)
    assert labelled.max() < 230 and spread.max() == 0
    assert draw_label(grey(540, 960, 0), "squat", 0.4).max() == 255


def test_the_panel_keeps_its_width_while_the_confidence_changes() -> None:
    rights = {changed(grey(360, 480), draw_label(grey(360, 480), "plank", c))[3] for c in (0.01, 0.5, 1.0)}
    assert len(rights) == 1


@pytest.mark.parametrize(
    ("label", "written"),
    [("Übung", "Ubung"), ("スクワット", "?????"), ("a\nb\x1b", "a?b?"), ("\udcff", "?"), ("", None)],
)
def test_labels_outside_ascii(label: str, written: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = texts_drawn(monkeypatch)
    draw_label(grey(360, 480), label, 0.5)
    assert (drawn[0][0] if written else len(drawn)) == (written or 1)


def test_a_long_label_shrinks_and_is_cut_inside_the_panel(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = texts_drawn(monkeypatch)
    draw_label(grey(120, 160), "incline dumbbell bench press with a pause at the chest", 0.5)
    text, end, width = drawn[0]
    assert text.startswith("incline") and text.endswith("...") and end <= width


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.text(max_size=40), st.floats(0, 1))
def test_any_size_and_label_can_be_drawn(height: int, width: int, label: str, confidence: float) -> None:
    frame = grey(height, width)
    top3 = [(label, confidence), ("squat", 0.1), ("plank", 0.0)]
    labelled = draw_label(frame, label, confidence, time=1e6, top3=top3)
    lined = draw_timeline(frame, [(0, 1, label, confidence)], 0.5, 2)
    assert labelled.shape == lined.shape == frame.shape and (frame == 128).all()


@pytest.mark.parametrize("size", SIZES)
def test_timeline_shows_segments_and_cursor(size: tuple[int, int]) -> None:
    height, width = size
    frame = grey(height, width)
    lined = draw_timeline(frame, [(0, 4, "squat", 1.0), (4, 10, UNKNOWN, 1.0)], 7, 10)
    top, bottom, left, right = changed(frame, lined)
    assert top > 0.85 * height and left > 0 and right < width and bottom <= height
    row = lined[int((top + bottom) / 2)]
    assert tuple(row[int(width * 0.2)]) == colour_of("squat")
    assert tuple(row[int(width * 0.55)]) == colour_of(UNKNOWN)
    white = np.nonzero((row == 255).all(axis=1))[0]
    assert white.mean() / width == pytest.approx(0.7, abs=0.04)


def test_timeline_cuts_what_lies_outside_and_greys_doubt() -> None:
    frame = grey(360, 480)
    outside = draw_timeline(frame, [(-5, -1, "squat", 1.0), (12, 99, "squat", 1.0)], 50, 10)
    assert (outside == draw_timeline(frame, [], 10, 10)).all()
    assert (draw_timeline(frame, [(0, 0, "squat", 1.0)], 0, 0) == draw_timeline(frame, [], 0, 10)).all()
    sure, unsure = (draw_timeline(frame, [(0, 10, "squat", c)], 0, 10)[349, 240].astype(int) for c in (1.0, 0.1))
    assert np.ptp(unsure) < np.ptp(sure)


@pytest.mark.parametrize("confidence", [float("nan"), -0.5, 1.5, float("inf")])
def test_no_probability_is_an_error(confidence: float) -> None:
    with pytest.raises(WorkoutlibError, match=r"0\.\.1"):
        draw_label(grey(120, 160), "squat", confidence)
    with pytest.raises(WorkoutlibError, match=r"0\.\.1"):
        draw_timeline(grey(120, 160), [(0, 1, "squat", confidence)], 0, 1)


def test_colours_are_stable_and_of_the_palette() -> None:
    assert [colour_of(label) for label in LABELS[:7]] == list(OKABE_ITO)
    assert colour_of("an exercise of my own") == colour_of("an exercise of my own")
    assert len({colour_of(label) for label in LABELS}) == len(LABELS)
    hues = [round(colorsys.rgb_to_hls(*colour_of(label))[0], 1) for label in LABELS]
    assert all(first != second for first, second in pairwise(hues))
    assert max(colour_of(UNKNOWN)) == min(colour_of(UNKNOWN))
    assert colour_of("unknown, perhaps squat") == colour_of(UNKNOWN) != colour_of("unknown class")
