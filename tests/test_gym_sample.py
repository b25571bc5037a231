"""The version of the built-in sample: who changes what the gym renders has to raise it."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from workoutlib.gym import SAMPLE_VERSION, render_clip, render_still
from workoutlib.gym.exercises import EXERCISES, UNKNOWN

STORED = Path(__file__).parent / "fixtures" / "sample_colours.json"
TOLERANCE = 2  # of 255: room for other versions of OpenCV and NumPy, far below any change of the scene


def mean_colours(name: str) -> list[int]:
    """The mean colours of 4 × 3 fields of two frames of a clip and, for an exercise, of a still."""
    pictures = list(render_clip(name, 1, frames=2, frames_per_second=1, size=(160, 120)).frames)
    if name in EXERCISES:
        pictures.append(render_still(name, 1, (160, 120))[0])
    fields = [cv2.resize(picture, (4, 3), interpolation=cv2.INTER_AREA) for picture in pictures]
    return np.concatenate(fields).ravel().tolist()


@pytest.mark.parametrize("name", [*EXERCISES, *UNKNOWN])
def test_the_pixels_are_those_of_this_version(name):
    """After a wanted change: raise SAMPLE_VERSION, then run ``python tests/test_gym_sample.py``."""
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    assert stored["version"] == SAMPLE_VERSION, "run python tests/test_gym_sample.py to store the new colours"
    change = np.abs(np.subtract(mean_colours(name), stored["colours"][name]))
    assert change.max() <= TOLERANCE, "what the gym renders has changed: raise SAMPLE_VERSION in workoutlib/gym"


if __name__ == "__main__":
    colours = {name: mean_colours(name) for name in [*EXERCISES, *UNKNOWN]}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(values)}" for name, values in colours.items())
    STORED.write_text(f'{{"version": {SAMPLE_VERSION}, "colours": {{\n{lines}\n}}}}\n', encoding="utf-8")
