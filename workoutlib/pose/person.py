"""What the network says about one person in one picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LANDMARKS = 33

# Rows of the landmarks; see `skeleton.LANDMARK_NAMES`.
SHOULDERS, HIPS = (11, 12), (23, 24)


@dataclass(frozen=True, eq=False)
class Pose:
    """One person, of 33 landmarks (names and bones are in `workoutlib.pose.skeleton`).

    Left and right are the person's own. Estimated by MediaPipe's BlazePose, full (Apache-2.0).
    """

    landmarks: np.ndarray  # (33, 3) float32: x, y in pixels of the upright picture, z (depth, less is nearer) alike
    world: np.ndarray  # (33, 3) float32: metres around the middle of the hips; x right and y down in the picture
    visibility: np.ndarray  # (33,) float32, 0..1: in the picture and not hidden
    probability: float  # 0..1: that there is a person
    box: tuple[float, float, float, float]  # x0, y0, x1, y1 in pixels: around the landmarks, within the picture

    @property
    def torso(self) -> float:
        """Pixels from the middle of the shoulders to the middle of the hips, in depth too: the body's scale."""
        return torso_length(self.landmarks)


def torso_length(landmarks: np.ndarray) -> float:
    """Distance of the middle of the shoulders from the middle of the hips, for (33, 3) landmarks, in their unit."""
    between = landmarks[list(SHOULDERS)].mean(0) - landmarks[list(HIPS)].mean(0)
    return float(np.linalg.norm(between))


def box_of(landmarks: np.ndarray, image: np.ndarray) -> tuple[float, float, float, float]:
    """The box x0, y0, x1, y1 around (33, 3) landmarks, within a picture (H, W, 3)."""
    height, width = image.shape[:2]
    edge = np.array([width, height], np.float32)
    low, high = np.clip([landmarks[:, :2].min(0), landmarks[:, :2].max(0)], 0, edge)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])
