"""One person followed through a clip: the exerciser, also while others walk by."""

from __future__ import annotations

from collections import deque
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
HOME_SECONDS = 3.0
"""A person's place is the median over so long: one who passes in front is there for a shorter time."""
_JUMP = 0.6  # a trunk that moves farther between two frames, in trunk lengths, is somebody else's
_AWAY = 0.8  # trunk lengths from their own place at which somebody may have become somebody else
_AWAY_SECONDS = 0.25  # between two searches while they are so far away

Found = tuple[Pose, Region]


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
    has jumped, and once a second. Where the landmarks have slipped onto somebody who passes in front, the detector
    finds the exerciser at the old place, while the landmarks walk away from it.
    """

    def __init__(self, estimator: PoseEstimator, *, skip: bool = False) -> None:
        """`skip`: leave out every second frame while the motion between is nearly straight (`fill_gaps` fills it)."""
        self.estimator, self.skip = estimator, skip
        self._region: Region | None = None
        self._places: deque[tuple[float, np.ndarray]] = deque()  # time and trunk (4, 2) of the last seconds
        self._checked = -np.inf
        self._angles: list[np.ndarray] = []  # of the last frames that were looked at
        self._skipped = False

    def update(self, time: float, pixels: np.ndarray) -> Pose | None:
        """The exerciser's pose in the next frame, uint8 RGB (H, W, 3), or ``None`` where there is nobody."""
        if self.skip and not self._skipped and self._is_steady():
            self._skipped = True
            return None
        self._skipped = False
        found = self._look_again(pixels)
        pause = _AWAY_SECONDS if found and self._is_away(found[0]) else CHECK_SECONDS
        if found is None or time - self._checked >= pause:
            self._checked = time
            found = self._choose(time, pixels, found)
        if found is None:
            self._region, self._angles = None, []
            return None
        pose, self._region = found
        self._angles = [*self._angles[-2:], joint_angles(pose.world)]
        self._places.append((time, _trunk(pose)))
        while time - self._places[0][0] > HOME_SECONDS:
            self._places.popleft()
        return pose

    def _look_again(self, pixels: np.ndarray) -> Found | None:
        """The person in the square that the last landmarks gave, or None where they are lost or somebody else."""
        if self._region is None:
            return None
        pose, region = self.estimator.landmarks(pixels, self._region)
        jumped = _distance(_trunk(pose), self._places[-1][1]) > _JUMP
        return None if pose.probability < PERSON or jumped or region.side < 2 else (pose, region)

    def _choose(self, time: float, pixels: np.ndarray, followed: Found | None) -> Found | None:
        """Among those that the detector finds: who was followed until now, else who is in the foreground."""
        found = [self.estimator.settle(pixels, each) for each in self.estimator.detect(pixels)]
        found = [each for each in found if each[0].probability >= PERSON]
        if followed is not None:
            others = [each for each in found if _distance(_trunk(each[0]), _trunk(followed[0])) > _JUMP]
            slipped = self._is_away(followed[0]) and [each for each in others if not self._is_away(each[0])]
            return min(slipped, key=lambda each: self._from_home(each[0])) if slipped else followed
        if not found:
            return None
        if self._places and time - self._places[-1][0] <= FORGET_SECONDS:
            nearest = min(found, key=lambda each: self._from_home(each[0]))
            return nearest if self._from_home(nearest[0]) < 2 else None
        self._places.clear()
        return max(found, key=lambda each: prominence(each[0], pixels.shape))

    def _from_home(self, pose: Pose) -> float:
        """How far somebody is from the place of the person who is followed, in trunk lengths."""
        home = np.median([trunk for _, trunk in self._places], axis=0)
        return _distance(_trunk(pose), home)

    def _is_away(self, pose: Pose) -> bool:
        return bool(self._places) and self._from_home(pose) > _AWAY

    def _is_steady(self) -> bool:
        """Whether a frame left out can be interpolated within ``STRAIGHT_DEGREES``, by the last three frames."""
        if len(self._angles) < 3:
            return False
        first, second, third = self._angles
        return float(np.abs(first - 2 * second + third).max()) / 8 < STRAIGHT_DEGREES


def track(estimator: PoseEstimator, frames: Iterable[tuple[float, np.ndarray]]) -> Iterator[tuple[float, Pose | None]]:
    """Yield (time, the exerciser's pose or ``None``) for each (time, uint8 RGB frame); one frame is in memory."""
    tracker = PoseTracker(estimator)
    for time, frame in frames:
        yield time, tracker.update(time, frame)


def _trunk(pose: Pose) -> np.ndarray:
    """Shoulders and hips (4, 2), in pixels."""
    return pose.landmarks[[11, 12, 23, 24], :2]


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    """How far two trunks (4, 2) are apart, in lengths of the larger one, sizes counted too."""
    length = max(float(np.linalg.norm(trunk[:2].mean(0) - trunk[2:].mean(0))) for trunk in (one, other))
    width = max(float(np.linalg.norm(trunk[0] - trunk[1])) for trunk in (one, other))
    return float(np.linalg.norm(one - other, axis=1).mean()) / max(length, width, 1.0)
