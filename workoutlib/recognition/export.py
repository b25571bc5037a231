"""A checkpoint as ONNX or OpenVINO files with all that is needed to predict, and back again.

``model.onnx`` (or ``model.xml`` and ``.bin``) maps uint8 squares (N, resize, resize, 3) to logits (N, C): cropping and
normalisation are part of it. A model that knows hands gives (N, 2C): behind the logits of whole pictures those of
squares that show one hand (`pose.hands`). Where the checkpoint has a body model, ``skeleton`` and ``motion`` lie beside
it, which map features of bodies and of their mirror images (2, N, D) to log-probabilities (N, C). Labels,
preprocessing, temperature and threshold are in the metadata, each as JSON.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from workoutlib.config import Config
from workoutlib.models.checkpoints import Checkpoint, load_checkpoint
from workoutlib.pose.body_model import BodyModel
from workoutlib.pose.classifier import PoseClassifier
from workoutlib.recognition.openvino import SquaresToLogits, compiled_forward, convert, require_openvino
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import UnreadableFile, workspace
from workoutlib.utils.paths import require_file, shown

Format = Literal["onnx", "openvino"]
SUFFIXES = {"onnx": ".onnx", "openvino": ".xml"}
TOLERANCE = 1e-3
"""Most by which an answer of the exported files may differ from the checkpoint's."""
_META = "framework"  # where OpenVINO puts the metadata of ONNX files


@dataclass(frozen=True)
class Exported:
    """What `read_exported` finds: a picture model to call, and what a `Checkpoint` has besides."""

    forward: Callable[[np.ndarray], np.ndarray]
    labels: tuple[str, ...]
    config: Config
    temperature: float
    unknown_threshold: float | None
    keep_confidence: float | None
    body: BodyModel | None
    knows_hands: bool


class SidesToAnswers(nn.Module):
    """What `PoseClassifier.log_probabilities` does, as one graph to export."""

    def __init__(self, classifier: PoseClassifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, sides: Tensor) -> Tensor:
        return self.classifier(sides).mean(0).log_softmax(-1)


class BodyGraph:
    """A pose classifier that was exported, in place of a `PoseClassifier`."""

    def __init__(self, graph: Any) -> None:
        self.features = graph.input(0).get_partial_shape()[2].get_length()
        self._run = require_openvino().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def log_probabilities(self, sides: np.ndarray) -> np.ndarray:
        """(..., C) of features (2, ..., D) of bodies and of their mirror images; NaN where those are NaN."""
        rows = np.ascontiguousarray(sides.reshape(2, -1, sides.shape[-1]), np.float32)
        answers = self._run(rows)[0]
        answers[np.isnan(rows).any((0, 2))] = np.nan  # which OpenVINO's ReLU would take for 0
        return answers.reshape(*sides.shape[1:-1], -1)


def export_model(checkpoint: str | Path | Checkpoint, out: str | Path, *, format: Format = "openvino") -> Path:
    """Write a checkpoint's models to a folder, once their answers are found equal to the checkpoint's.

    Returns:
        The path of the picture model, which `Recognizer.from_checkpoint` takes.
    Raises:
        WorkoutlibError: the checkpoint cannot be read, packages are missing, or the answers differ.
    """
    stored = checkpoint if isinstance(checkpoint, Checkpoint) else load_checkpoint(checkpoint)
    body = BodyModel.from_state(stored.body, stored.labels) if stored.body else None
    config, rng = stored.config, torch.Generator().manual_seed(0)
    squares = torch.randint(0, 256, (4, config.resize, config.resize, 3), dtype=torch.uint8, generator=rng)
    parts: dict[str, tuple[nn.Module, Tensor]] = {"model": (SquaresToLogits(stored.model.cpu(), config), squares)}
    for name, classifier in body.classifiers.items() if body else ():
        # of the spread that features have, so that the answers are those of ordinary bodies
        features = torch.randn(2, 4, len(classifier.mean), generator=rng) * classifier.std + classifier.mean
        parts[name] = SidesToAnswers(classifier), features
    out, suffix = Path(out), SUFFIXES[format]
    with workspace(out / "export") as work:
        for name, (module, example) in parts.items():
            file = work / f"{name}{suffix}"
            meta = _metadata(stored, body) if name == "model" else {"labels": stored.labels}
            _write(module.eval(), example, file, meta, axis=0 if name == "model" else 1)
            _require_equal(module, example, file)
        for file in sorted(work.iterdir()):
            os.replace(file, out / file.name)
    return out / f"model{suffix}"


