"""Made data and models so small that a test takes no time."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import nn

import workoutlib
from workoutlib.data.dataset import ImageDataset
from workoutlib.models.build import Classifier


def make_model(classes: int = 3, seed: int = 0) -> Classifier:
    """A few hundred parameters, with a batch norm."""
    torch.manual_seed(seed)
    body = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=4),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, stride=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    return Classifier(body, nn.Linear(8, classes), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)).eval()


def make_dataset(count: int = 22, classes: int = 3, size: int = 64, seed: int = 0) -> ImageDataset:
    """Noise with a tint that tells the classes apart."""
    rng = np.random.default_rng(seed)
    targets = np.arange(count) % classes
    pixels = rng.integers(0, 160, (count, 3, size, size))
    pixels[np.arange(count), targets % 3] += 60
    labels = tuple(f"class {i}" for i in range(classes))
    catalog = pd.DataFrame(
        {
            "path": [f"{labels[t]}/{seed}_{i}.jpg" for i, t in enumerate(targets)],
            "label": [labels[t] for t in targets],
            "video": [f"{labels[t]}/{i // classes // 2}" for i, t in enumerate(targets)],
            "frame": np.arange(count),
            "source": "frame",
        }
    )
    images = torch.from_numpy(pixels.astype(np.uint8)).contiguous(memory_format=torch.channels_last)
    return ImageDataset(images, torch.arange(count), torch.from_numpy(targets), labels, catalog)


def save_noise(path: Path, *, size: tuple[int, int] = (60, 40), seed: int = 0) -> Path:
    """A picture of coloured noise, as the suffix says."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


class Code:
    """A pickle of it touches a file when it is loaded."""

    def __init__(self, target: Path):
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


def assert_same_state(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor], *, tolerance: float = 0) -> None:
    """Equal to the bit, or within a tolerance: the same training at another time may round otherwise."""
    assert one.keys() == other.keys()
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], rtol=tolerance, atol=tolerance, msg=name)


def one_thread_environment() -> dict[str, str]:
    """For processes started by a test; they find the package where this one does."""
    paths = [str(Path(workoutlib.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, paths))}
