"""The exerciser is followed through a clip: past others, over frames that are left out, and without trembling."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from workoutlib import WorkoutlibError
from workoutlib.gym.body import JOINTS
from workoutlib.gym.raster import merge, vertex_normals
from workoutlib.gym.room import draw_room, paint_room
from workoutlib.gym.scene import draw_camera, draw_light, draw_take, generator
from workoutlib.gym.stage import Stage
from workoutlib.pose.estimator import Region, _refined
from workoutlib.pose.network import Network
from workoutlib.pose.skeleton import JOINTS as ANGLES
from workoutlib.pose.skeleton import Pose, joint_angles
from workoutlib.pose.tracking import PoseTracker, _steadied

RATE = 15.0


def person(x: float, *, knee: float = 180.0, trunk: float = 60.0) -> Pose:
    """Somebody who stands at `x` pixels with both knees at an angle in degrees."""
    points = np.zeros((33, 3), np.float32)
    for side in (0, 1):
        across = (1 - 2 * side) * 0.3
        for part, place in {11: (across, -1), 13: (across, -0.5), 15: (across, 0), 23: (across, 0)}.items():
            points[part + side, :2] = place
        points[25 + side, :2] = (across, 0.8)
        bend = np.radians(180 - knee)
        points[27 + side] = (across, 0.8 + 0.8 * np.cos(bend), 0.8 * np.sin(bend))
    world = points / 2
    return Pose(trunk * points + np.float32([x, 100, 0]), world, np.ones(33, np.float32), 0.95)


class StandIn:
    """An estimator of frames that hold nothing but their number: `people` (number -> poses) says who is there.

    Of two people in a square it sees the one who comes first in the list: the nearer to the camera.
    """

    def __init__(self, people):
        self.people, self.looks = people, 0

    def detect(self, pixels):
        return [self._region(pose) for pose in self._seen(pixels)]

    def landmarks(self, pixels, region):
        self.looks += 1
        near = [
            pose
            for pose in self._seen(pixels)
            if abs(self._region(pose).centre[0] - region.centre[0]) < region.side / 5
        ]
        pose = near[0] if near else replace(person(region.centre[0]), probability=0.1)
        return pose, self._region(pose)

    settle = landmarks

    def _seen(self, pixels):
        shown = []
        for pose in self.people(int(pixels[0, 0, 0])):
            if all(abs(pose.landmarks[23, 0] - other.landmarks[23, 0]) > 40 for other in shown):
                shown.append(pose)
        return shown

    @staticmethod
    def _region(pose):
        hips = pose.landmarks[[23, 24], :2].mean(0).astype(float)
        return Region.around(hips, hips - [0, 120])


def frames(count: int, rate: float = RATE):
    return ((number / rate, np.full((240, 640, 3), number, np.uint8)) for number in range(count))


def places(tracker: PoseTracker, count: int) -> list[float | None]:
    found = tracker.follow(frames(count))
    return [None if pose is None else float(pose.landmarks[[23, 24], 0].mean()) for _, _, pose in found]


def test_the_exerciser_is_found_again_after_the_landmarks_followed_somebody_else():
    """The walker hides the exerciser, takes the landmarks along, and leaves the picture."""

    def people(number):
        walker = person(60 + 10 * number) if number < 50 else None
        return [each for each in (walker, person(320)) if each]

    found = places(PoseTracker(StandIn(lambda number: people(number + 10))), 60)
    assert found[0] == 320 and all(place == 320 for place in found[30:])


@pytest.mark.parametrize(("trunk", "followed"), [(60.0, 420.0), (30.0, 200.0)])
def test_a_bystander_is_left_for_who_exercises_about_as_near(trunk, followed):
    """The detector first misses the exerciser, who moves the arms; in the background that is somebody else."""

    def people(number):
        exerciser = person(420, trunk=trunk)
        exerciser.landmarks[15:23, 1] += trunk / 2 * np.cos(number / 5)
        return [person(200), *[exerciser][: number > 3]]

    found = places(PoseTracker(StandIn(people)), 60)
    assert found[0] == 200
    assert {place for number, place in enumerate(found) if number / RATE > 2.5} == {followed}


@pytest.mark.parametrize(("sure", "followed"), [(0.95, 330.0), (0.55, 240.0)])
def test_a_limb_that_was_taken_for_a_person_is_left_for_the_whole_body(sure, followed):
    """At first the picture's edge cuts the body off; a body that is seen less clearly does not take its place."""

    def people(number):
        limb, whole = person(240, trunk=40), person(330, trunk=90)
        limb.visibility[:] = 0.6
        limb.landmarks[15:23, 1] += 20 * np.cos(number / 5)  # it moves: no bystander
        limb.landmarks[[0, 31], 0] = 200, 330  # its box
        whole.visibility[:] = sure
        whole.landmarks[0, 0] = 230
        return [limb, *[whole][: number > 3]]

    found = places(PoseTracker(StandIn(people)), 30)
    assert found[0] == 240 and found[-1] == followed


