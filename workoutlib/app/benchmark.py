"""Measure the pipeline's speed beside the tutorial's and beside the ceiling, in one run on this machine.

The tutorial's pipeline is re-created faithfully: ``ImageFolder``, PIL transforms a picture at a time, a
``DataLoader`` with 4 workers, float32; clips a frame at a time through OpenCV. The ceiling is the same
training step on a batch that already lies on the device. The tutorial's code runs in a process of its own,
without what `pick_device` sets for ours.
"""

from __future__ import annotations

import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from copy import deepcopy
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn
from torchvision import datasets
from torchvision import transforms as T

from workoutlib.config import Config
from workoutlib.data.catalog import read_catalog
from workoutlib.data.dataset import ImageDataset, load_dataset
from workoutlib.data.transforms import apply_augmentation
from workoutlib.media.video_writer import ClipWriter
from workoutlib.models.build import Classifier, build_model, freeze
from workoutlib.models.inference import extract_features, predict_logits
from workoutlib.recognition.recognizer import Recognizer
from workoutlib.training.loop import build_optimizer, train_one_epoch
from workoutlib.utils import devices

__all__ = ["print_table", "run_benchmark", "tutorial_clip"]


def run_benchmark(
    model: str | None = None, *, images: int | None = None, clip_frames: int = 150, backend: str = "auto"
) -> dict:
    """Time training, frozen training, evaluation and a clip, three ways; higher is better throughout.

    Args:
        model: default ResNet-50 on a GPU, EfficientNet-Lite0 on a CPU. Its weights are random: speed only.
        images: size of the rendered training set (default 4,096 on a GPU, 192 on a CPU).
        backend: of our clip pipeline, as for `Recognizer`.
    Returns:
        ``machine``, ``images_per_second``, ``clip_frames_per_second``, ``peak_memory_mb`` and ``ratios``
        (``train_vs_ceiling``, ``train_vs_tutorial``, ``frozen_vs_tutorial``, ``clip_vs_tutorial``).
    """
    device = devices.pick_device()
    large = device.type == "cuda"
    model = model or ("resnet50" if large else "tf_efficientnet_lite0")
    config = Config.profile("tutorial", model=model, batch_size=64 if large else 16)
    rates: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        tree = _render_tree(Path(folder) / "tree", images or (4096 if large else 192))
        model = build_model(model, len(read_catalog(tree)["label"].unique()), weights=None)
        model.to(device, memory_format=torch.channels_last)
        frames = load_dataset(read_catalog(tree), config, device=device, progress=False)
        rates["training"] = {
            "tutorial": _elsewhere(_tutorial_training, tree, config, device, True),
            **_training_and_ceiling(model, frames, config, device),
        }
        rates["frozen training"] = {
            "tutorial": _elsewhere(_tutorial_training, tree, config, device, False),
            "ours": _our_frozen_training(model, frames, config, device),
        }
        rates["evaluation"] = {"ours": _rate(len(frames), lambda: predict_logits(model, frames, config, device=device))}
        clip = _render_clip(Path(folder) / "clip.mp4", clip_frames)
        recognizer = Recognizer(model, frames.labels, config, device=device, backend=backend)
        recognizer.predict_clip(clip, progress=False)  # warm
        rates["clip"] = {
            "tutorial": _elsewhere(_tutorial_clip_rate, clip, deepcopy(model).cpu(), frames.labels, device),
            "ours": _median_rate(clip_frames, lambda: _our_clip(clip, recognizer)),
        }
    train, frozen, movie = rates["training"], rates["frozen training"], rates["clip"]
    return {
        "machine": {
            "device": devices.describe(device),
            "processor": platform.processor() or platform.machine(),
            "torch": torch.__version__,
            "model": model,
            "batch_size": config.batch_size,
            "image_size": config.crop,
            "clip": "960×540",
            "backend": backend,
        },
        "images_per_second": {name: rates[name] for name in ("training", "frozen training", "evaluation")},
        "clip_frames_per_second": movie,
        "peak_memory_mb": _peak_memory(device),
        "ratios": {
            "train_vs_ceiling": train["ours"] / train["ceiling"],
            "train_vs_tutorial": train["ours"] / train["tutorial"],
            "frozen_vs_tutorial": frozen["ours"] / frozen["tutorial"],
            "clip_vs_tutorial": movie["ours"] / movie["tutorial"],
        },
    }


def print_table(found: dict) -> None:
    """The figures as a table for people."""
    machine = found["machine"]
    print(
        f"{machine['model']} at {machine['image_size']} px on {machine['device']}, torch {machine['torch']}, "
        f"batch {machine['batch_size']}"
    )
    rows = {**found["images_per_second"], "clip (frames)": found["clip_frames_per_second"]}
    print(f"{'per second':18}{'tutorial':>12}{'ours':>12}{'ceiling':>12}")
    for name, rates in rows.items():
        cells = "".join(
            f"{rates[way]:12.1f}" if way in rates else f"{'':12}" for way in ("tutorial", "ours", "ceiling")
        )
        print(f"{name:18}{cells}")
    print(", ".join(f"{name} {value:.2f}" for name, value in found["ratios"].items()))
    print(", ".join(f"peak {name} memory {value:,.0f} MB" for name, value in found["peak_memory_mb"].items()))


