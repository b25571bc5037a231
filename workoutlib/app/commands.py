"""What each command does; heavy imports wait until a command needs them, so that a wrong option is answered at once."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from workoutlib.app.collect import advise_folds, evaluate_before, folds_of, print_gain, read_held_out
from workoutlib.app.collect import annotate as annotate
from workoutlib.app.live import live as live
from workoutlib.app.predict import predict as predict
from workoutlib.app.review import review as review
from workoutlib.app.web import app as app
from workoutlib.class_names import read_names
from workoutlib.config import PROFILES, Config
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import write_json

if TYPE_CHECKING:
    import pandas as pd

    from workoutlib.evaluation.predictions import Predictions


def read_data(options: argparse.Namespace) -> pd.DataFrame:
    """The catalog of a data set, or of several, its problems printed."""
    from workoutlib.data.download import get_dataset
    from workoutlib.data.merging import read_catalogs

    folders = [options.data] if isinstance(options.data, str) else options.data
    catalog = read_catalogs(
        [get_dataset(folder) for folder in folders],
        labels=read_names(options.labels),
        check=getattr(options, "skip_unreadable", False),
    )
    print_problems(catalog)
    return catalog


def print_problems(catalog: pd.DataFrame) -> None:
    """What was left out of a catalog or looks wrong there, if anything."""
    from workoutlib.data.catalog import describe_problems

    if len(catalog.attrs["problems"]):
        print(describe_problems(catalog))


def choose_config(options: argparse.Namespace) -> Config:
    """The profile with the given options changed; ``auto`` says what it chose and why."""
    changes = {
        name: value
        for name in ("split", "model", "weights", "epochs", "learning_rate", "batch_size", "fine_tune", "seed")
        if (value := getattr(options, name, None)) is not None
    }
    name = options.profile
    if name == "auto":
        from workoutlib.training.experiments import choose_profile

        name, reason = choose_profile(options.data if isinstance(options.data, str) else options.data[0])
        print(reason)
    scheduler = getattr(options, "scheduler", None)
    if scheduler is not None:
        changes["scheduler"] = (PROFILES[name].get("scheduler", Config().scheduler)) if scheduler else "none"
    return Config.profile(name, **changes)


def require_checkpoint(path: Path) -> None:
    """Say at once that a checkpoint is not there, and which ones are."""
    from workoutlib.utils.paths import is_url, output_root, shown

    if is_url(path) and not path.exists():
        raise WorkoutlibError(f"{shown(path)} is a web address: download the checkpoint, and give the path of its file")
    if not path.exists():
        found = sorted(output_root().rglob("best_model.pth"), key=lambda file: -file.stat().st_mtime)[:5]
        advice = f"there is {', '.join(map(shown, found))}" if found else "train one with: workoutlib train"
        raise WorkoutlibError(f"no checkpoint {shown(path)}; {advice}")


def require_data(sources: str | list[str] | None) -> None:
    """Say at once, before torch is loaded, that a data set is not there, and which may have been meant."""
    from workoutlib.utils.paths import is_url, near_name, shown

    known = ("kaggle", "sample", "auto")
    for source in [sources] if isinstance(sources, str) else sources or []:
        if source not in known and not is_url(source) and not Path(source).expanduser().exists():
            text = f"no data set {shown(source)}{near_name(Path(source), known)}: give {', '.join(known)}, or the path"
            raise WorkoutlibError(f"{text} of a folder with one folder a class, or of a zip file of one")


def _prepare(*, join: bool = False) -> None:
    """Before heavy work: tune this process and, with `join`, meet the others that ``torchrun`` has started."""
    from workoutlib.utils import devices

    if join:
        devices.join_processes()
    devices.tune_process()


def demo(options: argparse.Namespace) -> None:
    from workoutlib.app.demo import run_demo

    _prepare()
    print(f"open {run_demo(options.out, seed=options.seed)} in a browser")


def train(options: argparse.Namespace) -> None:
    from workoutlib import plots
    from workoutlib.models.build import count_parameters
    from workoutlib.training import experiments
    from workoutlib.training.fit import Callbacks
    from workoutlib.training.schedule import describe_schedule
    from workoutlib.utils import devices, paths

    _prepare(join=True)
    config = choose_config(options)
    catalog = read_data(options)
    out = options.out or paths.output_root()
    config, folds = folds_of(catalog, config, options)
    if folds:
        return train_by_folds(catalog, config, out, options, folds)
    advise_folds(catalog, config.split)
    parts = experiments.split_catalog(catalog, config)
    counts = count_parameters(experiments.model_from_config(config, catalog["label"].nunique()))
    print(
        f"{config.model}: {counts['total']:,} parameters, {counts['trainable']:,} trainable; on "
        f"{devices.describe(devices.pick_device())}"
    )
    if config.epochs:
        print(describe_schedule(config))
    print("split " + config.split + ": " + ", ".join(f"{len(part):,} {name}" for name, part in parts.items()))
    added = "added" in catalog and not options.resume
    before = evaluate_before(out / "best_model.pth", parts["valid"]) if added else None
    trained = experiments.train_model(
        catalog,
        config,
        out=out,
        cache=paths.data_root() / "cache",
        resume=options.resume,
        save_name=options.save_name,
        callbacks=Callbacks(logger=options.logger),
    )
    if devices.rank_and_world()[0] > 0:
        return
    history = trained.result.history
    plots.plot_accuracy(history).savefig(out / "accuracy.png", dpi=120)
    plots.plot_loss(history).savefig(out / "loss.png", dpi=120)
    print(history.drop(columns="seconds").round(4).to_string(index=False))
    if trained.result.stopped:
        print(f"{trained.result.stopped} after epoch {int(history['epoch'].iloc[-1])}; go on with --resume")
    print_scores(trained.predictions, config.split)
    if added:
        print_gain(catalog, before, trained.predictions)
    print(f"best model (epoch {trained.result.best_epoch}): {trained.checkpoint}")


def train_by_folds(catalog: pd.DataFrame, config: Config, out: Path, options: argparse.Namespace, folds: int) -> None:
    """Train on all videos; what is printed and stored of scores and calibration is cross-validation's."""
    from workoutlib.training.crossvalidation import train_on_all
    from workoutlib.training.fit import Callbacks
    from workoutlib.utils import devices, paths

    if options.resume or options.split == "random" or devices.rank_and_world()[1] > 1:
        raise WorkoutlibError("--folds is by video, in one process, and without --resume")
    cache, callbacks, before = paths.data_root() / "cache", Callbacks(logger=options.logger), read_held_out(out)
    trained = train_on_all(
        catalog, config, out=out, folds=folds, cache=cache, save_name=options.save_name, callbacks=callbacks
    )
    print(f"scores of {folds} folds, each image judged by a model that had not seen its video:")
    print_scores(trained.predictions, "video")
    if "added" in catalog:
        print_gain(catalog, before, trained.predictions)
    print(f"model of all {len(catalog)} images: {trained.checkpoint}")


