"""The picture model ready to answer: by torch, or compiled by OpenVINO."""

from __future__ import annotations

from functools import cached_property
from importlib.util import find_spec

import numpy as np
import torch

from workoutlib.config import Config
from workoutlib.data.transforms import EvalTransform
from workoutlib.models.build import Classifier
from workoutlib.models.inference import batch_answers
from workoutlib.models.stored import StoredModel
from workoutlib.recognition.forward import Forward
from workoutlib.recognition.openvino import graph_file, openvino_forward


class PictureModel:
    """What maps uint8 squares (N, resize, resize, 3) to logits, of photos and of clips.

    A stored model is built at once, so that what is wrong with it is said, unless its compiled graph is kept: then it
    has been built before, and is only built again when torch is to answer.

    Args:
        backend: as for `Recognizer`: ``"auto"`` compiles the model for clips on a CPU, where OpenVINO is installed.
    """

    def __init__(
        self, model: Classifier | StoredModel, config: Config, *, device: torch.device, backend: str = "auto"
    ) -> None:
        self._source, self._config, self._device = model, config, device
        self._transform = EvalTransform(crop=config.crop, mean=model.mean, std=model.std)
        self.knows_hands = model.knows_hands
        available = device.type == "cpu" and find_spec("openvino") is not None
        self._compiles = backend == "openvino" or (backend == "auto" and available)
        if not (self._compiles and isinstance(model, StoredModel) and graph_file(model, config).is_file()):
            _ = self.model
        self.photos: Forward = self._compiled if backend == "openvino" else self._by_torch

    @property
    def clips(self) -> Forward:
        """For all of a clip's frames it pays to compile the model first."""
        return self._compiled if self._compiles else self._by_torch

    @cached_property
    def model(self) -> Classifier:
        """The model itself, on its device."""
        model = self._source.model if isinstance(self._source, StoredModel) else self._source
        return model.to(self._device).to(memory_format=torch.channels_last).eval()

    @cached_property
    def _compiled(self) -> Forward:
        return openvino_forward(self._source, self._config)

    def _by_torch(self, squares: np.ndarray) -> np.ndarray:
        images = self._transform(torch.from_numpy(squares).permute(0, 3, 1, 2).to(self._device))
        return batch_answers(self.model, images, flip=self._config.flip_at_test).numpy()
