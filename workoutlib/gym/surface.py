"""The athlete's surface: tubes around the bones, dressed by colouring rings."""

from __future__ import annotations

import numpy as np

from .body import SIDES, Body, Pose, unit
from .head import build_head
from .looks import Look
from .raster import Mesh, merge
from .shapes import profile, tube

# Profiles: position along the tube, half width to the side, reach to the front and to the back, in heights.
_TORSO = np.array(
    [
        [0.00, 0.030, 0.018, 0.028],
        [0.05, 0.074, 0.044, 0.052],
        [0.13, 0.094, 0.057, 0.068],
        [0.22, 0.096, 0.060, 0.070],
        [0.34, 0.086, 0.057, 0.054],
        [0.46, 0.078, 0.054, 0.046],
        [0.58, 0.085, 0.057, 0.050],
        [0.70, 0.096, 0.064, 0.058],
        [0.80, 0.101, 0.064, 0.061],
        [0.87, 0.093, 0.055, 0.058],
        [0.93, 0.074, 0.041, 0.050],
        [0.97, 0.056, 0.031, 0.041],
        [1.00, 0.036, 0.024, 0.030],
    ]
)
_ARM = np.array(  # 0 shoulder, 1 elbow, 2 wrist; the front is the side of the elbow's tip
    [
        [-0.13, 0.010, 0.010, 0.010],
        [-0.09, 0.024, 0.024, 0.024],
        [0.00, 0.037, 0.036, 0.036],
        [0.14, 0.039, 0.039, 0.037],
        [0.32, 0.034, 0.034, 0.033],
        [0.55, 0.030, 0.031, 0.033],
        [0.80, 0.026, 0.027, 0.026],
        [1.00, 0.025, 0.026, 0.022],
        [1.20, 0.028, 0.025, 0.027],
        [1.38, 0.027, 0.023, 0.025],
        [1.70, 0.020, 0.018, 0.018],
        [1.95, 0.0165, 0.013, 0.013],
        [2.04, 0.015, 0.012, 0.012],
    ]
)
_LEG = np.array(  # 0 hip, 1 knee, 2 ankle; the front is the side of the kneecap
    [
        [-0.12, 0.018, 0.018, 0.020],
        [-0.06, 0.042, 0.040, 0.046],
        [0.06, 0.053, 0.049, 0.056],
        [0.25, 0.052, 0.050, 0.052],
        [0.50, 0.046, 0.047, 0.045],
        [0.75, 0.038, 0.038, 0.037],
        [0.93, 0.033, 0.034, 0.031],
        [1.05, 0.032, 0.033, 0.028],
        [1.18, 0.032, 0.028, 0.034],
        [1.35, 0.034, 0.026, 0.041],
        [1.55, 0.029, 0.023, 0.034],
        [1.80, 0.021, 0.019, 0.023],
        [1.96, 0.0185, 0.018, 0.020],
        [2.05, 0.018, 0.018, 0.020],
    ]
)


def _path(a: np.ndarray, joint: np.ndarray, b: np.ndarray, positions: np.ndarray, bend: float = 0.2):
    """Points and tangents (T, R, 3) at `positions` (0 at a, 1 at the joint, 2 at b), the corner rounded off."""
    a, joint, b = a[:, None], joint[:, None], b[:, None]
    s = positions[None, :, None]
    first, second = joint - a, b - joint
    t = np.clip((s - 1 + bend) / (2 * bend), 0, 1)
    start, end = joint - bend * first, joint + bend * second
    curve = (1 - t) ** 2 * start + 2 * t * (1 - t) * joint + t**2 * end
    points = np.where(s < 1 - bend, a + s * first, np.where(s > 1 + bend, joint + (s - 1) * second, curve))
    return points, unit((1 - t) * first + t * second)


def _limb(a, joint, b, hinge, table, scale, cloth, colors, sectors) -> Mesh:
    """A limb as one tube; `cloth` (end, thickness, flare) covers positions up to `end`."""
    end, thickness, flare = cloth
    positions = np.sort(np.concatenate([table[:, 0], [end - 0.004, end]]))
    points, tangents = _path(a, joint, b, positions)
    radii = profile(table, positions) * scale
    covered = positions < end - 0.002
    radii[covered] += (thickness + flare * np.clip(positions[covered] / max(end, 0.1), 0, 1) ** 2)[:, None]
    paint = np.where(covered[:, None], colors[0], colors[1])
    side = np.broadcast_to(hinge[:, None], points.shape)
    return tube(points, side, unit(np.cross(side, tangents)), radii, paint, sectors)


