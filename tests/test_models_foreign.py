"""Checkpoints of other programs: imported whole, nothing in them executed, and what is not stored asked for."""

import argparse
import json
import sys
import types
import zipfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from helpers.tiny import Code
from safetensors.torch import save_file
from torch import nn

from workoutlib.labels import LABELS
from workoutlib.models.architectures import TRIED, bodies
from workoutlib.models.checkpoints import load_checkpoint
from workoutlib.models.unsupported import unsupported_kind
from workoutlib.recognition.recognizer import Recognizer
from workoutlib.utils.errors import WorkoutlibError

IMAGES = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def resnet(head: nn.Module, name: str = "resnet18") -> nn.Module:
    torch.manual_seed(0)
    model = torchvision.models.get_model(name, weights=None)
    model.fc = head
    return model.eval()


@torch.inference_mode()
def assert_equal_answers(path, model: nn.Module, **options) -> None:
    torch.testing.assert_close(load_checkpoint(path, **options).model(IMAGES), model(IMAGES))


@pytest.mark.parametrize("loss", [0.25, np.float64(0.25), nn.CrossEntropyLoss()], ids=["number", "numpy", "function"])
def test_the_tutorials_own_checkpoint(tmp_path, loss):
    model = resnet(nn.Linear(2048, 22), "resnet50")
    optimizer = torch.optim.Adam(model.fc.parameters(), lr=1e-3)
    model.fc(torch.zeros(1, 2048)).sum().backward()
    optimizer.step()
    content = {"epoch": 10, "model_state_dict": model.state_dict(), "optimizer_state_dict": optimizer.state_dict()}
    torch.save({**content, "loss": loss}, tmp_path / "model.pth")
    with pytest.warns(UserWarning, match="22 exercises in alphabetical order"):
        stored = load_checkpoint(tmp_path / "model.pth")
    assert stored.labels == LABELS
    assert (stored.config.model, stored.config.resize_mode, stored.config.crop) == ("resnet50", "squash", 224)
    assert stored.model.mean == (0.485, 0.456, 0.406)
    with torch.inference_mode():
        torch.testing.assert_close(stored.model(IMAGES), model(IMAGES))


HEADS = {
    "dropout": lambda: nn.Sequential(nn.Dropout(0.5), nn.Linear(512, 22)),
    "two layers": lambda: nn.Sequential(nn.Linear(512, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, 22)),
    "batch norm": lambda: nn.Sequential(nn.Linear(512, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 22)),
    "norm last": lambda: nn.Sequential(nn.Linear(512, 64), nn.ReLU(), nn.BatchNorm1d(64), nn.Linear(64, 22)),
    "layer norm": lambda: nn.Sequential(nn.LayerNorm(512), nn.Linear(512, 22, bias=False)),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("head", HEADS)
def test_heads_of_other_layers(tmp_path, head):
    model = resnet(HEADS[head]())
    torch.save(model.state_dict(), tmp_path / "model.pth")
    assert_equal_answers(tmp_path / "model.pth", model)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state},
        lambda state: {"model": state, "args": argparse.Namespace(lr=1e-3)},
        lambda state: {"net": {"weights": state}},
        lambda state: {f"module.{key}": value for key, value in state.items()},
        lambda state: {"state_dict": {f"_orig_mod.model.{key}": value for key, value in state.items()}},
        lambda state: {"state_dict": {**state, "criterion.weight": torch.ones(22)}},
        lambda state: {key if "fc" in key else f"backbone.{key}": value for key, value in state.items()},
    ],
)
def test_weights_under_other_names(tmp_path, wrap):
    model = resnet(nn.Linear(512, 22))
    torch.save(wrap(model.state_dict()), tmp_path / "model.pth")
    assert_equal_answers(tmp_path / "model.pth", model)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["efficientnet_b0", "mobilenet_v3_small"])
def test_other_architectures(tmp_path, name):
    model = torchvision.models.get_model(name, weights=None)
    model.classifier[-1] = nn.Linear(model.classifier[-1].in_features, 22)
    torch.save(model.eval().state_dict(), tmp_path / "model.pth")
    assert_equal_answers(tmp_path / "model.pth", model)


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        ({"classes": ["pull Up", "squat", "plank"]}, ("pull up", "squat", "plank")),
        ({"class_to_idx": {"b": 1, "a": 0, "c": 2}}, ("a", "b", "c")),
        ({"idx_to_class": {2: "c", 0: "a", 1: "b"}}, ("a", "b", "c")),
    ],
)
def test_class_names_in_the_file_are_taken(tmp_path, names, labels):
    torch.save({"model": resnet(nn.Linear(512, 3)).state_dict(), **names}, tmp_path / "model.pth")
    assert load_checkpoint(tmp_path / "model.pth").labels == labels


