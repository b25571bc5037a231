"""The notebooks in a real JupyterLab in a real browser: run all cells, then use each panel as a person would."""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.browser import CHROMIUM, KEEP_STREAMS, needs_chromium, save_camera
from helpers.tiny import one_thread_environment

from workoutlib.utils.paths import data_root

playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
expect, Page, Locator = playwright.expect, playwright.Page, playwright.Locator

ROOT = Path(__file__).resolve().parents[1]
WIDTH, HEIGHT = 1280, 900
MINUTE = 60_000  # milliseconds
expect.set_options(timeout=MINUTE / 2)  # a busy machine is no reason to fail

pytestmark = [pytest.mark.browser, needs_chromium]

# What a person would set once in JupyterLab's settings: no question about news, the system's light or dark.
SETTINGS = {"notification": {"fetchNews": "false", "checkForUpdates": False}, "themes": {"adaptive-theme": True}}

# The Colab badge lies on a server outside; without a network the browser complains.
NOT_OURS = "Failed to load resource: net::ERR_"

SCROLLS = "image => image.parentElement.scrollWidth > image.parentElement.clientWidth"

CELLS = """() => {
  const panel = window.jupyterapp?.shell.currentWidget;
  if (!panel?.sessionContext?.session?.kernel) return null;
  const cells = [...panel.content.model.cells].filter(cell => cell.type === 'code').map(cell => cell.toJSON());
  return {
    idle: panel.sessionContext.session.kernel.status === 'idle',
    run: cells.filter(cell => cell.execution_count !== null).length,
    all: cells.length,
    errors: cells.flatMap(cell => cell.outputs.filter(output => output.output_type === 'error'))
      .map(error => `${error.ename}: ${error.evalue}`),
  };
}"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[str]:
    """The address of a JupyterLab over a copy of the notebooks, with its own settings and results.

    The data sets are those of this run of the tests: the sample is rendered once.
    """
    folder = tmp_path_factory.mktemp("lab")
    copy_notebooks(folder / "notebooks")
    data_root().mkdir(parents=True, exist_ok=True)
    (folder / "home").mkdir()
    (folder / "home/input").symlink_to(data_root())
    settings = folder / "config/lab/user-settings/@jupyterlab/apputils-extension"
    settings.mkdir(parents=True)
    for name, values in SETTINGS.items():
        (settings / f"{name}.jupyterlab-settings").write_text(json.dumps(values))
    port, token, log = free_port(), secrets.token_hex(16), folder / "log.txt"
    environment = one_thread_environment() | {
        "WORKOUTLIB_HOME": str(folder / "home"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "IPYTHONDIR": str(folder / "ipython"),
    }
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--allow-root",
        "--expose-app-in-browser",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={folder / 'notebooks'}",
    ]
    with log.open("w") as out:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=out)
    try:
        wait_for_server(server, f"http://127.0.0.1:{port}/api/status?token={token}", log)
        yield f"http://127.0.0.1:{port}/lab/tree/NAME?token={token}&reset"
    finally:
        server.terminate()  # it ends its kernels first
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def copy_notebooks(folder: Path) -> None:
    """The notebooks without stored outputs, which could pass for fresh ones."""
    folder.mkdir()
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                cell.update(outputs=[], execution_count=None)
        (folder / path.name).write_text(json.dumps(notebook), encoding="utf-8")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def wait_for_server(server: subprocess.Popen, address: str, log: Path, seconds: float = 120) -> None:
    """Return when the server answers; fail with its log when it ends or never answers."""
    until = time.monotonic() + seconds
    while server.poll() is None and time.monotonic() < until:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:  # not listening yet
            time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator:
    film = save_camera(ROOT / "inference_data/push_up.mp4", tmp_path_factory.mktemp("camera") / "camera.y4m")
    with playwright.sync_playwright() as play:
        chromium = play.chromium.launch(
            executable_path=CHROMIUM,
            # A clip takes the place of the camera, and nobody has to allow it.
            args=[
                "--no-sandbox",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-video-capture={film}",
                "--use-fake-ui-for-media-stream",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser) -> Iterator[Page]:
    """An empty page; at the end of the test its console must hold no error of ours."""
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, accept_downloads=True)
    context.set_default_timeout(MINUTE)
    page, faults = context.new_page(), []
    page.on("pageerror", lambda error: faults.append(f"uncaught: {error}"))
    page.on("console", lambda entry: faults.append(entry.text) if entry.type == "error" else None)
    yield page
    context.close()
    assert [fault for fault in faults if NOT_OURS not in fault] == []


def run_all(page: Page, lab: str, name: str, minutes: float = 15) -> None:
    """Open a notebook, run all its cells by the menu, and wait until the last has run without an error."""
    page.goto(lab.replace("NAME", name))
    page.wait_for_function(f"({CELLS})()?.idle", timeout=2 * MINUTE)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_function(
        f"(() => {{ const now = ({CELLS})(); return now.errors.length || (now.idle && now.run === now.all); }})()",
        timeout=minutes * MINUTE,
    )
    assert page.evaluate(CELLS)["errors"] == []


def panel(page: Page, title: str) -> Locator:
    """The panel with this title, scrolled to."""
    heading = page.get_by_role("heading", name=title, exact=True)
    found = page.locator(".jp-OutputArea-output .widget-vbox").filter(has=heading).first
    found.scroll_into_view_if_needed()
    assert found.evaluate("panel => panel.scrollWidth - panel.clientWidth") <= 0, "wider than the page"
    return found


def slider(where: Locator, name: str) -> Locator:
    """The handle of a slider, to be focused and moved by keys."""
    return where.locator(".widget-slider").filter(has_text=name).locator(".noUi-handle")


def choose(where: Locator, name: str, option: str) -> None:
    where.get_by_label(name, exact=True).select_option(option)


def shoot(page: Page, what: Locator, name: str) -> None:
    """Store pictures of a panel where WORKOUTLIB_SCREENSHOTS names a folder: three widths, light and dark."""
    if not (folder := os.environ.get("WORKOUTLIB_SCREENSHOTS")):
        return
    for width, mark in ((1920, "-1920"), (390, "-390"), (WIDTH, "")):
        page.set_viewport_size({"width": width, "height": 2400})  # high enough for a panel in one piece
        page.evaluate(f"window.jupyterapp.shell.{'collapseLeft' if width < WIDTH else 'expandLeft'}()")
        for scheme, light in (("light", "true"), ("dark", "false")):
            page.emulate_media(color_scheme=scheme)
            expect(page.locator("body")).to_have_attribute("data-jp-theme-light", light)
            expect(page.locator("#jupyterlab-splash")).to_have_count(0)  # it comes with another theme, and fades
            what.scroll_into_view_if_needed()
            what.screenshot(path=Path(folder) / f"{name}{mark}-{scheme}.png")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})


def test_01_data_exploration(lab, page):
    run_all(page, lab, "01_data_exploration.ipynb")
    figures = page.locator(".jp-OutputArea-output img")
    expect(figures).not_to_have_count(0)
    shoot(page, page.locator(".jp-OutputArea-output").filter(has=page.locator("img")).last, "01-pictures")


def test_02_the_playground_draws_what_the_sliders_say(lab, page):
    run_all(page, lab, "02_augmentation.ipynb")
    playground = panel(page, "Augmentation playground")
    picture, code = playground.locator("img").last, playground.locator("code")
    before = picture.get_attribute("src")
    slider(playground, "rotation").press("End")
    expect(code).to_contain_text("rotation=90.0")
    expect(picture).not_to_have_attribute("src", before)
    turned = picture.get_attribute("src")
    playground.get_by_role("button", name="Draw again").click()
    expect(picture).not_to_have_attribute("src", turned)
    choose(playground, "start from", "tutorial")
    expect(code).to_have_text('Config.profile("tutorial")')
    shoot(page, playground, "02-playground")
    before = picture.get_attribute("src")
    playground.get_by_label("Your own photo").set_input_files(ROOT / "inference_data/hammer_curl.jpg")
    expect(picture).not_to_have_attribute("src", before)


def test_03_training_starts_stops_and_can_be_resumed(lab, page):
    run_all(page, lab, "03_fine_tuning.ipynb")
    control = panel(page, "Control panel")
    train, stop, resume = (control.get_by_role("button", name=name) for name in ("Train", "Stop", "Resume"))
    expect(resume).to_be_disabled()
    slider(control, "epochs").press("End")
    expect(control.locator("code")).to_contain_text("epochs=30")
    batch = control.get_by_label("batch size", exact=True)
    batch.fill("0")
    batch.press("Tab")
    expect(control.get_by_role("alert")).to_contain_text("batch_size")
    expect(train).to_be_disabled()
    batch.fill("32")
    batch.press("Tab")
    expect(control.get_by_role("alert")).to_have_count(0)
    train.click()
    expect(stop).to_be_enabled()
    expect(control.get_by_role("status")).to_contain_text("epoch 1 of 30, step", timeout=3 * MINUTE)
    expect(control.get_by_alt_text("Loss by epoch")).to_be_visible()
    shoot(page, control, "03-training")
    stop.click()
    expect(control.get_by_role("status")).to_contain_text("stopped; best epoch so far: 0", timeout=3 * MINUTE)
    expect(resume).to_be_enabled()
    expect(train).to_be_enabled()
    expect(stop).to_be_disabled()
    expect(control.locator("table")).to_contain_text("run-001")
    shoot(page, control, "03-stopped")
    resume.click()
    expect(control.get_by_role("status")).to_contain_text("epoch 1 of 30, step", timeout=3 * MINUTE)
    stop.click()
    expect(control.get_by_role("status")).to_contain_text("stopped; best epoch", timeout=3 * MINUTE)


def test_04_a_cell_of_the_matrix_shows_its_pictures(lab, page):
    run_all(page, lab, "04_evaluation.ipynb")
    errors = panel(page, "Error browser")
    matrix = errors.locator("table").first
    assert matrix.evaluate("table => table.scrollWidth - table.parentElement.clientWidth") <= 0, "a column is cut"
    shoot(page, errors, "04-mistakes")
    cell = errors.locator("button[title*='recognised']").first
    name = cell.get_attribute("title").split(" recognised")[0]
    cell.click()
    expect(errors.get_by_label("true", exact=True)).to_have_value(name)
    expect(errors.get_by_label("predicted", exact=True)).to_have_value(name)
    expect(errors.get_by_role("status")).to_contain_text(f"{cell.inner_text()} pictures")
    expect(errors.locator("button[aria-pressed=true]")).to_have_text(cell.inner_text())
    picture = errors.locator("img").first
    expect(picture).to_be_visible()
    before = picture.get_attribute("src")
    choose(errors, "sort by", "least confident first")
    expect(picture).not_to_have_attribute("src", before)
    before = picture.get_attribute("src")
    choose(errors, "true", "any")
    choose(errors, "predicted", "any")
    choose(errors, "by", "clip")
    expect(errors.get_by_role("status")).to_contain_text("wrongly recognised clips")
    expect(picture).not_to_have_attribute("src", before)
    shoot(page, errors, "04-cell")


def test_05_a_photo_is_uploaded_or_dropped(lab, page):
    run_all(page, lab, "05_image_inference.ipynb")
    photos = panel(page, "Photo panel")
    shoot(page, photos, "05-folder")
    files = photos.get_by_role("row").filter(has=page.get_by_role("button"))
    second = files.nth(1)
    second.click()
    expect(photos.get_by_alt_text(second.get_by_role("button").inner_text())).to_be_visible()
    photos.get_by_label("Upload photos").set_input_files(ROOT / "inference_data/hammer_curl.jpg")
    expect(photos.get_by_alt_text("hammer_curl.jpg")).to_be_visible()
    expect(photos.get_by_alt_text("what speaks for")).to_be_visible()
    expect(files).to_have_count(1)
    shoot(page, photos, "05-upload")
    drop_file(page, photos.locator(".drop"), ROOT / "inference_data/bench_press.jpg")
    expect(photos.get_by_alt_text("bench_press.jpg")).to_be_visible()
    with page.expect_download() as download:
        photos.get_by_role("link", name="Download photos.csv").click()
    assert "bench_press.jpg" in Path(download.value.path()).read_text()


def drop_file(page: Page, zone: Locator, path: Path) -> None:
    """Drop a file of this machine on a part of the page."""
    files = page.evaluate_handle(
        """([name, bytes]) => {
          const files = new DataTransfer();
          files.items.add(new File([new Uint8Array(bytes)], name, {type: 'image/jpeg'}));
          return files;
        }""",
        [path.name, list(path.read_bytes())],
    )
    zone.dispatch_event("drop", {"dataTransfer": files})


def padded(path: Path, target: Path, size: int) -> Path:
    """A copy of an MP4 with an empty box at its end, as large as a phone's clip and as quick to decode as before."""
    content = path.read_bytes()
    room = size - len(content)
    target.write_bytes(content + room.to_bytes(4, "big") + b"free" + bytes(room - 8))
    return target


