"""The benchmark: both pipelines do the same work, and its result has the documented layout."""

import json
import sys
from importlib.util import module_from_spec, spec_from_file_location
from itertools import chain
from types import SimpleNamespace

import pytest
import torch

from workoutlib import WorkoutlibError, gym
from workoutlib.__main__ import main
from workoutlib.app import benchmark
from workoutlib.config import Config
from workoutlib.media.video_reader import probe_clip
from workoutlib.media.video_writer import ClipWriter
from workoutlib.recognition import recognizer
from workoutlib.recognition.recognizer import Recognizer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tutorial():
    spec = spec_from_file_location("tutorial_pipeline", benchmark.TUTORIAL)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def measured() -> dict:
    return benchmark.run_benchmark("mobilenet_v3_small", images=64, clip_frames=8)


def test_both_clip_pipelines_give_the_same_labels(trained, tutorial, tmp_path):
    with ClipWriter(tmp_path / "clip.mp4", 320, 180, 30) as writer:
        for number, frame in enumerate(gym.render_clip("squat", 3, frames=12, size=(320, 180)).frames):
            writer.write(frame, number / 30)
    labels = trained.predictions.labels
    theirs = tutorial.annotate_clip(
        tmp_path / "clip.mp4", tmp_path / "theirs.mp4", trained.model, labels, torch.device("cpu")
    )
    made = Recognizer(trained.model, labels, Config.profile("tutorial"), backend="torch")
    ours = made.predict_clip(tmp_path / "clip.mp4", progress=False)
    assert ours.frames(smoothing=0)["label"].tolist() == theirs
    assert len(theirs) == probe_clip(tmp_path / "theirs.mp4").frames == 12


def test_the_command_writes_every_rate(measured, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(benchmark, "run_benchmark", lambda *_, **__: measured)
    assert main(["benchmark", "--json", str(tmp_path / "speed.json")]) == 0
    stored = json.loads((tmp_path / "speed.json").read_text())
    assert {kind: set(rates) for kind, rates in stored["images_per_second"].items()} == {
        "training": {"tutorial", "ours", "ceiling"},
        "frozen training": {"tutorial", "ours"},
        "evaluation": {"ours"},
    }
    assert set(stored["clip_frames_per_second"]) == {"tutorial", "ours"}
    assert set(stored["clip_with_poses_frames_per_second"]) == {"ours"}
    assert set(stored["ratios"]) == {"train_vs_ceiling", "train_vs_tutorial", "frozen_vs_tutorial", "clip_vs_tutorial"}
    assert stored["machine"]["model"] == "mobilenet_v3_small"
    tables = [*stored["images_per_second"].values(), stored["clip_frames_per_second"], stored["peak_memory_mb"]]
    tables.append(stored["clip_with_poses_frames_per_second"])
    assert min(chain.from_iterable(table.values() for table in tables)) > 0
    assert "frozen training" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps no such count")
def test_memory_is_in_megabytes_also_where_the_system_counts_bytes(monkeypatch):
    monkeypatch.setattr("resource.getrusage", lambda who: SimpleNamespace(ru_maxrss=3 * 2**30))
    for platform, megabytes in (("darwin", 3 * 2**10), ("linux", 3 * 2**20)):
        monkeypatch.setattr(benchmark.sys, "platform", platform)
        assert benchmark._peak_memory(torch.device("cpu")) == {"process": megabytes}


def cannot_be_fetched():
    raise WorkoutlibError("no network")


def test_without_the_repository_only_ours_is_measured(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(benchmark, "TUTORIAL", tmp_path / "missing.py")
    monkeypatch.setattr(recognizer, "PoseEstimator", cannot_be_fetched)
    found = benchmark.run_benchmark("mobilenet_v3_small", images=64, clip_frames=8)
    said = capsys.readouterr().out
    assert "the tutorial's pipeline is not measured" in said and "poses are not measured: no network" in said
    assert found["clip_with_poses_frames_per_second"] == {}
    assert set(found["images_per_second"]["training"]) == {"ours", "ceiling"}
    assert set(found["ratios"]) == {"train_vs_ceiling"}
    benchmark.print_table(found)
    assert "NaN" not in capsys.readouterr().out
