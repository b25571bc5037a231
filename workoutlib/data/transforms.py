"""From a picture of any size to what the model sees, and back for showing.

`to_square` is shared by training, validation, photos, clips and export. What follows it works on a whole batch
at once, on the device where the batch lives: `TrainTransform` with random draws of its own for every picture,
`EvalTransform` without.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from torchvision.transforms import v2

from workoutlib.config import Config, Interpolation, ResizeMode
from workoutlib.media.images import Picture, as_rgb

Draw = dict[str, Tensor]

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def to_square(image: Picture, *, size: int, resize_mode: ResizeMode = "squash") -> np.ndarray:
    """Bring a picture to `size` × `size` pixels, antialiased.

    Args:
        image: path, PIL image, or array accepted by `as_rgb`.
        resize_mode: ``"squash"`` ignores the proportions and keeps everything; ``"crop"`` scales the shorter
            side to `size` and cuts the middle out of the longer one.
    Returns:
        uint8 RGB array of shape (size, size, 3).
    """
    # a batch of one before its axes are moved: in that order of strides `interpolate` is up to 20 times as fast
    pixels = torch.from_numpy(np.ascontiguousarray(as_rgb(image)))[None].permute(0, 3, 1, 2)
    if resize_mode == "squash":
        pixels = _resized(pixels, size, size)
    else:
        short = min(pixels.shape[2:])
        # of a very long picture only the middle: scaled up whole, 20,000 × 10 pixels would fill the memory
        pixels = _middle(pixels, *(min(side, 4 * short) for side in pixels.shape[2:]))
        pixels = _middle(_resized(pixels, *(size * side // short for side in pixels.shape[2:])), size, size)
    return pixels[0].permute(1, 2, 0).contiguous().numpy()


def _resized(pixels: Tensor, height: int, width: int) -> Tensor:
    """uint8 (1, 3, H, W) at another size, as by torchvision, whose import takes a sixth of a gigabyte."""
    if pixels.shape[2:] == (height, width):
        return pixels
    return torch.nn.functional.interpolate(pixels, (height, width), mode="bilinear", antialias=True)


def _middle(pixels: Tensor, height: int, width: int) -> Tensor:
    """The middle of (1, 3, H, W), rounded as by torchvision; a view."""
    top, left = round((pixels.shape[2] - height) / 2), round((pixels.shape[3] - width) / 2)
    return pixels[..., top : top + height, left : left + width]


@dataclass(frozen=True, kw_only=True)
class EvalTransform:
    """The middle of each picture, normalised: uint8 (N, 3, size, size) to floats (N, 3, crop, crop)."""

    crop: int = 224
    mean: Sequence[float] = IMAGENET_MEAN
    std: Sequence[float] = IMAGENET_STD

    def __call__(self, images: Tensor) -> Tensor:
        return normalise(centre_crop(images, self.crop).float() / 255, self.mean, self.std)


@dataclass(frozen=True, kw_only=True)
class TrainTransform:
    """Random augmentation, then normalisation: uint8 (N, 3, resize, resize) to floats (N, 3, crop, crop).

    Attributes:
        resize, crop: sides in pixels of what comes in and what goes out.
        flip: mirror every second picture.
        rotation: largest turn, in degrees.
        zoom: largest part of the side that a crop may leave out (0: the centre crop).
        colour: brightness, contrast and saturation change by a factor within 1 ± this.
        erase: probability that a random box is blanked (Zhong et al. 2020, arXiv:1708.04896).
        interpolation: how the pixels of a turned or zoomed picture are sampled.
        mean, std: the model's normalisation, a value a channel.
    """

    resize: int = 256
    crop: int = 224
    flip: bool = True
    rotation: float = 0.0
    zoom: float = 0.0
    colour: float = 0.0
    erase: float = 0.0
    interpolation: Interpolation = "bilinear"
    mean: Sequence[float] = IMAGENET_MEAN
    std: Sequence[float] = IMAGENET_STD

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Augment a batch by random draws from `generator` (a CPU generator, so that every device sees the same)."""
        drawn = {name: values.to(images.device) for name, values in self.draw(len(images), generator).items()}
        return self.apply(images, drawn)

    def draw(self, count: int, generator: torch.Generator | None = None, **chosen: object) -> Draw:
        """Draw the random parameters of `count` pictures, a row each, on the CPU; `chosen` ones are set.

        Returns:
            ``flip`` (bool), ``angle`` (degrees, clockwise on screen for positive values), ``box`` (centre x,
            centre y, half side, in units of half the square, so the whole square is (0, 0, 1)), ``colour``
            (factors of brightness, contrast, saturation) and ``erase`` (left, top, width, height as shares
            of the crop; width 0: nothing is erased).
        """

        def uniform(low: float, high: float, columns: int = 1) -> Tensor:
            return torch.rand(count, columns, generator=generator) * (high - low) + low

        flip = (uniform(0, 1) < 0.5).squeeze(1) & self.flip
        angle = uniform(-self.rotation, self.rotation).squeeze(1)
        largest = self.crop / self.resize if self.zoom == 0 else 1.0
        half = uniform(1 - self.zoom, 1) * largest
        centre = uniform(-1, 1, 2) * (largest - half)
        colour = uniform(1 - self.colour, 1 + self.colour, 3)
        size = uniform(0.15, 0.45, 2) * (uniform(0, 1) < self.erase)
        corner = uniform(0, 1, 2) * (1 - size)
        box, erase = torch.cat([centre, half], 1), torch.cat([corner, size], 1)
        drawn = {"flip": flip, "angle": angle, "box": box, "colour": colour, "erase": erase}
        for name, value in chosen.items():
            drawn[name] = torch.tensor(value, dtype=drawn[name].dtype).expand(drawn[name].shape)
        return drawn

    def apply(self, images: Tensor, drawn: Draw) -> Tensor:
        """The deterministic part: the given draws, on the device of the batch, applied to it."""
        pixels = self.move(images.float() / 255, drawn)
        if self.colour:
            pixels = adjust_colour(pixels, drawn["colour"])
        pixels = normalise(pixels, self.mean, self.std)
        if self.erase:
            pixels = erase_boxes(pixels, drawn["erase"])
        return pixels.contiguous(memory_format=torch.channels_last)

    def move(self, pixels: Tensor, drawn: Draw) -> Tensor:
        """Cut each box out, mirror it, turn it about its centre; black outside the box.

        Args:
            pixels: floats (N, 3, resize, resize) in 0..1.
        Returns:
            floats (N, 3, crop, crop).
        """
        if not self.rotation and not self.zoom:
            cut = centre_crop(pixels, self.crop)
            return torch.where(drawn["flip"][:, None, None, None], cut.flip(3), cut)
        # Columns and rows of the result in -1..1, and where in the box each of its pixels comes from: a sum of what
        # the column says and what the row says.
        steps = (torch.arange(self.crop, device=pixels.device) + 0.5) * 2 / self.crop - 1
        angle = torch.deg2rad(drawn["angle"])[:, None]
        along, across = angle.cos() * steps, angle.sin() * steps  # (N, crop)
        x = along[:, None, :] + across[:, :, None]
        y = along[:, :, None] - across[:, None, :]
        centre_x, centre_y, half = drawn["box"][:, :, None, None].unbind(1)
        mirror = 1 - 2 * drawn["flip"][:, None, None].float()
        grid = torch.stack([torch.addcmul(centre_x, x, half * mirror), torch.addcmul(centre_y, y, half)], -1)
        cut = torch.nn.functional.grid_sample(
            pixels, grid, mode=self.interpolation, padding_mode="zeros", align_corners=False
        )
        if self.rotation:
            cut.masked_fill_(((x.abs() > 1) | (y.abs() > 1))[:, None], 0)
        return cut

    def as_torchvision(self) -> v2.Compose:
        """The same recipe as torchvision classes, a square picture at a time: for reading and for tests."""
        from torchvision.transforms import v2

        steps: list = [v2.ToImage()]
        if self.zoom:
            scale = ((1 - self.zoom) ** 2, 1.0)
            steps.append(v2.RandomResizedCrop(self.crop, scale=scale, ratio=(1, 1), antialias=False))
        else:
            steps.append(v2.CenterCrop(self.crop))
        if self.flip:
            steps.append(v2.RandomHorizontalFlip(0.5))
        if self.rotation:
            steps.append(v2.RandomRotation(self.rotation, interpolation=v2.InterpolationMode(self.interpolation)))
        if self.colour:
            steps.append(v2.ColorJitter(self.colour, self.colour, self.colour))
        steps += [v2.ToDtype(torch.float32, scale=True), v2.Normalize(self.mean, self.std)]
        if self.erase:
            steps.append(v2.RandomErasing(self.erase, scale=(0.02, 0.2), ratio=(1 / 3, 3)))
        return v2.Compose(steps)


