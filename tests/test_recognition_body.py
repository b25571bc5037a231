"""Recognition with the body: training with it, its checkpoint, photos, clips, folders, and the starter."""

import gc
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.clips import save_exercises
from helpers.tiny import one_thread_environment
from scipy.special import softmax

from workoutlib import LABELS, Config, Recognizer, WorkoutlibError, load_checkpoint, train_model
from workoutlib.app.cli import main
from workoutlib.evaluation.calibration import fit_temperature
from workoutlib.gym import render_clip
from workoutlib.media.video_reader import read_frames
from workoutlib.media.video_writer import ClipWriter
from workoutlib.pose.body_model import BodyModel, fit_body
from workoutlib.pose.sequence import PoseSequence
from workoutlib.pose.skeleton import Pose
from workoutlib.recognition import recognizer as recognizer_module
from workoutlib.recognition.starter import choose_recognizer, starter_recognizer
from workoutlib.training import bodies as bodies_module
from workoutlib.training.crossvalidation import crossvalidate
from workoutlib.training.fit import Callbacks

CPU = torch.device("cpu")
FEW = ("plank", "push up", "squat")


@pytest.fixture(scope="module")
def run(catalog, config, estimator, tmp_path_factory):
    """The small model trained on 48 pictures, with the bodies in them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bodies_module, "PoseEstimator", lambda: estimator)
        folder = tmp_path_factory.mktemp("body")
        trained = train_model(
            catalog, config.replace(body=True), out=folder, cache=folder / "cache", callbacks=Callbacks(progress=False)
        )
        summary, _ = crossvalidate(
            catalog, config.replace(body=True, epochs=0), folds=2, cache=folder / "cache", progress=False
        )
    return trained, summary


@pytest.fixture(scope="module")
def recognizer(run, estimator) -> Recognizer:
    recognizer = Recognizer.from_checkpoint(run[0].checkpoint, device=CPU)
    recognizer.__dict__["pose_estimator"] = estimator
    return recognizer


@pytest.mark.slow
def test_the_checkpoint_holds_the_body_and_its_scores_are_those_of_both(run, recognizer):
    trained, summary = run
    stored = load_checkpoint(trained.checkpoint)
    assert stored.config.body and stored.metrics["calibrated"]
    body = BodyModel.from_state(stored.body, stored.labels)
    assert torch.equal(body.skeleton.head.weight, recognizer.body.skeleton.head.weight)
    logits = recognizer.logits(trained.predictions.catalog["path"])
    np.testing.assert_allclose(logits, trained.predictions.logits, atol=1e-3)
    assert stored.metrics["top1"] == pytest.approx((logits.argmax(1) == trained.predictions.targets).mean())
    assert stored.model.hands is not None and torch.equal(stored.model.hands.weight, trained.model.hands.weight)
    assert stored.temperature == pytest.approx(fit_temperature(trained.predictions), rel=1e-3)
    assert 0.5 < summary["top1"]["mean"] <= 1


def test_without_the_pose_network_training_goes_on_with_a_note(catalog, config, monkeypatch):
    def missing() -> None:
        raise WorkoutlibError("the pose network could not be downloaded")

    monkeypatch.setattr(bodies_module, "PoseEstimator", missing)
    with pytest.warns(UserWarning, match="without the body: the pose network could not be downloaded"):
        assert bodies_module.load_bodies(catalog, FEW, config.replace(body=True)) is None


@pytest.mark.slow
def test_a_photo_without_a_person_is_the_picture_models(run, recognizer):
    wall = np.full((120, 160, 3), 90, np.uint8)
    alone = Recognizer(recognizer.model, recognizer.labels, recognizer.config, device=CPU)
    fused, picture = recognizer.logits([wall]), alone.logits([wall])
    assert softmax(fused, axis=1) == pytest.approx(softmax(picture, axis=1), abs=1e-5)
    assert fused.max() < picture.max()


@pytest.mark.slow
def test_a_photo_is_looked_at_as_often_as_its_body_model_learned_to(recognizer, estimator):
    photo = render_clip("squat", 3, frames=1, size=(160, 120)).frames[0]
    poses = [PoseSequence.of([0], [estimator.exerciser(photo, again=again)]) for again in (False, True)]
    body, answers = recognizer.body, []
    for each in (replace(body, looks=1), body):
        starter = Recognizer(None, body.labels, recognizer.config, body=each, device=CPU)
        starter.__dict__["pose_estimator"] = estimator
        answers.append(starter.logits([photo]))
    expected = [body.fuse(None, each) for each in poses]
    np.testing.assert_allclose(answers, expected, atol=1e-4)
    assert not np.allclose(*answers, atol=1e-3)


@pytest.mark.slow
def test_a_clip_carries_poses_and_an_answer_as_a_whole(recognizer, tmp_path):
    path = save_exercises(tmp_path / "two.mp4")
    clip = recognizer.predict_clip(path, stride=2, progress=False)
    assert clip.poses is not None and clip.poses.found.any() and len(clip.poses) == len(clip.times)
    assert clip.whole.shape == (3,) and clip.overall.label in FEW
    drawn = []
    for shown in (True, False):
        copy = recognizer.annotate_clip(clip, tmp_path / "copy.mp4", skeleton=shown, progress=False)
        drawn.append(next(iter(read_frames(copy)))[1].astype(int))
    assert clip.poses.found[0] and np.abs(drawn[0] - drawn[1]).max() > 60
    alone = Recognizer(recognizer.model, recognizer.labels, recognizer.config, device=CPU)
    assert not np.allclose(alone.predict_clip(path, stride=2, progress=False).logits, clip.logits)


def test_the_poses_of_single_frames_are_let_go_before_they_are_smoothed(estimator, tmp_path, monkeypatch):
    starter, alive, smooth = starter_recognizer(), [], recognizer_module.smooth
    starter.__dict__["pose_estimator"] = estimator

    def count_and_smooth(sequence):
        gc.collect()
        alive.append(sum(isinstance(each, Pose) for each in gc.get_objects()))
        return smooth(sequence)

    monkeypatch.setattr(recognizer_module, "smooth", count_and_smooth)
    path = save_exercises(tmp_path / "two.mp4")
    gc.collect()
    before = sum(isinstance(each, Pose) for each in gc.get_objects())
    clip = starter.predict_clip(path, size=4, progress=False)
    assert clip.poses.found.sum() > 25 and alive[0] - before < 15


@pytest.mark.slow
def test_evaluate_takes_clips_beside_photos(run, catalog, data_folder, estimator, tmp_path, monkeypatch):
    monkeypatch.setattr("workoutlib.recognition.recognizer.PoseEstimator", lambda: estimator)
    for label in FEW:
        (tmp_path / "data" / label).mkdir(parents=True)
        frames = render_clip(label, 3, frames=12, frames_per_second=6, size=(160, 120)).frames
        with ClipWriter(tmp_path / "data" / label / "clip.mp4", 160, 120, 6) as writer:
            for number, frame in enumerate(frames):
                writer.write(frame, number / 6)
    command = ["evaluate", "--checkpoint", str(run[0].checkpoint), "--data", str(tmp_path / "data")]
    assert main([*command, "--json", str(tmp_path / "clips.json"), "--out", str(tmp_path / "out")]) == 0
    found = json.loads((tmp_path / "clips.json").read_text())
    assert found["clips"] == 3 and found["clip_top1"] == found["top1"] and 0 <= found["clip_top1"] <= 1
    assert len((tmp_path / "out" / "clips.csv").read_text().splitlines()) == 4
    photo = catalog[catalog["label"] == "squat"]["path"].iloc[0]
    (tmp_path / "data" / "squat" / "a.jpg").write_bytes(Path(photo).read_bytes())
    assert main([*command, "--json", str(tmp_path / "both.json")]) == 0
    both = json.loads((tmp_path / "both.json").read_text())
    assert both["images"] == 1 and both["clips"] == 3 and both["clip_top1"] == found["clip_top1"]


def test_the_starter_knows_the_22_exercises_without_a_picture(estimator, monkeypatch):
    starter = starter_recognizer()
    starter.__dict__["pose_estimator"] = estimator
    assert starter.labels == LABELS
    wall = starter.predict(np.full((60, 80, 3), 90, np.uint8))
    assert wall.confidence == pytest.approx(1 / 22)
    frame = render_clip("lateral raises", 3, frames=20, size=(320, 240)).frames[19]
    found = starter.predict(frame)
    assert "lateral raises" in [label for label, _ in found.top3] and 0 < found.confidence < 1


def test_the_starter_does_without_libraries_of_picture_models():
    """Each takes seconds to import, and a sixth of a gigabyte."""
    code = (
        "import sys, workoutlib.recognition.files; from workoutlib.recognition.starter import starter_recognizer; "
        "starter_recognizer(); print(*{'torchvision', 'timm', 'sklearn', 'torch._dynamo'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=one_thread_environment())
    assert done.stdout.split() == []


def test_the_best_model_comes_before_the_starter(trained, home, monkeypatch):
    recognizer, sentence = choose_recognizer()
    assert recognizer.labels == LABELS and "starter" in sentence and "%" in sentence
    (home / "outputs").mkdir(parents=True)
    (home / "outputs" / "best_model.pth").write_bytes(trained.checkpoint.read_bytes())
    recognizer, sentence = choose_recognizer()
    assert recognizer.labels == FEW and "best_model.pth" in sentence
    named, sentence = choose_recognizer(trained.checkpoint, device=CPU)
    assert named.labels == FEW and str(trained.checkpoint) in sentence


def test_without_the_pose_network_the_picture_decides_and_the_starter_says_why(trained, catalog, monkeypatch):
    def missing() -> None:
        raise WorkoutlibError("the pose network could not be downloaded")

    monkeypatch.setattr("workoutlib.recognition.recognizer.PoseEstimator", missing)
    body = fit_body(np.empty((0, 33, 3)), np.empty(0, int), FEW)
    stored, photo = load_checkpoint(trained.checkpoint), catalog["path"].iloc[0]
    with_body = Recognizer(stored.model, FEW, stored.config, body=body, device=CPU)
    with pytest.warns(UserWarning, match="the picture alone, without the body: the pose network could not"):
        logits = with_body.logits([photo])
    assert np.array_equal(logits, Recognizer(stored.model, FEW, stored.config, device=CPU).logits([photo]))
    with pytest.raises(WorkoutlibError, match="could not be downloaded"):
        starter_recognizer().predict(photo)


def test_a_body_alone_needs_a_body():
    with pytest.raises(WorkoutlibError, match="needs a model, a body model, or both"):
        Recognizer(None, FEW, Config())


def test_checkpoints_without_a_body_load_as_before(trained):
    stored = load_checkpoint(trained.checkpoint)
    assert stored.body is None and Recognizer.from_checkpoint(stored, device=CPU).body is None


def test_fusion_weights_are_part_of_the_state():
    model = fit_body(np.empty((0, 33, 3)), np.empty(0, int), FEW)
    other = replace(model, skeleton_weight=3.0)
    assert BodyModel.from_state(other.state(), FEW).skeleton_weight == 3.0


def test_a_checkpoint_with_an_earlier_body_says_what_to_do(trained):
    stored = replace(load_checkpoint(trained.checkpoint), body={"skeleton.weight": torch.zeros(3, 161)})
    with pytest.raises(WorkoutlibError, match="earlier version of workoutlib: train again"):
        Recognizer.from_checkpoint(stored, device=CPU)