def test_whoever_walks_away_alone_is_followed():
    found = places(PoseTracker(StandIn(lambda number: [person(320 + 5 * number)])), 40)
    assert found == pytest.approx([320 + 5 * number for number in range(40)])


def test_who_leaves_and_returns_is_found_again():
    found = places(PoseTracker(StandIn(lambda number: [] if 10 <= number < 40 else [person(320)])), 50)
    assert [place is not None for place in found] == [not 10 <= number < 40 for number in range(50)]


@pytest.mark.parametrize("count", [1, 2, 3, 8, 9])
def test_every_frame_comes_once_and_in_order(count):
    found = list(PoseTracker(StandIn(lambda number: [person(320)]), skip=True).follow(frames(count)))
    assert [time for time, _, _ in found] == [number / RATE for number in range(count)]
    assert [int(pixels[0, 0, 0]) for _, pixels, _ in found] == list(range(count))
    assert all(pose is not None for _, _, pose in found)


def test_straight_motion_is_looked_at_every_second_frame():
    estimator = StandIn(lambda number: [person(300 + 2 * number, knee=170 - number)])
    poses = [pose for _, _, pose in PoseTracker(estimator, skip=True).follow(frames(41))]
    knees = [joint_angles(pose.world)[ANGLES.index("left knee")] for pose in poses]
    assert knees == pytest.approx([170 - number for number in range(41)], abs=0.1)
    assert [pose.landmarks[23, 0] - poses[0].landmarks[23, 0] for pose in poses] == pytest.approx(np.arange(41) * 2)
    assert estimator.looks < 30


@pytest.mark.parametrize("rate", [15, 24, 30, 60])
def test_interpolation_changes_no_angle_by_more_than_two_degrees(rate):
    """The knee bends by 80 degrees in a second or more, and holds between."""
    times = np.arange(int(12 * rate)) / rate
    phase = np.interp(times, [0, 1, 2, 3, 5, 6, 10, 12], [0, 0, 1, 1, 2, 2, 3, 3])
    knee = 130 + 40 * np.cos(np.pi * (phase - np.sin(2 * np.pi * phase) / (2 * np.pi)))
    bend = dict(zip(times, knee, strict=True))
    shown = [(time, np.zeros((240, 640, 3), np.uint8)) for time in times]

    class Timed(StandIn):
        def _seen(self, pixels):
            return [person(320, knee=self.people[id(pixels)])]

    estimator = Timed({id(pixels): bend[time] for time, pixels in shown})
    poses = [pose for _, _, pose in PoseTracker(estimator, skip=True).follow(shown)]
    found = [joint_angles(pose.world)[ANGLES.index("left knee")] for pose in poses]
    assert np.abs(np.array(found) - knee).max() <= 2.0
    assert estimator.looks < 0.7 * len(times)


def test_bent_motion_is_looked_at_in_every_frame():
    knee = [100 + 60 * np.cos(2 * np.pi * number / 8) for number in range(40)]
    estimator = StandIn(lambda number: [person(320, knee=knee[number])])
    poses = [pose for _, _, pose in PoseTracker(estimator, skip=True).follow(frames(40))]
    knees = [joint_angles(pose.world)[ANGLES.index("left knee")] for pose in poses]
    assert knees == pytest.approx(knee, abs=0.1)


def test_a_joint_that_nobody_sees_does_not_count():
    def hidden(number):
        pose = person(320, knee=100 + 60 * np.cos(2 * np.pi * number / 8))
        pose.visibility[25:29] = 0.1
        return [pose]

    estimator = StandIn(hidden)
    list(PoseTracker(estimator, skip=True).follow(frames(41)))
    assert estimator.looks < 30


def test_a_square_hardly_follows_small_changes():
    old = Region(np.array([100.0, 100.0]), 200.0, np.pi - 0.01)
    near = _steadied(old, Region(np.array([102.0, 100.0]), 200.0, np.pi - 0.01))
    assert 100 < near.centre[0] < 100.5
    far = _steadied(old, Region(np.array([150.0, 100.0]), 220.0, -np.pi + 0.3))
    assert far.centre[0] == 150 and far.side == 220 and np.cos(far.angle) == pytest.approx(np.cos(-np.pi + 0.3))


