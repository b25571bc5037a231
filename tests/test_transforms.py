"""Transforms: our batched ones against torchvision's on the same parameters, and the way back."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms.v2 import functional as F

from workoutlib.config import Config
from workoutlib.data import transforms
from workoutlib.data.transforms import (
    apply_augmentation,
    denormalise,
    draw_augmentation,
    evaluation_batch,
    normalise,
    sample_geometry,
    to_square,
    training_batch,
    training_preset,
)

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
LEVEL = 1 / 255  # one grey level
TINY = 1e-4


def smooth(count: int = 4, size: int = 96, seed: int = 0) -> Tensor:
    """uint8 pictures (N, 3, size, size) without sharp edges, so that a shift of a pixel shows but rounding does not."""
    coarse = torch.rand(count, 3, 6, 6, generator=torch.Generator().manual_seed(seed))
    return (F.resize(coarse, [size, size], antialias=True).clamp(0, 1) * 255).byte()


def still_draw(count: int, config: Config, **changes) -> dict[str, Tensor]:
    """Draws that change nothing, but for `changes`."""
    half = config.crop / config.resize if config.zoom == 0 else 1.0
    return {
        "flip": torch.zeros(count, dtype=torch.bool),
        "angle": torch.zeros(count),
        "box": torch.tensor([[0.0, 0.0, half]]).repeat(count, 1),
        "colour": torch.ones(count, 3),
        "erase": torch.zeros(count, 4),
        **changes,
    }


def test_flip_and_centre_crop_are_exact():
    config, images = Config(resize=96, crop=72), smooth()
    draw = still_draw(4, config, flip=torch.tensor([True, False, True, False]))
    found = sample_geometry(images / 255, draw, config)
    for picture, flip, made in zip(images, draw["flip"], found, strict=True):
        expected = F.center_crop(picture, [72, 72])
        expected = F.horizontal_flip(expected) if flip else expected
        assert torch.equal((made * 255).round().byte(), expected)


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@pytest.mark.parametrize("flip", [False, True])
def test_rotation_turns_as_torchvision_does(mode, flip):
    """Our angles are clockwise, torchvision's are not."""
    config = Config(resize=96, crop=72, rotation=180.0, interpolation=mode)
    angles = torch.tensor([-35.0, -7.3, 12.0, 35.0, 90.0, 171.0])
    images = smooth(len(angles))
    draw = still_draw(len(angles), config, angle=angles, flip=torch.full((len(angles),), flip))
    found = sample_geometry(images / 255, draw, config)
    for picture, angle, made in zip(images, angles.tolist(), found, strict=True):
        expected = F.center_crop(picture, [72, 72]).float() / 255
        expected = F.horizontal_flip(expected) if flip else expected
        expected = F.rotate(expected, -angle, interpolation=InterpolationMode(mode))
        # Along the edge of the turned square the two mix with black by other rules, so it is left out.
        inner = F.pad(torch.ones(3, 68, 68), [2, 2, 2, 2])
        inside = F.rotate(inner, -angle, interpolation=InterpolationMode(mode)) > 0.999
        off = ((made - expected).abs() > LEVEL + TINY) & inside
        # Half-way between two pixels, nearest may fall on either side: one pixel in two hundred, at most.
        assert off.float().mean() <= (0.005 if mode == "nearest" else 0)
        assert inside.float().mean() > 0.6
        corners = torch.stack([made[:, 0, 0], made[:, -1, -1], expected[:, 0, 0], expected[:, -1, -1]])
        if angle % 90 > 5:
            assert corners.max() == 0  # black where the square does not reach


def test_zoom_is_crop_and_resize_without_antialias():
    config, images = Config(resize=96, crop=72, zoom=0.5), smooth()
    boxes = torch.tensor([[0.0, 0.0, 1.0], [0.0, 0.0, 0.5], [0.25, -0.25, 0.75], [-0.5, 0.5, 0.5]])
    found = sample_geometry(images / 255, still_draw(4, config, box=boxes), config)
    for picture, (x, y, half), made in zip(images, boxes.tolist(), found, strict=True):
        left, top, side = round(48 * (x - half + 1)), round(48 * (y - half + 1)), round(96 * half)
        expected = F.resized_crop(picture / 255, top, left, side, side, [72, 72], antialias=False)
        assert (made - expected)[:, 1:-1, 1:-1].abs().max() <= LEVEL


