"""Checkpoints: alone enough to predict, plain enough to be safe, whole or not there."""

import errno
import lzma
import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.tiny import Code, assert_same_state

import workoutlib
from workoutlib.config import Config
from workoutlib.models.build import build_model
from workoutlib.models.checkpoints import FIELDS, load_checkpoint, save_checkpoint
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import read_file

CONFIG = Config(resize=64, crop=64, rotation=10.0)
LABELS = ("plank", "squat")
# Written by version 0.1: constant weights, and a config with every field that was renamed since.
FORMER = Path(__file__).parent / "fixtures" / "checkpoint_0.1.pth.xz"


@pytest.fixture(scope="module")
def model():
    return build_model(CONFIG.model, 2, weights=None)


@pytest.fixture
def saved(tmp_path, model) -> Path:
    return save_checkpoint(
        tmp_path / "model.pth",
        model,
        LABELS,
        CONFIG,
        metrics={"top1": 0.5, "split": "video"},
        temperature=1.5,
        unknown_threshold=2.0,
    )


def changed(path: Path, **fields) -> Path:
    """The same file with other contents."""
    torch.save({**torch.load(path, weights_only=True), **fields}, path)
    return path


def test_what_was_stored_comes_back(saved, model):
    stored = load_checkpoint(saved)
    assert (stored.labels, stored.config, stored.metrics) == (LABELS, CONFIG, {"top1": 0.5, "split": "video"})
    assert (stored.temperature, stored.unknown_threshold) == (1.5, 2.0)
    assert stored.version == workoutlib.__version__ and not stored.model.training
    assert (stored.model.mean, stored.model.std) == (model.mean, model.std)
    assert_same_state(stored.model.state_dict(), model.state_dict())


@pytest.mark.parametrize("shape", [(3,), (2, 4)])
def test_a_memory_comes_back_and_one_that_does_not_fit_is_refused(tmp_path, shape):
    model = build_model(CONFIG.model, 2, weights=None)
    model.memory = torch.nn.functional.normalize(torch.randn(*shape, model.head.in_features), dim=-1)
    path = save_checkpoint(tmp_path / "model.pth", model, LABELS, CONFIG)
    stored, images = load_checkpoint(path).model, torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(stored(images), model(images), rtol=0, atol=0)
    others = (model.memory[..., 1:], model.memory[None, None], model.memory[:0], model.memory / 0, "features")
    for memory in (*others, torch.ones(3, 4, model.head.in_features)):  # of three classes
        with pytest.raises(WorkoutlibError, match="its memory does not fit the model"):
            load_checkpoint(changed(path, memory=memory))


def test_a_head_for_hands_comes_back_to_the_bit_and_files_without_one_load_as_before(saved, model, tmp_path):
    assert load_checkpoint(saved).model.hands is None
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        before = model(images)
        knowing = build_model(CONFIG.model, 2, weights=None)
        knowing.load_state_dict(model.state_dict())
        knowing.hands = torch.nn.Linear(model.head.in_features, 2)
        path = save_checkpoint(tmp_path / "hands.pth", knowing, LABELS, CONFIG)
        again = load_checkpoint(path).model
        assert torch.equal(again.answers(images), knowing.answers(images))
        assert torch.equal(again(images), before) and torch.equal(load_checkpoint(saved).model.answers(images), before)
    state = knowing.state_dict()
    for damaged in ({"hands.weight": state["hands.weight"][:1]}, {"hands.bias": state["hands.bias"] / 0}):
        with pytest.raises(WorkoutlibError, match="hands"):
            load_checkpoint(changed(path, state_dict=state | damaged))


def test_a_real_training_run_loads_with_weights_only(trained):
    content = torch.load(trained.checkpoint, weights_only=True)
    assert set(content) == FIELDS | {"body", "memory"}
    assert load_checkpoint(trained.checkpoint).metrics["split"] == "video"


def test_one_missing_field_is_enough_to_refuse(saved):
    content = torch.load(saved, weights_only=True)
    for field in FIELDS:
        torch.save({key: value for key, value in content.items() if key != field}, saved)
        with pytest.raises(WorkoutlibError, match="not a workoutlib checkpoint; train one with"):
            load_checkpoint(saved)


@pytest.mark.parametrize("content", [[], {}, 3, "text", {"state_dict": {}}])
def test_other_contents(tmp_path, content):
    torch.save(content, tmp_path / "x.pth")
    with pytest.raises(WorkoutlibError, match="not a workoutlib checkpoint"):
        load_checkpoint(tmp_path / "x.pth")


