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
    EvalTransform,
    TrainTransform,
    as_arrays,
    as_batch,
    augmented,
    denormalise,
    model_view,
    normalise,
    to_square,
    transforms_of,
)

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
LEVEL = 1 / 255  # one grey level
TINY = 1e-4


def smooth(count: int = 4, size: int = 96, seed: int = 0) -> Tensor:
    """uint8 pictures (N, 3, size, size) without sharp edges, so that a shift of a pixel shows but rounding does not."""
    coarse = torch.rand(count, 3, 6, 6, generator=torch.Generator().manual_seed(seed))
    return (F.resize(coarse, [size, size], antialias=True).clamp(0, 1) * 255).byte()


def still_draw(count: int, transform: TrainTransform, **changes) -> dict[str, Tensor]:
    """Draws that change nothing, but for `changes`."""
    half = transform.crop / transform.resize if transform.zoom == 0 else 1.0
    return {
        "flip": torch.zeros(count, dtype=torch.bool),
        "angle": torch.zeros(count),
        "box": torch.tensor([[0.0, 0.0, half]]).repeat(count, 1),
        "colour": torch.ones(count, 3),
        "erase": torch.zeros(count, 4),
        **changes,
    }


def test_flip_and_centre_crop_are_exact():
    transform, images = TrainTransform(resize=96, crop=72), smooth()
    drawn = still_draw(4, transform, flip=torch.tensor([True, False, True, False]))
    found = transform.move(images / 255, drawn)
    for picture, flip, made in zip(images, drawn["flip"], found, strict=True):
        expected = F.center_crop(picture, [72, 72])
        expected = F.horizontal_flip(expected) if flip else expected
        assert torch.equal((made * 255).round().byte(), expected)


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@pytest.mark.parametrize("flip", [False, True])
def test_rotation_turns_as_torchvision_does(mode, flip):
    """Our angles are clockwise, torchvision's are not."""
    transform = TrainTransform(resize=96, crop=72, rotation=180.0, interpolation=mode)
    angles = torch.tensor([-35.0, -7.3, 12.0, 35.0, 90.0, 171.0])
    images = smooth(len(angles))
    drawn = still_draw(len(angles), transform, angle=angles, flip=torch.full((len(angles),), flip))
    found = transform.move(images / 255, drawn)
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
    transform, images = TrainTransform(resize=96, crop=72, zoom=0.5), smooth()
    boxes = torch.tensor([[0.0, 0.0, 1.0], [0.0, 0.0, 0.5], [0.25, -0.25, 0.75], [-0.5, 0.5, 0.5]])
    found = transform.move(images / 255, still_draw(4, transform, box=boxes))
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
    made = transforms_of(config, MEAN, STD)[1](as_batch(pixels, config))
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
def test_crop_keeps_proportions_as_torchvision_does(size):
    width, height = size
    picture = smooth(1, 240)[0][:, :height, :width]
    made = to_square(picture.permute(1, 2, 0).numpy(), size=80, resize_mode="crop")
    reference = v2.Compose([v2.Resize(80, antialias=True), v2.CenterCrop(80)])(picture)
    assert np.abs(made.astype(int) - reference.permute(1, 2, 0).numpy()).max() <= 1


@pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() == "DEFAULT", reason="torchvision goes by floats here")
@given(st.integers(1, 400), st.integers(1, 400), st.integers(32, 100))
def test_squares_are_torchvisions_to_the_bit(width, height, size):
    pixels = np.random.default_rng(width * height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    picture = torch.from_numpy(pixels).permute(2, 0, 1)
    squashed = F.resize(picture, [size, size], antialias=True)
    assert np.array_equal(to_square(pixels, size=size), squashed.permute(1, 2, 0))
    middle = F.center_crop(picture, [min(side, 4 * min(width, height)) for side in (height, width)])
    cut = F.center_crop(F.resize(middle, [size], antialias=True), [size, size])
    assert np.array_equal(to_square(pixels, size=size, resize_mode="crop"), cut.permute(1, 2, 0))


@pytest.mark.parametrize("shape", [(10, 20_000), (20_000, 10), (1, 2000)])
@pytest.mark.parametrize("mode", ["squash", "crop"])
def test_a_very_long_picture_stays_small_in_memory(shape, mode, monkeypatch):
    largest = 0
    resize = torch.nn.functional.interpolate

    def spy(pixels, size, **options):
        nonlocal largest
        resized = resize(pixels, size, **options)
        largest = max(largest, resized.shape[2] * resized.shape[3])
        return resized

    monkeypatch.setattr(torch.nn.functional, "interpolate", spy)
    pixels = np.full((*shape, 3), 7, np.uint8)
    middle = tuple(slice(side // 2 - side // 10, side // 2 + side // 10 + 1) for side in shape)
    pixels[middle] = 200
    square = to_square(pixels, size=256, resize_mode=mode)
    assert square.shape == (256, 256, 3) and square[128, 128, 0] == 200
    assert 0 < largest <= 4 * 256 * 256


@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from(["squash", "crop"]), st.integers(32, 64))
def test_any_size_becomes_a_square(width, height, mode, size):
    square = to_square(np.full((height, width, 3), 77, np.uint8), size=size, resize_mode=mode)
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


BUSY = TrainTransform(resize=96, crop=72, rotation=20.0, zoom=0.3, colour=0.4, erase=0.5)


def test_every_picture_of_a_batch_has_a_draw_of_its_own():
    images = smooth(1).repeat(12, 1, 1, 1)
    made = BUSY(images, torch.Generator().manual_seed(1))
    different = {tuple(picture.flatten()[::97].tolist()) for picture in made}
    assert len(different) == 12


def test_the_same_generator_gives_the_same_batch():
    images = smooth(6)
    one, same, other = (BUSY(images, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_a_draw_can_be_split_among_processes():
    images = smooth(6)
    drawn = BUSY.draw(6, torch.Generator().manual_seed(3))
    whole = BUSY.apply(images, drawn)
    half = BUSY.apply(images[1::2], {k: v[1::2] for k, v in drawn.items()})
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
    transform = TrainTransform(rotation=rotation, zoom=zoom, colour=colour, erase=erase, flip=flip)
    drawn = transform.draw(50, torch.Generator().manual_seed(seed))
    x, y, half = drawn["box"].T
    assert flip or not drawn["flip"].any()
    assert (drawn["angle"].abs() <= rotation + TINY).all()
    assert (half <= 1 + TINY).all() and (half >= (1 - zoom) * (224 / 256 if zoom == 0 else 1) - TINY).all()
    assert (x.abs() + half <= 1 + TINY).all() and (y.abs() + half <= 1 + TINY).all()
    assert ((drawn["colour"] - 1).abs() <= colour + TINY).all()
    left, top, wide, high = drawn["erase"].T
    assert (left >= 0).all() and (top >= 0).all() and (left + wide <= 1 + TINY).all() and (top + high <= 1 + TINY).all()
    assert erase > 0 or (wide == 0).all()


def test_draws_fill_their_ranges():
    drawn = BUSY.draw(4000, torch.Generator().manual_seed(0))
    assert 0.45 < drawn["flip"].float().mean() < 0.55
    assert drawn["angle"].min() < -19 and drawn["angle"].max() > 19 and drawn["angle"].mean().abs() < 1
    assert drawn["box"][:, 2].min() < 0.71 and drawn["box"][:, 2].max() > 0.99
    assert drawn["colour"].min() < 0.61 and drawn["colour"].max() > 1.39
    assert 0.45 < (drawn["erase"][:, 2] > 0).float().mean() < 0.55


def test_without_augmentation_training_sees_what_evaluation_sees():
    transform, images = TrainTransform(resize=96, crop=72, flip=False), smooth()
    made = transform(images, torch.Generator().manual_seed(0))
    assert torch.equal(made, EvalTransform(crop=72)(images))


@pytest.mark.parametrize("mode", ["squash", "crop"])
def test_without_augmentation_the_torchvision_recipe_gives_the_same_picture(mode):
    config = Config(resize=96, crop=72, resize_mode=mode, flip=False)
    pixels = np.random.default_rng(0).integers(0, 256, (80, 120, 3), dtype=np.uint8)
    train, evaluation = transforms_of(config, MEAN, STD)
    recipe = train.as_torchvision()
    square = to_square(pixels, size=96, resize_mode=mode)
    assert (recipe(square) - evaluation(as_batch(pixels, config))[0]).abs().max() <= LEVEL / min(STD) + TINY


def ramps(size: int = 96) -> np.ndarray:
    """A picture whose red rises from left to right and whose green rises from top to bottom."""
    rise = np.linspace(70, 166, size)
    red, green = np.meshgrid(rise, rise)
    return np.stack([red, green, np.full((size, size), 118.0)], 2).round().astype(np.uint8)


def angle_of(picture: Tensor) -> float:
    across = picture[0, :, 36]
    along = picture[0, 36]
    return float(torch.rad2deg(torch.atan2(across[66] - across[6], along[66] - along[6])))


def side_of(picture: Tensor) -> float:
    """Share of the original's width that the picture spans."""
    return float((picture[0, :, -1] - picture[0, :, 0]).mean()) * 255 / 96


@pytest.mark.parametrize(
    ("settings", "measure", "tolerance"),
    [
        ({"flip": True}, lambda p: float(p[0, 36, 70] < p[0, 36, 2]), 0.08),
        ({"rotation": 20.0}, angle_of, 2.0),
        ({"zoom": 0.5}, side_of, 0.04),
        ({"colour": 0.4}, lambda p: float(p.mean()), 0.03),
        ({"colour": 0.4}, lambda p: float(p[0].std()), 0.02),
        ({"erase": 0.6}, lambda p: float((p.sum(0) == 0).any()), 0.08),
        ({"erase": 1.0}, lambda p: float((p.sum(0) == 0).float().mean()), 0.05),
    ],
    ids=["flip", "rotation", "zoom", "brightness", "contrast", "erased or not", "erased area"],
)
def test_each_augmentation_varies_as_much_as_in_the_torchvision_recipe(settings, measure, tolerance):
    """Of 200 draws, the mean and how far the lowest and highest twentieth lie apart."""
    transform = TrainTransform(
        **{"resize": 96, "crop": 72, "flip": False, "mean": (0.0,) * 3, "std": (1.0,) * 3} | settings
    )
    picture, recipe = ramps(), transform.as_torchvision()
    torch.manual_seed(0)
    theirs = np.array([measure(recipe(picture)) for _ in range(200)])
    batch = torch.from_numpy(picture).permute(2, 0, 1).expand(200, -1, -1, -1)
    ours = np.array([measure(made) for made in transform(batch, torch.Generator().manual_seed(0))])
    assert ours.mean() == pytest.approx(theirs.mean(), abs=tolerance)
    spread = [float(np.quantile(values, 0.95) - np.quantile(values, 0.05)) for values in (ours, theirs)]
    assert spread[0] == pytest.approx(spread[1], abs=2 * tolerance)
    assert min(spread) > 2 * tolerance


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
    chosen = transforms_of(STILL)[0].draw(1, flip=True, angle=30.0, box=[0.1, 0.2, 0.5])
    assert chosen["flip"].tolist() == [True] and chosen["flip"].dtype == torch.bool
    assert chosen["angle"].tolist() == [30.0]
    np.testing.assert_allclose(chosen["box"], [[0.1, 0.2, 0.5]])


def test_a_chosen_flip_mirrors_the_picture():
    transform, _ = transforms_of(STILL)
    pixels = as_batch(IMAGE, STILL) / 255
    plain, mirrored = (as_arrays(transform.move(pixels, transform.draw(1, flip=flip)))[0] for flip in (False, True))
    np.testing.assert_array_equal(mirrored, plain[:, ::-1])
    np.testing.assert_array_equal(plain, model_view(IMAGE, STILL))
