"""mediapipe's own Python loop over a clip, to measure how fast it is; prints one JSON line.

    python benchmarks/mediapipe_loop.py --clip FILE [--frames N]

It needs a virtual environment of its own, as mediapipe 0.10.21 wants older packages than workoutlib:

    python -m venv mediapipe-venv && mediapipe-venv/bin/pip install mediapipe==0.10.21
    mediapipe-venv/bin/python benchmarks/mediapipe_loop.py --clip push_up.mp4

The loop is the one of mediapipe's documentation (``mediapipe.solutions.pose``, the full model, tracking on): read a
frame with OpenCV, turn it to RGB, find the pose, draw it. Nothing is encoded.
https://github.com/google-ai-edge/mediapipe/blob/v0.10.21/docs/solutions/pose.md

The line has ``frames_per_second``, ``frames`` and ``found`` (the share of frames with a person).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import mediapipe

WARM_UP = 10  # frames that are not timed: the networks are set up in the first ones


def run_loop(clip: Path, frames: int | None = None) -> dict[str, float]:
    """Time the loop over at most `frames` frames of a clip."""
    solutions = mediapipe.solutions
    capture = cv2.VideoCapture(str(clip))
    start, done, found = 0.0, 0, 0
    with solutions.pose.Pose(model_complexity=1) as pose:
        while frames is None or done < frames + WARM_UP:
            there, frame = capture.read()
            if not there:
                break
            if done == WARM_UP:
                start, found = time.perf_counter(), 0
            results = pose.process(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
            solutions.drawing_utils.draw_landmarks(frame, results.pose_landmarks, solutions.pose.POSE_CONNECTIONS)
            done, found = done + 1, found + (results.pose_landmarks is not None)
        seconds = time.perf_counter() - start
    capture.release()
    timed = done - WARM_UP
    if timed < 1:
        raise SystemExit(f"{clip}: {done} frames could be read, at least {WARM_UP + 1} are needed")
    return {"frames_per_second": timed / seconds, "frames": timed, "found": found / timed}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clip", type=Path, required=True, help="the clip")
    parser.add_argument("--frames", type=int, help="stop after so many frames; default: the whole clip")
    options = parser.parse_args(arguments)
    print(json.dumps(run_loop(options.clip, options.frames)))


if __name__ == "__main__":
    main()
