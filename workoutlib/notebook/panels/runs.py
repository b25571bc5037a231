"""The runs of a control panel: a numbered folder each, and what they tell beside each other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from workoutlib.config import Config
from workoutlib.notebook.panels.common import as_code
from workoutlib.training.run_folder import best_epoch
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import write_json


@dataclass(frozen=True)
class Run:
    """A run with at least one finished epoch, as its folder tells it."""

    folder: Path
    config: Config
    history: pd.DataFrame

    @property
    def name(self) -> str:
        """Such as ``run-001``."""
        return self.folder.name


def stored_runs(out: Path) -> list[Run]:
    """The runs in the numbered folders of `out`, the oldest first."""
    runs = []
    for folder, history in _kept(out).items():
        try:
            values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            runs.append(Run(folder, Config.from_dict(values), history))
        except (OSError, ValueError, WorkoutlibError):  # of a version with other fields, or not whole
            continue
    return runs


def new_run(out: Path, config: Config) -> Path:
    """The folder of the next run, with its config in it; one without a finished epoch is used again."""
    number = 1 + max(map(_number, _kept(out)), default=0)
    folder = out / f"run-{number:03d}"
    write_json(config.to_dict(), folder / "config.json")
    return folder


def _kept(out: Path) -> dict[Path, pd.DataFrame]:
    """The numbered folders of `out` with a finished epoch, in order, and the history of each."""
    found = {}
    for folder in sorted((each for each in out.glob("run-*") if each.name[4:].isdecimal()), key=_number):
        try:
            history = pd.read_csv(folder / "history.csv")
        except (OSError, ValueError):  # not begun
            continue
        if len(history):
            found[folder] = history
    return found


def _number(folder: Path) -> int:
    return int(folder.name.removeprefix("run-"))


def compare_runs(runs: list[Run]) -> pd.DataFrame:
    """A row a run, the newest first: what was changed against the run before, the best epoch's scores, the time."""
    rows = []
    for number, run in enumerate(runs):
        best = run.history.set_index("epoch").loc[best_epoch(run.history)]
        rows.append(
            {
                "run": run.name,
                "changed": changes(runs[number - 1].config, run.config) if number else as_code(run.config),
                "epochs": int(run.history["epoch"].iloc[-1]),
                "validation accuracy": f"{best['valid_accuracy']:.1%}",
                "loss": f"{best['valid_loss']:.3f}",
                "time": f"{run.history['seconds'].sum():.0f} s",
            }
        )
    return pd.DataFrame(rows[::-1])


def best_line(history: pd.DataFrame) -> str:
    """The best epoch of a history in words."""
    best = history.set_index("epoch").loc[best_epoch(history)]
    return (
        f"best epoch so far: {best.name} (validation loss {best['valid_loss']:.3f}, "
        f"accuracy {best['valid_accuracy']:.1%})"
    )


def changes(before: Config, now: Config) -> str:
    """``"epochs 3 → 5, rotation 0 → 15"``, or that nothing was changed."""
    old, new = before.to_dict(), now.to_dict()
    texts = [f"{name} {_short(old[name])} → {_short(new[name])}" for name in new if old[name] != new[name]]
    return ", ".join(texts) or "nothing"


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
