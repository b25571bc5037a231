"""Moves on machines and cables."""

from __future__ import annotations

import numpy as np

from . import equipment as gear
from .body import Body, frame, unit
from .poses import Action, Kit, make_pose, mix, pair, shoulders, sit, stand, vector
from .raster import Mesh


def chest_fly(body: Body, phase: np.ndarray, kit: Kit) -> Action:
    seat = 0.48
    legs = sit(body, seat, 0.36, 0.11)
    hips = frame(np.full_like(phase, -4.0))
    top = shoulders(body, legs["pelvis"], hips)
    open_angle = np.radians(mix(phase, 88, 14))
    reach = (0.66 if kit.fault == "bent elbows" else 0.90) * body.reach
    hands = top[:, None] + pair(
        0.92 * body.shoulder + reach * np.sin(open_angle), 0.04 + reach * np.cos(open_angle), -0.02
    )
    pose = make_pose(
        phase,
        **legs,
        hips=hips,
        head=frame(np.zeros_like(phase)),
        hands=hands,
        elbows=pair(1, -0.75, -0.45),
        grip=pair(0, 0, 1),
    )
    z, over = float(top[0, 2]), 2.02
    moving = []
    for k, sign in enumerate((-1, 1)):
        handle = hands[:, k]
        pivot = vector(sign * 0.16, 0.02, over - 0.08)
        elbow = np.stack([handle[:, 0] + sign * 0.06, handle[:, 1], np.full(len(phase), over - 0.10)], -1)
        outer = vector(elbow[:, 0], elbow[:, 1], z - 0.2)
        moving += [gear.rod(pivot, elbow, 0.028, kit.frame, parts=6), gear.rod(elbow, outer, 0.028, kit.frame, parts=9)]
        moving += [gear.rod(handle + np.array([0, 0, 0.13]), handle - [0, 0, 0.13], 0.019, gear.RUBBER, parts=5)]
        moving += [
            gear.rod(
                handle + np.array([0, 0, s]), vector(elbow[:, 0], elbow[:, 1], handle[:, 2] + s), 0.016, gear.STEEL
            )
            for s in (-0.13, 0.13)
        ]
    still = [
        gear.chair(seat, 0.44, 1.30, 4, kit.pad, frame=kit.frame, y=-0.13),
        gear.tower(-0.42, over + 0.06, kit.frame, width=0.62, stack=(0.1, 1.2)),
    ]
    still.append(gear.slab((0, -0.42, over), (0, 0.10, over), 0.42, 0.10, kit.frame))
    return Action(pose, still, moving)


def lat_pulldown(body: Body, phase: np.ndarray, kit: Kit) -> Action:
    seat, over, ahead = 0.46, 2.35, 0.20
    legs = sit(body, seat, 0.33)
    hips = frame(mix(phase, -8, -48 if kit.fault == "swinging" else -20))
    top = shoulders(body, legs["pelvis"], hips)
    wide = 0.26 * body.height
    high = np.sqrt((body.reach * 1.035) ** 2 - (wide - body.shoulder) ** 2) - 0.02
    bar = vector(0, mix(phase, 0.12, 0.18), top[0, 2] + mix(phase, high - 0.03, 0.01))
    if kit.fault == "swinging":  # the bar follows the shoulders down and back
        bar = bar + (top - top[0]) * [0, 1, 1]
    pose = make_pose(
        phase,
        **legs,
        hips=hips,
        head=frame(mix(phase, -12, -14)),
        hands=bar[:, None] + pair(wide, 0, 0),
        elbows=pair(0.7, -0.5, -1),
        grip=pair(-1, 0, 0),
    )
    side, tip = wide + 0.10, 0.075
    moving = [gear.rod(bar - [side - 0.12, 0, 0], bar + np.array([side - 0.12, 0, 0]), 0.015, gear.CHROME, parts=10)]
    moving += [
        gear.rod(
            bar + np.array([s * (side - 0.12), 0, 0]), bar + np.array([s * (side + 0.04), 0, -tip]), 0.017, gear.RUBBER
        )
        for s in (-1, 1)
    ]
    moving.append(gear.rod(bar, (0, ahead, over - 0.05), 0.009, gear.DARK, sectors=6, parts=8))
    still = [
        gear.tower(0.80, over + 0.05, kit.frame),
        gear.slab((0, 0.80, over), (0, ahead - 0.06, over), 0.09, 0.08, kit.frame),
        gear.pulley((0, ahead, over - 0.04)),
    ]
    thigh_top = legs["pelvis"][0, 2] + 0.05 * body.height
    still += [
        gear.rod((-0.26, 0.24, thigh_top + 0.05), (0.26, 0.24, thigh_top + 0.05), 0.055, kit.pad, sectors=12, parts=8)
    ]
    still += [
        gear.rod((0, 0.24, thigh_top + 0.05), (0, 0.55, thigh_top + 0.05), 0.025, kit.frame),
        gear.rod((0, 0.55, thigh_top + 0.05), (0, 0.55, 0.03), 0.03, kit.frame, parts=4),
    ]
    still += [
        gear.slab((0, -0.16, seat - 0.035), (0, 0.22, seat - 0.035), 0.36, 0.07, kit.pad),
        gear.slab((0, 0.0, 0), (0, 0.0, seat - 0.06), 0.09, 0.09, kit.frame),
    ]
    still.append(gear.slab((0, -0.15, 0.03), (0, 0.85, 0.03), 0.10, 0.06, kit.frame))
    return Action(pose, still, moving)


