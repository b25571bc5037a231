"""Picture, hands and skeleton, each alone and together, on pictures that none of them was fitted to."""

import numpy as np
import pytest

from workoutlib.training import parts as parts_module
from workoutlib.training.experiments import split_catalog
from workoutlib.training.parts import measure_parts


@pytest.mark.slow
def test_the_whole_is_the_sum_of_its_parts(catalog, config, estimator, monkeypatch):
    monkeypatch.setattr(parts_module, "PoseEstimator", lambda: estimator)
    found = measure_parts(catalog, config, progress=False)
    assert list(found) == ["picture", "hands", "skeleton", "picture and skeleton", "all"]
    picture, hands, skeleton, two, together = (each.logits for each in found.values())
    np.testing.assert_allclose(two, picture + skeleton, atol=1e-4)
    np.testing.assert_allclose(together, picture + hands + skeleton, atol=1e-4)
    assert hands.std() > 0.1 and skeleton.std() > 0.1
    expected = split_catalog(catalog, config)["valid"]
    assert all(each.catalog["path"].tolist() == expected["path"].tolist() for each in found.values())
    assert (together.argmax(1) == found["all"].targets).mean() > 0.5
