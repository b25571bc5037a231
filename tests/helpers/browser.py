"""The browser that tests drive."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import pytest

from workoutlib import probe_clip, read_frames

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")

KEEP_STREAMS = """() => {
  window.streams = [];
  const media = navigator.mediaDevices, open = media.getUserMedia.bind(media);
  media.getUserMedia = async wanted => { const stream = await open(wanted); streams.push(stream); return stream; };
}"""
"""Every camera that the page opens from now on is kept in `streams`."""


@contextmanager
def opened(address: str, *, width: int, height: int = 844) -> Iterator[Any]:
    """A page of a browser of its own; at the end it must have had no error."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    with playwright.sync_playwright() as driver:
        # a test picture takes the place of the camera, and nobody has to allow it
        camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *camera])
        page, faults = browser.new_page(viewport={"width": width, "height": height}), []
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda entry: faults.append(entry.text) if entry.type == "error" else None)
        page.goto(address)
        yield page
        browser.close()
    assert not faults, faults


def save_camera(clip: Path, target: Path, width: int = 480, height: int = 270) -> Path:
    """A clip as the uncompressed film (Y4M) that Chromium takes for a camera."""
    rate = round(probe_clip(clip).frames_per_second)
    with target.open("wb") as film:
        film.write(f"YUV4MPEG2 W{width} H{height} F{rate}:1 Ip A1:1 C420jpeg\n".encode())
        for _, frame in read_frames(clip):
            small = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
            film.write(b"FRAME\n" + cv2.cvtColor(small, cv2.COLOR_RGB2YUV_I420).tobytes())
    return target
