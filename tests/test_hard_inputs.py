"""Hard inputs through every public door, in one table: what was tried, what it gave, and that nothing else happened.

The inputs go, one after the other, through a process of their own: a crash or a hang there is seen here.
``WORKOUTLIB_FAULT_TABLE=table.md python -m pytest tests/test_hard_inputs.py`` keeps the table.
"""

import contextlib
import hashlib
import io
import json
import math
import multiprocessing
import os
import random
import stat
import sys
import warnings
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.clips import broken_clips, moving, turned_by_metadata, write_with
from helpers.pictures import broken_files, png, quarters
from helpers.tiny import Code, save_noise
from PIL import Image

from workoutlib.app.cli import main
from workoutlib.data.archives import unpack_archive
from workoutlib.media.images import read_image
from workoutlib.media.video_reader import read_frames
from workoutlib.models.checkpoints import FIELDS, load_checkpoint
from workoutlib.utils.errors import WorkoutlibError

READ, NOTED, REFUSED = "read", "read, with a note", "refused in one line"
EITHER = "any of these"
SECONDS = 600  # for all inputs together, on a slow machine; they take half a minute
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="makes names, links and pipes that only Linux has"),
]


# The doors. Each takes an input and returns, or raises WorkoutlibError, or warns.


def see_photo(path: Path) -> None:
    pixels = read_image(path)
    assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.size


def see_clip(path: Path) -> None:
    times = []
    for time, frame in read_frames(path):
        assert frame.dtype == np.uint8 and frame.ndim == 3
        times.append(time)
    assert times and all(np.diff(times) > 0)


def see_checkpoint(path: Path) -> None:
    assert load_checkpoint(path).labels


def see_archive(path: Path) -> None:
    unpack_archive(path, path.with_name(f"{path.name} unpacked"))


def see_data(path: Path) -> None:
    """On the command line: an error there is one line and status 2."""
    said, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(errors):
        status = main(["split", "--split", "video", "--data", str(path)])
    text = errors.getvalue()
    if status == 2:
        assert text.startswith("error: ")
        raise WorkoutlibError(text.removeprefix("error: ").removesuffix("\n"))
    assert status == 0 and "images of" in said.getvalue()
    if text or "left out" in said.getvalue():
        warnings.warn(text or "left out", stacklevel=1)


DOORS = {
    "photo": see_photo,
    "photo, fuzzed": see_photo,
    "clip": see_clip,
    "clip, fuzzed": see_clip,
    "data set": see_data,
    "checkpoint": see_checkpoint,
    "archive": see_archive,
}


# The inputs: (kind, path, what it must give).


def photos(folder: Path) -> list[tuple]:
    folder.mkdir()
    grey, rgb = Image.fromarray(quarters()[..., 0]), Image.fromarray(quarters())
    whole = {
        "cmyk.jpg": rgb.convert("CMYK"),
        "palette.png": rgb.convert("P"),
        "alpha.png": rgb.convert("RGBA"),
        "grey.png": grey,
        "16 bit.png": Image.fromarray(quarters()[..., 0].astype(np.uint16) * 257),
        "bits.png": rgb.convert("1"),
        "one pixel.png": Image.new("RGB", (1, 1)),
        "long.png": Image.new("RGB", (20_000, 10)),
        "high.png": Image.new("RGB", (10, 20_000)),
        "with 'quotes' and \"more\".jpg": rgb,
        "two\nlines.jpg": rgb,
        "💪 é.jpg": rgb,
        os.fsdecode(b"\xff\xfe.jpg"): rgb,
        "<img src=x onerror=alert(1)>.jpg": rgb,
        "=1+1.jpg": rgb,
    }
    for name, image in whole.items():
        image.save(folder / name)
    rgb.save(folder / "progressive.jpg", progressive=True)
    for name in ("moving.gif", "moving.webp"):
        rgb.save(folder / name, save_all=True, append_images=[Image.fromarray(quarters()[::-1])])
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        rgb.save(folder / f"turned {orientation}.jpg", exif=exif)
    readable = sorted(folder.iterdir())
    (folder / "bomb.png").write_bytes(png(30_000, 30_000))
    (folder / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 64)
    for name, target in (("dangling.jpg", "gone.jpg"), ("cycle.jpg", "cycle.jpg")):
        (folder / name).symlink_to(folder / target)
    os.mkfifo(folder / "pipe.jpg")
    broken = [path for path in folder.iterdir() if path not in readable] + [*broken_files(folder).values()]
    return [("photo", path, READ) for path in readable] + [("photo", path, REFUSED) for path in broken]


