"""Compare training recipes on a folder of class folders, by video, with several seeds; prints one table.

    python benchmarks/compare_recipes.py --data DIR [--seeds 3] [--folds 5] [--only NAME ...] [--json FILE]

Every recipe trains the same model (EfficientNet-Lite0) on the same folds. Accuracy is the share of
images recognised by the model that had not seen their video. Each recipe is compared with the last one
by a paired test over videos (signs of the differences flipped at random, 10,000 times).
The recipe ``fastai`` is fastai's own ``fine_tune`` with its defaults and needs ``pip install fastai``.
Results of single recipes, each run with ``--json``, are compared by ``--table FILE FILE ...``.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd

from workoutlib.config import Config
from workoutlib.data.catalog import read_catalog
from workoutlib.data.splits import folds_by_video
from workoutlib.evaluation.comparison import compare_shares
from workoutlib.evaluation.predictions import Predictions, in_top
from workoutlib.models.weights import imagenet_weights
from workoutlib.training.crossvalidation import by_fold, crossvalidate, join_folds, near_duplicate_groups
from workoutlib.utils import devices

RECIPES = {
    "frozen head": Config.profile("quick", fine_tune=False),
    "tutorial": Config.profile("tutorial", model="tf_efficientnet_lite0"),
    "quick": Config.profile("quick"),
    "best": Config.profile("best"),
}


def crossvalidate_fastai(catalog, *, folds: int, seed: int) -> tuple[dict, Predictions]:
    """fastai's ``vision_learner`` on a timm model, ``fine_tune(10)``: one epoch of the head, ten of all layers."""
    import torch
    from fastai.data.all import CategoryBlock, DataBlock, IndexSplitter
    from fastai.losses import CrossEntropyLossFlat
    from fastai.torch_core import set_seed
    from fastai.vision.all import ImageBlock, Learner, Normalize, Resize, aug_transforms
    from fastai.vision.learner import create_timm_model, default_split

    labels, predicted = tuple(sorted(catalog["label"].unique())), []
    for part in folds_by_video(catalog, folds=folds, seed=seed):
        set_seed(seed)
        rows = pd.concat([part["train"], part["valid"]])
        data = DataBlock(
            (ImageBlock, CategoryBlock(vocab=list(labels))),
            get_x=lambda row: row["path"],
            get_y=lambda row: row["label"],
            splitter=IndexSplitter(range(len(part["train"]), len(rows))),
            item_tfms=Resize(256),
            batch_tfms=[*aug_transforms(size=224), Normalize.from_stats([0.5] * 3, [0.5] * 3)],
        ).dataloaders(rows, bs=64, num_workers=0)
        model, _ = create_timm_model("tf_efficientnet_lite0", len(labels), pretrained=False)
        state = imagenet_weights("tf_efficientnet_lite0")
        model[0].model.load_state_dict({k: v for k, v in state.items() if not k.startswith("classifier")})
        learner = Learner(data, model, loss_func=CrossEntropyLossFlat(), splitter=default_split)
        with learner.no_bar(), learner.no_logging():
            learner.freeze()
            learner.fine_tune(10)
            probabilities, _ = learner.get_preds(dl=data.valid)
        predicted.append(Predictions(part["valid"], torch.log(probabilities).numpy(), labels))
    together = join_folds(predicted)
    return by_fold(together), together


def run(name: str, catalog, folds: int, seeds: range) -> dict:
    """Mean and spread over folds and seeds, each image's mean correctness, seconds a fold."""
    began, accuracies, correct = time.perf_counter(), [], np.zeros(len(catalog))
    for seed in seeds:
        if name == "fastai":
            summary, together = crossvalidate_fastai(catalog, folds=folds, seed=seed)
        else:
            config = RECIPES[name].replace(seed=seed)
            summary, together = crossvalidate(catalog, config, folds=folds, progress=False)
        accuracies += summary["top1"]["folds"]
        rows = catalog.index.get_indexer(together.catalog.index)
        correct[rows] += in_top(together, 1) / len(seeds)
        print(f"{name}, seed {seed}: {summary['top1']['mean']:.3f}", flush=True)
    seconds = (time.perf_counter() - began) / len(accuracies)
    return {"mean": np.mean(accuracies), "std": np.std(accuracies), "seconds": seconds, "correct": correct.tolist()}


def print_table(catalog, found: dict[str, dict]) -> None:
    """Each recipe on all images, and on those of recordings that have one video, which no fold can give away."""
    groups = near_duplicate_groups(catalog, progress=False)
    alone = (catalog["video"].groupby(groups).transform("nunique") == 1).to_numpy()
    print(f"{len(catalog)} images; {alone.sum()} of a recording with one video")
    *_, last = found
    for name, result in found.items():
        correct, best = np.array(result["correct"]), np.array(found[last]["correct"])
        line = f"{name:20} {result['mean']:.3f} ± {result['std']:.3f}  alone {correct[alone].mean():.3f}"
        line += f"  {result['seconds']:6.1f} s a fold"
        if name != last:
            p = compare_shares(catalog, best, correct).p
            p_alone = compare_shares(catalog[alone], best[alone], correct[alone]).p
            line += f"  p against {last}: {p:.4f}, alone {p_alone:.4f}"
        print(line)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[*RECIPES, "fastai"])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--table", nargs="*", type=Path, help="files of earlier runs to compare")
    options = parser.parse_args()
    devices.tune_process()
    catalog = read_catalog(options.data)
    if options.table:
        found = {name: one for path in options.table for name, one in json.loads(path.read_text()).items()}
    else:
        found = {name: run(name, catalog, options.folds, range(options.seeds)) for name in options.only}
    print_table(catalog, found)
    if options.json:
        options.json.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
