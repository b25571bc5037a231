"""Exercises recognised by the body: features, synthetic athletes, the model and its fusion with the picture."""

import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, logsumexp, softmax

from workoutlib import LABELS, WorkoutlibError
from workoutlib.evaluation.calibration import unknown_auroc
from workoutlib.gym.exercises import ANY_MOVEMENT, UNKNOWN
from workoutlib.pose import body_model as body_model_module
from workoutlib.pose.body_model import BodyModel, fit_body, gym_body, windows
from workoutlib.pose.classifier import PoseClassifier
from workoutlib.pose.estimator import LOOKS
from workoutlib.pose.features import both_sides, motion_features, pose_features, travel_features, window_features
from workoutlib.pose.sequence import PoseSequence
from workoutlib.pose.skeleton import mirrored
from workoutlib.pose.synthetic import FRAMES_PER_SECOND, Distortion, camera_axes, perform, synthetic_sequences

FEW = ("deadlift", "plank", "pull up", "squat")
NOBODY = np.full((1, 33, 3), np.nan)


def sequences(labels: list[str] | tuple[str, ...], people: int) -> list[PoseSequence]:
    """Clips of athletes whom no model has seen."""
    world, hips, _ = synthetic_sequences(labels, people=people, cameras=1, seed=9)
    return [sequence_of(each, hips=path[:, None]) for each, path in zip(world, hips, strict=True)]


def sequence_of(world: np.ndarray, visible: float = 1.0, hips: np.ndarray | float = 0.0) -> PoseSequence:
    """Poses seen at one metre a pixel; `hips` (T, 1, 2) are where their hips are in the picture."""
    found = np.isfinite(world[:, 0, 0])
    visibility = np.where(found, visible, 0)[:, None].repeat(33, 1)
    landmarks = np.concatenate([world[..., :2] + hips, world[..., 2:]], -1)
    return PoseSequence(np.arange(len(world)) / FRAMES_PER_SECOND, landmarks, world, visibility, found.astype(float))


@pytest.fixture(scope="module")
def model() -> BodyModel:
    return fit_body(np.empty((0, 33, 3)), np.empty(0, int), FEW)


def known_by_pose(model: BodyModel, world: np.ndarray) -> np.ndarray:
    """Log-probabilities (T, 1) that poses are those of one of its exercises."""
    said = model.known_pose.log_probabilities(both_sides(world))
    return logsumexp(said[:, [LABELS.index(label) for label in model.labels]], axis=1, keepdims=True)


@pytest.fixture(scope="module")
def others() -> tuple[np.ndarray, np.ndarray]:
    """Sequences of other athletes than those of training."""
    world, _, targets = synthetic_sequences(FEW, people=6, cameras=2, seed=9)
    return world, targets


def test_other_athletes_are_recognised_by_pose_and_by_motion(model):
    world, hips, targets = synthetic_sequences(FEW, people=6, cameras=2, seed=9)
    sequences = [sequence_of(each, hips=path[:, None]) for each, path in zip(world, hips, strict=True)]
    frames = model.pose_log_probabilities(world.reshape(-1, 33, 3)).argmax(1).reshape(len(world), -1)
    assert (frames == targets[:, None]).mean() > 0.75
    motion = np.array([model.motion_log_probabilities(each) for each in sequences])
    assert (motion.argmax(1) == targets).mean() > 0.85
    whole = np.array([model.fuse_clip(None, each)[1] for each in sequences])
    assert (whole.argmax(1) == targets).mean() > 0.85


def test_a_mirror_image_has_the_same_answer(model, others):
    world = others[0][:, 0]
    there, back = model.pose_log_probabilities(world), model.pose_log_probabilities(mirrored(world))
    assert there == pytest.approx(back, abs=1e-4)
    moving = others[0][0]
    one, other = (model.motion_log_probabilities(sequence_of(side)) for side in (moving, mirrored(moving)))
    assert one == pytest.approx(other, abs=1e-4)
    assert np.exp(there).sum(1) == pytest.approx(1)


def test_a_camera_that_walks_around_changes_nothing(model):
    points = perform("squat", np.random.default_rng(0), np.array([0.7]))
    views = np.concatenate([points @ camera_axes(azimuth, 0).T for azimuth in range(0, 360, 30)])
    views -= views[:, [23, 24]].mean(1, keepdims=True)
    answers = model.pose_log_probabilities(views)
    assert np.abs(answers - answers[0]).max() < 0.05
    features = pose_features(views)
    assert np.abs(features - features[0]).max() < 1e-4


