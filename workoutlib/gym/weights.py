"""Moves of an athlete who stands with free weights, or presses them from a bench."""

from __future__ import annotations

import numpy as np

from . import equipment as gear
from .body import Body, Pose, frame
from .poses import HALF_WAY, Action, Kit, make_pose, mix, pair, shoulders, sit, stand, vector
from .raster import Mesh


def squat(body: Body, phase: np.ndarray, kit: Kit) -> Action:
    depth = phase * (0.5 if kit.fault == "shallow squat" else 1.0)
    legs = stand(body, mix(depth, 2, 31), mix(depth, 3, 94), 0.11 * body.height, 24)
    if kit.fault == "knees caving in":
        legs["knees"] = pair(-0.4, 1, 0.1)
    level = body.lumbar + 0.86 * body.thorax
    back = 0.066 * body.height
    lean = np.degrees(np.arcsin(np.clip((0.05 + back - legs["pelvis"][:, 1]) / level, 0, 0.8)))
    if kit.fault == "leaning forward":
        lean = lean + 26 * depth
    hips = frame(lean)
    bar = legs["pelvis"] + level * hips[:, 2] - back * hips[:, 1]
    pose = make_pose(
        phase,
        **legs,
        hips=hips,
        head=frame(0.35 * lean),
        hands=bar[:, None] + pair(0.21 * body.height, 0, 0),
        elbows=pair(0.35, -0.8, -1),
        grip=pair(-1, 0, 0.0),
    )
    still = [gear.cage(0.62, -0.75, 1.15, 2.3, kit.frame)] if kit.variant < 0.35 else []
    if 0.35 <= kit.variant < 0.75:
        still = [gear.stands(0.55, 0.62, 1.45, kit.frame, hooks=1.35)]
    return Action(
        pose,
        still,
        [gear.barbell(bar, plate=0.225 * kit.size, paint=kit.plate, sleeve=0.68, pair=1 + (kit.size > 0.95))],
    )


def _from_floor(body: Body, phase: np.ndarray, kit: Kit, shank, thigh, lean, round_back: float = 0.0) -> Action:
    """Deadlifts: the arms hang from the shoulders and the bar stays over the middle of the foot."""
    legs = stand(body, shank, thigh, 0.062 * body.height, 12)
    hips, chest = frame(lean - 0.8 * round_back * lean / 60), frame(lean + round_back * lean / 60)
    top = shoulders(body, legs["pelvis"], hips, chest)
    wide = 0.165 * body.height
    front = np.maximum(0.075 + 0.045 * (1 - np.clip(lean / 60, 0, 1)), legs["pelvis"][:, 1] + 0.075 * body.height)
    drop = np.sqrt((0.985 * body.reach) ** 2 - (wide - body.shoulder) ** 2 - (front - top[:, 1]) ** 2)
    bar = vector(0, front, top[:, 2] - drop)
    pose = make_pose(
        phase,
        **legs,
        hips=hips,
        chest=chest,
        head=frame(0.55 * lean),
        hands=bar[:, None] + pair(wide, 0, 0),
        elbows=pair(0.5, -1, 0),
        grip=pair(-1, 0, 0),
    )
    paint, pairs = kit.plate, 1 + (kit.variant > 0.6)
    return Action(pose, [], [gear.barbell(bar, paint=paint, sleeve=0.62, pair=pairs)])


def deadlift(body: Body, phase: np.ndarray, kit: Kit) -> Action:
    """The lean of the starting position is the one that brings the bar to the floor."""
    rounded = 34.0 if kit.fault == "rounded back" else 0.0
    shank, thigh = 16.0, 62.0
    leans = np.arange(20.0, 86.0, 1.0)
    reached = _from_floor(body, leans, kit, np.full(len(leans), shank), np.full(len(leans), thigh), leans, rounded)
    height = reached.pose.hands[:, 0, 2]
    start = float(leans[np.argmin(np.abs(height - 0.225))])
    up = np.clip(phase, 0, 1) ** 1.5  # the bar rests on the floor between repetitions
    # Knees first, hips second: the bar passes the knees before the trunk comes upright.
    return _from_floor(
        body, phase, kit, mix(up**0.8, shank, 2), mix(up**0.8, thigh, 4), mix(up**1.25, start, 3), rounded
    )


