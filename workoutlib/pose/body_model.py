"""Recognise exercises by the body: from single poses, from motion, and both together with the picture.

A network that sees few pictures learns rooms and clothes as much as exercises; a skeleton has neither. Two small
networks look at the features of poses (`pose_features`) and at their course over three seconds (`motion_features`):
a plank and a push up share a pose, but not what moves. Both are trained on the built-in gym's athletes, thousands of
bodies in all phases of an exercise, and on what an estimator makes of them in rendered clips
(`workoutlib.pose.gym_training`; the result is part of the package). Two more networks tell them from people who do
something else. `fit_body` then fits the skeleton's head to the poses in real pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from scipy.special import logsumexp
from torch import Tensor

from workoutlib.labels import LABELS
from workoutlib.pose.classifier import PoseClassifier, fit_head_on_hidden, with_head
from workoutlib.pose.estimator import LOOKS
from workoutlib.pose.features import both_sides, window_features
from workoutlib.pose.sequence import PoseSequence
from workoutlib.pose.skeleton import BODY
from workoutlib.pose.synthetic import SECONDS
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import read_file

GYM_BODY_FILE = Path(__file__).with_name("gym_body.pth")
"""State of the body model of the gym's athletes alone (``tools/build_starter.py``)."""

CLASSIFIERS = ("skeleton", "motion", "known_pose", "known_motion")
"""The networks of a `BodyModel`; an earlier one has the first two alone."""
KNOWN = len(LABELS) + 1
"""Classes of those that tell the gym's exercises from other movements."""
WINDOW_SECONDS, WINDOW_STEP = SECONDS, 1.0
"""Length of the windows that the motion model looks at, and how far they are apart."""
FEWEST_FRAMES = 4
"""A window in which fewer frames show a person says nothing."""
_PART = 1024  # poses that go through the skeleton's network at once
_GYM_SHARE = 0.25  # of the gym's head beside the fitted one: real pictures show few people, the gym thousands


