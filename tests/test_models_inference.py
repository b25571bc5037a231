"""Forward passes: logits and features of the right pictures, also where the memory is small."""

import pytest
import torch
from helpers.tiny import make_dataset, make_model
from torch import nn

from workoutlib.data.transforms import EvalTransform
from workoutlib.models.inference import eval_loader, extract_features, predict_logits
from workoutlib.utils.errors import WorkoutlibError


def test_features_are_those_of_pictures_and_mirror_images():
    model, dataset = make_model(), make_dataset(7)
    features = extract_features(model, eval_loader(model, dataset, crop=64, device="cpu"))
    inputs = EvalTransform(crop=64, mean=model.mean, std=model.std)(dataset.images)
    with torch.inference_mode():
        torch.testing.assert_close(features, torch.stack([model.body(inputs), model.body(inputs.flip(3))]))


class Crowded(nn.Module):
    """A body on a GPU whose memory holds only a few pictures at once."""

    def __init__(self, body: nn.Module, room: int):
        super().__init__()
        self.body, self.room = body, room

    def forward(self, images):
        if len(images) > self.room:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return self.body(images)


@pytest.mark.filterwarnings("ignore:too little GPU memory")
@pytest.mark.parametrize("outputs", [predict_logits, extract_features])
def test_too_many_pictures_at_once_are_taken_in_halves(outputs):
    model, dataset = make_model(), make_dataset(21)
    loader = eval_loader(model, dataset, crop=64, device="cpu")
    whole, expected = model.body, outputs(model, loader)
    model.body = Crowded(whole, 4)
    with pytest.warns(UserWarning, match="too little GPU memory for 21 pictures at once: taking half as many"):
        found = outputs(model, loader)
    torch.testing.assert_close(found, expected)
    model.body = Crowded(whole, 0)
    with pytest.raises(WorkoutlibError, match="too little memory for one picture"):
        outputs(model, loader)


def test_logits_of_no_pictures_have_the_models_classes():
    assert predict_logits(make_model(3), []).shape == (0, 3)


def test_the_size_of_a_batch_does_not_matter():
    model, dataset = make_model(), make_dataset(9)
    loaders = [eval_loader(model, dataset, crop=64, device="cpu", batch_size=size) for size in (4, 64)]
    one, other = (predict_logits(model, loader, flip=True) for loader in loaders)
    torch.testing.assert_close(one, other)
