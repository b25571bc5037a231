"""An exported model answers as its checkpoint, and is refused where it is not one."""

import numpy as np
import pytest
import torch
from helpers.tiny import make_model

from workoutlib import Config, Recognizer, WorkoutlibError, export_model, gym
from workoutlib.labels import LABELS
from workoutlib.models.checkpoints import Checkpoint
from workoutlib.pose.body_model import gym_body
from workoutlib.pose.estimator import LOOKS
from workoutlib.pose.sequence import PoseSequence
from workoutlib.recognition import export as export_module
from workoutlib.recognition.export import read_exported

CONFIG = Config(resize=72, crop=64, flip_at_test=True)


@pytest.fixture(scope="module")
def checkpoint():
    model = make_model(len(LABELS))
    model.hands = torch.nn.Linear(8, len(LABELS))
    model.memory = torch.nn.functional.normalize(torch.randn(len(LABELS), 3, 8), dim=-1)
    return Checkpoint(model.eval(), LABELS, CONFIG, {}, 1.7, -0.5, "0", gym_body().state())


@pytest.mark.parametrize("format", ["openvino", pytest.param("onnx", marks=pytest.mark.slow)])
def test_answers_are_the_checkpoints(checkpoint, tmp_path, format):
    if format == "onnx":
        pytest.importorskip("onnx")
        pytest.importorskip("onnxscript")
    path = export_model(checkpoint, tmp_path / "out", format=format)
    assert not list(tmp_path.rglob(".*"))
    exported = Recognizer.from_checkpoint(path)
    original = Recognizer.from_checkpoint(checkpoint, device=torch.device("cpu"))
    assert (exported.labels, exported.temperature, exported.unknown_threshold) == (LABELS, 1.7, -0.5)
    pictures = np.random.default_rng(0).integers(0, 256, (5, 72, 72, 3), dtype=np.uint8)
    np.testing.assert_allclose(exported._forward(pictures), original._forward(pictures), atol=1e-3)
    assert exported.body.looks == original.body.looks == LOOKS
    assert exported.knows_hands and exported._forward(pictures).shape == (5, 2 * len(LABELS))
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    run = pytest.importorskip("openvino").compile_model(path, "CPU", exact)  # as another program would, all at once
    np.testing.assert_allclose(run(pictures)[0], original._forward(pictures), atol=1e-3)
    assert run(pictures[:1])[0].shape == (1, 2 * len(LABELS))
    poses = np.random.default_rng(1).normal(size=(3, 33, 3)).astype(np.float32)
    poses[1] = np.nan
    answers = [each.body.pose_log_probabilities(poses) for each in (exported, original)]
    np.testing.assert_allclose(*answers, atol=1e-3)
    assert np.isnan(answers[0][1]).all()
    moving = np.random.default_rng(2).normal(size=(24, 33, 3)).astype(np.float32)
    seen = PoseSequence(np.arange(24) / 8, 100 * moving, moving, np.ones((24, 33)), np.ones(24))
    np.testing.assert_allclose(*(each.body.fuse_clip(None, seen)[1] for each in (exported, original)), atol=1e-3)


def test_poses_and_pictures_are_joined_alike(checkpoint, tmp_path, estimator):
    frames = gym.render_clip("squat", 3, frames=2, size=(160, 120)).frames
    path = export_model(checkpoint, tmp_path)
    found = [Recognizer.from_checkpoint(each).logits(frames) for each in (path, checkpoint)]
    np.testing.assert_allclose(*found, atol=1e-3)
    checkpoint.model.hands, hands = None, checkpoint.model.hands
    without = Recognizer.from_checkpoint(checkpoint).logits(frames)
    checkpoint.model.hands = hands
    assert np.abs(without - without.mean() - found[0] + found[0].mean()).max() > 1e-2


def test_a_checkpoint_without_a_body_is_one_picture_model(tmp_path):
    path = export_model(Checkpoint(make_model(3), ("a", "b", "ü"), CONFIG, {}, 1.0, None, "0"), tmp_path / "out")
    assert sorted(file.name for file in path.parent.iterdir()) == ["model.bin", "model.xml"]
    assert Recognizer.from_checkpoint(path).predict(np.zeros((40, 60, 3), np.uint8)).label in ("a", "b", "ü")


def test_labels_are_believed_from_the_same_confidence_on_as_those_of_the_checkpoint(tmp_path):
    stored = Checkpoint(make_model(3), ("a", "b", "c"), CONFIG, {"keep_confidence": 0.62}, 1.0, None, "0")
    recognizers = [Recognizer.from_checkpoint(each) for each in (stored, export_model(stored, tmp_path))]
    assert [each.keep_confidence for each in recognizers] == [0.62, 0.62]


def test_other_class_names_than_its_own_are_refused_as_for_a_checkpoint(tmp_path):
    path = export_model(Checkpoint(make_model(3), ("a", "b", "c"), CONFIG, {}, 1.0, None, "0"), tmp_path)
    assert Recognizer.from_checkpoint(path, labels=["a", "b", "c"]).labels == ("a", "b", "c")
    with pytest.raises(WorkoutlibError, match="names its own classes"):
        Recognizer.from_checkpoint(path, labels=["x", "y", "z"])


def test_other_answers_are_no_export(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(export_module.SidesToAnswers, "forward", lambda self, sides: torch.rand(sides.shape[1], 22))
    with pytest.raises(WorkoutlibError, match=r"skeleton\.xml gives other answers"):
        export_model(checkpoint, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_onnx_says_which_packages_it_needs(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(export_module, "find_spec", lambda name: None)
    with pytest.raises(WorkoutlibError, match=r'needs onnx and onnxscript: pip install -e "\.\[export\]"'):
        export_model(checkpoint, tmp_path, format="onnx")


def test_what_was_not_exported_is_refused(checkpoint, tmp_path):
    path = export_model(checkpoint, tmp_path)
    with pytest.raises(WorkoutlibError, match="was not written by workoutlib export"):
        read_exported(path.with_name("skeleton.xml"))
    path.with_name("motion.xml").unlink()
    with pytest.raises(WorkoutlibError, match=r'motion\.xml": no such file'):
        read_exported(path)
    (tmp_path / "x.onnx").write_bytes(b"no model")
    with pytest.raises(WorkoutlibError, match="no model that OpenVINO can read"):
        read_exported(tmp_path / "x.onnx")
