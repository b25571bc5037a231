"""Training: two flat functions, `train_one_epoch` and `validate`, and the loop around them, `fit`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from workoutlib import devices
from workoutlib.config import Config
from workoutlib.errors import WorkoutlibError
from workoutlib.forward import extract_features, predict_logits
from workoutlib.loaders import Frames, batches, shuffled
from workoutlib.models import Network, freeze
from workoutlib.runs import HISTORY, RunFolder, best_epoch
from workoutlib.transforms import apply_augmentation, draw_augmentation

NOT_MEASURED = {"loss": math.nan, "accuracy": math.nan}


def learning_rate_at(config: Config, epochs_done: float) -> float:
    """The learning rate after so many epochs (a fraction within an epoch): a function, so resuming is exact.

    ``"step"``: a tenth after each ``step_epochs``; ``"cosine"``: half a cosine from full to zero
    (Loshchilov & Hutter 2017, arXiv:1608.03983); ``"none"``: constant.
    """
    match config.scheduler:
        case "step":
            return config.learning_rate * 0.1 ** (int(epochs_done) // config.step_epochs)
        case "cosine":
            return config.learning_rate * 0.5 * (1 + math.cos(math.pi * epochs_done / max(config.epochs, 1)))
        case _:
            return config.learning_rate


def build_optimizer(network: nn.Module, config: Config, device: torch.device) -> torch.optim.Optimizer:
    """Adam or AdamW over the parameters that are not frozen."""
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config.optimizer]
    trainable = [p for p in network.parameters() if p.requires_grad]
    return kind(trainable, lr=config.learning_rate, weight_decay=config.weight_decay, fused=device.type == "cuda")


def train_one_epoch(
    network: nn.Module, frames: Frames, optimizer: torch.optim.Optimizer, config: Config, *,
    epoch: int, device: torch.device, prepare: Callable[[Tensor, dict], Tensor], rendered: Frames | None = None,
    scaler: torch.amp.GradScaler | None = None, on_step: Callable[[int, int], None] | None = None,
) -> dict[str, float]:  # fmt: skip
    """One pass over the training pictures, in an order and with draws given by (seed, epoch).

    Under ``torchrun`` each process takes its share of every batch; gradients are those of the whole batch.

    Args:
        network: maps what `prepare` returns to logits.
        prepare: ``prepare(images, draw)`` augments a batch by the draws of ``draw_augmentation``.
        rendered: pictures of which ``config.rendered`` times a batch's size, drawn at random, join each batch.
        on_step: called as ``on_step(steps_done, steps)`` after each step.
    Returns:
        ``loss`` and ``accuracy`` (0..1), means over the pictures as they were augmented.
    Raises:
        WorkoutlibError: the loss is no longer a finite number.
    """
    network.train()
    generator = torch.Generator().manual_seed(config.seed * 100_003 + epoch)
    torch.manual_seed(config.seed * 100_003 + epoch)  # dropout, in networks that have it
    rank, world = devices.rank_and_world()
    order = shuffled(len(frames), generator)
    scaler = scaler or torch.amp.GradScaler(enabled=False)
    steps = math.ceil(len(order) / config.batch_size)
    totals, seen = torch.zeros(2, device=device, dtype=torch.float64), 0  # summed loss, correct
    for step, whole in enumerate(order.split(config.batch_size)):
        rate = learning_rate_at(config, epoch - 1 + step / steps)
        for group in optimizer.param_groups:
            group["lr"] = rate
        # where fewer pictures are left than processes, the others compute the first one and count nothing
        mine, counted = (slice(rank, None, world), 1) if rank < len(whole) else (slice(1), 0)
        shares, size = [_share(frames, whole, mine, config, generator, device)], len(whole)
        if rendered:
            guests = torch.randint(len(rendered), (round(config.rendered * len(whole)),), generator=generator)
            shares.append(_share(rendered, guests, slice(rank, None, world), config, generator, device))
            size += len(guests)
        images, targets, draw = _joined(shares)
        with torch.no_grad():
            inputs = prepare(images, draw)
        with devices.autocast(device):
            logits = network(inputs)
        losses = counted * nn.functional.cross_entropy(
            logits.float(), targets, reduction="none", label_smoothing=config.label_smoothing
        )
        optimizer.zero_grad(set_to_none=True)
        # processes average their gradients: world / size makes that the mean over the whole batch
        scaler.scale(losses.sum() * world / size).backward()
        scaler.step(optimizer)
        scaler.update()
        with torch.no_grad():
            totals += torch.stack([losses.sum(), counted * (logits.argmax(1) == targets).sum()])
            seen += size
        if (step % 20 == 19 or step + 1 == steps) and not torch.isfinite(totals[0]):
            raise _diverged(totals[0].item(), f"epoch {epoch}, by step {step + 1} of {steps}", rate)
        if on_step:
            on_step(step + 1, steps)
    loss, correct = (devices.sum_over_processes(totals) / seen).tolist()
    return {"loss": loss, "accuracy": correct}


def _share(
    frames: Frames, places: Tensor, mine: slice, config: Config, generator: torch.Generator, device: torch.device
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """This process's pictures of a batch, their targets and their draws (drawn for the whole batch, as everywhere)."""
    draw = draw_augmentation(len(places), config, generator)
    images, targets = next(batches(frames, max(len(places), 1), device=device, order=places[mine]))
    return images, targets, {name: values[mine].to(device, non_blocking=True) for name, values in draw.items()}


