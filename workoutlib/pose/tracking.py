"""One person followed through a clip: the exerciser, also while others walk by."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np

from workoutlib.media.colour import Shot, rgb_of
from workoutlib.pose.estimator import PERSON, PoseEstimator, Region, prominence
from workoutlib.pose.skeleton import Pose, joint_angles, joint_visibility

CHECK_SECONDS = 1.0
"""How often the detector looks for people while one is followed."""
FORGET_SECONDS = 1.0
"""A person who was lost for longer is not waited for: the most prominent one is followed then."""
STRAIGHT_DEGREES = 2.0
"""Most by which the motion may bend between two frames for the one between them to be interpolated."""
HOME_SECONDS = 3.0
"""A person's place is the median over so long: one who passes in front is there for a shorter time."""
_VISIBLE = 0.5
_FOLLOWED = 0.1  # change of a square, in sides and radians, from which on it is followed at once
_JUMP = 0.6  # a trunk that moves farther between two frames, in trunk lengths, is somebody else's
_AWAY = 0.8  # trunk lengths from their own place at which somebody may have become somebody else
_AWAY_SECONDS = 0.25  # between two searches while they are so far away
_IDLE = 0.2  # trunk lengths: who has not moved a limb by more since they are followed may be a bystander
_IDLE_SECONDS = 1.5  # of that, after which somebody else is followed: in the foreground, or about as near and moving
_COVERED = 0.4  # share of the box of a limb that was taken for a person that lies in the box of the whole body
_SURER = 0.1  # mean visibility by which that body is clearer
_CLEARLY, _ABOUT = 1.5, 0.75  # shares of the prominence of who is followed

Frame = tuple[float, np.ndarray]
Found = tuple[Pose, Region]


