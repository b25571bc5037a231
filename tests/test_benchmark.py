"""The benchmark measures what it says: both pipelines end to end, with the same answers; ratios of its own figures."""

import json

import pytest
import torch

from workoutlib import gym
from workoutlib.__main__ import main
from workoutlib.app.benchmark import run_benchmark, tutorial_clip
from workoutlib.config import Config
from workoutlib.media.video_reader import probe_clip
from workoutlib.media.video_writer import ClipWriter
from workoutlib.recognition.recognizer import Recognizer


def test_both_clip_pipelines_give_the_same_answers(trained, tmp_path):
    clip = gym.render_clip("squat", 3, frames=12, size=(320, 180))
    with ClipWriter(tmp_path / "clip.mp4", 320, 180, 30) as writer:
        for place, frame in enumerate(clip.frames):
            writer.write(frame, place / 30)
    labels = trained.predictions.labels
    theirs = tutorial_clip(tmp_path / "clip.mp4", trained.model, labels, torch.device("cpu"))
    recognizer = Recognizer(trained.model, labels, Config.profile("tutorial"))
    ours = recognizer.predict_clip(tmp_path / "clip.mp4", progress=False)
    assert ours.frames(smoothing=0)["label"].tolist() == theirs and len(theirs) == 12
    assert probe_clip(tmp_path / "tutorial.mp4").frames == 12


def test_every_figure_is_there_and_the_ratios_are_theirs(monkeypatch, tmp_path, capsys):
    found = run_benchmark("mobilenet_v3_small", images=64, clip_frames=8)
    monkeypatch.setattr("workoutlib.benchmark.run_benchmark", lambda *_, **__: found)
    assert main(["benchmark", "--json", str(tmp_path / "speed.json")]) == 0
    stored = json.loads((tmp_path / "speed.json").read_text())
    training, clip = stored["images_per_second"]["training"], stored["clip_frames_per_second"]
    assert stored["ratios"] == pytest.approx(
        {
            "train_vs_ceiling": training["ours"] / training["ceiling"],
            "train_vs_tutorial": training["ours"] / training["tutorial"],
            "frozen_vs_tutorial": stored["images_per_second"]["frozen training"]["ours"]
            / stored["images_per_second"]["frozen training"]["tutorial"],
            "clip_vs_tutorial": clip["ours"] / clip["tutorial"],
        }
    )
    assert min(*training.values(), *clip.values(), stored["images_per_second"]["evaluation"]["ours"]) > 0
    assert "train_vs_ceiling" in capsys.readouterr().out
