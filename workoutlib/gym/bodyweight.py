"""Moves on the floor, on bars and over a bench; and what people in a gym do between sets."""

from __future__ import annotations

import numpy as np

from . import equipment as gear
from .body import Body, frame
from .poses import Action, Kit, make_pose, mix, pair, shoulders, vector


def _prone(body: Body, phase: np.ndarray, height: np.ndarray, sag: float):
    """Body line from the toes to shoulders at `height`; returns pelvis, hips, chest and the legs."""
    toe_height = 1.08 * body.foot + 0.012  # ankles over the balls of the feet, heels up
    length = body.leg + body.trunk
    rise = np.arcsin((height - toe_height) / length)
    legs = rise - np.radians(0.55 * sag)
    trunk = np.arcsin((height - toe_height - body.leg * np.sin(legs)) / body.trunk)
    start = -length * np.cos(np.mean(rise))
    pelvis = vector(0, start, toe_height) + 0.998 * body.leg * vector(0, np.cos(legs), np.sin(legs))
    hips = chest = frame(90 - np.degrees(trunk))
    parts = {
        "pelvis": pelvis,
        "hips": hips,
        "chest": chest,
        "ankles": pair(0.06 * body.height, start, toe_height),
        "knees": pair(0, 0.2, -1),
        "feet": pair(0, 0.36, -0.93),
    }
    return parts, shoulders(body, pelvis, hips, chest)


def push_up(body: Body, phase: np.ndarray, kit: Kit) -> Action:
    sag = {"sagging hips": 16.0, "high hips": -32.0}.get(kit.fault, 0.0)
    wrist_height, wide = 0.033, 0.165 * body.height
    arm = body.upper_arm + body.forearm
    straight = wrist_height + np.sqrt((0.985 * arm) ** 2 - (wide - body.shoulder) ** 2)
    parts, top = _prone(body, phase, mix(phase, straight - 0.01, 0.19 + 0.07 * max(sag, 0) / 16), sag)
    wrists = vector(0, top[np.argmin(phase), 1] - 0.01, wrist_height)
    pose = make_pose(
        phase,
        **parts,
        head=frame(mix(phase, 62, 70)),
        hands=wrists + pair(wide, 0, 0),
        elbows=pair(0.75, -1, 0.3),
        grip=pair(-1, 0.2, 0),
        palms=pair(0.1, 1, -0.03),
    )
    return Action(pose, [gear.mat(0.75, -1.55, 0.45, kit.mat)] if kit.variant < 0.45 else [])


def plank(body: Body, phase: np.ndarray, kit: Kit) -> Action:
    """Held still on the forearms; the phase is the breath."""
    sag = {"sagging hips": 11.0, "high hips": -32.0}.get(kit.fault, 0.0) + phase
    parts, top = _prone(body, phase, np.full_like(phase, 0.05 + 0.98 * body.upper_arm), sag)
    wrists = vector(0, top[0, 1] + body.forearm * 0.93, 0.042)
    pose = make_pose(
        phase,
        **parts,
        head=frame(np.full_like(phase, 68.0)),
        hands=wrists + pair(0.075 * body.height, 0, 0),
        elbows=pair(0.6, -1, -1),
        grip=pair(0, 0, 1),
        palms=pair(-0.25, 1, 0),
    )
    return Action(pose, [gear.mat(0.75, -1.55, 0.5, kit.mat)] if kit.variant < 0.6 else [])


def _bar_height(body: Body) -> float:
    """High enough for the tallest to hang with straight legs."""
    return max(2.42, 0.04 * body.height + body.reach + body.trunk + body.leg + body.foot + 0.12)


def _hang(body: Body, bar: float, wide: float, drop: np.ndarray, back: np.ndarray, lean: np.ndarray):
    """Shoulders `drop` below and `back` behind a bar; returns pelvis, hips and hands."""
    hips = frame(lean)
    top = vector(0, -back, bar - drop)
    pelvis = top - (shoulders(body, np.zeros((1, 3)), hips))
    return pelvis, hips, pair(wide, 0, bar)