def _torso(body: Body, pose: Pose, joints: dict, look: Look) -> Mesh:
    hips, chest = pose.hips, pose.chest
    scale = body.height * np.array([1.0, 1.0, 1.0])
    table = _TORSO.copy()
    if body.female:
        table[:, 1] *= np.interp(table[:, 0], [0, 0.22, 0.46, 0.8, 1], [1.04, 1.06, 0.90, 0.88, 0.92])
        table[:, 2] += np.interp(table[:, 0], [0.58, 0.70, 0.74, 0.82], [0, 0.014, 0.012, 0])
    else:
        table[:, 1] *= np.interp(
            table[:, 0], [0, 0.22, 0.46, 0.8, 1], [0.95, 0.95, 1.0, 1 + 0.3 * (body.muscle - 1), 1]
        )
        table[:, 2] += np.interp(table[:, 0], [0.6, 0.74, 0.8, 0.88], [0, 0.006, 0.006, 0])
    table[:, 1:] *= np.interp(table[:, 0], [0, 0.5, 0.9], [body.girth, body.girth**1.5, 1.0])[:, None]
    waist, neckline = (0.30, {"t-shirt": 0.965, "tank": 0.915, "long": 0.97, "bra": 0.86, "none": 0.0}[look.shirt])
    low = {"bra": 0.62}.get(look.shirt, waist)
    edges = [e for e in (waist, low, neckline) if 0.05 < e < 1]
    positions = np.sort(np.concatenate([table[:, 0], edges, np.array(edges) - 0.004]))
    positions = positions[np.concatenate([[True], np.diff(positions) > 1e-4])]
    crotch = joints["pelvis"] - 0.062 * body.height * hips[:, 2]
    middle = joints["pelvis"] + body.lumbar * hips[:, 2]
    share = 2 * positions
    # The middle of the spine lies at 0.55 of the tube.
    share = np.where(positions < 0.55, positions / 0.55, 1 + (positions - 0.55) / 0.45)
    points, tangents = _path(crotch, middle, joints["neck"], share, 0.6)
    blend = np.clip((positions - 0.2) / 0.5, 0, 1)[None, :, None]
    side = unit((1 - blend) * hips[:, None, 0] + blend * chest[:, None, 0])
    front = unit(np.cross(tangents, side))
    radii = profile(table, positions) * scale
    if look.shirt in ("t-shirt", "long", "tank"):
        loose = (positions > waist - 0.03) & (positions < 0.75)
        radii[loose] += 0.012 if look.shirt != "tank" else 0.006
    colors = np.repeat(np.array([look.skin]), len(positions), 0)
    colors[(positions > low - 0.002) & (positions < neckline - 0.002)] = look.top
    colors[positions < waist - 0.002] = look.bottom
    return tube(points, side, front, radii, colors, 16, 0.9)


def _hand(body: Body, wrist, hand, axis, skin, closed: bool) -> list[Mesh]:
    """A fist around `axis`, or a flat hand."""
    along = unit(hand - wrist)
    axis = unit(axis - (axis * along).sum(-1, keepdims=True) * along)
    across = np.cross(along, axis)
    h = body.height
    steps = np.array([-0.3, 0.1, 0.55, 1.0, 1.35, 1.55] if closed else [-0.2, 0.2, 0.7, 1.2, 1.7, 2.0])
    wide = np.array([0.014, 0.019, 0.026, 0.027, 0.023, 0.010] if closed else [0.015, 0.02, 0.025, 0.025, 0.02, 0.008])
    thick = np.array(
        [0.012, 0.014, 0.018, 0.023, 0.020, 0.008] if closed else [0.012, 0.012, 0.010, 0.009, 0.007, 0.004]
    )
    points = wrist[:, None] + steps[None, :, None] * (hand - wrist)[:, None]
    paint = np.repeat(skin[None], len(steps), 0)
    mesh = tube(points, axis[:, None], across[:, None], h * np.stack([wide, thick, thick], -1), paint, 8, 0.8)
    reach = 1.25 if closed else 1.1
    base = wrist + 0.25 * (hand - wrist) + 0.018 * h * axis
    tip = (
        wrist
        + reach * (hand - wrist)
        + h * (0.026 * axis if closed else 0.045 * axis)
        + (0.014 * h * across if closed else 0)
    )
    thumb = np.stack([base, 0.5 * (base + tip) + 0.006 * h * axis, tip], 1)
    radius = h * np.array([0.009, 0.0095, 0.006])[:, None] * np.ones(3)
    return [mesh, tube(thumb, axis[:, None], across[:, None], radius, paint[:3] * 0.98, 6)]