@dataclass(frozen=True)
class BodyModel:
    """What poses and motion say of an exercise, and how much they count beside the picture.

    The answers are joined by a weighted sum of log-probabilities, a product of experts (Hinton 2002,
    doi:10.1162/089976602760128018): an exercise that one of them rules out is out.

    Attributes:
        labels: the C class names.
        skeleton: of single poses.
        motion: of a clip's poses over time.
        skeleton_weight: factor of the skeleton's log-probabilities beside the picture's logits, of a body that is
            visible throughout; one that is half hidden counts half.
        motion_weight: factor of the motion's log-probabilities.
        looks: at the exerciser in a photo, as in training: `LOOKS`, or 1 of an earlier model.
        known_pose, known_motion: tell poses and motion of the gym's exercises from those of other movements, its last
            class; ``None`` in an earlier model, and where there are other exercises than the gym's.
    """

    labels: tuple[str, ...]
    skeleton: PoseClassifier
    motion: PoseClassifier
    skeleton_weight: float = 1.25
    motion_weight: float = 1.0
    looks: int = LOOKS
    known_pose: PoseClassifier | None = None
    known_motion: PoseClassifier | None = None

    def pose_log_probabilities(self, world: np.ndarray) -> np.ndarray:
        """Log-probabilities (T, C) of poses (T, 33, 3) in world coordinates; NaN where there is nobody."""
        return _in_parts(self.skeleton, both_sides(world))

    def motion_log_probabilities(self, poses: PoseSequence) -> np.ndarray:
        """Log-probabilities (C,) of a clip's poses, the mean of its windows'; NaN where none shows a person."""
        return self._motion(_window_features(poses, both_sides(poses.world))[1])

    def _motion(self, described: np.ndarray) -> np.ndarray:
        if not described.shape[1]:
            return np.full(len(self.labels), np.nan)
        return self.motion.log_probabilities(described[..., : self.motion.features]).mean(0)  # earlier ones: no travel

    def fuse(self, picture: np.ndarray | None, poses: PoseSequence) -> np.ndarray:
        """Logits (N, C) of picture and pose together.

        A pose that was looked at several times says what its looks say in the mean. All logits of a picture are lowered
        by the log-probability that its pose is one of an exercise, which leaves their order, and what they say of each
        other: only the largest one tells whether an exercise is shown at all.
        Where nobody was found, the pose takes every exercise for equally likely: the picture alone decides, and the
        largest logit is low, as it should be of a picture that may show no exercise.

        Args:
            picture: logits (N, C) of the picture model, or ``None`` where there is none.
            poses: of the N pictures.
        """
        looks = [both_sides(world) for world in poses.worlds]
        said = np.mean([_in_parts(self.skeleton, sides) for sides in looks], 0)
        known = np.mean([self._known_poses(sides) for sides in looks], 0)
        return self._join(picture, poses, said, known)

    def _join(self, picture: np.ndarray | None, poses: PoseSequence, said: np.ndarray, known: np.ndarray) -> np.ndarray:
        visible = poses.visibility[:, BODY].mean(1, keepdims=True)
        skeleton, nobody = visible * said, -np.log(len(self.labels))
        weighted = self.skeleton_weight * np.where(poses.found[:, None], skeleton, nobody)
        weighted = (weighted + np.nan_to_num(known)[:, None]).astype(np.float32)
        return weighted if picture is None else picture + weighted

    def fuse_clip(self, picture: np.ndarray | None, poses: PoseSequence) -> tuple[np.ndarray, np.ndarray]:
        """Logits of a clip's frames (T, C), and of the clip as a whole (C,): their mean, and the motion."""
        sides = both_sides(poses.world)
        middles, described = _window_features(poses, sides)
        known = np.nan_to_num(self._known_poses(sides))
        if self.known_motion and len(middles):
            visible = poses.visibility[:, BODY].mean(1)
            known += visible * np.interp(
                poses.times, middles, self._any_label(self.known_motion.log_probabilities(described))
            )
        frames = self._join(picture, poses, _in_parts(self.skeleton, sides), known)
        return frames, frames.mean(0) + self.motion_weight * np.nan_to_num(self._motion(described))

    def _known_poses(self, sides: np.ndarray) -> np.ndarray:
        """Log-probabilities (T,) that poses are those of an exercise; NaN where there is nobody."""
        return self._any_label(_in_parts(self.known_pose, sides)) if self.known_pose else np.zeros(sides.shape[1])

    def _any_label(self, said: np.ndarray) -> np.ndarray:
        """Log-probabilities (N,) that it is one of the labels, of those (N, 23) of the gym's exercises and the rest."""
        return logsumexp(said[:, [LABELS.index(label) for label in self.labels]], axis=1)

    @property
    def classifiers(self) -> dict[str, PoseClassifier]:
        """Those that there are, by the names of the attributes."""
        named = {name: getattr(self, name) for name in CLASSIFIERS}
        return {name: classifier for name, classifier in named.items() if classifier is not None}

    def state(self) -> dict[str, dict[str, Tensor] | float]:
        """Tensors and plain numbers, as stored in a checkpoint."""
        return {
            **{name: classifier.state_dict() for name, classifier in self.classifiers.items()},
            "skeleton_weight": self.skeleton_weight,
            "motion_weight": self.motion_weight,
            "looks": self.looks,
        }

    @classmethod
    def from_state(cls, state: dict, labels: Sequence[str]) -> BodyModel:
        """Rebuild what `state` stored.

        Raises:
            WorkoutlibError: it is not such a state, or that of an earlier version's linear model.
        """
        if "skeleton.weight" in state:
            raise WorkoutlibError("its body model is of an earlier version of workoutlib: train again")
        try:
            found = {name: PoseClassifier.from_state(state[name]) for name in CLASSIFIERS if name in state}
            skeleton, motion = found.pop("skeleton"), found.pop("motion")
            factors = float(state["skeleton_weight"]), float(state["motion_weight"])
            looks = int(state.get("looks", 1))  # earlier ones learned from one
        except (KeyError, TypeError, ValueError, WorkoutlibError) as error:
            raise WorkoutlibError(f"its body model is damaged ({error})") from error
        if not len(labels) == skeleton.head.out_features == motion.head.out_features:
            raise WorkoutlibError("its body model is damaged: it does not fit the labels")
        if found and not ({*labels} <= {*LABELS} and {each.head.out_features for each in found.values()} == {KNOWN}):
            raise WorkoutlibError("its body model is damaged: it knows other exercises than the labels")
        known_pose, known_motion = found.get("known_pose"), found.get("known_motion")
        return cls(tuple(labels), skeleton, motion, *factors, looks, known_pose, known_motion)


