"""Networks: build them with ImageNet weights, freeze and unfreeze them, count their parameters."""

from __future__ import annotations

from torch import Tensor, nn

from workoutlib.models.weights import _load_strictly, imagenet_weights, read_state_dict
from workoutlib.utils.errors import WorkoutlibError

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


# name: (library that defines it, its mean and standard deviation)
MODELS = {
    "resnet50": ("torchvision", IMAGENET),
    "resnet18": ("torchvision", IMAGENET),
    "mobilenet_v3_small": ("torchvision", IMAGENET),
    "efficientnet_b0": ("torchvision", IMAGENET),
    "tf_efficientnet_lite0": ("timm", HALF),
}


class Network(nn.Module):
    """An ImageNet body and a linear classifier head.

    ``body(x)`` maps normalised images (N, 3, H, W) to features (N, D), ``head`` maps those to logits
    (N, C). ``mean`` and ``std`` are the normalisation that the body was trained with.
    """

    def __init__(self, body: nn.Module, head: nn.Linear, mean, std):
        super().__init__()
        self.body, self.head, self.mean, self.std = body, head, tuple(mean), tuple(std)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.body(images))

    def train(self, mode: bool = True) -> Network:
        """As usual, but a frozen module stays in evaluation mode: its batch-norm statistics too."""
        super().train(mode)
        for module in self.modules() if mode else ():
            own = list(module.parameters())
            if own and not any(p.requires_grad for p in own):
                module.eval()
        return self


def build_model(
    name: str = "resnet50", num_classes: int = 22, fine_tune: bool = True, weights: str | None = "DEFAULT"
) -> Network:
    """An ImageNet network with a new head of `num_classes` outputs.

    Args:
        name: a key of ``MODELS``.
        fine_tune: ``False`` freezes the body, batch-norm statistics included.
        weights: ``"DEFAULT"`` for ImageNet weights; the path of a state-dict file of the same network
            (its old head may have any number of classes); ``None`` for random weights, for tests.
    Raises:
        WorkoutlibError: unknown network, or weights that cannot be had or do not fit; never random ones
            in their place.
    """
    if name not in MODELS:
        raise WorkoutlibError(f"no network {name!r}: choose one of {', '.join(MODELS)}")
    library, (mean, std) = MODELS[name]
    model = _create(name, library)
    if weights is not None:
        state = imagenet_weights(name) if weights == "DEFAULT" else read_state_dict(weights)
        _load_strictly(model, state, source=name if weights == "DEFAULT" else weights)
    path, old_head = [(n, m) for n, m in model.named_modules() if isinstance(m, nn.Linear)][-1]
    model.set_submodule(path, nn.Identity())
    network = Network(model, nn.Linear(old_head.in_features, num_classes), mean, std)
    freeze(network, 0.0 if fine_tune else 1.0)
    return network.eval()


def _create(name: str, library: str) -> nn.Module:
    if library == "timm":
        import timm

        return timm.create_model(name, pretrained=False)
    import torchvision

    return torchvision.models.get_model(name, weights=None)


def layers(network: Network) -> list[nn.Module]:
    """The body's layers with weights, from input to output, stages opened one level."""
    opened = []
    for child in network.body.children():
        opened += list(child.children()) if isinstance(child, nn.Sequential) else [child]
    return [layer for layer in opened if any(True for _ in layer.parameters())]


def freeze(network: Network, share: float = 1.0, *, batch_norm: bool = False) -> None:
    """Freeze the first `share` (0 to 1) of the body's layers, unfreeze the others.

    Frozen means no gradients and no moving batch-norm statistics. ``batch_norm=True`` freezes every
    batch norm of the body besides.
    """
    network.requires_grad_(True)
    body = layers(network)
    for layer in body[: round(share * len(body))]:
        layer.requires_grad_(False)
    if share == 1.0:
        network.body.requires_grad_(False)
    if batch_norm:
        for module in network.body.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.requires_grad_(False)


def count_parameters(network: nn.Module) -> dict[str, int]:
    """``total`` and ``trainable`` parameter counts."""
    sizes = [(p.numel(), p.requires_grad) for p in network.parameters()]
    return {"total": sum(n for n, _ in sizes), "trainable": sum(n for n, grad in sizes if grad)}
