"""OpenVINO gives PyTorch's answers."""

import numpy as np
import pytest
import torch
from helpers.clips import save_exercises
from helpers.tiny import make_model

from workoutlib import Config
from workoutlib.recognition import openvino as openvino_module
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


def test_mirror_images_take_no_second_copy_of_the_model():
    pytest.importorskip("openvino")
    squares = torch.zeros(1, 72, 72, 3, dtype=torch.uint8)
    counts = []
    for flip in (False, True):
        module = openvino_module.SquaresToLogits(make_model(), Config(resize=72, crop=64, flip_at_test=flip))
        graph = openvino_module.convert(module.eval(), squares)
        counts.append(sum(node.get_type_name() == "Convolution" for node in graph.get_ops()))
    assert counts == [2, 2]


def test_squares_go_through_one_by_one_whatever_the_graph_takes():
    """A request for many at once keeps each layer's values of all of them."""
    pytest.importorskip("openvino")
    module = openvino_module.SquaresToLogits(make_model(), Config(resize=72, crop=64, flip_at_test=True))
    graph = openvino_module.convert(module.eval(), torch.zeros(2, 72, 72, 3, dtype=torch.uint8))
    graph.reshape([-1, 72, 72, 3])
    openvino_module.compiled_forward(graph)
    assert list(graph.input(0).shape) == [1, 72, 72, 3] and list(graph.output(0).shape) == [1, 3]
