"""OpenVINO: the same model, several times faster on a CPU (``pip install openvino``)."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workoutlib.config import Config
from workoutlib.data.transforms import EvalTransform
from workoutlib.models.build import Classifier
from workoutlib.utils.errors import WorkoutlibError


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


def openvino_forward(model: Classifier, config: Config) -> Callable[[np.ndarray], np.ndarray]:
    """Compile a model with OpenVINO for the CPU, in float32.

    Returns:
        A function from uint8 squares (N, resize, resize, 3) to logits (N, C) or (N, 2C), float32.
    Raises:
        WorkoutlibError: OpenVINO is not installed.
    """
    squares = torch.zeros(1, config.resize, config.resize, 3, dtype=torch.uint8)
    return compiled_forward(convert(SquaresToLogits(model.cpu(), config).eval(), squares))


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
