"""The command line: the tutorial's flags, and how commands end."""

import re
import subprocess
import sys
import warnings
from itertools import product

import pytest
from helpers.tiny import one_thread_environment, save_noise

from workoutlib.app import commands
from workoutlib.app.cli import COMMANDS, OPTIONS, build_parser, main
from workoutlib.app.commands import choose_config
from workoutlib.config import PROFILES, Config
from workoutlib.utils.errors import WorkoutlibError


def parse(*arguments: str) -> Config:
    return choose_config(build_parser().parse_args(["train", *arguments]))


def test_flags_change_the_profile():
    flags = (
        "--profile tutorial --epochs 3 --learning-rate 0.01 --batch-size 16 --no-fine-tune --no-scheduler "
        "--split video --model resnet18 --seed 7 --weights file.pth"
    )
    config = parse(*flags.split())
    expected = {
        "epochs": 3,
        "learning_rate": 0.01,
        "batch_size": 16,
        "fine_tune": False,
        "scheduler": "none",
        "split": "video",
        "model": "resnet18",
        "seed": 7,
        "weights": "file.pth",
    }
    assert config == Config.profile("tutorial", **expected)


def test_crossvalidate_can_judge_heads_alone():
    options = build_parser().parse_args(["crossvalidate", "--data", "sample", "--profile", "best", "--no-fine-tune"])
    assert choose_config(options) == Config.profile("best", fine_tune=False)


@pytest.mark.parametrize("name", PROFILES)
def test_without_flags_the_profile_is_as_it_is(name):
    assert parse("--profile", name) == Config.profile(name)
    assert parse("--profile", name, "--fine-tune", "--scheduler") == Config.profile(name)
    assert parse("--profile", name, "--no-scheduler").scheduler == "none"


def test_auto_says_what_it_chose(capsys, home):
    assert parse("--profile", "auto").name in PROFILES
    assert "choose another by its name" in capsys.readouterr().out


def test_wrong_flags_end_with_usage(capsys):
    for arguments in ([], ["fly"], ["train", "--profile", "slow"], ["evaluate"], ["predict", "--checkpoint", "x"]):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 2 and "usage:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["pridect", "x.jpg"], "predict"),
        (["evaluate", "--checkpoint", "x", "--data", "y", "--jsn", "z"], "--json"),
        (["train", "--epoch=3", "--spilt=video"], "--split"),
        (["train", "--profile", "bst"], "best"),
    ],
)
def test_misspelt_words_are_answered_with_what_was_meant(capsys, arguments, meant):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2 and f"did you mean {meant}?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "folds"), [*product(["train", "crossvalidate"], ["1", "-2", "two"]), ("crossvalidate", "0")]
)
def test_too_few_folds_are_refused_in_a_sentence(capsys, command, folds):
    with pytest.raises(SystemExit) as stop:
        main([command, "--data", "sample", "--folds", folds])
    assert stop.value.code == 2
    assert f"{folds} is no number of folds: cross-validation needs 2 or more" in capsys.readouterr().err


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_tells_its_default_and_an_example(option):
    settings = OPTIONS[option]
    assert "default: " in settings["help"] or settings.get("required") or not option.rpartition(" ")[2].startswith("-")
    assert "for example " in settings["help"] or "action" in settings or "sample" in settings["help"]


class Reached(Exception):
    """A command came to its work; the argument is the folder of its results."""


def reach(*arguments, out=None, **_):
    raise Reached(out or arguments[1])


