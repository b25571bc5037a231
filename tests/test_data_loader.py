"""Loaders: batches in an order of their own each epoch, nothing lost, nothing drawn twice."""

import pytest
import torch
from helpers.tiny import make_dataset
from torch import Tensor

from workoutlib.data.loader import BatchLoader
from workoutlib.data.transforms import EvalTransform, TrainTransform

STEPS = 5  # of an epoch: 22 pictures in batches of 5


class Recorder(TrainTransform):
    """Augments nothing and keeps the numbers written into the pictures and the draws of their angles."""

    def apply(self, images: Tensor, drawn: dict[str, Tensor]) -> Tensor:
        seen.append((images[:, 0, 0, 0].tolist(), drawn["angle"].tolist()))
        return images.float()


seen: list[tuple[list[int], list[float]]] = []


@pytest.fixture
def recorder() -> Recorder:
    seen.clear()
    return Recorder(resize=64, crop=64, rotation=10.0)


def numbered(count: int, start: int = 0):
    """A data set whose pictures hold their own numbers, from `start`."""
    dataset = make_dataset(count)
    dataset.images[:, 0, 0, 0] = torch.arange(start, start + count)
    return dataset


def test_batches_follow_the_order_of_the_dataset_and_lose_nothing():
    dataset = make_dataset(11)
    loader = BatchLoader(dataset, 4)
    pieces = list(loader)
    assert [len(batch.targets) for batch in pieces] == [4, 4, 3] and len(loader) == 3
    assert torch.equal(torch.cat([batch.targets for batch in pieces]), dataset.targets)
    assert torch.equal(torch.cat([batch.images for batch in pieces]), dataset.images)
    for batch in pieces:
        assert batch.weights.tolist() == pytest.approx([1 / len(batch.targets)] * len(batch.targets))


def test_shuffled_batches_keep_pictures_and_targets_together():
    dataset = numbered(11)
    pieces = list(BatchLoader(dataset, 4, shuffle=True, seed=5))
    order = torch.cat([batch.images[:, 0, 0, 0] for batch in pieces]).long()
    assert sorted(order.tolist()) == list(range(11)) and order.tolist() != list(range(11))
    assert torch.equal(torch.cat([batch.targets for batch in pieces]), dataset.targets[order])
    assert torch.equal(torch.cat([batch.images for batch in pieces]), dataset.images[order])


def test_an_epoch_is_the_same_whenever_it_comes():
    loaders = [BatchLoader(numbered(11), 4, shuffle=True, seed=seed) for seed in (5, 5, 6)]

    def order(loader: BatchLoader) -> list[int]:
        return [number for batch in loader for number in batch.images[:, 0, 0, 0].tolist()]

    first, second = order(loaders[0]), order(loaders[0])
    loaders[1].epoch = 2
    assert order(loaders[1]) == second != first
    assert order(loaders[2]) != first


def test_every_batch_and_epoch_has_an_order_and_draws_of_its_own(recorder):
    loader = BatchLoader(numbered(22), 5, transform=recorder, shuffle=True, seed=42)
    for _ in (1, 2):
        list(loader)
    orders = [[number for numbers, _ in seen[i : i + STEPS] for number in numbers] for i in (0, STEPS)]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(22)) and orders[0] != orders[1]
    angles = [angle for _, angles in seen for angle in angles]
    assert len(set(angles)) == len(angles) == 44


def test_synthetic_pictures_join_each_batch_with_draws_of_their_own(recorder):
    loader = BatchLoader(
        numbered(22), 5, transform=recorder, shuffle=True, synthetic=numbered(30, start=100), synthetic_share=0.6
    )
    batches = [batch for _ in (1, 2) for batch in loader]
    assert [len(numbers) for numbers, _ in seen] == 2 * [8, 8, 8, 8, 3]  # 5 + 3, at last 2 + 1
    own = [number for numbers, _ in seen[:STEPS] for number in numbers if number < 100]
    synthetic = [[n for numbers, _ in seen[i : i + STEPS] for n in numbers if n >= 100] for i in (0, STEPS)]
    assert sorted(own) == list(range(22)) and synthetic[0] != synthetic[1]
    angles = [angle for _, angles in seen for angle in angles]
    assert len(set(angles)) == len(angles) == 70
    assert all(batch.weights.sum().item() == pytest.approx(1) for batch in batches)


def test_the_transform_is_applied_to_each_batch():
    dataset, transform = make_dataset(5), EvalTransform(crop=64)
    images = torch.cat([batch.images for batch in BatchLoader(dataset, 2, transform=transform)])
    torch.testing.assert_close(images, transform(dataset.images))


def test_a_picture_that_counts_less_has_a_smaller_part_in_the_loss():
    dataset = make_dataset(6)
    catalog = dataset.catalog.assign(weight=[1.0, 0.5, 1.0, 1.0, 0.25, 1.0])
    batches = list(BatchLoader(dataset.select(catalog), 3))
    assert torch.cat([batch.weights for batch in batches]).tolist() == pytest.approx([w / 3 for w in catalog["weight"]])
