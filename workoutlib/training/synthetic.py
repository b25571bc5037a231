"""Synthetic pictures: what the rendered gym teaches a model before it sees real pictures, and beside them.

A few hundred real pictures show few people in few poses. The gym renders all 22 exercises from all sides, and
what a model learns there about poses and equipment carries over. Its training videos are never those of the
built-in sample: a score on the sample stays one on new videos.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch

from workoutlib.config import Config
from workoutlib.data.catalog import read_catalog
from workoutlib.data.dataset import ImageDataset, dataset_of
from workoutlib.data.download import make_sample
from workoutlib.models.build import build_model
from workoutlib.training.fit import Callbacks, fit
from workoutlib.utils.files import UnreadableFile, save_atomically
from workoutlib.utils.paths import require_file
from workoutlib.utils.progress import tell

_SEED = 1  # the built-in sample is rendered from seed 0


def synthetic_folder() -> Path:
    """The folder of synthetic training pictures, rendered on the first call."""
    tell("rendering synthetic pictures, once")
    return make_sample(seed=_SEED)


def synthetic_dataset(
    config: Config, labels: tuple[str, ...], *, device: torch.device | str = "cpu", progress: bool = True
) -> ImageDataset | None:
    """Synthetic pictures of the given labels, for ``config.synthetic``; ``None`` where the config asks for none,
    or where the gym knows none of the labels."""
    if not config.synthetic:
        return None
    folder = synthetic_folder()
    catalog = read_catalog(folder)
    catalog = catalog[catalog["label"].isin(labels)].reset_index(drop=True)
    if catalog.empty:
        return None
    return dataset_of(config, catalog, labels=labels, cache=_cache(folder), device=device, progress=progress)


def warm_up(name: str, weights: str = "DEFAULT") -> Path:
    """Weights of a body that was fine-tuned on synthetic pictures: trained once for each start, then kept.

    Half of the way from the ImageNet weights holds up best on real photos (Wortsman et al. 2022,
    arXiv:2109.01903).

    Args:
        name: architecture, a key of ``MODELS``.
        weights: what it starts from, as for `build_model`.
    Returns:
        The file of the body's state dict.
    """
    folder = synthetic_folder()
    start = "" if weights == "DEFAULT" else f"-{_digest(Path(weights))}"
    path = folder.with_name(f"{folder.name}-{name}{start}.pth")
    if not path.exists():
        config = Config.profile("best", model=name, warm_up=False, synthetic=0.0, epochs=2, weight_interpolation=0.5)
        dataset = dataset_of(config, read_catalog(folder), cache=_cache(folder))
        torch.manual_seed(config.seed)
        model = build_model(name, len(dataset.labels), weights=weights)
        told = Callbacks(on_step=lambda step, steps: tell("warming up on synthetic pictures", step, steps))
        fit(model, dataset, None, config, callbacks=told)
        save_atomically({key: value.cpu() for key, value in model.body.state_dict().items()}, path)
    return path


def _digest(path: Path) -> str:
    require_file(path, UnreadableFile)
    return hashlib.sha256(path.read_bytes()).hexdigest()[:8]


def _cache(folder: Path) -> Path:
    return folder.with_name("cache")