def test_06_a_clip_is_cut_into_segments_that_can_be_jumped_to(lab, page, tmp_path):
    run_all(page, lab, "06_video_inference.ipynb")
    clips = panel(page, "Clip panel")
    shoot(page, clips, "06-clip")
    large = padded(ROOT / "inference_data/push_up.mp4", tmp_path / "push_up.mp4", 60_000_000)
    clips.get_by_label("Upload a clip").set_input_files(large)
    expect(clips.get_by_label("Upload", exact=True)).to_be_visible()
    expect(clips.get_by_role("link", name="Download push_up.segments.csv")).to_be_visible(timeout=3 * MINUTE)
    expect(clips.get_by_label("clip", exact=True).locator("option:checked")).to_have_text("push_up.mp4")
    choose(clips, "clip", "workout.mp4")
    expect(clips.get_by_role("link", name="Download workout.segments.csv")).to_be_visible(timeout=3 * MINUTE)
    segments = clips.get_by_role("button", name="Go to")
    slider(clips, "shortest").press("Home")
    slider(clips, "smoothing").press("Home")
    expect(clips.locator(".widget-slider").filter(has_text="smoothing").locator(".widget-readout")).to_have_text("0.0")
    single = segments.count()
    slider(clips, "smoothing").press("End")
    expect(segments).not_to_have_count(single)
    video = clips.locator("video")
    expect(video).to_have_js_property("readyState", 4)

    def goes_to_the_last() -> bool:
        """Whether Enter brings the video to the last segment; not while the list is drawn anew."""
        start = float(segments.last.get_attribute("data-start"))
        segments.last.press("Enter")
        page.wait_for_timeout(500)
        return start > 0 and abs(video.evaluate("video => video.currentTime") - start) < 0.05

    assert any(goes_to_the_last() for _ in range(60))
    expect(clips.locator(".now")).to_contain_text(segments.last.inner_text())
    shoot(page, clips, "06-segments")
    look_into_the_camera(page)


