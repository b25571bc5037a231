"""On 220 images of the real data set, where they lie beside the checkout: what a split hides, and that it is found."""

from pathlib import Path

import pytest

from workoutlib.config import Config
from workoutlib.data.catalog import read_catalog
from workoutlib.evaluation.metrics import scores
from workoutlib.training.experiments import measure_leak, near_duplicate_groups

PICTURES = Path(__file__).parents[2] / "shared" / "data" / "kaggle_sample"


@pytest.mark.skipif(not PICTURES.is_dir(), reason="the real pictures are not beside this checkout")
def test_cuts_of_one_recording_are_found_and_were_easy_questions():
    catalog = read_catalog(PICTURES)
    groups = near_duplicate_groups(catalog, progress=False)
    assert 20 <= groups.attrs["merged"] <= 45
    found = measure_leak(catalog, Config.profile("quick"), groups=groups, progress=False)
    by_video, by_recording = (scores(found[way])["top1"] for way in ("by video", "by recording"))
    assert 0.55 < by_video < 0.7 and by_video - by_recording > 0.04