def clips(folder: Path) -> list[tuple]:
    folder.mkdir()
    codecs = {
        "plain.mp4": {},
        "plain.mov": {},
        "plain.mkv": {},
        "plain.ts": {},
        "wrong.avi": {"format": "mp4"},
        "old.avi": {"codec": "mpeg4"},
        "web.webm": {"codec": "libvpx-vp9"},
        "moving.gif": {"codec": "gif", "pixels": "rgb8"},
        "hevc.mp4": {"codec": "libx265"},
        "10 bit.mp4": {"pixels": "yuv420p10le"},
        "uneven.mkv": {"times": [0, 0.04, 0.5, 0.54, 1.2, 1.3, 1.4, 2.0, 2.1, 2.2]},
    }
    for name, options in codecs.items():
        write_with(folder / name, moving(10), **options)
    write_with(folder / "one frame.mp4", moving(1))
    write_with(folder / "odd.mkv", moving(5, 47, 63), pixels="yuv444p")
    for number, matrix in enumerate(((0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0), (-1, 0, 0, 1))):
        turned_by_metadata(write_with(folder / f"turned {number}.mp4", moving(3)), matrix)
    found = [("clip", path, READ) for path in sorted(folder.iterdir())]
    sizes = b"".join(write_with(folder / f"{h}.ts", moving(4, h, w)).read_bytes() for h, w in ((48, 64), (64, 48)))
    (folder / "sizes.ts").write_bytes(sizes)
    found.append(("clip", folder / "sizes.ts", EITHER))  # the joint may cost a frame
    for name, codec in (("cut.mp4", "libx264"), ("cut.mkv", "libx264"), ("cut.avi", "mpeg4")):
        path = write_with(folder / name, moving(100), codec, bit_rate=800_000)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        found.append(("clip", path, NOTED))
    (folder / "broken").mkdir()
    return found + [("clip", path, REFUSED) for path, _ in broken_clips(folder / "broken").values()]


def fuzzed(folder: Path) -> list[tuple]:
    """A fixed budget of files whose first kilobyte was scribbled on."""
    folder.mkdir()
    chance, found = random.Random(11), []
    suffixes = ("jpg", "png", "gif", "bmp", "tiff", "webp", "ppm")
    codecs = {"mp4": "libx264", "mkv": "libx264", "avi": "mpeg4"}
    seeds = [save_noise(folder / f"seed.{suffix}", size=(24, 24)) for suffix in suffixes]
    movies = [write_with(folder / f"seed.{suffix}", moving(5), codec) for suffix, codec in codecs.items()]
    for kind, sources, count in (("photo, fuzzed", seeds, 30), ("clip, fuzzed", movies, 20)):
        for source in sources:
            for number in range(count):
                data = bytearray(source.read_bytes())
                for _ in range(chance.choice((1, 4, 20))):
                    data[chance.randrange(min(len(data), 1024))] = chance.randrange(256)
                path = folder / f"{number} {source.name}"
                path.write_bytes(data)
                found.append((kind, path, EITHER))
    return found