def test_without_a_person_the_picture_decides_alone_and_is_less_sure_to_be_known(model):
    picture = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    poses = sequence_of(np.concatenate([NOBODY] * 3))
    assert np.isnan(model.pose_log_probabilities(poses.world)).all()
    lowered = picture + model.skeleton_weight * np.log(1 / 4)
    assert model.fuse(picture, poses) == pytest.approx(lowered)
    assert softmax(model.fuse(picture, poses), axis=1) == pytest.approx(softmax(picture, axis=1), abs=1e-6)
    frames, whole = model.fuse_clip(picture, poses)
    assert frames == pytest.approx(lowered) and whole == pytest.approx(lowered.mean(0))
    assert np.isnan(model.motion_log_probabilities(sequence_of(NOBODY))).all()


def test_with_a_person_pose_and_picture_count_together(model, others):
    picture, world = np.zeros((5, 4), np.float32), others[0][0, :5]
    expected = 1 + model.skeleton_weight * model.pose_log_probabilities(world) + known_by_pose(model, world)
    assert model.fuse(picture + 1, sequence_of(world)) == pytest.approx(expected, abs=1e-5)
    sure = picture.copy()
    sure[:, 3] = 100
    assert (model.fuse(sure, sequence_of(world)).argmax(1) == 3).all()


def most_memory(work: Callable[[], object]) -> int:
    """Bytes of arrays that exist at once while it works."""
    tracemalloc.start()
    work()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_many_poses_are_described_in_parts_with_the_same_features(others):
    world = np.resize(others[0], (5000, 33, 3))
    sides = both_sides(world)
    assert np.array_equal(sides[0], pose_features(world)) and np.array_equal(sides[1], pose_features(mirrored(world)))
    assert both_sides(world[:0]).shape == (2, 0, sides.shape[2])
    assert most_memory(lambda: both_sides(world)) < 2.5 * sides.nbytes


def test_a_long_clip_takes_little_more_memory_than_its_features(model, others):
    poses = sequence_of(np.resize(others[0], (20_000, 33, 3)))
    frames, _ = model.fuse_clip(None, poses)
    whole = model.skeleton_weight * model.pose_log_probabilities(poses.world)
    assert np.allclose(log_softmax(frames, axis=1), log_softmax(whole, axis=1), atol=1e-5)
    assert most_memory(lambda: model.fuse_clip(None, poses)) < 2.5 * both_sides(poses.world).nbytes


def test_a_clips_poses_are_described_once(model, others, monkeypatch):
    asked = []
    monkeypatch.setattr(body_model_module, "both_sides", lambda world: asked.append(len(world)) or both_sides(world))
    poses = sequence_of(others[0][0])
    frames, whole = model.fuse_clip(None, poses)
    assert asked == [len(poses)]
    moving = window_features(poses.landmarks, poses.world, both_sides(poses.world))[:, None]
    known = logsumexp(model.known_motion.log_probabilities(moving)[0, [LABELS.index(label) for label in FEW]])
    assert frames == pytest.approx(model.fuse(None, poses) + known, abs=1e-6)
    motion = model.motion_weight * model.motion_log_probabilities(poses)
    assert whole == pytest.approx(frames.mean(0) + motion, abs=1e-6)


def test_what_several_looks_at_a_pose_say_is_their_mean(model, others):
    one, other = others[0][0, :3], others[0][-1, :3]
    looks = np.stack([one, other], 1)[:, [1, 1]]
    said = replace(sequence_of(one), looks=looks)
    assert said.select(slice(1, 3)).worlds == pytest.approx(np.stack([one, other, other])[:, 1:])
    alone, elsewhere = (model.fuse(None, sequence_of(world)) for world in (one, other))
    assert model.fuse(None, said) == pytest.approx((alone + 2 * elsewhere) / 3, abs=1e-5)
    assert np.abs(alone - elsewhere).max() > 1


def test_a_body_half_hidden_counts_half(model, others):
    world = others[0][0, :5]
    known = known_by_pose(model, world)
    whole, half, hidden = (model.fuse(None, sequence_of(world, visible)) - known for visible in (1.0, 0.5, 0.0))
    assert half == pytest.approx(whole / 2, abs=1e-6) and hidden == pytest.approx(0, abs=1e-6)


def test_windows_of_three_seconds_cover_a_clip():
    times = np.arange(0, 10, 0.1)
    found = windows(times)
    assert found[0].start == 0 and found[-1].stop == len(times) - 9  # the next one would begin at 7.0 s
    assert all(times[rows][-1] - times[rows][0] <= 3 + 1e-6 for rows in found)
    assert windows(np.array([0.0, 0.5])) == [slice(0, 2)]


def test_a_stored_model_gives_the_same_logits_to_the_bit(model, others, tmp_path):
    torch.save(model.state(), tmp_path / "body.pth")
    loaded = BodyModel.from_state(torch.load(tmp_path / "body.pth", weights_only=True), FEW)
    world = others[0][0]
    assert np.array_equal(loaded.pose_log_probabilities(world), model.pose_log_probabilities(world))
    assert np.array_equal(loaded.fuse_clip(None, sequence_of(world))[1], model.fuse_clip(None, sequence_of(world))[1])