def leg_extension(body: Body, phase: np.ndarray, kit: Kit) -> Action:
    seat = 0.56
    h = body.height
    pelvis = vector(0, 0, [seat + 0.058 * h])
    hips = frame(np.full_like(phase, -14.0))
    angle = np.radians(mix(phase, -6, 84))
    knee = vector(0, body.thigh * 0.998, pelvis[0, 2] + 0.01)
    ankle = knee + body.shank * vector(0, np.sin(angle), -np.cos(angle))
    out = pair(0.05 * h, 0, 0)
    toes = unit(vector(0, np.cos(angle) - 0.25 * np.sin(angle), np.sin(angle) + 0.25 * np.cos(angle)))
    hold = pair(0.135 * h, 0.03, seat - 0.02)
    pose = make_pose(
        phase,
        pelvis=pelvis,
        hips=hips,
        head=frame(np.full_like(phase, 2.0)),
        hands=hold,
        elbows=pair(0.5, -1, 0),
        grip=pair(0, 1, 0.2),
        ankles=ankle[:, None] + out,
        knees=pair(0, 0.6, 1),
        feet=toes[:, None] + 0 * out,
    )
    roller = ankle + 0.085 * toes - 0.05 * unit(ankle - knee)
    pivot = knee * 1.0
    still = [
        gear.chair(seat, float(pivot[1]) + 0.05, 1.22, 14, kit.pad, width=0.40, frame=kit.frame, y=-0.14),
        gear.tower(-0.62, 1.45, kit.frame, width=0.5, stack=(0.1, 0.95)),
    ]
    still += [
        gear.rod((s * 0.25, pivot[1], pivot[2]), (s * 0.25, -0.1, seat - 0.10), 0.024, kit.frame, parts=5)
        for s in (-1, 1)
    ]
    still += [
        gear.rod(hold[0, k] - [0, 0.08, 0], hold[0, k] + np.array([0, 0.10, 0.02]), 0.017, gear.RUBBER) for k in (0, 1)
    ]
    still += [
        gear.rod(hold[0, k] + np.array([0, -0.07, 0]), (0.2 * (2 * k - 1), -0.08, seat - 0.12), 0.014, gear.STEEL)
        for k in (0, 1)
    ]
    return Action(pose, still, _shin_lever(pivot, roller, kit))


def _shin_lever(pivot: np.ndarray, roller: np.ndarray, kit: Kit) -> list[Mesh]:
    """The padded roller before the shins, on two arms from the knees' axis."""
    axis = vector(0.0, pivot[1], pivot[2] - 0.07)
    meshes = [gear.rod(roller - [0.22, 0, 0], roller + np.array([0.22, 0, 0]), 0.052, kit.pad, sectors=12, parts=8)]
    for s in (-1, 1):
        start, end = axis * [0, 1, 1] + np.array([s * 0.25, 0, 0.07]), roller + np.array([s * 0.25, 0, 0])
        meshes.append(gear.rod(start, end, 0.022, kit.frame, parts=5))
        inner, outer = roller + np.array([s * 0.20, 0, 0]), roller + np.array([s * 0.27, 0, 0])
        meshes.append(gear.rod(inner, outer, 0.025, gear.STEEL))
    return meshes


