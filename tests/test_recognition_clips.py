"""A clip's logits over time: smoothed, cut into segments without gaps, put into words."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from workoutlib.media.overlay import UNKNOWN
from workoutlib.media.video_writer import ClipWriter
from workoutlib.recognition.clips import ClipPrediction, LogitReader, look_at, spread, usual_stride
from workoutlib.workout import Set


def test_words_for_logits():
    reader = LogitReader(("a", "b", "c"), temperature=2.0, unknown_threshold=1.5)
    logits = np.array([0.0, 2.0, 1.0], np.float32)
    found = reader.read_logits(logits)
    expected = softmax(logits / 2.0)
    assert (found.label, found.known, found.shown) == ("b", True, "b")
    assert found.confidence == pytest.approx(expected[1])
    assert [label for label, _ in found.top3] == ["b", "c", "a"]
    assert [share for _, share in found.top3] == pytest.approx(sorted(expected, reverse=True))
    unsure = reader.read_logits(logits - 1)
    assert (unsure.label, unsure.known, unsure.shown) == ("b", False, UNKNOWN)


@pytest.mark.parametrize(("rate", "stride"), [(1, 1), (12, 1), (25, 2), (30, 2), (60, 4), (120, 8)])
def test_the_usual_stride_looks_at_about_fifteen_frames_a_second(tmp_path, rate, stride):
    with ClipWriter(tmp_path / "x.mp4", 32, 32, rate) as writer:
        for number in range(4):
            writer.write(np.zeros((32, 32, 3), np.uint8), number / rate)
    assert usual_stride(tmp_path / "x.mp4") == stride


def made_clip(logits, *, times=None, duration=None, threshold=None, labels=("a", "b")) -> ClipPrediction:
    logits = np.asarray(logits, np.float32)
    times = np.arange(len(logits)) / 10 if times is None else np.asarray(times, float)
    reader = LogitReader(labels, unknown_threshold=threshold)
    return ClipPrediction(Path("x.mp4"), times, logits, duration or times[-1] + 0.1, 10.0, reader)


def test_smoothing_switched_off_leaves_the_logits():
    logits = np.random.default_rng(0).normal(size=(50, 2))
    found = made_clip(logits)
    np.testing.assert_allclose(found.smoothed(0), found.logits, atol=1e-5)
    assert found.frames(0)["label"].tolist() == [("a", "b")[i] for i in found.logits.argmax(1)]


def test_smoothing_is_the_mean_over_a_centred_window():
    rng = np.random.default_rng(1)
    times = np.cumsum(rng.uniform(0.02, 0.3, 40))
    found = made_clip(rng.normal(size=(40, 2)), times=times)
    for seconds in (0.1, 0.5, 2.0, 100.0):
        expected = [found.logits[np.abs(times - t) <= seconds / 2].mean(0) for t in times]
        np.testing.assert_allclose(found.smoothed(seconds), expected, atol=1e-5)


def test_smoothing_removes_a_flicker():
    logits = np.tile([2.0, 0.0], (30, 1))
    logits[12] = [0.0, 3.0]
    found = made_clip(logits)
    assert (found.frames(0)["label"] == "b").sum() == 1
    assert (found.frames()["label"] == "a").all()


@given(
    st.lists(st.tuples(st.floats(0.01, 1), st.floats(-5, 5), st.floats(-5, 5)), min_size=1, max_size=40),
    st.floats(0, 3),
    st.floats(0, 2),
    st.floats(0, 1),
)
def test_segments_cover_the_whole_clip_without_gaps(frames, smoothing, shortest, confidence):
    steps, *logits = (np.array(column) for column in zip(*frames, strict=True))
    times = np.concatenate([[0.0], np.cumsum(steps)[:-1]])
    found = made_clip(np.stack(logits, 1), times=times, duration=float(steps.sum()), threshold=0.0)
    table = found.segments(smoothing, shortest, confidence)
    assert table["start"].iloc[0] == 0 and table["end"].iloc[-1] == pytest.approx(found.duration)
    assert table["start"].iloc[1:].tolist() == table["end"].iloc[:-1].tolist()
    assert (table["end"] > table["start"]).all() and table["confidence"].between(0, 1).all()
    assert (table["label"].iloc[1:].to_numpy() != table["label"].iloc[:-1].to_numpy()).all()
    assert len(table) == 1 or (table["end"] - table["start"]).min() >= shortest
    assert set(table["label"]) <= {"a", "b", UNKNOWN}


def test_short_segments_go_to_the_longer_neighbour():
    logits = np.zeros((40, 2))
    logits[:20, 0], logits[20:23, 1], logits[23:, 0] = 3, 3, 3
    logits[30:, 0], logits[30:, 1] = 0, 3
    found = made_clip(logits)
    assert found.segments(0, 0)["label"].tolist() == ["a", "b", "a", "b"]
    table = found.segments(0, 0.5)
    assert table["label"].tolist() == ["a", "b"] and table["start"].tolist() == [0.0, pytest.approx(3.0)]


def test_unsure_stretches_are_unknown():
    logits = np.zeros((40, 2))
    logits[:20] = [5, 0]
    logits[20:] = [0.2, 0]
    found = made_clip(logits, threshold=1.0)
    assert found.segments(0)["label"].tolist() == ["a", UNKNOWN]
    assert found.frames(0)["known"].tolist() == [True] * 20 + [False] * 20
    assert made_clip(logits).segments(0, confidence=0.9)["label"].tolist() == ["a", UNKNOWN]
    assert made_clip(logits).segments(0)["label"].tolist() == ["a"]


def test_a_clip_as_a_whole_is_the_mean_of_its_logits():
    found = made_clip([[3.0, 0.0]] * 3 + [[0.0, 1.0]] * 4)
    assert found.overall.label == "a" and found.overall.confidence == pytest.approx(softmax([9 / 7, 4 / 7])[0])


def test_classes_may_be_called_like_columns():
    found = made_clip(np.eye(2), labels=("time", "label"))
    table = found.frames(0)
    assert table["label"].tolist() == ["time", "label"] and table["time"].tolist() == [0.0, 0.1]
    assert len(found.segments(0, 0)) == 2


class Everybody:
    """A tracker that sees the same in every frame."""

    def follow(self, frames):
        return ((*frame, "a pose") for frame in frames)


@pytest.mark.parametrize(("rate", "every"), [(30, 6), (29.97, 6), (25, 5), (10, 2), (5, 1), (2, 1)])
def test_beside_poses_the_picture_model_sees_five_frames_a_second(rate, every):
    frames = [(number / rate, np.full((2, 2, 3), number, np.uint8)) for number in range(20)]
    seen = list(look_at(frames, Everybody(), lambda frame, pose: frame[0, 0, 0]))
    assert [time for time, _, _ in seen] == [time for time, _ in frames]
    assert [square for _, square, _ in seen] == [None if number % every else number for number in range(20)]
    assert {pose for _, _, pose in seen} == {"a pose"}


def test_without_poses_the_picture_model_sees_every_frame():
    frames = [(number / 30, np.full((2, 2, 3), number, np.uint8)) for number in range(9)]
    assert [square[0, 0, 0] for _, square, _ in look_at(frames, None, lambda frame, pose: frame)] == list(range(9))


def test_between_the_frames_seen_logits_are_linear():
    logits = np.array([[0, 4], [2, 0], [8, 1]], np.float32)
    found = spread(logits, [0.0, 0.2, 0.3], [0.0, 0.1, 0.2, 0.25, 0.3, 0.4])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[0, 4], [1, 2], [2, 0], [5, 0.5], [8, 1], [8, 1]], atol=1e-6)


def test_within_a_set_segments_say_the_sets_name():
    """Frames flicker between two labels every second; the sets begin and end between frames."""
    found = made_clip(np.repeat(np.eye(2) * 5, 10, axis=0)[np.arange(100) % 20])
    sets = [Set("a", 1.25, 3.95, confidence=0.8), Set("b", 6.02, 6.3, confidence=0.4, known=False)]
    exact = found.segments(0, 0, sets=sets)
    inside = exact[exact["start"].between(1.2, 3.9)]
    assert inside[["start", "end", "label"]].to_numpy().tolist() == [[1.25, 3.95, "a"]]
    assert inside["confidence"].tolist() == pytest.approx([0.8])
    table = found.segments(0, sets=sets)
    short = table[table["label"] == "unknown, perhaps b"]  # no set is too short to be shown
    assert short[["start", "end", "confidence"]].to_numpy()[0] == pytest.approx([6.02, 6.3, 0.4])
    assert table["start"].iloc[1:].tolist() == table["end"].iloc[:-1].tolist()
    assert (table["start"].iloc[0], table["end"].iloc[-1]) == (0, found.duration)
    assert len(found.segments(0)) == 10  # without sets the frames' own labels


def test_a_set_longer_than_the_clip_and_one_without_a_confidence():
    found = made_clip([[0.0, 1.0]] * 10)
    table = found.segments(sets=[Set("a", -1.0, 5.0)])
    assert table["label"].tolist() == ["a"]
    assert table["confidence"].iloc[0] == pytest.approx(softmax([0, 1])[1])
