"""Interlaced clips: one picture of two moments, without the comb that a mixture of both would show."""

from pathlib import Path

import av
import numpy as np
import pytest
from helpers.clips import moving, write_with

from workoutlib.media.video_reader import read_frames


def bar(left: int) -> np.ndarray:
    """A white bar on black whose left edge is there."""
    picture = np.zeros((48, 96, 3), np.uint8)
    picture[:, left : left + 24] = 255
    return picture


def interlaced(path: Path, count: int = 12) -> Path:
    """The bar moves by 4 pixels from the even rows to the odd ones, and on to the next frame's even rows."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg2video", rate=25, options={"flags": "+ildct+ilme", "top": "1"})
        stream.width, stream.height, stream.pix_fmt = 96, 48, "yuv420p"
        stream.codec_context.bit_rate = 4_000_000
        for number in range(count):
            mixed = bar(2 * number * 2)
            mixed[1::2] = bar((2 * number + 1) * 2)[1::2]
            out.mux(stream.encode(av.VideoFrame.from_ndarray(mixed, "rgb24")))
        out.mux(stream.encode(None))
    return path


def comb(frame: np.ndarray) -> float:
    """Mean difference between neighbouring rows, in grey levels: 0 for an upright bar."""
    return float(np.abs(np.diff(frame.astype(int).mean(2), axis=0)).mean())


def test_the_fields_are_told_apart(tmp_path: Path) -> None:
    path = interlaced(tmp_path / "a.mpg")
    with av.open(str(path)) as container:
        stored = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    found = list(read_frames(path))
    assert [time for time, _ in found] == pytest.approx([number / 25 for number in range(12)], abs=0.001)
    assert min(map(comb, stored[2:])) > 8 and max(comb(frame) for _, frame in found[2:]) < 3
    for number, (_, frame) in enumerate(found):  # one of the two moments, not both
        assert min(np.abs(frame.astype(int) - bar(4 * number + late)).mean() for late in (0, 2)) < 6


def test_other_clips_stay_as_they_are(tmp_path: Path) -> None:
    path = write_with(tmp_path / "a.mkv", moving(5), "ffv1", pixels="bgr0")
    assert all(np.array_equal(frame, own) for (_, frame), own in zip(read_frames(path), moving(5), strict=True))


def test_a_size_that_changes_in_the_middle_loses_no_frame(tmp_path: Path) -> None:
    parts = [interlaced(tmp_path / "a.mpg"), write_with(tmp_path / "b.mpg", moving(9, 64, 96), "mpeg2video")]
    joined = tmp_path / "c.mpg"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    with av.open(str(joined)) as container:
        count = len(list(container.decode(video=0)))
    frames = [frame for _, frame in read_frames(joined)]
    assert len(frames) == count >= 20 and {frame.shape for frame in frames} == {(48, 96, 3)}
