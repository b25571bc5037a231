"""Forward passes: logits and features of the right pictures, also where the memory is small."""

import pytest
import torch
from helpers.tiny import make_dataset, make_model
from torch import nn

from workoutlib.config import Config
from workoutlib.data.transforms import evaluation_batch
from workoutlib.models.inference import extract_features, predict_logits
from workoutlib.utils.errors import WorkoutlibError

CPU = torch.device("cpu")
CONFIG = Config(resize=64, crop=64)


def test_features_are_those_of_pictures_and_mirror_images():
    model, frames = make_model(), make_dataset(7)
    features = extract_features(model, frames, CONFIG, device=CPU)
    inputs = evaluation_batch(frames.images, CONFIG, model.mean, model.std)
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
    model, frames = make_model(), make_dataset(21)
    whole, expected = model.body, outputs(model, frames, CONFIG, device=CPU)
    model.body = Crowded(whole, 4)
    with pytest.warns(UserWarning, match="too little GPU memory for 21 pictures at once: taking half as many"):
        found = outputs(model, frames, CONFIG, device=CPU)
    torch.testing.assert_close(found, expected)
    model.body = Crowded(whole, 0)
    with pytest.raises(WorkoutlibError, match="too little memory for one picture"):
        outputs(model, frames, CONFIG, device=CPU)
