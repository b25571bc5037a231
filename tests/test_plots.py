"""Figures whose details a glance at a notebook does not show."""

import pandas as pd
import pytest

from workoutlib import plots


@pytest.mark.parametrize("epochs", [[0], [3], [0, 1], list(range(31))])
def test_curves_have_whole_epochs_on_their_axis(epochs):
    count = len(epochs)
    history = pd.DataFrame(
        {"epoch": epochs, "train_loss": [float("nan")] + [0.5] * (count - 1), "valid_loss": [0.6] * count}
    )
    (axis,) = plots.plot_loss(history).axes
    low, high = axis.get_xlim()
    ticks = [tick for tick in axis.get_xticks() if low <= tick <= high]
    assert ticks and all(tick == round(tick) for tick in ticks)
