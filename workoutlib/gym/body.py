"""The gym's athlete as a skeleton: proportions, frames of reference and inverse kinematics.

Coordinates are metres: x to the athlete's right, y the way the athlete faces, z up, floor at z = 0. Every
array has time first, so that one call poses a whole clip: (T, 3) points, (T, 2, 3) left-right pairs and
(T, 3, 3) frames whose rows are the unit vectors right, front and up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SIDES = ("left", "right")
PARTS = ("shoulder", "elbow", "wrist", "hand", "hip", "knee", "ankle", "toe")
JOINTS = ("pelvis", "chest", "neck", "head", *(f"{side}_{part}" for side in SIDES for part in PARTS))


@dataclass(frozen=True)
class Body:
    """Segment lengths in metres; `girth` and `muscle` scale the surface around them."""

    female: bool
    height: float
    thigh: float
    shank: float
    ankle: float  # height of the ankle joint above the sole
    foot: float  # from the ankle joint forward to the tip of the toes
    lumbar: float  # hip joints to the middle of the spine
    thorax: float  # middle of the spine to the base of the neck
    neck: float
    head: float  # chin to crown
    upper_arm: float
    forearm: float
    palm: float  # wrist to the middle of a closed hand
    shoulder: float  # half the distance between the shoulder joints
    hip: float  # half the distance between the hip joints
    girth: float = 1.0
    muscle: float = 1.0

    @property
    def leg(self) -> float:
        """Length of the straight leg from hip joint to ankle joint."""
        return self.thigh + self.shank

    @property
    def reach(self) -> float:
        """Length of the straight arm from shoulder joint to the middle of the closed hand."""
        return self.upper_arm + self.forearm + self.palm

    @property
    def trunk(self) -> float:
        """Distance from the hip joints to the shoulder joints along a straight spine."""
        return self.lumbar + self.thorax - 0.028 * self.height


def draw_body(rng: np.random.Generator) -> Body:
    """Draw an adult; mean proportions after Winter, Biomechanics of Human Movement (2009), ch. 4."""
    female = bool(rng.random() < 0.42)
    height = float(np.clip(rng.normal(1.66 if female else 1.78, 0.06), 1.52, 1.96))
    vary = lambda share: share * height * rng.uniform(0.965, 1.035)  # noqa: E731
    return Body(
        female=female,
        height=height,
        thigh=vary(0.243),
        shank=vary(0.243),
        ankle=0.045 * height,
        foot=vary(0.105),
        lumbar=vary(0.140),
        thorax=vary(0.172),
        neck=vary(0.046),
        head=vary(0.137),
        upper_arm=vary(0.180),
        forearm=vary(0.148),
        palm=0.048 * height,
        shoulder=vary(0.098 if female else 0.108),
        hip=vary(0.054 if female else 0.050),
        girth=float(rng.uniform(0.9, 1.12)),
        muscle=float(rng.uniform(0.9, 1.05) if female else rng.uniform(0.96, 1.22)),
    )


@dataclass
class Pose:
    """What an exercise asks of the body; inverse kinematics in `pose_body` fills in the rest."""

    pelvis: np.ndarray  # (T, 3) middle between the hip joints
    hips: np.ndarray  # (T, 3, 3) frame of the pelvis
    chest: np.ndarray  # (T, 3, 3) frame of the rib cage
    head: np.ndarray  # (T, 3, 3) frame of the head
    hands: np.ndarray  # (T, 2, 3) middle of the closed hand, or the wrist where `palms` is given
    elbows: np.ndarray  # (T, 2, 3) direction in which the elbow points
    grip: np.ndarray  # (T, 2, 3) axis of what the hand holds, towards the thumb
    ankles: np.ndarray  # (T, 2, 3)
    knees: np.ndarray  # (T, 2, 3) direction in which the knee points
    feet: np.ndarray  # (T, 2, 3) direction from heel to toes
    palms: np.ndarray | None = None  # (T, 2, 3) direction of the open hand lying on a surface


def unit(vectors: np.ndarray) -> np.ndarray:
    """Scale (..., 3) vectors to length one."""
    return vectors / np.maximum(np.sqrt((vectors**2).sum(-1, keepdims=True)), 1e-9)


def frame(lean: np.ndarray, twist: np.ndarray | float = 0.0, tilt: np.ndarray | float = 0.0) -> np.ndarray:
    """Return (T, 3, 3) frames from angles in degrees.

    `lean` tips the up axis forward (-90 lies on the back, 90 face down), `twist` turns left about it and
    `tilt` bends towards the right.
    """
    lean, twist, tilt = np.broadcast_arrays(*(np.radians(np.atleast_1d(a)) for a in (lean, twist, tilt)))
    zero = np.zeros_like(lean)
    up = np.stack([zero, np.sin(lean), np.cos(lean)], -1)
    front = np.stack([zero, np.cos(lean), -np.sin(lean)], -1)
    right = np.stack([zero + 1, zero, zero], -1)
    c, s = np.cos(tilt)[:, None], np.sin(tilt)[:, None]
    up, right = c * up + s * right, c * right - s * up
    c, s = np.cos(twist)[:, None], np.sin(twist)[:, None]
    right, front = c * right + s * front, c * front - s * right
    return np.stack([right, front, up], -2)


def two_bones(
    root: np.ndarray, target: np.ndarray, pole: np.ndarray, upper: float, lower: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Solve a two-bone chain by the law of cosines; the middle joint bends towards `pole`.

    Returns middle joint, end (the target, or the nearest point within reach) and hinge axis, each (..., 3).
    """
    along = target - root
    distance = np.sqrt((along**2).sum(-1, keepdims=True))
    along = unit(along)
    distance = np.clip(distance, abs(upper - lower) + 0.02, (upper + lower) * 0.9995)
    cosine = np.clip((upper**2 + distance**2 - lower**2) / (2 * upper * distance), -1, 1)
    across = unit(pole - (pole * along).sum(-1, keepdims=True) * along)
    middle = root + upper * (cosine * along + np.sqrt(1 - cosine**2) * across)
    return middle, root + distance * along, np.cross(along, across)


