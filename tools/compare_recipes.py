"""Compare training recipes on a folder of class folders, by video, with several seeds; prints one table.

    python tools/compare_recipes.py --data DIR [--seeds 3] [--folds 5] [--only NAME ...] [--json FILE]

Every recipe trains the same network (EfficientNet-Lite0) on the same folds. Accuracy is the share of
images recognised by the network that had not seen their video. Each recipe is compared with ours by a
paired test over videos (signs of the differences flipped at random, 10,000 times).
fastai's ``fine_tune`` is re-created from its documentation, since fastai pins an older torch.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from workoutlib.catalog import read_catalog
from workoutlib.config import Config
from workoutlib.evaluation import in_top
from workoutlib.experiments import crossvalidate

RECIPES = {
    "frozen head": Config.profile("quick", fine_tune=False),
    "tutorial": Config.profile("tutorial", model="tf_efficientnet_lite0"),
    "quick": Config.profile("quick"),
    "best": Config.profile("best"),
}


def run(name: str, config: Config, catalog, folds: int, seeds: range) -> dict:
    """Mean and spread over folds and seeds, each image's mean correctness, seconds a fold."""
    began, accuracies, correct = time.perf_counter(), [], np.zeros(len(catalog))
    for seed in seeds:
        summary, together = crossvalidate(catalog, config.replace(seed=seed), folds=folds, progress=False)
        accuracies += summary["top1"]["folds"]
        places = catalog.index.get_indexer(together.catalog.index)
        correct[places] += in_top(together, 1) / len(seeds)
        print(f"{name}, seed {seed}: {summary['top1']['mean']:.3f}", flush=True)
    seconds = (time.perf_counter() - began) / len(accuracies)
    return {"mean": np.mean(accuracies), "std": np.std(accuracies), "seconds": seconds, "correct": correct}


def paired_p(catalog, first: np.ndarray, second: np.ndarray, repeats: int = 10_000) -> float:
    """Two-sided p of the mean difference, by flipping the sign of each video's difference at random."""
    differences = catalog.assign(gap=first - second).groupby("video")["gap"].sum().to_numpy()
    signs = np.random.default_rng(0).choice([-1, 1], (repeats, len(differences)))
    return float((np.abs(signs @ differences) >= abs(differences.sum()) - 1e-9).mean())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=list(RECIPES))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    catalog = read_catalog(options.data)
    found = {name: run(name, RECIPES[name], catalog, options.folds, range(options.seeds)) for name in options.only}
    last = options.only[-1]
    for name, result in found.items():
        p = paired_p(catalog, found[last]["correct"], result["correct"]) if name != last else float("nan")
        score = f"{result['mean']:.3f} ± {result['std']:.3f}"
        print(f"{name:12} {score}  {result['seconds']:6.1f} s a fold  p against {last}: {p:.4f}")
    if options.json:
        options.json.write_text(json.dumps({n: {**r, "correct": r["correct"].tolist()} for n, r in found.items()}))


if __name__ == "__main__":
    main()