def _elsewhere(work: Callable[..., float], *arguments) -> float:
    """The result of a function in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def _rate(count: int, work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    _wait()
    return count / (time.perf_counter() - began)


def _median_rate(count: int, work: Callable[[], object], rounds: int = 3) -> float:
    return float(np.median([_rate(count, work) for _ in range(rounds)]))


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _render_tree(out: Path, images: int) -> Path:
    from workoutlib.gym import write_dataset

    labels = ("squat", "plank", "push up", "deadlift")
    write_dataset(out, videos=max(images // (len(labels) * 16), 1), frames=16, stills=0, labels=labels)
    return out


def _render_clip(path: Path, frames: int) -> Path:
    from workoutlib.gym import render_clip

    clip = render_clip("squat", 0, frames=frames, size=(960, 540))
    with ClipWriter(path, 960, 540, 30) as writer:
        for place, frame in enumerate(clip.frames):
            writer.write(frame, place / 30)
    return path


def _tutorial_batches(tree: Path, config: Config) -> Iterator:
    recipe = T.Compose(
        [
            T.Resize((config.resize, config.resize)),
            T.CenterCrop(config.crop),
            T.RandomHorizontalFlip(),
            T.RandomRotation(config.rotation),
            T.ToTensor(),
            T.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    # the truth beside the class folders is no class: ImageFolder looks at folders only
    data = datasets.ImageFolder(str(tree), recipe)
    yield from torch.utils.data.DataLoader(data, config.batch_size, shuffle=True, num_workers=4)


def _tutorial_training(tree: Path, config: Config, device: torch.device, fine_tune: bool) -> float:
    model = build_model(config.model, 4, fine_tune, weights=None).to(device).train()
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    seen, began = 0, time.perf_counter()
    for images, targets in _tutorial_batches(tree, config):
        images, targets = images.to(device), targets.to(device)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), targets)
        loss.backward()
        optimizer.step()
        loss.item()
        seen += len(targets)
    _wait()
    return seen / (time.perf_counter() - began)


def _training_and_ceiling(
    model: Classifier, frames: ImageDataset, config: Config, device: torch.device, rounds: int = 5
) -> dict[str, float]:
    """Our training, and the same step on one prepared batch, taken in turns: medians over the rounds."""
    freeze(model, 0.0)
    optimizer, size = build_optimizer(model.train(), config, device), config.batch_size
    images = torch.rand(size, 3, config.crop, config.crop, device=device).to(memory_format=torch.channels_last)
    targets = frames.targets[:size].to(device)

    def prepare(images, draw):
        return apply_augmentation(images, draw, config, model.mean, model.std)

    def epoch(number: int) -> None:
        train_one_epoch(model, frames, optimizer, config, epoch=number, device=device, prepare=prepare)

    def steps() -> None:
        for _ in range(len(frames) // size):
            with devices.autocast(device):
                logits = model(images)
            loss = nn.functional.cross_entropy(logits.float(), targets)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()

    epoch(0)  # picks convolutions and fills the pools of memory, for both
    ours, ceiling = np.median(
        [
            (_rate(len(frames), lambda number=number: epoch(number)), _rate(len(frames) // size * size, steps))
            for number in range(1, rounds + 1)
        ],
        axis=0,
    )
    return {"ours": float(ours), "ceiling": float(ceiling)}


def _our_frozen_training(
    model: Classifier, frames: ImageDataset, config: Config, device: torch.device, epochs: int = 10
) -> float:
    """Images a second over ten epochs of head training, the one extraction of features included."""
    freeze(model, 1.0)

    def work() -> None:
        features = extract_features(model, frames, config, device=device)[0].to(device)
        cached = frames.holding(features)
        optimizer = build_optimizer(model.head, config, device)
        for epoch in range(1, epochs + 1):
            train_one_epoch(model.head, cached, optimizer, config, epoch=epoch, device=device, prepare=lambda x, _: x)

    return _rate(len(frames) * epochs, work)


def _tutorial_clip_rate(path: Path, model: Classifier, labels: tuple[str, ...], device: torch.device) -> float:
    model = model.to(device, memory_format=torch.contiguous_format)
    frames = len(tutorial_clip(path, model, labels, device))  # warm, as ours is
    return _median_rate(frames, lambda: tutorial_clip(path, model, labels, device))


def tutorial_clip(path: Path, model: Classifier, labels: tuple[str, ...], device: torch.device) -> list[str]:
    """Read, transform, recognise, draw and write one frame after the other, with OpenCV; the frames' labels."""
    recipe = T.Compose(
        [T.ToPILImage(), T.Resize((256, 256)), T.CenterCrop(224), T.ToTensor(), T.Normalize(model.mean, model.std)]
    )
    model.eval()
    capture = cv2.VideoCapture(str(path))
    size = (int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    out = cv2.VideoWriter(str(path.with_name("tutorial.mp4")), cv2.VideoWriter_fourcc(*"mp4v"), 30, size)
    found = []
    while True:
        ok, frame = capture.read()
        if not ok:
            break
        image = recipe(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
        with torch.no_grad():
            logits = model(image[None].to(device)).cpu()
        shares = torch.softmax(logits, 1).numpy()
        best = int(np.argmax(shares))
        cv2.putText(
            frame, f"{labels[best]} {shares[0, best]:.2f}", (15, 25), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (0, 0, 255), 2
        )
        out.write(frame)
        found.append(labels[best])
    capture.release()
    out.release()
    return found


def _our_clip(path: Path, recognizer: Recognizer) -> None:
    found = recognizer.predict_clip(path, progress=False)
    recognizer.annotate_clip(found, path.with_name("ours.mp4"), progress=False)


def _peak_memory(device: torch.device) -> dict[str, float]:
    found = {}
    try:
        import resource
    except ImportError:  # Windows keeps no such count
        pass
    else:
        found["process"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if device.type == "cuda":
        found["device"] = torch.cuda.max_memory_allocated(device) / 2**20
    return found
