"""Every hyperparameter in one frozen, validated object, and the named profiles to start from."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workoutlib.utils.errors import WorkoutlibError

Backend = Literal["auto", "torch", "openvino"]
ResizeMode = Literal["squash", "crop"]
Interpolation = Literal["nearest", "bilinear"]
Split = Literal["random", "video"]
Optimizer = Literal["adam", "adamw"]
Scheduler = Literal["step", "cosine", "none"]

Share = Annotated[float, Field(ge=0, le=1)]

# Names of fields in checkpoints of version 0.1, and what they are called now.
_FORMER_NAMES = {"interpolate": "weight_interpolation", "fit": "resize_mode", "rendered": "synthetic"}


class Config(BaseModel):
    """The hyperparameters of one training run; `Config.profile` gives the starting points.

    Raises:
        WorkoutlibError: a value of the wrong type, outside its range or choices, or an unknown field, by name.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    name: str = "quick"
    """The profile that this config started from."""

    # Model
    model: str = "tf_efficientnet_lite0"
    """Architecture, one of ``models.build.MODELS``."""
    weights: str = "DEFAULT"
    """``"DEFAULT"`` for ImageNet weights, or the path of a file with the model's state dict."""
    warm_up: bool = False
    """Fine-tune the body on synthetic pictures of the built-in gym first (`training.synthetic.warm_up`)."""
    fine_tune: bool = True
    """Train the body too; ``False`` trains the classifier head alone, on cached features."""
    head_first: bool = True
    """Fit the head by logistic regression on the frozen body's features before the first epoch."""
    frozen: Share = 0.5
    """Share of the body's layers, counted from the input, that stay frozen."""
    freeze_batch_norm: bool = True
    """Keep ImageNet's batch-norm statistics and scales: small data sets estimate them badly."""

    # Pictures
    resize: Annotated[int, Field(ge=64, le=1024)] = 256
    """Side in pixels of the square that every picture is brought to and kept as."""
    # below 64 the last layers see one value a picture: no batch norm can learn from that
    crop: Annotated[int, Field(ge=64, le=1024)] = 224
    """Side in pixels of what the model sees of it."""
    resize_mode: ResizeMode = "crop"
    """``"squash"`` keeps the whole picture, ``"crop"`` keeps its proportions and loses its ends."""
    flip: bool = True
    """Mirror every second training picture."""
    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0
    """Largest turn of a training picture, in degrees."""
    interpolation: Interpolation = "bilinear"
    """How the pixels of a turned or zoomed picture are sampled."""
    zoom: Annotated[float, Field(ge=0, le=0.9)] = 0.0
    """Largest part of the side that a random training crop may leave out (0: the centre crop)."""
    colour: Annotated[float, Field(ge=0, le=0.9)] = 0.0
    """Brightness, contrast and saturation change by a factor within 1 ± this."""
    erase: Share = 0.0
    """Probability that a random box of a training picture is blanked."""
    flip_at_test: bool = True
    """Average the logits of a picture and of its mirror image."""

    # Data
    split: Split = "video"
    """``"video"`` keeps all frames of a video in one part; ``"random"`` shuffles frames, as the tutorial does."""
    valid: Annotated[float, Field(ge=0, le=0.5)] = 0.15
    """Share of the pictures that training is validated on."""
    test: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Share of the pictures that are kept for a last test."""
    synthetic: Share = 0.0
    """Pictures of the built-in gym that join each training batch, as a share of its own ones."""

    # Optimisation
    epochs: Annotated[int, Field(ge=0, le=10_000)] = 2
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 32
    optimizer: Optimizer = "adamw"
    learning_rate: Annotated[float, Field(ge=1e-8, le=10)] = 3e-4
    weight_decay: Annotated[float, Field(ge=0, le=10)] = 0.01
    scheduler: Scheduler = "cosine"
    step_epochs: Annotated[int, Field(ge=1, le=10_000)] = 7
    """With ``scheduler="step"``, the rate falls to a tenth after each so many epochs."""
    label_smoothing: Annotated[float, Field(ge=0, le=0.9)] = 0.0
    weight_interpolation: Share = 1.0
    """Share of the fine-tuned weights in the final ones; the rest are those of the head-first start."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 42

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise WorkoutlibError(_describe(error)) from error
        if self.crop > self.resize:
            raise WorkoutlibError(f"Config.crop = {self.crop} is larger than Config.resize = {self.resize}")
        if self.epochs == 0 and not self.head_first:
            raise WorkoutlibError("Config.epochs = 0 without Config.head_first: nothing would be trained")

    @classmethod
    def profile(cls, name: str, **changes: Any) -> Config:
        """The starting point called `name` (a key of ``PROFILES``) with single fields changed."""
        if name not in PROFILES:
            raise WorkoutlibError(f"no profile {name!r}: choose one of {', '.join(PROFILES)}")
        return cls(**{**PROFILES[name], "name": name, **changes})

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Config:
        """Rebuild a config from the value of `to_dict`, of this version or of an earlier one."""
        values = {_FORMER_NAMES.get(name, name): value for name, value in values.items()}
        if values.get("weights") == "WARM":  # version 0.1 kept two things in one field
            values |= {"weights": "DEFAULT", "warm_up": True}
        return cls(**values)

    def replace(self, **changes: Any) -> Config:
        """A copy with single fields changed, validated again."""
        return Config(**{**self.to_dict(), **changes})

    def to_dict(self) -> dict[str, Any]:
        """Plain values only, as stored in a checkpoint."""
        return self.model_dump()

    def changes(self) -> dict[str, Any]:
        """The fields that differ from this config's own profile."""
        start = self.profile(self.name).to_dict() if self.name in PROFILES else {}
        return {name: value for name, value in self.to_dict().items() if start.get(name) != value}


def _describe(error: ValidationError) -> str:
    """One line: the first field that is wrong, its value and what it should be."""
    first = error.errors()[0]
    field = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return f"unknown Config field {field!r}: choose one of {', '.join(Config.model_fields)}"
    message = first["msg"]
    return f"Config.{field} = {first['input']!r}: {message[0].lower()}{message[1:]}"


PROFILES: dict[str, dict[str, Any]] = {
    "quick": {"epochs": 1, "learning_rate": 1e-4, "weight_interpolation": 0.5},
    "tutorial": {
        "model": "resnet50",
        "head_first": False,
        "frozen": 0.0,
        "freeze_batch_norm": False,
        "resize_mode": "squash",
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
    "best": {"warm_up": True, "synthetic": 0.5, "epochs": 8, "zoom": 0.3, "colour": 0.3, "weight_interpolation": 0.75},
}
