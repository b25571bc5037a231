"""The poses of a data set's pictures, estimated once and kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from workoutlib.pose.estimator import LOOKS, PoseEstimator
from workoutlib.pose.skeleton import Pose
from workoutlib.pose.tracking import PoseSequence
from workoutlib.utils.files import fingerprint_files, replacing
from workoutlib.utils.progress import track

_VERSION = 2  # of the estimator: another one gives other poses


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
            return PoseSequence(*(kept[name] for name in PoseSequence.__dataclass_fields__))
    tracked = track(paths, "looking for poses", unit="image", show=progress)
    poses = PoseSequence.of(range(len(paths)), [exerciser(estimator, path) for path in tracked])
    if target:
        with replacing(target) as partial, open(partial, "wb") as file:
            np.savez(file, **{name: getattr(poses, name) for name in PoseSequence.__dataclass_fields__})
    return poses


def exerciser(estimator: PoseEstimator, image: np.ndarray | str | Path, looks: int = LOOKS) -> Pose | None:
    """The first of the people in a picture, or ``None``; `looks` as for `PoseEstimator.estimate`."""
    return next(iter(estimator.estimate(image, looks=looks)), None)
