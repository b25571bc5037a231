"""BlazePose through OpenVINO: 33 landmarks of each person in a picture, and of one person through a clip.

Bazarevsky et al. 2020, "BlazePose: On-device Real-time Body Pose tracking", arXiv:2006.10204. A detector finds the
middle of the hips and a circle around each body; a second network finds the landmarks in the square around that
circle. In a clip the landmarks give the next frame's square, so the detector runs only when the person is lost.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from workoutlib.media.images import Picture, as_rgb
from workoutlib.pose.network import Network
from workoutlib.pose.skeleton import Pose, mirrored
from workoutlib.pose.weights import pose_files

PERSON = 0.5
"""Least probability at which there is a person."""

LOOKS = 4
"""At the exerciser in a photo: there are no other frames by which to smooth a pose."""

_DETECTOR_SIDE, _LANDMARK_SIDE = 224, 256
_LEAST_SCORE = 0.25  # the landmark network has the last word
_SURE_SCORE = 0.5  # where a box of a person reaches it, only such boxes are averaged, as mediapipe does
_SAME_PERSON = 0.3  # intersection over union of boxes that are averaged
_CIRCLE_TO_SQUARE = 1.25
_MOST_SQUARES = 99  # of a long picture: above 99:1 there are gaps between them
_NEARER_FARTHER = (0.88, 1.15)  # sides of the squares of further looks, in sides of the detected one


@dataclass(frozen=True)
class Region:
    """A turned square of a picture: centre (x, y) and side in pixels, angle in radians (0: the body is upright)."""

    centre: np.ndarray
    side: float
    angle: float

    @classmethod
    def around(cls, hips: np.ndarray, rim: np.ndarray) -> Region:
        """The square around a body, from the middle of the hips and a point on the circle around it, both (2,)."""
        x, y = rim - hips
        return cls(hips, 2 * float(np.hypot(x, y)) * _CIRCLE_TO_SQUARE, float(np.pi / 2 - np.arctan2(-y, x)))

    @property
    def matrix(self) -> np.ndarray:
        """Affine matrix (2, 3) from pixels of the landmark network's input to pixels of the picture."""
        scale, middle = self.side / _LANDMARK_SIDE, _LANDMARK_SIDE / 2
        turn = scale * _rotation(self.angle)
        return np.column_stack([turn, self.centre - turn @ [middle, middle]])


