"""Models: build them with ImageNet weights, freeze and unfreeze them, count their parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from workoutlib.data.transforms import IMAGENET_MEAN, IMAGENET_STD
from workoutlib.models.weights import head_path, imagenet_weights, load_strictly, read_state_dict
from workoutlib.utils.errors import WorkoutlibError

IMAGENET = (IMAGENET_MEAN, IMAGENET_STD)
HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))

# name: (what `untrained` calls it, its mean and standard deviation)
MODELS = {
    "resnet50": ("resnet50", IMAGENET),
    "resnet18": ("resnet18", IMAGENET),
    "mobilenet_v3_small": ("mobilenet_v3_small", IMAGENET),
    "efficientnet_b0": ("efficientnet_b0", IMAGENET),
    "tf_efficientnet_lite0": ("timm/tf_efficientnet_lite0", HALF),
}

NEARNESS = 15.0
"""What is added to the logits of a picture whose features equal those of one in memory; cosine similarity scales it."""
LIKENESS = 10.0
"""What is added to the logit of a class of which such a picture is remembered, where classes are told apart."""


class Classifier(nn.Module):
    """An ImageNet body and a linear classifier head.

    ``body(x)`` maps normalised images (N, 3, H, W) to features (N, D), ``head`` maps those to logits
    (N, C). ``mean`` and ``std`` are the normalisation that the body was trained with.

    A model may remember features of training pictures: the nearer a picture is to one of them, the larger are all of
    its logits. That changes neither label nor confidence, but the largest logit, which tells known from unknown
    (`evaluation.calibration.fit_unknown_threshold`): what resembles nothing seen in training is refused sooner.
    A memory that tells classes apart also makes a class the more probable the nearer its nearest picture is.

    A model may have a second head, for pictures of single hands (`pose.hands`) in the place of whole pictures.
    """

    memory: Tensor | None
    """Features of training pictures, of length 1: (M, D), or (C, K, D) of K pictures of each class.

    ``None`` while training, and where none are kept.
    """
    hands: nn.Linear | None
    """The head for hands; ``None`` while training, and where none was fitted."""

    def __init__(self, body: nn.Module, head: nn.Linear, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.body, self.head, self.mean, self.std = body, head, tuple(mean), tuple(std)
        self.register_buffer("memory", None, persistent=False)
        self.register_module("hands", None)

    @property
    def knows_hands(self) -> bool:
        """Whether there is a head for hands."""
        return self.hands is not None

    def forward(self, images: Tensor) -> Tensor:
        return self._of_picture(self.body(images))

    def answers(self, images: Tensor) -> Tensor:
        """Logits (N, C) as ``forward``; with a head for hands (N, 2C): behind them those of images that are hands."""
        features = self.body(images)
        logits = self._of_picture(features)
        return logits if self.hands is None else torch.cat([logits, self.hands(features)], 1)

    def _of_picture(self, features: Tensor) -> Tensor:
        logits = self.head(features)
        if self.memory is None:
            return logits
        kept = self.memory.flatten(0, -2)
        likeness = normalize(features.detach().float()) @ kept.T  # detached: maps show what the head looks at
        if self.memory.ndim == 3:
            likeness = likeness.reshape(-1, *self.memory.shape[:2]).amax(2)
            logits = logits + LIKENESS * likeness
        return logits + NEARNESS * likeness.amax(1, keepdim=True)

    def train(self, mode: bool = True) -> Classifier:
        """As usual, but a frozen module stays in evaluation mode: its batch-norm statistics too."""
        super().train(mode)
        for module in self.modules() if mode else ():
            own = list(module.parameters())
            if own and not any(p.requires_grad for p in own):
                module.eval()
        return self


def build_model(
    name: str = "resnet50", num_classes: int = 22, fine_tune: bool = True, weights: str | None = "DEFAULT"
) -> Classifier:
    """An ImageNet model with a new head of `num_classes` outputs.

    Args:
        name: a key of ``MODELS``.
        fine_tune: ``False`` freezes the body, batch-norm statistics included.
        weights: ``"DEFAULT"`` for ImageNet weights; the path of a state-dict file of the same model
            (its old head may have any number of classes); ``None`` for random weights, for tests.
    Raises:
        WorkoutlibError: unknown model, or weights that cannot be had or do not fit; never random ones
            in their place.
    """
    if name not in MODELS:
        raise WorkoutlibError(f"no model {name!r}: choose one of {', '.join(MODELS)}")
    architecture, (mean, std) = MODELS[name]
    body = untrained(architecture)
    if weights is not None:
        state = imagenet_weights(name) if weights == "DEFAULT" else read_state_dict(weights)
        load_strictly(body, state, source=name if weights == "DEFAULT" else weights)
    path = head_path(body)
    old_head: Any = body.get_submodule(path)
    body.set_submodule(path, nn.Identity())
    model = Classifier(body, nn.Linear(old_head.in_features, num_classes), mean, std)
    freeze(model, 0.0 if fine_tune else 1.0)
    return model.eval()


def untrained(name: str) -> nn.Module:
    """An architecture of torchvision, or of timm (``timm/NAME``), with ImageNet's classes and random weights."""
    if name.startswith("timm/"):
        import timm

        return timm.create_model(name.removeprefix("timm/"), pretrained=False)
    import torchvision

    return torchvision.models.get_model(name, weights=None)


def layers(model: Classifier) -> list[nn.Module]:
    """The body's layers with weights, from input to output, stages opened one level."""
    opened = []
    for child in model.body.children():
        opened += list(child.children()) if isinstance(child, nn.Sequential) else [child]
    return [layer for layer in opened if any(True for _ in layer.parameters())]


def freeze(model: Classifier, share: float = 1.0, *, batch_norm: bool = False) -> None:
    """Freeze the first `share` (0 to 1) of the body's layers, unfreeze the others.

    Frozen means no gradients and no moving batch-norm statistics. ``batch_norm=True`` freezes every
    batch norm of the body besides.
    """
    model.requires_grad_(True)
    body = layers(model)
    for layer in body[: round(share * len(body))]:
        layer.requires_grad_(False)
    if share == 1.0:
        model.body.requires_grad_(False)
    if batch_norm:
        for module in model.body.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.requires_grad_(False)


def count_parameters(model: nn.Module) -> dict[str, int]:
    """``total`` and ``trainable`` parameter counts."""
    sizes = [(p.numel(), p.requires_grad) for p in model.parameters()]
    return {"total": sum(n for n, _ in sizes), "trainable": sum(n for n, grad in sizes if grad)}