@pytest.mark.parametrize(
    "factors",
    [
        (0.6, 1.0, 1.0),
        (1.3, 1.0, 1.0),
        (1.0, 0.7, 1.0),
        (1.0, 1.4, 1.0),
        (1.0, 1.0, 0.5),
        (1.0, 1.0, 1.5),
        (1.3, 0.6, 1.4),
    ],
)
def test_colours_change_as_in_torchvision(factors):
    images = smooth() / 255
    found = transforms.adjust_colour(images, torch.tensor([factors]).repeat(4, 1))
    for picture, made in zip(images, found, strict=True):
        expected = F.adjust_brightness(picture, factors[0])
        expected = F.adjust_contrast(expected, factors[1])
        expected = F.adjust_saturation(expected, factors[2])
        assert (made - expected).abs().max() <= LEVEL
        assert factors == (1.0, 1.0, 1.0) or (made - picture).abs().max() > 5 * LEVEL


def test_erasing_as_in_torchvision():
    pixels = torch.randn(3, 3, 40, 40)
    boxes = torch.tensor([[0.25, 0.5, 0.5, 0.25], [0.0, 0.0, 0.0, 0.0], [0.9, 0.9, 0.1, 0.1]])
    found = transforms.erase_boxes(pixels, boxes)
    assert torch.equal(found[0], F.erase(pixels[0], i=20, j=10, h=10, w=20, v=torch.zeros(3, 1, 1)))
    assert torch.equal(found[1], pixels[1])
    assert torch.equal(found[2], F.erase(pixels[2], i=36, j=36, h=4, w=4, v=torch.zeros(3, 1, 1)))


@pytest.mark.parametrize("size", [(160, 120), (120, 160), (64, 64), (61, 47), (1, 1), (300, 90)])
def test_the_evaluation_transform_is_torchvisions(size):
    width, height = size
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    config = Config(resize=80, crop=64, resize_mode="squash")
    made = evaluation_batch(as_batch(to_square(pixels, size=80, resize_mode="squash")), config, MEAN, STD)
    reference = v2.Compose(
        [
            v2.ToImage(),
            v2.Resize((80, 80), antialias=True),
            v2.CenterCrop(64),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, STD),
        ]
    )
    assert torch.abs(made[0] - reference(Image.fromarray(pixels))).max() <= LEVEL / min(STD) + TINY


@pytest.mark.parametrize("size", [(160, 120), (120, 160), (97, 61), (60, 60), (240, 60), (30, 200)])
def test_fit_crop_keeps_proportions_as_torchvision_does(size):
    width, height = size
    picture = smooth(1, 240)[0][:, :height, :width]
    made = to_square(picture.permute(1, 2, 0).numpy(), size=80, resize_mode="crop")
    reference = v2.Compose([v2.Resize(80, antialias=True), v2.CenterCrop(80)])(picture)
    assert np.abs(made.astype(int) - reference.permute(1, 2, 0).numpy()).max() <= 1


