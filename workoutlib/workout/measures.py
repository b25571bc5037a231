"""What can be read off a skeleton in one frame: joint angles, heights and distances, left and right.

Points are (T, 33, 2 or 3) in the layout of BlazePose, y down; NaN where nobody was seen. Every measure returns
(T, 2): left and right of the athlete, twice the same where the body has one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

NOSE, EAR, SHOULDER, ELBOW, WRIST, HIP, KNEE, ANKLE, HEEL, TOE = 0, 7, 11, 13, 15, 23, 25, 27, 29, 31
SIDES = (0, 1)  # left, right: to be added to the numbers above


def joint_angle(points: np.ndarray, first: int, joint: int, last: int) -> np.ndarray:
    """Angle (T, 2) at `joint` between the bones to `first` and `last`, in degrees: 180 is straight."""
    return np.stack([angle_between(*_bones(points, first + k, joint + k, last + k)) for k in SIDES], 1)


def _bones(points: np.ndarray, first: int, joint: int, last: int) -> tuple[np.ndarray, np.ndarray]:
    return points[:, first] - points[:, joint], points[:, last] - points[:, joint]


def angle_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Angle (...) between vectors (..., D) in degrees, 0..180; NaN where one has no length."""
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = (a * b).sum(-1) / (np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1))
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def middle(points: np.ndarray, left: int) -> np.ndarray:
    """Middle (T, D) between a landmark's left and right."""
    return 0.5 * (points[:, left] + points[:, left + 1])


def trunk(points: np.ndarray) -> np.ndarray:
    """Vector (T, D) from the middle of the hips to the middle of the shoulders."""
    return middle(points, SHOULDER) - middle(points, HIP)


def body_scale(points: np.ndarray) -> float:
    """A length of the body that hardly depends on the view: the 90th percentile of trunk, thigh and upper arm's sum."""
    bones = [trunk(points), points[:, HIP] - points[:, KNEE], points[:, SHOULDER] - points[:, ELBOW]]
    length = sum(np.linalg.norm(bone, axis=-1) for bone in bones)
    length = length[np.isfinite(length)]
    # A trunk of 0.52 m, a thigh of 0.43 m and an upper arm of 0.32 m: the scale is about one metre of the body.
    return float(np.percentile(length, 90)) / 1.27 if len(length) else 1.0


def _both(values: np.ndarray) -> np.ndarray:
    return np.stack([values, values], 1)


def elbow(points: np.ndarray) -> np.ndarray:
    """Elbow angle in degrees."""
    return joint_angle(points, SHOULDER, ELBOW, WRIST)


def knee(points: np.ndarray) -> np.ndarray:
    """Knee angle in degrees."""
    return joint_angle(points, HIP, KNEE, ANKLE)


def hip(points: np.ndarray) -> np.ndarray:
    """Hip angle between trunk and thigh in degrees."""
    return joint_angle(points, SHOULDER, HIP, KNEE)


def shoulder(points: np.ndarray) -> np.ndarray:
    """Angle between trunk and upper arm in degrees: 0 hangs down, 90 is level, 180 points overhead."""
    return joint_angle(points, HIP, SHOULDER, ELBOW)


def arm_opening(points: np.ndarray) -> np.ndarray:
    """Angle of each upper arm to the line of the shoulders in degrees: 180 is wide open, 90 points ahead."""
    return np.stack([angle_between(*_bones(points, SHOULDER + 1 - k, SHOULDER + k, ELBOW + k)) for k in SIDES], 1)


def trunk_lean(points: np.ndarray) -> np.ndarray:
    """Angle between the trunk and the vertical of the picture in degrees."""
    up = np.zeros(points.shape[-1])
    up[1] = -1
    return _both(angle_between(trunk(points), up))


def wrist_height(points: np.ndarray) -> np.ndarray:
    """Height of the wrists over the middle of the shoulders, in body scales."""
    level = middle(points, SHOULDER)[:, 1]
    return np.stack([level - points[:, WRIST + k, 1] for k in SIDES], 1) / body_scale(points)


def hand_level(points: np.ndarray) -> np.ndarray:
    """Height of each wrist over its shoulder, in lengths of the arm: -1 hangs down, 0 is level, 1 is overhead.

    It does not ask for the bend of the elbow, which is estimated badly, and holds from every side of the body.
    """
    arm = _longest(points, SHOULDER, ELBOW, WRIST)
    return np.stack([points[:, SHOULDER + k, 1] - points[:, WRIST + k, 1] for k in SIDES], 1) / arm