def transforms_of(
    config: Config, mean: Sequence[float] = IMAGENET_MEAN, std: Sequence[float] = IMAGENET_STD
) -> tuple[TrainTransform, EvalTransform]:
    """The two transforms of a config, with a model's normalisation."""
    names = ("resize", "crop", "flip", "rotation", "zoom", "colour", "erase", "interpolation")
    train = TrainTransform(**{name: getattr(config, name) for name in names}, mean=mean, std=std)
    return train, EvalTransform(crop=config.crop, mean=mean, std=std)


def centre_crop(images: Tensor, crop: int) -> Tensor:
    """The middle `crop` × `crop` pixels of a batch (N, C, H, W); a view, nothing is copied."""
    top, left = (images.shape[2] - crop) // 2, (images.shape[3] - crop) // 2
    return images[:, :, top : top + crop, left : left + crop]


def normalise(pixels: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Grey levels in 0..1 (N, 3, H, W) to zero mean and unit spread by `mean` and `std` a channel."""
    centre, spread = (torch.tensor(v, device=pixels.device, dtype=pixels.dtype)[:, None, None] for v in (mean, std))
    return (pixels - centre) / spread


def denormalise(pixels: Tensor, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """The exact inverse, for showing: (3, H, W) normalised floats to a uint8 RGB array (H, W, 3)."""
    centre, spread = (torch.tensor(v, dtype=torch.float32)[:, None, None] for v in (mean, std))
    levels = (pixels.detach().float().cpu() * spread + centre) * 255
    return levels.round().clamp(0, 255).byte().permute(1, 2, 0).numpy()


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
    """Set one box of each picture to 0 (the mean, once normalised); `boxes` as ``erase`` of `TrainTransform.draw`."""
    height, width = pixels.shape[2:]
    x = (torch.arange(width, device=pixels.device) + 0.5) / width
    y = (torch.arange(height, device=pixels.device) + 0.5) / height
    left, top, wide, high = (boxes[:, i, None] for i in range(4))
    columns = (x >= left) & (x < left + wide)
    rows = (y >= top) & (y < top + high)
    return pixels.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], 0.0)


def as_batch(image: Picture, config: Config) -> Tensor:
    """A picture as a batch of one: uint8 (1, 3, resize, resize)."""
    square = to_square(image, size=config.resize, resize_mode=config.resize_mode)
    return torch.from_numpy(square).permute(2, 0, 1)[None]


def model_view(image: Picture, config: Config) -> np.ndarray:
    """The part of a picture that the model is given: uint8 RGB (crop, crop, 3)."""
    return centre_crop(as_batch(image, config), config.crop)[0].permute(1, 2, 0).contiguous().numpy()


def view_box(shape: tuple[int, ...], config: Config) -> tuple[int, int, int, int]:
    """The part of a picture of this shape (H, W, ...) that `model_view` shows: left, top, right, bottom in pixels."""
    height, width = shape[:2]
    sides = (width, height) if config.resize_mode == "squash" else (min(width, height),) * 2
    kept_width, kept_height = (side * config.crop / config.resize for side in sides)
    left, top = (width - kept_width) / 2, (height - kept_height) / 2
    return round(left), round(top), round(left + kept_width), round(top + kept_height)


def augmented(image: Picture, config: Config, *, count: int = 6, seed: int = 0) -> list[np.ndarray]:
    """What training shows the model of one picture: `count` random draws by a config's recipe.

    Args:
        seed: the same seed draws the same copies.
    Returns:
        uint8 RGB arrays (crop, crop, 3); an erased box is mid-grey.
    """
    transform, _ = transforms_of(config, (0.5,) * 3, (0.5,) * 3)
    batch = as_batch(image, config).repeat(count, 1, 1, 1)
    drawn = transform(batch, torch.Generator().manual_seed(seed))
    return [denormalise(pixels, transform.mean, transform.std) for pixels in drawn]


def as_arrays(pixels: Iterable[Tensor]) -> list[np.ndarray]:
    """Pictures (3, H, W) of floats in 0..1 as uint8 RGB arrays (H, W, 3), for showing."""
    return [denormalise(picture, (0.0,) * 3, (1.0,) * 3) for picture in pixels]