@pytest.mark.parametrize(
    ("field", "values"),
    {
        "labels": [
            (),
            [],
            ["plank", "plank"],
            ["plank", 3],
            "plank",
            None,
            2,
            ["x"] * 100_000,
            ["", "squat"],
            ["x" * 100_000, "squat"],
        ],
        "mean": [None, [0.5], [0.5, 0.5, math.nan], ["a", "b", "c"], [5.0, 0.0, 0.0], 0.5],
        "std": [[0.0, 0.5, 0.5], [0.5, 0.5], [-1.0, 0.5, 0.5], [math.inf] * 3],
        "temperature": [0.0, -1.0, math.nan, math.inf, "1", None, [1.0]],
        "unknown_threshold": [math.nan, math.inf, "1", [1.0]],
        "metrics": [None, [1], "good"],
        "config": [None, [], "quick", 3, {1: 2}],
        "state_dict": [None, [], {"a": 1}, 3],
    }.items(),
)
def test_values_that_no_run_stores(saved, field, values):
    for value in values:
        with pytest.raises(WorkoutlibError, match=r"model\.pth"):
            load_checkpoint(changed(saved, **{field: value}))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"resize": 10**9}, r"Config\.resize = 1000000000: input should be less than or equal to 1024"),
        ({"crop": 0}, r"Config\.crop = 0"),
        ({"crop": 100}, "larger than"),
        ({"batch_size": -1}, r"Config\.batch_size"),
        ({"learning_rate": math.nan}, r"Config\.learning_rate"),
        ({"resize_mode": "stretch"}, "'squash' or 'crop'"),
        ({"flip_at_test": "yes"}, "valid boolean"),
        ({"model": "vgg99"}, "no model 'vgg99'"),
        ({"surprise": 1}, "unknown Config field 'surprise'"),
    ],
)
def test_a_config_out_of_range(saved, values, message):
    with pytest.raises(WorkoutlibError, match=message) as found:
        load_checkpoint(changed(saved, config={**CONFIG.to_dict(), **values}))
    assert "model.pth" in str(found.value)


def test_other_classes_than_weights(saved):
    with pytest.raises(WorkoutlibError, match=r"2 of another shape or kind \(head\.bias"):
        load_checkpoint(changed(saved, labels=["plank", "squat", "deadlift"]))


def test_another_model_than_weights(saved):
    with pytest.raises(WorkoutlibError, match=r"missing.*not known"):
        load_checkpoint(changed(saved, config={**CONFIG.to_dict(), "model": "resnet18"}))


def test_weights_that_are_not_numbers(saved, model):
    state = {name: value.clone() for name, value in model.state_dict().items()}
    state["head.weight"][0, 0] = math.nan
    with pytest.raises(WorkoutlibError, match=r"NaN or infinite \(head\.weight"):
        load_checkpoint(changed(saved, state_dict=state))


@pytest.mark.parametrize(
    "value",
    [
        torch.zeros(2).to_sparse(),
        torch.zeros(2, device="meta"),
        torch.zeros(2, dtype=torch.complex64),
        torch.zeros(2, dtype=torch.int64),
    ],
    ids=["sparse", "without values", "complex", "whole numbers"],
)
def test_weights_of_another_kind(saved, model, value):
    """Each of them can be in a file; PyTorch then fails in many ways, or takes the wrong numbers."""
    with pytest.raises(WorkoutlibError, match=r"1 of another shape or kind \(head\.bias"):
        load_checkpoint(changed(saved, state_dict={**model.state_dict(), "head.bias": value}))


def test_weights_in_another_precision(saved, model):
    state = model.state_dict()
    assert load_checkpoint(changed(saved, state_dict={**state, "head.bias": torch.ones(2).to(torch.float8_e4m3fn)}))
    too_large = torch.full((2,), 1e300, dtype=torch.float64)
    with pytest.raises(WorkoutlibError, match=r"NaN or infinite \(head\.bias"):
        load_checkpoint(changed(saved, state_dict={**state, "head.bias": too_large}))


def test_names_that_are_no_text(saved, model):
    for fields in (
        {"state_dict": {**model.state_dict(), 5: torch.zeros(1), "x": torch.zeros(1)}},
        {"config": {**CONFIG.to_dict(), 5: 1, "x": 1}},
    ):
        with pytest.raises(WorkoutlibError, match=r"(2 not known \(5|keywords must be strings)"):
            load_checkpoint(changed(saved, **fields))


