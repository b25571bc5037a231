"""The panels' cameras in a browser, without JupyterLab: started twice they have one stream, and it ends."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers.browser import KEEP_STREAMS, needs_chromium, opened
from playwright.sync_api import Locator, Page

from workoutlib.notebook.panels import PosePanel, Webcam
from workoutlib.notebook.panels.common import Bridge

pytestmark = [pytest.mark.browser, needs_chromium]
OFF = "streams.every(stream => !stream.active)"
SENT = "document.querySelector('textarea').value"


def save_page(path: Path, controls: str, bridge: Bridge) -> str:
    """The address of a page with a panel's controls and the field through which they speak to Python."""
    path.write_text(
        f"<!doctype html><div id=panel>{controls}<div class='{bridge.name}'><textarea></textarea></div></div>"
    )
    return path.as_uri()


def start_twice(page: Page) -> Locator:
    """The button that starts the camera, pressed twice: one of two streams is left."""
    page.evaluate(KEEP_STREAMS)
    start = page.get_by_role("button", name="Start camera")
    for _ in range(2):
        start.click()
    page.wait_for_function("streams.length === 2 && !streams[0].active && streams[1].active")
    return start


def test_the_webcam_is_free_after_stop_and_when_its_panel_goes(tmp_path):
    panel = Webcam(SimpleNamespace())
    with opened(save_page(tmp_path / "page.html", panel.buttons.value, panel.bridge), width=800) as page:
        start = start_twice(page)
        page.wait_for_function(f"{SENT}.includes('number')")
        page.get_by_role("button", name="Stop").click()
        page.wait_for_function(OFF)
        assert page.evaluate(f"JSON.parse({SENT}).sent") is None
        start.click()
        page.wait_for_function(f"streams.length === 3 && {SENT}.includes('number')")
        page.evaluate("document.querySelector('#panel').remove()")
        page.wait_for_function(OFF)


def test_the_pose_panels_camera_is_free_after_the_photo_and_when_its_panel_goes(tmp_path):
    panel = PosePanel(SimpleNamespace(), folder=tmp_path)
    with opened(save_page(tmp_path / "page.html", panel.camera.value, panel.bridge), width=800) as page:
        start = start_twice(page)
        page.wait_for_function("document.querySelector('video').videoWidth > 0")
        page.get_by_role("button", name="Take photo").click()
        page.wait_for_function(OFF)
        assert page.evaluate(f"JSON.parse({SENT}).sent").startswith("/9j/")  # a JPEG
        start.click()
        page.wait_for_function("streams.length === 3 && document.querySelector('video').videoWidth > 0")
        page.evaluate("document.querySelector('#panel').remove()")
        page.wait_for_function(OFF)
