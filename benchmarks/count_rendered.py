"""Repetitions counted on rendered clips, as the starter recognises them and by their label.

python benchmarks/count_rendered.py --seeds 400 401 --form right|half [--cut]

A clip an exercise and seed: 320 × 240 pixels, 8 to 10 frames a second, 1 to 5 repetitions of a person, room and camera
that the seed draws. With `--form half` the exercises are those that the gym performs with half their range, and the
shallow squat. Clips show whole repetitions; with `--cut` they begin and end anywhere in one, and those count that begin
in the clip.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from workoutlib.gym.exercises import EXERCISES
from workoutlib.gym.scene import draw_take, generator, render_clip
from workoutlib.labels import LABELS
from workoutlib.media.video_writer import ClipWriter
from workoutlib.pose.sequence import PoseSequence
from workoutlib.recognition.recognizer import Recognizer
from workoutlib.recognition.starter import starter_recognizer
from workoutlib.workout import find_sets

SIZE = (320, 240)
_HALF = ("half range", "shallow squat")


def fault_of(label: str, form: str) -> str | None:
    """The fault by which an exercise is done with half its range; None for right form or where there is none."""
    entry = EXERCISES[label]
    known = [fault for fault in entry.faults + entry.staged_faults if fault in _HALF]
    return known[0] if form == "half" and known else None


def draw_length(label: str, seed: int) -> tuple[int, float]:
    """Number of repetitions and frames a second of a clip."""
    rng = np.random.default_rng([seed, LABELS.index(label), 8])
    return int(rng.integers(1, 6)), float(rng.choice([8.0, 9.0, 10.0]))


def write_clip(path: Path, label: str, seed: int, fault: str | None, *, cut: bool = False) -> int:
    """Write a clip that begins and ends between two repetitions, or is cut; return how many begin in it."""
    count, rate = draw_length(label, seed)
    times = np.arange((count + 1) * 1.1 * EXERCISES[label].seconds[1] * rate) / rate
    drawn = draw_take(label, generator("clip", label, seed), times, fault).repetition
    first, begun, last = np.searchsorted(drawn, [2, count + 1, count + 2]).tolist()  # the first one is drawn cut
    if cut:
        first, last = 0, begun + round((last - begun) * np.random.default_rng([seed, LABELS.index(label), 9]).random())
    clip = render_clip(label, seed, frames=last, frames_per_second=rate, size=SIZE, fault=fault)
    shown = clip.frames[first:]
    with ClipWriter(path, *SIZE, rate) as writer:
        for number, frame in enumerate(shown):
            writer.write(frame, number / rate)
    return count


def count_clip(recognizer: Recognizer, path: Path, label: str) -> tuple[str, int, int]:
    """Label of a clip, and its repetitions as it is recognised and as its true label says."""
    found = recognizer.analyze(path, progress=False)
    poses = found.clip.poses or PoseSequence.of([], [])
    told = find_sets(poses, [(0.0, found.clip.duration, label)])
    return found.overall.label, sum(entry.count for entry in found.sets), sum(entry.count for entry in told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[400, 401])
    parser.add_argument("--form", choices=("right", "half"), default="right")
    parser.add_argument("--cut", action="store_true")
    parser.add_argument("--exercises", nargs="+", choices=LABELS, default=LABELS)
    arguments = parser.parse_args()
    recognizer, rows = starter_recognizer(), []
    for label in arguments.exercises:
        fault = fault_of(label, arguments.form)
        if label == "plank" or (arguments.form == "half" and fault is None):
            continue
        for seed in arguments.seeds:
            with tempfile.TemporaryDirectory() as folder:
                true = write_clip(Path(folder) / "clip.mp4", label, seed, fault, cut=arguments.cut)
                seen, counted, told = count_clip(recognizer, Path(folder) / "clip.mp4", label)
            print(f"{label}, seed {seed}: {true} shown, {counted} counted as {seen}, {told} by its label", flush=True)
            rows.append((label, abs(counted - true), abs(told - true)))
    table = pd.DataFrame(rows, columns=["exercise", "as recognised", "by label"]).set_index("exercise")
    groups = {"exact": table == 0, "within one": table <= 1}
    shares = {name: right.groupby("exercise", sort=False).sum() for name, right in groups.items()}
    print(pd.concat(shares, axis=1).to_string())
    for name, right in groups.items():
        print(f"{name}: " + ", ".join(f"{right[way].sum()} of {len(table)} {way}" for way in table))


if __name__ == "__main__":
    main()