def test_other_numbers_of_classes_need_their_names(tmp_path):
    torch.save(resnet(nn.Linear(512, 3)).state_dict(), tmp_path / "model.pth")
    with pytest.raises(WorkoutlibError, match=r"no class names for 3 outputs.*--labels"):
        load_checkpoint(tmp_path / "model.pth")
    with pytest.raises(WorkoutlibError, match="2 class names for 3 outputs"):
        load_checkpoint(tmp_path / "model.pth", labels=["a", "b"])
    recognizer = Recognizer.from_checkpoint(tmp_path / "model.pth", labels=["a", "b", "c"])
    assert recognizer.predict(np.zeros((64, 64, 3), np.uint8)).label in "abc"


def test_what_cannot_be_imported_says_why(tmp_path):
    contents = {
        "none of the known models: resnet50.*store its name": {"conv.weight": torch.ones(3)},
        "without a table of weights": {"epoch": 3, "loss": 0.1},
        "no head of linear layers": resnet(nn.Identity()).state_dict(),
        "holds a whole model as Python code": resnet(nn.Linear(512, 22)),
    }
    for reason, content in contents.items():
        torch.save(content, tmp_path / "model.pth")
        with pytest.raises(WorkoutlibError, match=reason):
            load_checkpoint(tmp_path / "model.pth")


def test_code_is_refused_wherever_it_is(tmp_path):
    state = resnet(nn.Linear(512, 22)).state_dict()
    for content in (
        {"model_state_dict": state, "loss": Code(tmp_path / "executed")},
        {**state, "x": Code(tmp_path / "executed")},
    ):
        torch.save(content, tmp_path / "model.pth")
        with pytest.raises(WorkoutlibError, match="refused"):
            load_checkpoint(tmp_path / "model.pth")
    assert not (tmp_path / "executed").exists()


@pytest.mark.filterwarnings("ignore")
def test_a_whole_model_of_any_name_and_format_is_called_so(tmp_path):
    for name in ("model.pth", "export.pkl"):
        for zipped in (True, False):
            torch.save(resnet(nn.Linear(512, 22)), tmp_path / name, _use_new_zipfile_serialization=zipped)
            with pytest.raises(WorkoutlibError, match=r"a whole model as Python code.*save its weights"):
                load_checkpoint(tmp_path / name)


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    state = resnet(nn.Linear(512, 22)).state_dict()
    state["layer1.0.conv1.weight"][0] = torch.nan
    torch.save(state, tmp_path / "model.pth")
    with pytest.raises(WorkoutlibError, match="NaN"):
        load_checkpoint(tmp_path / "model.pth")


@pytest.mark.filterwarnings("ignore")
def test_what_other_programs_store_beside_the_weights_or_leave_out(tmp_path, monkeypatch):
    model = resnet(nn.Linear(512, 22))
    state = model.state_dict()
    hyper = type("AttributeDict", (dict,), {"__module__": "lightning.fabric.utilities.data"})
    for part in ("lightning", "lightning.fabric", "lightning.fabric.utilities", "lightning.fabric.utilities.data"):
        monkeypatch.setitem(sys.modules, part, types.ModuleType(part))
    monkeypatch.setattr(sys.modules[hyper.__module__], "AttributeDict", hyper, raising=False)
    lightning = {f"model.{name}": value for name, value in state.items()}
    contents = {
        "counters": {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")},
        "list": [state, {"epoch": 3}],
    }
    if hasattr(torch.serialization, "get_unsafe_globals_in_checkpoint"):
        contents["lightning"] = {"state_dict": lightning, "hyper_parameters": hyper(lr=0.1, data=Path("/data"))}
    for name, content in contents.items():
        torch.save(content, tmp_path / name)
        assert_equal_answers(tmp_path / name, model)
    for name in ("model.safetensors", "model.pth"):
        save_file(state, tmp_path / name)
        assert_equal_answers(tmp_path / name, model)


def test_a_file_that_holds_no_weights_is_told_by_its_kind(tmp_path):
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), str(tmp_path / "a TorchScript export"))
    for name, member in (("a model of Keras", "model.weights.h5"), ("an archive with", "run/best.pth")):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(member, "x")
    heads = {
        "an ONNX export": b"\x08\x08\x12\x07pytorch",
        "an HDF5 file": b"\x89HDF\r\n\x1a\n",
        "a model of TensorFlow Lite": b"\x1c\0\0\0TFL3",
        "a web page": b"<!DOCTYPE html><title>Sign in</title>",
        "a pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\n",
        "a picture": b"\xff\xd8\xff\xe0",
        "an array of NumPy": b"\x93NUMPY\x01\0",
        "an engine of TensorRT": b"ftrt\x30",
        "a language model": b"GGUF\x03",
        "a text, not": b"see the other folder" * 40 + b"\n",
    }
    names = {"model.ckpt.index": "a model of TensorFlow", "a.mlmodel": "a model of Core ML", "a.pkl": "Python objects"}
    for name, head in heads.items():
        (tmp_path / name).write_bytes(head if name.startswith("a text") else head + b"\0" * 500)
    for path in tmp_path.iterdir():
        with pytest.raises(WorkoutlibError, match=f": {path.name}.*\\. [A-Z].*"):
            load_checkpoint(path)
    for name, what in names.items():
        (tmp_path / name).write_bytes(b"\x08\x01\x12\0" * 9)
        with pytest.raises(WorkoutlibError, match=f": {what}"):
            load_checkpoint(tmp_path / name)