class PoseTracker:
    """Follows the exerciser from frame to frame.

    The previous landmarks give the square to look in. The detector runs at the start, when the person is lost or
    has jumped, and once a second. Where the landmarks have slipped onto somebody who passes in front, the detector
    finds the exerciser at the old place, while the landmarks walk away from it. A bystander who was taken for the
    exerciser at the start, and does not move, is left for somebody who does.
    """

    def __init__(self, estimator: PoseEstimator, *, skip: bool = False) -> None:
        """`skip`: `follow` leaves out every second frame where the motion is nearly straight, and interpolates."""
        self.estimator, self.skip = estimator, skip
        self._region: Region | None = None
        self._places: deque[tuple[float, np.ndarray]] = deque()  # time and trunk (4, 2) of the last seconds
        self._checked = -np.inf
        self._idle: tuple[float, Pose] | None = None  # since when, and how, who is followed has not moved
        self._others: list[Pose] = []  # who else was there when the detector first looked
        self._keys: deque[tuple[float, Pose]] = deque(maxlen=4)  # the last frames that were looked at, without a gap

    def follow(self, frames: Iterable[tuple[float, Shot]]) -> Iterator[tuple[float, Shot, Pose | None]]:
        """Yield (time, frame, the exerciser's pose or ``None``) for each (time, uint8 RGB frame).

        At most two frames are in memory. Those that come as `Later` are brought to RGB if they are looked at.
        """
        left_out: tuple[float, Shot] | None = None
        for time, pixels in frames:
            if self.skip and left_out is None and self._keys:
                left_out = time, pixels
                continue
            region = self._region
            pose = self.update(time, rgb_of(pixels))
            if left_out is not None:
                yield (*left_out, self._between(left_out, region))
                left_out = None
            yield time, pixels, pose
        if left_out is not None:
            yield (*left_out, self.update(left_out[0], rgb_of(left_out[1])))

    def update(self, time: float, pixels: np.ndarray) -> Pose | None:
        """The exerciser's pose in the next frame, uint8 RGB (H, W, 3), or ``None`` where there is nobody."""
        found = self._look_again(pixels)
        pause = _AWAY_SECONDS if found and self._is_away(found[0]) else CHECK_SECONDS
        if found is None or time - self._checked >= pause:
            self._checked = time
            found = self._choose(time, pixels, found)
        if found is None:
            self._region = None
            self._keys.clear()
            return None
        pose, region = found
        self._region = region if self._region is None else _steadied(self._region, region)
        if self._keys and _distance(pose.trunk, self._keys[-1][1].trunk) > _JUMP:
            self._keys.clear()
        self._keys.append((time, pose))
        if not self._places:
            self._idle, self._others = (time, pose), []
        elif self._idle and _movement(pose, self._idle[1]) > _IDLE:
            self._idle = None
        self._places.append((time, pose.trunk))
        while time - self._places[0][0] > HOME_SECONDS:
            self._places.popleft()
        return pose

    def _look_again(self, pixels: np.ndarray) -> Found | None:
        """The person in the square that the last landmarks gave, or None where they are lost or somebody else."""
        if self._region is None:
            return None
        pose, region = self.estimator.landmarks(pixels, self._region)
        jumped = _distance(pose.trunk, self._places[-1][1]) > _JUMP
        return None if pose.probability < PERSON or jumped or region.side < 2 else (pose, region)

    def _choose(self, time: float, pixels: np.ndarray, followed: Found | None) -> Found | None:
        """Among those that the detector finds: who was followed until now, else who is in the foreground."""
        found = [self.estimator.settle(pixels, each) for each in self.estimator.detect(pixels)]
        found = [each for each in found if each[0].probability >= PERSON]
        if followed is not None:
            others = [each for each in found if _distance(each[0].trunk, followed[0].trunk) > _JUMP]
            slipped = self._is_away(followed[0]) and [each for each in others if not self._is_away(each[0])]
            if slipped:
                return min(slipped, key=lambda each: self._from_home(each[0]))
            if whole := [each for each in others if _is_part_of(followed[0], each[0], pixels.shape)]:
                return self._instead(whole, pixels)
            return self._livelier(time, pixels, followed, others) if self._idle else followed
        if not found:
            return None
        if self._places and time - self._places[-1][0] <= FORGET_SECONDS:
            nearest = min(found, key=lambda each: self._from_home(each[0]))
            return nearest if self._from_home(nearest[0]) < 2 else None
        self._places.clear()
        return max(found, key=lambda each: prominence(each[0], pixels.shape))

    def _livelier(self, time: float, pixels: np.ndarray, followed: Found, others: list[Found]) -> Found:
        """Who exercises while the one who is followed has never moved; else the one who is followed."""

        def exercises(pose: Pose) -> bool:
            share = prominence(pose, pixels.shape) / max(prominence(followed[0], pixels.shape), 1e-9)
            earlier = [each for each in self._others if _distance(each.trunk, pose.trunk) < _JUMP]
            return share > _CLEARLY or (share > _ABOUT and any(_movement(pose, each) > _IDLE for each in earlier))

        assert self._idle is not None
        waited = time - self._idle[0] >= _IDLE_SECONDS
        found = [each for each in others if waited and exercises(each[0])]
        self._others = self._others or [pose for pose, _ in others]
        return self._instead(found, pixels) if found else followed

    def _instead(self, found: list[Found], pixels: np.ndarray) -> Found:
        """The most prominent of those found, who is followed from now on."""
        self._places.clear()
        self._keys.clear()
        return max(found, key=lambda each: prominence(each[0], pixels.shape))

    def _from_home(self, pose: Pose) -> float:
        """How far somebody is from the place of the person who is followed, in trunk lengths."""
        home = np.median([trunk for _, trunk in self._places], axis=0)
        return _distance(pose.trunk, home)

    def _is_away(self, pose: Pose) -> bool:
        return bool(self._places) and self._from_home(pose) > _AWAY

    def _between(self, frame: tuple[float, Shot], region: Region | None) -> Pose | None:
        """The pose in a frame that was left out, of the last two that were looked at; `region` is where to look."""
        if len(self._keys) == 4 and _curvature_error(list(self._keys), frame[0]) <= STRAIGHT_DEGREES:
            return _interpolate(self._keys[-2], self._keys[-1], frame[0])
        if region is None:
            return None
        pose, _ = self.estimator.landmarks(rgb_of(frame[1]), region)
        return pose if pose.probability >= PERSON else None


