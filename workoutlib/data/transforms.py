"""From a picture of any size to what the network sees, and back for showing.

One step is shared by validation, photos, clips and export: :func:`to_square`. What follows works on a
whole batch at once, on the device where the batch lives, with a draw of its own for every picture.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from workoutlib.config import Config
from workoutlib.media.images import as_rgb


def to_square(image, *, size: int, fit: str = "squash") -> np.ndarray:
    """Bring a picture to `size` × `size` pixels, antialiased.

    Args:
        image: path, PIL image, or array accepted by :func:`workoutlib.images.as_rgb`.
        fit: ``"squash"`` ignores the proportions and keeps everything; ``"crop"`` scales the shorter
            side to `size` and cuts the middle out of the longer one.
    Returns:
        uint8 RGB array of shape (size, size, 3).
    """
    pixels = torch.from_numpy(np.ascontiguousarray(as_rgb(image))).permute(2, 0, 1)
    if fit == "squash":
        pixels = F.resize(pixels, [size, size], antialias=True)
    else:
        # of a very long picture only the middle: scaled up whole, 20,000 × 10 pixels would fill the memory
        pixels = F.center_crop(pixels, [min(side, 4 * min(pixels.shape[1:])) for side in pixels.shape[1:]])
        pixels = F.center_crop(F.resize(pixels, [size], antialias=True), [size, size])
    return pixels.permute(1, 2, 0).contiguous().numpy()


def centre_crop(images: Tensor, crop: int) -> Tensor:
    """The middle `crop` × `crop` pixels of a batch (N, C, H, W); a view, nothing is copied."""
    top, left = (images.shape[2] - crop) // 2, (images.shape[3] - crop) // 2
    return images[:, :, top : top + crop, left : left + crop]


def normalise(pixels: Tensor, mean, std) -> Tensor:
    """Grey levels in 0..1 (N, 3, H, W) to zero mean and unit spread by `mean` and `std` a channel."""
    mean, std = (torch.tensor(v, device=pixels.device, dtype=pixels.dtype)[:, None, None] for v in (mean, std))
    return (pixels - mean) / std


def denormalise(pixels: Tensor, mean, std) -> np.ndarray:
    """The exact inverse, for showing: (3, H, W) normalised floats to a uint8 RGB array (H, W, 3)."""
    mean, std = (torch.tensor(v, dtype=torch.float32)[:, None, None] for v in (mean, std))
    levels = (pixels.detach().float().cpu() * std + mean) * 255
    return levels.round().clamp(0, 255).byte().permute(1, 2, 0).numpy()


def evaluation_batch(images: Tensor, config: Config, mean, std) -> Tensor:
    """uint8 squares (N, 3, resize, resize) to normalised floats (N, 3, crop, crop)."""
    return normalise(centre_crop(images, config.crop).float() / 255, mean, std)


def draw_augmentation(count: int, config: Config, generator: torch.Generator) -> dict[str, Tensor]:
    """Draw the random parameters of `count` training pictures, one row each, on the CPU.

    Returns:
        ``flip`` (bool), ``angle`` (degrees, clockwise on screen for positive values), ``box`` (centre x,
        centre y, half side, in units of half the square, so the whole square is (0, 0, 1)), ``colour``
        (factors of brightness, contrast, saturation) and ``erase`` (left, top, width, height as shares
        of the crop; width 0: nothing is erased).
    """

    def uniform(low: float, high: float, columns: int = 1) -> Tensor:
        return torch.rand(count, columns, generator=generator) * (high - low) + low

    flip = (uniform(0, 1) < 0.5).squeeze(1) & config.flip
    angle = uniform(-config.rotation, config.rotation).squeeze(1)
    largest = config.crop / config.resize if config.zoom == 0 else 1.0
    half = uniform(1 - config.zoom, 1) * largest
    centre = uniform(-1, 1, 2) * (largest - half)
    colour = uniform(1 - config.colour, 1 + config.colour, 3)
    size = uniform(0.15, 0.45, 2) * (uniform(0, 1) < config.erase)
    corner = uniform(0, 1, 2) * (1 - size)
    return {
        "flip": flip,
        "angle": angle,
        "box": torch.cat([centre, half], 1),
        "colour": colour,
        "erase": torch.cat([corner, size], 1),
    }


def sample_geometry(pixels: Tensor, draw: dict[str, Tensor], config: Config) -> Tensor:
    """Cut each box out, mirror it, turn it about its centre; black outside the box.

    Args:
        pixels: floats (N, 3, resize, resize) in 0..1.
    Returns:
        floats (N, 3, crop, crop).
    """
    if not config.rotation and not config.zoom:
        cut = centre_crop(pixels, config.crop)
        return torch.where(draw["flip"][:, None, None, None], cut.flip(3), cut)
    # Columns and rows of the result in -1..1, and where in the box each of its pixels comes from: a sum of what
    # the column says and what the row says.
    steps = (torch.arange(config.crop, device=pixels.device) + 0.5) * 2 / config.crop - 1
    angle = torch.deg2rad(draw["angle"])[:, None]
    along, across = angle.cos() * steps, angle.sin() * steps  # (N, crop)
    x = along[:, None, :] + across[:, :, None]
    y = along[:, :, None] - across[:, None, :]
    centre_x, centre_y, half = draw["box"][:, :, None, None].unbind(1)
    mirror = 1 - 2 * draw["flip"][:, None, None].float()
    grid = torch.stack([torch.addcmul(centre_x, x, half * mirror), torch.addcmul(centre_y, y, half)], -1)
    cut = torch.nn.functional.grid_sample(
        pixels, grid, mode=config.interpolation, padding_mode="zeros", align_corners=False
    )
    if config.rotation:
        cut.masked_fill_(((x.abs() > 1) | (y.abs() > 1))[:, None], 0)
    return cut


def adjust_colour(pixels: Tensor, factors: Tensor) -> Tensor:
    """Brightness, contrast and saturation by per-picture factors (N, 3), as torchvision's functions."""
    brightness, contrast, saturation = (factors[:, i, None, None, None] for i in range(3))
    grey_weights = torch.tensor([0.2989, 0.587, 0.114], device=pixels.device)[:, None, None]
    pixels = (pixels * brightness).clamp(0, 1)
    grey_mean = (pixels * grey_weights).sum(1, keepdim=True).mean((2, 3), keepdim=True)
    pixels = (pixels * contrast + grey_mean * (1 - contrast)).clamp(0, 1)
    grey = (pixels * grey_weights).sum(1, keepdim=True)
    return (pixels * saturation + grey * (1 - saturation)).clamp(0, 1)