def hip_level(points: np.ndarray) -> np.ndarray:
    """Height of the middle of the hips over each ankle, in lengths of the leg: 1 stands, about 0.5 is a deep squat."""
    return hip_height(points) * body_scale(points) / _longest(points, HIP, KNEE, ANKLE)


def _longest(points: np.ndarray, first: int, joint: int, last: int) -> float:
    """Length of an arm or a leg along its two bones, where it is seen longest: the 90th percentile of both sides."""
    bones = [_bones(points, first + k, joint + k, last + k) for k in SIDES]
    lengths = np.concatenate([np.linalg.norm(a, axis=-1) + np.linalg.norm(b, axis=-1) for a, b in bones])
    lengths = lengths[np.isfinite(lengths)]
    return float(np.percentile(lengths, 90)) if len(lengths) else float("nan")


def wrist_distance(points: np.ndarray) -> np.ndarray:
    """Distance from shoulder to wrist, in body scales."""
    gap = [np.linalg.norm(points[:, WRIST + k] - points[:, SHOULDER + k], axis=-1) for k in SIDES]
    return np.stack(gap, 1) / body_scale(points)


def wrists_apart(points: np.ndarray) -> np.ndarray:
    """Distance between the wrists, in body scales."""
    return _both(np.linalg.norm(points[:, WRIST] - points[:, WRIST + 1], axis=-1)) / body_scale(points)


def hip_height(points: np.ndarray) -> np.ndarray:
    """Height of the middle of the hips over the ankles, in body scales."""
    level = middle(points, HIP)[:, 1]
    return np.stack([points[:, ANKLE + k, 1] - level for k in SIDES], 1) / body_scale(points)


def hip_over_knee(points: np.ndarray) -> np.ndarray:
    """Height of the hips over the knees, in body scales."""
    return np.stack([points[:, KNEE + k, 1] - points[:, HIP + k, 1] for k in SIDES], 1) / body_scale(points)


def shoulder_height(points: np.ndarray) -> np.ndarray:
    """Height of the middle of the shoulders over the ankles, in body scales."""
    level = middle(points, SHOULDER)[:, 1]
    return np.stack([points[:, ANKLE + k, 1] - level for k in SIDES], 1) / body_scale(points)


def ankle_height(points: np.ndarray) -> np.ndarray:
    """Height of the ankles over the middle of the hips, in body scales."""
    return -hip_height(points)


def ankle_over_knee(points: np.ndarray) -> np.ndarray:
    """Height of the ankles over the knees, in body scales."""
    return np.stack([points[:, KNEE + k, 1] - points[:, ANKLE + k, 1] for k in SIDES], 1) / body_scale(points)


def hands_aside(points: np.ndarray) -> np.ndarray:
    """How far the hands are to the right of the hips along the line that hips and shoulders mostly have."""
    offset = middle(points, WRIST) - middle(points, HIP)
    return _both((offset * _usual_line(points)).sum(-1)) / body_scale(points)


def _usual_line(points: np.ndarray) -> np.ndarray:
    """Unit vector (D,) from left to right: the median over hips and shoulders, which a twist turns to both sides."""
    lines = np.concatenate([points[:, left + 1] - points[:, left] for left in (SHOULDER, HIP)])
    lines = lines[np.isfinite(lines).all(1)]
    line = np.median(lines, axis=0) if len(lines) else np.ones(points.shape[-1])
    return line / max(float(np.linalg.norm(line)), 1e-9)


def hands_across(points: np.ndarray) -> np.ndarray:
    """How far the hands are to the athlete's right of the shoulders, across the picture, in body scales."""
    facing = np.sign(_usual_line(points)[0])
    return facing * _both(middle(points, WRIST)[:, 0] - middle(points, SHOULDER)[:, 0]) / body_scale(points)