def test_an_earlier_model_looks_once_at_a_photo_as_it_learned_to(model):
    state = model.state()
    assert model.looks == BodyModel.from_state(state, FEW).looks == gym_body().looks == LOOKS
    assert BodyModel.from_state({name: value for name, value in state.items() if name != "looks"}, FEW).looks == 1


def test_an_earlier_model_knows_no_other_movements(model, others):
    state = {name: value for name, value in model.state().items() if not name.startswith("known")}
    earlier = BodyModel.from_state(state, FEW)
    assert earlier.state().keys() == state.keys()
    said = earlier.skeleton_weight * earlier.pose_log_probabilities(others[0][0])
    assert earlier.fuse(None, sequence_of(others[0][0])) == pytest.approx(said, abs=1e-6)


@pytest.mark.parametrize("damage", ["missing", "labels", "nan", "text", "known"])
def test_a_damaged_state_is_refused(model, damage):
    state, labels = dict(model.state()), FEW
    if damage == "missing":
        state["motion"] = {name: values for name, values in state["motion"].items() if name != "head.bias"}
    elif damage == "labels":
        labels = FEW[:3]
    elif damage == "known":
        state["known_pose"] = state["skeleton"]
    elif damage == "nan":
        state["skeleton"] = state["skeleton"] | {"mean": state["skeleton"]["mean"] * float("nan")}
    else:
        state["skeleton_weight"] = "much"
    with pytest.raises(WorkoutlibError, match="body model is damaged"):
        BodyModel.from_state(state, labels)


def test_real_poses_join_the_synthetic_ones(model, others):
    world, targets = others[0][:, 0], others[1]
    swapped = np.where(targets == 0, 3, np.where(targets == 3, 0, targets))
    taught = fit_body(np.concatenate([world, NOBODY]), np.append(swapped, 0), FEW)
    of_squats = world[targets == 3]
    before, after = (one.pose_log_probabilities(of_squats)[:, 0].mean() for one in (model, taught))
    assert after > before + 1
    assert torch.equal(taught.skeleton.body[0].weight, model.skeleton.body[0].weight)
    assert taught.known_pose is gym_body().known_pose  # real pictures show no other movements


def test_classes_that_the_gym_does_not_know_need_real_poses(others):
    labels = ("burpee", "squat")
    with pytest.raises(WorkoutlibError, match="no pose of burpee"):
        fit_body(np.empty((0, 33, 3)), np.empty(0, int), labels)
    planks, squats = (others[0][others[1] == number][:, 0] for number in (1, 3))  # planks stand for burpees
    model = fit_body(np.concatenate([planks, squats]), np.repeat([0, 1], len(planks)), labels)
    assert (model.pose_log_probabilities(planks).argmax(1) == 0).mean() > 0.9
    assert model.known_pose is None and model.known_motion is None  # a burpee would be taken for no exercise


def test_other_movements_than_exercises_are_told_by_pose_and_by_motion():
    exercises = sequences(LABELS, people=2)
    movements = sequences([ANY_MOVEMENT], people=30) + sequences(list(UNKNOWN), people=2)
    model, earlier = gym_body(), replace(gym_body(), known_pose=None, known_motion=None)
    scores = {}
    for name, one in (("now", model), ("earlier", earlier)):
        known, unknown = (
            np.array([one.fuse_clip(None, each)[0].mean(0) for each in s]) for s in (exercises, movements)
        )
        scores[name] = unknown_auroc(known, unknown)
    assert scores["now"] > 0.95 > scores["earlier"] + 0.1
    for here, before in ([one.fuse_clip(None, exercises[0]) for one in (model, earlier)],):
        assert log_softmax(here[0], axis=1) == pytest.approx(log_softmax(before[0], axis=1), abs=1e-5)
    photos = [np.concatenate([model.fuse(None, each.select([5])) for each in s]) for s in (exercises, movements)]
    assert unknown_auroc(*photos) > 0.85


def test_an_exercise_of_the_gym_that_is_no_label_is_something_else(model):
    curls, planks = (
        np.concatenate([each.world for each in sequences([label], people=4)]) for label in ("hammer curl", "plank")
    )
    for world, known in ((curls, False), (planks, True)):
        by_all, by_few = (known_by_pose(each, world).mean() for each in (gym_body(), model))
        assert by_all > -0.7 and (by_few > by_all - 0.5) == known


def test_a_clip_that_begins_with_something_else_is_known_where_the_exercise_is():
    walking, squats = sequences(["walking"], people=1)[0], sequences(["squat"], people=1)[0]
    parts = [walking, walking, squats, squats]
    joined = sequence_of(np.concatenate([each.world for each in parts]))
    joined = replace(joined, landmarks=np.concatenate([each.landmarks for each in parts]))
    largest = gym_body().fuse_clip(None, joined)[0].max(1)
    assert largest[72:].mean() > largest[:24].mean() + 1


