"""The command line: ``python -m workoutlib demo|train|evaluate|crossvalidate|predict|split|benchmark|info``."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import warnings
from pathlib import Path

from workoutlib.config import BACKENDS, CHOICES, PROFILES, Config, choose_profile
from workoutlib.utils.errors import WorkoutlibError


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workoutlib", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, what: str, *options: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=what, description=what)
        for option in options:
            added.add_argument(option.rstrip("!"), **OPTIONS[option])
        return added

    command("demo", "sample, quick training, scores, annotated media, one page to look at", "--out", "--seed")
    train = command("train", "train a network and store its checkpoint", "--profile", "--data", "--out", "--seed")
    train.add_argument("--split", choices=CHOICES["split"])
    train.add_argument("--model", help="name of the network, for example resnet50")
    train.add_argument("--weights", help="a local file of ImageNet weights")
    train.add_argument("--epochs", type=int)
    train.add_argument("--learning-rate", type=float)
    train.add_argument("--batch-size", type=int)
    train.add_argument("--fine-tune", action=argparse.BooleanOptionalAction, default=None)
    train.add_argument("--scheduler", action=argparse.BooleanOptionalAction, default=None)
    train.add_argument("--save-name", default="model", help="name of the last epoch's checkpoint, without .pth")
    train.add_argument("--resume", action="store_true", help="go on after the last finished epoch in --out")
    command("evaluate", "judge a checkpoint on a folder of class folders", "--checkpoint", "--data!", "--out", "--json")
    cross = command("crossvalidate", "train and judge by video, each fold in turn",
                    "--data!", "--profile", "--seed", "--out", "--json")  # fmt: skip
    cross.add_argument("--folds", type=int, default=5)
    cross.add_argument("--model", help="name of the network")
    cross.add_argument("--split", choices=CHOICES["split"], default="video",
                       help="random: let frames of one video be on both sides, as the tutorial does")  # fmt: skip
    cross.add_argument("--merge-near-duplicates", action="store_true",
                       help="keep videos that look like cuts of one recording in one fold")  # fmt: skip
    predict = command("predict", "recognise photos, clips and folders of them", "--checkpoint", "--out", "--json")
    predict.add_argument("paths", nargs="+", metavar="PATH")
    predict.add_argument("--stride", type=int, default=1, help="judge every so many frames of a clip (default 1)")
    predict.add_argument("--backend", choices=BACKENDS, default="auto")
    split = command("split", "sizes of a split's parts and how much it leaks", "--data", "--seed", "--json")
    split.add_argument("--split", choices=CHOICES["split"], default="random")
    bench = command("benchmark", "measure this machine: the tutorial's pipeline, ours, the ceiling", "--json")
    bench.add_argument("--model", help="name of the network")
    bench.add_argument("--backend", choices=BACKENDS, default="auto", help="of our clip pipeline")
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
            return COMMANDS[options.command](options) or 0
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


def write_json(content, path: Path | None) -> None:
    """Write a result as JSON (NaN becomes null)."""
    from workoutlib.utils.files import replacing

    if path:
        text = json.dumps(_without_nan(content), indent=2, ensure_ascii=False) + "\n"
        with replacing(path) as partial:  # bytes of a file name that are no text become JSON's own escapes
            partial.write_text(text, encoding="utf-8", errors="backslashreplace")


def _without_nan(value):
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_data(source: str):
    """The catalog of a data set, its problems printed."""
    from workoutlib.data.catalog import describe_problems, read_catalog
    from workoutlib.data.download import get_dataset

    catalog = read_catalog(get_dataset(source))
    if len(catalog.attrs["problems"]):
        print(describe_problems(catalog))
    return catalog


def choose_config(options: argparse.Namespace) -> Config:
    """The profile with the given options changed; ``auto`` says what it chose and why."""
    changes = {
        name: value
        for name in ("split", "model", "weights", "epochs", "learning_rate", "batch_size", "fine_tune", "seed")
        if (value := getattr(options, name, None)) is not None
    }
    name = options.profile
    if name == "auto":
        name, reason = choose_profile(options.data)
        print(reason)
    scheduler = getattr(options, "scheduler", None)
    if scheduler is not None:
        changes["scheduler"] = (PROFILES[name].get("scheduler", Config().scheduler)) if scheduler else "none"
    return Config.profile(name, **changes)


def demo(options: argparse.Namespace) -> None:
    from workoutlib.app.demo import run_demo

    print(f"open {run_demo(options.out, seed=options.seed)} in a browser")


def train(options: argparse.Namespace) -> None:
    from workoutlib import plots
    from workoutlib.models.build import count_parameters
    from workoutlib.training import experiments
    from workoutlib.utils import devices, paths

    devices.join_processes()
    config = choose_config(options)
    catalog = read_data(options.data)
    out = options.out or paths.output_root()
    parts = experiments.split(catalog, config)
    network = experiments.build_network(config, catalog["label"].nunique())
    counts = count_parameters(network)
    print(f"{config.model}: {counts['total']:,} parameters, {counts['trainable']:,} trainable; on "
          f"{devices.describe(devices.pick_device())}")  # fmt: skip
    if config.epochs:
        print(describe_schedule(config))
    print("split " + config.split + ": " + ", ".join(f"{len(part):,} {name}" for name, part in parts.items()))
    trained = experiments.train(
        catalog, config, out=out, cache=paths.data_root() / "cache", resume=options.resume, network=network,
        save_name=options.save_name,
    )  # fmt: skip
    if devices.rank_and_world()[0] > 0:
        return
    history = trained.fit.history
    plots.plot_accuracy(history).savefig(out / "accuracy.png", dpi=120)
    plots.plot_loss(history).savefig(out / "loss.png", dpi=120)
    print(history.drop(columns="seconds").round(4).to_string(index=False))
    if trained.fit.stopped:
        print(f"{trained.fit.stopped} after epoch {int(history['epoch'].iloc[-1])}; go on with --resume")
    print_scores(trained.predictions, config.split)
    print(f"best model (epoch {trained.fit.best_epoch}): {trained.checkpoint}")


def describe_schedule(config: Config) -> str:
    """The learning rate's course in one line, read off ``learning_rate_at`` itself."""
    from workoutlib.training.schedule import learning_rate_at

    rates = [f"{learning_rate_at(config, epoch):.2g}" for epoch in range(config.epochs)]
    starts = [i for i in range(len(rates)) if i == 0 or rates[i] != rates[i - 1]]
    return "learning rate: " + ", ".join(f"{rates[i]} from epoch {i + 1}" for i in starts)


