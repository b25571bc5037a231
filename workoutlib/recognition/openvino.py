"""OpenVINO: the same model, several times faster on a CPU (``pip install openvino``)."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable
from importlib.metadata import version
from inspect import getfile
from pathlib import Path
from threading import Lock
from typing import Any
from zipfile import ZipFile

import numpy as np
import torch
from torch import Tensor, nn

import workoutlib
from workoutlib.config import Config
from workoutlib.data.transforms import EvalTransform
from workoutlib.models.build import Classifier
from workoutlib.models.stored import StoredModel
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import Unwritable, fingerprint_files, workspace
from workoutlib.utils.paths import data_root

_PARTS = ("model.xml", "model.bin")  # as OpenVINO writes a graph
_MOST_KEPT = 4  # graphs in the cache folder, each as large as the weights of its model


class SquaresToLogits(nn.Module):
    """The whole way from uint8 squares (N, resize, resize, 3) to `Classifier.answers`, as one graph to export."""

    def __init__(self, model: Classifier, config: Config) -> None:
        super().__init__()
        self.model, self.flip = model, config.flip_at_test
        self.transform = EvalTransform(crop=config.crop, mean=model.mean, std=model.std)

    def forward(self, squares: Tensor) -> Tensor:
        images = self.transform(squares.permute(0, 3, 1, 2))
        if not self.flip:
            return self.model.answers(images).float()
        # mirror images lie behind in one batch: a second pass would be a second copy of the whole graph
        return self.model.answers(torch.cat([images, images.flip(3)])).float().unflatten(0, (2, -1)).mean(0)


def openvino_forward(model: Classifier | StoredModel, config: Config) -> Callable[[np.ndarray], np.ndarray]:
    """Compile a model with OpenVINO for the CPU, in float32.

    Returns:
        A function from uint8 squares (N, resize, resize, 3) to logits (N, C) or (N, 2C), float32.
    Raises:
        WorkoutlibError: OpenVINO is not installed.
    """
    return compiled_forward(kept_graph(model, config))


def kept_graph(model: Classifier | StoredModel, config: Config) -> Any:
    """OpenVINO's graph of one square to logits: converted once, which takes seconds, then read from its file.

    The file's name is a hash of all that the graph depends on, so that another model has another file. Where the file
    is there, a stored model is not built.
    """
    file = graph_file(model, config)
    if (kept := _read_graph(file)) is not None:
        return kept
    built = (model.model if isinstance(model, StoredModel) else model).cpu()
    square = torch.zeros(1, config.resize, config.resize, 3, dtype=torch.uint8)
    graph = convert(SquaresToLogits(built, config).eval(), square)
    graph.reshape(list(square.shape))
    try:
        _keep_graph(graph, file)
    except Unwritable as error:
        warnings.warn(f"the converted model is not kept for the next time: {error}", stacklevel=2)
    read = _read_graph(file)  # its sums are rounded otherwise, and the first answers are to be those of all later times
    return graph if read is None else read


def graph_file(model: Classifier | StoredModel, config: Config) -> Path:
    """Where `kept_graph` keeps the graph of a model."""
    return graph_folder() / f"{_fingerprint(model, config)}.zip"


def graph_folder() -> Path:
    """Where converted models are kept."""
    return data_root() / "cache" / "openvino"


def _fingerprint(model: Classifier | StoredModel, config: Config) -> str:
    """24 characters that change with weights, layers, preprocessing, and the code and libraries that convert them."""
    if isinstance(model, StoredModel):
        weights, layers = model.state, model.architecture
    else:
        weights, layers = model.state_dict(), str(model)
    digest = hashlib.sha256()
    for name, values in {**weights, "memory": model.memory}.items():
        if values is not None:
            digest.update(f"{name} {values.dtype} {tuple(values.shape)}".encode())
            digest.update(values.cpu().contiguous().numpy().data)
    libraries = [version(name) for name in ("torch", "torchvision", "timm")]
    return fingerprint_files(
        [getfile(Classifier), getfile(EvalTransform), __file__],
        weights=digest.hexdigest(),
        layers=layers,
        settings=repr([config.resize, config.crop, config.flip_at_test, model.mean, model.std]),
        versions=[workoutlib.__version__, require_openvino().__version__, *libraries],
    )


def _read_graph(file: Path) -> Any:
    """The graph in a file of `_keep_graph`; ``None`` without a sound one."""
    try:
        with ZipFile(file) as parts:  # which compares checksums
            xml, weights = (parts.read(name) for name in _PARTS)
        openvino = require_openvino()
        graph = openvino.Core().read_model(xml, openvino.Tensor(np.frombuffer(weights, np.uint8)))
        os.utime(file)
    # Not there, or not whole: a damaged file raises nearly anything inside zipfile (BadZipFile, struct.error, ...).
    except Exception:
        return None
    return graph


def _keep_graph(graph: Any, file: Path) -> None:
    """Write a graph in one file, and remove those that were not used for longest."""
    with workspace(file) as work:
        try:
            require_openvino().save_model(graph, work / _PARTS[0], compress_to_fp16=False)
        except RuntimeError as error:  # how OpenVINO reports a full disk
            raise OSError(str(error)) from error
        with ZipFile(work / file.name, "w") as parts:
            for name in _PARTS:
                parts.write(work / name, name)
        os.replace(work / file.name, file)
    for old in sorted(file.parent.glob("*.zip"), key=os.path.getmtime, reverse=True)[_MOST_KEPT:]:
        old.unlink(missing_ok=True)


def require_openvino() -> Any:
    """The module.

    Raises:
        WorkoutlibError: it is not installed.
    """
    try:
        import openvino
    except ImportError as error:
        raise WorkoutlibError("the back end openvino needs its package: pip install openvino") from error
    return openvino


def convert(module: nn.Module, example: Tensor) -> Any:
    """A module as OpenVINO's graph, of any number of inputs like the example."""
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing notes that mean and std become constants: they are
        # which OpenVINO would do too, but twice, to compare
        traced = torch.jit.trace(module, example, check_trace=False)
        return require_openvino().convert_model(traced, example_input=example)


def compiled_forward(graph: Any) -> Callable[[np.ndarray], np.ndarray]:
    """As `openvino_forward`, of OpenVINO's graph of a model; squares go through it one by one.

    So a layer's values stay in the processor's cache from layer to layer, and little memory is taken.
    """
    openvino, classes = require_openvino(), graph.output(0).get_partial_shape()[1].get_length()
    graph.reshape([1, *list(graph.input(0).get_partial_shape())[1:]])
    # float32 gives torch's predictions; the default, bfloat16 where the processor has it, does not
    hints = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "THROUGHPUT"}
    compiled = openvino.compile_model(graph, "CPU", hints)
    # as many requests as keep all cores busy, and as many again that wait, so that no core does
    requests = openvino.AsyncInferQueue(compiled, 2 * compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
    one_caller = Lock()

    def forward(squares: np.ndarray) -> np.ndarray:
        logits = np.empty((len(squares), classes), np.float32)

        def keep(request: Any, number: int) -> None:
            logits[number] = request.get_output_tensor().data[0]

        with one_caller:
            requests.set_callback(keep)
            for number in range(len(squares)):
                requests.start_async(squares[number : number + 1], number)
            requests.wait_all()
        return logits

    return forward
