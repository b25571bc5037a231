"""The command line of the package: ``workoutlib COMMAND``."""

from __future__ import annotations

import argparse
import os
import re
import sys
import warnings
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, get_args

from workoutlib.app import commands
from workoutlib.app.collect import number_of_folds
from workoutlib.app.meant import as_meant
from workoutlib.config import PROFILES, Backend, Split
from workoutlib.utils.errors import WorkoutlibError

# command: what it does, and its options
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("sample, quick training, scores, annotated media, one page to look at", "--out --seed"),
    "train": (
        "train a model and store its checkpoint",
        "--profile --data --labels --skip-unreadable --out --split --model --weights --epochs --learning-rate "
        "--batch-size --fine-tune --scheduler --seed --folds --save-name --resume --logger",
    ),
    "evaluate": (
        "evaluate a checkpoint on a folder of class folders",
        "--checkpoint --data --labels --skip-unreadable --out --json",
    ),
    "crossvalidate": (
        "train and evaluate by video, each fold in turn",
        "--data --labels --skip-unreadable --profile --folds --split --merge-near-duplicates --model --fine-tune "
        "--seed --out --json",
    ),
    "predict": (
        "recognise photos, clips and folders of them",
        "paths --checkpoint --labels --out --json --stride --skeleton --crop --backend",
    ),
    "live": ("recognise a camera, a stream or a clip as it comes, in a window or a page", "--source --checkpoint"),
    "app": ("a page to drop a clip or a photo on, and to see what it shows", "--checkpoint --port"),
    "export": ("a checkpoint as ONNX or OpenVINO files, checked against it", "--checkpoint --format --out"),
    "annotate": (
        "label a folder of clips and photos: a new data set, and what a person should look at",
        "folder --out --checkpoint --data",
    ),
    "review": ("a page to label what annotate left to a person, a key or a click a clip", "folder --port"),
    "split": ("sizes of a split's parts and how much it leaks", "--data --labels --split --seed --json"),
    "benchmark": ("measure this machine: the tutorial's pipeline, ours, the ceiling", "--model --backend --json"),
    "info": ("versions, devices, weights and data found", ""),
}

# Of commands that work before any training.
_MODEL: dict[str, Any] = {
    "type": Path,
    "help": "for example outputs/best_model.pth (default: that file if it is there, else the starter model)",
}


def _results(default: str) -> dict[str, Any]:
    return {"type": Path, "help": f"folder for the results, for example results/ (default: {default})"}


# option, or "command option" where a command has its own: arguments of add_argument
OPTIONS: dict[str, dict[str, Any]] = {
    "paths": {
        "nargs": "+",
        "metavar": "PATH",
        "help": "photos, clips, or folders of them, for example clip.mp4 photos/",
    },
    "--profile": {
        "choices": [*PROFILES, "auto"],
        "default": "auto",
        "help": "where to start from, for example best; auto chooses, and says what and why (default: auto)",
    },
    "--data": {"default": "auto", "help": "kaggle, sample, auto, or a folder of class folders (default: auto)"},
    "train --data": {
        "nargs": "+",
        "default": ["auto"],
        "metavar": "FOLDER",
        "help": "kaggle, sample, auto, or a folder of class folders; more folders are added to the training pictures, "
        "the validation videos stay those of the first; for example kaggle new_data (default: auto)",
    },
    "annotate --data": {
        "nargs": "+",
        "metavar": "FOLDER",
        "help": "what the model was trained on, for example my_data: clips that show the same recordings are left out "
        "(default: nothing to compare with)",
    },
    "evaluate --data": {"required": True, "help": "kaggle, sample, or a folder of class folders, for example my_data"},
    "crossvalidate --data": {
        "required": True,
        "help": "kaggle, sample, or a folder of class folders, for example my_data",
    },
    "--labels": {
        "metavar": "NAMES",
        "help": "all class names, with commas between, for example squat,plank, or a text file with one a line "
        "(default: the 22 exercises; where no folder is named after one of those, the folders' names)",
    },
    "predict --labels": {
        "metavar": "NAMES",
        "help": "class names of another program's checkpoint in the order of its outputs, with commas between, for "
        "example squat,plank, or a text file with one a line (default: those in the file, else the 22 exercises)",
    },
    "--skip-unreadable": {
        "action": "store_true",
        "help": "go on without pictures and clips that cannot be read (default: stop)",
    },
    "--checkpoint": {"required": True, "type": Path, "help": "for example outputs/best_model.pth"},
    "folder": {"type": Path, "metavar": "FOLDER", "help": "a folder of clips and photos, for example my_clips"},
    "review folder": {
        "type": Path,
        "metavar": "FOLDER",
        "help": "a data set that annotate has made, for example new_data",
    },
    "annotate --out": {
        "type": Path,
        "required": True,
        "metavar": "FOLDER",
        "help": "the new data set, for example new_data",
    },
    "annotate --checkpoint": _MODEL,
    "--source": {
        "default": "0",
        "help": "a camera's number, a stream's address, or a clip, for example rtsp://camera/1 (default: 0)",
    },
    "--port": {"type": int, "help": "of the page, for example 8000 (default: the first free one from 7860 on)"},
    "review --port": {
        "type": int,
        "default": 8770,
        "help": "of the page, for example 8000 (default: the first free one from 8770 on)",
    },
    "app --checkpoint": _MODEL,
    "live --checkpoint": _MODEL,
    "predict --checkpoint": _MODEL,
    "--out": _results("outputs/"),
    "demo --out": _results("outputs/demo/"),
    "evaluate --out": _results("no tables"),
    "crossvalidate --out": _results("no tables"),
    "predict --out": _results("outputs/predictions/"),
    "export --out": _results("outputs/export/"),
    "--json": {
        "type": Path,
        "metavar": "FILE",
        "help": "write the result to this file, for example scores.json (default: no file)",
    },
    "--seed": {
        "type": int,
        "default": 42,
        "help": "another one, for example 7, draws another split, order and augmentation (default: 42)",
    },
    "--split": {
        "choices": get_args(Split),
        "help": "video, or random: the tutorial's split, for example video (default: the profile's)",
    },
    "crossvalidate --split": {
        "choices": get_args(Split),
        "default": "video",
        "help": "for example random: frames of one video may be on both sides, as in the tutorial (default: video)",
    },
    "split --split": {
        "choices": get_args(Split),
        "default": "random",
        "help": "which split, for example video (default: random)",
    },
    "--model": {"metavar": "NAME", "help": "for example resnet50 (default: the profile's)"},
    "--weights": {
        "metavar": "FILE",
        "help": "a local file of ImageNet weights, for example resnet50.pth (default: fetched, or from a package)",
    },
    "--epochs": {"type": int, "help": "for example 12 (default: the profile's)"},
    "--learning-rate": {"type": float, "help": "for example 3e-4 (default: the profile's)"},
    "--batch-size": {"type": int, "help": "for example 32 (default: the profile's)"},
    "--fine-tune": {
        "action": argparse.BooleanOptionalAction,
        "default": None,
        "help": "train the body too, or the head alone (default: the profile's)",
    },
    "--scheduler": {
        "action": argparse.BooleanOptionalAction,
        "default": None,
        "help": "let the learning rate fall, or keep it (default: the profile's)",
    },
    "--save-name": {
        "default": "model",
        "help": "name of the last epoch's checkpoint, for example squats (default: model)",
    },
    "--resume": {"action": "store_true", "help": "go on after the last finished epoch in --out (default: begin anew)"},
    "--logger": {
        "choices": ["tensorboard"],
        "help": "for example tensorboard, which gets the history in OUT/tensorboard as it grows (needs: pip install "
        "tensorboard; default: none)",
    },
    "--folds": {"type": number_of_folds, "default": 5, "help": "how many, for example 10 (default: 5)"},
    "train --folds": {
        "type": partial(number_of_folds, none=True),
        "help": "train on all videos; scores and calibration come from so many folds of cross-validation, for example "
        "2 where a class has two videos; 0 holds videos out (default: 5 for best on less than 500 images, else 0)",
    },
    "--merge-near-duplicates": {
        "action": "store_true",
        "help": "keep videos that look like cuts of one recording in one fold (default: no)",
    },
    "--stride": {
        "type": int,
        "default": 1,
        "help": "recognise every so many frames of a clip, for example 5 (default: 1)",
    },
    "--skeleton": {
        "action": argparse.BooleanOptionalAction,
        "help": "draw the exerciser's skeleton (default: on clips, not on photos)",
    },
    "--format": {
        "choices": ["onnx", "openvino"],
        "default": "openvino",
        "help": 'for example onnx, which needs pip install -e ".[export]" (default: openvino)',
    },
    "--crop": {"action": "store_true", "help": "darken what the model does not see (default: no)"},
    "--backend": {
        "choices": get_args(Backend),
        "default": "auto",
        "help": "what computes clips, for example torch (default: auto)",
    },
}