def print_scores(predictions, split: str) -> None:
    from workoutlib.evaluation.metrics import intervals, scores

    ranges = intervals(predictions)
    found = scores(predictions)
    where = {"random": "random frames", "video": "by video"}.get(split, split)
    print(f"{found['images']} images of {found['videos']} videos, {where}:")
    for name, (low, high) in ranges.items():
        print(f"  {name:10} {found[name]:.3f}   95 % interval over videos {low:.3f} to {high:.3f}")


def evaluate(options: argparse.Namespace) -> None:
    from workoutlib.data.dataset import load_frames
    from workoutlib.evaluation.metrics import by_video_size, intervals, per_class, scores
    from workoutlib.models.checkpoints import load_checkpoint
    from workoutlib.training import experiments
    from workoutlib.utils import devices, paths
    from workoutlib.utils.files import write_csv

    stored = load_checkpoint(options.checkpoint)
    catalog = read_data(options.data)
    device = devices.pick_device()
    frames = load_frames(catalog, stored.config, labels=stored.labels, cache=paths.data_root() / "cache")
    predictions = experiments.judge(stored.network.to(device), frames, stored.config, device=device)
    found = scores(predictions, stored.temperature)
    if options.out:  # files first: whoever reads the output may hang up, as head does
        write_csv(predictions.table(stored.temperature), options.out / "predictions.csv")
    write_json({**found, "intervals": intervals(predictions)}, options.json)
    print_scores(predictions, "all images of the folder")
    print(per_class(predictions).query("images > 0").round(3).to_string())
    print(by_video_size(predictions).round(3).to_string())