def erase_boxes(pixels: Tensor, boxes: Tensor) -> Tensor:
    """Set one box of each picture to 0 (the mean, once normalised); `boxes` as in draw_augmentation."""
    height, width = pixels.shape[2:]
    x = (torch.arange(width, device=pixels.device) + 0.5) / width
    y = (torch.arange(height, device=pixels.device) + 0.5) / height
    left, top, wide, high = (boxes[:, i, None] for i in range(4))
    columns = (x >= left) & (x < left + wide)
    rows = (y >= top) & (y < top + high)
    return pixels.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], 0.0)


def training_batch(images: Tensor, config: Config, mean, std, generator: torch.Generator) -> Tensor:
    """Augment uint8 squares (N, 3, resize, resize) into normalised floats (N, 3, crop, crop).

    Draws come from `generator` (a CPU generator, so that every device sees the same ones).
    """
    draw = draw_augmentation(len(images), config, generator)
    draw = {name: value.to(images.device, non_blocking=True) for name, value in draw.items()}
    return apply_augmentation(images, draw, config, mean, std)


def apply_augmentation(images: Tensor, draw: dict[str, Tensor], config: Config, mean, std) -> Tensor:
    """The deterministic part of :func:`training_batch`: the given draws applied to the batch."""
    pixels = sample_geometry(images.float() / 255, draw, config)
    if config.colour:
        pixels = adjust_colour(pixels, draw["colour"])
    pixels = normalise(pixels, mean, std)
    if config.erase:
        pixels = erase_boxes(pixels, draw["erase"])
    return pixels.contiguous(memory_format=torch.channels_last)


