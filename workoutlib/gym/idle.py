"""What people in a gym do between sets: frames of no known exercise, and the bystanders."""

from __future__ import annotations

import numpy as np

from . import equipment as gear
from .body import Body, frame
from .poses import Action, Kit, make_pose, mix, pair, shoulders, sit, stand, vector


def walk(body: Body, phase: np.ndarray, kit: Kit) -> Action:
    """Walking on the spot of the picture: the phase swings legs and arms from one side to the other."""
    h = body.height
    swing = np.stack([2 * phase - 1, 1 - 2 * phase], 1)  # left leg ahead at 1
    step = 0.19 * h * swing
    lift = 0.05 * np.maximum(0, 1 - np.abs(swing)) * np.array([1.0, 0.3])
    pelvis = vector(0, 0, np.sqrt((0.99 * body.leg) ** 2 - (0.19 * h * (2 * phase - 1)) ** 2) + body.ankle - 0.015)
    hips = frame(np.full_like(phase, 4.0), 6 * (1 - 2 * phase))
    top = shoulders(body, pelvis, hips)
    ankles = np.stack([vector(s * 0.05 * h, step[:, k], body.ankle + lift[:, k]) for k, s in enumerate((-1, 1))], 1)
    hands = np.stack(
        [
            top + vector(s * (body.shoulder + 0.06), -0.9 * step[:, k] + 0.08, -0.94 * body.reach)
            for k, s in enumerate((-1, 1))
        ],
        1,
    )
    return Action(
        make_pose(
            phase,
            pelvis=pelvis,
            hips=hips,
            chest=frame(np.full_like(phase, 3.0), 8 * (2 * phase - 1)),
            head=frame(0 * phase),
            hands=hands,
            elbows=pair(0.2, -1, 0),
            grip=pair(-0.4, 1, 0),
            ankles=ankles,
            knees=pair(0.05, 1, 0),
            feet=pair(0.1, 1, 0),
        )
    )


def _stance(body: Body, phase: np.ndarray, lean: float = 2.0, width: float = 0.075) -> tuple[dict, np.ndarray]:
    legs = stand(body, 2.0, 4.0, width * body.height)
    hips = frame(lean + 1.5 * phase)
    return {**legs, "hips": hips}, shoulders(body, legs["pelvis"], hips)


def rest(body: Body, phase: np.ndarray, kit: Kit) -> Action:
    """Standing about: hands on the hips, or arms hanging."""
    parts, top = _stance(body, phase)
    if kit.variant < 0.5:
        hands = parts["pelvis"] + pair(0.105 * body.height, 0.0, 0.07 * body.height)
        arms = {"hands": hands, "elbows": pair(1, -0.6, 0), "grip": pair(-0.2, 1, 0.4)}
    else:
        hands = top[:, None] + pair(body.shoulder + 0.05, 0.05, -0.95 * body.reach)
        arms = {"hands": hands, "elbows": pair(0.3, -1, 0), "grip": pair(-0.4, 1, 0)}
    return Action(make_pose(phase, **parts, **arms, head=frame(4 * phase, 30 * (phase - 0.5))))


def sit_down(body: Body, phase: np.ndarray, kit: Kit) -> Action:
    """Resting on a bench, forearms on the thighs."""
    legs = sit(body, 0.44, 0.40, 0.1)
    hips = frame(mix(phase, 24, 30))
    knee = vector(0, 0.8 * body.thigh, legs["pelvis"][0, 2] + 0.05)
    pose = make_pose(
        phase,
        **legs,
        hips=hips,
        head=frame(mix(phase, 14, 26), 10.0),
        hands=pair(0.06 * body.height, knee[1] + 0.05, knee[2] + 0.05),
        elbows=pair(1, -0.5, -0.5),
        grip=pair(-0.5, 0.5, 0.7),
    )
    return Action(pose, [gear.bench((0, -0.75, 0.44), (0, 0.15, 0.44), (0, 0.17, 0.44), kit.pad, legs=kit.frame)])


