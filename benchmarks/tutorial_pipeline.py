"""The tutorial's pipeline, re-created faithfully, to measure how fast it is; prints one JSON line of rates.

    python benchmarks/tutorial_pipeline.py --tree FOLDER --clip FILE [--model NAME] [--device DEVICE]

Training: ``ImageFolder``, PIL transforms a picture at a time, a ``DataLoader`` with 4 workers, Adam, float32.
Clips: one frame after the other through OpenCV, PIL and the model, in batches of one. The source is
https://debuggercafe.com/workout-recognition-using-cnn/. ``workoutlib benchmark`` runs this script in a process of
its own, without what `workoutlib.utils.devices.tune_process` sets for ours.

The line has ``training`` and ``frozen training`` (images a second, with --tree) and ``clip`` (frames a second, with
--clip). Weights are random: they make no difference to the speed.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms as T
from torchvision.datasets import ImageFolder

from workoutlib.models.build import MODELS, Classifier, build_model

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def training_rate(tree: Path, name: str, batch_size: int, device: torch.device, *, fine_tune: bool) -> float:
    """Images a second over one epoch; with ``fine_tune=False`` only the head is trained."""
    recipe = T.Compose(
        [
            T.Resize((256, 256)),
            T.CenterCrop(224),
            T.RandomHorizontalFlip(),
            T.RandomRotation(35),
            T.ToTensor(),
            T.Normalize(MEAN, STD),
        ]
    )
    dataset = ImageFolder(str(tree), recipe)
    loader = DataLoader(dataset, batch_size, shuffle=True, num_workers=4)
    model = build_model(name, len(dataset.classes), fine_tune, weights=None).to(device).train()
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    criterion = nn.CrossEntropyLoss()

    def epoch() -> None:
        for images, targets in loader:
            images, targets = images.to(device), targets.to(device)
            optimizer.zero_grad()
            loss = criterion(model(images), targets)
            loss.backward()
            optimizer.step()
            loss.item()

    return rate(len(dataset), epoch)


def clip_rate(path: Path, model: Classifier, labels: Sequence[str], device: torch.device, rounds: int = 3) -> float:
    """Frames a second, the median of some rounds after a first one that is not counted."""
    out = path.with_name("tutorial.mp4")
    frames = len(annotate_clip(path, out, model, labels, device))
    return float(
        np.median([rate(frames, lambda: annotate_clip(path, out, model, labels, device)) for _ in range(rounds)])
    )


def annotate_clip(path: Path, out: Path, model: Classifier, labels: Sequence[str], device: torch.device) -> list[str]:
    """Read, transform, recognise, draw and write one frame after the other, with OpenCV; returns the frames' labels."""
    recipe = T.Compose(
        [T.ToPILImage(), T.Resize((256, 256)), T.CenterCrop(224), T.ToTensor(), T.Normalize(model.mean, model.std)]
    )
    model.eval()
    capture = cv2.VideoCapture(str(path))
    size = (int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    writer = cv2.VideoWriter(str(out), cv2.VideoWriter_fourcc(*"mp4v"), 30, size)
    found = []
    while True:
        ok, frame = capture.read()
        if not ok:
            break
        image = recipe(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
        with torch.no_grad():
            logits = model(image[None].to(device)).cpu()
        probabilities = torch.softmax(logits, 1)[0].numpy()
        best = int(np.argmax(probabilities))
        text = f"{labels[best]} {probabilities[best]:.2f}"
        cv2.putText(frame, text, (15, 25), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (0, 0, 255), 2)
        writer.write(frame)
        found.append(labels[best])
    capture.release()
    writer.release()
    return found


def rate(count: int, work: Callable[[], object]) -> float:
    """How many a second, where `work` deals with `count`."""
    began = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return count / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tree", type=Path, help="a folder of class folders")
    parser.add_argument("--clip", type=Path, help="an annotated copy, tutorial.mp4, is written beside it")
    parser.add_argument("--model", default="resnet50", choices=MODELS)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", type=torch.device)
    options = parser.parse_args()
    rates = {}
    if options.tree:
        for name, fine_tune in (("training", True), ("frozen training", False)):
            rates[name] = training_rate(
                options.tree, options.model, options.batch_size, options.device, fine_tune=fine_tune
            )
    if options.clip:
        labels = [f"class {number}" for number in range(22)]
        model = build_model(options.model, len(labels), weights=None).to(options.device)
        rates["clip"] = clip_rate(options.clip, model, labels, options.device)
    print(json.dumps(rates))


if __name__ == "__main__":
    main()