class PoseEstimator:
    """Finds people in pictures.

    Args:
        folder: where BlazePose's two files lie (`pose_files`); fetched once where not given.
        threads: processor threads to use; default, half of them: decoding, the picture model and encoding of a clip
            run beside it, and a second thread makes a look more costly than it makes it shorter.
    Raises:
        WorkoutlibError: OpenVINO is missing, or the files are and cannot be fetched.
    """

    def __init__(self, folder: str | Path | None = None, *, threads: int | None = None) -> None:
        detector, landmarks = pose_files(folder)
        threads = threads or max((os.cpu_count() or 1) // 2, 1)
        # named by the files' authors; the landmark network's own mask of the person is not wanted, nor computed
        self._detector = Network(detector, ("Identity", "Identity_1"), mean=127.5, scale=127.5, threads=threads)
        outputs = ("Identity", "Identity_1", "Identity_3", "Identity_4")
        self._landmarker = Network(landmarks, outputs, mean=0.0, scale=255.0, threads=threads)

    def estimate(self, image: Picture) -> list[Pose]:
        """All people in a picture, the one who exercises first: probable, large and near to the middle.

        Args:
            image: path, PIL image, or array accepted by `as_rgb`.
        """
        return [pose for pose, _ in self._people(as_rgb(image))]

    def exerciser(self, image: Picture, *, again: bool = True) -> Pose | None:
        """The first of the people in a photo, or ``None``.

        Args:
            image: path, PIL image, or array accepted by `as_rgb`.
            again: look at them several times (`Pose.looks`).
        """
        pixels = as_rgb(image)
        for pose, region in self._people(pixels):
            return replace(pose, looks=self._look_again(pixels, region)) if again else pose
        return None

    def _people(self, pixels: np.ndarray) -> list[tuple[Pose, Region]]:
        """As `estimate`: each with the square in which the detector saw them."""
        found = [(self.settle(pixels, region)[0], region) for region in self.detect(pixels)]
        distinct = _distinct([pose for pose, _ in found if pose.probability >= PERSON])
        kept = [(pose, region) for pose, region in found if any(pose is other for other in distinct)]
        return sorted(kept, key=lambda person: -prominence(person[0], pixels.shape))

    def _look_again(self, pixels: np.ndarray, region: Region) -> np.ndarray:
        """World coordinates (3, 33, 3) of the person in a square, by three more looks: nearer, farther, in a mirror.

        Each of them errs in its own way, so what all of them say together is surer.
        """
        looks = [self.landmarks(pixels, replace(region, side=factor * region.side))[0] for factor in _NEARER_FARTHER]
        mirror = np.ascontiguousarray(pixels[:, ::-1])
        place = np.array([pixels.shape[1] - 1 - region.centre[0], region.centre[1]])
        reflected, _ = self.landmarks(mirror, Region(place, region.side, -region.angle))
        return np.stack([*(pose.world for pose in looks), mirrored(reflected.world)])

    def detect(self, pixels: np.ndarray) -> list[Region]:
        """Squares around the people in uint8 RGB (H, W, 3), the most certain first.

        Where a long picture as a whole shows nobody, overlapping squares of its shorter side are looked at.
        """
        height, width = pixels.shape[:2]
        long, short = max(height, width), min(height, width)
        found = self._detect_in(pixels, (width - long) / 2, (height - long) / 2, long)
        if not found and long > 1.25 * short:
            for start in np.linspace(0, long - short, min(int(np.ceil(2 * long / short)) - 1, _MOST_SQUARES)):
                left, top = (start, 0) if width > height else (0, start)
                found += self._detect_in(pixels, left, top, short)
        return found

    def _detect_in(self, pixels: np.ndarray, left: float, top: float, side: float) -> list[Region]:
        """The people in a square of the picture, which may reach over its edges."""
        scale = side / _DETECTOR_SIDE
        letterbox = np.array([[scale, 0, left], [0, scale, top]])
        boxes, logits = self._detector(_warp(pixels, letterbox, _DETECTOR_SIDE, cv2.BORDER_CONSTANT))
        points = _people(boxes, logits[:, 0]) * side + [left, top]
        return [Region.around(person[2], person[3]) for person in points]

    def landmarks(self, pixels: np.ndarray, region: Region) -> tuple[Pose, Region]:
        """The person in a square of uint8 RGB (H, W, 3), and the square that they suggest for the next frame."""
        matrix = region.matrix
        crop = _warp(pixels, matrix, _LANDMARK_SIDE, cv2.BORDER_REPLICATE)
        values, probability, heat_maps, metres = self._landmarker(crop)
        rows, metres = values.reshape(39, 5), metres.reshape(39, 3)
        points = _refined(rows[:, :2], heat_maps) @ matrix[:, :2].T + matrix[:, 2]
        depth = rows[:, 2:3] * region.side / _LANDMARK_SIDE
        metres = np.column_stack([metres[:, :2] @ _rotation(region.angle).T, metres[:, 2]])
        visibility = 1 / (1 + np.exp(-rows[:, 3].clip(-50, 50)))
        pose = Pose(
            np.hstack([points, depth])[:33].astype(np.float32),
            metres[:33].astype(np.float32),
            visibility[:33].astype(np.float32),
            float(probability[0]),
        )
        return pose, Region.around(points[33], points[34])

    def settle(self, pixels: np.ndarray, region: Region) -> tuple[Pose, Region]:
        """The landmarks in a detected square; where no person is seen there, those in the square that they suggest."""
        first = self.landmarks(pixels, region)
        if first[0].probability >= PERSON or first[1].side < 2:
            return first
        second = self.landmarks(pixels, first[1])
        return second if second[0].probability > first[0].probability else first


def prominence(pose: Pose, shape: tuple[int, ...]) -> float:
    """How much a person is in the foreground of a picture of this shape (H, W, ...): size, nearness to the middle."""
    height, width = shape[:2]
    left, top, right, bottom = pose.box.clip(0, [width, height, width, height])
    size = np.sqrt(max(right - left, 1) * max(bottom - top, 1) / (height * width))
    away = np.hypot((left + right) / 2 / width - 0.5, (top + bottom) / 2 / height - 0.5)
    return float(pose.probability * size * (1 - away))


def _warp(pixels: np.ndarray, matrix: np.ndarray, side: int, border: int) -> np.ndarray:
    """The square of `side` pixels that an affine matrix (2, 3) from its pixels to the picture's cuts out."""
    return cv2.warpAffine(
        pixels, matrix, (side, side), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=border
    )


def _rotation(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _anchors() -> np.ndarray:
    """Centres (2254, 2) in 0..1 of the detector's anchors: cells of stride 8, 16 and 32, row by row."""
    centres = []
    for stride, count in ((8, 2), (16, 2), (32, 6)):
        cells = _DETECTOR_SIDE // stride
        y, x = np.mgrid[:cells, :cells]
        centres.append(np.repeat((np.stack([x, y], -1).reshape(-1, 2) + 0.5) / cells, count, 0))
    return np.concatenate(centres)


_ANCHORS = _anchors()


def _people(boxes: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Points (P, 6, 2) in 0..1 of each person: box centre, box size, four keypoints; the most certain first.

    Overlapping boxes are averaged by their scores (weighted non-maximum suppression).
    """
    scores = 1 / (1 + np.exp(-logits.clip(-50, 50)))
    likely = scores >= _LEAST_SCORE
    points, scores = boxes[likely].reshape(-1, 6, 2) / _DETECTOR_SIDE, scores[likely]
    points[:, [0, 2, 3, 4, 5]] += _ANCHORS[likely][:, None]
    people, rest = [], np.argsort(-scores, kind="stable")
    while len(rest):
        same = _overlap(points[rest], points[rest[0]]) > _SAME_PERSON
        same[0] = True
        sure = same & (scores[rest] >= min(_SURE_SCORE, scores[rest[0]]))
        people.append(np.average(points[rest[sure]], axis=0, weights=scores[rest[sure]]))
        rest = rest[~same]
    return np.array(people).reshape(-1, 6, 2)


def _overlap(many: np.ndarray, one: np.ndarray) -> np.ndarray:
    """Intersection over union (N,) of boxes given as points (N, 6, 2), (6, 2)."""
    low, high = many[:, 0] - many[:, 1] / 2, many[:, 0] + many[:, 1] / 2
    shared = np.minimum(high, one[0] + one[1] / 2) - np.maximum(low, one[0] - one[1] / 2)
    intersection = shared.clip(0).prod(1)
    return intersection / np.maximum(many[:, 1].prod(1) + one[1].prod() - intersection, 1e-9)


def _refined(points: np.ndarray, heat_maps: np.ndarray) -> np.ndarray:
    """Landmarks (39, 2), in pixels of the network's input, moved to the centre of the heat around them.

    Only where the heat maps (64, 64, 39), logits, are sure of a landmark within three cells; as mediapipe does.
    """
    side, reach = heat_maps.shape[0], np.arange(-3, 4)
    scale = _LANDMARK_SIDE / side
    cells = np.floor(points / scale).astype(int)
    columns, rows = cells[:, 0, None] + reach, cells[:, 1, None] + reach  # (39, 7) each
    inside = [(places >= 0) & (places < side) for places in (columns, rows)]
    number = np.arange(len(points))[:, None, None]
    logits = heat_maps[rows.clip(0, side - 1)[:, :, None], columns.clip(0, side - 1)[:, None, :], number]
    heat = inside[1][:, :, None] * inside[0][:, None, :] / (1 + np.exp(-logits.clip(-50, 50)))
    total = np.maximum(heat.sum((1, 2)), 1e-9)
    centres = np.stack([(heat.sum(1) * columns).sum(1), (heat.sum(2) * rows).sum(1)], 1) / total[:, None]
    sure = (heat.max((1, 2)) >= 0.5) & ((cells >= 0) & (cells < side)).all(1)
    return np.where(sure[:, None], scale * centres, points)


def _distinct(poses: list[Pose]) -> list[Pose]:
    """Without people who were found twice: whose hips and shoulders nearly coincide."""
    kept: list[Pose] = []
    for pose in sorted(poses, key=lambda pose: -pose.probability):
        trunk = pose.trunk
        reach = 0.75 * np.linalg.norm(trunk[:2].mean(0) - trunk[2:].mean(0))
        others = (other.trunk for other in kept)
        if all(np.linalg.norm(trunk - other, axis=1).mean() > reach for other in others):
            kept.append(pose)
    return kept
