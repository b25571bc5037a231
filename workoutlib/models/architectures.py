"""Which architecture of torchvision or timm weights are of: by its name where the file has it, else by trying many.

A candidate is built without memory for its weights, which takes a few hundredths of a second, and its names and shapes
are looked for in the file. Where the names are others, as of layers that were put into an ``nn.Sequential``, the shapes
are compared in their order.
"""

from __future__ import annotations

import argparse
import re
import warnings
from collections.abc import Iterable, Iterator
from functools import cache
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from workoutlib.models.build import IMAGENET, MODELS, untrained
from workoutlib.models.weights import head_path

# Tried in this order where a file does not name its architecture; ``timm/`` marks those of that library.
TRIED = (
    *(architecture for architecture, _ in MODELS.values()),
    *("resnet34", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d", "wide_resnet50_2"),
    *("mobilenet_v2", "mobilenet_v3_large", "efficientnet_b1", "efficientnet_b2", "efficientnet_b3", "efficientnet_b4"),
    *("efficientnet_v2_s", "efficientnet_v2_m", "densenet121", "densenet169", "densenet201"),
    *("vgg16", "vgg16_bn", "vgg19", "vgg19_bn", "vgg11", "alexnet", "shufflenet_v2_x1_0", "mnasnet1_0"),
    *("convnext_tiny", "convnext_small", "convnext_base", "swin_t", "swin_s", "swin_v2_t", "vit_b_16", "vit_b_32"),
    *("timm/efficientnet_b0", "timm/mobilenetv3_large_100", "timm/mobilenetv3_small_100", "timm/mobilenetv2_100"),
    *("timm/convnext_tiny", "timm/seresnet50", "timm/resnet50d", "timm/tf_efficientnetv2_b0", "timm/regnety_004"),
    *("timm/vit_tiny_patch16_224", "timm/vit_small_patch16_224", "timm/vit_base_patch16_224"),
    *("timm/deit_tiny_patch16_224", "timm/deit_small_patch16_224", "timm/swin_tiny_patch4_window7_224"),
)
# Names under which others of the same weights, but of other padding or normalisation, may be meant.
_ALIKE = {
    "timm/efficientnet_b0": "timm/tf_efficientnet_b0",
    "timm/mobilenetv3_large_100": "timm/tf_mobilenetv3_large_100",
    "timm/mobilenetv3_small_100": "timm/tf_mobilenetv3_small_100",
    "timm/vit_tiny_patch16_224": "timm/deit_tiny_patch16_224",
    "timm/vit_small_patch16_224": "timm/deit_small_patch16_224",
    "timm/vit_base_patch16_224": "timm/deit_base_patch16_224",
}
_MOST_OTHERS = 24  # weights beside the body's: a head and what training added; more are of a larger architecture
_CLASSES = 1000  # of ImageNet
_COUNTER = "num_batches_tracked"


def recognise(state: dict[str, Tensor], content: Any) -> tuple[str, str, dict[str, str]] | None:
    """(architecture, path of its head, {own name of a weight: name in `state`}); None where none fits.

    Args:
        content: what the whole file holds; texts in it that are names of architectures are tried first.
    """
    named = list(dict.fromkeys(names_in(content)))
    for compare in (_by_names, _by_order):
        for name in (*named, *TRIED):
            for place, wanted in bodies(name).items():
                if pairs := compare(state, wanted):
                    _tell(name, by_order=compare is _by_order, named=name in named)
                    return name, place, pairs
    return None


def _tell(name: str, *, by_order: bool, named: bool) -> None:
    if by_order:
        warnings.warn(f"the weights are taken for those of {name}, by their shapes in order", stacklevel=5)
    if (other := _ALIKE.get(name)) and not named:
        text = f'taken for the former; if it is the other, store its name with them, as "arch": "{other[5:]}"'
        warnings.warn(f"the weights fit {name} and {other}: {text}", stacklevel=5)


@cache
def bodies(name: str) -> dict[str, dict[str, torch.Size]]:
    """{path of a head: shapes of all other weights}: the head is the last layer, or all of the classifier that it ends.

    Empty for an architecture without a linear head.
    """
    try:
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = untrained(name)
    except NotImplementedError:  # some draw their first weights by numbers, which there are none of
        model = untrained(name)
    head = head_path(model)
    if not head or model.get_submodule(head).out_features != _CLASSES:
        return {}
    shapes = {key: value.shape for key, value in model.state_dict().items()}
    places = dict.fromkeys((head, head.split(".")[0]))
    return {place: {k: shape for k, shape in shapes.items() if not k.startswith(f"{place}.")} for place in places}


def normalisation(name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation that an architecture's ImageNet weights were trained with."""
    if not name.startswith("timm/"):
        return IMAGENET
    import timm

    settings = timm.get_pretrained_cfg(name.removeprefix("timm/"))
    return (tuple(settings.mean), tuple(settings.std)) if settings else IMAGENET


def _by_names(state: dict[str, Tensor], wanted: dict[str, torch.Size]) -> dict[str, str] | None:
    """{own name: name in the file}, which may have something in front, if all of the body's weights are there."""
    first, shape = next(iter(wanted.items()))
    for key in [key for key, value in state.items() if key.endswith(first) and value.shape == shape]:
        prefix = key.removesuffix(first)
        pairs = {own: prefix + own for own in wanted}
        if not all(name in state and state[name].shape == wanted[own] for own, name in pairs.items()):
            continue
        others = {name for name in state if name.startswith(prefix)} - set(pairs.values())
        # a larger architecture of the same family has all these weights, and more; a mean of each colour may be there
        small = all(state[name].ndim < 4 or state[name].numel() == 3 for name in others)
        if len(others) <= _MOST_OTHERS and small:
            return pairs
    return None


def _by_order(state: dict[str, Tensor], wanted: dict[str, torch.Size]) -> dict[str, str] | None:
    """As `_by_names`, where the file's weights begin with as many of the same kinds and shapes in the same order."""
    own = [key for key in wanted if not key.endswith(_COUNTER)]
    names = [name for name in state if not name.endswith(_COUNTER)]
    if len(own) > len(names) or len(names) - len(own) > _MOST_OTHERS:
        return None
    pairs = dict(zip(own, names, strict=False))
    if not all(_kind(key) == _kind(name) and wanted[key] == state[name].shape for key, name in pairs.items()):
        return None
    means = {key: pairs[key.replace(_COUNTER, "running_mean")] for key in wanted if key.endswith(_COUNTER)}
    return pairs | {key: name.replace("running_mean", _COUNTER) for key, name in means.items()}


def _kind(name: str) -> str:
    return name.rpartition(".")[2]


def names_in(content: Any) -> Iterator[str]:
    """Architectures of torchvision and timm that texts in a file name, such as ``{"arch": "resnet101"}``."""
    for text in _texts(content):
        name = re.sub(r"^(hf[-_]hub:)?(timm|torchvision)?/|\..*$", "", text.strip()).lower()
        if not re.fullmatch(r"[a-z][a-z0-9_]{3,60}", name):
            continue
        import timm
        import torchvision

        if name in torchvision.models.list_models(module=torchvision.models):
            yield name
        if timm.is_model(name):
            yield f"timm/{name}"


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, argparse.Namespace | SimpleNamespace):
        content = vars(content)
    if isinstance(content, str) and len(content) < 100:
        yield content
    elif isinstance(content, dict):
        values: Iterable[Any] = (value for value in content.values() if not isinstance(value, Tensor))
        for value in values:
            yield from _texts(value)