def pose_body(body: Body, pose: Pose) -> dict[str, np.ndarray]:
    """Return every joint of `JOINTS` as (T, 3), and the hinge axes `elbow_axis`, `knee_axis` as (T, 2, 3)."""
    pelvis = pose.pelvis
    middle = pelvis + body.lumbar * pose.hips[:, 2]
    neck = middle + body.thorax * pose.chest[:, 2]
    joints = {"pelvis": pelvis, "chest": middle + 0.55 * body.thorax * pose.chest[:, 2], "neck": neck}
    joints["head"] = neck + body.neck * (0.5 * pose.chest[:, 2] + 0.5 * pose.head[:, 2])
    elbow_axes, knee_axes = [], []
    for k, (side, sign) in enumerate(zip(SIDES, (-1, 1), strict=True)):
        right, front, up = pose.chest[:, 0], pose.chest[:, 1], pose.chest[:, 2]
        root = neck - 0.028 * body.height * up + sign * body.shoulder * right
        # The shoulder blade follows the arm: up when it reaches overhead, forward when it reaches forward.
        aim = unit(pose.hands[:, k] - root)
        raised = np.clip((aim * up).sum(-1, keepdims=True), -0.2, 1)
        ahead = np.clip((aim * front).sum(-1, keepdims=True), -0.4, 1)
        shoulder = root + body.height * (
            0.026 * raised * up + 0.012 * ahead * front - 0.016 * sign * np.maximum(raised, 0) * right
        )
        lower = body.forearm + (body.palm if pose.palms is None else 0.0)
        elbow, end, axis = two_bones(shoulder, pose.hands[:, k], pose.elbows[:, k], body.upper_arm, lower)
        wrist = elbow + (end - elbow) * (body.forearm / lower)
        hand = end if pose.palms is None else wrist + body.palm * unit(pose.palms[:, k])
        hip = pelvis + sign * body.hip * pose.hips[:, 0]
        knee, ankle, hinge = two_bones(hip, pose.ankles[:, k], pose.knees[:, k], body.thigh, body.shank)
        toe = ankle + body.foot * unit(pose.feet[:, k])
        parts = (shoulder, elbow, wrist, hand, hip, knee, ankle, toe)
        joints.update({f"{side}_{name}": value for name, value in zip(PARTS, parts, strict=True)})
        elbow_axes.append(axis)
        knee_axes.append(hinge)
    joints["elbow_axis"], joints["knee_axis"] = np.stack(elbow_axes, 1), np.stack(knee_axes, 1)
    return joints
