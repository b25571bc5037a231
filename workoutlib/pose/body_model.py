"""Recognise exercises by the body: from single poses, from motion, and both together with the picture.

A network that sees few pictures learns rooms and clothes as much as exercises; a skeleton has neither. Two linear
classifiers look at the features of poses (`pose_features`) and of their course over time (`motion_features`). They
are trained on the poses in real pictures and on those of the built-in gym's athletes, where every joint is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import log_softmax
from torch import Tensor

from workoutlib.labels import LABELS
from workoutlib.models.linear import fit_linear
from workoutlib.pose.features import both_sides, motion_features, pose_features
from workoutlib.pose.synthetic import synthetic_sequences
from workoutlib.utils.errors import WorkoutlibError

PEOPLE, CAMERAS = 40, 3
"""Synthetic athletes of an exercise, and cameras that look at each."""
_FRAME_STEP = 4  # of a synthetic sequence every so manieth pose joins the single poses


@dataclass(frozen=True)
class LinearModel:
    """Logits ``features @ weight.T + bias``: weight (C, D), bias (C,), float32."""

    weight: np.ndarray
    bias: np.ndarray

    def log_probabilities(self, features: np.ndarray) -> np.ndarray:
        """(..., C) of features (..., D); NaN where they are."""
        return log_softmax(features.astype(np.float64) @ self.weight.T + self.bias, axis=-1)


@dataclass(frozen=True)
class BodyModel:
    """What poses and motion say of an exercise, and how much they count beside the picture.

    Attributes:
        labels: the C class names.
        skeleton: of single poses.
        motion: of a clip's poses over time.
        skeleton_weight, motion_weight: factors of their log-probabilities beside the picture's logits.
    """

    labels: tuple[str, ...]
    skeleton: LinearModel
    motion: LinearModel
    skeleton_weight: float = 1.5
    motion_weight: float = 0.75

    def pose_log_probabilities(self, world: np.ndarray) -> np.ndarray:
        """Log-probabilities (T, C) of poses (T, 33, 3) in world coordinates; NaN where there is nobody.

        They are the mean over each pose and its mirror image, so that both have the same answer.
        """
        return self.skeleton.log_probabilities(both_sides(world)).mean(0)

    def motion_log_probabilities(self, world: np.ndarray) -> np.ndarray:
        """Log-probabilities (C,) of a clip's poses (T, 33, 3); NaN where no frame has a person."""
        sides = np.stack([motion_features(side) for side in both_sides(world)])
        return self.motion.log_probabilities(sides).mean(0)

    def fuse(self, picture: np.ndarray | None, poses: np.ndarray) -> np.ndarray:
        """Logits (N, C) of picture and pose together; where nobody was found, the picture's alone.

        Args:
            picture: logits (N, C) of the picture model, or ``None`` where there is none.
            poses: `pose_log_probabilities` (N, C).
        """
        weighted = (self.skeleton_weight * np.nan_to_num(poses)).astype(np.float32)
        return weighted if picture is None else picture + weighted

    def fuse_clip(self, picture: np.ndarray | None, world: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logits of a clip's frames (T, C), and of the clip as a whole (C,): their mean, and the motion."""
        frames = self.fuse(picture, self.pose_log_probabilities(world))
        motion = np.nan_to_num(self.motion_log_probabilities(world))
        return frames, frames.mean(0) + self.motion_weight * motion

    def state(self) -> dict[str, Tensor | float]:
        """Tensors and plain numbers, as stored in a checkpoint."""
        models = {"skeleton": self.skeleton, "motion": self.motion}
        arrays = {
            f"{name}.{part}": getattr(model, part) for name, model in models.items() for part in ("weight", "bias")
        }
        tensors: dict[str, Tensor | float] = {name: torch.from_numpy(values) for name, values in arrays.items()}
        return tensors | {"skeleton_weight": self.skeleton_weight, "motion_weight": self.motion_weight}

    @classmethod
    def from_state(cls, state: dict, labels: Sequence[str]) -> BodyModel:
        """Rebuild what `state` stored.

        Raises:
            WorkoutlibError: it is not such a state.
        """
        try:
            skeleton, motion = (
                LinearModel(*(state[f"{name}.{part}"].numpy() for part in ("weight", "bias")))
                for name in ("skeleton", "motion")
            )
            sound = all(
                len(labels) == len(model.weight) == len(model.bias) and np.isfinite(model.weight).all()
                for model in (skeleton, motion)
            )
            factors = float(state["skeleton_weight"]), float(state["motion_weight"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise WorkoutlibError(f"its body model is damaged ({error})") from error
        if not sound:
            raise WorkoutlibError("its body model is damaged: it does not fit the labels")
        return cls(tuple(labels), skeleton, motion, *factors)


def fit_body(
    world: np.ndarray, targets: np.ndarray, labels: Sequence[str], *, synthetic: SyntheticBodies | None = None
) -> BodyModel:
    """Train on poses in real pictures and on the gym's.

    Args:
        world: real poses (N, 33, 3), NaN where nobody was found; N may be 0.
        targets: int (N,), numbers of their labels.
        synthetic: default, drawn now for those of the labels that the gym knows.
    Raises:
        WorkoutlibError: a label has neither real nor synthetic poses.
    """
    bodies = synthetic or draw_bodies(labels)
    found = np.isfinite(world).all((1, 2))
    real, real_targets = both_sides(world[found]), np.asarray(targets)[found]
    missing = set(range(len(labels))) - set(real_targets) - set(bodies.targets)
    if missing:
        raise WorkoutlibError(f"no pose of {', '.join(labels[number] for number in sorted(missing))}")
    features = np.concatenate([real.reshape(-1, real.shape[-1]), bodies.poses])
    numbers = np.concatenate([np.tile(real_targets, 2), bodies.pose_targets])
    count = 2 * len(real_targets)
    weights = np.ones(len(numbers))
    if count:  # all synthetic poses together weigh as much as all real ones
        weights[count:] = count / max(len(numbers) - count, 1)
    skeleton = fit_linear(features, numbers, len(labels), weights)
    motion = fit_linear(bodies.motions, np.tile(bodies.targets, 2), len(labels))
    return BodyModel(tuple(labels), LinearModel(*skeleton), LinearModel(*motion))


@dataclass(frozen=True)
class SyntheticBodies:
    """Features of the gym's athletes, both sides: single poses (M, D), motions (2 * S, 4 * D) and their labels."""

    poses: np.ndarray
    pose_targets: np.ndarray
    motions: np.ndarray
    targets: np.ndarray


def draw_bodies(
    labels: Sequence[str], *, people: int = PEOPLE, cameras: int = CAMERAS, seed: int = 0
) -> SyntheticBodies:
    """Draw athletes of those labels that the gym knows; no picture is rendered."""
    known = [number for number, label in enumerate(labels) if label in LABELS]
    if not known:
        nobody = pose_features(np.empty((0, 33, 3)))
        return SyntheticBodies(nobody, np.empty(0, int), np.empty((0, 4 * nobody.shape[1])), np.empty(0, int))
    world, places = synthetic_sequences([labels[number] for number in known], people=people, cameras=cameras, seed=seed)
    targets = np.array(known, int)[places]
    sides = both_sides(world)
    poses = sides[:, :, ::_FRAME_STEP]
    pose_targets = np.tile(np.repeat(targets, poses.shape[2]), 2)
    motions = np.array([motion_features(sequence) for side in sides for sequence in side])
    return SyntheticBodies(poses.reshape(-1, poses.shape[-1]), pose_targets, motions, targets)