def data_sets(folder: Path) -> list[tuple]:
    def tree(name: str, files: dict[str, int]) -> Path:
        for i, (file, seed) in enumerate(files.items()):
            save_noise(folder / name / file, seed=seed if seed >= 0 else i)
        return folder / name

    def videos(label: str, count: int, first: int = 0) -> dict[str, int]:
        return {f"{label}/{label}_{v}0000{f}.jpg": -1 for v in range(1 + first, 1 + first + count) for f in (1, 2)}

    good = {**videos("squat", 5), **videos("plank", 5)}
    broken = tree("broken pictures", good)
    (broken / "squat" / "squat_900001.jpg").write_bytes(b"no picture")
    (broken / "squat" / "notes.txt").write_text("not for us")
    read_only = tree("read-only", good)
    read_only.chmod(stat.S_IRUSR | stat.S_IXUSR)
    (folder / "empty").mkdir()
    (folder / "a file").write_text("no folder")
    same = {**good, "plank/plank_800001.jpg": 0, "squat/squat_800001.jpg": 0}
    return [
        ("data set", tree("good", good), READ),
        ("data set", read_only, READ),
        ("data set", tree("one class", videos("squat", 5)), READ),
        ("data set", tree("duplicates across classes", same), EITHER),
        ("data set", tree("a class with one video", {**good, **videos("deadlift", 1)}), EITHER),
        ("data set", broken, EITHER),
        ("data set", folder / "empty", REFUSED),
        ("data set", folder / "a file", REFUSED),
        ("data set", folder / "missing", REFUSED),
        ("data set", tree("unknown class beside known ones", {**good, **videos("sqat", 3)}), REFUSED),
    ]