def drink(body: Body, phase: np.ndarray, kit: Kit) -> Action:
    """A bottle lifted to the mouth."""
    parts, top = _stance(body, phase)
    mouth = top + vector(0.02, mix(phase, 0.24, 0.15), mix(phase, -0.2, 0.10) * body.height / 1.75 + 0.02)
    low = top + vector(-body.shoulder - 0.06, 0.05, -0.95 * body.reach)
    tilt = np.radians(mix(phase, 10, 100))
    axis = vector(0, -np.sin(tilt), np.cos(tilt))
    pose = make_pose(
        phase,
        **parts,
        head=frame(mix(phase, 0, -18)),
        hands=np.stack([low, mouth], 1),
        elbows=pair(0.9, -0.3, -0.8),
        grip=np.stack([np.broadcast_to([0.0, 1, 0], axis.shape), axis], 1),
    )
    bottle = gear.lathe(
        mouth,
        axis,
        [
            (-0.11, 0.03, kit.mat),
            (-0.1, 0.034, kit.mat),
            (0.05, 0.034, kit.mat),
            (0.08, 0.016, kit.mat),
            (0.08, 0.018, gear.DARK),
            (0.12, 0.016, gear.DARK),
        ],
        10,
    )
    return Action(pose, [], [bottle])


def stretch(body: Body, phase: np.ndarray, kit: Kit) -> Action:
    """A side bend with the arms overhead, or reaching for the toes."""
    if kit.variant < 0.5:
        parts, _ = _stance(body, phase, width=0.12)
        hips, chest = frame(0 * phase, 0.0, mix(phase, 2, 10)), frame(0 * phase, 0.0, mix(phase, 4, 30))
        top = shoulders(body, parts["pelvis"], hips, chest)
        over = top[:, None] + 0.96 * body.reach * chest[:, None, 2] + 0.03 * np.stack([-chest[:, 0], chest[:, 0]], 1)
        parts |= {"hips": hips, "chest": chest}
        return Action(make_pose(phase, **parts, hands=over, elbows=pair(1, 0, -0.2), grip=pair(0, 1, 0)))
    legs = stand(body, 0.0, mix(phase, 4, 12), 0.06 * body.height)
    hips, chest = frame(mix(phase, 20, 82)), frame(mix(phase, 30, 122))
    top = shoulders(body, legs["pelvis"], hips, chest)
    hands = top[:, None] + pair(body.shoulder, 0.08, -0.93 * body.reach)
    hands = np.concatenate([hands[..., :2], np.maximum(hands[..., 2:], 0.05)], -1)
    return Action(
        make_pose(phase, **legs, hips=hips, chest=chest, hands=hands, elbows=pair(0.4, -1, 0), grip=pair(-1, 0, 0))
    )


def jumping_jack(body: Body, phase: np.ndarray, kit: Kit) -> Action:
    """Feet together and arms down, then feet apart and arms overhead, with a hop between."""
    wide = mix(phase, 0.05, 0.17) * body.height
    hop = 0.10 * np.sin(np.pi * phase)
    angle = np.radians(mix(phase, 12, 168))
    pelvis = vector(0, 0, np.sqrt((0.985 * body.leg) ** 2 - (wide - body.hip) ** 2) + body.ankle + hop)
    hips = frame(0 * phase)
    top = shoulders(body, pelvis, hips)
    hands = top[:, None] + pair(
        body.shoulder + 0.93 * body.reach * np.sin(angle), 0.06, -0.93 * body.reach * np.cos(angle)
    )
    return Action(
        make_pose(
            phase,
            pelvis=pelvis,
            hips=hips,
            hands=hands,
            elbows=pair(0.5, -1, 0),
            grip=pair(0, 1, 0),
            ankles=pair(wide, 0, body.ankle + hop),
            knees=pair(0.3, 1, 0),
            feet=pair(0.3, 1, -0.4 * np.sin(np.pi * phase)),
        )
    )
