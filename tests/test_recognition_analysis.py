"""From a recognised clip to its workout: labels that flicker, are wrong or unknown; three exercises in a row."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.clips import save_clip
from helpers.tiny import make_model
from test_pose_tracking import StandIn, frames, person
from test_workout_repetitions import nobody, rhythm, see
from test_workout_sets import join

from workoutlib import Config, Recognizer, WorkoutlibError
from workoutlib.labels import LABELS
from workoutlib.media.video_reader import read_frames
from workoutlib.pose.body_model import gym_body
from workoutlib.pose.estimator import PoseEstimator
from workoutlib.pose.sequence import PoseSequence
from workoutlib.pose.smoothing import smooth
from workoutlib.pose.tracking import PoseTracker
from workoutlib.recognition.analysis import analyze_clip
from workoutlib.recognition.annotation import counter_at
from workoutlib.recognition.clips import ClipPrediction, LogitReader
from workoutlib.workout import analyze_workout

STEP = 1 / 30
CLIPS = Path(__file__).parents[2] / "shared" / "data" / "repetitions"
JOINED = [  # file, exercise, marked repetitions
    ("push up/push-up_10.mp4", "push up", 2),
    ("pull up/pull-up_10.mp4", "pull up", 4),
    ("push up/push-up_44.mp4", "push up", 1),
]
REST = np.arange(0, 6, STEP)


def clip_of(poses, shown, *, whole=None, sure=4.0):
    """A clip whose frames were recognised as `shown`, each about as surely as `sure`."""
    logits = sure * np.array([np.array(LABELS) == label for label in shown], np.float32)
    duration = float(poses.times[-1] + STEP) if poses is not None else len(shown) * STEP
    times = poses.times if poses is not None else np.arange(len(shown)) * STEP
    if whole:
        whole = sure * (np.array(LABELS) == whole).astype(np.float32)
    return ClipPrediction(Path("x.mp4"), times, logits, duration, 30.0, LogitReader(LABELS), poses, whole)


@pytest.fixture(scope="module")
def pull_ups():
    times, phase, _ = rhythm(5, seconds=2.5)
    return see("pull up", times, phase)


def test_frames_named_wrongly_for_a_second_do_not_split_a_set(pull_ups):
    shown = ["pull up"] * len(pull_ups)
    shown[120:150] = ["lat pulldown"] * 30
    (entry,) = analyze_clip(clip_of(pull_ups, shown)).sets
    assert (entry.label, entry.count) == ("pull up", 5)


def test_the_clip_as_a_whole_names_its_only_exercise(pull_ups):
    shown = ["lat pulldown"] * len(pull_ups)
    (entry,) = analyze_clip(clip_of(pull_ups, shown, whole="pull up")).sets
    assert (entry.label, entry.count) == ("pull up", 5)


@pytest.mark.parametrize("label", ["leg raises", "squat", "plank", "shoulder press"])
def test_a_wrong_label_does_not_lose_the_count_and_is_not_judged(pull_ups, label):
    (entry,) = analyze_clip(clip_of(pull_ups, [label] * len(pull_ups), sure=1.5)).sets
    assert (entry.label, entry.count) == (label, 5)
    assert not entry.faults


def test_a_set_has_one_name_where_its_frames_have_several(pull_ups):
    shown = ["pull up"] * len(pull_ups)
    shown[120:150] = ["lat pulldown"] * 30
    workout = analyze_clip(clip_of(pull_ups, shown))
    (entry,) = workout.sets
    assert (entry.name, entry.known, workout.overall.label) == ("pull up", True, "pull up")
    wrong = 30 / len(shown)
    share = np.exp(4 - 4 * wrong) / (np.exp(4 - 4 * wrong) + np.exp(4 * wrong) + 20)
    assert entry.confidence == pytest.approx(share, abs=1e-4)
    segments = workout.clip.segments(sets=workout.sets)
    within = segments[(segments["end"] > entry.start) & (segments["start"] < entry.end)]
    assert within["label"].tolist() == ["pull up"] and len(workout.clip.segments()) == 3
    table = workout.table()
    assert table["known"].all() and set(table["confidence"]) == {entry.confidence}
    assert workout.to_dict()["sets"][0]["confidence"] == round(entry.confidence, 3)


def test_a_set_that_is_not_surely_known_is_called_so(pull_ups):
    clip = clip_of(pull_ups, ["pull up"] * len(pull_ups), sure=1.5)
    workout = analyze_clip(replace(clip, reader=LogitReader(LABELS, unknown_threshold=1.6)))
    (entry,) = workout.sets
    assert (entry.label, entry.known, entry.name) == ("pull up", False, "unknown, perhaps pull up")
    assert not workout.overall.known
    assert entry.name in workout.clip.segments(sets=workout.sets)["label"].tolist()
    assert workout.plot().axes[0].get_title("left") == "unknown, perhaps pull up: 5 repetitions"
    assert not workout.table()["known"].any() and workout.to_dict()["sets"][0]["known"] is False


def test_a_rest_in_which_nothing_is_known_leaves_the_set_known(pull_ups):
    times = np.arange(0, 30, STEP)
    poses, _ = join(pull_ups, nobody(times))
    clip = clip_of(poses, ["pull up"] * len(poses))
    clip.logits[len(pull_ups) :] = 0
    workout = analyze_clip(replace(clip, reader=LogitReader(LABELS, unknown_threshold=3.0)))
    assert [entry.name for entry in workout.sets] == ["pull up"]
    assert workout.overall.known and not workout.clip.overall.known


def test_an_exercise_that_the_package_does_not_know_is_counted():
    times, phase, _ = rhythm(5, seconds=2.5)
    poses = see("squat", times, phase)
    reader = LogitReader(("burpee", "jumping jack"))
    clip = ClipPrediction(Path("x.mp4"), times, np.tile([2.0, 0.0], (len(times), 1)), times[-1], 30.0, reader, poses)
    (entry,) = analyze_clip(clip).sets
    assert (entry.label, entry.count, entry.faults) == ("burpee", 5, ())


def recognised(poses):
    """A clip as the gym's body model recognises it."""
    logits, whole = gym_body().fuse_clip(None, poses)
    duration = float(poses.times[-1] + np.median(np.diff(poses.times)))
    return ClipPrediction(Path("x.mp4"), poses.times, logits, duration, 30.0, LogitReader(LABELS), poses, whole)