def training_preset(config: Config, mean, std) -> v2.Compose:
    """The same recipe as torchvision classes, a picture at a time: for reading, showing and tests."""
    steps = [v2.ToImage()]
    if config.fit == "squash":
        steps.append(v2.Resize((config.resize, config.resize), antialias=True))
    else:
        steps += [v2.Resize(config.resize, antialias=True), v2.CenterCrop(config.resize)]
    if config.zoom:
        scale = ((1 - config.zoom) ** 2, 1.0)
        steps.append(v2.RandomResizedCrop(config.crop, scale=scale, ratio=(1, 1), antialias=False))
    else:
        steps.append(v2.CenterCrop(config.crop))
    if config.flip:
        steps.append(v2.RandomHorizontalFlip(0.5))
    if config.rotation:
        steps.append(v2.RandomRotation(config.rotation, interpolation=v2.InterpolationMode(config.interpolation)))
    if config.colour:
        steps.append(v2.ColorJitter(config.colour, config.colour, config.colour))
    steps += [v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    if config.erase:
        steps.append(v2.RandomErasing(config.erase, scale=(0.02, 0.2), ratio=(1 / 3, 3)))
    return v2.Compose(steps)


# Any normalisation will do: what is shown has it undone.
_MEAN = _STD = (0.5, 0.5, 0.5)


def augmented(image, config: Config, *, count: int = 6, seed: int = 0) -> list[np.ndarray]:
    """What training shows the network of one picture: `count` random draws by a config's recipe.

    Args:
        image: path, PIL image or array (:func:`workoutlib.images.as_rgb`).
        seed: the same seed draws the same copies.
    Returns:
        uint8 RGB arrays (crop, crop, 3); an erased box is mid-grey.
    """
    batch = as_batch(image, config).repeat(count, 1, 1, 1)
    drawn = training_batch(batch, config, _MEAN, _STD, torch.Generator().manual_seed(seed))
    return [denormalise(pixels, _MEAN, _STD) for pixels in drawn]


def as_batch(image, config: Config) -> torch.Tensor:
    """A picture as a batch of one: uint8 (1, 3, resize, resize)."""
    return torch.from_numpy(to_square(image, size=config.resize, fit=config.fit)).permute(2, 0, 1)[None]


def draw(config: Config, seed: int = 0, **chosen) -> dict[str, torch.Tensor]:
    """One picture's draw with some of its values chosen: ``draw(config, angle=30.0, flip=True)``.

    Keys and units are those of :func:`workoutlib.transforms.draw_augmentation`.
    """
    drawn = draw_augmentation(1, config, torch.Generator().manual_seed(seed))
    for name, value in chosen.items():
        drawn[name] = torch.tensor(value, dtype=drawn[name].dtype).reshape(drawn[name].shape)
    return drawn


def as_arrays(pixels: Iterable[torch.Tensor]) -> list[np.ndarray]:
    """Floats (3, H, W) in 0..1 to uint8 RGB arrays (H, W, 3)."""
    return [denormalise(picture, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)) for picture in pixels]


def network_view(image, config: Config) -> np.ndarray:
    """The part of a picture that the network is given: uint8 RGB (crop, crop, 3).

    Args:
        image: path, PIL image or array (:func:`workoutlib.images.as_rgb`).
    """
    return centre_crop(as_batch(image, config), config.crop)[0].permute(1, 2, 0).contiguous().numpy()
