"""Features of pictures: the body's own, computed once for each picture, body and crop."""

import pytest
import torch
from helpers.tiny import make_dataset, make_model

from workoutlib.models.features import picture_features
from workoutlib.models.inference import eval_loader, extract_features


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch):
    monkeypatch.setattr("workoutlib.models.features._kept", {})


def seen_by(model) -> list[int]:
    """The sizes of the batches of pictures and mirror images that its body has looked at."""
    sizes = []
    model.body.register_forward_hook(lambda module, inputs, output: sizes.append(len(inputs[0])))
    return sizes


def test_each_picture_is_looked_at_once_and_only_new_ones_later():
    model, dataset = make_model(), make_dataset(22)
    expected = extract_features(model, eval_loader(model, dataset, crop=64, device="cpu"))
    sizes = seen_by(model)
    part = dataset.select(dataset.catalog.iloc[4:])
    torch.testing.assert_close(picture_features(model, part, crop=64, device="cpu"), expected[:, 4:])
    assert sizes == [18, 18]
    torch.testing.assert_close(picture_features(model, dataset, crop=64, device="cpu"), expected)
    assert sizes == [18, 18, 4, 4]
    back = dataset.select(dataset.catalog.iloc[::-1])
    torch.testing.assert_close(picture_features(model, back, crop=64, device="cpu"), expected.flip(1))
    assert sizes == [18, 18, 4, 4]


def test_another_body_crop_or_picture_is_looked_at_anew():
    model, dataset = make_model(), make_dataset(5)
    picture_features(model, dataset, crop=64, device="cpu")
    for other, pictures, crop in (
        (make_model(seed=1), dataset, 64),
        (make_model(), dataset, 48),
        (make_model(), make_dataset(5, seed=1), 64),
    ):
        sizes = seen_by(other)
        found = picture_features(other, pictures, crop=crop, device="cpu")
        assert sizes == [5, 5]
        loader = eval_loader(other, pictures, crop=crop, device="cpu")
        torch.testing.assert_close(found, extract_features(other, loader))