def romanian_deadlift(body: Body, phase: np.ndarray, kit: Kit) -> Action:
    phase = 1 - np.clip(1 - phase, 0, 1) ** 1.5
    shank, thigh = (14, 58) if kit.fault == "bent knees" else (0, 27)
    rounded = 34.0 if kit.fault == "rounded back" else 0.0
    return _from_floor(body, phase, kit, mix(phase, 1, shank), mix(phase, 7, thigh), mix(phase, 18, 75), rounded)


def _curl(body: Body, phase: np.ndarray, kit: Kit, wide: float) -> tuple[dict, np.ndarray, np.ndarray]:
    """Standing with the upper arms at the sides; returns pose parts, hand (T, 3) of the right and its forearm."""
    swing = (18 * np.sin(np.pi * phase) - 4) if kit.fault == "swinging" else 2.0 * np.sin(np.pi * phase)
    legs = stand(body, 3.0, 5.0, 0.085 * body.height)
    hips = frame(-swing * np.ones_like(phase))
    top = shoulders(body, np.broadcast_to(legs["pelvis"], (len(phase), 3)), hips)
    upper, bend = np.radians(mix(phase, 2, 20)), np.radians(mix(phase**0.8, 18, 133))
    elbow = top + vector(0.0, body.upper_arm * np.sin(upper), -body.upper_arm * np.cos(upper))
    fore = vector(0, np.sin(upper + bend), -np.cos(upper + bend))
    hand = elbow + np.sqrt((body.forearm + body.palm) ** 2 - (wide - body.shoulder - 0.03) ** 2) * fore
    parts = {**legs, "hips": hips, "head": frame(8 * np.ones_like(phase) - 6 * phase), "elbows": pair(0.25, -1, -0.6)}
    return parts, hand, fore


def barbell_curl(body: Body, phase: np.ndarray, kit: Kit) -> Action:
    wide = 0.15 * body.height
    parts, bar, _ = _curl(body, phase, kit, wide)
    pose = make_pose(phase, **parts, hands=bar[:, None] + pair(wide, 0, 0), grip=pair(1, 0, 0))
    plate, length, sleeve = (0.15 * kit.size, 1.25, 0.44) if kit.variant < 0.6 else (0.2 * kit.size, 1.8, 0.58)
    return Action(pose, [], [gear.barbell(bar, plate=plate, paint=kit.plate, length=length, sleeve=sleeve)])


def hammer_curl(body: Body, phase: np.ndarray, kit: Kit) -> Action:
    wide = 0.135 * body.height
    turn = HALF_WAY if kit.fault == "half range" else 1.0
    other = turn - phase if kit.variant < 0.35 else phase
    parts, right, fore = _curl(body, phase, kit, wide)
    _, left, fore_left = _curl(body, other, kit, wide)
    hands = np.stack([left + np.array([-wide, 0, 0]), right + np.array([wide, 0, 0])], 1)
    turned = [np.stack([f[:, 0], -f[:, 2], f[:, 1]], -1) for f in (fore_left, fore)]
    grip = np.stack(turned, 1)  # thumbs up: square to the forearm within the plane of the curl
    pose = make_pose(phase, **parts, hands=hands, grip=grip)
    return Action(pose, [], [gear.dumbbell(hands[:, k], grip[:, k], size=kit.size, paint=kit.plate) for k in (0, 1)])