def print_scores(predictions: Predictions, split: str) -> None:
    from workoutlib.evaluation.metrics import intervals, scores

    ranges = intervals(predictions)
    found = scores(predictions)
    where = {"random": "random frames", "video": "by video"}.get(split, split)
    print(f"{found['images']} images of {found['videos']} videos, {where}:")
    for name, (low, high) in ranges.items():
        print(f"  {name:10} {found[name]:.3f}   95 % interval over videos {low:.3f} to {high:.3f}")


def evaluate(options: argparse.Namespace) -> None:
    from workoutlib.data.clips import read_pictures_and_clips
    from workoutlib.data.download import get_dataset
    from workoutlib.evaluation.metrics import by_video_size, per_class
    from workoutlib.recognition.evaluation import evaluate_clips, evaluate_pictures, joint_scores
    from workoutlib.recognition.recognizer import Recognizer
    from workoutlib.utils.files import write_csv

    _prepare()
    names, skip = read_names(options.labels), options.skip_unreadable
    recognizer = Recognizer.from_checkpoint(options.checkpoint, labels=names)
    catalog, clip_rows = read_pictures_and_clips(get_dataset(options.data), labels=names)
    print_problems(catalog)
    pictures = evaluate_pictures(recognizer, catalog, skip_unreadable=skip) if len(catalog) else None
    clips = evaluate_clips(recognizer, clip_rows, skip_unreadable=skip) if len(clip_rows) else None
    evaluated = [predictions for predictions in (pictures, clips) if predictions]
    if options.out:  # files first: whoever reads the output may hang up, as head does
        for name, predictions in (("predictions", pictures), ("clips", clips)):
            if predictions:
                write_csv(predictions.table(recognizer.temperature), options.out / f"{name}.csv")
    write_json(joint_scores(pictures, clips, recognizer.temperature), options.json)
    for predictions, what in ((pictures, "all images of the folder"), (clips, "all clips of the folder")):
        if predictions:
            print_scores(predictions, what)
    print(per_class(evaluated[0]).query("images > 0").round(3).to_string())
    print(by_video_size(evaluated[0]).round(3).to_string())


