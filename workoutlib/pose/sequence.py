"""The poses of one person over the frames of a clip, or of the people in a row of photos."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from workoutlib.pose.skeleton import Pose


@dataclass(frozen=True)
class PoseSequence:
    """The poses of one person over T frames; NaN where nobody was found.

    Attributes:
        times: seconds (T,).
        landmarks: float32 (T, 33, 3), as in `Pose`.
        world: float32 (T, 33, 3), as in `Pose`.
        visibility: float32 (T, 33) in 0..1; 0 where nobody was found.
        probability: float32 (T,) in 0..1; 0 where nobody was found.
        looks: float32 (T, K, 33, 3), as in `Pose`, where some frame has them.
    """

    times: np.ndarray
    landmarks: np.ndarray
    world: np.ndarray
    visibility: np.ndarray
    probability: np.ndarray
    looks: np.ndarray | None = None

    @classmethod
    def of(cls, times: Iterable[float], poses: Iterable[Pose | None]) -> PoseSequence:
        """Collect the poses of single frames."""
        empty = Pose(np.full((33, 3), np.nan), np.full((33, 3), np.nan), np.zeros(33), 0.0)
        found = [pose or empty for pose in poses]
        nothing = next((np.full_like(pose.looks, np.nan) for pose in found if pose.looks is not None), None)
        looks = [nothing if pose.looks is None else pose.looks for pose in found]
        return cls(
            np.array(list(times), float),
            np.array([pose.landmarks for pose in found], np.float32).reshape(-1, 33, 3),
            np.array([pose.world for pose in found], np.float32).reshape(-1, 33, 3),
            np.array([pose.visibility for pose in found], np.float32).reshape(-1, 33),
            np.array([pose.probability for pose in found], np.float32),
            None if nothing is None else np.array(looks, np.float32),
        )

    @classmethod
    def joined(cls, parts: Iterable[PoseSequence]) -> PoseSequence:
        """One sequence of several, of a clip, that follow each other."""
        columns: Iterable[tuple] = zip(*(vars(part).values() for part in parts), strict=True)
        joined: list = [None if column[0] is None else np.concatenate(column) for column in columns]
        return cls(*joined)

    def __len__(self) -> int:
        return len(self.times)

    @property
    def found(self) -> np.ndarray:
        """bool (T,): where there is a person."""
        return np.isfinite(self.landmarks[:, 0, 0])

    @property
    def worlds(self) -> np.ndarray:
        """World coordinates (1 + K, T, 33, 3) by all looks, the first one's at the beginning."""
        first = self.world[None]
        return first if self.looks is None else np.concatenate([first, self.looks.swapaxes(0, 1)])

    def pose(self, number: int) -> Pose | None:
        """The pose of one frame, or ``None``."""
        if not self.found[number]:
            return None
        values = (self.landmarks[number], self.world[number], self.visibility[number])
        return Pose(*values, float(self.probability[number]))

    def select(self, rows: np.ndarray | slice) -> PoseSequence:
        """Some of the frames."""
        return PoseSequence(
            self.times[rows],
            self.landmarks[rows],
            self.world[rows],
            self.visibility[rows],
            self.probability[rows],
            None if self.looks is None else self.looks[rows],
        )