def pull_up(body: Body, phase: np.ndarray, kit: Kit) -> Action:
    bar, wide = _bar_height(body), 0.20 * body.height
    lift = 0.03 * body.height  # the shoulder blades follow the arms up
    far = np.sqrt((0.985 * body.reach) ** 2 - (wide - body.shoulder) ** 2) + lift
    drop, back = mix(phase, far, 0.085 * body.height), mix(phase, 0.01, 0.15)
    swing = np.sin(np.pi * phase) if kit.fault == "swinging" else 0 * phase
    pelvis, hips, hands = _hang(body, bar, wide, drop, back, mix(phase, -2, -14) - 16 * swing)
    bent = np.radians(mix(phase, 58, 72) if kit.variant < 0.55 else mix(phase, 10, 16))
    thigh = np.radians(mix(phase, 4, 10) + 45 * swing)
    knee = pelvis + body.thigh * vector(0, np.sin(thigh), -np.cos(thigh))
    ankle = knee + body.shank * vector(0, -np.sin(bent - thigh), -np.cos(bent - thigh))
    pose = make_pose(
        phase,
        pelvis=pelvis,
        hips=hips,
        head=frame(mix(phase, -8, -16)),
        hands=hands,
        elbows=pair(0.75, -0.35, -1),
        grip=pair(-1, 0, 0),
        ankles=ankle[:, None] + pair(0.035 * body.height, 0, 0),
        knees=pair(0, 1, 0.1),
        feet=pair(0, 0.5, -0.9) + 0 * ankle[:, None],
    )
    return Action(pose, [gear.pull_up_bar(bar, 0.85, kit.frame)])


def leg_raises(body: Body, phase: np.ndarray, kit: Kit) -> Action:
    """Hanging from a bar, on the forearms of a captain's chair, or lying on a mat."""
    h = body.height
    swing = np.radians(mix(phase, 24, 94))
    if kit.variant < 0.3:
        return _lying_raise(body, phase, kit)
    if kit.variant < 0.65:
        bar, wide = _bar_height(body), 0.15 * h
        far = np.sqrt((0.985 * body.reach) ** 2 - (wide - body.shoulder) ** 2) + 0.03 * h
        pelvis, hips, hands = _hang(
            body, bar, wide, np.full_like(phase, far), mix(phase, 0.02, 0.08), mix(phase, -2, -12)
        )
        arms = {"hands": hands, "elbows": pair(0.75, -0.5, -1), "grip": pair(-1, 0, 0)}
        still = [gear.pull_up_bar(bar, 0.85, kit.frame)]
    else:
        pelvis, hips = vector(0, 0, [max(1.02, body.leg + body.foot + 0.08)]), frame(np.full_like(phase, -2.0))
        top = shoulders(body, pelvis, hips)
        pad = float(top[0, 2]) - 0.94 * body.upper_arm - 0.045
        wide = 0.145 * h
        arms = {
            "hands": pair(wide, 0.03 + body.forearm + body.palm, pad + 0.075),
            "elbows": pair(0.5, -0.7, -1),
            "grip": pair(0, 0.1, 1),
        }
        still = _captains_chair(kit, pad, wide, float(top[0, 2]), float(arms["hands"][0, 1, 1]), h)
    knee = pelvis + body.thigh * vector(0, np.sin(swing), -np.cos(swing))
    bend = swing - np.radians(mix(phase, 12, 85 if kit.fault == "bent knees" else 16))
    ankle = knee + body.shank * vector(0, np.sin(bend), -np.cos(bend))
    feet = vector(0, np.cos(bend) * 0.55 + 0.8 * np.sin(bend), np.sin(bend) * 0.55 - 0.8 * np.cos(bend))
    spread = pair(0.042 * h, 0, 0)
    pose = make_pose(
        phase,
        pelvis=pelvis,
        hips=frame(mix(phase, -2, -26)),
        chest=hips,
        head=frame(np.zeros_like(phase)),
        **arms,
        ankles=ankle[:, None] + spread,
        knees=vector(0, np.cos(swing), np.sin(swing))[:, None] + 0 * spread,
        feet=feet[:, None] + 0 * spread,
    )
    return Action(pose, still)


def _captains_chair(kit: Kit, pad: float, wide: float, shoulder: float, front: float, h: float) -> list:
    """A frame with a back pad, forearm pads and upright handles."""
    back, behind, low = -0.13, -0.13 - 0.16, pad - 0.09
    still = [gear.slab((0, back - 0.03, shoulder - 0.42), (0, back - 0.03, shoulder + 0.06), 0.3, 0.06, kit.pad)]
    for s in (-1, 1):
        still += [
            gear.slab((s * wide, back + 0.05, pad - 0.035), (s * wide, front - 0.07, pad - 0.035), 0.12, 0.07, kit.pad)
        ]
        still += [gear.rod((s * wide, front, pad - 0.06), (s * wide, front, pad + 0.15), 0.017, gear.RUBBER)]
        still += [gear.rod((s * wide, back - 0.1, low), (s * wide, front, pad - 0.07), 0.025, kit.frame, parts=5)]
        still += [gear.slab((s * 0.36, behind, 0), (s * 0.36, behind, shoulder + 0.1), 0.07, 0.07, kit.frame)]
        still += [gear.rod((s * wide, back - 0.1, low), (s * 0.36, behind, low), 0.028, kit.frame)]
        still += [gear.slab((s * 0.36, back - 0.5, 0.03), (s * 0.36, 0.5, 0.03), 0.08, 0.06, kit.frame)]
    high = shoulder - 0.2
    return [*still, gear.slab((-0.36, behind, high), (0.36, behind, high), 0.07, 0.07, kit.frame, across=(0, 1, 0))]