def _in_parts(classifier: PoseClassifier, sides: np.ndarray) -> np.ndarray:
    """Log-probabilities (T, C) of features (2, T, D); hidden layers of all poses at once would be large."""
    parts = range(0, max(sides.shape[1], 1), _PART)
    return np.concatenate([classifier.log_probabilities(sides[:, first : first + _PART]) for first in parts])


def _window_features(poses: PoseSequence, sides: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Middles (W,), in seconds, of the windows that show a person, and features (2, W, D) of what moves in them.

    Args:
        sides: features of the poses (2, T, D).
    """
    seen = [rows for rows in windows(poses.times) if poses.found[rows].sum() >= FEWEST_FRAMES]
    if not seen:
        return np.empty(0), np.empty((2, 0, 0), np.float32)
    described = [window_features(poses.landmarks[rows], poses.world[rows], sides[:, rows]) for rows in seen]
    return np.array([poses.times[rows][[0, -1]].mean() for rows in seen]), np.stack(described, 1)


def windows(times: np.ndarray) -> list[slice]:
    """Which frames lie in each window of ``WINDOW_SECONDS``, one every ``WINDOW_STEP``.

    Args:
        times: seconds (T,), increasing. A shorter clip is one window.
    """
    last = max(times[-1] - WINDOW_SECONDS, times[0])
    starts = np.arange(times[0], last + 1e-9, WINDOW_STEP)
    return [slice(*np.searchsorted(times, [start, start + WINDOW_SECONDS + 1e-9])) for start in starts]


@cache
def gym_body() -> BodyModel:
    """The body model of the gym's athletes alone, for its 22 exercises, as it is part of the package."""
    return BodyModel.from_state(read_file(GYM_BODY_FILE), LABELS)


def fit_body(
    world: np.ndarray, targets: np.ndarray, labels: Sequence[str], weights: np.ndarray | None = None
) -> BodyModel:
    """Fit the gym's body model to labels and to poses in real pictures.

    Args:
        world: real poses (N, 33, 3), NaN where nobody was found; N may be 0.
        targets: int (N,), numbers of their labels.
        weights: float (N,), how much each pose counts.
    Raises:
        WorkoutlibError: a label has no pose and is no exercise of the gym.
    """
    gym, found = gym_body(), np.isfinite(world).all((1, 2))
    real, numbers = both_sides(world[found]).astype(np.float32), np.asarray(targets, int)[found]
    missing = [label for number, label in enumerate(labels) if label not in LABELS and number not in numbers]
    if missing:
        raise WorkoutlibError(f"no pose of {', '.join(missing)}")
    weight, bias = _head_of(gym.skeleton, labels)
    if len(np.unique(numbers)) > 1:
        features = real.reshape(-1, real.shape[-1])
        counts = None if weights is None else np.tile(weights[found], 2)
        slopes, offsets = fit_head_on_hidden(gym.skeleton, features, np.tile(numbers, 2), len(labels), counts)
        weight, bias = slopes + _GYM_SHARE * weight, offsets + _GYM_SHARE * bias
    motion = with_head(gym.motion, *_head_of(gym.motion, labels))
    own = {*labels} <= {*LABELS}  # another exercise would be taken for none
    known_pose, known_motion = (gym.known_pose, gym.known_motion) if own else (None, None)
    skeleton = with_head(gym.skeleton, weight, bias)
    return BodyModel(tuple(labels), skeleton, motion, known_pose=known_pose, known_motion=known_motion)


def _head_of(model: PoseClassifier, labels: Sequence[str]) -> tuple[Tensor, Tensor]:
    """The gym's head for some labels: weight and bias; of one that the gym does not know it says neither yes nor no."""
    weight, bias = model.head.weight.detach(), model.head.bias.detach()
    rows = [LABELS.index(label) if label in LABELS else None for label in labels]
    known = [row for row in rows if row is not None] or list(range(len(LABELS)))
    middle = weight[known].mean(0), bias[known].mean(0)
    pairs = [middle if row is None else (weight[row], bias[row]) for row in rows]
    return torch.stack([pair[0] for pair in pairs]), torch.stack([pair[1] for pair in pairs])