@pytest.mark.parametrize(
    "names",
    [
        lambda order: {"hyper_parameters": {"class_names": order}},
        lambda order: {"idx_to_class": {str(i): name for i, name in enumerate(order)}},
        lambda order: {"config": {"id2label": dict(enumerate(order))}},
        lambda order: {"config": {"label2id": {name: i for i, name in enumerate(order)}}},
        lambda order: {"classes": np.array(order)},
        lambda order: {"classes": np.array(order, dtype=object)},
        lambda order: {"history": defaultdict(list, {"loss": [1.0]}), "labels": order},
    ],
)
def test_class_names_are_found_wherever_and_however_they_are_stored(tmp_path, names):
    """Another order than the alphabet's, which would be taken if they were missed."""
    model = torchvision.models.resnet18(weights=None)
    model.fc = torch.nn.Linear(512, 22)
    order = list(reversed(LABELS))
    torch.save({"state_dict": model.state_dict(), **names(order)}, tmp_path / "a.pth")
    assert load_checkpoint(tmp_path / "a.pth").labels == tuple(order)


def test_a_model_of_imagenet_says_so(tmp_path):
    torch.save(torchvision.models.resnet18(weights=None).state_dict(), tmp_path / "a.pth")
    with pytest.raises(WorkoutlibError, match=r"ImageNet's 1,000 classes.*--weights"):
        load_checkpoint(tmp_path / "a.pth")


def test_a_folder_of_a_model_hub(tmp_path):
    """Weights with their configuration beside them: architecture, class names and timm's normalisation."""
    names = [f"class {index}" for index in range(22)]
    model = resnet(nn.Linear(512, 22))
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    stored = {
        "architecture": "resnet18",
        "label_names": names,
        "pretrained_cfg": {"mean": [0.5] * 3, "std": [0.25] * 3},
    }
    (tmp_path / "config.json").write_text(json.dumps(stored))
    for path in (tmp_path, tmp_path / "model.safetensors"):
        found = load_checkpoint(path)
        assert found.labels == tuple(names) and (found.model.mean, found.model.std) == ((0.5,) * 3, (0.25,) * 3)
    found.model.mean, found.model.std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    with torch.inference_mode():
        torch.testing.assert_close(found.model(IMAGES), model(IMAGES))


def test_a_folder_with_one_checkpoint_is_that_checkpoint(tmp_path):
    with pytest.raises(WorkoutlibError, match="a folder without a checkpoint"):
        load_checkpoint(tmp_path)
    model = resnet(nn.Linear(512, 22))
    torch.save(model.state_dict(), tmp_path / "epoch_10.pth")
    assert_equal_answers(tmp_path, model)
    torch.save(model.state_dict(), tmp_path / "epoch_20.pth")
    with pytest.raises(WorkoutlibError, match=r'2 checkpoints, "epoch_10.pth", "epoch_20.pth": give one'):
        load_checkpoint(tmp_path)
    torch.save(model.state_dict(), tmp_path / "best_model.pth")
    assert_equal_answers(tmp_path, model)