def _shoe(body: Body, ankle, toe, knee, look: Look) -> list[Mesh]:
    ahead = unit(toe - ankle)
    shin = unit(ankle - knee)
    side = unit(np.cross(ahead, -shin))
    up = np.cross(side, ahead)
    h, drop = body.height, body.ankle
    steps = np.array([-0.042, -0.034, -0.01, 0.03, 0.062, 0.092, 0.112, 0.120]) * h * body.foot / (0.105 * h)
    top = np.array([0.006, 0.028, 0.030, 0.024, 0.006, -0.008, -0.016, -0.024]) * h
    wide = np.array([0.012, 0.021, 0.023, 0.024, 0.027, 0.026, 0.018, 0.006]) * h
    middle = (top - drop + 0.006) / 2
    points = ankle[:, None] + steps[None, :, None] * ahead[:, None] + middle[None, :, None] * up[:, None]
    half = (top + drop) / 2
    paint = np.repeat(np.array([look.shoe]), len(steps), 0)
    upper = tube(points, side[:, None], up[:, None], np.stack([wide, half, half], -1), paint, 8, 0.75)
    ground = ankle[:, None] + 1.02 * steps[None, :, None] * ahead[:, None] - (drop - 0.006 * h) * up[:, None]
    flat = np.full(len(steps), 0.0075 * h)
    sole = tube(
        ground,
        side[:, None],
        up[:, None],
        np.stack([wide * 1.08, flat, 0.8 * flat], -1),
        np.repeat(np.array([look.sole]), len(steps), 0),
        8,
        0.6,
    )
    return [upper, sole]


def dress(body: Body, pose: Pose, joints: dict[str, np.ndarray], look: Look) -> Mesh:
    """Return the whole athlete as one mesh of T poses."""
    skin, h = np.array(look.skin), body.height
    girth, muscle = np.sqrt(body.girth), body.muscle
    sleeve = {"t-shirt": (0.46, 0.010, 0.008), "long": (1.93, 0.007, 0.0)}.get(look.shirt, (-0.2, 0, 0))
    leg = {"shorts": (0.62, 0.010, 0.016), "leggings": (1.88, 0.002, 0.0), "joggers": (1.9, 0.012, 0.002)}[
        look.trousers
    ]
    top = np.array(look.top)
    meshes = [_torso(body, pose, joints, look), *build_head(body, pose, joints, look)]
    arm_table, leg_table = _ARM.copy(), _LEG.copy()
    arm_table[:, 1:] *= (0.86 if body.female else 1.0) * (1 + (muscle - 1) * np.exp(-((_ARM[:, :1] - 0.3) ** 2) / 0.5))
    for k, side in enumerate(SIDES):
        get = lambda part, side=side: joints[f"{side}_{part}"]  # noqa: E731
        arm = _limb(
            get("shoulder"),
            get("elbow"),
            get("wrist"),
            joints["elbow_axis"][:, k],
            arm_table,
            h * girth,
            sleeve,
            (top, skin),
            10,
        )
        shoulder = _shoulder(body, pose, joints["neck"], get("shoulder"), look)
        hand = _hand(body, get("wrist"), get("hand"), pose.grip[:, k], skin, pose.palms is None)
        meshes += [shoulder, merge([arm, *hand], one_layer=True)]
        meshes.append(
            _limb(
                get("hip"),
                get("knee"),
                get("ankle"),
                joints["knee_axis"][:, k],
                leg_table,
                h * girth * (0.5 + 0.5 * muscle),
                leg,
                (np.array(look.bottom), skin),
                12,
            )
        )
        meshes.append(merge(_shoe(body, get("ankle"), get("toe"), get("knee"), look), one_layer=True))
    return merge(meshes)


def _shoulder(body: Body, pose: Pose, neck: np.ndarray, joint: np.ndarray, look: Look) -> Mesh:
    """From the neck to the joint of one arm."""
    inner = neck - 0.022 * body.height * pose.chest[:, 2]
    along = np.array([0, 0.34, 0.6, 1.0])
    arch = 0.012 * body.height * (along * (1 - along))[None, :, None] * pose.chest[:, None, 2]
    bridge = inner[:, None] + along[None, :, None] * (joint - inner)[:, None] + arch
    radii = np.array([[0.036, 0.026, 0.024], [0.038, 0.026, 0.024], [0.036, 0.028, 0.027], [0.033, 0.030, 0.030]])
    radii = body.height * radii * (0.9 if body.female else body.muscle)
    top = np.array(look.top)
    base = np.array(look.skin) if look.shirt in ("tank", "bra", "none") else top
    straps = np.array([base, top if look.shirt in ("tank", "bra") else base, base, base])
    return tube(bridge, pose.chest[:, None, 1], pose.chest[:, None, 2], radii, straps, 8)
