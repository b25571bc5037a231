"""Heads for hands, fitted to some pictures of a catalog and evaluated on others."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.tiny import make_model
from PIL import Image
from test_pose_hands import person

from workoutlib.config import Config
from workoutlib.evaluation.predictions import Predictions
from workoutlib.models.build import Classifier
from workoutlib.pose.body_model import fit_body
from workoutlib.pose.pictures import estimate_poses
from workoutlib.pose.skeleton import Pose
from workoutlib.training.bodies import Bodies

LABELS = ("plank", "push up", "squat")
CONFIG = Config(resize=64, crop=64, body=True)
GRIPS = {"plank": (200, 30, 30), "push up": (30, 200, 30), "squat": (30, 30, 200)}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory) -> pd.DataFrame:
    """Grey pictures in which only what the hands hold tells the classes apart; nobody is in the last of each class."""
    rows, folder = [], tmp_path_factory.mktemp("hands")
    for number in range(18):
        label = LABELS[number % 3]
        pixels = np.random.default_rng(number).integers(90, 110, (200, 200, 3), dtype=np.uint8)
        for x in (50, 150):
            pixels[80:120, x - 20 : x + 20] = GRIPS[label]
        path = folder / f"{number}.png"
        Image.fromarray(pixels).save(path)
        rows.append({"path": str(path), "label": label, "video": path.stem, "source": "frame"})
    return pd.DataFrame(rows, index=np.arange(18) * 7 + 3)


@pytest.fixture(scope="module")
def estimator():
    """Finds the same person everywhere but in the last three pictures."""
    return SimpleNamespace(exerciser=lambda path: None if int(path.rpartition("/")[2][:-4]) >= 15 else person())


@pytest.fixture
def bodies(catalog, estimator, tmp_path) -> Bodies:
    return Bodies(catalog, LABELS, estimator, CONFIG, cache=tmp_path, progress=False)


def predicted(catalog: pd.DataFrame) -> Predictions:
    return Predictions(catalog, np.zeros((len(catalog), 3), np.float32), LABELS)


BODY = fit_body(np.empty((0, 33, 3)), np.empty(0, int), LABELS)


def said(bodies: Bodies, model: Classifier, rows: pd.DataFrame) -> np.ndarray:
    """What the hands add to the logits of pictures, besides the skeletons."""
    poses = bodies.poses.select(bodies.catalog.index.get_indexer(rows.index))
    return bodies.fuse(predicted(rows), model, BODY).logits - BODY.fuse(None, poses)


def test_hands_tell_what_the_picture_does_not(catalog, bodies):
    model, train, valid = make_model(), catalog.iloc[:9], catalog.iloc[[17, 14, 11, 9, 10, 12]]
    assert not said(bodies, model, valid).any()
    bodies.fit_hands(model, train)
    hands = said(bodies, model, valid)
    assert (hands[1:].argmax(1) == predicted(valid).targets[1:]).all()
    assert hands[0] == pytest.approx(-np.log(3))  # nobody is there
    np.testing.assert_allclose(said(bodies, model, valid.iloc[::-1])[::-1], hands, atol=1e-5)


def test_only_the_rows_that_are_given_count(catalog, bodies, estimator):
    one, other, third = make_model(), make_model(), make_model()
    bodies.fit_hands(one, catalog.iloc[:9])
    wrong = catalog.assign(label=np.where(np.arange(18) < 9, catalog["label"], "squat"))
    Bodies(wrong, LABELS, estimator, CONFIG, progress=False).fit_hands(other, wrong.iloc[:9])
    assert torch.equal(one.hands.weight, other.hands.weight) and torch.equal(one.hands.bias, other.hands.bias)
    bodies.fit_hands(third, catalog.iloc[3:12])
    assert not torch.equal(one.hands.weight, third.hands.weight)


def test_hands_of_added_pictures_are_not_learned_from(catalog, bodies):
    rows = catalog.iloc[:12].assign(added=np.arange(12) >= 9)
    with_added, own, all_own = make_model(), make_model(), make_model()
    bodies.fit_hands(with_added, rows)
    bodies.fit_hands(own, catalog.iloc[:9])
    bodies.fit_hands(all_own, rows.assign(added=False))
    assert torch.equal(with_added.hands.weight, own.hands.weight)
    assert not torch.allclose(all_own.hands.weight, own.hands.weight)


def test_all_looks_at_a_pose_are_learned_from_and_kept_with_it(catalog, tmp_path):
    """Each says what the pose does not, and all together count as one look."""
    upright = person()
    lying = upright.world[:, [1, 0, 2]]
    labels = dict(zip(catalog["path"], catalog["label"], strict=True))

    def looked_at(path: str) -> Pose:
        return replace(upright, looks=np.stack([lying if labels[path] == "push up" else upright.world] * 3))

    def of(exerciser, name: str) -> Bodies:
        stub = SimpleNamespace(exerciser=exerciser)
        return Bodies(catalog, LABELS, stub, CONFIG, cache=tmp_path / name, progress=False)

    several, single = of(looked_at, "several"), of(lambda path: upright, "single")
    kept = estimate_poses(catalog["path"].tolist(), None, cache=tmp_path / "several")
    assert np.array_equal(kept.looks, several.poses.looks) and kept.worlds.shape == (4, 18, 33, 3)
    answers = several.fit(catalog).pose_log_probabilities(lying)
    assert answers.argmax() == 1 and answers[1] > single.fit(catalog).pose_log_probabilities(lying)[1] + 0.5
    single.poses = replace(single.poses, world=several.poses.looks[:, 0])
    several.poses = replace(several.poses, world=several.poses.looks[:, 0])
    weights = [bodies.fit(catalog).skeleton.head.weight for bodies in (several, single)]
    torch.testing.assert_close(*weights, atol=1e-3, rtol=0.02)


def test_of_a_class_without_hands_neither_yes_nor_no_is_said(catalog, bodies):
    model = make_model()
    bodies.fit_hands(model, catalog[catalog["label"] != "push up"].iloc[:8])
    weight = model.hands.weight
    assert weight[1] == pytest.approx((weight[0] + weight[2]) / 2)
    hands = said(bodies, model, catalog.iloc[:3])
    assert (hands[[0, 2]].argmax(1) == [0, 2]).all() and (hands[[0, 2], 1] > hands[[0, 2], [2, 0]]).all()


def test_one_class_or_nobody_fits_no_head(catalog, bodies):
    for rows in (catalog[catalog["label"] == "squat"], catalog.iloc[15:]):
        model = make_model()
        bodies.fit_hands(model, rows)
        assert model.hands is None
        joined = bodies.fuse(predicted(rows), model, BODY)
        assert np.isfinite(joined.logits).all()
    bodies.fit_hands(model, catalog)
    assert bodies.fuse(predicted(catalog.iloc[15:]), model, BODY).logits == pytest.approx(-2.25 * np.log(3))


def test_hands_are_cut_out_once(catalog, estimator, tmp_path, monkeypatch):
    kept = Bodies(catalog, LABELS, estimator, CONFIG, cache=tmp_path, progress=False)
    monkeypatch.setattr("workoutlib.training.bodies.read_image", lambda path: pytest.fail("read again"))
    again = Bodies(catalog, LABELS, estimator, CONFIG, cache=tmp_path, progress=False)
    assert torch.equal(kept.hands.images, again.hands.images) and len(again.hands) == 30
    monkeypatch.undo()
    moved = SimpleNamespace(exerciser=lambda path: person(left=(120, 120)))
    (tmp_path / next(tmp_path.glob("poses-*"))).unlink()
    other = Bodies(catalog, LABELS, moved, CONFIG, cache=tmp_path, progress=False)
    assert len(other.hands) == 36 and not torch.equal(other.hands.images[0], kept.hands.images[0])
