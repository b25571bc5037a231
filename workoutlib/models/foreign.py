"""Checkpoints that other programs wrote: the weights of a known architecture, under whatever names, with a new head."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from workoutlib.class_names import find_named, names_in_order
from workoutlib.config import Config
from workoutlib.labels import LABELS, find_label
from workoutlib.models.architectures import TRIED, names_in, normalisation, recognise
from workoutlib.models.build import Classifier, untrained
from workoutlib.models.unsupported import unsupported_kind
from workoutlib.models.weights import check_weights
from workoutlib.utils.contents import foreign_content
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.paths import list_files, shown

_HUB = ("model.safetensors", "pytorch_model.bin")
_USUAL = ("best_model.pth", *_HUB)
_SUFFIXES = frozenset({".pth", ".pt", ".ckpt", ".bin", ".safetensors"})
_AVERAGED = re.compile(r"(^|[_.])(ema|averaged?|shadow|swa)($|[_.])")
_IMAGENET_CLASSES = 1000
_PART = re.compile(r"-\d+-of-\d+\.")
_SIDE = Config.profile("tutorial").crop  # the profile that imported models are given


def checkpoint_in(path: str | Path) -> Path:
    """A file as it is; of a folder, the one checkpoint in it, by its name or its suffix.

    Raises:
        WorkoutlibError: the folder has none, or several.
    """
    path = Path(path)
    if not path.is_dir():
        return path
    found = [path / name for name in _USUAL if (path / name).is_file()]
    found = found[:1] or [file for file in list_files(path, _SUFFIXES) if file.parent == path]
    if len(found) != 1:
        if not found:
            raise WorkoutlibError(f"{shown(path)} is a folder without a checkpoint{_instead(path)}")
        if all(_PART.search(file.name) for file in found):
            advice = "save it as one where it was made, torch.save(model.state_dict(), FILE)"
            raise WorkoutlibError(f"{shown(path)} holds a model in {len(found)} files: {advice}")
        names = ", ".join(shown(file.name) for file in found)
        raise WorkoutlibError(f"{shown(path)} is a folder with {len(found)} checkpoints, {names}: give one of them")
    return found[0]


def _instead(folder: Path) -> str:
    """What a folder without a checkpoint holds, in words."""
    files = list_files(folder)
    if deeper := [file for file in files if file.suffix.lower() in _SUFFIXES]:
        return f": it has one deeper, {shown(deeper[0])}"
    found = next((found for file in files if (found := foreign_content(file))), None)
    return f", it holds {found[0]}. {found[1]}" if found else ": give a file of weights of PyTorch"


def with_configuration(content: Any, path: Path) -> Any:
    """Weights with what a model hub stores beside them, in ``config.json``: architecture and class names."""
    try:
        beside = json.loads((path.parent / "config.json").read_text("utf-8")) if path.name in _HUB else None
    except (OSError, ValueError):
        return content
    bare = isinstance(content, dict) and all(isinstance(value, Tensor) for value in content.values())
    return {**beside, "state_dict": content} if bare and isinstance(beside, dict) else content


def import_model(
    content: Any, path: str | Path, labels: Sequence[str] | None = None
) -> tuple[Classifier, tuple[str, ...], str]:
    """The model, its labels and its architecture, of what another program has stored with ``torch.save``.

    Recognised are state dicts of torchvision's and timm's architectures (`models.architectures`), bare or in a dict
    (``model_state_dict``), with prefixes (``module.``, ``model.``) and any head of linear layers with or without
    normalisation between them.
    Which activation was between those is not stored: ReLU is taken, and a warning says so.

    Args:
        content: what was in the file.
        path: names the file in messages.
        labels: class names in the order of the outputs; default, those in the file, else the 22 in alphabetical
            order, which is that of torchvision's ``ImageFolder``.
    Raises:
        WorkoutlibError: no weights in there, of no known architecture, or another number of outputs than labels.
    """
    state = _largest_state(content)
    if state is None:
        raise WorkoutlibError(
            f"{shown(path)}: not a workoutlib checkpoint, and without a table of weights (state_dict) to import; "
            "train one with: workoutlib train"
        )
    if what := unsupported_kind(state):
        raise WorkoutlibError(
            f"{shown(path)}: its weights are those of {what}; such are not imported: give a classifier of torchvision "
            "or timm with a linear head, or train one here: workoutlib train --model resnet50"
        )
    # what old versions of PyTorch and other programs leave out, and prediction does not need
    counters = {re.sub("running_mean$", "num_batches_tracked", key) for key in state if key.endswith("running_mean")}
    state = {key: value.to_dense() if value.is_sparse else value for key, value in state.items()}
    state |= dict.fromkeys(sorted(counters), torch.tensor(0))
    found = recognise(state, content)
    if found is None and (named := next(names_in(content), None)):
        raise WorkoutlibError(
            f"{shown(path)}: its {len(state)} weights are not those of {named}, which it names, with a linear head "
            "alone that was replaced; train one that is: workoutlib train --model resnet50"
        )
    if found is None:
        raise WorkoutlibError(
            f"{shown(path)}: its {len(state)} weights ({next(iter(state))} …) are of none of the known models: "
            f'{", ".join(TRIED)}. If torchvision or timm has another, store its name with them, as "arch": NAME; or '
            "train one of those: workoutlib train --model resnet50"
        )
    name, place, pairs = found
    body = untrained(name)
    body.set_submodule(place, nn.Identity())
    own = {key: state[there] for key, there in pairs.items()}
    check_weights(own, body.state_dict(), path)
    whole = body.state_dict()  # with the versions that some layers ask for
    whole.update(own)
    body.load_state_dict(whole)
    body, features = _flat(body.eval(), name, path)
    *hidden, last = _build_head(_behind(state, set(pairs.values())), features, path)
    model = Classifier(nn.Sequential(body, *hidden) if hidden else body, last, *_normalisation(content, state, name))
    return model.eval(), _choose_labels(content, last.out_features, labels, path), name.removeprefix("timm/")


def _behind(state: dict[str, Tensor], body: set[str]) -> dict[str, Tensor]:
    """The weights that are not the body's, those that come after its first one in front."""
    names = list(state)
    first = next(place for place, name in enumerate(names) if name in body)
    return {name: state[name] for name in (*names[first:], *names[:first]) if name not in body}


