"""What the rendered gym teaches a network before it sees real pictures, and beside them.

A few hundred real pictures show few people in few poses. The gym renders all 22 exercises from all sides, and
what a network learns there about poses and equipment carries over. Its lessons are videos of their own, never
those of the built-in sample: a score on the sample stays one on new videos.
"""

from __future__ import annotations

from pathlib import Path

import torch

from workoutlib.config import Config
from workoutlib.data.catalog import read_catalog
from workoutlib.data.dataset import Frames, load_frames
from workoutlib.data.download import make_sample
from workoutlib.models.build import build_model
from workoutlib.training.fit import fit
from workoutlib.utils import devices
from workoutlib.utils.files import save_atomically

_SEED = 1  # the built-in sample is rendered from seed 0


def lessons() -> Path:
    """The folder of the lessons, rendered on the first call."""
    return make_sample(seed=_SEED)


def rendered_frames(
    config: Config, labels: tuple[str, ...], *, device: torch.device | str = "cpu", progress: bool = True
) -> Frames | None:
    """The lessons that show one of the labels, for ``config.rendered``; ``None`` where the config asks for none,
    or where the gym knows none of the labels."""
    if not config.rendered:
        return None
    folder = lessons()
    catalog = read_catalog(folder)
    catalog = catalog[catalog["label"].isin(labels)].reset_index(drop=True)
    if catalog.empty:
        return None
    return load_frames(catalog, config, labels=labels, cache=_cache(folder), device=device, progress=progress)


def warmed_up_weights(model: str) -> Path:
    """The file of a body that was fine-tuned on the lessons, from ImageNet: trained once, then kept beside them.

    Half of the way from the ImageNet weights holds up best on real photos (Wortsman et al. 2022,
    arXiv:2109.01903).
    """
    folder = lessons()
    path = folder.with_name(f"{folder.name}-{model}.pth")
    if not path.exists():
        device = devices.pick_device()
        config = Config.profile("best", model=model, weights="DEFAULT", rendered=0.0, epochs=2, interpolate=0.5)
        frames = load_frames(read_catalog(folder), config, cache=_cache(folder), device=device)
        torch.manual_seed(config.seed)
        network = build_model(model, len(frames.labels))
        fit(network, frames, None, config, device=device)
        save_atomically({name: value.cpu() for name, value in network.body.state_dict().items()}, path)
    return path


def _cache(folder: Path) -> Path:
    return folder.with_name("cache")
