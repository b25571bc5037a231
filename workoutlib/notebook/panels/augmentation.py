"""The augmentation playground: one picture, a slider for each transform, a grid of random draws."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import ipywidgets as widgets

from workoutlib.config import PROFILES, Config, ResizeMode
from workoutlib.data.transforms import augmented, model_view
from workoutlib.media.images import Picture, as_rgb
from workoutlib.notebook.panels.common import (
    Panel,
    as_code,
    code_html,
    control,
    gallery_html,
    message,
    on_change,
    row,
    set_value,
)
from workoutlib.notebook.panels.upload import ChunkedUpload
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.paths import output_root

COPIES = 11


class AugmentationPlayground(Panel):
    """Sliders over the augmentation fields of a config; ``playground.config`` is what they say.

    Args:
        image: path, PIL image or array.
        config: the start; its other fields are kept.
    """

    def __init__(self, image: Picture, config: Config) -> None:
        self.image, self.base, self.seed = as_rgb(image), config, 0
        slider = widgets.FloatSlider
        self.profile = control(
            widgets.Dropdown,
            "start from",
            "Set all sliders as this profile has them",
            options=list(PROFILES),
            value=config.name,
        )
        self.resize_mode = control(
            widgets.Dropdown,
            "resize mode",
            "squash: the whole picture; crop: its proportions",
            options=get_args(ResizeMode),
        )
        self.flip = control(widgets.Checkbox, "flip", "Mirror every second copy")
        self.rotation = control(slider, "rotation (°)", "Largest turn to either side", min=0, max=90, step=1)
        self.zoom = control(
            slider, "zoom", "Largest part of the side that a crop may leave out", min=0, max=0.7, step=0.05
        )
        self.colour = control(
            slider,
            "colour",
            "Brightness, contrast and saturation change by up to this factor",
            min=0,
            max=0.9,
            step=0.05,
        )
        self.erase = control(slider, "erase", "Probability that a random box is blanked", min=0, max=1, step=0.05)
        self.again = widgets.Button(description="Draw again", icon="refresh", tooltip="Other random draws")
        self.upload = ChunkedUpload(
            self._open, output_root() / "uploads", accept="image/*", description="Your own photo"
        )
        self.grid, self.code, self.fault = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.fields = {
            name: getattr(self, name) for name in ("resize_mode", "flip", "rotation", "zoom", "colour", "erase")
        }
        self.show(config)
        controls = list(self.fields.values())
        super().__init__(
            "Augmentation playground",
            [row(self.upload, self.again), row(self.profile, *controls), self.code, self.fault, self.grid],
        )
        on_change(controls, self.refresh)
        on_change([self.profile], lambda: self.show(Config.profile(self.profile.value)))
        self.again.on_click(lambda button: self.draw_again())

    @property
    def config(self) -> Config:
        """The config as the sliders stand."""
        return self.base.replace(**{name: field.value for name, field in self.fields.items()})

    def show(self, config: Config) -> None:
        """Set all sliders to a config's values."""
        self.base, self._setting = config, True  # drawn once, not after each of the sliders
        for name, field in self.fields.items():
            set_value(field, getattr(config, name))
        self._setting = False
        self.refresh()

    def draw_again(self) -> None:
        """Other random draws with the same sliders."""
        self.seed += 1
        self.refresh()

    def _open(self, paths: list[Path]) -> None:
        try:
            self.image, self.fault.value = as_rgb(paths[0]), ""
        except WorkoutlibError as error:
            self.fault.value = message(str(error), alert=True)
            return
        self.refresh()

    def refresh(self) -> None:
        """Draw the copies anew, and the line that builds this config."""
        if self._setting:
            return
        copies = augmented(self.image, self.config, count=COPIES, seed=self.seed)
        titles = ["as validation sees it", *(f"copy {i}" for i in range(1, COPIES + 1))]
        self.grid.value = gallery_html([model_view(self.image, self.config), *copies], titles, 6)
        self.code.value = code_html(as_code(self.config))