def test_weights_of_layers_that_ask_for_a_version(tmp_path):
    torch.manual_seed(0)
    model = torchvision.models.mnasnet1_0(num_classes=22).eval()
    torch.save(model.state_dict(), tmp_path / "model.pth")
    assert_equal_answers(tmp_path / "model.pth", model)


def test_weights_that_are_stored_in_another_way(tmp_path):
    model = resnet(nn.Linear(512, 22))
    state = model.state_dict()
    torch.save({**state, "fc.weight": state["fc.weight"].to_sparse()}, tmp_path / "sparse.pth")
    assert_equal_answers(tmp_path / "sparse.pth", model)
    torch.save({name: value.half() for name, value in state.items()}, tmp_path / "half.pth")  # its counters too
    assert_equal_answers(tmp_path / "half.pth", model.half().float())
    torch.save({**state, "fc.weight": state["fc.weight"] * np.nan}, tmp_path / "nan.pth")
    with pytest.raises(WorkoutlibError, match="1 NaN or infinite"):
        load_checkpoint(tmp_path / "nan.pth")
    rest = {name: value for name, value in state.items() if not name.startswith("fc.")}
    torch.save({**rest, "fc.scale": torch.ones(()), "fc.zero_point": torch.zeros(())}, tmp_path / "int8.pth")
    with pytest.raises(WorkoutlibError, match="its weights are quantised"):
        load_checkpoint(tmp_path / "int8.pth")


def test_an_architecture_that_is_named_but_has_another_kind_of_head(tmp_path):
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 22, 1))
    torch.save({"arch": "squeezenet1_1", "state_dict": model.state_dict()}, tmp_path / "model.pth")
    with pytest.raises(WorkoutlibError, match="not those of squeezenet1_1, which it names, with a linear head"):
        load_checkpoint(tmp_path / "model.pth")


def head_of(name: str, head: str, layer: nn.Module) -> dict:
    options = {} if "squeeze" in name else {"init_weights": False}
    model = torchvision.models.get_model(name, weights=None, **options)
    model.set_submodule(head, layer)
    return model.state_dict()


def named(*names: str, dimensions: int = 1) -> dict:
    return {name: torch.zeros([1] * dimensions) for name in names}


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: head_of("squeezenet1_1", "classifier.1", nn.Conv2d(512, 22, 1)), "SqueezeNet, whose head"),
        (lambda: head_of("googlenet", "fc", nn.Linear(1024, 22)), "GoogLeNet"),
        (lambda: head_of("inception_v3", "fc", nn.Linear(2048, 22)), "Inception, which sees pictures of 299 pixels"),
        (lambda: named("resnet.embedder.embedder.convolution.weight", "classifier.1.weight"), "transformers"),
        (lambda: named("vit.embeddings.cls_token", "classifier.weight"), "transformers"),
        (lambda: named("model.0.conv.weight", "model.22.dfl.conv.weight"), "finds objects"),
        (lambda: named("backbone.conv1.weight", "classifier.0.convs.0.0.weight"), "segments pictures"),
        (lambda: named("logit_scale", "visual.conv1.weight"), "CLIP"),
        (lambda: named("base_model.model.fc.lora_A.default.weight"), "LoRA"),
        (lambda: named("stem.0.weight", dimensions=5), "a model of clips"),
    ],
)
def test_models_that_are_not_imported_are_called_what_they_are(tmp_path, make, what):
    torch.save({"state_dict": make()}, tmp_path / "model.pth")
    with pytest.raises(WorkoutlibError, match=rf"model\.pth\": its weights are those of .*{what}") as told:
        load_checkpoint(tmp_path / "model.pth")
    assert "torchvision or timm" in str(told.value) and len(str(told.value)) < 400


def test_none_that_is_imported_is_taken_for_one_of_these():
    for name in TRIED:
        shapes = next(iter(bodies(name).values()))
        state = {key: torch.empty(shape, device="meta") for key, shape in shapes.items()}
        assert unsupported_kind(state) is None, name


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("front", ["module._orig_mod.", "_orig_mod.module."])
def test_a_compiled_model_in_parallel(tmp_path, front):
    model = resnet(nn.Linear(512, 22))
    torch.save(prefixed(model.state_dict(), front), tmp_path / "model.pth")
    assert_equal_answers(tmp_path / "model.pth", model)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_any_precision(tmp_path, kind):
    model = resnet(nn.Linear(512, 22))
    torch.save({key: value.to(kind) for key, value in model.state_dict().items()}, tmp_path / "model.pth")
    with torch.inference_mode():
        found, wanted = load_checkpoint(tmp_path / "model.pth").model(IMAGES), model(IMAGES)
    torch.testing.assert_close(found, wanted, atol=0.05, rtol=0.05)