def look_into_the_camera(page: Page) -> None:
    camera = panel(page, "Webcam")
    page.evaluate(KEEP_STREAMS)
    for _ in range(2):  # somebody presses twice
        camera.get_by_role("button", name="Start camera").click()
    picture = camera.locator("img[data-frame]")
    expect(picture).to_be_visible()
    first = picture.get_attribute("data-frame")
    expect(picture).not_to_have_attribute("data-frame", first)
    assert picture.evaluate("image => image.naturalWidth / image.naturalHeight") == pytest.approx(16 / 9)
    page.wait_for_timeout(8000)  # until a repetition is counted
    shoot(page, camera, "06-webcam")
    camera.get_by_role("button", name="Stop").click()
    page.wait_for_function("streams.length === 2 && streams.every(stream => !stream.active)")


def test_07_the_chosen_photo_gets_its_skeleton_and_angles(lab, page, estimator):
    run_all(page, lab, "07_poses.ipynb")
    poses = panel(page, "Pose panel")
    choose(poses, "photo", "lat_pulldown.jpg")
    expect(poses.get_by_alt_text("Skeleton on lat_pulldown.jpg")).to_be_visible()
    expect(poses.locator("table")).to_contain_text("knee")
    shoot(page, poses, "07-poses")
    poses.get_by_label("Upload photos").set_input_files(ROOT / "inference_data/hammer_curl.jpg")
    expect(poses.get_by_alt_text("Skeleton on hammer_curl.jpg")).to_be_visible()
    page.evaluate(KEEP_STREAMS)
    for _ in range(2):
        poses.get_by_role("button", name="Start camera").click()
    take = poses.get_by_role("button", name="Take photo")
    expect(take).to_be_enabled()
    page.wait_for_function("streams.length === 2 && !streams[0].active && streams[1].active")
    take.click()
    expect(poses.get_by_alt_text("camera 1")).to_be_visible()
    page.wait_for_function("streams.every(stream => !stream.active)")


