"""The whole of a training run, `fit`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from workoutlib.config import Config
from workoutlib.data.dataset import Frames
from workoutlib.data.transforms import apply_augmentation
from workoutlib.models.build import Network, freeze
from workoutlib.models.inference import extract_features
from workoutlib.training.head import _require_several, fit_head
from workoutlib.training.loop import _diverged, build_optimizer, train_one_epoch, validate
from workoutlib.training.run_folder import HISTORY, RunFolder, best_epoch
from workoutlib.training.schedule import learning_rate_at
from workoutlib.utils import devices
from workoutlib.utils.errors import WorkoutlibError

NOT_MEASURED = {"loss": math.nan, "accuracy": math.nan}


@dataclass(frozen=True)
class Fit:
    """What came of a training run.

    Attributes:
        history: one row an epoch, columns ``HISTORY``; epoch 0 is the head-first start.
        best_epoch: the epoch with the lowest validation loss (the last one without validation).
        stopped: why it ended before its last epoch, or ``None``.
    """

    history: pd.DataFrame
    best_epoch: int
    stopped: str | None = None


def fit(
    network: Network, train: Frames, valid: Frames | None, config: Config, *,
    device: torch.device, rendered: Frames | None = None, out: Path | None = None, resume: bool = False,
    progress: bool = True,
    on_epoch: Callable[[pd.DataFrame], None] | None = None,
    on_step: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Fit:  # fmt: skip
    """Train a network by a config's recipe; it ends holding the last finished epoch's evaluated weights.

    With ``config.interpolate`` below 1 the weights that are validated, stored and returned lie so far on
    the line from the head-only start to the fine-tuned weights (Wortsman et al. 2022, arXiv:2109.01903).

    Args:
        rendered: pictures of the built-in gym for ``config.rendered``; the head-first start is fitted without them.
        valid: without it (``None``) nothing is validated and the last epoch counts as the best.
        out: folder for ``best_model.pth``, ``last.pth`` (written after every epoch) and ``history.csv``.
        resume: go on after the last finished epoch in `out`, as if never interrupted.
        on_epoch: called with the history so far after each epoch; `on_step` with (steps done, steps).
        should_stop: asked after each step and each batch of features; Ctrl-C and a notebook's stop button
            end the run as well.
    Raises:
        WorkoutlibError: one class only, NaN loss, a resumed run with another config or data, an unwritable folder.
    """
    _require_several(train.labels)
    network.to(device, memory_format=torch.channels_last)
    main = devices.rank_and_world()[0] == 0
    store = RunFolder(out, config, train, valid) if out else None
    rows: list[dict] = []
    state = store.load(network) if store and resume else None
    stopped = None

    def check() -> None:
        if should_stop():
            raise StopTraining("stopped")

    try:
        if state is None:
            if store and main:
                store.clear()
            if config.head_first:
                features = extract_features(network, train, config, device=device, after_batch=check)
                fit_head(network.head, features, train.targets, train.labels)
        start = state["start"] if state else _copy_state(network)
        freeze(network, config.frozen if config.fine_tune else 1.0, batch_norm=config.freeze_batch_norm)
        learner, learned, prepare = _learner(network, train, config, device, check)
        optimizer = build_optimizer(learner, config, device)
        scaler = torch.amp.GradScaler(enabled=devices.autocast_dtype(device) == torch.float16)
        if state:
            network.load_state_dict(state["network"])
            store.restore(state, optimizer, scaler)
            rows, kept = state["history"], _copy_state(_interpolated(network, start, config.interpolate))
        stepper = _in_parallel(learner)
        epochs = config.epochs if config.fine_tune or not config.head_first else 0
        first = len(rows) + (not config.head_first)
        bar = tqdm(range(first, epochs + 1), desc="training", unit="epoch", disable=not (progress and main))
        for epoch in bar:
            began, trained = time.perf_counter(), NOT_MEASURED
            if epoch > 0:
                trained = train_one_epoch(
                    stepper, learned, optimizer, config, epoch=epoch, device=device, prepare=prepare,
                    rendered=rendered if config.fine_tune else None, scaler=scaler,
                    on_step=_watch(on_step, check, bar),
                )  # fmt: skip
            evaluated = _interpolated(network, start, config.interpolate)
            judged = validate(evaluated, valid, config, device=device) if valid else NOT_MEASURED
            if valid and not math.isfinite(judged["loss"]):
                raise _diverged(judged["loss"], f"validation after epoch {epoch}", learning_rate_at(config, epoch - 1))
            row = {
                "epoch": epoch, "train_loss": trained["loss"], "train_accuracy": trained["accuracy"],
                "valid_loss": judged["loss"], "valid_accuracy": judged["accuracy"],
                "learning_rate": learning_rate_at(config, max(epoch - 1, 0)),
                "seconds": time.perf_counter() - began,
            }
            if store and main:
                store.save(network, evaluated, optimizer, scaler, [*rows, row], start)
            rows, kept = [*rows, row], _copy_state(evaluated)  # only now: Ctrl-C may come at any line
            bar.set_postfix(valid_accuracy=f"{judged['accuracy']:.3f}")
            if on_epoch:
                on_epoch(pd.DataFrame(rows, columns=HISTORY))
    except (KeyboardInterrupt, StopTraining) as error:
        stopped = str(error) or "interrupted"
        if not rows:
            raise WorkoutlibError("stopped before the first epoch ended: there is no model to keep") from error
    except torch.cuda.OutOfMemoryError as error:
        raise WorkoutlibError(
            f"the GPU has too little memory for batches of {config.batch_size} pictures: "
            f"train with batches of {max(config.batch_size // 2, 1)} (--batch-size), or smaller pictures"
        ) from error
    history = pd.DataFrame(rows, columns=HISTORY)
    network.load_state_dict(kept)
    return Fit(history, best_epoch(history), stopped)


class StopTraining(Exception):
    """Raised when `should_stop` says so; `fit` ends cleanly."""


def _watch(on_step, check: Callable[[], None], bar) -> Callable[[int, int], None]:
    def after_step(step: int, steps: int) -> None:
        if on_step:
            on_step(step, steps)
        bar.set_description(f"training, step {step}/{steps}", refresh=False)
        check()

    return after_step


def _learner(network: Network, train: Frames, config: Config, device: torch.device, check: Callable[[], None]):
    """What is trained on what: the network on pictures, or the head on cached features."""
    if config.fine_tune:
        return network, train, lambda images, draw: apply_augmentation(images, draw, config, network.mean, network.std)
    features = extract_features(network, train, config, device=device, after_batch=check)[0].to(device)
    return network.head, train.holding(features), lambda features, draw: features


def _in_parallel(learner: nn.Module) -> nn.Module:
    if devices.rank_and_world()[1] == 1:
        return learner
    return nn.parallel.DistributedDataParallel(learner)


def _copy_state(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}


def _interpolated(network: Network, start: dict[str, Tensor], share: float) -> Network:
    """The network itself, or a copy whose weights are ``(1 - share) * start + share * network``."""
    if share == 1.0:
        return network
    blended = deepcopy(network)
    for name, value in blended.state_dict().items():
        if value.is_floating_point():
            value.lerp_(start[name].to(value.device), 1 - share)
    return blended