def test_two_classes_of_ones_own_are_told_apart(others):
    world, targets = others[0][:, 0], others[1]
    mine = targets < 2
    model = fit_body(world[mine], targets[mine], ("mine", "yours"))
    assert (model.pose_log_probabilities(world[mine]).argmax(1) == targets[mine]).mean() > 0.9
    motion = model.motion_log_probabilities(sequence_of(others[0][0]))
    assert np.exp(motion) == pytest.approx(0.5)  # no motion was learned


def test_the_same_seed_draws_the_same_athletes():
    one, other, third = (synthetic_sequences(FEW[:1], people=2, cameras=1, seed=seed)[0] for seed in (0, 0, 1))
    assert np.array_equal(one, other) and not np.allclose(one, third)
    assert one.shape == (2, 24, 33, 3) and np.abs(one[:, :, [23, 24]].mean(2)).max() < 1e-5
    clean = synthetic_sequences(FEW[:1], people=1, cameras=1, distortion=Distortion(0, 0, 0, 0, (1, 1)))[0]
    assert np.isfinite(clean).all()


def test_every_exercise_can_be_performed():
    times = np.arange(3) / 8
    for label in LABELS:
        points = perform(label, np.random.default_rng(1), times)
        assert points.shape == (3, 33, 3) and np.isfinite(points).all()
        assert 0.2 < np.linalg.norm(points[0, 11] - points[0, 12]) < 0.7


def test_motion_features_leave_empty_frames_out(others):
    features = both_sides(others[0][0])[0]
    with_gap = features.copy()
    with_gap[3:6] = np.nan
    expected = motion_features(np.delete(features, [3, 4, 5], axis=0))
    assert motion_features(with_gap) == pytest.approx(expected)
    assert motion_features(with_gap).shape == (4 * features.shape[1],)


def test_travel_tells_hands_that_stay_from_a_body_that_stays_at_any_size_in_the_picture(others):
    world = others[0][0].astype(float)
    times = np.arange(len(world))
    world[:, [15, 16], 1] += 0.3 * np.sin(times)[:, None]  # hands go up and down beside the body
    hands = world[:, [15, 16], :2].mean(1, keepdims=True)
    body, up = travel_features(world, world), travel_features(world[..., :2] - hands, world)
    wrists, hips = slice(2, 4), slice(4, 6)  # range across and down
    assert body[hips] == pytest.approx(0, abs=1e-6) and body[wrists].max() > 0.2
    assert up[wrists] == pytest.approx(0, abs=1e-6) and up[hips].max() > 0.2
    far_off = 250.0 * world[..., :2] + [640.0, 360.0]
    assert travel_features(far_off, world) == pytest.approx(body, abs=1e-5)
    gap = far_off.copy()
    gap[3:6] = np.nan
    assert travel_features(gap, world) == pytest.approx(
        travel_features(np.delete(far_off, [3, 4, 5], 0), np.delete(world, [3, 4, 5], 0))
    )
    assert np.isnan(travel_features(np.full((2, 33, 2), np.nan), np.full((2, 33, 3), np.nan))).all()


def test_a_pull_up_is_told_from_a_lat_pulldown_by_what_travels():
    model = fit_body(np.empty((0, 33, 3)), np.empty(0, int), ("pull up", "lat pulldown"))
    world, hips, targets = synthetic_sequences(("pull up", "lat pulldown"), people=10, cameras=2, seed=9)
    still = np.array([model.motion_log_probabilities(sequence_of(each)) for each in world[targets == 0]])
    paths = zip(world[targets == 0], hips[targets == 0], strict=True)
    moving = np.array([model.motion_log_probabilities(sequence_of(each, hips=path[:, None])) for each, path in paths])
    assert (moving[:, 0] - still[:, 0]).mean() > 0.1


def test_a_motion_model_of_an_earlier_version_knows_no_travel(model, others):
    motion, features = model.motion, 4 * pose_features(others[0][0]).shape[-1]
    state = motion.state_dict()
    state |= {name: state[name][:features] for name in ("mean", "std")}
    state["body.0.weight"] = state["body.0.weight"][:, :features]
    earlier = replace(model, motion=PoseClassifier.from_state(state))
    still, moving = others[0][0], np.linspace(0, 3, len(others[0][0]))[:, None, None]
    assert (
        earlier.motion_log_probabilities(sequence_of(still, hips=moving))
        == earlier.motion_log_probabilities(sequence_of(still))
    ).all()
    assert (
        model.motion_log_probabilities(sequence_of(still, hips=moving))
        != model.motion_log_probabilities(sequence_of(still))
    ).any()
