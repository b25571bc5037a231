"""Movements of no exercise in particular: what else a body may do in front of a camera.

A posture is drawn, then which parts of the body leave it and how far. The body model learns from them what is no known
exercise (outlier exposure, Hendrycks et al. 2019, arXiv:1812.04606).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .body import Body, Pose, frame
from .poses import Action, Kit, make_pose, shoulders
from .postures import MIRROR, Posture, draw_arm, draw_posture

_MOVES = (  # what leaves the posture, and how often
    (0.12, ()),
    (0.18, ("leg",)),
    (0.12, ("arm",)),
    (0.13, ("arms",)),
    (0.10, ("leg", "arm")),
    (0.10, ("trunk",)),
    (0.06, ("pelvis",)),
    (0.04, ("pelvis", "arms")),
    (0.04, ("legs",)),
    (0.03, ("legs", "arms")),
    (0.08, ("leg", "trunk", "arms", "pelvis")),
)
_FROM_SIDE_TO_SIDE = 0.3  # share of one-sided movements that are done left and right in turn


def any_movement(body: Body, phase: np.ndarray, kit: Kit) -> Action:
    """A movement that the kit's variant draws: from one posture (phase 0) to another (phase 1)."""
    rng = np.random.default_rng(int(kit.variant * 2**53))
    start, alternates = draw_posture(body, rng)
    moving = _MOVES[int(rng.choice(len(_MOVES), p=[share for share, _ in _MOVES]))][1]
    end = _move(start, body, rng, moving)
    if alternates and {"leg", "arm"} & {*moving} and rng.random() < _FROM_SIDE_TO_SIDE:
        start, end = end, end.mirrored()
    if rng.random() < 0.5:
        start, end = start.mirrored(), end.mirrored()
    return Action(_pose_of(start.between(end, phase), body, phase))


def _pose_of(way: Posture, body: Body, phase: np.ndarray) -> Pose:
    hips, chest, head = (frame(*turn.T) for turn in np.cumsum(way.turns, 1).transpose(1, 0, 2))
    top = shoulders(body, way.pelvis, hips, chest)
    roots = top[:, None] + body.shoulder * np.stack([-chest[:, 0], chest[:, 0]], 1)
    free = roots + way.arms @ chest
    share = way.leaning[..., None]
    hands = share * (top[:1] * [1, 1, 0] + way.floor) + (1 - share) * free
    above_floor = lambda points: np.concatenate([points[..., :2], np.maximum(points[..., 2:], 0.04)], -1)  # noqa: E731
    return make_pose(
        phase,
        pelvis=way.pelvis,
        hips=hips,
        chest=chest,
        head=head,
        hands=above_floor(hands),
        elbows=way.elbows @ chest,
        grip=np.tile([0.0, 1.0, 0.0], (1, 2, 1)),
        ankles=above_floor(way.ankles),
        knees=way.knees,
        feet=way.feet,
    )


def _move(start: Posture, body: Body, rng: np.random.Generator, moving: tuple[str, ...]) -> Posture:
    """Where a movement of some parts of the body ends."""
    size, end = rng.uniform(0.3, 1.3), start
    if {"leg", "legs"} & {*moving}:
        shift = rng.normal(0, 0.22, 3)
        shift += 0, rng.choice([-0.2, 0, 0.3]), 0.3 * rng.random()
        sides = MIRROR * [[1], ["legs" in moving]]
        bend = np.array([rng.normal(0, 0.5), 0, 0])
        end = replace(end, ankles=end.ankles + size * shift * sides, knees=end.knees + bend * sides)
    if {"arm", "arms"} & {*moving}:
        hand, elbow = draw_arm(body, rng)
        moved = np.array([[True], ["arms" in moving]])
        end = replace(
            end,
            arms=np.where(moved, hand * MIRROR, end.arms),
            elbows=np.where(moved, elbow * MIRROR, end.elbows),
            leaning=end.leaning * [moved[1, 0], 1],
            floor=end.floor + np.array([0, rng.normal(0, 0.15), 0]),
        )
    if "trunk" in moving:
        spread = np.array([[18, 0, 0], [18, 22, 14], [0, 0, 0]])
        end = replace(end, turns=end.turns + size * rng.normal(0, spread))
    if "pelvis" in moving:
        pelvis = end.pelvis + size * rng.normal(0, [0.05, 0.12, 0.18])
        if start.pelvis[2] < 0.35 * body.leg:  # no deeper into the floor
            pelvis[2] = max(pelvis[2], start.pelvis[2])
        end = replace(end, pelvis=pelvis)
    return end