def test_code_in_any_field_is_refused_and_not_executed(saved, tmp_path):
    for field in sorted(FIELDS):
        content = {**torch.load(saved, weights_only=True), field: Code(tmp_path / "executed")}
        torch.save(content, tmp_path / "evil.pth")
        with pytest.raises(WorkoutlibError, match="refused"):
            load_checkpoint(tmp_path / "evil.pth")
    assert not (tmp_path / "executed").exists()


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        ("save", FULL),
        ("save", RuntimeError("[enforce fail] file write failed")),
        ("save", KeyboardInterrupt()),
        ("fsync", FULL),
        ("fsync", KeyboardInterrupt()),
        ("replace", FULL),
        ("replace", KeyboardInterrupt()),
    ],
)
def test_a_failed_save_keeps_the_old_file_and_leaves_no_half_one(saved, model, monkeypatch, step, fault):
    before = saved.read_bytes()

    def full(*arguments):
        raise fault

    monkeypatch.setattr({"save": torch, "replace": os, "fsync": os}[step], step, full)
    expected = KeyboardInterrupt if isinstance(fault, KeyboardInterrupt) else WorkoutlibError
    with pytest.raises(expected) as found:
        save_checkpoint(saved, model, LABELS, CONFIG)
    if expected is WorkoutlibError:
        assert "model.pth" in str(found.value) and "free space" in str(found.value) and found.value.__cause__
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == ["model.pth"]


def test_a_checkpoint_of_version_0_1_still_loads(tmp_path):
    file = tmp_path / "former.pth"
    file.write_bytes(lzma.decompress(FORMER.read_bytes()))
    names = set(read_file(file)["config"])
    assert names >= {"interpolate", "fit", "rendered"} and read_file(file)["config"]["weights"] == "WARM"
    stored = load_checkpoint(file)
    assert (stored.version, stored.labels) == ("0.1.0", ("plank", "push up", "squat"))
    assert (stored.metrics, stored.temperature, stored.unknown_threshold) == (
        {"top1": 0.75, "split": "video"},
        1.25,
        0.5,
    )
    changes = {"weight_interpolation": 0.75, "resize_mode": "squash", "synthetic": 0.5, "warm_up": True, "body": False}
    assert stored.config == Config.profile("best", model="mobilenet_v3_small", resize=80, crop=64, **changes)
    assert stored.body is None
    images = torch.linspace(-1, 1, 3 * 64 * 64).reshape(1, 3, 64, 64)
    with torch.inference_mode():  # what version 0.1 computed with it
        torch.testing.assert_close(stored.model(images), torch.tensor([[97.9646, 98.4500, 98.9352]]), atol=1e-2, rtol=0)
    again = load_checkpoint(save_checkpoint(tmp_path / "now.pth", stored.model, stored.labels, stored.config))
    assert again.config == stored.config
    assert_same_state(again.model.state_dict(), stored.model.state_dict())


def test_numbers_of_numpy_are_stored_as_pythons_own(tmp_path, model):
    metrics = {
        "top1": np.float64(0.5),
        "images": np.int64(3),
        "name": np.str_("x"),
        "folds": [np.float32(0.25), {"best": np.bool_(True)}],
        "curve": np.arange(3),
        np.int64(7): "seven",
    }
    labels = np.array(LABELS)
    path = save_checkpoint(tmp_path / "x.pth", model, labels, CONFIG, metrics=metrics, temperature=np.float32(1.5))
    expected = {"top1": 0.5, "images": 3, "name": "x", "folds": [0.25, {"best": True}], "curve": [0, 1, 2], 7: "seven"}
    assert load_checkpoint(path).metrics == expected
    content = torch.load(path, weights_only=True)  # also by a reader that allows nothing of NumPy's
    assert content["labels"] == list(LABELS) and content["temperature"] == 1.5


def test_what_an_earlier_version_stored_of_numpy_is_read(saved):
    torch.save(
        {**torch.load(saved, weights_only=True), "metrics": {"top1": np.float64(0.5)}, "temperature": np.float32(2)},
        saved,
    )
    stored = load_checkpoint(saved)
    assert stored.metrics == {"top1": 0.5} and stored.temperature == 2.0 and type(stored.temperature) is float