def _lying_raise(body: Body, phase: np.ndarray, kit: Kit) -> Action:
    h = body.height
    pelvis = vector(0, 0, [0.068 * h + 0.012])
    swing = np.radians(mix(phase, 12, 86))
    knee = pelvis + body.thigh * vector(0, np.cos(swing), np.sin(swing))
    bend = swing - np.radians(mix(phase, 6, 85 if kit.fault == "bent knees" else 6))
    ankle = knee + body.shank * vector(0, np.cos(bend), np.sin(bend))
    feet = vector(0, -0.8 * np.sin(bend) + 0.45 * np.cos(bend), 0.8 * np.cos(bend) + 0.45 * np.sin(bend))
    spread = pair(0.04 * h, 0, 0)
    pose = make_pose(
        phase,
        pelvis=pelvis,
        hips=frame(np.full_like(phase, -90.0)),
        head=frame(np.full_like(phase, -84.0)),
        hands=pair(0.16 * h, 0.03 - body.lumbar - body.thorax + body.upper_arm + body.forearm, 0.045),
        elbows=pair(0.7, 0, -1),
        grip=pair(-1, 0.3, 0),
        palms=pair(0.05, 1, -0.05),
        ankles=ankle[:, None] + spread,
        knees=vector(0, -np.sin(swing), np.cos(swing))[:, None] + 0 * spread,
        feet=feet[:, None] + 0 * spread,
    )
    return Action(pose, [gear.mat(0.7, -0.95, 1.0, kit.mat)])


def russian_twist(body: Body, phase: np.ndarray, kit: Kit) -> Action:
    """Sitting on the floor, feet up, a load carried from hip to hip: the phase runs from left to right."""
    h = body.height
    phase = 0.5 + 0.45 * (phase - 0.5) if kit.fault == "half range" else phase
    pelvis = vector(0, 0, [0.062 * h + 0.012])
    hips = frame(np.full_like(phase, -32.0), 8 - 16 * phase)
    chest = frame(np.full_like(phase, -30.0), mix(phase, 52, -52), 0.0)
    top = shoulders(body, pelvis, hips, chest)
    load = top + 0.235 * h * chest[:, 1] - 0.125 * h * chest[:, 2]
    hold = (0.075 if kit.variant < 0.66 else 0.05) * h
    hands = np.stack([load - hold * chest[:, 0], load + hold * chest[:, 0]], 1)
    grip = np.stack([0.8 * chest[:, 1] + 0.6 * chest[:, 2]] * 2, 1)
    ankle = pair(0.05 * h, 0.30 * h, 0.15 * h if kit.variant < 0.75 else body.ankle + 0.005)
    pose = make_pose(
        phase,
        pelvis=pelvis,
        hips=hips,
        chest=chest,
        head=frame(np.full_like(phase, -6.0), mix(phase, 38, -38)),
        hands=hands,
        elbows=np.stack([s * chest[:, 0] - 0.3 * chest[:, 1] - 0.8 * chest[:, 2] for s in (-1, 1)], 1),
        grip=grip,
        ankles=ankle,
        knees=pair(0.05, 0.3, 1),
        feet=pair(0.05, 1, 0.25 if kit.variant < 0.75 else 0.0),
    )
    if kit.variant < 0.35:
        held = gear.ball(load, 0.066 * h, kit.plate)
    elif kit.variant < 0.66:
        held = gear.disc(load, chest[:, 1], 0.066 * h, 0.045, kit.plate)
    else:
        held = gear.dumbbell(load, chest[:, 0], size=1.15, paint=kit.plate)
    return Action(pose, [gear.mat(0.7, -0.6, 0.95, kit.mat)] if kit.variant % 0.3 < 0.2 else [], [held])