def lateral_raises(body: Body, phase: np.ndarray, kit: Kit) -> Action:
    legs = stand(body, 3.0, 5.0, 0.08 * body.height)
    swing = 20.0 * np.sin(np.pi * phase) if kit.fault == "swinging" else 0.0
    hips = frame(5.0 - swing + 0 * phase)
    top = shoulders(body, legs["pelvis"], hips)
    angle = np.radians(mix(phase**0.8, 20, 92))
    reach = 0.965 * body.reach
    hands = top[:, None] + pair(
        body.shoulder + reach * np.sin(angle), 0.05 + 0.09 * np.sin(angle), -reach * np.cos(angle)
    )
    grip = pair(0.25, 1, 0.1)
    pose = make_pose(
        phase, **legs, hips=hips, head=frame(np.zeros_like(phase)), hands=hands, elbows=pair(0.2, -1, 0.5), grip=grip
    )
    axis = np.broadcast_to(grip, hands.shape)
    return Action(
        pose, [], [gear.dumbbell(hands[:, k], axis[:, k], size=0.85 * kit.size, paint=kit.plate) for k in (0, 1)]
    )


def shoulder_press(body: Body, phase: np.ndarray, kit: Kit) -> Action:
    """Barbell standing, dumbbells standing, or dumbbells on a bench with its back up."""
    seated, bar = kit.variant < 0.4, kit.variant > 0.7
    legs = sit(body, 0.46, 0.40) if seated else stand(body, 3.0, 5.0, 0.085 * body.height)
    hips = frame((-6.0 if seated else -2.0) - (24.0 if kit.fault == "leaning back" else 0.0) * phase)
    top = shoulders(body, legs["pelvis"], hips)
    wide = mix(phase, 0.20, 0.175 if bar else 0.12) * body.height
    low = 0.055 * body.height if bar else 0.10 * body.height
    high = np.sqrt((body.reach * 1.02) ** 2 - (wide - body.shoulder) ** 2)
    hands = top[:, None] + pair(
        wide, mix(phase, 0.12 if bar else 0.07, 0.02), mix(phase, low, 1.0) * 0 + low + (high - low) * phase
    )
    pose = make_pose(
        phase,
        **legs,
        hips=hips,
        head=frame(np.full_like(phase, -6.0)),
        hands=hands,
        elbows=pair(0.9, 0.25, -0.8),
        grip=pair(-1, 0, 0),
    )
    still = [gear.chair(0.46, 0.42, 1.0, 6, kit.pad, width=0.32, frame=kit.frame, y=-0.13)] if seated else []
    if bar:
        return Action(
            pose, still, [gear.barbell(hands.mean(1), plate=0.2 * kit.size, paint=kit.plate, length=1.7, sleeve=0.56)]
        )
    axis = np.broadcast_to(pair(-1, 0, 0), hands.shape)
    return Action(
        pose, still, [gear.dumbbell(hands[:, k], axis[:, k], size=1.1 * kit.size, paint=kit.plate) for k in (0, 1)]
    )


def _press(
    body: Body, phase: np.ndarray, kit: Kit, lean: float, pelvis: np.ndarray, legs: dict, touch: float
) -> tuple[Pose, np.ndarray]:
    """Bench presses: straight arms over the shoulders down to the chest, `touch` heights below the shoulders."""
    hips = chest = frame(np.full_like(phase, lean))
    top = shoulders(body, pelvis, hips)
    front, up = hips[:, 1], hips[:, 2]
    if kit.fault == "hips off the bench":  # the shoulders stay, the lower back arches
        hips = frame(np.full_like(phase, lean - 34))
        pelvis = pelvis + body.lumbar * (up - hips[:, 2])
    wide, tuck = 0.215 * body.height, -0.5 if kit.fault == "flared elbows" else 0.45
    high = top + vector(0, 0.03, np.sqrt((0.985 * body.reach) ** 2 - (wide - body.shoulder) ** 2))
    low = top - touch * body.height * up + 0.088 * body.height * front
    bar = high + phase[:, None] * (low - high)
    pose = make_pose(
        phase,
        pelvis=pelvis,
        hips=hips,
        chest=chest,
        head=frame(np.full_like(phase, lean + 8)),
        **legs,
        hands=bar[:, None] + pair(wide, 0, 0),
        elbows=np.stack([-tuck * up - 0.75 * front + np.array([s * 0.85, 0, 0]) for s in (-1, 1)], 1),
        grip=pair(-1, 0, 0),
    )
    return pose, bar


