"""Poses over time are smoothed within little memory."""

import tracemalloc

import numpy as np

from workoutlib.pose.sequence import PoseSequence
from workoutlib.pose.smoothing import one_euro, smooth


def test_both_directions_count_alike_and_take_little_memory():
    rng, count = np.random.default_rng(0), 3000
    world = np.cumsum(rng.normal(0, 0.01, (count, 33, 3)), 0).astype(np.float32)
    poses = PoseSequence(np.arange(count) / 30, world, world, np.ones((count, 33)), np.ones(count))
    tracemalloc.start()
    found = smooth(poses)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    there, back = (one_euro(np.arange(count) / 30, each.astype(float)) for each in (world, world[::-1]))
    np.testing.assert_allclose(found.world, (there + back[::-1]) / 2, atol=1e-6)
    # one result, and both directions of the other one
    assert found.world.dtype == found.landmarks.dtype == np.float32 and most < 3.5 * world.nbytes
