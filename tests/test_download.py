import os
import signal
import stat
import subprocess
import sys
import types
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workoutlib.data import archives, download
from workoutlib.data.archives import unpack_archive
from workoutlib.data.download import KAGGLE_PAGE, download_kaggle, get_dataset, make_sample
from workoutlib.labels import LABELS
from workoutlib.utils import paths
from workoutlib.utils.errors import WorkoutlibError

TREE = [f"{label}/{label}_{video}00001.jpg" for label in LABELS for video in (1, 2)]


def write_tree(root: Path, names: list[str] = TREE) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    return root


def write_zip(path: Path, members: dict[str, bytes] | list[str] = TREE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    contents = members if isinstance(members, dict) else {name: name.encode() for name in members}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in contents.items():
            file.writestr(name, content)
    return path


def images(tree: Path) -> int:
    return len(list(tree.glob("*/*.jpg")))


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """An empty folder for data sets, in which Kaggle's data set has 44 images."""
    monkeypatch.setattr(download, "KAGGLE_IMAGES", len(TREE))
    return tmp_path / "input"


@pytest.fixture
def kaggle(monkeypatch):
    """kagglehub replaced by a function of the test's; its calls are listed."""

    def replace(behaviour):
        calls = []

        def dataset_download(handle):
            calls.append(handle)
            return behaviour()

        stand_in = types.SimpleNamespace(dataset_download=dataset_download)
        monkeypatch.setitem(sys.modules, "kagglehub", stand_in)
        return calls

    return replace


@pytest.fixture
def renderer(monkeypatch):
    """The gym's writer replaced by a quick one; its calls are listed."""
    from workoutlib import gym

    calls = []

    def write_dataset(out, **settings):
        calls.append(settings)
        write_tree(Path(out))

    monkeypatch.setattr(gym, "write_dataset", write_dataset, raising=False)
    return calls


def test_kaggles_tree_is_put_in_place_once(root, kaggle, tmp_path):
    calls = kaggle(lambda: str(write_tree(tmp_path / "cache" / "versions" / "1")))
    assert download_kaggle(root) == root / "workout-images"
    assert get_dataset("kaggle", root=root) == get_dataset("auto", root=root) == root / "workout-images"
    assert images(root / "workout-images") == 44
    assert calls == ["hasyimabdillah/workoutexercises-images"]
    assert images(tmp_path / "cache" / "versions" / "1") == 44  # kagglehub's cache stays whole
    assert os.listdir(root) == ["workout-images"]


def test_a_tree_inside_another_folder_is_found(root, kaggle, tmp_path):
    kaggle(lambda: str(write_tree(tmp_path / "cache" / "Workout" / "images").parents[1]))
    assert images(download_kaggle(root)) == 44


def test_without_hard_links_files_are_copied(root, kaggle, tmp_path, monkeypatch):
    def refuse(source, target):
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    kaggle(lambda: str(write_tree(tmp_path / "cache")))
    assert images(download_kaggle(root)) == 44


def test_without_a_network_the_steps_by_hand_are_told(root, kaggle):
    def offline():
        raise ConnectionError("Failed to resolve 'www.kaggle.com'\nlong trace")

    kaggle(offline)
    with pytest.raises(WorkoutlibError) as caught:
        download_kaggle(root)
    message = str(caught.value)
    assert isinstance(caught.value.__cause__, ConnectionError)
    assert "Failed to resolve" in message
    assert "long trace" not in message
    for told in (KAGGLE_PAGE, str(root / "workout-images"), str(root / "archive.zip"), "workoutlib split"):
        assert told in message
    assert os.listdir(root) == []


def test_what_is_downloaded_but_incomplete_is_not_taken(root, kaggle, tmp_path):
    cache, wanted = write_tree(tmp_path / "cache"), TREE[0]
    (cache / wanted).write_bytes(b"")
    kaggle(lambda: str(cache))
    with pytest.raises(WorkoutlibError, match="43 images of 22 classes, expected are 44 of 22") as caught:
        download_kaggle(root)
    assert Path(wanted).name in str(caught.value)
    assert os.listdir(root) == []
    (cache / wanted).write_bytes(b"whole")
    assert images(download_kaggle(root)) == 44


def test_an_interrupted_download_leaves_nothing_behind(root, kaggle, tmp_path, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    kaggle(interrupt)
    with pytest.raises(KeyboardInterrupt):
        download_kaggle(root)
    assert os.listdir(root) == []

    placed = []

    def link_three(source, target):
        if len(placed) == 3:
            raise KeyboardInterrupt
        placed.append(target)

    kaggle(lambda: str(write_tree(tmp_path / "cache")))
    with monkeypatch.context() as context:
        context.setattr(download, "_link_or_copy", link_three)
        with pytest.raises(KeyboardInterrupt):
            download_kaggle(root)
    assert os.listdir(root) == []
    assert images(download_kaggle(root)) == 44


def test_what_a_killed_process_left_is_no_obstacle_and_goes_after_a_day(root, kaggle, tmp_path):
    old, fresh = root / ".workout-images-old.partial", root / ".workout-images-new.partial"
    write_tree(old)
    write_tree(fresh)
    os.utime(old, (0, 0))
    kaggle(lambda: str(write_tree(tmp_path / "cache")))
    assert images(download_kaggle(root)) == 44
    assert not old.exists()
    assert fresh.exists()  # may belong to a process that is still at work


def test_two_processes_that_finish_at_once(root, kaggle, tmp_path):
    def other_finishes_first():
        write_tree(root / "workout-images")
        return str(write_tree(tmp_path / "cache"))

    kaggle(other_finishes_first)
    assert images(download_kaggle(root)) == 44
    assert os.listdir(root) == ["workout-images"]


def test_a_full_disk_is_a_clear_message(root, kaggle, tmp_path, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device")

    kaggle(lambda: str(write_tree(tmp_path / "cache")))
    monkeypatch.setattr(download, "_link_or_copy", full)
    with pytest.raises(WorkoutlibError, match="No space left on device"):
        download_kaggle(root)
    assert os.listdir(root) == []


def test_a_half_copied_tree_is_not_taken_for_whole(root):
    write_tree(root / "workout-images", TREE[:-1])
    for source in ("kaggle", "auto"):
        with pytest.raises(WorkoutlibError, match=r"43 images .* Delete .* or use it as it is with --data"):
            get_dataset(source, root=root)
    assert get_dataset(root / "workout-images", root=root) == root / "workout-images"


def test_a_zip_file_saved_by_hand_takes_the_place_of_the_download(root, kaggle):
    calls = kaggle(lambda: pytest.fail("the network was used"))
    write_zip(root / "archive.zip", [f"Workout/{name}" for name in TREE])
    assert images(download_kaggle(root)) == 44
    assert calls == []


def test_get_dataset_takes_a_folder_a_zip_file_or_a_name(root, renderer, tmp_path):
    folder = write_tree(tmp_path / "mine")
    assert get_dataset(str(folder)) == folder
    archive = write_zip(tmp_path / "mine.zip", ["yoga/a.jpg", "boxing/b.jpg"])
    unpacked = get_dataset(archive, root=root)
    assert images(unpacked) == 2
    assert get_dataset(archive, root=root) == unpacked
    write_zip(archive, ["yoga/a.jpg", "boxing/b.jpg", "boxing/c.jpg"])
    assert images(get_dataset(archive, root=root)) == 3
    assert get_dataset("auto", root=root) == get_dataset("sample", root=root)
    with pytest.raises(WorkoutlibError, match="kaggle, sample, auto"):
        get_dataset("kagle", root=root)
    (tmp_path / "broken.zip").write_bytes(b"PK nothing")
    with pytest.raises(WorkoutlibError, match="no readable zip file"):
        get_dataset(tmp_path / "broken.zip", root=root)


def test_the_sample_is_rendered_once_for_each_setting(root, renderer):
    first = make_sample(root, progress=False)
    assert make_sample(root) == first
    assert make_sample(root, seed=1) != first
    assert renderer == [
        {"videos": 10, "frames": 5, "stills": 2, "seed": 0, "progress": False},
        {"videos": 10, "frames": 5, "stills": 2, "seed": 1, "progress": True},
    ]
    assert images(first) == 44
    assert first.name.startswith("sample-")


def test_an_interrupted_sample_is_rendered_again(root, monkeypatch):
    from workoutlib import gym

    def stops(out, **settings):
        write_tree(Path(out), TREE[:3])
        raise KeyboardInterrupt

    monkeypatch.setattr(gym, "write_dataset", stops, raising=False)
    with pytest.raises(KeyboardInterrupt):
        make_sample(root)
    assert os.listdir(root) == []
    monkeypatch.setattr(gym, "write_dataset", lambda out, **settings: write_tree(Path(out)))
    assert images(make_sample(root)) == 44


@pytest.mark.parametrize(
    "name", ["/etc/x.jpg", "../x.jpg", "squat/../../x.jpg", "C:/x.jpg", "\\\\host\\x.jpg", "squat\\..\\..\\x.jpg"]
)
def test_members_that_lead_out_are_refused(tmp_path, name):
    archive = write_zip(tmp_path / "a.zip", {"squat/a.jpg": b"a"})
    with zipfile.ZipFile(archive, "a") as file:
        member = zipfile.ZipInfo()
        member.filename = name
        file.writestr(member, b"evil")
    with pytest.raises(WorkoutlibError, match="leads out of the folder"):
        unpack_archive(archive, tmp_path / "in" / "out")
    assert os.listdir(tmp_path / "in") == []


def test_links_in_archives_are_refused(tmp_path):
    archive = write_zip(tmp_path / "a.zip", {"squat/a.jpg": b"a"})
    with zipfile.ZipFile(archive, "a") as file:
        member = zipfile.ZipInfo("squat/link.jpg")
        member.create_system = 3
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(member, "/etc/passwd")
    with pytest.raises(WorkoutlibError, match="is a link"):
        unpack_archive(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_bombs_are_refused(tmp_path, monkeypatch):
    archive = write_zip(tmp_path / "a.zip", {"squat/a.jpg": bytes(1_000_000)})
    monkeypatch.setattr(archives, "RATIO_COUNTS_FROM_BYTES", 1000)
    with pytest.raises(WorkoutlibError, match="times its size"):
        unpack_archive(archive, tmp_path / "out")
    monkeypatch.setattr(archives, "MAX_UNPACKED_BYTES", 100_000)
    with pytest.raises(WorkoutlibError, match="would unpack to"):
        unpack_archive(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_does_not_fit_on_the_disk_is_refused(tmp_path, monkeypatch):
    archive = write_zip(tmp_path / "a.zip")
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda path: types.SimpleNamespace(free=10))
    with pytest.raises(WorkoutlibError, match="GiB are free"):
        unpack_archive(archive, tmp_path / "out")


def test_an_existing_folder_is_never_overwritten(tmp_path):
    archive = write_zip(tmp_path / "a.zip")
    (tmp_path / "out").mkdir()
    with pytest.raises(WorkoutlibError, match="there already"):
        unpack_archive(archive, tmp_path / "out")


@pytest.mark.parametrize(
    ("names", "message"),
    [(["readme.txt"], "no folder in it has images"), (["train/squat/a.jpg", "valid/squat/b.jpg"], "2 trees")],
)
def test_archives_without_one_tree_of_classes(tmp_path, names, message):
    with pytest.raises(WorkoutlibError, match=message):
        unpack_archive(write_zip(tmp_path / "a.zip", names), tmp_path / "out")


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_damaged_archive_gives_the_tree_or_a_clear_error(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("zip")
    archive = write_zip(folder / "a.zip", {name: name.encode() * 20 for name in TREE[:6]})
    content = bytearray(archive.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    archive.write_bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))])
    inside = folder / "inside"
    inside.mkdir()
    try:
        unpack_archive(archive, inside / "out")
    except WorkoutlibError:
        assert os.listdir(inside) == []
    else:
        assert os.listdir(inside) == ["out"]
    assert sorted(os.listdir(folder)) == ["a.zip", "inside"]


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
@pytest.mark.parametrize("files_before_the_kill", [1, 150, 400])
def test_killed_while_unpacking(tmp_path, files_before_the_kill):
    names = [f"squat/squat_{number}00001.jpg" for number in range(1, 501)]
    archive, out = write_zip(tmp_path / "a.zip", names), tmp_path / "sets" / "out"
    code = (
        "import os, signal, sys, zipfile\n"
        "from workoutlib.download import unpack_archive\n"
        "extract, left = zipfile.ZipFile.extract, [int(sys.argv[3])]\n"
        "def killing(self, *arguments):\n"
        "    left[0] -= 1\n"
        "    if left[0] < 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return extract(self, *arguments)\n"
        "zipfile.ZipFile.extract = killing\n"
        "unpack_archive(sys.argv[1], sys.argv[2])\n"
    )
    command = [sys.executable, "-c", code, str(archive), str(out), str(files_before_the_kill)]
    killed = subprocess.run(command, capture_output=True, cwd=Path(__file__).parents[1])
    assert killed.returncode == -signal.SIGKILL
    left = [path for path in (tmp_path / "sets").rglob("*.jpg")]
    assert len(left) == files_before_the_kill
    assert not out.exists()
    assert images(unpack_archive(archive, out)) == 500


def test_data_and_outputs_live_together(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKOUTLIB_HOME", str(tmp_path))
    assert (paths.data_root(), paths.output_root()) == (tmp_path / "input", tmp_path / "outputs")
    monkeypatch.delenv("WORKOUTLIB_HOME")
    assert paths.home() == Path(__file__).resolve().parents[1]
    monkeypatch.setattr(paths, "__file__", str(tmp_path / "site-packages" / "workoutlib" / "paths.py"))
    monkeypatch.chdir(tmp_path)
    assert paths.home() == tmp_path
