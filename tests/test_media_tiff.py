"""TIFFs of several pages and of pixels that Pillow does not know."""

import threading
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.pictures import BLUE, GREEN, RED, quarters
from PIL import Image
from PIL.TiffImagePlugin import AppendingTiffWriter

from workoutlib.media import images
from workoutlib.media.images import read_image
from workoutlib.media.tiff import read_odd_tiff
from workoutlib.utils.errors import WorkoutlibError


def save(path: Path, pixels: np.ndarray) -> Path:
    assert cv2.imwrite(str(path), np.ascontiguousarray(pixels[..., ::-1]))
    return path


def test_the_first_page_is_read_with_a_note(tmp_path: Path) -> None:
    pages = [Image.new("RGB", (64, 48), colour) for colour in (RED, GREEN, BLUE)]
    pages[0].save(tmp_path / "scan.tif", save_all=True, append_images=pages[1:])
    with pytest.warns(UserWarning, match="has 3 pages: the first is read"):
        assert np.array_equal(read_image(tmp_path / "scan.tif"), np.asarray(pages[0]))


@pytest.mark.parametrize("first", ["small", "large"])
def test_a_smaller_copy_is_no_page(tmp_path: Path, first: str, recwarn: pytest.WarningsRecorder) -> None:
    """Cameras put a thumbnail in front of the picture, scanners and maps smaller copies behind it."""
    large, small = Image.fromarray(quarters()), Image.fromarray(quarters()).resize((16, 12))
    with AppendingTiffWriter(tmp_path / "a.tif", new=True) as writer:
        for page in (small, large) if first == "small" else (large, small):
            page.save(writer, "TIFF", tiffinfo={254: int(page is small)})
            writer.newFrame()
    with Image.open(tmp_path / "a.tif") as image:
        assert image.n_frames == 2
    assert np.array_equal(read_image(tmp_path / "a.tif"), quarters()) and not recwarn.list


def test_too_large_a_page_is_not_decoded_because_its_thumbnail_is_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with AppendingTiffWriter(tmp_path / "a.tif", new=True) as writer:
        for side, kind in ((16, 1), (64, 0)):
            Image.new("RGB", (side, side)).save(writer, "TIFF", tiffinfo={254: kind})
            writer.newFrame()
    monkeypatch.setattr(images, "MAX_PIXELS", 1000)
    with pytest.raises(WorkoutlibError, match="64 × 64 pixels are above the limit"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("scale", [1.0, 255.0])
def test_colours_as_floats(tmp_path: Path, scale: float) -> None:
    path = save(tmp_path / "a.tif", quarters().astype(np.float32) / 255 * scale)
    assert np.abs(read_image(path).astype(int) - quarters()).max() <= 1


@pytest.mark.parametrize("kind", [np.uint16, np.uint32])
def test_deep_colours(tmp_path: Path, kind: type) -> None:
    path = save(tmp_path / "a.tif", quarters().astype(kind) * 257)
    assert np.abs(read_image(path).astype(int) - quarters()).max() <= 1


def test_too_large_a_one_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.tif", quarters().astype(np.float32) / 255)
    assert read_odd_tiff(path, 64 * 48) is not None and read_odd_tiff(path, 64 * 48 - 1) is None
    monkeypatch.setattr(images, "MAX_PIXELS", 1000)
    with pytest.raises(WorkoutlibError, match="Cannot read the picture"):
        read_image(path)


def test_a_broken_one_is_refused_without_a_word_of_opencv(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = save(tmp_path / "a.tif", quarters().astype(np.float32) / 255).read_bytes()
    for length in (8, 9, 100, len(data) // 2, len(data) - 1):
        (tmp_path / "cut.tif").write_bytes(data[:length])
        with warnings.catch_warnings(), pytest.raises(WorkoutlibError):
            warnings.simplefilter("ignore")
            read_image(tmp_path / "cut.tif")
    assert capfd.readouterr().err == ""


def test_opencv_speaks_again_after_two_were_read_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one waits until the second has begun, or has been made to wait for it."""
    path = save(tmp_path / "a.tif", quarters().astype(np.float32) / 255)
    level, decode, first, second = cv2.utils.logging.getLogLevel(), cv2.imdecode, threading.Event(), threading.Event()
    order = []

    def slow(data: np.ndarray, flags: int) -> np.ndarray:
        order.append(threading.current_thread().name)
        if len(order) == 1:
            first.set()
            second.wait(0.5)
        else:
            second.set()
            threads[0].join(0.5)  # the first ends in the middle of the second
        return decode(data, flags)

    monkeypatch.setattr(cv2, "imdecode", slow)
    threads = [threading.Thread(target=read_odd_tiff, args=(path, 10**6)) for _ in range(2)]
    threads[0].start()
    assert first.wait(30)
    threads[1].start()
    for thread in threads:
        thread.join()
    assert len(order) == 2 and cv2.utils.logging.getLogLevel() == level > 0


@pytest.mark.parametrize("name", ["a.dng", "a.jpg"])
def test_a_raw_file_of_which_only_a_thumbnail_can_be_read_is_refused(tmp_path: Path, name: str) -> None:
    """DNG, NEF and ARW are TIFFs whose only page is a thumbnail; the photo lies inside of that page."""
    Image.fromarray(quarters()).save(tmp_path / name, "TIFF", tiffinfo={254: 1, 330: 8})
    with pytest.raises(WorkoutlibError, match=r"a camera's raw file.*Export it as JPEG"):
        read_image(tmp_path / name)
    Image.fromarray(quarters()).save(tmp_path / name, "TIFF", tiffinfo={254: 1})
    assert np.array_equal(read_image(tmp_path / name), quarters())


def test_a_raw_file_that_is_no_tiff_for_pillow_is_told_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.NEF").write_bytes(b"MM\0*\0\0\0\x08" + bytes(90))
    with pytest.raises(WorkoutlibError, match="a camera's raw file, not a picture"):
        read_image(tmp_path / "a.NEF")
