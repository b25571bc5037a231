"""A whole training run: the head first, then epoch after epoch of fine-tuning, each validated and kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from workoutlib.config import Config
from workoutlib.data.dataset import ImageDataset
from workoutlib.data.loader import Batch, BatchLoader
from workoutlib.data.transforms import transforms_of
from workoutlib.models.build import Classifier, freeze
from workoutlib.models.features import picture_features
from workoutlib.models.inference import eval_loader
from workoutlib.training.head import fit_head, require_several
from workoutlib.training.loggers import Logger
from workoutlib.training.loop import OnStep, train_one_epoch, validate
from workoutlib.training.run_folder import HISTORY, RunFolder, best_epoch
from workoutlib.training.schedule import build_optimizer, build_scheduler, learning_rate_at
from workoutlib.utils import devices
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.progress import Listener, listening, progress_bar, tell

NOTHING_KEPT = "stopped before the first epoch ended: there is no model to keep"
NOT_MEASURED: dict[str, Any] = {"loss": math.nan, "accuracy": math.nan, "logits": None}


@dataclass(frozen=True)
class FitResult:
    """What came of a training run.

    Attributes:
        history: one row an epoch, columns ``HISTORY``; epoch 0 is the head-first start.
        best_epoch: the epoch with the lowest validation loss (the last one without validation).
        stopped: why it ended before its last epoch, or ``None``.
    """

    history: pd.DataFrame
    best_epoch: int
    stopped: str | None = None


@dataclass(frozen=True)
class Callbacks:
    """How a run is watched and stopped.

    Attributes:
        on_epoch: called with the history so far after each epoch.
        on_step: called with (steps done, steps of the epoch).
        on_stage: in `train_model`, called with (what is done besides: "decoding pictures", "fitting the head", ...,
            how much of it is done, of how much or ``None``).
        should_stop: asked after each step and each batch of features; Ctrl-C ends a run as well.
        progress: show a progress bar.
        logger: ``"tensorboard"`` writes the history as it grows, to be seen with ``tensorboard --logdir FOLDER``.
    """

    on_epoch: Callable[[pd.DataFrame], None] = lambda history: None
    on_step: OnStep = lambda step, steps: None
    on_stage: Listener = lambda what, done, total: None
    should_stop: Callable[[], bool] = lambda: False
    progress: bool = True
    logger: Logger | None = None

    def listening(self) -> AbstractContextManager[None]:
        """Within the block `on_stage` hears what is done, and `should_stop` is asked each time."""

        def hear(what: str, done: int, total: int | None) -> None:
            self.on_stage(what, done, total)
            _stop_if_asked(self)

        return listening(hear)


class StopTraining(Exception):
    """Raised when `Callbacks.should_stop` says so; `fit` ends cleanly."""


def fit(
    model: Classifier,
    train: ImageDataset,
    valid: ImageDataset | None,
    config: Config,
    *,
    device: torch.device | None = None,
    synthetic: ImageDataset | None = None,
    folder: RunFolder | None = None,
    callbacks: Callbacks = Callbacks(),
) -> FitResult:
    """Train a model by a config's recipe; it ends holding the last finished epoch's validated weights.

    With ``config.weight_interpolation`` below 1 the weights that are validated, stored and returned lie so far on
    the line from the head-first start to the fine-tuned weights (Wortsman et al. 2022, arXiv:2109.01903).

    Args:
        valid: without it (``None``) nothing is validated and the last epoch counts as the best.
        device: default, the best one here.
        synthetic: pictures of the built-in gym for ``config.synthetic``; the head is fitted without them.
        folder: where the run is kept after every epoch; one made to resume goes on after its last finished epoch,
            as if never interrupted.
    Raises:
        WorkoutlibError: one class only, NaN loss, a resumed run with another config or data, an unwritable folder.
    """
    require_several(train.labels)
    device = device or devices.pick_device()
    model.to(device).to(memory_format=torch.channels_last)
    is_main = devices.rank_and_world()[0] == 0
    rows: list[dict[str, Any]] = []
    kept: dict[str, Tensor] = {}
    stopped = None
    try:
        state = folder.load(model) if folder else None
        if folder and not state and is_main:
            folder.clear()
        if config.head_first and not state:
            features = _features(model, train, config, device, callbacks)
            tell("fitting the head")
            fit_head(model.head, features, train.targets, train.labels, train.weights)
        start = state["start"] if state else _copy_state(model)
        learner = _Learner(model, train, synthetic, config, device, callbacks)
        if folder and state:
            rows, kept = state["history"], _resume(folder, state, model, learner, config)
        valid_loader = eval_loader(model, valid, crop=config.crop, device=device) if valid else None
        for epoch in _epochs(config, done=len(rows), bar=callbacks.progress and is_main):
            began = time.perf_counter()
            trained = learner.train(epoch) if epoch > 0 else NOT_MEASURED
            blended = _interpolated(model, start, config.weight_interpolation)
            validated = validate(blended, valid_loader, flip=config.flip_at_test) if valid_loader else NOT_MEASURED
            row = _history_row(epoch, trained, validated, config, time.perf_counter() - began)
            if folder and is_main:
                folder.save(model, blended, learner.optimizer, learner.scaler, [*rows, row], start, validated["logits"])
            rows, kept = [*rows, row], _copy_state(blended)  # only now: Ctrl-C may come at any line
            callbacks.on_epoch(pd.DataFrame(rows, columns=HISTORY))
    except (KeyboardInterrupt, StopTraining) as error:
        stopped = str(error) or "interrupted"
        if not rows:
            raise WorkoutlibError(NOTHING_KEPT) from error
    except torch.cuda.OutOfMemoryError as error:
        raise _out_of_memory(config) from error
    history = pd.DataFrame(rows, columns=HISTORY)
    model.load_state_dict(kept)
    return FitResult(history, best_epoch(history), stopped)


class _Learner:
    """What is trained on what: the model on pictures, or its head on cached features."""

    def __init__(
        self,
        model: Classifier,
        train: ImageDataset,
        synthetic: ImageDataset | None,
        config: Config,
        device: torch.device,
        callbacks: Callbacks,
    ) -> None:
        self.config, self.callbacks = config, callbacks
        freeze_as_configured(model, config)
        if config.fine_tune:
            trained: nn.Module = model
            transform, _ = transforms_of(config, model.mean, model.std)
        else:
            features = _features(model, train, config, device, callbacks)[0]
            trained, train, transform, synthetic = model.head, train.with_images(features.to(device)), None, None
        self.loader = BatchLoader(
            train,
            config.batch_size,
            transform=transform,
            device=device,
            shuffle=True,
            seed=config.seed,
            synthetic=synthetic,
            synthetic_share=config.synthetic,
        )
        self.optimizer = build_optimizer(trained, config)
        self.scaler = torch.amp.GradScaler(enabled=devices.autocast_dtype(device) == torch.float16)
        self.criterion = nn.CrossEntropyLoss(reduction="none", label_smoothing=config.label_smoothing)
        in_parallel = devices.rank_and_world()[1] > 1
        self.model = nn.parallel.DistributedDataParallel(trained) if in_parallel else trained

    def train(self, epoch: int) -> dict[str, float]:
        """Train one epoch; order, augmentation and dropout follow from the seed and the epoch's number."""
        torch.manual_seed(self.config.seed * 100_003 + epoch)
        self.loader.epoch = epoch
        steps = len(self.loader)
        scheduler = build_scheduler(self.optimizer, self.config, steps_per_epoch=steps, steps_done=(epoch - 1) * steps)
        try:
            return train_one_epoch(
                self.model,
                self.loader,
                self.optimizer,
                criterion=self.criterion,
                scheduler=scheduler,
                scaler=self.scaler,
                on_step=self._after_step,
            )
        except WorkoutlibError as error:
            raise WorkoutlibError(f"epoch {epoch}: {error}") from error

    def _after_step(self, step: int, steps: int) -> None:
        self.callbacks.on_step(step, steps)
        _stop_if_asked(self.callbacks)