def checkpoints(folder: Path, whole: Path) -> list[tuple]:
    folder.mkdir()
    content, found = torch.load(whole, weights_only=True), [("checkpoint", whole, READ)]
    state = {name: value.clone() for name, value in content["state_dict"].items()}
    state["head.weight"][0, 0] = math.nan
    changes = {f"code in {field}": {field: Code(folder / "executed")} for field in sorted(FIELDS)}
    changes |= {
        "more classes": {"labels": ["a", "b", "c", "d"]},
        "nan": {"state_dict": state},
        "none": {"state_dict": {}},
        "another model": {"config": {**content["config"], "model": "resnet18"}},
        "temperature": {"temperature": -1.0},
        "huge": {"config": {**content["config"], "resize": 10**9}},
        "more": {"config": {**content["config"], "x": 1}},
    }
    for name, change in changes.items():
        torch.save({**content, **change}, folder / f"{name}.pth")
    for field in sorted(FIELDS):
        torch.save({k: v for k, v in content.items() if k != field}, folder / f"without {field}.pth")
    torch.save(Code(folder / "executed"), folder / "all code.pth")
    data = whole.read_bytes()
    for name, part in (("empty", b""), ("cut", data[: len(data) // 2]), ("text", b"just text")):
        (folder / f"{name}.pth").write_bytes(part)
    return found + [("checkpoint", path, REFUSED) for path in sorted(folder.glob("*.pth"))]


def archives(folder: Path) -> list[tuple]:
    folder.mkdir()
    names = ["../x.jpg", "/tmp/workoutlib-evil.jpg", "squat/../../x.jpg", "C:/x.jpg", "squat\\..\\..\\x.jpg"]
    for number, name in enumerate(names):
        with zipfile.ZipFile(folder / f"{number}.zip", "w") as file:
            file.writestr("squat/a.jpg", b"a")
            member = zipfile.ZipInfo()
            member.filename = name
            file.writestr(member, b"evil")
    with zipfile.ZipFile(folder / "link.zip", "w") as file:
        member = zipfile.ZipInfo("squat/link.jpg")
        member.create_system, member.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        file.writestr(member, "/etc/passwd")
    (folder / "text.zip").write_bytes(b"no archive")
    (folder / "cut.zip").write_bytes((folder / "0.zip").read_bytes()[:60])
    return [("archive", path, REFUSED) for path in sorted(folder.glob("*.zip"))]


def outcome(kind: str, path: Path) -> tuple[str, str]:
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        try:
            DOORS[kind](path)
        except WorkoutlibError as error:
            text = str(error)
            return (REFUSED if text and text.isprintable() else "an unclear message"), text
        except BaseException as error:
            return "crashed", repr(error)
    return (NOTED, str(notes[0].message)) if notes else (READ, "")


def try_all(inputs: list[tuple], log: Path) -> None:
    """In a process of its own; the log tells how far it came."""
    torch.set_num_threads(1)
    with log.open("w", encoding="utf-8") as lines:
        for kind, path, _ in inputs:
            lines.write(json.dumps(outcome(kind, path)) + "\n")
            lines.flush()


def contents(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file() and "unpacked" not in str(path)]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def inputs(trained, tmp_path_factory) -> tuple[Path, list[tuple]]:
    folder = tmp_path_factory.mktemp("hard")
    (folder / "data").mkdir()
    return folder, [
        *photos(folder / "photos"),
        *clips(folder / "clips"),
        *fuzzed(folder / "fuzzed"),
        *data_sets(folder / "data"),
        *checkpoints(folder / "checkpoints", trained.checkpoint),
        *archives(folder / "archives"),
    ]


def test_every_hard_input_gives_what_it_should_and_nothing_else_happens(inputs, tmp_path):
    folder, tried = inputs
    before = contents(folder)
    process = multiprocessing.get_context("spawn").Process(target=try_all, args=(tried, tmp_path / "log"))
    process.start()
    process.join(SECONDS)
    process.kill()
    found = [json.loads(line) for line in (tmp_path / "log").read_text(encoding="utf-8").splitlines()]
    found += [("hung or died", "")] * (len(tried) - len(found))
    write_table(Counter((kind, given) for (kind, *_), (given, _) in zip(tried, found, strict=True)))
    for (_, path, expected), (given, text) in zip(tried, found, strict=True):
        assert given in ((READ, NOTED, REFUSED) if expected == EITHER else (expected,)), (path, given, text)

    assert contents(folder) == before, "an original was changed or lost"
    assert not list(folder.rglob("executed")), "foreign code was executed"
    assert not list(folder.glob("*.jpg")) and not Path("/tmp/workoutlib-evil.jpg").exists(), "written outside"


def write_table(counts: Counter) -> None:
    """A line a kind of input: how many gave what; the last column is for whatever no input may give."""
    lines = [f"| input | tried | {READ} | {NOTED} | {REFUSED} | crashed or hung |", "|---" * 6 + "|"]
    for kind in DOORS:
        tried = sum(number for (its, _), number in counts.items() if its == kind)
        good = [counts[kind, given] for given in (READ, NOTED, REFUSED)]
        lines.append("| " + " | ".join(map(str, [kind, tried, *good, tried - sum(good)])) + " |")
    print("\n".join(lines))
    if target := os.environ.get("WORKOUTLIB_FAULT_TABLE"):
        Path(target).write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_a_folder_job_goes_on_past_all_of_them(inputs, trained, tmp_path, capsys):
    """Every photo and clip in one job: the readable ones recognised, each other one named in one line."""
    folder, tried = inputs
    status = main(
        [
            "predict",
            str(folder / "photos"),
            str(folder / "clips"),
            "--checkpoint",
            str(trained.checkpoint),
            "--out",
            str(tmp_path / "out"),
            "--json",
            str(tmp_path / "rows.json"),
        ]
    )
    rows = json.loads((tmp_path / "rows.json").read_text())
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    failed = [row for row in rows if row["label"] is None]
    assert status == 1 and len(failed) == len(errors) > 10
    seen = {row["path"] for row in rows}
    for kind, path, expected in tried:
        if kind in ("photo", "clip") and expected != REFUSED:
            assert str(path).encode(errors="backslashreplace").decode() in seen or str(path) in seen, path
    assert {row["path"] for row in failed}.isdisjoint(str(path) for _, path, expected in tried if expected == READ)
