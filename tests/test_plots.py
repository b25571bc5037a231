"""Figures whose details a glance at a notebook does not show."""

import numpy as np
import pandas as pd
import pytest

from workoutlib import Pose, plots


@pytest.mark.parametrize("epochs", [[0], [3], [0, 1], list(range(31))])
def test_curves_have_whole_epochs_on_their_axis(epochs):
    count = len(epochs)
    history = pd.DataFrame(
        {"epoch": epochs, "train_loss": [float("nan")] + [0.5] * (count - 1), "valid_loss": [0.6] * count}
    )
    (axis,) = plots.plot_loss(history).axes
    low, high = axis.get_xlim()
    ticks = [tick for tick in axis.get_xticks() if low <= tick <= high]
    assert ticks and all(tick == round(tick) for tick in ticks)


@pytest.fixture
def world() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(33, 3)).astype(np.float32)


def test_a_pose_is_turned_and_keeps_its_proportions(world):
    axes = plots.plot_pose_3d(world, turns=(0, 90)).axes
    assert [axis.get_title() for axis in axes] == ["as the camera saw it", "turned by 90°"]
    for axis in axes:
        spans = [np.ptp(limits) for limits in (axis.get_xlim(), axis.get_ylim(), axis.get_zlim())]
        assert spans == pytest.approx([spans[0]] * 3)
        assert np.diff(axis.get_xticks()) == pytest.approx(0.25)


def test_angles_have_a_row_a_joint_under_the_frames():
    times, angles = np.arange(5.0), np.tile(np.arange(8.0), (5, 1))
    frames = [(1.0, np.zeros((6, 8, 3), np.uint8)), (3.0, np.zeros((6, 8, 3), np.uint8))]
    axes = plots.plot_angles(times, angles, frames=frames, joints=("hip", "knee")).axes
    assert [axis.get_title() for axis in axes] == ["1.0 s", "3.0 s", "", ""]
    assert [axis.get_ylabel() for axis in axes[2:]] == ["hip (°)", "knee (°)"]
    drawn = {line.get_label(): line.get_ydata()[0] for line in axes[2].lines[:2]}
    assert drawn == {"left": 4.0, "right": 5.0}
    assert len(plots.plot_angles(times, angles, joints=("knee",)).axes) == 1


def test_pose_accuracy_is_sorted_and_drawn_for_each_joint():
    table = pd.DataFrame({"label": ["plank", "squat"], "view": ["side", "front"], "found": True, "exerciser": True})
    table = table.assign(pck=[0.2, 0.9], elbow=1.0, shoulder=2.0, hip=3.0, knee=4.0)
    left, right = plots.plot_pose_accuracy(table).axes
    assert [tick.get_text() for tick in left.get_yticklabels()] == ["squat", "plank"]
    assert [line.get_label() for line in right.lines] == ["elbow", "shoulder", "hip", "knee"]


def test_pose_errors_lead_from_estimate_to_truth(world):
    pose = Pose(world * 10 + 30, world, np.ones(33, np.float32), 1.0)
    frame, truth = np.zeros((60, 60, 3), np.uint8), np.full((12, 2), 7.0)
    (axis,) = plots.plot_pose_errors([frame], [pose], [truth], ["squat"]).axes
    assert len(axis.lines) == 12
    assert axis.lines[0].get_xydata() == pytest.approx(np.array([pose.landmarks[11, :2], [7, 7]]))
