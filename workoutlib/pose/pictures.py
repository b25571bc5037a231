"""The poses of a data set's pictures, estimated once and kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from workoutlib.pose.estimator import PoseEstimator
from workoutlib.pose.sequence import PoseSequence
from workoutlib.utils.files import fingerprint_files, replacing
from workoutlib.utils.progress import track

_VERSION = 2  # of the estimator and of what is kept: another one gives other poses


def estimate_poses(
    paths: list[str], estimator: PoseEstimator, *, cache: Path | None = None, progress: bool = True
) -> PoseSequence:
    """The exerciser's pose in each picture, NaN where nobody was found; the ``times`` count the pictures.

    Args:
        cache: folder for a file of the result. Its name is a hash of every path, size and time stamp, so a changed
            picture is looked at again.
    Raises:
        WorkoutlibError: a picture cannot be read.
    """
    target = Path(cache) / f"poses-{fingerprint_files(paths, version=_VERSION)}.npz" if cache else None
    if target and target.is_file():
        with np.load(target) as kept:
            return PoseSequence(**kept)
    tracked = track(paths, "looking for poses", unit="image", show=progress)
    poses = PoseSequence.of(range(len(paths)), [estimator.exerciser(path) for path in tracked])
    if target:
        with replacing(target) as partial, open(partial, "wb") as file:
            np.savez(file, **{name: values for name, values in vars(poses).items() if values is not None})
    return poses
