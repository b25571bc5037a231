"""Poses of the people in a picture: the detector finds them, the landmark network looks at each of them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from workoutlib.errors import WorkoutlibError
from workoutlib.images import as_rgb

from .detector import DETECTOR_SIZE, Detection, decode_detections
from .network import TfliteNetwork, sigmoid
from .person import LANDMARKS, Pose, box_of
from .squares import Square, cut_square, points_in_picture, square_of_body, turn_points, whole_picture
from .weights import get_weights

LANDMARK_SIZE = 256  # pixels a side of the landmark network's input
HEATMAP_SIZE = 64
_POINTS = 39  # 33 of the body, 2 that give the next square, 4 of the hands that are not used
_WINDOW = 3  # heat map cells to each side of a landmark
_LEAST_PEAK = 0.5  # of a heat map that refines its landmark
_SAME_PERSON = 0.5  # torsos between two poses of the same person, at most


class PoseEstimator:
    """BlazePose (full) through OpenVINO, on the processor.

    Bazarevsky et al. 2020, "BlazePose: On-device Real-time Body Pose tracking", https://arxiv.org/abs/2006.10204, and
    Grishchenko et al. 2022, "BlazePose GHUM Holistic", https://arxiv.org/abs/2206.11678. The model files are
    MediaPipe's (Apache-2.0); `weights.get_weights` finds or downloads them.
    """

    def __init__(
        self,
        weights: str | Path | None = None,
        *,
        threshold: float = 0.5,
        max_people: int = 10,
        threads: int | None = None,
    ) -> None:
        """Load both networks.

        Args:
            weights: a folder with the two .tflite files, or the wheel of mediapipe 0.10.21; see `get_weights`.
            threshold: smallest probability, 0..1, of a person.
            max_people: most people that a picture is searched for.
            threads: of the processor; None leaves it to OpenVINO.
        Raises:
            WorkoutlibError: the files are not there and cannot be downloaded, or OpenVINO is missing.
        """
        if not 0 < threshold < 1:
            raise WorkoutlibError(f"threshold is a probability between 0 and 1, not {threshold}.")
        self.threshold, self.max_people = threshold, max_people
        files = get_weights(weights)
        self._detector = TfliteNetwork(
            files.detector, ("Identity", "Identity_1"), mean=127.5, scale=127.5, threads=threads
        )
        self._landmarks = TfliteNetwork(
            files.landmarks, ("Identity", "Identity_1", "Identity_3", "Identity_4"), mean=0.0, scale=255.0,
            threads=threads,
        )  # fmt: skip

    def estimate(self, image: Image.Image | np.ndarray | str | Path) -> list[Pose]:
        """The people in a picture, the one who exercises first; an empty list where nobody is seen.

        Args:
            image: a path, a PIL image, or an array (H, W, 3), uint8 RGB; see `images.as_rgb`.
        """
        rgb = as_rgb(image)
        poses: list[Pose] = []
        for detection in self.detect(rgb)[: self.max_people]:
            found = self.estimate_in(rgb, detection.square)
            if found is not None and not any(_is_same_person(found[0], other) for other in poses):
                poses.append(found[0])
        return sorted(poses, key=lambda pose: exerciser_score(pose, rgb), reverse=True)

    def detect(self, rgb: np.ndarray) -> list[Detection]:
        """People that the detector sees in a picture (H, W, 3), uint8, the surest first."""
        whole = whole_picture(rgb)
        values, logits = self._detector(cut_square(rgb, whole, DETECTOR_SIZE))
        return decode_detections(values, logits[:, 0], whole, self.threshold)

    def estimate_in(self, rgb: np.ndarray, square: Square) -> tuple[Pose, Square] | None:
        """The pose in one square of a picture (H, W, 3), uint8, and the square in which to look for it next.

        Returns None where the network sees no person in the square.
        """
        cut = cut_square(rgb, square, LANDMARK_SIZE, cv2.BORDER_REPLICATE)
        values, probability, heatmaps, world = self._landmarks(cut)
        if not probability[0] >= self.threshold:  # also where it is NaN
            return None
        rows = _refine(values.reshape(_POINTS, 5), heatmaps)
        points = points_in_picture(rows[:, :3], square, LANDMARK_SIZE)
        landmarks = points[:LANDMARKS]
        pose = Pose(
            landmarks=landmarks,
            world=turn_points(world.reshape(_POINTS, 3)[:LANDMARKS], square),
            visibility=sigmoid(rows[:LANDMARKS, 3]),
            probability=float(probability[0]),
            box=box_of(landmarks, rgb),
        )
        return pose, square_of_body(points[33, :2], points[34, :2])


def exerciser_score(pose: Pose, image: np.ndarray) -> float:
    """How much a person looks like the one who exercises in a picture (H, W, 3): sure, large and near to the middle."""
    height, width = image.shape[:2]
    x0, y0, x1, y1 = pose.box
    size = np.sqrt(max((x1 - x0) * (y1 - y0), 0.0) / (width * height))
    away = np.hypot(((x0 + x1) / width - 1), ((y0 + y1) / height - 1)) / np.sqrt(2)  # 0 in the middle, 1 in a corner
    return float(pose.probability * size * (1 - 0.5 * away))


def _is_same_person(one: Pose, other: Pose) -> bool:
    distance = np.linalg.norm(one.landmarks[:, :2] - other.landmarks[:, :2], axis=1).mean()
    return bool(distance < _SAME_PERSON * max(one.torso, other.torso))


def _refine(rows: np.ndarray, heatmaps: np.ndarray) -> np.ndarray:
    """Move each landmark to the centre of its heat map's values around it, where these have a clear peak.

    As MediaPipe's RefineLandmarksFromHeatmapCalculator does with its setting for this network, a window of 7 cells.

    Args:
        rows: (39, 5); x and y in pixels of the network's input.
        heatmaps: (64, 64, 39) logits.
    """
    refined = rows.copy()
    cell = LANDMARK_SIZE / HEATMAP_SIZE
    columns, lines = (rows[:, axis] // cell for axis in (0, 1))
    for k in np.flatnonzero((columns >= 0) & (columns < HEATMAP_SIZE) & (lines >= 0) & (lines < HEATMAP_SIZE)):
        x, y = int(columns[k]), int(lines[k])
        left, top = max(x - _WINDOW, 0), max(y - _WINDOW, 0)
        values = sigmoid(heatmaps[top : y + _WINDOW + 1, left : x + _WINDOW + 1, k])
        if values.max() >= _LEAST_PEAK:
            refined[k, 0] = cell * (left + np.arange(values.shape[1]) @ values.sum(0) / values.sum())
            refined[k, 1] = cell * (top + np.arange(values.shape[0]) @ values.sum(1) / values.sum())
    return refined
