"""What the commands do: results as files and JSON, one clear line for what went wrong."""

import io
import json
import math
import os
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
import torchvision
from helpers.clips import save_clip
from helpers.profiles import shrink_profiles
from helpers.rows import CLIP_KEYS, PHOTO_KEYS
from helpers.tiny import Code, save_noise
from sklearn import metrics

from workoutlib.app import commands
from workoutlib.app import predict as predict_command
from workoutlib.app.cli import main
from workoutlib.app.collect import advise_folds
from workoutlib.app.commands import write_json
from workoutlib.models.checkpoints import load_checkpoint
from workoutlib.recognition.recognizer import Recognizer

SCORES = {"top1", "top3", "macro", "clip_top1"}


@pytest.fixture
def small(monkeypatch, home) -> Path:
    """Profiles with pictures small enough for a test, and an empty home."""
    shrink_profiles(monkeypatch)
    return home


@pytest.mark.slow
def test_train_then_evaluate_then_resume(small, data_folder, capsys):
    assert (
        main(["train", "--profile", "quick", "--data", str(data_folder), "--epochs", "2", "--save-name", "mine"]) == 0
    )
    out = small / "outputs"
    printed = capsys.readouterr().out
    assert "tf_efficientnet_lite0: 3,374,851 parameters" in printed and "split video: " in printed
    assert "best model (epoch" in printed and "95 % interval over videos" in printed
    files = {p.name for p in out.iterdir()}
    assert files == {"accuracy.png", "best_model.pth", "history.csv", "last.pth", "loss.png", "mine.pth"}
    history = pd.read_csv(out / "history.csv")
    assert history["epoch"].tolist() == [0, 1, 2]

    report = small / "deep" / "scores.json"
    arguments = ["--checkpoint", str(out / "best_model.pth"), "--data", str(data_folder), "--json", str(report)]
    assert main(["evaluate", *arguments]) == 0
    found = json.loads(report.read_text())
    assert set(found) >= SCORES and all(0 <= found[name] <= 1 for name in SCORES)
    assert set(found["intervals"]) == SCORES and found["images"] == 48

    assert main(["evaluate", *arguments, "--out", str(small / "evaluated")]) == 0
    table = pd.read_csv(small / "evaluated" / "predictions.csv")
    assert found["top1"] == pytest.approx(metrics.accuracy_score(table["label"], table["predicted"]))
    assert found["macro"] == pytest.approx(metrics.balanced_accuracy_score(table["label"], table["predicted"]))
    assert len(table) == 48 and table["confidence"].between(1 / 3, 1).all()

    assert main(["train", "--profile", "quick", "--data", str(data_folder), "--epochs", "2", "--resume"]) == 0
    assert pd.read_csv(out / "history.csv").equals(history)
    assert main(["train", "--profile", "quick", "--data", str(data_folder), "--epochs", "1", "--resume"]) == 2
    assert "cannot resume with another config (epochs was 2, is 1)" in capsys.readouterr().err


@pytest.mark.slow
def test_train_on_a_data_set_and_on_what_was_added_to_it(small, data_folder, tmp_path, capsys):
    for number in (1, 2):
        save_noise(tmp_path / "new" / "squat" / f"squat_10000{number}.jpg", seed=number)
    arguments = ["train", "--profile", "quick", "--epochs", "0", "--data", str(data_folder)]
    assert main(arguments) == 0
    capsys.readouterr()
    assert main([*arguments, str(tmp_path / "new")]) == 0
    printed = capsys.readouterr().out
    assert "videos  added" in printed and "top-1 before" in printed and "95 % interval" in printed


