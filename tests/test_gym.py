"""The built-in gym: anatomy, physics and bookkeeping of what it renders, over many seeds."""

import subprocess
import sys
from dataclasses import fields
from itertools import combinations
from zlib import crc32

import cv2
import numpy as np
import pandas as pd
import pytest

from workoutlib.gym import render_clip, render_still, write_dataset, write_unknown
from workoutlib.gym.__main__ import main
from workoutlib.gym.body import JOINTS, SIDES, draw_body, two_bones
from workoutlib.gym.exercises import ANY_MOVEMENT, EXERCISES, UNKNOWN, set_rhythm
from workoutlib.gym.postures import draw_posture
from workoutlib.gym.scene import draw_camera, draw_take, generator
from workoutlib.labels import LABELS
from workoutlib.utils.errors import WorkoutlibError

SEEDS = range(12)
TIMES = np.linspace(0, 4, 13)
ON_FEET = {
    "barbell biceps curl",
    "deadlift",
    "hammer curl",
    "hip thrust",
    "lat pulldown",
    "lateral raises",
    "bench press",
    "incline bench press",
    "chest fly machine",
    "romanian deadlift",
    "shoulder press",
    "squat",
    "t bar row",
    "tricep pushdown",
}
BARBELLS = {
    "barbell biceps curl",
    "bench press",
    "deadlift",
    "decline bench press",
    "hip thrust",
    "incline bench press",
    "romanian deadlift",
    "squat",
}


def takes(name, seeds=SEEDS, fault=None):
    return [draw_take(name, generator("test", name, seed), TIMES, fault) for seed in seeds]


def length(joints, start, end):
    return np.linalg.norm(joints[end] - joints[start], axis=-1)


def bend(joints, a, b, c):
    """Angle at b in degrees: 180 is straight."""
    first, second = joints[a] - joints[b], joints[c] - joints[b]
    cosine = (first * second).sum(-1) / np.linalg.norm(first, axis=-1) / np.linalg.norm(second, axis=-1)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def lowest(take):
    return take.figure.vertices[..., 2].min(1)


def test_the_gym_has_exactly_the_22_labels():
    assert tuple(EXERCISES) == LABELS


