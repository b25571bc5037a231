"""Head, face and hair."""

from __future__ import annotations

import numpy as np

from .body import Body, Pose, unit
from .looks import Look
from .raster import Mesh, merge
from .shapes import profile, tube

_SKULL = np.array(  # 0 chin, 1 crown; in head lengths
    [
        [0.00, 0.07, 0.30, -0.10],
        [0.05, 0.17, 0.36, 0.02],
        [0.14, 0.25, 0.39, 0.18],
        [0.26, 0.31, 0.40, 0.28],
        [0.40, 0.345, 0.40, 0.40],
        [0.55, 0.355, 0.39, 0.47],
        [0.70, 0.345, 0.375, 0.48],
        [0.83, 0.30, 0.32, 0.42],
        [0.93, 0.21, 0.22, 0.30],
        [0.985, 0.10, 0.10, 0.15],
    ]
)


def build_head(body: Body, pose: Pose, joints: dict, look: Look) -> list[Mesh]:
    """Skull with face, neck, and hair, as separate layers."""
    right, front, up = (pose.head[:, None, k] for k in range(3))
    size, base = body.head, joints["head"][:, None]
    chin = base - 0.06 * size * up + 0.10 * size * front
    place = lambda x, y, z: chin + size * (x * right + y * front + z * up)  # noqa: E731
    skin, sectors = np.array(look.skin), 16
    lip, blush = skin * [0.80, 0.62, 0.60], skin * [0.97, 0.90, 0.88]
    centers = chin + size * (_SKULL[:, 0, None] * up)
    paint = np.repeat(skin[None], len(_SKULL), 0)[:, None].repeat(sectors, 1)
    if look.beard:
        paint[:3, [0, 1, 2, 3, 4, 5, 6, 7, 15]] = np.array(look.hair) * 0.6 + skin * 0.4
    meshes = [tube(centers, right, front, _SKULL[:, 1:] * size, paint, sectors)]
    neck = np.stack(
        [joints["neck"] - 0.03 * body.height * pose.chest[:, 2], joints["head"] + 0.10 * size * pose.head[:, 2]], 1
    )
    girth = body.height * (0.029 if body.female else 0.034) * np.array([[1.18, 1.0, 1.2], [1.0, 0.9, 1.1]])
    neck_mesh = tube(
        neck, right, unit(np.cross(right, pose.chest[:, None, 2])) * -1, girth, np.repeat(skin[None] * 0.97, 2, 0), 12
    )
    hair = _hair(look, size, place, centers, right, front, up, sectors)
    eye, dark = np.array([0.16, 0.12, 0.12]), 0.75 * np.array(look.hair) + 0.15 * skin
    nose = tube(
        np.concatenate([place(0, y, z) for y, z in ((0.39, 0.47), (0.43, 0.36), (0.42, 0.30))], 1),
        right,
        front,
        size * np.array([[0.03, 0.02, 0.1], [0.05, 0.05, 0.1], [0.055, 0.03, 0.1]]),
        np.repeat(blush[None], 3, 0),
        6,
    )
    meshes.append(nose)
    for sign in (-1, 1):
        meshes.append(_decal(place, sign * 0.145, 0.352, 0.455, 0.056, 0.027, 0.75 + 0.2 * skin))
        meshes.append(_decal(place, sign * 0.145, 0.358, 0.455, 0.028, 0.028, eye))
        meshes.append(_decal(place, sign * 0.15, 0.366, 0.540, 0.078, 0.013, dark))
        ear = np.concatenate([place(sign * 0.36, -0.02 - 0.02 * k, 0.36 + 0.09 * k) for k in range(3)], 1)
        meshes.append(
            tube(
                ear,
                right,
                front,
                size * np.array([[0.03, 0.04, 0.04], [0.05, 0.06, 0.07], [0.03, 0.05, 0.06]]),
                np.repeat(blush[None], 3, 0),
                6,
            )
        )
    meshes.append(_decal(place, 0.0, 0.405, 0.175, 0.09, 0.016, lip))
    return [merge(meshes, one_layer=True), neck_mesh, *hair]


def _decal(place, x, y, z, width, height, paint) -> Mesh:
    """A small patch on the face, in head lengths."""
    tilt = 0.25 * x
    corners = [(1, -1), (-1, -1), (-1, 1), (1, 1)]
    points = [place(x + i * width, y - 2 * i * width * tilt + 0.01, z + j * height) for i, j in corners]
    vertices = np.concatenate(points, 1)
    return Mesh(np.round(vertices, 6), np.array([[0, 1, 2, 3]]), np.array([paint]), np.array([0.05]), np.zeros(1, int))


def _hair(look, size, place, centers, right, front, up, sectors) -> list[Mesh]:
    if look.haircut == "bald":
        return []
    rows = np.array([0.30, 0.42, 0.55, 0.68, 0.78, 0.87, 0.955, 1.03])
    radii = profile(_SKULL, np.minimum(rows - 0.035, 0.97)) * size + np.array([0.035, 0.03, 0.05]) * size
    radii[-1] *= 0.55
    radii[:3, 1] = -0.06 * size  # below the hairline only the back of the head is covered
    radii[:2, 0] *= 0.9
    if look.haircut == "cap":
        radii[:3, 2] *= 0.9
    paint = np.repeat(np.array([look.accent if look.haircut == "cap" else look.hair]), len(rows), 0)
    paint[:3] = look.hair
    points = np.concatenate([place(0, -0.02, z) for z in rows], 1)
    meshes = [tube(points, right, front, radii, paint, sectors)]
    blob = lambda path, widths: tube(  # noqa: E731
        np.concatenate([place(0, y, z) for y, z in path], 1),
        right,
        front,
        size * np.array(widths)[:, None] * [1, 0.8, 0.8],
        np.repeat(np.array([look.hair]), len(path), 0),
        10,
    )
    match look.haircut:
        case "bun":
            meshes.append(
                blob(
                    [(-0.50, 0.72), (-0.52, 0.78), (-0.54, 0.90), (-0.52, 1.0), (-0.5, 1.05)],
                    [0.06, 0.15, 0.19, 0.14, 0.05],
                )
            )
        case "tail":
            meshes.append(
                blob(
                    [(-0.48, 0.80), (-0.60, 0.74), (-0.66, 0.50), (-0.66, 0.2), (-0.62, -0.05)],
                    [0.08, 0.13, 0.15, 0.12, 0.03],
                )
            )
        case "bob":
            rings = np.array([[0.40, 0.04, 0.44], [0.44, 0.05, 0.47], [0.43, 0.04, 0.50], [0.41, 0.02, 0.50]])
            path = np.concatenate([place(0, -0.04, z) for z in (0.0, 0.2, 0.45, 0.7)], 1)
            meshes.append(
                tube(path, right, front, size * rings * [0.95, 1, 1], np.repeat(np.array([look.hair]), 4, 0), sectors)
            )
        case "cap":
            meshes.append(_brim(look, size, place, right, up))
    return meshes


def _brim(look, size, place, right, up) -> Mesh:
    """What shades the eyes under a cap."""
    path = np.concatenate([place(0, y, 0.72 - 0.03 * k) for k, y in enumerate((0.2, 0.38, 0.62))], 1)
    radii = size * np.array([[0.3, 0.03, 0.03], [0.29, 0.03, 0.03], [0.16, 0.02, 0.02]])
    return tube(path, right, up, radii, np.repeat(np.array([look.accent]), 3, 0), 10)
