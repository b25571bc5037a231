"""BlazePose's two networks, run by OpenVINO as they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import numpy as np

from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.paths import shown


class Network:
    """A .tflite network that is given one uint8 picture at a time. Threads may share it: they take turns.

    Args:
        path: the file.
        outputs: names of the wanted outputs; what only the others need is not computed.
        mean, scale: pixels 0..255 are given to the network as ``(pixels - mean) / scale``.
        threads: processor threads to use.
    Raises:
        WorkoutlibError: OpenVINO is missing, or cannot read the file.
    """

    def __init__(self, path: Path, outputs: Sequence[str], *, mean: float, scale: float, threads: int) -> None:
        try:
            import openvino
            from openvino.preprocess import PrePostProcessor
        except ImportError as error:
            raise WorkoutlibError("poses need the package openvino: pip install openvino") from error
        hints = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
        core = openvino.Core()
        try:
            whole = core.read_model(path)
            model = openvino.Model([whole.output(name).node for name in outputs], whole.get_parameters())
            steps = PrePostProcessor(model)
            steps.input().tensor().set_element_type(openvino.Type.u8)
            steps.input().preprocess().convert_element_type(openvino.Type.f32).mean(mean).scale(scale)
            compiled = core.compile_model(steps.build(), "CPU", hints)
        except RuntimeError as error:
            raise WorkoutlibError(f"OpenVINO cannot run {shown(path)}: {error}") from error
        self._request = compiled.create_infer_request()
        self._turn = Lock()

    def __call__(self, picture: np.ndarray) -> list[np.ndarray]:
        """The outputs, float32, without their first axis, for a uint8 picture (side, side, 3)."""
        with self._turn:
            self._request.infer([picture[None]])
            return [tensor.data[0].copy() for tensor in self._request.output_tensors]