@pytest.mark.parametrize("name", [*EXERCISES, *UNKNOWN])
def test_anatomy(name):
    for take in takes(name):
        joints, body = take.joints, take.body
        assert all(np.isfinite(joints[joint]).all() for joint in JOINTS)
        for side in SIDES:
            bones = {
                ("shoulder", "elbow"): body.upper_arm,
                ("elbow", "wrist"): body.forearm,
                ("hip", "knee"): body.thigh,
                ("knee", "ankle"): body.shank,
                ("ankle", "toe"): body.foot,
            }
            for (start, end), expected in bones.items():
                assert np.abs(length(joints, f"{side}_{start}", f"{side}_{end}") - expected).max() < 1e-6
            assert bend(joints, f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist").min() > 25
            assert bend(joints, f"{side}_hip", f"{side}_knee", f"{side}_ankle").min() > 35
            assert length(joints, f"{side}_shoulder", "neck").max() < 0.19 * body.height
        tilt = (joints["neck"] - joints["pelvis"]) / length(joints, "pelvis", "neck")[:, None]
        gaze = (joints["head"] - joints["neck"]) / length(joints, "neck", "head")[:, None]
        assert (tilt * gaze).sum(-1).min() > 0.4  # the neck does not fold
        assert lowest(take).min() > -0.03  # nothing sinks into the floor


@pytest.mark.parametrize("name", list(EXERCISES))
def test_hands_reach_what_they_hold_and_feet_what_they_stand_on(name):
    for seed, take in zip(SEEDS, takes(name), strict=True):
        entry, body = EXERCISES[name], take.body
        rng = generator("test", name, seed)
        again = draw_take(name, rng, TIMES, None)
        assert (again.joints["head"] == take.joints["head"]).all()
        for side in SIDES:
            if name in ON_FEET:
                ankle = take.joints[f"{side}_ankle"]
                assert np.abs(ankle[:, 2] - body.ankle).max() < 0.015, (name, seed)
                assert np.abs(ankle - ankle[0]).max() < 0.02, (name, seed)
                assert -0.03 < lowest(take).min() < 0.02
        assert entry.seconds[0] > 0


def held(take):
    """Distance (T, 2) from each hand to the nearest vertex of what the exercise moves or stands there."""
    vertices = [
        np.broadcast_to(mesh.vertices, (len(TIMES), *mesh.vertices.shape[1:])) for mesh in take.moving + take.still
    ]
    vertices = np.concatenate(vertices, 1)
    hands = np.stack([take.joints[f"{side}_hand"] for side in SIDES], 1)
    return np.linalg.norm(vertices[:, None] - hands[:, :, None], axis=-1).min(-1)


@pytest.mark.parametrize("name", sorted(set(EXERCISES) - {"plank", "push up", "leg raises", "russian twist"}))
def test_hands_touch_bar_handle_or_dumbbell(name):
    for take in takes(name, range(6)):
        # Vertices of a thin bar lie up to half a segment (12 cm) along it from the hand.
        assert held(take).max() < 0.13, name


@pytest.mark.parametrize("name", sorted(BARBELLS))
def test_both_hands_share_one_level_bar(name):
    for take in takes(name):
        left, right = take.joints["left_hand"], take.joints["right_hand"]
        assert np.abs(left[:, 1:] - right[:, 1:]).max() < 0.02
        bar = take.moving[0].vertices
        axis = 0.5 * (bar.max(1) + bar.min(1))
        assert np.abs(axis[:, 1:] - right[:, 1:]).max() < 0.03


@pytest.mark.parametrize("name", ["push up", "plank"])
def test_prone_exercises_rest_on_hands_and_toes(name):
    for take in takes(name):
        for side in SIDES:
            for joint in ("wrist", "toe"):
                place = take.joints[f"{side}_{joint}"]
                assert np.abs(place - place.mean(0)).max() < 0.02
                assert (place[:, 2] < 0.06).all()
            if name == "plank":
                assert (take.joints[f"{side}_elbow"][:, 2] < 0.09).all()
            else:
                assert bend(take.joints, f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist").max() > 125


def test_look_alikes_differ_as_in_life():
    for deadlift, romanian in zip(takes("deadlift"), takes("romanian deadlift"), strict=True):

        def knee(take):
            return bend(take.joints, "left_hip", "left_knee", "left_ankle")

        low, deep = deadlift.phase.argmin(), romanian.phase.argmax()
        assert knee(deadlift)[low] < 125 < 140 < knee(romanian)[deep]
        assert abs(deadlift.joints["left_hand"][low, 2] - 0.225) < 0.12
        assert romanian.joints["left_hand"][deep, 2] > 0.3
    trunk = {}
    for name in ("bench press", "incline bench press", "decline bench press"):
        trunk[name] = np.mean([(t.joints["neck"] - t.joints["pelvis"])[:, 2].mean() for t in takes(name)])
    assert trunk["decline bench press"] < -0.1 < 0.05 + trunk["bench press"] < 0.2 < trunk["incline bench press"]


@pytest.mark.parametrize(
    ("name", "fault"), [(name, fault) for name, entry in EXERCISES.items() for fault in entry.faults]
)
def test_faults_change_the_pose_and_keep_the_anatomy(name, fault):
    for right, wrong in zip(takes(name, range(4)), takes(name, range(4), fault), strict=True):
        assert max(np.abs(right.joints[j] - wrong.joints[j]).max() for j in JOINTS) > 0.02
        assert lowest(wrong).min() > -0.04
    with pytest.raises(WorkoutlibError, match="knows"):
        render_clip(name, fault="levitation")


def test_any_movement_is_another_one_for_every_athlete():
    names = ("pelvis", "left_hand", "right_ankle", "head")
    found = [take.joints for take in takes(ANY_MOVEMENT)]
    starts = np.array([[joints[name][0] for name in names] for joints in found])
    assert all(np.isfinite(joints[name]).all() for joints in found for name in JOINTS)
    assert min(np.abs(one - other).max() for one, other in combinations(starts, 2)) > 0.05
    assert all(joint[:, 2].min() > -0.05 for joints in found for joint in (joints["left_ankle"], joints["right_hand"]))


def test_a_mirrored_posture_moves_the_other_side():
    body, rng = draw_body(np.random.default_rng(0)), np.random.default_rng(1)
    for _ in range(30):
        posture, _ = draw_posture(body, rng)
        there = posture.mirrored()
        assert np.allclose(there.ankles[0], posture.ankles[1] * [-1, 1, 1])
        back = there.mirrored()
        assert all(np.allclose(getattr(back, each.name), getattr(posture, each.name)) for each in fields(posture))


def test_shallow_squat_stays_above_parallel():
    for right, wrong in zip(takes("squat"), takes("squat", fault="shallow squat"), strict=True):
        assert wrong.joints["pelvis"][:, 2].min() > right.joints["pelvis"][:, 2].min() + 0.1


@pytest.mark.parametrize("name", [*EXERCISES, *UNKNOWN])
def test_person_is_in_the_picture(name):
    for seed, take in zip(SEEDS, takes(name), strict=True):
        size = (480, 360) if seed % 2 else (400, 640)
        camera = draw_camera(generator("camera", seed), take, size, anywhere=bool(seed % 3))
        points = np.concatenate([take.joints[j] for j in ("head", "chest", "pelvis")])
        pixels, depth = camera.project(points)
        assert depth.min() > 0.3
        assert (pixels > 0).all() and (pixels < size).all()


def test_rhythm_counts_repetitions_and_covers_the_movement():
    for seed in range(20):
        phase, repetition = set_rhythm(np.arange(600) / 30, 3.0, np.random.default_rng(seed))
        assert phase.min() == pytest.approx(0, abs=1e-3) and 0.9 < phase.max() <= 1
        assert set(np.diff(repetition)) <= {0, 1} and 6 <= repetition[-1] <= 9
        assert np.abs(np.diff(phase)).max() < 0.2


def test_two_bones_reach_the_target_or_point_at_it():
    root, pole = np.zeros((1, 3)), np.array([[0, 1.0, 0]])
    for target in ([0.3, 0, 0.2], [0, 0, 0.55], [0.1, 0.2, -0.2], [5.0, 0, 0]):
        middle, end, _ = two_bones(root, np.array([target]), pole, 0.3, 0.3)
        assert np.linalg.norm(middle) == pytest.approx(0.3)
        assert np.linalg.norm(end - middle) == pytest.approx(0.3)
        near = np.linalg.norm(target) < 0.6
        assert np.allclose(end, target) if near else np.allclose(np.cross(end[0], target), 0)


def test_clip_shapes_and_truth():
    clip = render_clip("squat", 3, frames=4, frames_per_second=3, size=(160, 120))
    assert clip.frames.shape == (4, 120, 160, 3) and clip.frames.dtype == np.uint8
    assert len(clip.truth) == 4
    assert list(clip.truth.columns[:5]) == ["label", "subject", "repetition", "phase", "fault"]
    for joint in JOINTS:
        assert {f"x_{joint}", f"y_{joint}", f"X_{joint}", f"Y_{joint}", f"Z_{joint}"} <= set(clip.truth.columns)
    assert clip.truth["phase"].between(0, 1).all() and clip.truth["label"].eq("squat").all()
    assert (clip.frames[0] != clip.frames[-1]).any()


def test_truth_in_pixels_lies_on_the_athlete():
    """Without its athlete the picture changes at the joints."""
    image, row = render_still("lateral raises", 5, (300, 300))
    x, y = int(row["x_chest"]), int(row["y_chest"])
    assert np.abs(image[y, x].astype(int) - image[3, 3]).sum() > 30


def test_same_seed_same_pixels_in_another_process():
    code = (
        "from zlib import crc32; from workoutlib.gym import render_clip, render_still;"
        "print(crc32(render_clip('deadlift', 7, frames=2, size=(160, 120)).frames.tobytes()),"
        "crc32(render_still('plank', 7, (120, 90))[0].tobytes()))"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    clip, still = render_clip("deadlift", 7, frames=2, size=(160, 120)), render_still("plank", 7, (120, 90))
    assert [int(number) for number in other] == [crc32(clip.frames.tobytes()), crc32(still[0].tobytes())]
    assert (render_clip("deadlift", 8, frames=2, size=(160, 120)).frames != clip.frames).mean() > 0.5


def test_frames_of_a_video_share_everything_but_the_motion():
    clip = render_clip("shoulder press", 2, frames=3, size=(160, 120)).frames.astype(int)
    other = render_clip("shoulder press", 3, frames=1, size=(160, 120)).frames.astype(int)
    assert np.abs(clip[0] - clip[1]).mean() < 0.3 * np.abs(clip[0] - other[0]).mean()


def test_stills_have_many_shapes():
    assert len({render_still("plank", seed)[0].shape for seed in range(6)}) > 2


def test_dataset_names_and_table(tmp_path):
    labels = ["chest fly machine", "decline bench press", "lateral raises", "pull up"]
    table = write_dataset(tmp_path / "gym", videos=2, frames=3, stills=1, size=(96, 72), labels=labels)
    paths = sorted(p.relative_to(tmp_path / "gym").as_posix() for p in (tmp_path / "gym").rglob("*.jpg"))
    assert paths == sorted(table["path"]) and len(paths) == 4 * (2 * 3 + 1)
    assert {"chest fly machine/cfm_100001.jpg", "decline bench press/dbp_200021.jpg"} <= set(paths)
    assert {"lateral raises/lateral raise_100011.jpg", "pull up/pull up_g1.jpg"} <= set(paths)
    stored = pd.read_csv(tmp_path / "gym" / "truth.csv")
    assert list(stored.columns) == list(table.columns) and len(stored) == len(table)
    assert stored["video"].isna().sum() == 4 and table["frame"].dropna().unique().tolist() == [1, 11, 21]
    assert cv2.imdecode(np.fromfile(tmp_path / "gym" / paths[0], np.uint8), cv2.IMREAD_COLOR).shape == (72, 96, 3)


def test_about_a_sixth_of_the_videos_have_a_fault(tmp_path):
    table = write_dataset(tmp_path / "gym", videos=60, frames=1, stills=0, size=(16, 12), labels=["squat"])
    assert 3 <= (table["fault"] == "shallow squat").sum() <= 20


def test_unknown(tmp_path):
    table = write_unknown(tmp_path / "none", videos=6, frames=2, size=(96, 72))
    assert table["label"].eq("unknown").all() and set(table["activity"]) == set(UNKNOWN)
    assert (tmp_path / "none" / "unknown" / "unknown_600011.jpg").is_file()


def test_an_interrupted_write_leaves_no_tree_and_the_next_one_succeeds(tmp_path, monkeypatch):
    from workoutlib.gym import dataset

    out, calls = tmp_path / "gym", []

    def stop(*arguments, **options):
        calls.append(1)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return render_clip(*arguments, **options)

    few = {"videos": 2, "frames": 1, "stills": 0, "size": (32, 24), "labels": ["plank"]}
    monkeypatch.setattr(dataset, "render_clip", stop)
    with pytest.raises(KeyboardInterrupt):
        write_dataset(out, **few)
    assert not out.exists()
    monkeypatch.undo()
    assert len(write_dataset(out, **few)) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["gym"]
    with pytest.raises(WorkoutlibError, match="exists already"):
        write_dataset(out, **few)


def test_command_line(tmp_path, capsys):
    arguments = ["--out", str(tmp_path / "gym"), "--videos", "0", "--frames", "1", "--stills", "1", "--seed", "4"]
    assert main(arguments) == 0
    assert "22 images of 22 exercises" in capsys.readouterr().out
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_unknown_exercise_is_named():
    with pytest.raises(WorkoutlibError, match="no exercise 'yoga'"):
        render_clip("yoga")