def freeze_as_configured(model: Classifier, config: Config) -> None:
    """Freeze what a config keeps from learning."""
    freeze(model, config.frozen if config.fine_tune else 1.0, batch_norm=config.freeze_batch_norm)


def _features(
    model: Classifier, dataset: ImageDataset, config: Config, device: torch.device, callbacks: Callbacks
) -> Tensor:
    def watched(batches: Iterable[Batch]) -> Iterator[Batch]:
        for batch in batches:
            yield batch
            _stop_if_asked(callbacks)

    return picture_features(model, dataset, crop=config.crop, device=device, watch=watched)


def _stop_if_asked(callbacks: Callbacks) -> None:
    if callbacks.should_stop():
        raise StopTraining("stopped")


def _epochs(config: Config, *, done: int, bar: bool) -> Iterable[int]:
    """The numbers of the epochs still to come; epoch 0 only validates the fitted head."""
    first = done + (not config.head_first)
    last = config.epochs if config.fine_tune or not config.head_first else 0
    return progress_bar(range(first, last + 1), "training", unit="epoch", show=bar)


def _resume(
    folder: RunFolder, state: dict[str, Any], model: Classifier, learner: _Learner, config: Config
) -> dict[str, Tensor]:
    """Take up the loaded state; returns the weights that its last epoch was validated with."""
    model.load_state_dict(state["model"])
    folder.restore(state, learner.optimizer, learner.scaler)
    return _copy_state(_interpolated(model, state["start"], config.weight_interpolation))


def _history_row(
    epoch: int, trained: dict[str, Any], validated: dict[str, Any], config: Config, seconds: float
) -> dict[str, Any]:
    rate = learning_rate_at(config, max(epoch - 1, 0))
    if validated["logits"] is not None and not math.isfinite(validated["loss"]):
        raise WorkoutlibError(
            f"the loss became {validated['loss']} in validation after epoch {epoch}: lower the learning rate "
            f"(now {rate:g}) and train again; the best model so far is kept"
        )
    return {
        "epoch": epoch,
        "train_loss": trained["loss"],
        "train_accuracy": trained["accuracy"],
        "valid_loss": validated["loss"],
        "valid_accuracy": validated["accuracy"],
        "learning_rate": rate,
        "seconds": seconds,
    }


def _out_of_memory(config: Config) -> WorkoutlibError:
    return WorkoutlibError(
        f"the GPU has too little memory for batches of {config.batch_size} pictures: "
        f"train with batches of {max(config.batch_size // 2, 1)} (--batch-size), or smaller pictures"
    )


def _copy_state(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}


def _interpolated(model: Classifier, start: dict[str, Tensor], share: float) -> Classifier:
    """The model itself, or a copy whose weights are ``(1 - share) * start + share * model``."""
    if share == 1.0:
        return model
    blended = deepcopy(model)
    for name, value in blended.state_dict().items():
        if value.is_floating_point():
            value.lerp_(start[name].to(value.device), 1 - share)
    return blended
