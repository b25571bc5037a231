"""One person followed through a clip: the exerciser, also while others walk by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from workoutlib.pose.estimator import PERSON, PoseEstimator, Region, prominence
from workoutlib.pose.skeleton import Pose, joint_angles

CHECK_SECONDS = 1.0
"""How often the detector looks for people while one is followed."""
FORGET_SECONDS = 1.0
"""A person who was lost for longer is not waited for: the most prominent one is followed then."""
STRAIGHT_DEGREES = 2.0
"""Most that an interpolated joint angle may be wrong by where a frame is left out."""
_JUMP = 0.6  # hips that move farther between two frames, in trunk lengths, are somebody else's


@dataclass(frozen=True)
class PoseSequence:
    """The poses of one person over T frames; NaN where nobody was found.

    Attributes:
        times: seconds (T,).
        landmarks: float32 (T, 33, 3), as in `Pose`.
        world: float32 (T, 33, 3), as in `Pose`.
        visibility: float32 (T, 33) in 0..1; 0 where nobody was found.
        probability: float32 (T,) in 0..1; 0 where nobody was found.
    """

    times: np.ndarray
    landmarks: np.ndarray
    world: np.ndarray
    visibility: np.ndarray
    probability: np.ndarray

    @classmethod
    def of(cls, times: Iterable[float], poses: Iterable[Pose | None]) -> PoseSequence:
        """Collect the poses of single frames."""
        empty = Pose(np.full((33, 3), np.nan), np.full((33, 3), np.nan), np.zeros(33), 0.0)
        found = [pose or empty for pose in poses]
        return cls(
            np.array(list(times), float),
            np.array([pose.landmarks for pose in found], np.float32).reshape(-1, 33, 3),
            np.array([pose.world for pose in found], np.float32).reshape(-1, 33, 3),
            np.array([pose.visibility for pose in found], np.float32).reshape(-1, 33),
            np.array([pose.probability for pose in found], np.float32),
        )

    def __len__(self) -> int:
        return len(self.times)

    @property
    def found(self) -> np.ndarray:
        """bool (T,): where there is a person."""
        return np.isfinite(self.landmarks[:, 0, 0])

    def pose(self, number: int) -> Pose | None:
        """The pose of one frame, or ``None``."""
        if not self.found[number]:
            return None
        values = (self.landmarks[number], self.world[number], self.visibility[number])
        return Pose(*values, float(self.probability[number]))

    def select(self, rows: np.ndarray | slice) -> PoseSequence:
        """Some of the frames."""
        columns = (self.times, self.landmarks, self.world, self.visibility, self.probability)
        return PoseSequence(*(values[rows] for values in columns))


class PoseTracker:
    """Follows the exerciser from frame to frame.

    The previous landmarks give the square to look in. The detector runs at the start, when the person is lost or
    seems to have become somebody else, and once a second.
    """

    def __init__(self, estimator: PoseEstimator, *, skip: bool = False) -> None:
        """`skip`: leave out every second frame while the motion between is nearly straight (`fill_gaps` fills it)."""
        self.estimator, self.skip = estimator, skip
        self._region: Region | None = None
        self._last: Pose | None = None
        self._seen = self._checked = -np.inf
        self._angles: list[np.ndarray] = []  # of the last frames that were looked at
        self._skipped = False

    def update(self, time: float, pixels: np.ndarray) -> Pose | None:
        """The exerciser's pose in the next frame, uint8 RGB (H, W, 3), or ``None`` where there is nobody."""
        if self.skip and not self._skipped and self._is_steady():
            self._skipped = True
            return None
        self._skipped = False
        pose: Pose | None = None
        region: Region | None = None
        if self._region is not None:
            pose, region = self.estimator.landmarks(pixels, self._region)
            if pose.probability < PERSON or self._jumped(pose) or region.side < 2:
                pose = None
        if pose is None or time - self._checked >= CHECK_SECONDS:
            self._checked = time
            pose, region = self._choose(time, pixels, pose, None if pose is None else region)
        if pose is None:
            self._region, self._angles = None, []
            return None
        self._angles = [*self._angles[-2:], joint_angles(pose.world)]
        self._region, self._last, self._seen = region, pose, time
        return pose

    def _choose(
        self, time: float, pixels: np.ndarray, pose: Pose | None, region: Region | None
    ) -> tuple[Pose | None, Region | None]:
        """Among those that the detector finds: who was followed until now, else who is in the foreground."""
        found = [self.estimator.settle(pixels, each) for each in self.estimator.detect(pixels)]
        found = [(person, square) for person, square in found if person.probability >= PERSON]
        if pose is not None:  # still there: the check only tells whether the landmarks have drifted off
            near = [each for each in found if _distance(each[0], pose) < _JUMP]
            drifted = found and not near and pose.probability < max(person.probability for person, _ in found)
            if not drifted:
                return pose, region
        if not found:
            return None, None
        if self._last is not None and time - self._seen <= FORGET_SECONDS:
            last = self._last
            nearest = min(found, key=lambda each: _distance(each[0], last))
            return nearest if _distance(nearest[0], last) < 2 else (None, None)
        return max(found, key=lambda each: prominence(each[0], pixels.shape))

    def _is_steady(self) -> bool:
        """Whether a frame left out can be interpolated within ``STRAIGHT_DEGREES``, by the last three frames."""
        if len(self._angles) < 3:
            return False
        first, second, third = self._angles
        return float(np.abs(first - 2 * second + third).max()) / 8 < STRAIGHT_DEGREES

    def _jumped(self, pose: Pose) -> bool:
        return self._last is not None and _distance(pose, self._last) > _JUMP


def track(estimator: PoseEstimator, frames: Iterable[tuple[float, np.ndarray]]) -> Iterator[tuple[float, Pose | None]]:
    """Yield (time, the exerciser's pose or ``None``) for each (time, uint8 RGB frame); one frame is in memory."""
    tracker = PoseTracker(estimator)
    for time, frame in frames:
        yield time, tracker.update(time, frame)


def _distance(one: Pose, other: Pose) -> float:
    """How far two trunks are apart, in lengths of the larger one, sizes counted too."""
    trunks = [pose.landmarks[[11, 12, 23, 24], :2] for pose in (one, other)]
    length = max(float(np.linalg.norm(trunk[:2].mean(0) - trunk[2:].mean(0))) for trunk in trunks)
    width = max(float(np.linalg.norm(trunk[0] - trunk[1])) for trunk in trunks)
    return float(np.linalg.norm(trunks[0] - trunks[1], axis=1).mean()) / max(length, width, 1.0)