@pytest.mark.parametrize(
    ("command", "options", "work"),
    [
        ("demo", "", "workoutlib.training.experiments.train_model"),
        ("train", "--profile quick --data {data}", "workoutlib.training.experiments.train_model"),
        ("predict", "{data}", "workoutlib.recognition.files.predict_files"),
        ("export", "--checkpoint {data}", "workoutlib.recognition.export.export_model"),
    ],
)
def test_results_go_by_default_where_the_help_says(command, options, work, home, data_folder, monkeypatch):
    monkeypatch.setattr("workoutlib.app.demo.make_sample", lambda: data_folder)
    monkeypatch.setattr("workoutlib.recognition.starter.choose_recognizer", lambda *_, **__: (None, "none"))
    monkeypatch.setattr(work, reach)
    with pytest.raises(Reached) as reached:
        main([command, *options.format(data=data_folder).split()])
    told = re.search(r"default: (.*)\)", OPTIONS.get(f"{command} --out", OPTIONS["--out"])["help"])[1]
    assert reached.value.args == (home / told,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict", "plonk.mp4"], 'no such file or folder: "plonk.mp4" (did you mean "plank.mp4"?)'),
        (["predict", "data"], 'no photo or clip in "data"'),
        (["predict", "https://a.org/b.mp4"], '"https://a.org/b.mp4"; download what has a web address first'),
        (["split", "--data", "dta"], 'no data set "dta" (did you mean "data"?)'),
        (["train", "--data", "smple"], "did you mean sample?"),
        (["predict", "data", "--checkpoint", "outputs/best.pth"], 'there is "{home}/outputs/demo/best_model.pth"'),
    ],
)
def test_wrong_paths_are_answered_before_anything_heavy_is_loaded(tmp_path, home, arguments, message):
    for file in (tmp_path / "plank.mp4", tmp_path / "data" / "x", home / "outputs" / "demo" / "best_model.pth"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    code = f"import sys; from workoutlib.app.cli import main; n = main({arguments!r}); print(n, 'torch' in sys.modules)"
    environment = one_thread_environment()
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.split() == ["2", "False"] and message.format(home=home) in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0 and COMMANDS[command][0] in " ".join(capsys.readouterr().out.split())
    assert callable(getattr(commands, command))


@pytest.mark.parametrize(
    ("fault", "status"),
    [(KeyboardInterrupt, 130), (WorkoutlibError("mend it"), 2), (OSError(28, "No space left on device"), 2)],
)
def test_how_commands_end(monkeypatch, capsys, fault, status):
    def fail(options):
        raise fault

    monkeypatch.setattr(commands, "info", fail)
    assert main(["info"]) == status
    printed = capsys.readouterr().err
    assert {130: "stopped", 2: "error: "}[status] in printed and "Traceback" not in printed


def test_our_own_mistakes_are_not_hidden(monkeypatch):
    monkeypatch.setattr(commands, "info", lambda options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["info"])


def test_warnings_are_notes_and_stay_warnings_for_others(monkeypatch, capsys):
    monkeypatch.setattr(commands, "info", lambda options: warnings.warn("be careful", stacklevel=1))
    before = warnings.showwarning
    main(["info"])
    assert "note: be careful" in capsys.readouterr().err and warnings.showwarning is before


@pytest.mark.slow
def test_as_a_process_of_its_own(trained, tmp_path):
    """Bad files and a terminal that knows ASCII only: no stack trace, status 1."""
    save_noise(tmp_path / "täst.jpg")
    (tmp_path / "bad.jpg").write_bytes(b"x")
    environment = {**one_thread_environment(), "PYTHONIOENCODING": "ascii", "WORKOUTLIB_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "workoutlib", "predict", str(tmp_path), "--checkpoint", str(trained.checkpoint)]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=900)
    assert done.returncode == 1, done.stderr
    assert done.stderr.count(b"error: ") == 1 and b"Traceback" not in done.stderr
    assert b"t\\xe4st.jpg" in done.stdout
    assert (tmp_path / "home" / "outputs" / "predictions" / "täst.jpg").is_file()


@pytest.mark.parametrize(
    "arguments",
    [["predict", "a.jpg", "--out", ""], ["predict", "", "a.jpg"], ["split", "--data="], ["export", "--checkpoint", ""]],
)
def test_a_variable_that_is_not_set_is_no_path(arguments, tmp_path, monkeypatch, capsys):
    """As a path it would be the current folder, which would be read, or filled with results."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2 and "an argument is empty" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
