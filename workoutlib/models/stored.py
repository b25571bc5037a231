"""A model as a checkpoint stores it, before it is built."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from torch import Tensor, nn

from workoutlib.models.build import Classifier, build_model
from workoutlib.models.weights import check_weights
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.paths import shown


@dataclass(frozen=True, eq=False)
class StoredModel:
    """What a `Classifier` is built of.

    Attributes:
        path: the file that it comes from, for messages.
        architecture: a key of `models.build.MODELS`.
        classes: how many labels it has.
        state: its ``state_dict``.
        mean, std: as of `Classifier`.
        memory: as of `Classifier`; files of earlier versions have none.
    """

    path: Path
    architecture: str
    classes: int
    state: dict[str, Tensor]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    memory: Tensor | None

    @property
    def knows_hands(self) -> bool:
        """Whether it has a head for hands; files of earlier versions have none."""
        return "hands.weight" in self.state

    @cached_property
    def model(self) -> Classifier:
        """The model, on the CPU, in evaluation mode; built when it is first asked for.

        Raises:
            WorkoutlibError: the weights are not those of the architecture, or damaged.
        """
        try:
            model = build_model(self.architecture, self.classes, weights=None)
        except WorkoutlibError as error:
            raise WorkoutlibError(f"{shown(self.path)}: {error}") from error
        model.mean, model.std = self.mean, self.std
        if self.knows_hands:
            model.hands = nn.Linear(model.head.in_features, model.head.out_features)
        check_weights(self.state, model.state_dict(), self.path)
        model.load_state_dict(self.state)
        model.memory = self._memory_for(model)
        return model.eval()

    def _memory_for(self, model: Classifier) -> Tensor | None:
        memory = self.memory
        if memory is None:
            return None
        sound = isinstance(memory, Tensor) and memory.ndim in (2, 3) and memory.is_floating_point()
        sound = sound and memory.numel() > 0 and (memory.ndim == 2 or len(memory) == model.head.out_features)
        if not sound or memory.shape[-1] != model.head.in_features or not memory.isfinite().all():
            raise WorkoutlibError(f"{shown(self.path)}: damaged, its memory does not fit the model")
        return memory.float()