def read_exported(path: str | Path, *, labels: Sequence[str] | None = None) -> Exported:
    """Read what `export_model` wrote; nothing in the files is executed.

    Raises:
        WorkoutlibError: it is no such file, one of those beside it is missing, or its classes are not `labels`.
    """
    path, graph = Path(path), _read(Path(path))
    try:
        meta = {name: json.loads(_text(graph, name)) for name in ("labels", "config", "temperature", "body")}
        threshold = json.loads(_text(graph, "unknown_threshold"))
        keep = json.loads(_text(graph, "keep_confidence")) if graph.has_rt_info([_META, "keep_confidence"]) else None
        own, config = tuple(map(str, meta["labels"])), Config.from_dict(meta["config"])
        body = None
        if meta["body"]:
            stored = meta["body"]
            names = stored.get("classifiers", ("skeleton", "motion"))  # earlier ones have these alone
            parts: dict[str, Any] = {name: BodyGraph(_read(path.with_stem(name))) for name in names}
            parts |= {name: float(stored[name]) for name in ("skeleton_weight", "motion_weight")}
            body = BodyModel(own, **parts, looks=int(stored.get("looks", 1)))
        temperature = float(meta["temperature"])
        heads = graph.output(0).get_partial_shape()[1].get_length() / len(own)
        if heads not in (1, 2) or not temperature > 0:
            raise ValueError("labels and outputs do not agree")
        threshold, keep = (None if value is None else float(value) for value in (threshold, keep))
        found = Exported(compiled_forward(graph), own, config, temperature, threshold, keep, body, heads == 2)
    except (RuntimeError, KeyError, TypeError, ValueError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
        raise WorkoutlibError(f"{shown(path)} was not written by workoutlib export ({reason})") from error
    if labels is not None and tuple(labels) != own:
        raise WorkoutlibError(f"{shown(path)} names its own classes: leave labels out")
    return found


def _metadata(stored: Checkpoint, body: BodyModel | None) -> dict[str, Any]:
    config, model = stored.config, stored.model
    return {
        "labels": stored.labels,
        "input": f"uint8 RGB (N, {config.resize}, {config.resize}, 3), resized by {config.resize_mode}; the middle "
        f"{config.crop} pixels are normalised by mean and std within",
        "mean": model.mean,
        "std": model.std,
        "config": config.to_dict(),
        "temperature": stored.temperature,
        "unknown_threshold": stored.unknown_threshold,
        "keep_confidence": stored.metrics.get("keep_confidence"),
        "body": _body_metadata(body) if body else None,
        "version": stored.version,
    }


def _body_metadata(body: BodyModel) -> dict[str, Any]:
    plain = {name: getattr(body, name) for name in ("skeleton_weight", "motion_weight", "looks")}
    return plain | {"classifiers": list(body.classifiers)}


def _write(module: nn.Module, example: Tensor, file: Path, meta: dict[str, Any], *, axis: int) -> None:
    """Write one graph; its inputs may have any length along `axis`."""
    texts = {name: json.dumps(value) for name, value in meta.items()}
    if file.suffix == SUFFIXES["onnx"]:
        if missing := [name for name in ("onnx", "onnxscript") if not find_spec(name)]:
            raise WorkoutlibError(f'ONNX needs {" and ".join(missing)}: pip install -e ".[export]"')
        shapes = ({axis: torch.export.Dim("count")},)
        program = torch.onnx.export(module, (example,), dynamo=True, dynamic_shapes=shapes, verbose=False)
        if program is None:
            raise WorkoutlibError("PyTorch made no ONNX of this model")
        program.model.metadata_props.update(texts)
        program.save(str(file), external_data=False)
        return
    openvino, graph = require_openvino(), convert(module, example)
    graph.reshape([-1 if place == axis else size for place, size in enumerate(example.shape)])
    for name, text in texts.items():
        graph.set_rt_info(text, [_META, name])
    openvino.save_model(graph, file, compress_to_fp16=False)


@torch.inference_mode()
def _require_equal(module: nn.Module, example: Tensor, file: Path) -> None:
    """Compare the written file's answers, of another number of inputs than it was traced with, with the module's."""
    fewer = example[..., :3, :] if example.is_floating_point() else example[:3]
    run = require_openvino().compile_model(_read(file), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    difference = float(np.abs(run(fewer.numpy())[0] - module(fewer).numpy()).max())
    if not difference <= TOLERANCE:
        raise WorkoutlibError(f"the exported {file.name} gives other answers: they differ by {difference:.2g}")


def _read(path: Path) -> Any:
    require_file(path, UnreadableFile)
    try:
        return require_openvino().Core().read_model(path)
    except RuntimeError as error:
        advice = "export one from a checkpoint, with: workoutlib export"
        raise WorkoutlibError(f"{shown(path)} is no model that OpenVINO can read, or damaged; {advice}") from error


def _text(graph: Any, name: str) -> str:
    return graph.get_rt_info([_META, name]).astype(str)