def tricep_pushdown(body: Body, phase: np.ndarray, kit: Kit) -> Action:
    """A short bar or a rope pushed down at the cable, the upper arms still."""
    legs = stand(body, 5.0, 8.0, 0.07 * body.height)
    hips = frame(np.full_like(phase, 11.0))
    top = shoulders(body, legs["pelvis"], hips)
    rope = kit.variant < 0.5
    wide = mix(phase, 0.035, 0.09 if rope else 0.045) * body.height + (0.0 if rope else 0.06)
    upper = np.radians(mix(phase, 48, 4) if kit.fault == "elbows drifting" else np.full_like(phase, 8.0))
    bend = np.radians(mix(phase, 112, 12))
    elbow = top + vector(0, body.upper_arm * np.sin(upper), -body.upper_arm * np.cos(upper))
    fore = vector(0, np.sin(upper + bend), -np.cos(upper + bend))
    length = np.sqrt((body.forearm + body.palm) ** 2 - (wide - body.shoulder - 0.02) ** 2)
    bar = elbow + length[:, None] * fore
    turned = np.stack([fore[:, 0], -fore[:, 2], fore[:, 1]], -1)
    grip = np.repeat(turned[:, None], 2, 1) if rope else pair(-1, 0, 0)
    pose = make_pose(
        phase,
        **legs,
        hips=hips,
        head=frame(np.full_like(phase, 9.0)),
        hands=bar[:, None] + pair(wide, 0, 0),
        elbows=pair(0.35, -1, -0.4),
        grip=grip,
    )
    over, ahead = 2.15, 0.50
    moving, hands = [], pose.hands
    if rope:
        knot = bar + np.array([0, 0.03, 0.12])
        moving += [
            gear.rod(knot, hands[:, k] - 0.06 * grip[:, k], 0.013, gear.color("#d8cfb8"), parts=4) for k in (0, 1)
        ]
        moving += [gear.ball(hands[:, k] - 0.07 * grip[:, k], 0.028, gear.RUBBER, 8) for k in (0, 1)]
    else:
        knot = bar + np.array([0, 0.01, 0.04])
        moving += [
            gear.rod(bar - [0.26, 0, 0], bar + np.array([0.26, 0, 0]), 0.016, gear.CHROME, parts=6),
            gear.rod(bar, knot, 0.012, gear.STEEL),
        ]
    moving.append(gear.rod(knot, (0, ahead, over - 0.05), 0.009, gear.DARK, sectors=6, parts=8))
    still = [
        gear.tower(0.78, over + 0.08, kit.frame),
        gear.slab((0, 0.80, over + 0.02), (0, ahead - 0.05, over + 0.02), 0.09, 0.08, kit.frame),
    ]
    still += [
        gear.pulley((0, ahead, over - 0.05)),
        gear.slab((-0.3, 0.45, 0.025), (-0.3, 1.05, 0.025), 0.07, 0.05, kit.frame),
    ]
    still.append(gear.slab((0.3, 0.45, 0.025), (0.3, 1.05, 0.025), 0.07, 0.05, kit.frame))
    return Action(pose, still, moving)


def t_bar_row(body: Body, phase: np.ndarray, kit: Kit) -> Action:
    """A bar hinged to the floor behind the athlete, its loaded end rowed from between the legs."""
    h = body.height
    legs = stand(body, 10.0, 38.0, 0.125 * h, 20)
    hips = frame(mix(phase, 62, 28) if kit.fault == "swinging" else mix(phase, 58, 53))
    top = shoulders(body, legs["pelvis"], hips)
    wide = 0.05 * h
    low = top + vector(0, 0.06, -np.sqrt((0.975 * body.reach) ** 2 - (wide - body.shoulder) ** 2 - 0.06**2))
    chest = top - 0.12 * h * hips[:, 2] + 0.135 * h * hips[:, 1]
    hands = low + phase[:, None] * (chest - low)
    pivot = np.array([0.0, -1.15, 0.05])
    along = unit(hands - [0, 0, 0.03] - pivot)
    end = pivot + 2.0 * along
    pose = make_pose(
        phase,
        **legs,
        hips=hips,
        head=frame(mix(phase, 30, 26)),
        hands=hands[:, None] + pair(wide, 0, 0),
        elbows=pair(0.5, -1, 0.6),
        grip=pair(0.15, 1, 0.1),
    )
    moving = [gear.rod(pivot, end, 0.018, gear.CHROME, parts=14)]
    radius = 0.17 * kit.size
    moving += [gear.lathe(end - (0.30 - 0.06 * k) * along, along, _plate(radius, kit.plate)) for k in range(3)]
    moving.append(gear.rod(end - 0.16 * along, end, 0.026, gear.STEEL))
    grip_bar = hands[:, None] + pair(wide, 0, 0)
    moving += [
        gear.rod(grip_bar[:, k] - 0.08 * along, grip_bar[:, k] + 0.08 * along, 0.015, gear.RUBBER) for k in (0, 1)
    ]
    moving.append(gear.rod(grip_bar[:, 0] - 0.07 * along, grip_bar[:, 1] - 0.07 * along, 0.014, gear.STEEL))
    base = gear.slab((0, -1.4, 0.02), (0, -1.0, 0.02), 0.4, 0.04, kit.frame)
    return Action(pose, [base, gear.ball((0, -1.15, 0.06), 0.06, gear.STEEL, 10)], moving)


def _plate(radius: float, paint: tuple[float, float, float]) -> list:
    rim = tuple(0.75 * c for c in paint)
    return [
        (0, 0.03, gear.CHROME),
        (0, 0.06, paint),
        (0, 0.62 * radius, rim),
        (0, 0.7 * radius, paint),
        (0, 0.94 * radius, paint),
        (0.008, radius, rim),
        (0.042, radius, rim),
        (0.05, 0.94 * radius, paint),
        (0.05, 0.7 * radius, rim),
        (0.05, 0.62 * radius, paint),
        (0.05, 0.03, gear.CHROME),
    ]
