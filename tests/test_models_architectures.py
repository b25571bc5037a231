"""Checkpoints of torchvision's and timm's architectures with 22 outputs: which they are, and equal answers."""

import warnings
from collections.abc import Callable

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

from workoutlib.models.architectures import TRIED, normalisation, recognise
from workoutlib.models.build import IMAGENET, untrained
from workoutlib.models.checkpoints import load_checkpoint
from workoutlib.utils.errors import WorkoutlibError

IMAGES = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
# Of these a file without a name fits an earlier one too, that computes the same or is asked about.
SAME = {
    "timm/deit_tiny_patch16_224": "timm/vit_tiny_patch16_224",
    "timm/deit_small_patch16_224": "timm/vit_small_patch16_224",
}


def full_state(name: str) -> dict[str, Tensor]:
    """Weights with 22 outputs that take no memory."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with torch.device("meta"):
                model = untrained(name)
        except NotImplementedError:
            model = untrained(name)
    place, old = [(place, each) for place, each in model.named_modules() if isinstance(each, nn.Linear)][-1]
    model.set_submodule(place, nn.Linear(old.in_features, 22, device="meta"))
    return model.state_dict()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TRIED)
def test_every_architecture_is_told_from_all_others(name: str) -> None:
    state = full_state(name)
    found, place, pairs = recognise({f"module.{key}": value for key, value in state.items()}, {})
    assert found == SAME.get(name, name)
    left = {
        key.removeprefix("module.") for key in set(state) - {each.removeprefix("module.") for each in pairs.values()}
    }
    assert left == {f"{place}.weight", f"{place}.bias"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["resnet34", "vgg16_bn", "swin_s", "densenet169", "convnext_small", "timm/seresnet50"])
def test_names_of_its_own_by_their_order(name: str) -> None:
    state = {
        f"{number}.{key.rpartition('.')[2]}": value for number, (key, value) in enumerate(full_state(name).items())
    }
    found, _, pairs = recognise(state, {})
    assert found == name and len(set(pairs.values())) == len(pairs)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ({"arch": "tf_efficientnet_b0"}, "timm/tf_efficientnet_b0"),
        ({"hyper_parameters": {"model_name": "timm/tf_efficientnet_b0.ns_jft_in1k"}}, "timm/tf_efficientnet_b0"),
        ({}, "timm/efficientnet_b0"),
    ],
)
def test_a_name_in_the_file_decides(content: dict, name: str, recwarn: pytest.WarningsRecorder) -> None:
    state = full_state("timm/tf_efficientnet_b0")
    assert recognise(state, {**content, "state_dict": state, "note": "resnet50"})[0] == name
    notes = [str(each.message) for each in recwarn.list if "the weights fit" in str(each.message)]
    assert len(notes) == (0 if content else 1)


def test_one_that_is_not_tried_is_found_by_its_name() -> None:
    state = full_state("timm/resnest14d")
    assert recognise(state, {"arch": "resnest14d"})[0] == "timm/resnest14d"
    assert recognise(state, {}) is None and recognise(state, {"arch": "resnet50"}) is None


def test_the_normalisation_is_that_of_its_weights() -> None:
    assert normalisation("timm/vit_tiny_patch16_224") == ((0.5,) * 3, (0.5,) * 3)
    assert normalisation("timm/tf_efficientnet_lite0") == ((0.5,) * 3, (0.5,) * 3)
    assert normalisation("resnet34") == normalisation("timm/resnet50d") == IMAGENET


def torchvision_model(name: str, change: Callable[[nn.Module], None]) -> nn.Module:
    torch.manual_seed(0)
    model = torchvision.models.get_model(name, weights=None)
    change(model)
    for module in model.modules():  # statistics that are not those of a new model
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
    return model.eval()


def sequential(model: nn.Module) -> nn.Module:
    return nn.Sequential(*list(model.children())[:-1], nn.Flatten(), nn.Linear(512, 22)).eval()


MODELS = {
    "resnet18 in a Sequential": lambda: sequential(torchvision_model("resnet18", lambda model: None)),
    "resnet34": lambda: torchvision_model("resnet34", lambda m: setattr(m, "fc", nn.Linear(512, 22))),
    "mobilenet_v2": lambda: torchvision_model("mobilenet_v2", lambda m: setattr(m, "classifier", nn.Linear(1280, 22))),
    "mobilenet_v3_small, a new classifier": lambda: torchvision_model(
        "mobilenet_v3_small",
        lambda m: setattr(m, "classifier", nn.Sequential(nn.Linear(576, 64), nn.ReLU(), nn.Linear(64, 22))),
    ),
    "convnext_tiny, a new classifier": lambda: torchvision_model(
        "convnext_tiny", lambda m: setattr(m, "classifier", nn.Sequential(nn.Flatten(), nn.Linear(768, 22)))
    ),
    "shufflenet_v2_x1_0": lambda: torchvision_model(
        "shufflenet_v2_x1_0", lambda m: setattr(m, "fc", nn.Linear(1024, 22))
    ),
    "timm resnet26d": lambda: timm.create_model("resnet26d", num_classes=22).eval(),
    "timm vit_tiny_patch16_224": lambda: timm.create_model("vit_tiny_patch16_224", num_classes=22).eval(),
    "timm mobilenetv3_small_100": lambda: timm.create_model("mobilenetv3_small_100", num_classes=22).eval(),
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("which", MODELS)
def test_answers_are_equal(tmp_path, which: str) -> None:
    model = MODELS[which]()
    content = {"state_dict": {f"model.{key}": value for key, value in model.state_dict().items()}, "arch": "resnet26d"}
    torch.save(content, tmp_path / "a.ckpt")
    with torch.inference_mode():
        torch.testing.assert_close(load_checkpoint(tmp_path / "a.ckpt").model(IMAGES), model(IMAGES))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["ema", "state_dict_ema", "ema_state_dict", "averaged_model"])
def test_averaged_weights_are_taken_where_there_are_some(tmp_path, name: str) -> None:
    plain, average = (torchvision_model("resnet18", lambda m: setattr(m, "fc", nn.Linear(512, 22))) for _ in range(2))
    with torch.no_grad():
        average.fc.bias += 1
    for order in ((name, "model"), ("model", name)):
        content = {key: (plain if key == "model" else average).state_dict() for key in order}
        torch.save(content, tmp_path / "a.pth")
        with torch.inference_mode():
            torch.testing.assert_close(load_checkpoint(tmp_path / "a.pth").model(IMAGES), average(IMAGES))


def test_averages_of_pytorch_itself(tmp_path) -> None:
    model = torchvision_model("resnet18", lambda m: setattr(m, "fc", nn.Linear(512, 22)))
    averaged = torch.optim.swa_utils.AveragedModel(model)
    torch.save(averaged.state_dict(), tmp_path / "a.pth")
    with torch.inference_mode(), pytest.warns(UserWarning, match="22 exercises"):
        torch.testing.assert_close(load_checkpoint(tmp_path / "a.pth").model(IMAGES), model(IMAGES))


def test_one_that_takes_pictures_of_another_size_alone_is_refused_for_that(tmp_path) -> None:
    state = timm.create_model("vit_tiny_patch16_384", num_classes=22).state_dict()
    torch.save({"arch": "vit_tiny_patch16_384", "state_dict": state}, tmp_path / "a.pth")
    with pytest.raises(WorkoutlibError, match="vit_tiny_patch16_384 takes no pictures of 224 pixels"):
        load_checkpoint(tmp_path / "a.pth")


def test_a_whole_model_is_refused_with_what_to_do(tmp_path) -> None:
    for number, model in enumerate((torchvision_model("resnet18", lambda m: None), nn.DataParallel(nn.Linear(2, 2)))):
        torch.save(model, tmp_path / f"{number}.pth")
        with pytest.raises(WorkoutlibError, match=r"whole model as Python code.*torch\.save\(model\.state_dict\(\)"):
            load_checkpoint(tmp_path / f"{number}.pth")
