"""Finding people: anchors and boxes of BlazePose's detector.

Bazarevsky et al. 2020, "BlazePose: On-device Real-time Body Pose tracking", https://arxiv.org/abs/2006.10204. Anchors,
decoding and weighted non-maximum suppression follow MediaPipe's graph pose_detection (Apache-2.0).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .network import sigmoid
from .squares import Square, points_in_picture, square_of_body

DETECTOR_SIZE = 224  # pixels a side of the detector's input
_STRIDES_AND_ANCHORS = ((8, 2), (16, 2), (32, 6))  # pixels between cells, anchors a cell
_LEAST_OVERLAP = 0.3  # intersection over union of boxes that show the same person


@dataclass(frozen=True)
class Detection:
    """A person that the detector sees: its score in 0..1, and the square around the body."""

    score: float
    square: Square


def anchor_centres() -> np.ndarray:
    """Centres (2254, 2) of the anchors, x and y in 0..1."""
    centres = []
    for stride, anchors in _STRIDES_AND_ANCHORS:
        cells = DETECTOR_SIZE // stride
        y, x = np.mgrid[:cells, :cells]
        grid = (np.stack([x, y], -1).reshape(-1, 2) + 0.5) / cells
        centres.append(np.repeat(grid, anchors, axis=0))
    return np.concatenate(centres).astype(np.float32)


def decode_detections(values: np.ndarray, logits: np.ndarray, whole: Square, threshold: float) -> list[Detection]:
    """People, the best score first.

    Args:
        values: (2254, 12) of the network: x, y, width, height of a box and x, y of four key points.
        logits: (2254,) scores.
        whole: the square of the picture that the detector saw.
        threshold: smallest score, 0..1.
    """
    scores = sigmoid(logits)
    likely = scores >= threshold
    points = values[likely].reshape(-1, 6, 2) / DETECTOR_SIZE  # middle and size of the box, then the key points
    centres = anchor_centres()[likely, None]
    points[:, [0, 2, 3, 4, 5]] += centres
    found = []
    for score, merged in _merge_overlapping(points, scores[likely]):
        hips, rim = _to_picture(merged[2:4], whole)
        found.append(Detection(score, square_of_body(hips, rim)))
    return found


def _to_picture(points: np.ndarray, whole: Square) -> np.ndarray:
    flat = np.column_stack([points * DETECTOR_SIZE, np.zeros(len(points))])
    return points_in_picture(flat, whole, DETECTOR_SIZE)[:, :2]


def _merge_overlapping(points: np.ndarray, scores: np.ndarray) -> list[tuple[float, np.ndarray]]:
    """Average boxes that overlap, weighted by their scores; the best box of each group gives its score.

    Args:
        points: (N, 6, 2), row 0 the middle and row 1 the size of each box.
        scores: (N,) in 0..1.
    """
    order = np.argsort(-scores, kind="stable")
    merged = []
    while len(order):
        overlaps = _overlap(points[order[0]], points[order])
        same = order[(overlaps > _LEAST_OVERLAP) | (order == order[0])]
        weights = scores[same, None, None]
        merged.append((float(scores[order[0]]), (weights * points[same]).sum(0) / weights.sum()))
        order = order[~np.isin(order, same)]
    return merged


def _overlap(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union (N,) of one box and N boxes; row 0 of each is its middle, row 1 its size."""
    low = np.maximum(box[0] - box[1] / 2, boxes[:, 0] - boxes[:, 1] / 2)
    high = np.minimum(box[0] + box[1] / 2, boxes[:, 0] + boxes[:, 1] / 2)
    shared = np.maximum(high - low, 0).prod(-1)
    union = box[1].prod() + boxes[:, 1].prod(-1) - shared
    return shared / np.maximum(union, 1e-9)
