"""Every hyperparameter in one frozen, validated object, and the named profiles to start from."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from workoutlib.utils.errors import WorkoutlibError

BACKENDS = ("auto", "torch", "openvino")

CHOICES = {
    "fit": ("squash", "crop"),
    "interpolation": ("nearest", "bilinear"),
    "split": ("random", "video"),
    "optimizer": ("adam", "adamw"),
    "scheduler": ("step", "cosine", "none"),
}

# field: (lowest, highest), both allowed
RANGES = {
    "resize": (64, 1024),
    "crop": (64, 1024),  # below, the last layers see one value a picture: no batch norm can learn from that
    "rotation": (0.0, 180.0),
    "zoom": (0.0, 0.9),
    "colour": (0.0, 0.9),
    "erase": (0.0, 1.0),
    "rendered": (0.0, 1.0),
    "valid": (0.0, 0.5),
    "test": (0.0, 0.5),
    "epochs": (0, 10_000),
    "batch_size": (1, 65_536),
    "learning_rate": (1e-8, 10.0),
    "weight_decay": (0.0, 10.0),
    "step_epochs": (1, 10_000),
    "label_smoothing": (0.0, 0.9),
    "frozen": (0.0, 1.0),
    "interpolate": (0.0, 1.0),
    "seed": (0, 2**31 - 1),
}


@dataclass(frozen=True, kw_only=True)
class Config:
    """The hyperparameters of one training run; ``Config.profile`` gives the starting points.

    A value outside its range or choices raises :class:`WorkoutlibError` naming the field.
    """

    name: str = "quick"
    """The profile that this config started from."""

    # Network
    model: str = "tf_efficientnet_lite0"
    """Name of the network, one of ``models.MODELS``."""
    weights: str = "DEFAULT"
    """``"DEFAULT"`` for ImageNet weights, ``"WARM"`` for those warmed up on the rendered gym
    (``lessons.warmed_up_weights``), or the path of a file with the network's state dict."""
    fine_tune: bool = True
    """Train the body too; ``False`` trains the classifier head alone, on cached features."""
    head_first: bool = True
    """Fit the head by logistic regression on the frozen body's features before the first epoch."""
    frozen: float = 0.5
    """Share of the body's layers, counted from the input, that stay frozen (0 to 1)."""
    freeze_batch_norm: bool = True
    """Keep ImageNet's batch-norm statistics and scales: small data sets estimate them badly."""

    # Pictures
    resize: int = 256
    """Side in pixels of the square that every picture is brought to and kept as."""
    crop: int = 224
    """Side in pixels of what the network sees of it."""
    fit: str = "crop"
    """``"squash"`` keeps the whole picture, ``"crop"`` keeps its proportions and loses its ends."""
    flip: bool = True
    """Mirror every second training picture."""
    rotation: float = 0.0
    """Largest turn of a training picture, in degrees."""
    interpolation: str = "bilinear"
    """How a turned or zoomed picture is sampled."""
    zoom: float = 0.0
    """Largest part of the side that a random training crop may leave out (0: the centre crop)."""
    colour: float = 0.0
    """Brightness, contrast and saturation change by a factor within 1 ± this."""
    erase: float = 0.0
    """Probability that a random box of a training picture is blanked."""
    flip_at_test: bool = True
    """Average the logits of a picture and of its mirror image."""

    # Data
    split: str = "video"
    valid: float = 0.15
    test: float = 0.0

    rendered: float = 0.0
    """Pictures of the built-in gym that join each training batch, as a share of its own ones."""

    # Optimisation
    epochs: int = 2
    batch_size: int = 32
    optimizer: str = "adamw"
    learning_rate: float = 3e-4
    weight_decay: float = 0.01
    scheduler: str = "cosine"
    step_epochs: int = 7
    """With ``scheduler="step"``, the rate falls to a tenth after each so many epochs."""
    label_smoothing: float = 0.0
    interpolate: float = 1.0
    """Share of the fine-tuned weights in the final ones; the rest are those of the head-only start."""
    seed: int = 42

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            name, value = field.name, getattr(self, field.name)
            kind = {"str": str, "bool": bool, "int": int, "float": (int, float)}[field.type]
            if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
                raise WorkoutlibError(f"Config.{name} = {value!r}: expected {field.type}")
            if name in CHOICES and value not in CHOICES[name]:
                raise WorkoutlibError(f"Config.{name} = {value!r}: choose one of {', '.join(CHOICES[name])}")
            low, high = RANGES.get(name, (None, None))
            if low is not None and not low <= value <= high:
                raise WorkoutlibError(f"Config.{name} = {value!r}: must lie between {low:g} and {high:g}")
        if self.crop > self.resize:
            raise WorkoutlibError(f"Config.crop = {self.crop} is larger than Config.resize = {self.resize}")
        if self.epochs == 0 and not self.head_first:
            raise WorkoutlibError("Config.epochs = 0 without Config.head_first: nothing would be trained")

    @classmethod
    def profile(cls, name: str, **changes) -> Config:
        """The starting point called `name` (a key of ``PROFILES``) with single fields changed."""
        if name not in PROFILES:
            raise WorkoutlibError(f"no profile {name!r}: choose one of {', '.join(PROFILES)}")
        return cls.from_dict({**PROFILES[name], "name": name, **changes})

    @classmethod
    def from_dict(cls, values: dict) -> Config:
        """Rebuild a config from ``to_dict``'s value; an unknown field is an error."""
        unknown = sorted(map(repr, set(values) - {field.name for field in dataclasses.fields(cls)}))
        if unknown:
            raise WorkoutlibError(f"unknown Config field {', '.join(unknown)}")
        return cls(**values)

    def replace(self, **changes) -> Config:
        """A copy with single fields changed, validated again."""
        return self.from_dict({**self.to_dict(), **changes})

    def to_dict(self) -> dict:
        """Plain values only, as stored in a checkpoint."""
        return dataclasses.asdict(self)

    def changes(self) -> dict:
        """The fields that differ from this config's own profile."""
        start = self.profile(self.name).to_dict() if self.name in PROFILES else {}
        return {name: value for name, value in self.to_dict().items() if start.get(name) != value}


PROFILES = {
    "quick": {"epochs": 1, "learning_rate": 1e-4, "interpolate": 0.5},
    "tutorial": {
        "model": "resnet50",
        "head_first": False,
        "frozen": 0.0,
        "freeze_batch_norm": False,
        "fit": "squash",
        "rotation": 35.0,
        "interpolation": "nearest",
        "flip_at_test": False,
        "split": "random",
        "valid": 0.10,
        "epochs": 10,
        "batch_size": 64,
        "optimizer": "adam",
        "learning_rate": 1e-3,
        "weight_decay": 0.0,
        "scheduler": "step",
    },
    "best": {"weights": "WARM", "rendered": 0.5, "epochs": 8, "zoom": 0.3, "colour": 0.3, "interpolate": 0.75},
}


def choose_profile(data: str = "auto") -> tuple[str, str]:
    """What ``auto`` means here: the profile's name, and a sentence that says why and how to choose otherwise."""
    from workoutlib.data.download import KAGGLE_FOLDER
    from workoutlib.utils.devices import describe, pick_device
    from workoutlib.utils.paths import data_root

    device = pick_device()
    real = data not in ("auto", "sample") or (data == "auto" and (data_root() / KAGGLE_FOLDER).is_dir())
    name = "best" if real and device.type == "cuda" else "quick"
    pictures = "your pictures" if real else "the built-in sample"
    return name, f"profile {name}: {pictures} on {describe(device)} (choose another by its name: {', '.join(PROFILES)})"