def crossvalidate(options: argparse.Namespace) -> None:
    from workoutlib.evaluation.mistakes import suspected_labels
    from workoutlib.training import crossvalidation
    from workoutlib.utils import paths
    from workoutlib.utils.files import write_csv

    _prepare()
    config = choose_config(options)
    catalog = read_data(options)
    cache, groups = paths.data_root() / "cache", None
    if options.merge_near_duplicates:
        groups = crossvalidation.near_duplicate_groups(catalog, cache=cache)
        videos = catalog["video"].nunique()
        print(f"{groups.attrs['merged']} of {videos} videos and stills merged with a near-duplicate")
    summary, together = crossvalidation.crossvalidate(
        catalog, config, folds=options.folds, split=options.split, groups=groups, cache=cache
    )
    suspects = suspected_labels(together)
    try:
        if options.out:
            write_csv(together.table(), options.out / "crossvalidation.csv")
            write_csv(suspects, options.out / "suspected_labels.csv")
        write_json(summary, options.json)
    finally:  # a disk that is full by now does not take hours of training with it
        print_folds(summary, suspects, options)


def print_folds(summary: dict, suspects: pd.DataFrame, options: argparse.Namespace) -> None:
    from workoutlib.utils.paths import shortened, shown

    print(f"{options.folds} folds, " + {"random": "random frames", "video": "by video"}[options.split])
    for name, score in summary.items():
        print(f"{name:10} {score['mean']:.3f} ± {score['std']:.3f}   folds {[round(v, 3) for v in score['folds']]}")
    if len(suspects):
        print(f"{len(suspects)} labels look wrong to models that had not seen the picture; the most suspect:")
        print(
            suspects.assign(file=suspects["path"].map(lambda path: shortened(shown(Path(path).name))))[
                ["file", "label", "predicted", "confidence"]
            ]
            .head(5)
            .round(2)
            .to_string(index=False)
        )


def export(options: argparse.Namespace) -> None:
    from workoutlib.recognition.export import TOLERANCE, export_model
    from workoutlib.utils.paths import output_root, shown

    path = export_model(options.checkpoint, options.out or output_root() / "export", format=options.format)
    print(f"{shown(path)}: its answers are the checkpoint's, within {TOLERANCE:g}; use it as a --checkpoint")


def split(options: argparse.Namespace) -> None:
    from workoutlib.data.splits import leakage
    from workoutlib.training import experiments

    catalog = read_data(options)
    valid, test = {"random": (0.10, 0.0), "video": (0.15, 0.15)}[options.split]
    parts = experiments.split_catalog(catalog, Config(split=options.split, seed=options.seed, valid=valid, test=test))
    found = leakage(parts["train"], parts["valid"])
    write_json({"sizes": {name: len(part) for name, part in parts.items()}, "leakage": found}, options.json)
    for name, part in parts.items():
        print(f"{name:6} {len(part):6,} images of {part['video'].nunique():4} videos and stills")
    print(found["sentence"])


def benchmark(options: argparse.Namespace) -> None:
    from workoutlib.app.benchmark import print_table, run_benchmark

    _prepare()
    found = run_benchmark(options.model, backend=options.backend)
    write_json(found, options.json)
    print_table(found)


def info(options: argparse.Namespace) -> None:
    from workoutlib.app.info import found_here

    for mark, what in found_here():
        print(f"[{mark}] {what}")
