"""Short training runs of the small model."""

from pathlib import Path

import pandas as pd
import torch

from helpers.tiny import make_dataset, make_model
from workoutlib.config import Config
from workoutlib.data.dataset import ImageDataset
from workoutlib.models.build import Classifier
from workoutlib.training.fit import Callbacks, FitResult, fit
from workoutlib.training.run_folder import RunFolder

CPU = torch.device("cpu")


CONFIG = Config(
    resize=64,
    crop=64,
    epochs=4,
    batch_size=5,
    learning_rate=0.01,
    frozen=0.0,
    freeze_batch_norm=False,
    head_first=False,
    rotation=10.0,
    zoom=0.2,
    colour=0.2,
    erase=0.3,
    label_smoothing=0.1,
)


PLAIN = CONFIG.replace(
    flip=False,
    rotation=0.0,
    zoom=0.0,
    colour=0.0,
    erase=0.0,
    label_smoothing=0.0,
    flip_at_test=False,
    freeze_batch_norm=True,
)


VALID = make_dataset(9, seed=1)
STEPS = 5  # of an epoch: 22 pictures in batches of 5


def run(
    config: Config,
    *,
    out: Path | None = None,
    model: Classifier | None = None,
    valid: ImageDataset | None = VALID,
    resume: bool = False,
    **callbacks,
) -> tuple[Classifier, FitResult]:
    """Fit a small model to 22 pictures; `callbacks` are the fields of `Callbacks`."""
    model, train = model or make_model(), make_dataset(22)
    result = fit(
        model,
        train,
        valid,
        config,
        device=CPU,
        synthetic=make_dataset(30, seed=2) if config.synthetic else None,
        folder=RunFolder(out, config, train, valid, resume=resume) if out else None,
        callbacks=Callbacks(progress=False, **callbacks),
    )
    return model, result


def copy_of(model: Classifier) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def without_seconds(history: pd.DataFrame) -> pd.DataFrame:
    return history.drop(columns="seconds")
