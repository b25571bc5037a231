"""Augmented copies to look at."""

import numpy as np
import torch

from workoutlib.config import Config
from workoutlib.data.transforms import as_arrays, as_batch, augmented, draw, model_view, sample_geometry

IMAGE = np.random.default_rng(0).integers(0, 256, (100, 140, 3), dtype=np.uint8)
STILL = Config.profile("quick", resize=96, crop=64, flip=False)


def test_without_augmentation_every_copy_is_what_validation_sees():
    for copy in augmented(IMAGE, STILL, count=3):
        np.testing.assert_array_equal(copy, model_view(IMAGE, STILL))


def test_flip_alone_gives_the_picture_or_its_mirror_image():
    view = model_view(IMAGE, STILL)
    copies = augmented(IMAGE, STILL.replace(flip=True), count=16)
    kinds = {0 if np.array_equal(copy, view) else 1 if np.array_equal(copy, view[:, ::-1]) else 2 for copy in copies}
    assert kinds == {0, 1}


def test_a_seed_draws_the_same_copies_again():
    config = STILL.replace(rotation=30.0, zoom=0.3, colour=0.3, erase=0.5)
    first, again, other = (augmented(IMAGE, config, count=2, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_chosen_values_replace_drawn_ones_in_their_own_type():
    chosen = draw(STILL, flip=True, angle=30.0, box=[0.1, 0.2, 0.5])
    assert chosen["flip"].tolist() == [True] and chosen["flip"].dtype == torch.bool
    assert chosen["angle"].tolist() == [30.0]
    np.testing.assert_allclose(chosen["box"], [[0.1, 0.2, 0.5]])


def test_a_chosen_flip_mirrors_the_picture():
    pixels = as_batch(IMAGE, STILL) / 255
    plain, mirrored = (as_arrays(sample_geometry(pixels, draw(STILL, flip=flip), STILL))[0] for flip in (False, True))
    np.testing.assert_array_equal(mirrored, plain[:, ::-1])
    np.testing.assert_array_equal(plain, model_view(IMAGE, STILL))