def trunk_twist(points: np.ndarray) -> np.ndarray:
    """Turn of the shoulders about the trunk against where they mostly are in degrees, positive to the left."""
    axis = trunk(points)
    with np.errstate(invalid="ignore", divide="ignore"):
        axis = axis / np.linalg.norm(axis, axis=-1, keepdims=True)
    lines = points[:, SHOULDER + 1] - points[:, SHOULDER], np.broadcast_to(_usual_line(points), axis.shape)
    turned, usual = (line - (line * axis).sum(-1, keepdims=True) * axis for line in lines)
    sine = (np.cross(usual, turned) * axis).sum(-1)
    return _both(np.degrees(np.arctan2(sine, (usual * turned).sum(-1))))


def trunk_sway(points: np.ndarray) -> np.ndarray:
    """Angle between the trunk and its direction in the first frames in degrees."""
    axis = trunk(points)
    return _both(angle_between(axis, np.nanmedian(axis[: max(len(axis) // 8, 1)], axis=0)))


def knee_spread(points: np.ndarray) -> np.ndarray:
    """Distance between the knees over that between the ankles: below 1 the knees are closer than the feet."""
    knees, ankles = (np.linalg.norm(points[:, left] - points[:, left + 1], axis=-1) for left in (KNEE, ANKLE))
    return _both(knees / np.maximum(ankles, 1e-6))


def hip_sag(points: np.ndarray) -> np.ndarray:
    """How far the hips hang below the line from shoulders to ankles, as an angle in degrees; above it is negative.

    The angle is the bend at the hips: half of it is the slope of the hips against the line at either end.
    """
    ends = middle(points, SHOULDER), middle(points, ANKLE)
    hips = middle(points, HIP)
    along = ends[1] - ends[0]
    share = ((hips - ends[0]) * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-9)
    below = hips[:, 1] - (ends[0] + share[:, None] * along)[:, 1]
    return _both(np.copysign(180 - angle_between(ends[0] - hips, ends[1] - hips), below))


@dataclass(frozen=True)
class Measure:
    """A measure, the landmarks that it needs (left ones), how far it moves in a usual repetition, and its unit."""

    function: Callable[[np.ndarray], np.ndarray]
    landmarks: tuple[int, ...]
    usual: float
    planar: bool = True  # makes sense in the picture as well
    unit: str = "degrees"


MEASURES = {
    "elbow": Measure(elbow, (SHOULDER, ELBOW, WRIST), 90.0),
    "knee": Measure(knee, (HIP, KNEE, ANKLE), 80.0),
    "hip": Measure(hip, (SHOULDER, HIP, KNEE), 70.0),
    "shoulder": Measure(shoulder, (HIP, SHOULDER, ELBOW), 70.0),
    "arm opening": Measure(arm_opening, (SHOULDER, ELBOW), 70.0),
    "trunk lean": Measure(trunk_lean, (SHOULDER, HIP), 55.0),
    "trunk twist": Measure(trunk_twist, (SHOULDER, HIP), 90.0, planar=False),
    "wrist height": Measure(wrist_height, (SHOULDER, WRIST), 0.4, unit="body scales"),
    "hand level": Measure(hand_level, (SHOULDER, ELBOW, WRIST), 0.6, unit="arm lengths"),
    "hip level": Measure(hip_level, (HIP, KNEE, ANKLE), 0.5, unit="leg lengths"),
    "wrist distance": Measure(wrist_distance, (SHOULDER, WRIST), 0.25, unit="body scales"),
    "wrists apart": Measure(wrists_apart, (WRIST,), 0.9, unit="body scales"),
    "hip height": Measure(hip_height, (HIP, ANKLE), 0.35, unit="body scales"),
    "hip over knee": Measure(hip_over_knee, (HIP, KNEE), 0.25, unit="body scales"),
    "shoulder height": Measure(shoulder_height, (SHOULDER, ANKLE), 0.4, unit="body scales"),
    "ankle height": Measure(ankle_height, (HIP, ANKLE), 0.6, unit="body scales"),
    "ankle over knee": Measure(ankle_over_knee, (KNEE, ANKLE), 0.4, unit="body scales"),
    "hands aside": Measure(hands_aside, (HIP, WRIST), 0.5, unit="body scales"),
    "hands across": Measure(hands_across, (SHOULDER, WRIST), 0.5, unit="body scales"),
    "trunk sway": Measure(trunk_sway, (SHOULDER, HIP), 10.0),
    "knee spread": Measure(knee_spread, (KNEE, ANKLE), 0.2, unit="ratio"),
    "hip sag": Measure(hip_sag, (SHOULDER, HIP, ANKLE), 10.0),
}
