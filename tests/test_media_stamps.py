"""When frames are shown where the container does not say it."""

from pathlib import Path

import numpy as np
import pytest
from helpers.clips import moving, read_with_note, write_with
from PIL import Image

from workoutlib.media.video_reader import probe_clip, read_frames


@pytest.mark.parametrize("name", ["a.avi", "a.asf"])
def test_frames_stored_in_another_order_come_evenly(tmp_path: Path, name: str) -> None:
    """H.264 with B-frames in containers that store when a frame is decoded alone."""
    shades = [np.full((48, 64, 3), 4 * index, np.uint8) for index in range(50)]
    path = write_with(tmp_path / name, shades, max_b_frames=3, gop_size=25)
    times, end, note = read_with_note(path)
    assert times == pytest.approx([index / 25 for index in range(50)], abs=0.002)
    assert end == pytest.approx(2.0, abs=0.05) and note == ""  # ASF states a frame too many
    seen = [frame.mean() for _, frame in read_frames(path)]
    assert seen == pytest.approx([4 * index for index in range(50)], abs=3)


def test_a_gif_is_as_long_as_in_a_browser(tmp_path: Path) -> None:
    """Browsers show frames that state 10 milliseconds for 100."""
    lengths = [40, 10, 20, 500, 10]
    first, *rest = map(Image.fromarray, moving(5))
    first.save(tmp_path / "a.gif", save_all=True, append_images=rest, duration=lengths)
    times, end, note = read_with_note(tmp_path / "a.gif")
    shown = [0.04, 0.1, 0.02, 0.5, 0.1]
    assert times == pytest.approx(np.cumsum([0, *shown[:-1]]), abs=0.002)
    assert end == pytest.approx(sum(shown), abs=0.002) and note == ""
    info = probe_clip(tmp_path / "a.gif")
    assert info.frames == 5 and info.duration == pytest.approx(sum(shown), abs=0.002)


def test_a_damaged_transport_stream_says_what_is_missing(tmp_path: Path) -> None:
    """Its packets are numbered: where some are missing, one or two frames that did not come are no camera's."""
    path = write_with(tmp_path / "a.ts", moving(100), max_b_frames=0, gop_size=25)
    data, part = path.read_bytes(), tmp_path / "part.ts"
    count, lost = len(data) // 188, set()
    for start in range(count // 2, count // 2 + 60, 7):
        part.write_bytes(data[: 188 * start] + data[188 * (start + 3) :])
        times, end, note = read_with_note(part)
        assert end == pytest.approx(4.0, abs=0.002)
        lost.add(100 - len(times))
        if len(times) < 100:
            assert f"{100 - len(times)} of 100 frames" in note and "missing (from" in note
    assert {1, 2} <= lost
    assert read_with_note(path)[2] == ""