def _joined(shares: list[tuple]) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    images, targets, draws = zip(*shares, strict=True)
    return torch.cat(images), torch.cat(targets), {name: torch.cat([d[name] for d in draws]) for name in draws[0]}


def _diverged(loss: float, where: str, rate: float) -> WorkoutlibError:
    return WorkoutlibError(
        f"the loss became {loss} in {where}: lower the learning rate (now {rate:g}) and train again; "
        "the best model so far is kept"
    )


def validate(network: Network, frames: Frames, config: Config, *, device: torch.device) -> dict[str, float]:
    """``loss`` and ``accuracy`` (0..1), means over the pictures."""
    logits = predict_logits(network, frames, config, device=device)
    targets = frames.targets.cpu()
    return {
        "loss": nn.functional.cross_entropy(logits, targets).item(),
        "accuracy": (logits.argmax(1) == targets).float().mean().item(),
    }


def fit_head(head: nn.Linear, features: Tensor, targets: Tensor, labels: tuple[str, ...]) -> None:
    """Set the head to the logistic regression on features (2, N, D) of pictures and their mirror images.

    Features are standardised and regularised (C = 0.01); the standardisation is folded into the head.
    Starting fine-tuning from a fitted head keeps the body's features from being torn apart by a random
    one (Kumar et al. 2022, "LP-FT", arXiv:2202.10054).
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    rows, classes = features.flatten(0, 1).numpy(), targets.cpu().repeat(2).numpy()
    missing = sorted(set(range(len(labels))) - set(classes.tolist()))
    if missing:
        raise WorkoutlibError(f"no training picture of {', '.join(labels[i] for i in missing)}")
    _require_several(labels)
    scaler = StandardScaler().fit(rows)
    regression = LogisticRegression(C=0.01, max_iter=2000).fit(scaler.transform(rows), classes)
    weight, bias = regression.coef_, regression.intercept_
    if len(labels) == 2:  # scikit-learn keeps one row for two classes
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    weight = weight / scaler.scale_
    bias = bias - weight @ scaler.mean_
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weight))
        head.bias.copy_(torch.from_numpy(bias))


def _require_several(labels: tuple[str, ...]) -> None:
    if len(labels) < 2:
        raise WorkoutlibError(f"only one class, {labels[0]}: there is nothing to tell apart")


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
