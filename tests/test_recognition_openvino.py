"""OpenVINO gives PyTorch's answers."""

import os
import shutil

import numpy as np
import pytest
import torch
from helpers.clips import save_exercises
from helpers.tiny import make_model

from workoutlib import Config, WorkoutlibError, save_checkpoint
from workoutlib.models import stored as stored_module
from workoutlib.models.build import build_model
from workoutlib.models.checkpoints import load_checkpoint, read_checkpoint
from workoutlib.recognition import openvino as openvino_module
from workoutlib.recognition.recognizer import Recognizer

CPU = torch.device("cpu")
TINY = Config(resize=72, crop=64, flip_at_test=True)


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
    monkeypatch.setattr("workoutlib.recognition.picture.find_spec", lambda name: None)
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
    module = openvino_module.SquaresToLogits(make_model(), TINY)
    graph = openvino_module.convert(module.eval(), torch.zeros(2, 72, 72, 3, dtype=torch.uint8))
    graph.reshape([-1, 72, 72, 3])
    openvino_module.compiled_forward(graph)
    assert list(graph.input(0).shape) == [1, 72, 72, 3] and list(graph.output(0).shape) == [1, 3]


@pytest.fixture
def graphs(tmp_path, monkeypatch):
    """An empty folder for converted models, and a list that grows by one with each conversion."""
    pytest.importorskip("openvino")
    made, convert = [], openvino_module.convert

    def count_and_convert(module, example):
        made.append(module)
        return convert(module, example)

    monkeypatch.setattr(openvino_module, "graph_folder", lambda: tmp_path / "graphs")
    monkeypatch.setattr(openvino_module, "convert", count_and_convert)
    return tmp_path / "graphs", made


def test_a_model_is_converted_once_and_answers_as_the_first_time(graphs):
    folder, made = graphs
    squares = np.random.default_rng(0).integers(0, 256, (5, 72, 72, 3), dtype=np.uint8)
    answers = [openvino_module.openvino_forward(make_model(), TINY)(squares) for _ in range(3)]
    assert len(made) == 1 and [file.suffix for file in folder.iterdir()] == [".zip"]
    assert np.array_equal(answers[0], answers[1]) and np.array_equal(answers[0], answers[2])
    expected = openvino_module.SquaresToLogits(make_model(), TINY)(torch.from_numpy(squares))
    np.testing.assert_allclose(answers[0], expected.detach().numpy(), atol=1e-4)
    assert list(openvino_module.kept_graph(make_model(), TINY).input(0).shape) == [1, 72, 72, 3]


def test_whatever_changes_the_answers_is_converted_anew(graphs, tmp_path, monkeypatch):
    _, made = graphs
    other_weights, other_layers, other_mean, with_memory, with_hands = (make_model() for _ in range(5))
    other_weights.head.bias.data[0] += 1e-3
    other_layers.body[2] = torch.nn.ReLU6()
    other_mean.mean = (0.5, 0.5, 0.4)
    with_memory.memory = torch.nn.functional.normalize(torch.randn(4, 8))
    with_hands.hands = torch.nn.Linear(8, 3)
    models = [make_model(), other_weights, other_layers, other_mean, with_memory, with_hands]
    pairs = [(model, TINY) for model in models]
    pairs += [(make_model(), TINY.replace(**change)) for change in ({"flip_at_test": False}, {"crop": 68})]
    for number, pair in enumerate(pairs, 1):
        openvino_module.openvino_forward(*pair)
        assert len(made) == number
    monkeypatch.setattr("workoutlib.__version__", "another")
    openvino_module.openvino_forward(make_model(), TINY)
    code = shutil.copy(openvino_module.getfile(type(make_model())), tmp_path / "code.py")
    monkeypatch.setattr(openvino_module, "getfile", lambda kind: str(code))
    openvino_module.openvino_forward(make_model(), TINY)
    assert len(made) == len(pairs) + 2


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A checkpoint of a small architecture, and a list that grows by one whenever its model is built."""
    config, built = TINY.replace(model="mobilenet_v3_small"), []
    path = save_checkpoint(tmp_path / "small.pth", build_model(config.model, 2, weights=None), ("a", "b"), config)
    monkeypatch.setattr(
        stored_module, "build_model", lambda *args, **options: built.append(args) or build_model(*args, **options)
    )
    return path, built


def test_a_kept_graph_spares_building_the_model(graphs, small):
    _, made = graphs
    path, built = small
    squares = np.random.default_rng(0).integers(0, 256, (3, 72, 72, 3), dtype=np.uint8)
    first = Recognizer.from_checkpoint(path, device=CPU)
    assert len(built) == 1  # at once, so that what is wrong with the file is said at once
    before = first._forward_clip(squares)
    again = Recognizer.from_checkpoint(path, device=CPU)
    assert np.array_equal(again._forward_clip(squares), before) and len(built) == len(made) == 1
    np.testing.assert_allclose(again._forward(squares), before, atol=1e-4)  # torch looks at photos
    assert len(built) == 2 and again.model is again.model


def test_weights_that_do_not_fit_are_told_before_anything_is_recognised(graphs, small):
    path, _ = small
    Recognizer.from_checkpoint(path, device=CPU).stream_logits(np.zeros((72, 72, 3), np.uint8))
    content = torch.load(path, weights_only=True)
    del content["state_dict"]["head.weight"]
    torch.save(content, path)
    assert read_checkpoint(path).labels == ("a", "b")
    for load in (load_checkpoint, Recognizer.from_checkpoint):
        with pytest.raises(WorkoutlibError, match=r"head\.weight"):
            load(path)


@pytest.mark.parametrize("damage", ["cut", "bit", "empty", "other"])
def test_a_damaged_graph_is_made_anew(graphs, damage):
    folder, made = graphs
    squares = np.random.default_rng(0).integers(0, 256, (2, 72, 72, 3), dtype=np.uint8)
    before = openvino_module.openvino_forward(make_model(), TINY)(squares)
    (file,) = folder.iterdir()
    content = bytearray(file.read_bytes())
    content[len(content) - 800] ^= 1  # in the weights
    broken = {"cut": content[:-500], "bit": content, "empty": b"", "other": b"no graph" * 40}
    file.write_bytes(broken[damage])
    again = openvino_module.openvino_forward(make_model(), TINY)(squares)
    assert len(made) == 2 and np.array_equal(before, again)
    openvino_module.openvino_forward(make_model(), TINY)
    assert len(made) == 2


def test_what_was_not_used_for_longest_goes(graphs):
    folder, made = graphs
    models = [make_model(seed=seed) for seed in range(6)]
    for number, model in enumerate(models[:5]):
        openvino_module.openvino_forward(models[0], TINY)  # used again and again
        openvino_module.openvino_forward(model, TINY)
        for age, file in enumerate(sorted(folder.iterdir(), key=os.path.getmtime, reverse=True)):
            os.utime(file, (1e9 - 100 * age, 1e9 - 100 * age + number))
    assert len(list(folder.iterdir())) == 4 and len(made) == 5
    openvino_module.openvino_forward(models[0], TINY)
    assert len(made) == 5


def test_where_nothing_can_be_written_it_answers_all_the_same(graphs, tmp_path):
    (tmp_path / "graphs").write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match="is not kept for the next time"):
        forward = openvino_module.openvino_forward(make_model(), TINY)
    assert forward(np.zeros((1, 72, 72, 3), np.uint8)).shape == (1, 3)