def tricep_dips(body: Body, phase: np.ndarray, kit: Kit) -> Action:
    """Between two parallel bars, the trunk a little forward, the knees bent."""
    h, wide = body.height, 0.148 * body.height
    bars = 1.30
    high = np.sqrt((0.985 * body.reach) ** 2 - (wide - body.shoulder) ** 2)
    lean = mix(phase, 8, 24)
    hips = frame(lean)
    top = vector(0, mix(phase, 0.03, 0.13), bars + mix(phase, high - 0.005, 0.165 * h))
    pelvis = top - shoulders(body, np.zeros((1, 3)), hips)
    thigh, bend = np.radians(mix(phase, 2, 14)), np.radians(mix(phase, 62, 86))
    knee = pelvis + body.thigh * vector(0, np.sin(thigh), -np.cos(thigh))
    ankle = knee + body.shank * vector(0, -np.sin(bend - thigh), -np.cos(bend - thigh))
    spread = pair(0.04 * h, 0, 0)
    pose = make_pose(
        phase,
        pelvis=pelvis,
        hips=hips,
        head=frame(0.5 * lean),
        hands=pair(wide, 0, bars),
        elbows=pair(0.25, -1, 0.1),
        grip=pair(0, 1, 0),
        ankles=ankle[:, None] + spread,
        knees=pair(0, 1, 0.1),
        feet=pair(0, 0.2, -1) + 0 * ankle[:, None],
    )
    still = []
    for s in (-1, 1):
        still.append(gear.rod((s * wide, -0.55, bars), (s * wide, 0.35, bars), 0.020, gear.STEEL, parts=7))
        still += [gear.slab((s * wide, y, 0), (s * wide, y, bars), 0.065, 0.065, kit.frame) for y in (-0.52,)]
        still += [gear.rod((s * wide, -0.5, bars - 0.5), (s * wide, 0.1, bars - 0.02), 0.024, kit.frame, parts=5)]
        still.append(gear.slab((s * wide, -0.85, 0.03), (s * wide, 0.35, 0.03), 0.08, 0.06, kit.frame))
    still.append(gear.slab((-wide, -0.52, 0.3), (wide, -0.52, 0.3), 0.06, 0.06, kit.frame, across=(0, 1, 0)))
    return Action(pose, still)


def hip_thrust(body: Body, phase: np.ndarray, kit: Kit) -> Action:
    """The upper back rests on the edge of a bench, the hips lift a barbell: phase 1 is the top."""
    h, top_of_bench = body.height, 0.40
    contact = np.array([0, 0.0, top_of_bench + 0.062 * h])
    reach = body.lumbar + 0.48 * body.thorax
    lean = mix(phase, -42, -88)
    hips = frame(lean + mix(phase, 4, -2))
    chest = frame(lean)
    pelvis = contact - body.lumbar * hips[:, 2] - 0.48 * body.thorax * chest[:, 2]
    bar = pelvis + 0.078 * h * hips[:, 1] - 0.012 * h * hips[:, 2]
    ankle_y = reach + 0.97 * body.thigh
    hold = bar[:, None] + pair(0.19 * h, 0, 0)
    pose = make_pose(
        phase,
        pelvis=pelvis,
        hips=hips,
        chest=chest,
        head=frame(mix(phase, -18, -62)),
        hands=hold,
        elbows=pair(1, -0.4, -0.3),
        grip=pair(-1, 0, 0),
        ankles=pair(0.095 * h, ankle_y, body.ankle),
        knees=pair(0.25, 0.6, 1),
        feet=pair(0.25, 1, 0),
    )
    y = -0.17
    seat = [
        gear.slab((-0.6, y, top_of_bench - 0.04), (0.6, y, top_of_bench - 0.04), 0.30, 0.08, kit.pad, across=(0, 1, 0))
    ]
    seat += [gear.slab((s * 0.42, y, 0), (s * 0.42, y, top_of_bench - 0.08), 0.07, 0.07, kit.frame) for s in (-1, 1)]
    seat += [gear.slab((s * 0.42, y - 0.2, 0.03), (s * 0.42, y + 0.2, 0.03), 0.08, 0.06, kit.frame) for s in (-1, 1)]
    load = gear.barbell(
        bar, plate=0.225 * min(kit.size, 0.95), paint=kit.plate, sleeve=0.64, pair=1 + (kit.variant > 0.6)
    )
    return Action(
        pose, seat, [load, gear.rod(bar - [0.16, 0, 0], bar + np.array([0.16, 0, 0]), 0.04, gear.RUBBER, sectors=10)]
    )