def test_08_the_slider_counts_anew(lab, page, estimator):
    run_all(page, lab, "08_repetitions_and_form.ipynb")
    repetitions = panel(page, "Repetition panel")
    picture = repetitions.get_by_alt_text("repetitions of squat")
    expect(picture).to_be_visible()
    shoot(page, repetitions, "08-repetitions")
    before = repetitions.get_by_role("status").inner_text()
    slider(repetitions, "Hysteresis").press("End")
    expect(repetitions.get_by_role("status")).not_to_have_text(before)
    expect(picture).to_have_attribute("alt", "0 repetitions of squat")
    page.set_viewport_size({"width": 390, "height": HEIGHT})
    page.evaluate("window.jupyterapp.shell.collapseLeft()")
    assert repetitions.locator("img").evaluate(SCROLLS)
    parts = "panel.querySelectorAll('*:not(img)')"  # the chart is scrolled: it would be too small to read
    ends = f"panel => [panel, ...{parts}].map(part => part.getBoundingClientRect().right)"
    edge, *parts = repetitions.evaluate(ends)
    assert max(parts) <= edge, "clipped on a narrow page"


def test_09_a_click_or_a_key_says_what_a_clip_shows(lab, page, estimator):
    run_all(page, lab, "09_more_data.ipynb")
    review = panel(page, "Review")
    status = review.get_by_role("status")
    expect(status).to_contain_text("0 of")
    shoot(page, review, "09-review")
    cells = page.locator(".jp-CodeCell").count()
    review.get_by_role("button", name="(1)").click()
    expect(status).to_contain_text("1 of")
    review.get_by_role("button", name="undo").click()
    expect(status).to_contain_text("0 of")
    review.locator("img").first.click()
    undo = review.get_by_role("button", name="undo")
    for _ in range(2):  # the picture that comes by key hears the next one
        page.keyboard.press("s")
        expect(undo).to_be_enabled()
        page.keyboard.press("u")
        expect(undo).to_be_disabled()
    page.keyboard.press("1")  # no heading, as elsewhere in JupyterLab
    expect(status).to_contain_text("1 of")
    assert not page.evaluate(CELLS)["errors"] and page.locator(".jp-CodeCell").count() == cells
    page.keyboard.press("u")
    expect(status).to_contain_text("0 of")
    page.keyboard.press("n")
    expect(status).to_contain_text("1 of")
