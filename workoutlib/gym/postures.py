"""Postures of no exercise in particular, such as standing, a lunge, on all fours or lying on one side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from .body import Body

MIRROR = np.array([[-1, 1, 1], [1, 1, 1]])
"""Makes a left-right pair of the right side's values."""
_FLOOR = 0.06  # height of a knee, a hand or an ankle on the floor, in metres
_AHEAD = np.array([[-0.1, 1, 0.1], [0.1, 1, 0.1]])
_BACK = np.array([[0, -1, -0.2], [0, -1, -0.2]])
_UP = np.array([[-0.2, 0.3, 1], [0.2, 0.3, 1]])
_DOWN = np.array([[0, 0.3, -1], [0, 0.3, -1]])
_HANDS = np.array(  # hanging, on the hip, ahead, overhead, aside, at the chest, behind the neck, at the face, reaching
    [
        *((0.06, 0.05, -0.95), (0.02, 0.05, -0.62), (0, 0.92, 0), (0.08, 0.05, 0.95), (0.92, 0.1, 0)),
        *((-0.12, 0.35, -0.25), (-0.15, -0.05, 0.25), (-0.1, 0.4, 0.1), (0.05, 0.6, -0.7)),
    ]
)


@dataclass(frozen=True)
class Posture:
    """Where a body's parts are. Pairs are left, right; points are in metres, the floor at z = 0."""

    pelvis: np.ndarray  # (3,)
    turns: np.ndarray  # (3, 3) lean, twist and tilt in degrees of hips, chest beyond the hips, head beyond the chest
    arms: np.ndarray  # (2, 3) hands from the shoulders, along the chest's axes
    elbows: np.ndarray  # (2, 3) which way they point, along the chest's axes
    ankles: np.ndarray  # (2, 3)
    knees: np.ndarray  # (2, 3) which way they point
    feet: np.ndarray  # (2, 3) which way they point
    floor: np.ndarray  # (2, 3) hands on the floor, from the point below the shoulders
    leaning: np.ndarray  # (2,) 1 for a hand on the floor, 0 for a free one

    def mirrored(self) -> Posture:
        """Left and right exchanged."""
        pairs = {each.name: getattr(self, each.name)[::-1] for each in fields(self)[2:]}
        sides = {name: pair * [-1, 1, 1] if pair.ndim == 2 else pair for name, pair in pairs.items()}
        return Posture(pelvis=self.pelvis * [-1, 1, 1], turns=self.turns * [1, -1, -1], **sides)

    def between(self, other: Posture, phase: np.ndarray) -> Posture:
        """On the way to another posture, all parts with time (T,) first."""
        pairs = {each.name: (getattr(self, each.name), getattr(other, each.name)) for each in fields(self)}
        return Posture(**{n: a + phase.reshape(-1, *[1] * a.ndim) * (b - a) for n, (a, b) in pairs.items()})


def draw_posture(body: Body, rng: np.random.Generator) -> tuple[Posture, bool]:
    """A posture, and whether its movements may go from side to side."""
    draw, alternates = _POSTURES[int(rng.choice(len(_POSTURES), p=_SHARES))]
    return draw(body, rng), alternates