@pytest.mark.parametrize("shape", [(10, 20_000), (20_000, 10), (1, 4000)])
@pytest.mark.parametrize("fit", ["squash", "crop"])
def test_a_very_long_picture_stays_small_in_memory(shape, fit, monkeypatch):
    largest = 0
    resize = F.resize

    def spy(pixels, size, **options):
        nonlocal largest
        resized = resize(pixels, size, **options)
        largest = max(largest, resized.shape[1] * resized.shape[2])
        return resized

    monkeypatch.setattr(F, "resize", spy)
    pixels = np.full((*shape, 3), 7, np.uint8)
    middle = tuple(slice(side // 2 - side // 10, side // 2 + side // 10 + 1) for side in shape)
    pixels[middle] = 200
    square = to_square(pixels, size=256, fit=fit)
    assert square.shape == (256, 256, 3) and square[128, 128, 0] == 200
    assert 0 < largest <= 4 * 256 * 256


@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from(["squash", "crop"]), st.integers(32, 64))
def test_any_size_becomes_a_square(width, height, fit, size):
    square = to_square(np.full((height, width, 3), 77, np.uint8), size=size, fit=fit)
    assert square.shape == (size, size, 3) and square.dtype == np.uint8 and (square == 77).all()


def test_paths_arrays_and_pil_images_give_the_same_square(tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    squares = [
        to_square(i, size=64) for i in (pixels, Image.fromarray(pixels), tmp_path / "x.png", str(tmp_path / "x.png"))
    ]
    assert all(np.array_equal(square, squares[0]) for square in squares)


def test_denormalise_is_the_exact_inverse():
    levels = torch.arange(256, dtype=torch.uint8).repeat(3, 2, 1)
    shown = denormalise(normalise(levels[None] / 255, MEAN, STD)[0], MEAN, STD)
    assert shown.dtype == np.uint8 and np.array_equal(shown, levels.permute(1, 2, 0).numpy())


BUSY = Config(resize=96, crop=72, rotation=20.0, zoom=0.3, colour=0.4, erase=0.5)


def test_every_picture_of_a_batch_has_a_draw_of_its_own():
    images = smooth(1).repeat(12, 1, 1, 1)
    made = training_batch(images, BUSY, MEAN, STD, torch.Generator().manual_seed(1))
    different = {tuple(picture.flatten()[::97].tolist()) for picture in made}
    assert len(different) == 12


def test_the_same_generator_gives_the_same_batch():
    images = smooth(6)
    one, same, other = (training_batch(images, BUSY, MEAN, STD, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_a_draw_can_be_split_among_processes():
    images = smooth(6)
    draw = draw_augmentation(6, BUSY, torch.Generator().manual_seed(3))
    whole = apply_augmentation(images, draw, BUSY, MEAN, STD)
    half = apply_augmentation(images[1::2], {k: v[1::2] for k, v in draw.items()}, BUSY, MEAN, STD)
    torch.testing.assert_close(whole[1::2], half)


@given(
    rotation=st.floats(0, 180),
    zoom=st.floats(0, 0.9),
    colour=st.floats(0, 0.9),
    erase=st.floats(0, 1),
    flip=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_draws_stay_in_their_ranges(rotation, zoom, colour, erase, flip, seed):
    config = Config(rotation=rotation, zoom=zoom, colour=colour, erase=erase, flip=flip)
    draw = draw_augmentation(50, config, torch.Generator().manual_seed(seed))
    x, y, half = draw["box"].T
    assert flip or not draw["flip"].any()
    assert (draw["angle"].abs() <= rotation + TINY).all()
    assert (half <= 1 + TINY).all() and (half >= (1 - zoom) * (224 / 256 if zoom == 0 else 1) - TINY).all()
    assert (x.abs() + half <= 1 + TINY).all() and (y.abs() + half <= 1 + TINY).all()
    assert ((draw["colour"] - 1).abs() <= colour + TINY).all()
    left, top, wide, high = draw["erase"].T
    assert (left >= 0).all() and (top >= 0).all() and (left + wide <= 1 + TINY).all() and (top + high <= 1 + TINY).all()
    assert erase > 0 or (wide == 0).all()


def test_draws_fill_their_ranges():
    draw = draw_augmentation(4000, BUSY, torch.Generator().manual_seed(0))
    assert 0.45 < draw["flip"].float().mean() < 0.55
    assert draw["angle"].min() < -19 and draw["angle"].max() > 19 and draw["angle"].mean().abs() < 1
    assert draw["box"][:, 2].min() < 0.71 and draw["box"][:, 2].max() > 0.99
    assert draw["colour"].min() < 0.61 and draw["colour"].max() > 1.39
    assert 0.45 < (draw["erase"][:, 2] > 0).float().mean() < 0.55


def test_without_augmentation_training_sees_what_evaluation_sees():
    config, images = Config(resize=96, crop=72, flip=False), smooth()
    made = training_batch(images, config, MEAN, STD, torch.Generator().manual_seed(0))
    assert torch.equal(made, evaluation_batch(images, config, MEAN, STD))


@pytest.mark.parametrize("fit", ["squash", "crop"])
@pytest.mark.parametrize("zoom", [0.0, 0.3])
def test_the_torchvision_preset_is_the_same_recipe(fit, zoom):
    config = Config(resize=96, crop=72, fit=fit, rotation=20.0, zoom=zoom, colour=0.4, erase=0.5)
    pixels = np.random.default_rng(0).integers(0, 256, (80, 120, 3), dtype=np.uint8)
    assert training_preset(config, MEAN, STD)(pixels).shape == (3, 72, 72)
    plain = config.replace(rotation=0.0, zoom=0.0, colour=0.0, erase=0.0, flip=False)
    ours = evaluation_batch(as_batch(to_square(pixels, size=96, fit=fit)), plain, MEAN, STD)[0]
    assert (training_preset(plain, MEAN, STD)(pixels) - ours).abs().max() <= LEVEL / min(STD) + TINY


def as_batch(square: np.ndarray) -> Tensor:
    return torch.from_numpy(square).permute(2, 0, 1)[None]