def test_three_exercises_with_rests_are_three_sets():
    """Recognised by the package; in the first rest the person stands there, in the second one is out of the picture."""
    counts, rest = {"squat": 5, "push up": 4, "shoulder press": 6}, np.arange(0, 6, 1 / 15)
    rests = [
        see("lateral raises", rest, np.zeros(len(rest)), view=(20, 8), noise=0.2),
        nobody(np.arange(0, 20, 1 / 15)),
    ]
    parts = []
    for (label, number), pause in zip(counts.items(), [*rests, nobody(rest)], strict=True):
        times, phase, _ = rhythm(number, seconds=2.5, rate=15.0)
        parts += [see(label, times, phase, noise=0.5), pause]
    workout = analyze_clip(recognised(join(*parts)[0]))
    assert [(entry.label, entry.count) for entry in workout.sets] == list(counts.items())
    assert len(workout.rests) == 2


def test_without_a_rest_the_count_begins_anew_when_the_exercise_changes():
    counts, parts = {"squat": 4, "push up": 5}, []
    for label, number in counts.items():
        times, phase, _ = rhythm(number, seconds=2.5, rate=15.0)
        parts.append(see(label, times, phase, noise=0.5))
    sequence, borders = join(*parts)
    workout = analyze_clip(recognised(sequence))
    assert [(entry.label, entry.count) for entry in workout.sets] == list(counts.items())
    change = borders[1][0]
    before, after = (counter_at(workout, time) for time in (change - 0.5, change + 1.5))
    assert before is not None and after is not None
    assert (before.number, after.number) == ("4", "0")


@pytest.mark.slow
@pytest.mark.skipif(not CLIPS.exists(), reason="the real clips are not beside the checkout")
def test_real_clips_joined_with_rests_are_three_sets():
    tracked = [PoseTracker(PoseEstimator(), skip=True).follow(read_frames(CLIPS / name)) for name, _, _ in JOINED]
    found = [[(time, pose) for time, _, pose in each] for each in tracked]
    parts = [part for each in found for part in (smooth(PoseSequence.of(*zip(*each, strict=True))), nobody(REST))]
    sets = analyze_clip(recognised(join(*parts)[0])).sets
    assert [entry.label for entry in sets] == [label for _, label, _ in JOINED]
    assert all(abs(entry.count - marked) <= 1 for entry, (_, _, marked) in zip(sets, JOINED, strict=True))


def test_without_poses_or_anybody_there_are_no_sets():
    assert analyze_clip(clip_of(None, ["squat"] * 60)).sets == []
    assert analyze_clip(clip_of(nobody(np.arange(60) * STEP), ["squat"] * 60)).sets == []
    assert analyze_clip(clip_of(nobody(np.arange(1) * STEP), ["plank"])).to_dict() == {"sets": []}


def test_without_the_pose_network_a_clip_is_recognised_by_its_pictures(tmp_path, monkeypatch):
    def missing() -> None:
        raise WorkoutlibError("the pose network could not be downloaded")

    monkeypatch.setattr("workoutlib.recognition.recognizer.PoseEstimator", missing)
    recognizer = Recognizer(make_model(), ("plank", "push up", "squat"), Config(resize=64, crop=64))
    for _ in range(2):  # told for each clip, asked for once
        with pytest.warns(UserWarning, match="could not be downloaded"):
            workout = recognizer.analyze(save_clip(tmp_path / "clip.mp4"), progress=False)
        assert workout.sets == [] and len(workout.clip.times) == 6
        monkeypatch.setattr("workoutlib.recognition.recognizer.PoseEstimator", pytest.fail)


def test_of_two_people_the_one_who_exercises_is_counted():
    """Somebody stands there from the first frame on; the other one squats four times."""
    knees = 135 + 45 * np.cos(2 * np.pi * np.arange(180) / 45)

    def people(number):
        return [person(200), person(420, knee=knees[number])][:: 1 if number < 3 else -1]

    followed = [(time, pose) for time, _, pose in PoseTracker(StandIn(people)).follow(frames(180))]
    poses = PoseSequence.of(*zip(*followed, strict=True))
    (entry,) = analyze_workout(poses, [(0.0, 12.0, "squat")]).sets
    assert entry.count == 4
    assert np.median(poses.landmarks[:, 23, 0]) > 350