def draw_arm(body: Body, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Where a right hand is from its shoulder, along the chest's axes, and which way the elbow points: each (3,)."""
    if rng.random() < 0.6:
        hand = body.reach * _HANDS[rng.integers(len(_HANDS))] + rng.normal(0, 0.06, 3)
    else:
        way = rng.normal(0, 1, 3)
        way[1] = abs(way[1]) - 0.2
        hand = rng.uniform(0.35, 0.98) * body.reach * way / np.linalg.norm(way)
    return hand, rng.normal([0.6, -0.5, -0.6], 0.4)


def _posture(body: Body, rng: np.random.Generator, **parts: np.ndarray | float) -> Posture:
    """A posture of some `parts`; arms are drawn, and head and trunk turn a little.

    ``lean`` of the hips, ``tilt`` of the hips, ``chest`` and ``gaze``, lean of chest and head, are in degrees.
    """
    right = draw_arm(body, rng)
    left = right if rng.random() < 0.6 else draw_arm(body, rng)
    arms, elbows = (np.stack([one * [-1, 1, 1], other]) for one, other in zip(left, right, strict=True))
    turns = rng.normal(0, [[6, 6, 4], [5, 8, 4], [12, 20, 4]])
    turns[:, 0] += [parts.pop(name, 0.0) for name in ("lean", "chest", "gaze")]
    turns[0, 2] += parts.pop("tilt", 0.0)
    free = {"floor": np.zeros((2, 3)), "leaning": np.zeros(2)}
    return Posture(**{"turns": turns, "arms": arms, "elbows": elbows} | free | parts)


def _pair(x: float, y: float, z: float) -> np.ndarray:
    """The same point left and right (2, 3); x counts outwards."""
    return np.array([x, y, z]) * MIRROR


def _width(body: Body, rng: np.random.Generator) -> float:
    return rng.uniform(0.04, 0.16) * body.height


def _standing(body: Body, rng: np.random.Generator) -> Posture:
    height = np.sqrt(rng.uniform(0.8, 1.0)) * 0.99 * body.leg + body.ankle
    ankles = _pair(_width(body, rng), 0, body.ankle) + rng.normal(0, [[0, 0.05, 0]], (2, 3))
    lean = rng.uniform(10, 100) if rng.random() < 0.35 else 0.0
    return _posture(
        body, rng, pelvis=np.array([0, 0, height]), lean=lean, ankles=ankles, knees=_AHEAD, feet=_pair(0.2, 1, 0)
    )


def _lunge(body: Body, rng: np.random.Generator) -> Posture:
    width, ahead, behind = _width(body, rng) / 2, rng.uniform(0.12, 0.3) * body.height, rng.uniform(0.2, 0.6)
    return _posture(
        body,
        rng,
        pelvis=np.array([0, 0, rng.uniform(0.55, 0.95) * body.leg + body.ankle]),
        lean=rng.normal(8, 12),
        ankles=np.array([[-width, -behind, body.ankle + 0.06], [width, ahead, body.ankle]]),
        knees=np.array([[0, 1, -0.3], [0, 1, 0.2]]),
        feet=np.array([[0, 1, -0.8], [0, 1, 0]]),
    )


def _on_all_fours(body: Body, rng: np.random.Generator) -> Posture:
    lean = rng.uniform(78, 102)
    return _posture(
        body,
        rng,
        pelvis=np.array([0, 0, rng.uniform(0.9, 1.0) * body.thigh]),
        lean=lean,
        gaze=-lean * rng.uniform(0.2, 0.9),
        ankles=_pair(_width(body, rng) / 2, -0.97 * body.shank, _FLOOR),
        knees=_DOWN,
        feet=_BACK,
        floor=_hands_on_floor(body, rng),
        leaning=np.ones(2),
    )


def _on_hands_and_feet(body: Body, rng: np.random.Generator) -> Posture:
    lean, height = rng.uniform(60, 100), rng.uniform(0.28, 0.76) * body.leg
    behind = np.sqrt(max((0.98 * body.leg) ** 2 - (height - 0.1) ** 2, 0.04))
    return _posture(
        body,
        rng,
        pelvis=np.array([0, 0, height]),
        lean=lean,
        gaze=-lean * rng.uniform(0.2, 0.9),
        ankles=_pair(_width(body, rng) / 2, -behind, 0.1),
        knees=_DOWN,
        feet=_DOWN,
        floor=_hands_on_floor(body, rng),
        leaning=np.ones(2),
    )


def _hands_on_floor(body: Body, rng: np.random.Generator) -> np.ndarray:
    return _pair(body.shoulder + abs(rng.normal(0, 0.05)), rng.uniform(-0.1, 0.15), _FLOOR)


def _kneeling(body: Body, rng: np.random.Generator) -> Posture:
    """On both knees, or on one."""
    height, width = rng.uniform(0.55, 1.0) * body.thigh, _width(body, rng)
    behind = np.sqrt(max(body.thigh**2 - height**2, 0))
    ankles, knees, feet = _pair(width, -0.95 * body.shank, _FLOOR), _pair(0, 1, -0.6), _BACK.copy()
    if rng.random() < 0.45:
        ankles[1], knees[1], feet[1] = (width, 0.9 * body.thigh, body.ankle), (0, 1, 1), (0, 1, 0)
    lean = rng.uniform(-15, 50) if rng.random() < 0.5 else rng.normal(0, 8)
    pelvis = np.array([0, -behind, height + 0.05])
    return _posture(body, rng, pelvis=pelvis, lean=lean, ankles=ankles, knees=knees, feet=feet)


def _on_the_back(body: Body, rng: np.random.Generator) -> Posture:
    height, width, leg = float(rng.choice([0.11, 0.55], p=[0.7, 0.3])), _width(body, rng), body.leg
    ankles = (
        _pair(width, 0.97 * leg, height - 0.03),  # straight
        _pair(width, rng.uniform(0.3, 0.6) * leg, 0.05),  # feet on the floor
        _pair(width, rng.uniform(0, 0.6) * leg, height + rng.uniform(0.3, 0.85) * leg),  # raised
        _pair(width, 0.5 * leg, height + rng.uniform(0.2, 0.4)),
    )
    return _posture(
        body,
        rng,
        pelvis=np.array([0, 0, height]),
        lean=-90.0,
        chest=rng.uniform(0, 50) if rng.random() < 0.4 else 0.0,
        gaze=rng.uniform(0, 40),
        ankles=ankles[rng.integers(len(ankles))],
        knees=_UP,
        feet=_pair(0, 0.6, 0.8),
    )


def _on_one_side(body: Body, rng: np.random.Generator) -> Posture:
    bend = rng.random() if rng.random() < 0.6 else 0.0
    straight, ahead = 0.98 * body.leg * (1 - 0.35 * bend), bend * rng.uniform(0, 0.35)
    return _posture(
        body,
        rng,
        pelvis=np.array([0, 0, 0.16 + (rng.uniform(0, 0.2) if rng.random() < 0.3 else 0)]),
        tilt=90.0,
        ankles=np.array([[-straight, ahead, 0.14], [-straight, ahead, _FLOOR]]),
        knees=np.array([[-0.2, 1, 0.1], [-0.2, 1, 0]]),
        feet=np.array([[-0.2, 1, 0], [-0.2, 1, 0]]),
    )


def _face_down(body: Body, rng: np.random.Generator) -> Posture:
    return _posture(
        body,
        rng,
        pelvis=np.array([0, 0, 0.13]),
        lean=90.0,
        chest=-rng.uniform(0, 50) if rng.random() < 0.4 else 0.0,
        gaze=-rng.uniform(0, 60),
        ankles=_pair(_width(body, rng), -0.97 * body.leg, 0.08),
        knees=_DOWN,
        feet=_BACK,
    )


def _sitting(body: Body, rng: np.random.Generator) -> Posture:
    """On the floor, or on a seat."""
    lean, width = rng.uniform(-35, 45), _width(body, rng)
    if rng.random() < 0.5:
        ankles = _pair(2 * width * rng.uniform(0.3, 2), rng.uniform(0.35, 0.98) * body.leg, 0.07)
        return _posture(body, rng, pelvis=np.array([0, 0, 0.1]), lean=lean, ankles=ankles, knees=_UP, feet=_UP)
    pelvis, ankles = np.array([0, 0, rng.uniform(0.48, 0.61)]), _pair(width, rng.uniform(0.2, 0.5), body.ankle)
    return _posture(body, rng, pelvis=pelvis, lean=lean, ankles=ankles, knees=_pair(0.15, 1, 1), feet=_pair(0.2, 1, 0))


_POSTURES: tuple[tuple[Callable[[Body, np.random.Generator], Posture], bool], ...] = (
    *((_standing, True), (_lunge, True), (_on_all_fours, True), (_on_hands_and_feet, True), (_kneeling, True)),
    *((_on_the_back, False), (_on_one_side, False), (_face_down, False), (_sitting, False)),
)  # and whether its movements may go from side to side
_SHARES = (0.24, 0.10, 0.12, 0.04, 0.11, 0.12, 0.09, 0.06, 0.12)