def track(estimator: PoseEstimator, frames: Iterable[Frame]) -> Iterator[tuple[float, Pose | None]]:
    """Yield (time, the exerciser's pose or ``None``) for each (time, uint8 RGB frame); one frame is in memory."""
    for time, _, pose in PoseTracker(estimator).follow(frames):
        yield time, pose


def _curvature_error(keys: list[tuple[float, Pose]], time: float) -> float:
    """Degrees by which a visible joint's angle, interpolated to a time between the last two frames, may be off.

    The error of linear interpolation on a parabola: its second divided difference times the distances from both ends.
    Of the last four frames, both triples count: about a point of inflection the last one alone looks straight.
    """
    times = np.array([each for each, _ in keys])[:, None]
    slopes = np.diff(np.stack([joint_angles(pose.world) for _, pose in keys]), axis=0) / np.diff(times, axis=0)
    bends = np.diff(slopes, axis=0) / (times[2:] - times[:-2])
    visible = np.min([joint_visibility(pose.visibility) for _, pose in keys], axis=0) >= _VISIBLE
    distances = (time - times[-2, 0]) * (times[-1, 0] - time)
    return float(distances * np.abs(bends[:, visible]).max(initial=0.0))


def _interpolate(before: tuple[float, Pose], after: tuple[float, Pose], time: float) -> Pose:
    share = (time - before[0]) / (after[0] - before[0])
    one, other = before[1], after[1]
    return Pose(
        (1 - share) * one.landmarks + share * other.landmarks,
        (1 - share) * one.world + share * other.world,
        (1 - share) * one.visibility + share * other.visibility,
        min(one.probability, other.probability),
    )


def _steadied(old: Region, new: Region) -> Region:
    """The next square, which hardly follows small changes: landmarks tremble with the square that they are seen in."""
    turn = (new.angle - old.angle + np.pi) % (2 * np.pi) - np.pi
    change = (np.linalg.norm(new.centre - old.centre) + abs(new.side - old.side)) / old.side + abs(turn)
    share = min(float(change) / _FOLLOWED, 1.0)
    return Region(
        old.centre + share * (new.centre - old.centre),
        old.side + share * (new.side - old.side),
        old.angle + share * turn,
    )


def _is_part_of(part: Pose, whole: Pose, shape: tuple[int, ...]) -> bool:
    """Tell whether somebody is a limb that was taken for a person: much of it lies in a larger, clearer body."""
    left, top = np.maximum(part.box[:2], whole.box[:2])
    right, bottom = np.minimum(part.box[2:], whole.box[2:])
    width, height = part.box[2:] - part.box[:2]
    covered = max(right - left, 0.0) * max(bottom - top, 0.0) / max(float(width * height), 1.0)
    larger = prominence(whole, shape) > _CLEARLY * prominence(part, shape)
    return bool(covered > _COVERED and larger and _sureness(whole) > _sureness(part) + _SURER)


def _sureness(pose: Pose) -> float:
    """Mean visibility of shoulders, elbows, wrists and hips."""
    return float(pose.visibility[[*range(11, 17), 23, 24]].mean())


def _movement(one: Pose, other: Pose) -> float:
    """How far the limbs of one person are apart in two frames, in trunk lengths: 90th percentile of those seen."""
    seen = np.minimum(one.visibility, other.visibility)[11:] >= _VISIBLE
    gaps = np.linalg.norm(one.landmarks[11:, :2] - other.landmarks[11:, :2], axis=1)[seen]
    trunk = other.trunk
    length = max(float(np.linalg.norm(trunk[:2].mean(0) - trunk[2:].mean(0))), 1.0)
    return float(np.percentile(gaps, 90)) / length if len(gaps) else 0.0


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    """How far two trunks (4, 2) are apart, in lengths of the larger one, sizes counted too."""
    length = max(float(np.linalg.norm(trunk[:2].mean(0) - trunk[2:].mean(0))) for trunk in (one, other))
    width = max(float(np.linalg.norm(trunk[0] - trunk[1])) for trunk in (one, other))
    return float(np.linalg.norm(one - other, axis=1).mean()) / max(length, width, 1.0)
