"""A clip as a phone may hold it: portrait, mirrored, turned; and a body that holds still."""

from itertools import pairwise

import numpy as np
import pytest
from helpers.clips import turned_by_metadata

from workoutlib.gym import render_clip
from workoutlib.media.video_reader import read_frames
from workoutlib.media.video_writer import ClipWriter
from workoutlib.pose.sequence import PoseSequence
from workoutlib.pose.skeleton import MIRROR, joint_angles
from workoutlib.pose.smoothing import smooth
from workoutlib.pose.tracking import PoseTracker

pytestmark = pytest.mark.slow
RATE = 10
BODY = slice(11, 29)  # hands and feet are small here
MATRICES = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}  # that turn a stored frame clockwise


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    """Lateral raises from the front, in landscape."""
    return list(render_clip("lateral raises", 3, frames=12, frames_per_second=RATE, size=(320, 240)).frames)


def tracked(estimator, frames) -> PoseSequence:
    times, found = [], []
    for time, _, pose in PoseTracker(estimator, skip=True).follow(frames):
        times.append(time)
        found.append(pose)
    return smooth(PoseSequence.of(times, found))


def timed(frames):
    return [(number / RATE, np.ascontiguousarray(frame)) for number, frame in enumerate(frames)]


@pytest.fixture(scope="module")
def upright(estimator, frames) -> PoseSequence:
    return tracked(estimator, timed(frames))


def angles(poses: PoseSequence) -> np.ndarray:
    return np.stack([joint_angles(world) for world in poses.world])


def apart(one: np.ndarray, other: PoseSequence) -> float:
    """Mean distance of the body's landmarks (T, 33, 2) from those of a sequence, in trunk lengths."""
    trunk = np.linalg.norm(other.landmarks[0, 11, :2] - other.landmarks[0, 23, :2])
    return float(np.linalg.norm(one - other.landmarks[:, :, :2], axis=2)[:, BODY].mean() / trunk)


def test_a_mirrored_clip_has_its_sides_exchanged(estimator, frames, upright):
    poses = tracked(estimator, timed(frame[:, ::-1] for frame in frames))
    back = poses.landmarks[:, :, :2] * [-1, 1] + [frames[0].shape[1], 0]
    assert poses.found.all() and apart(back[:, MIRROR], upright) < 0.06
    assert apart(back, upright) > 0.2


def test_a_portrait_clip_shows_the_same_body(estimator, frames, upright):
    cut = [np.pad(frame[:, 70:250], ((60, 60), (0, 0), (0, 0)), "edge") for frame in frames]
    poses = tracked(estimator, timed(cut))
    assert cut[0].shape == (360, 180, 3) and poses.found.all()
    assert apart(poses.landmarks[:, :, :2] + [70, -60], upright) < 0.06
    assert np.abs(angles(poses) - angles(upright)).mean() < 5


@pytest.mark.parametrize("turn", MATRICES)
def test_a_clip_that_says_how_it_is_turned_is_read_upright(estimator, frames, upright, tmp_path, turn):
    path = tmp_path / "stored.mp4"
    stored = [np.rot90(frame, turn // 90) for frame in frames]  # counter-clockwise, which the matrix undoes
    height, width = stored[0].shape[:2]
    with ClipWriter(path, width, height, RATE) as writer:
        for time, frame in timed(stored):
            writer.write(frame, time)
    turned_by_metadata(path, MATRICES[turn])
    poses = tracked(estimator, read_frames(path))
    assert len(poses) == len(frames) and poses.found.all() and apart(poses.landmarks[:, :, :2], upright) < 0.06


def test_a_plank_does_not_tremble(estimator):
    plank = render_clip("plank", 4, frames=30, frames_per_second=RATE, size=(320, 240))
    poses = tracked(estimator, timed(plank.frames))
    assert poses.found.mean() > 0.9
    trunk = np.linalg.norm(poses.landmarks[:, 11, :2] - poses.landmarks[:, 23, :2], axis=1)
    joints = poses.landmarks[:, [11, 12, 23, 24, 25, 26], :2]
    steps = [np.linalg.norm(b - a, axis=1).mean() for a, b in pairwise(joints)]
    assert np.nanmedian(steps) < 0.02 * np.nanmedian(trunk)