def _press_bar(bar: np.ndarray, kit: Kit) -> Mesh:
    return gear.barbell(bar, plate=0.225 * kit.size, paint=kit.plate, sleeve=0.66, pair=1 + (kit.variant > 0.7))


def bench_press(body: Body, phase: np.ndarray, kit: Kit) -> Action:
    pad, h = 0.44, body.height
    pelvis = vector(0, 0, [pad + 0.066 * h])
    legs = {"ankles": pair(0.14 * h, 0.26 * h, body.ankle), "knees": pair(0.5, 0.4, 1), "feet": pair(0.25, 1, 0)}
    pose, bar = _press(body, phase, kit, -90, pelvis, legs, 0.085)
    end = -body.lumbar - body.thorax - 0.26
    bench = gear.bench((0, end, pad), (0, 0.08, pad), (0, 0.10, pad), kit.pad, legs=kit.frame)
    rack = gear.stands(0.56, end + 0.02, 1.12, kit.frame, hooks=1.0)
    return Action(pose, [bench, rack], [_press_bar(bar, kit)])


def incline_bench_press(body: Body, phase: np.ndarray, kit: Kit) -> Action:
    pad, h, slope = 0.44, body.height, 40.0
    lean = slope - 90
    up, front = frame(lean)[0, 2], frame(lean)[0, 1]
    hinge = np.array([0, -0.10, pad])
    pelvis = (hinge + 0.055 * h * up + 0.070 * h * front)[None]
    legs = {"ankles": pair(0.13 * h, 0.30 * h, body.ankle), "knees": pair(0.5, 1, 1), "feet": pair(0.25, 1, 0)}
    pose, bar = _press(body, phase, kit, lean, pelvis, legs, 0.045)
    back = hinge + (body.lumbar + body.thorax + 0.26) * up
    bench = gear.bench(back, hinge, (0, 0.24, pad + 0.05), kit.pad, legs=kit.frame)
    rack = gear.stands(0.56, back[1] - 0.05, 1.45, kit.frame, hooks=1.35)
    return Action(pose, [bench, rack], [_press_bar(bar, kit)])


def decline_bench_press(body: Body, phase: np.ndarray, kit: Kit) -> Action:
    h, slope = body.height, 20.0
    lean = -90 - slope
    up, front = frame(lean)[0, 2], frame(lean)[0, 1]
    knee_pad = np.array([0, body.thigh * 0.86, 0.88])
    hinge = knee_pad + body.thigh * 0.97 * up
    pelvis = (hinge + 0.066 * h * front)[None]
    legs = {
        "ankles": pair(0.075 * h, knee_pad[1] + 0.20, knee_pad[2] - 0.72 * body.shank),
        "knees": pair(0.15, 1, 1.2),
        "feet": pair(0.1, 1, 0.15),
    }
    pose, bar = _press(body, phase, kit, lean, pelvis, legs, 0.10)
    back = hinge + (body.lumbar + body.thorax + 0.26) * up
    bench = gear.bench(back, hinge - 0.2 * up, hinge - 0.21 * up, kit.pad, legs=kit.frame)
    foot = knee_pad + np.array([0, 0.20 - 0.08, -0.72 * body.shank])
    under = knee_pad + np.array([0, -0.02, -0.02])
    rollers = [
        gear.rod(p - [0.24, 0, 0], p + np.array([0.24, 0, 0]), 0.05, kit.pad, sectors=12, parts=8)
        for p in (under, foot)
    ]
    post = [
        gear.rod((0, under[1], under[2]), (0, foot[1] - 0.02, 0.03), 0.03, kit.frame, parts=8),
        gear.rod((-0.26, foot[1], 0.03), (0.26, foot[1], 0.03), 0.03, kit.frame),
    ]
    rail = gear.rod(hinge - 0.1 * up - [0, 0, 0.1], under, 0.03, kit.frame, parts=5)
    rack = gear.stands(0.56, back[1] - 0.02, 1.0, kit.frame, hooks=0.9)
    return Action(pose, [bench, rail, rack, *rollers, *post], [_press_bar(bar, kit)])
