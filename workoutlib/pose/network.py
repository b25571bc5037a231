"""The two networks of BlazePose, read and run by OpenVINO as they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from workoutlib.errors import WorkoutlibError
from workoutlib.images import shown

if TYPE_CHECKING:
    from openvino import Model


class TfliteNetwork:
    """A .tflite network for one uint8 picture at a time; several threads may call it, one after the other."""

    def __init__(
        self, path: Path, outputs: Sequence[str], *, mean: float, scale: float, threads: int | None = None
    ) -> None:
        """Read and compile a network.

        Args:
            path: the .tflite file.
            outputs: names of the wanted outputs; what only the others need is not computed.
            mean: subtracted from the pixels 0..255.
            scale: divides them then.
            threads: of the processor; None leaves it to OpenVINO.
        Raises:
            WorkoutlibError: OpenVINO is not installed, or cannot read the file.
        """
        try:
            import openvino
        except ImportError as error:
            text = "Poses need OpenVINO, which is not installed here. Install it: pip install openvino"
            raise WorkoutlibError(text) from error
        hints = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        if threads is not None:
            hints["INFERENCE_NUM_THREADS"] = str(threads)
        core = openvino.Core()
        try:
            whole = core.read_model(path)
            model = openvino.Model([whole.output(name).node for name in outputs], whole.get_parameters())
            compiled = core.compile_model(_with_pixels(model, mean, scale), "CPU", hints)
        except RuntimeError as error:
            raise WorkoutlibError(f"OpenVINO cannot read {shown(path)}: {error}. Delete it and try again.") from error
        self._request = compiled.create_infer_request()
        self._one_caller = Lock()

    def __call__(self, picture: np.ndarray) -> list[np.ndarray]:
        """The outputs, without their first axis, for a picture (size, size, 3), uint8."""
        with self._one_caller:
            self._request.infer([picture[None]])
            return [tensor.data[0].copy() for tensor in self._request.output_tensors]


def _with_pixels(model: Model, mean: float, scale: float) -> Model:
    """Let a network take uint8 pixels: OpenVINO scales them faster than NumPy."""
    from openvino import Type
    from openvino.preprocess import PrePostProcessor

    steps = PrePostProcessor(model)
    steps.input().tensor().set_element_type(Type.u8)
    steps.input().preprocess().convert_element_type(Type.f32).mean(mean).scale(scale)
    return steps.build()


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Probabilities 0..1 of logits."""
    return 1 / (1 + np.exp(-np.clip(logits, -60, 60)))