@pytest.mark.filterwarnings("ignore")
def test_averages_of_torch_itself_and_the_format_of_old_versions(tmp_path):
    model = resnet(nn.Linear(512, 22))
    torch.save(torch.optim.swa_utils.AveragedModel(model).state_dict(), tmp_path / "swa.pth")
    torch.save(model.state_dict(), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    for name in ("swa.pth", "old.pth"):
        assert_equal_answers(tmp_path / name, model)


def fastai() -> nn.Module:
    """A body with the head that fastai puts behind it: of each map the mean and the largest."""
    body = nn.Sequential(*list(resnet(nn.Identity()).children())[:-2])
    layers = [nn.Identity(), nn.Flatten(), nn.BatchNorm1d(1024), nn.Dropout(0.25), nn.Linear(1024, 512, bias=False)]
    layers += [nn.ReLU(), nn.BatchNorm1d(512), nn.Dropout(0.5), nn.Linear(512, 22, bias=False)]
    return nn.Sequential(body, nn.Sequential(*layers))


@pytest.mark.filterwarnings("ignore")
def test_a_head_of_which_only_a_part_is_understood_is_refused(tmp_path):
    """Its last layers alone would fit the body, and the answers would be others."""
    torch.save({"model": fastai().state_dict(), "opt": {}}, tmp_path / "fastai.pth")
    with pytest.raises(WorkoutlibError, match=r"what its head does before 1\.6 is not known.*fastai"):
        load_checkpoint(tmp_path / "fastai.pth")
    loss_first = {"criterion.weight": torch.ones(22)} | resnet(nn.Linear(512, 22)).state_dict()
    torch.save(loss_first, tmp_path / "loss.pth")
    assert load_checkpoint(tmp_path / "loss.pth").model.head.out_features == 22


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "stored",
    [
        lambda state: {"state_dict": state, "mean": [0.5] * 3, "std": [0.25] * 3},
        lambda state: {"mean": torch.full((1, 3, 1, 1), 127.5), "std": torch.full((1, 3, 1, 1), 63.75), **state},
        lambda state: {"0.mean": torch.full((3,), 0.5), "0.std": torch.full((3,), 0.25), **prefixed(state, "1.")},
    ],
)
def test_the_normalisation_that_is_stored_is_taken(tmp_path, stored):
    torch.save(stored(resnet(nn.Linear(512, 22)).state_dict()), tmp_path / "model.pth")
    model = load_checkpoint(tmp_path / "model.pth").model
    assert (model.mean, model.std) == (pytest.approx((0.5,) * 3), pytest.approx((0.25,) * 3))


def prefixed(state: dict, front: str) -> dict:
    return {f"{front}{key}": value for key, value in state.items()}


def test_class_names_of_another_number_are_not_left_out_silently(tmp_path):
    torch.save({"state_dict": resnet(nn.Linear(512, 22)).state_dict(), "classes": [*LABELS, "x"]}, tmp_path / "a.pth")
    with pytest.raises(WorkoutlibError, match="23 class names for 22 outputs"):
        load_checkpoint(tmp_path / "a.pth")
    torch.save(resnet(nn.Linear(512, 1)).state_dict(), tmp_path / "b.pth")
    with pytest.raises(WorkoutlibError, match="one output, a yes or no"):
        load_checkpoint(tmp_path / "b.pth")


def test_folders_of_other_kinds_say_what_they_hold(tmp_path):
    (tmp_path / "keras").mkdir()
    (tmp_path / "keras" / "saved_model.pb").write_bytes(b"x")
    save_file({"a": torch.zeros(1)}, tmp_path / "model-00001-of-00002.safetensors")
    save_file({"b": torch.zeros(1)}, tmp_path / "model-00002-of-00002.safetensors")
    (tmp_path / "run" / "step9").mkdir(parents=True)
    torch.save({}, tmp_path / "run" / "step9" / "model.pt")
    for name, said in (
        ("keras", "it holds a model of TensorFlow. Train"),
        (".", "holds a model in 2 files: save it as one"),
        ("run", "has one deeper, .*model.pt"),
    ):
        with pytest.raises(WorkoutlibError, match=said):
            load_checkpoint(tmp_path / name)
