"""The pose panel: upload, choose or take a photo; see the skeleton and the joint angles."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from io import BytesIO
from pathlib import Path

import ipywidgets as widgets
import numpy as np
import pandas as pd
from PIL import Image

from workoutlib.media.images import as_rgb
from workoutlib.notebook.panels.common import (
    FREE_CAMERA,
    SHOW_CAMERA,
    Bridge,
    Panel,
    control,
    message,
    on_change,
    picture_html,
    row,
    table_html,
)
from workoutlib.notebook.panels.upload import ChunkedUpload
from workoutlib.pose.drawing import draw_skeleton
from workoutlib.pose.estimator import PoseEstimator
from workoutlib.pose.skeleton import JOINT_KINDS, Pose, joint_angles, joint_visibility
from workoutlib.utils.errors import WorkoutlibError

# The camera is switched off when the panel goes.
_START = f"""const me = this.closest('.pose-camera'), video = me.querySelector('video');
navigator.mediaDevices.getUserMedia({{video: {{width: 640, height: 480}}}}).then(stream => {{
  {SHOW_CAMERA}
  video.style.display = 'block'; me.querySelector('.take').disabled = false;
  const timer = setInterval(() => {{
    if (!me.isConnected) {FREE_CAMERA}
    if (!stream.active) clearInterval(timer);
  }}, 500);
}}).catch(error => {{ me.querySelector('.fault').textContent = 'No camera: ' + error.message; }});"""
# Sends one picture and switches the camera off.
_TAKE = f"""const me = this.closest('.pose-camera'), video = me.querySelector('video');
const canvas = document.createElement('canvas');
canvas.width = video.videoWidth; canvas.height = video.videoHeight;
canvas.getContext('2d').drawImage(video, 0, 0);
const data = canvas.toDataURL('image/jpeg', 0.9).split(',')[1];
{FREE_CAMERA}
video.srcObject = null; video.style.display = 'none'; this.disabled = true;
SEND"""


class PosePanel(Panel):
    """Photos in, skeletons and joint angles out; ``panel.poses`` holds the people of the photo that is shown.

    Args:
        paths: photos to begin with.
        folder: where uploads are kept; photos of the camera are not stored.
    """

    def __init__(self, estimator: PoseEstimator, paths: Sequence[Path] = (), *, folder: Path) -> None:
        self.estimator, self.folder = estimator, Path(folder)
        self.poses: list[Pose] = []
        self.bridge = Bridge(self._add_camera_photo)
        self.upload = ChunkedUpload(
            self._add_files, self.folder, accept="image/*", description="Upload photos", multiple=True
        )
        self.photos: dict[str, Path | np.ndarray] = {Path(path).name: Path(path) for path in paths}
        self.choice = control(widgets.Dropdown, "photo", "The photo that is shown below", options=list(self.photos))
        take = escape(_TAKE, quote=True).replace("SEND", self.bridge.script("data"))
        start = escape(_START, quote=True)
        self.camera = widgets.HTML(
            f'<div class="pose-camera"><button type="button" onclick="{start}">Start camera</button> '
            f'<button type="button" class="take" disabled onclick="{take}">Take photo</button> '
            "<span class='fault' role='alert'></span>"
            "<video muted playsinline style='display:none;max-width:320px'></video></div>"
        )
        self.status, self.card = widgets.HTML(), widgets.HTML()
        super().__init__(
            "Pose panel", [row(self.upload, self.choice), self.camera, self.status, self.card, self.bridge]
        )
        on_change([self.choice], self.show_photo)
        self.show_photo()

    def show_photo(self) -> None:
        """The chosen photo with the exerciser's skeleton, and the joint angles beside it."""
        self.poses, self.card.value, self.status.value = [], "", ""
        name = self.choice.value
        if name is None:
            return
        try:
            pixels = as_rgb(self.photos[name])
            self.poses = self.estimator.estimate(pixels)
        except WorkoutlibError as error:
            self.status.value = message(str(error), alert=True)
            return
        if not self.poses:
            self.status.value = message("nobody found: is the whole body in the picture?")
            self.card.value = picture_html(pixels, name, "min(100%, 520px)")
            return
        others = f", and {len(self.poses) - 1} more in the picture" if len(self.poses) > 1 else ""
        self.status.value = message(f"a person with probability {self.poses[0].probability:.0%}{others}")
        self.card.value = (
            "<div style='display:flex;flex-wrap:wrap;gap:1.5em;align-items:center'>"
            + picture_html(draw_skeleton(pixels, self.poses[0]), f"Skeleton on {name}", "min(100%, 520px)")
            + table_html(angle_table(self.poses[0]))
            + "</div>"
        )

    def _add_files(self, paths: list[Path]) -> None:
        self._add({path.name: path for path in paths})

    def _add_camera_photo(self, data: str) -> None:
        """`data`: base64 of a JPEG."""
        taken = sum(isinstance(photo, np.ndarray) for photo in self.photos.values())
        self._add({f"camera {taken + 1}": as_rgb(Image.open(BytesIO(base64.b64decode(data))))})

    def _add(self, photos: dict[str, Path | np.ndarray]) -> None:
        """Put photos first in the menu, in place of those with their names, and show the first of them."""
        self.photos = photos | {name: photo for name, photo in self.photos.items() if name not in photos}
        before = self.choice.value
        self.choice.options = list(self.photos)
        self.choice.index = 0
        if self.choice.value == before:  # else the change has shown it
            self.show_photo()


def angle_table(pose: Pose) -> pd.DataFrame:
    """The joint angles of a pose, a row a joint, in degrees; in brackets where the joint is probably hidden."""
    angles, visibility = joint_angles(pose.world), joint_visibility(pose.visibility)
    texts = [
        f"{angle:.0f}°" if seen >= 0.5 else f"({angle:.0f}°)" for angle, seen in zip(angles, visibility, strict=True)
    ]
    return pd.DataFrame({"joint": JOINT_KINDS, "left": texts[::2], "right": texts[1::2]})
