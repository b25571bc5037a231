"""The logistic regression behind every head."""

import numpy as np

from workoutlib.models.linear import fit_linear


def features_of(classes: int, count: int = 220, size: int = 640) -> tuple[np.ndarray, np.ndarray]:
    """Features like those of a body: not negative, float32, and what their classes are."""
    rng = np.random.default_rng(0)
    targets = np.arange(count) % classes
    centres = rng.standard_normal((classes, size)) / 4
    return np.maximum(rng.standard_normal((count, size)) + centres[targets], 0).astype(np.float32), targets


def test_rounding_does_not_decide_what_is_learned():
    features, targets = features_of(22)
    noise = 1 + 1e-7 * np.random.default_rng(1).standard_normal(features.shape)
    one, other = fit_linear(features, targets, 22)[0], fit_linear((features * noise).astype(np.float32), targets, 22)[0]
    assert not np.array_equal(features, (features * noise).astype(np.float32))
    assert np.abs(one - other).max() < 5e-7 * np.abs(one).max()


def test_the_standardisation_is_part_of_the_result():
    features, targets = features_of(3)
    plain = features @ (fit_linear(features, targets, 3)[0].T)
    moved = features * 7 + 100
    weight, bias = fit_linear(moved, targets, 3)
    shifted = moved @ weight.T + bias
    first, second = (logits - logits.mean(1, keepdims=True) for logits in (plain, shifted))
    assert np.abs((first - second) - (first - second).mean(0)).max() < 1e-2
    assert ((plain + fit_linear(features, targets, 3)[1]).argmax(1) == targets).mean() == 1


def test_a_class_without_examples_is_never_the_answer_and_one_alone_gives_nothing():
    features, targets = features_of(2)
    weight, bias = fit_linear(features, targets * 2, 4)  # classes 0 and 2 of 4
    assert set((features @ weight.T + bias).argmax(1)) == {0, 2}
    weight, bias = fit_linear(features, np.zeros(len(features), int), 4)
    assert not weight.any() and not bias.any()
