"""Where a model looks: class-activation maps, and the same laid over the picture."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from workoutlib.config import Config
from workoutlib.data.transforms import as_batch, transforms_of
from workoutlib.media.images import Picture
from workoutlib.models.build import Classifier
from workoutlib.utils.errors import WorkoutlibError


def activation_map(model: Classifier, image: Picture, config: Config, label: int | None = None) -> np.ndarray:
    """Which places of a picture speak for a label: Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391).

    The body's last feature maps are added up, each weighted by how much the label's logit rises with it.
    The gradient runs back through the model's own pooling and head, so it works for every model whose
    body ends in feature maps.

    Args:
        label: index of the class to explain, default the model's own first choice.
    Returns:
        float32 (crop, crop) in 0..1, over what `model_view` shows; all 0 where nothing speaks for it.
    Raises:
        WorkoutlibError: the model has no class `label`, or its body makes no feature maps.
    """
    device = next(model.parameters()).device
    _, transform = transforms_of(config, model.mean, model.std)
    inputs = transform(as_batch(image, config).to(device))
    model.eval()
    with torch.enable_grad():
        # A frozen body has no gradients of its own; the picture's make the graph exist.
        logits, maps = _last_maps(model, inputs.requires_grad_())
        if label is not None and not 0 <= label < logits.shape[1]:
            raise WorkoutlibError(f"no class {label}: this model has the classes 0 to {logits.shape[1] - 1}")
        chosen = int(logits[0].argmax()) if label is None else label
        slopes = torch.autograd.grad(logits[0, chosen], maps)[0]
    weights = slopes.mean((2, 3), keepdim=True)
    heat = (weights * maps.detach()).sum(1)[0].clamp(min=0)
    heat = heat / heat.max().clamp(min=torch.finfo(torch.float32).tiny)
    return cv2.resize(heat.float().cpu().numpy(), (config.crop, config.crop), interpolation=cv2.INTER_LINEAR)


def overlay_activation(view: np.ndarray, heat: np.ndarray, strength: float = 0.6) -> np.ndarray:
    """Colour a picture by an activation map: dark blue where it is 0, yellow where it is 1.

    Args:
        view: uint8 RGB (H, W, 3).
        heat: floats (h, w) in 0..1, stretched over the picture.
        strength: share of the colours, 0..1.
    Returns:
        uint8 RGB (H, W, 3). The colours are cividis, made for any colour vision (doi:10.1371/journal.pone.0199239).
    """
    heat = cv2.resize(heat.astype(np.float32), view.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    levels = np.round(255 * heat.clip(0, 1)).astype(np.uint8)
    colours = cv2.applyColorMap(levels, cv2.COLORMAP_CIVIDIS)[..., ::-1]
    return np.round((1 - strength) * view + strength * colours).astype(np.uint8)


def _last_maps(model: Classifier, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (1, C) and the last output (1, D, h, w) of the body that still knows places."""
    seen: list[Tensor] = []

    def keep(module: nn.Module, arguments: object, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and output.shape[2] * output.shape[3] > 1:
            seen[:] = [output]

    leaves = [module for module in model.body.modules() if not any(module.children())]
    hooks = [leaf.register_forward_hook(keep) for leaf in leaves]
    try:
        logits = model(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    if not seen:
        raise WorkoutlibError("this model's body makes no feature maps: there is no activation map to show")
    return logits, seen[0]