class Parser(argparse.ArgumentParser):
    """Answers a misspelt command or option with the one that was probably meant."""

    def error(self, message: str) -> NoReturn:
        known = [*COMMANDS, *(option for action in self._actions for option in action.option_strings)]
        known += [str(choice) for action in self._actions for choice in action.choices or ()]
        wrong = re.findall(r"invalid choice: '([^']+)'|unrecognized arguments: (\S+)", message)
        near = [match for pair in wrong for match in get_close_matches("".join(pair).split("=")[0], known, n=1)]
        super().error(message + (f"; did you mean {near[0]}?" if near else ""))


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = Parser(prog="workoutlib", description=(__doc__ or "").splitlines()[0])
    subparsers = parser.add_subparsers(dest="command", required=True)
    for name, (purpose, options) in COMMANDS.items():
        command = subparsers.add_parser(name, help=purpose, description=purpose)
        for option in options.split():
            command.add_argument(option, **OPTIONS.get(f"{name} {option}", OPTIONS[option]))
        command.set_defaults(parser=command)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run a command; 0 for success, 1 if some of the files failed, 2 for an error the user can mend."""
    options, unknown = build_parser().parse_known_args(arguments)
    if unknown:
        options.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    for text in sys.argv[1:] if arguments is None else arguments:
        if not text or re.fullmatch("--[a-z-]+=", text):  # as a path it would be the current folder
            options.parser.error("an argument is empty: a variable that is not set, perhaps")
    if hasattr(sys.stdout, "reconfigure"):  # a label or a file name may hold what the terminal cannot show
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: print(f"note: {message}", file=sys.stderr)
            as_meant(options)
            require_writable_results(options)
            if getattr(options, "checkpoint", None):
                commands.require_checkpoint(options.checkpoint)
            commands.require_data(getattr(options, "data", None))
            return getattr(commands, options.command)(options) or 0
    except (WorkoutlibError, OSError) as error:  # OSError: a full disk, a folder that is not ours
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


def require_writable_results(options: argparse.Namespace) -> None:
    """Hours of work would be lost on a result that cannot be written: say so before them."""
    from workoutlib.utils.files import Unwritable, require_writable
    from workoutlib.utils.paths import shown

    file, folder = getattr(options, "json", None), getattr(options, "out", None)
    if file and os.path.isdir(file):
        raise Unwritable(f"{shown(file)} cannot be written: it is a folder. Name a file for the result.")
    for needed in (file and file.parent, folder):
        if needed:
            require_writable(needed)


if __name__ == "__main__":
    sys.exit(main())