def _normalisation(content: Any, state: dict[str, Tensor], name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation as stored with a model or in its first layer, else those of its ImageNet weights."""
    layer = {key.rpartition(".")[2]: value for key, value in state.items() if value.numel() == 3}
    beside = content if isinstance(content, dict) else {}
    for stored in (beside.get("pretrained_cfg"), beside, layer):
        if not isinstance(stored, dict) or not {"mean", "std"} <= set(stored):
            continue
        mean, std = (torch.as_tensor(stored[key], dtype=torch.float32).flatten() for key in ("mean", "std"))
        if len(mean) == len(std) == 3:
            scale = 255 if max(mean) > 1 else 1
            return tuple((mean / scale).tolist()), tuple((std / scale).tolist())
    return normalisation(name)


def _largest_state(content: Any) -> dict[str, Tensor] | None:
    """The largest table of tensors by name, in dicts and lists of dicts; of several, that of averaged weights (EMA)."""
    found = max(_tables(content), key=lambda each: (len(each[0]), each[1]), default=None)
    return found[0] if found else None


def _tables(content: Any, averaged: bool = False) -> Iterator[tuple[dict[str, Tensor], bool]]:
    """Tables of tensors by name, and whether their own name says that they are averages."""
    if isinstance(content, list | tuple):
        content = dict(enumerate(content))
    if not isinstance(content, dict):
        return
    own = {key: value for key, value in content.items() if isinstance(key, str) and isinstance(value, Tensor)}
    if own:
        yield own, averaged
    for key, value in content.items():
        yield from _tables(value, averaged or _AVERAGED.search(str(key).lower()) is not None)


@torch.inference_mode()
def _flat(body: nn.Module, name: str, path: str | Path) -> tuple[nn.Module, int]:
    """A body whose features are a row a picture, and how many those are.

    Raises:
        WorkoutlibError: it takes pictures of another size alone.
    """
    try:
        features = body(torch.zeros(1, 3, _SIDE, _SIDE))
    except (AssertionError, RuntimeError) as error:
        text = f"{shown(path)}: {name} takes no pictures of {_SIDE} pixels ({error}), which are what models are given"
        raise WorkoutlibError(f"{text}; train an architecture that does") from error
    if features.ndim > 2:
        body, features = nn.Sequential(body, nn.Flatten()), features.flatten(1)
    return body, features.shape[1]


def _build_head(rest: dict[str, Tensor], features: int, path: str | Path) -> list[Any]:
    """Layers from features to logits, by the names and shapes of the weights that are not the body's."""
    groups: dict[str, dict[str, Tensor]] = {}
    for key, value in rest.items():
        place, _, kind = key.rpartition(".")
        groups.setdefault(place, {})[kind] = value
    layers: list[nn.Module] = []
    width, before, strange = features, None, ""
    for place, state in groups.items():
        layer = _layer(state, width)
        if layer is None:  # a loss function's weights, or another part of what was trained, if it is behind the head
            strange = strange or next((f"{place}.{kind}" for kind in state if kind.endswith("weight")), "")
            continue
        if strange:
            text = f"{shown(path)}: what its head does before {place} is not known: {strange} takes other than the"
            raise WorkoutlibError(f"{text} {width} values there are (as in fastai's heads); such are not imported")
        number = int(found[1]) if (found := re.search(r"(?:^|\.)(\d+)$", place)) else None
        apart = before is None or number is None or number > before + 1  # in a Sequential: another layer is between
        if layers and apart and (number is not None or isinstance(layer, nn.Linear)):
            layers.append(nn.ReLU())
        check_weights(state, layer.state_dict(), path)
        layer.load_state_dict(state)
        layers.append(layer)
        width, before = getattr(layer, "out_features", width), number
    if not layers or not isinstance(layers[-1], nn.Linear):
        if any(key.endswith("zero_point") for key in rest):
            raise WorkoutlibError(f"{shown(path)}: its weights are quantised; give the model that they were made from")
        raise WorkoutlibError(f"{shown(path)}: it has a body but no head of linear layers that takes its {features}")
    if len(layers) > 1:
        text = f"{shown(path)}: its head has several layers; what is between them is not stored, ReLU is assumed"
        warnings.warn(text, stacklevel=4)
    return layers


def _layer(state: dict[str, Tensor], width: int) -> nn.Module | None:
    """A layer that takes `width` values and has weights like these; None where there is none."""
    weight = state.get("weight")
    if weight is None or set(state) - {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}:
        return None
    if weight.ndim == 2 and weight.shape[1] == width:
        return nn.Linear(width, len(weight), bias="bias" in state)
    if weight.ndim == 1 and len(weight) == width:
        if "running_mean" in state:
            return nn.BatchNorm1d(width)
        return nn.LayerNorm(width) if "bias" in state else None
    return None


def _choose_labels(content: Any, count: int, labels: Sequence[str] | None, path: str | Path) -> tuple[str, ...]:
    if count < 2:
        raise WorkoutlibError(f"{shown(path)} has one output, a yes or no: it tells no exercises apart")
    if labels is None:
        stored = [names for value in find_named(content) if (names := names_in_order(value))]
        labels = next((_in_one_spelling(names) for names in stored if len(names) == count), None)
        labels = labels or (stored[0] if stored else None)
    if labels is None and count == len(LABELS):
        text = (
            f"{shown(path)} names no classes: its {count} outputs are taken for the 22 exercises in alphabetical order"
        )
        warnings.warn(text, stacklevel=4)
        labels = LABELS
    if labels is None or len(labels) != count or len(set(labels)) != count:
        given = "no class names" if labels is None else f"{len(set(labels))} class names"
        if count == _IMAGENET_CLASSES and labels is None:
            raise WorkoutlibError(
                f"{shown(path)} has ImageNet's 1,000 classes: it has not been trained on exercises; train from it, "
                "with: workoutlib train --weights FILE"
            )
        raise WorkoutlibError(
            f"{shown(path)}: {given} for {count} outputs; name all {count} in their order, with "
            "--labels FILE (one a line) or labels=[...]"
        )
    return tuple(labels)


def _in_one_spelling(names: list[str]) -> list[str]:
    """Names of the 22 in their one spelling, unless two of them would become one."""
    known = [find_label(name) or name for name in names]
    return known if len(set(known)) == len(names) else names
