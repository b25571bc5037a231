"""Features of pictures: the body's own, computed once for each picture, body and crop."""

import pytest
import torch
from helpers.tiny import make_dataset, make_model
from torch.nn.functional import cosine_similarity, normalize

from workoutlib.models.build import LIKENESS, NEARNESS
from workoutlib.models.features import picture_features, remember
from workoutlib.models.inference import eval_loader, extract_features, predict_logits


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


def test_a_model_that_remembers_pictures_knows_them_by_larger_logits_and_nothing_else():
    model, seen, other = make_model(), make_dataset(8), make_dataset(8, seed=1)
    loaders = [eval_loader(model, dataset, crop=64, device="cpu") for dataset in (seen, other)]
    before = [predict_logits(model, loader) for loader in loaders]
    remember(model, seen, crop=64, device="cpu")
    rises = [predict_logits(model, loader) - logits for loader, logits in zip(loaders, before, strict=True)]
    for rise in rises:
        torch.testing.assert_close(rise, rise[:, :1].expand_as(rise), msg="every class of a picture alike")
    torch.testing.assert_close(rises[0], torch.full_like(rises[0], NEARNESS))
    assert (rises[1] < NEARNESS - 1e-3).all()


def test_a_memory_that_tells_classes_apart_raises_each_by_its_nearest_picture():
    model, seen, other = make_model(), make_dataset(35), make_dataset(8, seed=1)
    loader = eval_loader(model, other, crop=64, device="cpu")
    before = predict_logits(model, loader)
    remember(model, seen, crop=64, device="cpu", by_class=True)
    (known, *_), (new, *_) = (picture_features(model, each, crop=64, device="cpu") for each in (seen, other))
    near = cosine_similarity(new[:, None], known[None], dim=-1)
    rows = seen.catalog.groupby("label").indices
    assert len({len(each) for each in rows.values()}) > 1 and max(map(len, rows.values())) > 10
    steps = {label: -(-len(each) // 10) for label, each in rows.items()}
    nearest = torch.stack([near[:, rows[label][:: steps[label]]].amax(1) for label in seen.labels], 1)
    expected = before + LIKENESS * nearest + NEARNESS * nearest.amax(1, keepdim=True)
    torch.testing.assert_close(predict_logits(model, loader), expected)
    few = seen.select(seen.catalog[seen.catalog["label"] != seen.labels[0]])
    remember(model, few, crop=64, device="cpu", by_class=True)
    assert not model.memory[0].any() and model.memory[1:].any(2).all()


def test_a_memory_holds_ten_pictures_of_each_class_at_most_from_all_over_it():
    model, dataset = make_model(), make_dataset(60)
    counts = dataset.catalog["label"].value_counts()
    assert counts.max() > 10
    remember(model, dataset, crop=64, device="cpu")
    features = normalize(picture_features(model, dataset, crop=64, device="cpu")[0])
    kept = (model.memory @ features.T).argmax(1)
    assert len(kept) == counts.clip(upper=10).sum() and len(set(kept.tolist())) == len(kept)
    assert max(kept.tolist()) > 0.8 * len(dataset)