def test_landmarks_move_to_the_heat_around_them():
    rng = np.random.default_rng(0)
    points = rng.uniform(-20, 276, (39, 2))
    heat_maps = rng.normal(-1, 2, (64, 64, 39))
    expected = points.copy()
    for number, (column, row) in enumerate(np.floor(points / 4).astype(int)):
        if 0 <= column < 64 and 0 <= row < 64:
            y, x = np.mgrid[max(row - 3, 0) : min(row + 4, 64), max(column - 3, 0) : min(column + 4, 64)]
            heat = 1 / (1 + np.exp(-heat_maps[y, x, number]))
            if heat.max() >= 0.5:
                expected[number] = 4 * np.array([(x * heat).sum(), (y * heat).sum()]) / heat.sum()
    assert _refined(points, heat_maps) == pytest.approx(expected)
    assert _refined(points, heat_maps - 100) == pytest.approx(points)


def test_a_file_that_is_no_network_is_named(tmp_path):
    (tmp_path / "pose.tflite").write_bytes(b"no network at all")
    with pytest.raises(WorkoutlibError, match=r"OpenVINO cannot run .*pose\.tflite"):
        Network(tmp_path / "pose.tflite", ("Identity",), mean=0.0, scale=1.0, threads=1)


@pytest.mark.slow
def test_threads_share_an_estimator(estimator):
    picture = render_crossing("squat", 1, frames=1)[0][0]
    expected = estimator.estimate(picture)[0].landmarks
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: estimator.estimate(picture)[0].landmarks, range(6)))
    assert all(np.array_equal(each, expected) for each in found)


@pytest.mark.slow
@pytest.mark.parametrize(("exercise", "ahead"), [("squat", 0.8), ("deadlift", -1.0)])
def test_the_exerciser_is_kept_when_another_one_crosses(estimator, exercise, ahead):
    """In front of the exerciser, the landmarks may follow the walker for a moment; behind, hardly."""
    images, trunks = render_crossing(exercise, 1, ahead=ahead)
    timed = ((number / RATE, image) for number, image in enumerate(images))
    right = [
        pose is not None and np.linalg.norm(pose.landmarks[[11, 12, 23, 24], :2] - trunk, axis=1).mean() < 20
        for (_, _, pose), trunk in zip(PoseTracker(estimator).follow(timed), trunks, strict=True)
    ]
    assert np.mean(right) > 0.7 and all(right[:15]) and all(right[-6:]), right


def render_crossing(
    exercise: str, seed: int, *, frames: int = 50, ahead: float = 0.8
) -> tuple[list[np.ndarray], np.ndarray]:
    """Somebody walks through the picture, `ahead` metres nearer to the camera than the exerciser.

    Returns the frames, and shoulders and hips of the exerciser (T, 4, 2) in pixels.
    """
    rng, times = generator("crossing", exercise, seed), np.arange(frames) / RATE
    take = draw_take(exercise, rng, times, None)
    camera = draw_camera(rng, take, (320, 240), anywhere=True)
    camera = replace(camera, focal=camera.focal * 0.8)
    light = draw_light(rng, camera)
    walker = draw_take("walking", generator("other", seed), times, None).figure
    right, _, forward = (axis * [1, 1, 0] / np.linalg.norm(axis[:2]) for axis in camera.axes)
    way = take.joints["pelvis"].mean(0) * [1, 1, 0] - ahead * forward + np.outer(1.4 * (times - times.mean()), right)
    turn = np.array([[right[1], right[0], 0], [-right[0], right[1], 0], [0, 0, 1]])  # the way they face
    walker = replace(walker, vertices=np.round(walker.vertices @ turn.T + way[:, None], 6))
    moving = merge([take.figure, *take.moving, walker])
    things = np.concatenate([mesh.vertices.reshape(-1, 3) for mesh in (take.figure, *take.still)])
    room = draw_room(rng, camera, things)
    stage = Stage(camera, light, *paint_room(room, camera), take.still)
    normals = vertex_normals(moving)
    pixels = {name: camera.project(take.joints[name])[0] for name in JOINTS}
    names = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
    return [stage.frame(moving, normals, k) for k in range(frames)], np.stack([pixels[name] for name in names], 1)