def crossvalidate(options: argparse.Namespace) -> None:
    from workoutlib.training import experiments
    from workoutlib.utils import paths
    from workoutlib.utils.files import write_csv

    config = choose_config(options)
    catalog = read_data(options.data)
    cache, groups = paths.data_root() / "cache", None
    if options.merge_near_duplicates:
        groups = experiments.near_duplicate_groups(catalog, cache=cache)
        videos = catalog["video"].nunique()
        print(f"{groups.attrs['merged']} of {videos} videos and stills merged with a near-duplicate")
    summary, together = experiments.crossvalidate(
        catalog, config, folds=options.folds, split=options.split, groups=groups, cache=cache
    )
    from workoutlib.evaluation.mistakes import suspected_labels

    suspects = suspected_labels(together)
    try:
        if options.out:
            write_csv(together.table(), options.out / "crossvalidation.csv")
            write_csv(suspects, options.out / "suspected_labels.csv")
        write_json(summary, options.json)
    finally:  # a disk that is full by now does not take hours of training with it
        print_folds(summary, suspects, options)


def print_folds(summary: dict, suspects, options: argparse.Namespace) -> None:
    from workoutlib.utils.paths import shown

    print(f"{options.folds} folds, " + {"random": "random frames", "video": "by video"}[options.split])
    for name, score in summary.items():
        print(f"{name:10} {score['mean']:.3f} ± {score['std']:.3f}   folds {[round(v, 3) for v in score['folds']]}")
    if len(suspects):
        print(f"{len(suspects)} labels look wrong to networks that had not seen the picture; the most suspect:")
        print(suspects.assign(file=suspects["path"].map(lambda path: shown(Path(path).name)))
              [["file", "label", "predicted", "confidence"]].head(5).round(2).to_string(index=False))  # fmt: skip


def predict(options: argparse.Namespace) -> int:
    from workoutlib.recognition.files import accuracy_by_name, as_table, predict_files
    from workoutlib.recognition.recognizer import Recognizer
    from workoutlib.utils import devices
    from workoutlib.utils.files import write_csv
    from workoutlib.utils.paths import output_root, shown

    devices.join_processes()
    recognizer = Recognizer.from_checkpoint(options.checkpoint, backend=options.backend)
    out = options.out or output_root() / "predictions"
    rows, failures = predict_files(recognizer, options.paths, out=out, stride=options.stride)
    if devices.rank_and_world()[0] > 0:
        return 0
    table = as_table(rows)
    try:
        write_json(rows + failures, options.json)
        if rows:
            write_csv(table, out / "predictions.csv")
    finally:  # a disk that is full by now does not take what was found with it
        if rows:
            print(table.assign(path=table["path"].map(shown)).round(3).to_string(index=False))
            print(accuracy_by_name(rows))
        for failure in failures:
            print(f"error: {failure['error']}", file=sys.stderr)
    return 1 if failures else 0


def split(options: argparse.Namespace) -> None:
    from workoutlib.data.splits import leakage
    from workoutlib.training import experiments

    catalog = read_data(options.data)
    valid = {"random": 0.10, "video": 0.15}[options.split]
    test = {"random": 0.0, "video": 0.15}[options.split]
    parts = experiments.split(catalog, Config(split=options.split, seed=options.seed, valid=valid, test=test))
    found = leakage(parts["train"], parts["valid"])
    write_json({"sizes": {name: len(part) for name, part in parts.items()}, "leakage": found}, options.json)
    for name, part in parts.items():
        print(f"{name:6} {len(part):6,} images of {part['video'].nunique():4} videos and stills")
    print(found["sentence"])


def benchmark(options: argparse.Namespace) -> None:
    from workoutlib.app.benchmark import print_table, run_benchmark

    found = run_benchmark(options.model, backend=options.backend)
    write_json(found, options.json)
    print_table(found)


def info(options: argparse.Namespace) -> None:
    from workoutlib.app.info import found_here

    for ok, what in found_here():
        print(f"[{'OK' if ok else 'MISSING'}] {what}")


COMMANDS = {
    "demo": demo, "train": train, "evaluate": evaluate, "crossvalidate": crossvalidate,
    "predict": predict, "split": split, "benchmark": benchmark, "info": info,
}  # fmt: skip

if __name__ == "__main__":
    sys.exit(main())
