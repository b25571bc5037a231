"""The command line: ``workoutlib demo|train|evaluate|crossvalidate|predict|split|benchmark|info``."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from pathlib import Path
from typing import get_args

from workoutlib.app import commands
from workoutlib.config import PROFILES, Backend, Split
from workoutlib.utils.errors import WorkoutlibError


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="workoutlib", description=__doc__.splitlines()[0])
    subparsers = parser.add_subparsers(dest="command", required=True)

    def command(name: str, what: str, *options: str) -> argparse.ArgumentParser:
        added = subparsers.add_parser(name, help=what, description=what)
        for option in options:
            added.add_argument(option.rstrip("!"), **OPTIONS[option])
        return added

    command("demo", "sample, quick training, scores, annotated media, one page to look at", "--out", "--seed")
    train = command("train", "train a model and store its checkpoint", "--profile", "--data", "--out", "--seed")
    train.add_argument("--split", choices=get_args(Split))
    train.add_argument("--model", help="name of the model, for example resnet50")
    train.add_argument("--weights", help="a local file of ImageNet weights")
    train.add_argument("--epochs", type=int)
    train.add_argument("--learning-rate", type=float)
    train.add_argument("--batch-size", type=int)
    train.add_argument("--fine-tune", action=argparse.BooleanOptionalAction, default=None)
    train.add_argument("--scheduler", action=argparse.BooleanOptionalAction, default=None)
    train.add_argument("--save-name", default="model", help="name of the last epoch's checkpoint, without .pth")
    train.add_argument("--resume", action="store_true", help="go on after the last finished epoch in --out")
    command(
        "evaluate", "evaluate a checkpoint on a folder of class folders", "--checkpoint", "--data!", "--out", "--json"
    )
    cross = command(
        "crossvalidate",
        "train and evaluate by video, each fold in turn",
        "--data!",
        "--profile",
        "--seed",
        "--out",
        "--json",
    )
    cross.add_argument("--folds", type=int, default=5)
    cross.add_argument("--model", help="name of the model")
    cross.add_argument(
        "--split",
        choices=get_args(Split),
        default="video",
        help="random: let frames of one video be on both sides, as the tutorial does",
    )
    cross.add_argument(
        "--merge-near-duplicates",
        action="store_true",
        help="keep videos that look like cuts of one recording in one fold",
    )
    predict = command("predict", "recognise photos, clips and folders of them", "--checkpoint", "--out", "--json")
    predict.add_argument("paths", nargs="+", metavar="PATH")
    predict.add_argument("--stride", type=int, default=1, help="recognise every so many frames of a clip (default 1)")
    predict.add_argument("--backend", choices=get_args(Backend), default="auto")
    split = command("split", "sizes of a split's parts and how much it leaks", "--data", "--seed", "--json")
    split.add_argument("--split", choices=get_args(Split), default="random")
    bench = command("benchmark", "measure this machine: the tutorial's pipeline, ours, the ceiling", "--json")
    bench.add_argument("--model", help="name of the model")
    bench.add_argument("--backend", choices=get_args(Backend), default="auto", help="of our clip pipeline")
    command("info", "versions, devices, weights and data found")
    return parser


OPTIONS = {
    "--profile": {"choices": [*PROFILES, "auto"], "default": "auto"},
    "--data": {"default": "auto", "help": "kaggle, sample, auto, or a folder of class folders (default: auto)"},
    "--data!": {"required": True, "help": "kaggle, sample, or a folder of class folders"},
    "--checkpoint": {"required": True, "type": Path},
    "--out": {"type": Path, "help": "folder for the results (default: outputs/)"},
    "--json": {"type": Path, "help": "write the result to this file"},
    "--seed": {"type": int, "default": 42},
}


def main(arguments: list[str] | None = None) -> int:
    """Run a command; 0 for success, 1 if some of the files failed, 2 for an error the user can mend."""
    options = build_parser().parse_args(arguments)
    if hasattr(sys.stdout, "reconfigure"):  # a label or a file name may hold what the terminal cannot show
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: print(f"note: {message}", file=sys.stderr)
            require_writable_results(options)
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
