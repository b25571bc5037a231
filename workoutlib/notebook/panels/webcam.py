"""The webcam: the browser's camera, a frame at a time through the recognizer, with the overlay on it."""

from __future__ import annotations

import base64
from html import escape
from io import BytesIO

import ipywidgets as widgets
import numpy as np
from PIL import Image

from workoutlib.media.images import as_rgb
from workoutlib.media.overlay import draw_label
from workoutlib.notebook.panels.common import Bridge, Panel, data_url, jpeg
from workoutlib.recognition.recognizer import Recognizer

# Sends the next frame only when the last one has come back, so a slow machine is never swamped.
_START = """const me = this.closest('.webcam'), video = me.querySelector('video');
navigator.mediaDevices.getUserMedia({video: {width: 480, height: 360}}).then(stream => {
  video.srcObject = stream; video.play(); me.dataset.sent = 0;
  const canvas = document.createElement('canvas'); canvas.width = 480; canvas.height = 360;
  const timer = setInterval(() => {
    if (!stream.active || !me.isConnected) { clearInterval(timer); stream.getTracks().forEach(t => t.stop()); return; }
    const back = document.querySelector('.OUT img');
    if (Number(me.dataset.sent) && (!back || back.dataset.frame !== me.dataset.sent)) return;
    canvas.getContext('2d').drawImage(video, 0, 0, 480, 360);
    me.dataset.sent = Number(me.dataset.sent) + 1;
    const frame = {number: me.dataset.sent, data: canvas.toDataURL('image/jpeg', 0.8).split(',')[1]};
    SEND
  }, 100);
}).catch(error => { me.querySelector('.fault').textContent = 'No camera: ' + error.message; });"""
_STOP = "this.closest('.webcam').querySelector('video').srcObject?.getTracks().forEach(track => track.stop())"


class Webcam(Panel):
    """Start and Stop buttons and the annotated picture; nothing is recorded.

    Args:
        smoothing: share of the last frames' mean in each prediction, 0..1; 0 takes every frame for itself.
    """

    def __init__(self, recognizer: Recognizer, *, smoothing: float = 0.7) -> None:
        self.recognizer, self.smoothing = recognizer, smoothing
        self.mean: np.ndarray | None = None
        self.bridge = Bridge(self.look)
        self.picture = widgets.HTML()
        self.picture.add_class(f"{self.bridge.name}-out")
        start = escape(_START.replace("OUT", f"{self.bridge.name}-out"), quote=True)
        start = start.replace("SEND", self.bridge.script("frame"))
        self.buttons = widgets.HTML(
            f'<div class="webcam"><button type="button" onclick="{start}">Start camera</button> '
            f'<button type="button" onclick="{escape(_STOP, quote=True)}">Stop</button> '
            "<span class='fault' role='alert'></span>"
            "<video muted playsinline style='display:none'></video></div>"
        )
        super().__init__("Webcam", [self.buttons, self.picture, self.bridge])

    def look(self, frame: dict) -> None:
        """Recognise one frame, ``{"number": "7", "data": base64 of a JPEG}``, and show it annotated."""
        pixels = as_rgb(Image.open(BytesIO(base64.b64decode(frame["data"]))))
        logits = self.recognizer.logits([pixels])[0]
        self.mean = logits if self.mean is None else _mix(self.mean, logits, self.smoothing)
        found = self.recognizer.read_logits(self.mean)
        drawn = draw_label(pixels, found.shown, found.confidence, top3=found.top3)
        number = escape(str(frame["number"]), quote=True)
        self.picture.value = (
            f"<img data-frame='{number}' alt='{escape(found.shown, quote=True)}, {found.confidence:.0%}' "
            f"src='{data_url(jpeg(drawn), 'image/jpeg')}'>"
        )


def _mix(before: np.ndarray, now: np.ndarray, share: float) -> np.ndarray:
    """Exponential smoothing: the past counts for `share`, the present for the rest."""
    return share * before + (1 - share) * now