def test_train_on_all_videos_by_folds(small, data_folder, tmp_path, capsys):
    arguments = ["train", "--profile", "quick", "--epochs", "0", "--folds", "2", "--data", str(data_folder)]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "scores of 2 folds, each image judged by" in printed and "48 images of 15 videos, by video" in printed
    assert (small / "outputs" / "best_model.pth").is_file()
    for number in (1, 2):
        save_noise(tmp_path / "new" / "squat" / f"squat_10000{number}.jpg", seed=number)
    assert main([*arguments, str(tmp_path / "new")]) == 0
    printed = capsys.readouterr().out
    assert "48 images of 15 videos, by video" in printed and "model of all 50 images" in printed
    for more in (["--resume"], ["--split", "random"]):
        assert main([*arguments, *more]) == 2
        assert "--folds is by video" in capsys.readouterr().err


def test_few_videos_are_told_how_to_be_trained_on(catalog, capsys):
    advise_folds(catalog, "video")  # five a class
    few = catalog[catalog["video"].str.contains("/[12]$")]
    advise_folds(few.assign(added=False), "video")
    advise_folds(few, "random")
    assert capsys.readouterr().out == ""
    advise_folds(few, "video")
    assert "2.0 videos a class" in (printed := capsys.readouterr().out) and "--folds 2" in printed


