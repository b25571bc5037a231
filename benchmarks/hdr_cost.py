"""Processor time of analysing a clip as HDR (PQ, HLG) over that of its SDR copy: 960 × 540, HEVC of 10 bits.

python benchmarks/hdr_cost.py inference_data/push_up.mp4
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np

from workoutlib.media.curves import DIFFUSE_WHITE, HLG, PQ, TO_709, from_srgb, hlg, pq
from workoutlib.media.video_reader import read_frames
from workoutlib.recognition.starter import choose_recognizer
from workoutlib.utils import devices

WIDTH, HEIGHT = 960, 540
_SIGNAL = np.linspace(0, 1, 4096)


def wide(transfer: int, curve: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """Brings sRGB in 0..1 to a signal of BT.2020, diffuse white where BT.2408 has it."""
    to_2020, light = np.linalg.inv(np.array(TO_709[9])), curve(_SIGNAL)
    return lambda rgb: np.interp(np.clip(from_srgb(rgb) @ to_2020.T, 0, 1) * DIFFUSE_WHITE[transfer], light, _SIGNAL)


def encode(path: Path, frames: list[np.ndarray], transfer: int, signal: Callable[[np.ndarray], np.ndarray]) -> Path:
    """Write frames as a phone would: SDR of BT.709 where `transfer` is 1, else BT.2020."""
    red, blue = (0.2126, 0.0722) if transfer == 1 else (0.2627, 0.0593)
    space = 1 if transfer == 1 else 9
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx265", rate=30, options={"preset": "fast", "x265-params": "log-level=none"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p10le"
        codec = stream.codec_context
        codec.color_primaries, codec.color_trc, codec.colorspace, codec.color_range = space, transfer, space, 1
        for rgb in frames:
            coded = signal(rgb / 255)
            luma = coded @ (red, 1 - red - blue, blue)
            chroma = [(coded[..., c] - luma) / (2 - 2 * weight) for c, weight in ((2, blue), (0, red))]
            halves = [512 + 896 * each.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).mean((1, 3)) for each in chroma]
            frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p10le")
            for plane, values in zip(frame.planes, [64 + 876 * luma, *halves], strict=True):
                np.frombuffer(plane, np.uint16).reshape(len(values), -1)[:, : values.shape[1]] = values.round()
            frame.colorspace, frame.color_range = space, 1
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    devices.tune_process()
    recognizer, _ = choose_recognizer(None)
    shown = (frame for _, frame in itertools.islice(read_frames(options.clip), options.frames))
    frames = [cv2.resize(frame, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA) for frame in shown]
    kinds = {"SDR": (1, lambda rgb: rgb), "PQ": (PQ, wide(PQ, pq)), "HLG": (HLG, wide(HLG, hlg))}
    taken: dict[str, list[float]] = {name: [] for name in kinds}
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: encode(Path(folder, f"{name}.mp4"), frames, *kind) for name, kind in kinds.items()}
        recognizer.analyze(paths["SDR"], progress=False)  # compiles the networks
        for _, (name, path) in itertools.product(range(options.rounds), paths.items()):
            began = time.process_time()
            clip = recognizer.analyze(path, progress=False).clip
            taken[name].append((time.process_time() - began) / len(clip.times))
            print(f"{name}: {1000 * taken[name][-1]:.2f} ms a frame, {clip.overall.label}", flush=True)
    for name in ("PQ", "HLG"):
        print(f"{name}: {np.median(taken[name]) / np.median(taken['SDR']) - 1:+.0%} over SDR")


if __name__ == "__main__":
    main()
