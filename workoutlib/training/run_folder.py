"""The folder of a training run: its best model, its last state, its history."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from workoutlib.config import Config
from workoutlib.data.dataset import ImageDataset
from workoutlib.evaluation.calibration import fit_keep_confidence, fit_temperature, fit_unknown_threshold
from workoutlib.evaluation.metrics import scores
from workoutlib.evaluation.predictions import Predictions
from workoutlib.models.build import Classifier
from workoutlib.models.checkpoints import save_checkpoint
from workoutlib.models.inference import require_finite
from workoutlib.models.weights import check_weights
from workoutlib.pose.body_model import BodyModel
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import read_file, save_atomically, sweep, write_csv
from workoutlib.utils.paths import shown

HELD_OUT = "held_out.csv"
"""What folds said of their pictures; only in the folder of a run that was judged by folds."""

HISTORY = ("epoch", "train_loss", "train_accuracy", "valid_loss", "valid_accuracy", "learning_rate", "seconds")
STATE = {"model": dict, "optimizer": dict, "scaler": dict, "history": list, "start": dict, "config": dict, "data": str}


def best_epoch(history: pd.DataFrame) -> int:
    """The epoch with the lowest validation loss; the last one where nothing was validated."""
    losses = history["valid_loss"]
    return int(history["epoch"].iloc[losses.argmin() if losses.notna().any() else -1])


def _is_history(rows: list) -> bool:
    """Whether these are the rows of a run's first epochs; it counts from 1 where no head was fitted first."""
    if not all(isinstance(row, dict) and set(row) == set(HISTORY) for row in rows):
        return False
    epochs = [row["epoch"] for row in rows]
    return bool(rows) and epochs[0] in (0, 1) and epochs == list(range(epochs[0], epochs[0] + len(rows)))


class RunFolder:
    """The files of one run: the best model, the last state, the history."""

    def __init__(
        self,
        out: Path,
        config: Config,
        train: ImageDataset,
        valid: ImageDataset | None,
        *,
        resume: bool = False,
        body: BodyModel | None = None,
        fuse: Callable[[Predictions, Classifier], Predictions] = lambda predictions, model: predictions,
    ) -> None:
        """Where a run is kept.

        Args:
            resume: go on with what lies in the folder, if it is a run of the same config and data.
            body: the body model to store with the picture model.
            fuse: joins a picture model's validation predictions with what it says of hands and with the body model's.
        """
        self.body, self.fuse = body, fuse
        self.out, self.config, self.labels, self.valid, self.resume = Path(out), config, train.labels, valid, resume
        sweep(self.out)
        names = [f"{Path(p).parent.name}/{Path(p).name}" for f in (train, valid) if f for p in f.catalog["path"]]
        self.data = hashlib.sha256("\n".join(names).encode(errors="surrogateescape")).hexdigest()

    def clear(self) -> None:
        """Begin anew; a folder that cannot be written to is found out here, not after the first epoch."""
        self.write_history([])
        for name in ("last.pth", HELD_OUT):
            (self.out / name).unlink(missing_ok=True)

    def load(self, model: Classifier) -> dict | None:
        """The state after the last finished epoch of `model`, or ``None`` to begin anew."""
        path = self.out / "last.pth"
        if not self.resume or not path.exists():
            return None
        state = read_file(path)
        sound = isinstance(state, dict) and all(isinstance(state.get(key), kind) for key, kind in STATE.items())
        if not sound or not _is_history(state["history"]):
            raise WorkoutlibError(f"{shown(path)}: not the state of a training run; train without --resume")
        before, now = state["config"], self.config.to_dict()
        fields = {**now, **before}  # a run of another version may have had other ones
        changed = [f"{k} was {before.get(k)!r}, is {now.get(k)!r}" for k in fields if before.get(k) != now.get(k)]
        if changed:
            raise WorkoutlibError(f"{shown(path)}: cannot resume with another config ({'; '.join(changed)})")
        if state["data"] != self.data:
            raise WorkoutlibError(f"{shown(path)}: cannot resume on other pictures than the run began with")
        for weights in ("model", "start"):
            check_weights(state[weights], model.state_dict(), path)
        self.write_history(state["history"])  # a run killed after its last epoch's state may lack it
        return state

    def restore(self, state: dict, optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler) -> None:
        """Give optimizer and scaler the places that they had in a loaded state."""
        try:
            optimizer.load_state_dict(state["optimizer"])
            scaler.load_state_dict(state["scaler"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            where = shown(self.out / "last.pth")
            raise WorkoutlibError(f"{where}: its optimizer is not that of this run; train without --resume") from error

    def write_history(self, rows: list[dict]) -> None:
        write_csv(pd.DataFrame(rows, columns=HISTORY), self.out / "history.csv")

    def save(
        self,
        model: Classifier,
        blended: Classifier,
        optimizer: torch.optim.Optimizer,
        scaler: torch.amp.GradScaler,
        rows: list[dict],
        start: dict[str, Tensor],
        logits: Tensor | None,
    ) -> None:
        """The best model first, then the state: a run killed in between repeats the epoch, losing nothing."""
        if best_epoch(pd.DataFrame(rows, columns=HISTORY)) == rows[-1]["epoch"]:
            self.save_model("best_model", blended, logits, epoch=rows[-1]["epoch"])
        state = {
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "scaler": scaler.state_dict(),
            "history": rows,
            "start": start,
            "config": self.config.to_dict(),
            "data": self.data,
        }
        save_atomically(state, self.out / "last.pth")
        self.write_history(rows)

    def save_model(self, name: str, model: Classifier, logits: Tensor | None, *, epoch: int) -> Path:
        """Write a checkpoint, with scores and calibration by the validation `logits` where there are some."""
        held_out = None
        if logits is not None and self.valid is not None:
            alone = Predictions(self.valid.catalog, require_finite(logits.numpy()), self.labels)
            held_out = self.fuse(alone, model)
        return self.save_calibrated(name, model, held_out, epoch=epoch)

    def save_calibrated(self, name: str, model: Classifier, held_out: Predictions | None, *, epoch: int) -> Path:
        """Write a checkpoint, with scores and calibration by predictions for pictures that it was not trained on."""
        path, body = self.out / f"{name}.pth", self.body.state() if self.body else None
        found = calibrate(held_out) if held_out else {"metrics": {"calibrated": False}}
        metrics = {"epoch": epoch, "split": self.config.split, **found.pop("metrics")}
        return save_checkpoint(path, model, self.labels, self.config, metrics=metrics, body=body, **found)


def calibrate(held_out: Predictions) -> dict[str, Any]:
    """All that `save_checkpoint` stores of predictions for pictures that the model was not trained on.

    Returns:
        ``metrics`` (the scores, ``calibrated``, ``keep_confidence``, and of joined folds how many ``folds``),
        ``temperature`` and ``unknown_threshold``.
    """
    temperature = fit_temperature(held_out)
    kept = {"calibrated": True, "keep_confidence": fit_keep_confidence(held_out, temperature)}
    if "fold" in held_out.catalog:
        kept["folds"] = int(held_out.catalog["fold"].nunique())
    return {
        "metrics": kept | scores(held_out),
        "temperature": temperature,
        "unknown_threshold": fit_unknown_threshold(held_out),
    }