@pytest.mark.slow
def test_the_tutorials_recipe_with_a_local_weight_file(small, data_folder, tmp_path, capsys):
    torch.save(torchvision.models.resnet50(weights=None).state_dict(), tmp_path / "resnet50.pth")
    arguments = ["--profile", "tutorial", "--weights", str(tmp_path / "resnet50.pth"), "--epochs", "1"]
    assert main(["train", "--data", str(data_folder), *arguments, "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert f"resnet50: {23_553_110 - 19 * 2049:,} parameters" in printed  # 3 classes instead of 22
    assert "split random: 44 train, 4 valid" in printed and "random frames:" in printed
    stored = load_checkpoint(tmp_path / "out" / "best_model.pth")
    assert stored.config.weights == str(tmp_path / "resnet50.pth") and stored.config.name == "tutorial"
    (tmp_path / "resnet50.pth").unlink()
    assert load_checkpoint(tmp_path / "out" / "best_model.pth").labels == stored.labels


@pytest.mark.slow
def test_crossvalidate(small, data_folder, tmp_path, capsys):
    arguments = [
        "--data",
        str(data_folder),
        "--folds",
        "3",
        "--profile",
        "quick",
        "--seed",
        "1",
        "--out",
        str(tmp_path / "out"),
        "--json",
        str(tmp_path / "cv.json"),
    ]
    assert main(["crossvalidate", *arguments]) == 0
    found = json.loads((tmp_path / "cv.json").read_text())
    assert set(found) == SCORES
    for score in found.values():
        assert set(score) == {"mean", "std", "folds"} and len(score["folds"]) == 3
        assert all(0 <= value <= 1 for value in [score["mean"], *score["folds"]])
    table = pd.read_csv(tmp_path / "out" / "crossvalidation.csv")
    assert len(table) == 48 and set(table["predicted"]) <= set(table["label"])
    assert (table["label"] == table["predicted"]).mean() > 0.4
    folds = [metrics.accuracy_score(fold["label"], fold["predicted"]) for _, fold in table.groupby("fold")]
    assert folds == pytest.approx(found["top1"]["folds"])
    printed = capsys.readouterr().out
    assert "top1" in printed and "3 folds, by video" in printed
    suspects = pd.read_csv(tmp_path / "out" / "suspected_labels.csv")
    assert set(suspects["path"]) <= set(table.loc[table["label"] != table["predicted"], "path"])
    assert (f"{len(suspects)} labels look wrong" in printed) == bool(len(suspects))
    assert main(["crossvalidate", *arguments, "--split", "random"]) == 0
    assert "3 folds, random frames" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["random", "video"])
def test_split_prints_sizes_and_leakage(small, data_folder, tmp_path, kind, capsys):
    assert main(["split", "--data", str(data_folder), "--split", kind, "--json", str(tmp_path / "s.json")]) == 0
    found = json.loads((tmp_path / "s.json").read_text())
    assert sum(found["sizes"].values()) == 48
    assert set(found["sizes"]) == ({"train", "valid"} if kind == "random" else {"train", "valid", "test"})
    assert (found["leakage"]["shared_videos"] > 0) == (kind == "random")
    assert found["leakage"]["sentence"] in capsys.readouterr().out


def test_predict_a_folder_with_bad_files(trained, small, tmp_path, capsys):
    inside = tmp_path / "in"
    save_noise(inside / "push_up.jpg")
    save_clip(inside / "plank.mp4")
    (inside / "bad.jpg").write_bytes(b"not a picture")
    arguments = [
        str(inside),
        str(tmp_path / "missing.png"),
        "--checkpoint",
        str(trained.checkpoint),
        "--json",
        str(tmp_path / "p.json"),
    ]
    assert main(["predict", *arguments]) == 1
    printed = capsys.readouterr()
    found = {os.path.basename(row["path"]): row for row in json.loads((tmp_path / "p.json").read_text())}
    assert set(found) == {"push_up.jpg", "plank.mp4", "bad.jpg", "missing.png"}
    assert set(found["push_up.jpg"]) == PHOTO_KEYS | {"annotated"}
    assert set(found["plank.mp4"]) == CLIP_KEYS | {"annotated"}
    assert found["bad.jpg"]["label"] is None and "not a picture" in found["bad.jpg"]["error"]
    errors = [line for line in printed.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 2 and "Traceback" not in printed.err
    assert "of 2 files named after an exercise" in printed.out
    out = small / "outputs" / "predictions"
    assert sorted(p.name for p in out.iterdir()) == [
        "index.html",
        "plank.frames.csv",
        "plank.mp4",
        "plank.poster.jpg",
        "plank.segments.csv",
        "predictions.csv",
        "predictions.json",
        "push_up.jpg",
        "workout.csv",
        "workout.json",
    ]


def test_predict_good_files_ends_with_0_and_bad_ones_alone_with_1(trained, small, tmp_path):
    good = save_noise(tmp_path / "x.jpg")
    checkpoint = ["--checkpoint", str(trained.checkpoint)]
    assert main(["predict", str(good), *checkpoint]) == 0
    (bad := tmp_path / "bad" / "x.jpg").parent.mkdir()
    bad.write_bytes(b"no picture")
    assert main(["predict", str(bad), *checkpoint]) == 1
    bad.unlink()
    assert main(["predict", str(bad), *checkpoint]) == 2
    assert main(["predict", str(tmp_path), *checkpoint, "--stride", "0"]) == 0  # photos have no stride
    assert main(["predict", str(save_clip(tmp_path / "c.mp4")), *checkpoint, "--stride", "0"]) == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have no such names")
def test_a_name_that_is_no_text_reaches_table_and_json(trained, small, tmp_path, capsys):
    name = os.fsdecode(b"caf\xe9\n=1.jpg")
    save_noise(tmp_path / "x.jpg").rename(tmp_path / name)
    arguments = [str(tmp_path / name), "--checkpoint", str(trained.checkpoint), "--json", str(tmp_path / "p.json")]
    assert main(["predict", *arguments]) == 0
    assert json.loads((tmp_path / "p.json").read_text(encoding="utf-8"))[0]["path"] == str(tmp_path / name)
    assert "udce9" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "--checkpoint", "{tmp}/none.pth", "--data", "{data}"], "no checkpoint"),
        (["predict", "{data}", "--checkpoint", "{tmp}/evil.pth"], "refused"),
        (["train", "--profile", "quick", "--data", "{tmp}/nowhere"], "no data set"),
        (["train", "--profile", "quick", "--data", "{data}", "--batch-size", "0"], "Config.batch_size = 0"),
        (["train", "--profile", "quick", "--data", "{data}", "--model", "vgg"], "no model 'vgg'"),
        (["train", "--profile", "quick", "--data", "{data}", "--save-name", "last"], "cannot be called last"),
        (["train", "--profile", "quick", "--data", "{data}", "--save-name", "./last"], "give a name, not a path"),
        (["train", "--profile", "quick", "--data", "{data}", "--save-name", "{tmp}/x"], "give a name, not a path"),
        (["train", "--profile", "quick", "--data", "{data}", "--out", "{tmp}/evil.pth/x"], "cannot be written"),
        (["train", "--profile", "quick", "--data", "{data}", "--weights", "{tmp}/evil.pth"], "refused"),
        (["split", "--data", "{data}", "--json", "{tmp}/evil.pth/x.json"], "cannot be written"),
        (["crossvalidate", "--profile", "quick", "--data", "{data}", "--json", "{tmp}"], "it is a folder"),
        (["crossvalidate", "--profile", "quick", "--data", "{data}", "--out", "{tmp}/evil.pth"], "cannot be written"),
        (["predict", "{data}", "--checkpoint", "{tmp}/evil.pth", "--out", "{tmp}/evil.pth"], "cannot be written"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_status_2(small, data_folder, tmp_path, capsys, arguments, message):
    torch.save({"a": Code(tmp_path / "executed")}, tmp_path / "evil.pth")
    assert main([a.format(tmp=tmp_path, data=data_folder) for a in arguments]) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and message in errors[0]
    assert not (tmp_path / "executed").exists()


def test_where_results_cannot_be_written_is_found_out_before_the_work(small, data_folder, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    monkeypatch.setattr(
        "workoutlib.training.crossvalidation.crossvalidate", lambda *_, **__: pytest.fail("worked in vain")
    )
    for results in (["--out", str(tmp_path / "file")], ["--json", str(tmp_path)], ["--json", str(tmp_path / "file/x")]):
        assert main(["crossvalidate", "--profile", "quick", "--data", str(data_folder), *results]) == 2
    assert [path.name for path in tmp_path.iterdir() if path != small] == ["file"]
    assert (tmp_path / "file").read_text() == "x"


@pytest.mark.slow
def test_a_disk_that_fills_up_does_not_take_the_result_with_it(
    trained, small, data_folder, tmp_path, monkeypatch, capsys
):
    def full(*_):
        raise OSError(28, "No space left on device")

    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no picture")
    for module in (commands, predict_command):
        monkeypatch.setattr(module, "write_json", full)
    arguments = [str(save_noise(tmp_path / "push_up.jpg")), str(bad), "--checkpoint", str(trained.checkpoint)]
    assert main(["predict", *arguments]) == 2
    printed = capsys.readouterr()
    assert "of 1 files named after an exercise" in printed.out
    assert "bad.jpg" in printed.err and "No space left" in printed.err

    assert main(["crossvalidate", "--profile", "quick", "--data", str(data_folder), "--folds", "2"]) == 2
    assert "2 folds, by video" in capsys.readouterr().out


def test_who_hangs_up_has_the_json_file_all_the_same(small, data_folder, tmp_path, monkeypatch):
    class HungUp(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(sys, "stdout", HungUp())
    assert main(["split", "--data", str(data_folder), "--json", str(tmp_path / "s.json")]) == 2
    assert json.loads((tmp_path / "s.json").read_text())["sizes"]


def test_json_has_no_nan(tmp_path):
    content = {"a": [1.5, math.nan, {"b": math.inf}], "c": (None, "é\udcff"), "d": 3}
    write_json(content, tmp_path / "deep" / "x.json")
    text = (tmp_path / "deep" / "x.json").read_text(encoding="utf-8")
    assert json.loads(text, parse_constant=pytest.fail) == {
        "a": [1.5, None, {"b": None}],
        "c": [None, "é\udcff"],
        "d": 3,
    }
    assert os.listdir(tmp_path / "deep") == ["x.json"]
    write_json(content, None)


def with_faults(folder: Path) -> Path:
    """Two classes of readable pictures, hidden twins, and two that cannot be read."""
    for label in ("squat", "plank"):
        for i in range(8):
            save_noise(folder / label / f"{label}_{i + 1}00001.jpg", seed=i)
        (folder / label / f"._{label}_100001.jpg").write_bytes(b"\0\5\x16\7")
        (folder / label / f"{label}_900001.jpg").write_bytes(b"no picture")
    return folder


@pytest.mark.slow
def test_train_and_evaluate_past_what_cannot_be_read(small, tmp_path, capsys):
    data = str(with_faults(tmp_path / "data"))
    arguments = ["train", "--profile", "quick", "--data", data, "--epochs", "0"]
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert "2 pictures cannot be read" in said and "squat_900001" in said and "plank_900001" in said
    assert "--skip-unreadable" in said and "._" not in said
    assert main([*arguments, "--skip-unreadable"]) == 0
    assert "2 × unreadable image" in capsys.readouterr().out
    checkpoint = str(small / "outputs" / "best_model.pth")
    arguments = ["evaluate", "--checkpoint", checkpoint, "--data", data]
    assert main(arguments) == 2
    assert "2 pictures cannot be read" in capsys.readouterr().err
    assert main([*arguments, "--skip-unreadable", "--json", str(tmp_path / "scores.json")]) == 0
    assert json.loads((tmp_path / "scores.json").read_text())["images"] == 16


def test_evaluate_tells_what_it_left_out(trained, small, tmp_path, capsys):
    for label in ("squat", "plank"):
        save_noise(tmp_path / "data" / label / f"{label}_100001.jpg")
    (tmp_path / "data" / "squat" / "notes.txt").write_text("x")
    save_noise(tmp_path / "data" / "stray.jpg")
    assert main(["evaluate", "--checkpoint", str(trained.checkpoint), "--data", str(tmp_path / "data")]) == 0
    said = capsys.readouterr().out
    assert "2 images, 2 problems:" in said and "1 × not an image file" in said
    assert "1 × image outside of the class folders" in said


def test_split_takes_names_that_the_user_gives(home, tmp_path, capsys):
    for label in ("bicep curl", "chest fly", "zumba"):
        for i in range(5):
            save_noise(tmp_path / "data" / label / f"{label}_{i + 1}00001.jpg", seed=i)
    arguments = ["split", "--split", "video", "--data", str(tmp_path / "data")]
    assert main(arguments) == 2
    assert "'zumba'" in (said := capsys.readouterr().err) and "--labels" in said and "'bicep curl'" not in said
    assert main([*arguments, "--labels", "bicep curl, chest fly, zumba"]) == 0
    (tmp_path / "names.txt").write_text("barbell biceps curl\nchest fly machine\nzumba\n", encoding="utf-8")
    assert main([*arguments, "--labels", str(tmp_path / "names.txt")]) == 0


def predict_all(trained, folder) -> int:
    """Exit status of ``predict`` over ``in``, which writes ``out`` and ``rows.json``."""
    checkpoint, out, rows = str(trained.checkpoint), str(folder / "out"), str(folder / "rows.json")
    return main(["predict", str(folder / "in"), "--checkpoint", checkpoint, "--out", out, "--json", rows])


def test_ctrl_c_leaves_the_table_of_what_was_done(home, trained, tmp_path, monkeypatch, capsys):
    for i in range(12):
        save_noise(tmp_path / "in" / f"{i:02}.jpg", seed=i)
    annotate, done = Recognizer.annotate, []

    def interrupted(*arguments, **options):
        if len(done) == 10:
            raise KeyboardInterrupt
        done.append(1)
        return annotate(*arguments, **options)

    monkeypatch.setattr(Recognizer, "annotate", interrupted)
    assert predict_all(trained, tmp_path) == 130
    assert len(pd.read_csv(tmp_path / "out" / "predictions.csv")) == 10
    assert len(json.loads((tmp_path / "rows.json").read_text())) == 10
    assert "stopped" in capsys.readouterr().err


def test_one_long_name_does_not_widen_the_table(home, trained, tmp_path, capsys):
    save_noise(tmp_path / "in" / f"{'x' * 240}.jpg")
    save_noise(tmp_path / "in" / "a.jpg")
    assert predict_all(trained, tmp_path) == 0
    assert max(map(len, capsys.readouterr().out.splitlines()[1:])) < 140
    assert [row["notes"] for row in json.loads((tmp_path / "rows.json").read_text())] == [[], []]
