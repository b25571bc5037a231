"""The webcam: the browser's camera, a frame at a time, with skeleton, exercise, count and hint on it."""

from __future__ import annotations

import base64
import time
from html import escape
from io import BytesIO

import ipywidgets as widgets
from PIL import Image

from workoutlib.media.images import as_rgb, encode_jpeg
from workoutlib.notebook.panels.common import FREE_CAMERA, SHOW_CAMERA, Bridge, Panel, data_url, message
from workoutlib.recognition.live import LiveWorkout
from workoutlib.recognition.recognizer import Recognizer
from workoutlib.utils.errors import WorkoutlibError

# Sends the next frame only when the last one has come back, so a slow machine is never swamped. Frames keep the shape
# of the camera's: a phone's may be upright.
_START = f"""const me = this.closest('.webcam'), video = me.querySelector('video');
navigator.mediaDevices.getUserMedia({{video: {{width: 480, height: 360}}}}).then(stream => {{
  {SHOW_CAMERA}
  me.dataset.sent = 0;
  const canvas = document.createElement('canvas');
  const timer = setInterval(() => {{
    if (!me.isConnected) {FREE_CAMERA}
    if (!stream.active) {{ clearInterval(timer); return; }}
    const back = document.querySelector('.OUT img');
    if (Number(me.dataset.sent) && (!back || back.dataset.frame !== me.dataset.sent)) return;
    if (!video.videoWidth) return;
    canvas.width = video.videoWidth; canvas.height = video.videoHeight;
    canvas.getContext('2d').drawImage(video, 0, 0);
    me.dataset.sent = Number(me.dataset.sent) + 1;
    const frame = {{number: me.dataset.sent, data: canvas.toDataURL('image/jpeg', 0.8).split(',')[1]}};
    SEND
  }}, 30);
}}).catch(error => {{ me.querySelector('.fault').textContent = 'No camera: ' + error.message; }});"""
_STOP = f"const video = this.closest('.webcam').querySelector('video'); {FREE_CAMERA} SEND"


class Webcam(Panel):
    """Start and Stop buttons and the annotated picture; nothing is recorded, and no camera is used before Start."""

    def __init__(self, recognizer: Recognizer) -> None:
        self.recognizer = recognizer
        self.live: LiveWorkout | None = None
        self.bridge = Bridge(self.look)
        self.picture = widgets.HTML()
        self.picture.add_class(f"{self.bridge.name}-out")
        start = escape(_START.replace("OUT", f"{self.bridge.name}-out"), quote=True)
        start = start.replace("SEND", self.bridge.script("frame"))
        stop = escape(_STOP, quote=True).replace("SEND", self.bridge.script("null"))
        self.buttons = widgets.HTML(
            f'<div class="webcam"><button type="button" onclick="{start}">Start camera</button> '
            f'<button type="button" onclick="{stop}">Stop</button> '
            "<span class='fault' role='alert'></span>"
            "<video muted playsinline style='display:none'></video></div>"
        )
        super().__init__("Webcam", [self.buttons, self.picture, self.bridge])

    def look(self, frame: dict | None) -> None:
        """Recognise one frame, ``{"number": "7", "data": base64 of a JPEG}``, and show it annotated.

        ``None``: the camera was stopped; the next frame begins anew, with no repetition counted.
        """
        if frame is None:
            if self.live:
                self.live.close()
            self.live = None
            return
        pixels = as_rgb(Image.open(BytesIO(base64.b64decode(frame["data"]))))
        now = time.monotonic()
        try:
            self.live = self.live or LiveWorkout(self.recognizer)
            drawn, (label, confidence) = self.live.see(now, pixels), self.live.shown_at(now)
        except WorkoutlibError as error:
            self.picture.value = message(str(error), alert=True)
            return
        number = escape(str(frame["number"]), quote=True)
        said = label if confidence is None else f"{label}, {confidence:.0%}"
        self.picture.value = (
            f"<img data-frame='{number}' alt='{escape(said, quote=True)}' style='max-width:100%' "
            f"src='{data_url(encode_jpeg(drawn), 'image/jpeg')}'>"
        )
