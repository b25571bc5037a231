"""Measure the speed of training, evaluation and clips beside the tutorial's pipeline and beside the ceiling.

The ceiling is the training step alone, on one batch that lies on the device. The tutorial's pipeline is
``benchmarks/tutorial_pipeline.py`` of the repository, in a process of its own; elsewhere its columns stay empty.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from workoutlib.config import Config
from workoutlib.data.catalog import read_catalog
from workoutlib.data.dataset import ImageDataset, load_dataset
from workoutlib.data.loader import Batch, BatchLoader
from workoutlib.data.transforms import transforms_of
from workoutlib.gym import render_clip, write_dataset
from workoutlib.media.video_writer import ClipWriter
from workoutlib.models.build import Classifier, build_model, freeze
from workoutlib.models.inference import eval_loader, extract_features, predict_logits
from workoutlib.pose.body_model import gym_body
from workoutlib.recognition.recognizer import Recognizer
from workoutlib.training.loop import train_one_epoch
from workoutlib.training.schedule import build_optimizer
from workoutlib.utils import devices
from workoutlib.utils.errors import WorkoutlibError

TUTORIAL = Path(__file__).resolve().parents[2] / "benchmarks" / "tutorial_pipeline.py"
LABELS = ("squat", "plank", "push up", "deadlift")
Rates = dict[str, dict[str, float]]  # kind of work: rate of each pipeline


def run_benchmark(
    name: str | None = None, *, images: int | None = None, clip_frames: int = 150, backend: str = "auto"
) -> dict[str, Any]:
    """Time training, head-only training, evaluation and a clip; higher is better throughout.

    Args:
        name: the model, default ResNet-50 on a GPU, EfficientNet-Lite0 on a CPU. Its weights are random: speed only.
        images: size of the rendered training set (default 4,096 on a GPU, 192 on a CPU).
        backend: of our clip pipeline, as for `Recognizer`.
    Returns:
        ``machine``, ``images_per_second``, ``clip_frames_per_second``, ``clip_with_poses_frames_per_second`` (read,
        posed, recognised, counted, drawn, written), ``peak_memory_mb`` and ``ratios``
        (``train_vs_ceiling, train_vs_tutorial, frozen_vs_tutorial, clip_vs_tutorial``).
    """
    device = devices.pick_device()
    large = device.type == "cuda"
    name, images = name or ("resnet50" if large else "tf_efficientnet_lite0"), images or (4096 if large else 192)
    config = Config.profile("tutorial", model=name, batch_size=64 if large else 16)
    with tempfile.TemporaryDirectory() as folder:
        tree, clip = Path(folder) / "tree", Path(folder) / "clip.mp4"
        write_dataset(tree, videos=max(images // (16 * len(LABELS)), 1), frames=16, stills=0, labels=LABELS)
        with ClipWriter(clip, 960, 540, 30) as writer:
            for number, frame in enumerate(render_clip("squat", 0, frames=clip_frames, size=(960, 540)).frames):
                writer.write(frame, number / 30)
        rates = _tutorial_rates(tree, clip, config, device)
        dataset = load_dataset(read_catalog(tree), resize_mode=config.resize_mode, device=device, progress=False)
        model = build_model(name, len(LABELS), weights=None).to(device).to(memory_format=torch.channels_last)
        _measure_training(model, dataset, config, device, rates)
        recognizer = Recognizer(model, dataset.labels, config, device=device, backend=backend)
        rates["clip"]["ours"] = _clip_rate(clip, clip_frames, recognizer)
        _measure_poses(clip, clip_frames, name, rates, device=device, backend=backend)
    machine: dict[str, Any] = {
        "device": devices.describe(device),
        "processor": platform.processor() or platform.machine(),
    }
    machine |= {"torch": torch.__version__, "model": name, "batch_size": config.batch_size}
    return {
        "machine": machine | {"image_size": config.crop, "clip": "960×540", "backend": backend},
        "images_per_second": {kind: rates[kind] for kind in ("training", "frozen training", "evaluation")},
        "clip_frames_per_second": rates["clip"],
        "clip_with_poses_frames_per_second": rates["clip with poses"],
        "peak_memory_mb": _peak_memory(device),
        "ratios": {
            f"{short}_vs_{other}": rates[kind]["ours"] / rates[kind][other]
            for short, kind in (("train", "training"), ("frozen", "frozen training"), ("clip", "clip"))
            for other in ("ceiling", "tutorial")
            if other in rates[kind]
        },
    }


def print_table(found: dict[str, Any]) -> None:
    """The figures as a table for people."""
    print("{model} at {image_size} px on {device}, torch {torch}, batch {batch_size}".format(**found["machine"]))
    rates = {
        **found["images_per_second"],
        "clip (frames)": found["clip_frames_per_second"],
        "clip with poses (frames)": found["clip_with_poses_frames_per_second"],
    }
    table = pd.DataFrame(rates, index=["tutorial", "ours", "ceiling"]).T.rename_axis(columns="per second")
    print(table.round(1).to_string(na_rep=""))
    print(", ".join(f"{name} {value:.2f}" for name, value in found["ratios"].items()))
    print(", ".join(f"peak {name} memory {value:,.0f} MB" for name, value in found["peak_memory_mb"].items()))


def _tutorial_rates(tree: Path, clip: Path, config: Config, device: torch.device) -> Rates:
    rates: Rates = {kind: {} for kind in ("training", "frozen training", "evaluation", "clip", "clip with poses")}
    if not TUTORIAL.is_file():
        print("the tutorial's pipeline is not measured: its script is in the repository, in benchmarks/")
        return rates
    options = ["--tree", tree, "--clip", clip, "--model", config.model, "--device", device]
    command = [sys.executable, TUTORIAL, *options, "--batch-size", config.batch_size]
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, check=True)
    for kind, value in json.loads(done.stdout).items():
        rates[kind]["tutorial"] = value
    return rates


def _measure_training(
    model: Classifier, dataset: ImageDataset, config: Config, device: torch.device, rates: Rates
) -> None:
    """Training and the ceiling in turns, medians of five rounds; then the head alone, and evaluation."""
    freeze(model, 0.0)
    transform, _ = transforms_of(config, model.mean, model.std)
    loader = BatchLoader(dataset, config.batch_size, transform=transform, device=device, shuffle=True)
    optimizer = build_optimizer(model, config)

    def ours() -> None:
        train_one_epoch(model, loader, optimizer)

    ours()  # picks convolutions and fills the pools of memory, for both
    batch = next(iter(loader))
    count = len(dataset) // config.batch_size * config.batch_size
    pairs = [
        (_rate(len(dataset), ours), _rate(count, lambda: _steps(model, batch, optimizer, count))) for _ in range(5)
    ]
    rates["training"] |= dict(zip(("ours", "ceiling"), np.median(pairs, axis=0).tolist(), strict=True))
    freeze(model, 1.0)
    plain = eval_loader(model, dataset, crop=config.crop, device=device)
    head_optimizer = build_optimizer(model.head, config)

    def head_only() -> None:  # the one extraction of features included
        cached = dataset.with_images(extract_features(model, plain)[0].to(device))
        features = BatchLoader(cached, config.batch_size, device=device, shuffle=True)
        for _ in range(10):
            train_one_epoch(model.head, features, head_optimizer)

    rates["frozen training"]["ours"] = _rate(len(dataset) * 10, head_only)
    rates["evaluation"]["ours"] = _rate(len(dataset), lambda: predict_logits(model, plain))


def _steps(model: Classifier, batch: Batch, optimizer: torch.optim.Optimizer, count: int) -> None:
    """Training steps on one batch, until `count` pictures have been seen."""
    for _ in range(count // len(batch.targets)):
        with devices.autocast(batch.images.device):
            logits = model(batch.images)
        loss = nn.functional.cross_entropy(logits.float(), batch.targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()


def _measure_poses(clip: Path, frames: int, name: str, rates: Rates, **options: Any) -> None:
    """The clip by a model of all exercises that looks at body and picture, and counts."""
    body = gym_body()
    model = build_model(name, len(body.labels), weights=None)
    model.hands = torch.nn.Linear(model.head.in_features, len(body.labels))
    recognizer = Recognizer(model, body.labels, Config.profile("best", model=name), body=body, **options)
    try:
        _ = recognizer.pose_estimator  # fetched here
    except WorkoutlibError as error:
        print(f"clips with poses are not measured: {error}")
        return
    rates["clip with poses"]["ours"] = _clip_rate(clip, frames, recognizer)


def _clip_rate(path: Path, frames: int, recognizer: Recognizer) -> float:
    """Reading, recognising, annotating and writing: the median of three, after one that compiles the model."""
    recognise = recognizer.analyze if recognizer.body else recognizer.predict_clip

    def work() -> None:
        found = recognise(path, progress=False)
        recognizer.annotate_clip(found, path.with_name("ours.mp4"), progress=False)

    return float(np.median([_rate(frames, work) for _ in range(4)][1:]))


def _rate(count: int, work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return count / (time.perf_counter() - began)


def _peak_memory(device: torch.device) -> dict[str, float]:
    found = {"device": torch.cuda.max_memory_allocated(device) / 2**20} if device.type == "cuda" else {}
    if sys.platform != "win32":  # Windows keeps no such count
        import resource

        unit = 2**20 if sys.platform == "darwin" else 2**10  # macOS counts in bytes, others in KiB
        found["process"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return found
