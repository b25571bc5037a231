"""OpenVINO gives PyTorch's answers."""

import numpy as np
import pytest
import torch
from helpers.clips import save_exercises

from workoutlib.recognition.recognizer import Recognizer

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return save_exercises(tmp_path_factory.mktemp("clips") / "two.mp4")


@pytest.mark.slow
@pytest.mark.parametrize("flip_at_test", [False, True])
def test_every_back_end_gives_torchs_answers(trained, config, clip, flip_at_test):
    pytest.importorskip("openvino")
    settings = config.replace(flip_at_test=flip_at_test)
    labels = trained.predictions.labels
    eager, compiled, auto = (
        Recognizer(trained.model, labels, settings, device=CPU, backend=backend).predict_clip(clip, progress=False)
        for backend in ("torch", "openvino", "auto")
    )
    np.testing.assert_allclose(compiled.logits, eager.logits, atol=2e-3)
    np.testing.assert_allclose(auto.logits, compiled.logits, atol=1e-5)


def test_openvino_keeps_pictures_in_order_however_many(trained, config):
    pytest.importorskip("openvino")
    eager, compiled = (
        Recognizer(trained.model, trained.predictions.labels, config, device=CPU, backend=backend)
        for backend in ("torch", "openvino")
    )
    for count in (1, 4, 7, 41):
        pictures = np.random.default_rng(count).integers(0, 256, (count, 64, 64, 3), dtype=np.uint8)
        np.testing.assert_allclose(compiled.logits(pictures), eager.logits(pictures), atol=2e-3)


def test_auto_does_without_openvino(trained, config, clip, monkeypatch):
    monkeypatch.setattr("workoutlib.recognition.recognizer.find_spec", lambda name: None)
    found = [
        Recognizer(trained.model, trained.predictions.labels, config, device=CPU, backend=backend)
        .predict_clip(clip, progress=False)
        .logits
        for backend in ("auto", "torch")
    ]
    np.testing.assert_array_equal(*found)
