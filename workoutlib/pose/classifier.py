"""A small network from features of poses or of motion to exercises, and how it is trained."""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import log_softmax
from torch import Tensor, nn

from workoutlib.models.linear import fit_linear
from workoutlib.utils.errors import WorkoutlibError

HIDDEN = (192, 96)
_BATCH, _LEARNING_RATE, _DROPOUT = 512, 3e-3, 0.3


class PoseClassifier(nn.Module):
    """Features (N, D) to logits (N, C): standardisation, two hidden layers, a linear head.

    ``state_dict()`` holds all that is needed, as tensors.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, features: int, classes: int, hidden: tuple[int, int] = HIDDEN) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("std", torch.ones(features))
        first, second = hidden
        self.body = nn.Sequential(
            nn.Linear(features, first), nn.ReLU(), nn.Dropout(_DROPOUT),
            nn.Linear(first, second), nn.ReLU(), nn.Dropout(_DROPOUT),
        )  # fmt: skip
        self.head = nn.Linear(second, classes)

    @property
    def features(self) -> int:
        """How many it looks at, D."""
        return len(self.mean)

    def standardize(self, features: Tensor) -> Tensor:
        """Features in units of their spread in training."""
        return (features - self.mean) / self.std

    def forward(self, features: Tensor) -> Tensor:
        return self.head(self.body(self.standardize(features)))

    @torch.inference_mode()
    def log_probabilities(self, sides: np.ndarray) -> np.ndarray:
        """(..., C) of features (2, ..., D) of bodies and of their mirror images, so that both have the same answer."""
        return log_softmax(self(torch.from_numpy(sides)).double().mean(0).numpy(), axis=-1)

    @classmethod
    def from_state(cls, state: dict[str, Tensor]) -> PoseClassifier:
        """Rebuild a classifier from its ``state_dict()``; sizes are those of the tensors.

        Raises:
            WorkoutlibError: tensors are missing, not finite, or do not fit together.
        """
        try:
            hidden = (len(state["body.0.bias"]), len(state["body.3.bias"]))
            model = cls(len(state["mean"]), len(state["head.bias"]), hidden)
            model.load_state_dict(state)
            finite = all(bool(values.isfinite().all()) for values in state.values())
        except (AttributeError, KeyError, TypeError, RuntimeError) as error:
            raise WorkoutlibError(f"weights that do not fit together ({error})") from error
        if not finite:
            raise WorkoutlibError("weights that are not finite")
        return model.eval()


def train_classifier(
    features: np.ndarray,
    targets: np.ndarray,
    classes: int,
    *,
    epochs: int,
    noise: float,
    hidden: tuple[int, int] = HIDDEN,
    seed: int = 0,
) -> PoseClassifier:
    """Train with AdamW, a one-cycle learning rate and label smoothing; torch's random state stays as it was.

    Args:
        features: float32 (N, D), finite.
        targets: int (N,) in 0..`classes` - 1.
        noise: standard deviation of what is added to standardised features, so that no single one is relied on.
    """
    inputs, truth = torch.from_numpy(features), torch.from_numpy(targets)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = PoseClassifier(features.shape[1], classes, hidden)
        model.mean.copy_(inputs.mean(0))
        model.std.copy_(inputs.std(0) + 1e-3)
        steps = max(len(inputs) // _BATCH, 1)
        optimizer = torch.optim.AdamW(model.parameters(), lr=_LEARNING_RATE, weight_decay=1e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _LEARNING_RATE, total_steps=epochs * steps)
        criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
        for _ in range(epochs):
            for batch in torch.randperm(len(inputs)).tensor_split(steps):
                standard = model.standardize(inputs[batch])
                loss = criterion(model.head(model.body(standard + noise * torch.randn_like(standard))), truth[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
    return model.eval()


@torch.no_grad()
def with_head(model: PoseClassifier, weight: Tensor, bias: Tensor) -> PoseClassifier:
    """The same hidden layers under another head: weight (C, H), bias (C,)."""
    return PoseClassifier.from_state(model.state_dict() | {"head.weight": weight, "head.bias": bias})


@torch.inference_mode()
def fit_head_on_hidden(
    model: PoseClassifier, features: np.ndarray, targets: np.ndarray, classes: int, weights: np.ndarray | None = None
) -> tuple[Tensor, Tensor]:
    """Logistic regression on the hidden layer of `features` (N, D): weight (C, H) and bias (C,) of a head.

    `weights` (N,) tell how much each row counts.
    """
    hidden = model.body(model.standardize(torch.from_numpy(features)))
    weight, bias = fit_linear(hidden.numpy(), targets, classes, weights)
    return torch.from_numpy(weight), torch.from_numpy(bias)
