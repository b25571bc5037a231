"""The control panel: every hyperparameter a person would turn; Train, Stop and Resume; live curves of all runs."""

from __future__ import annotations

import ast
import threading
import time
from pathlib import Path
from typing import get_args

import ipywidgets as widgets
import pandas as pd
import torch

from workoutlib import plots
from workoutlib.config import PROFILES, Config, Scheduler, Split
from workoutlib.models.build import MODELS
from workoutlib.notebook.panels.common import (
    Panel,
    as_code,
    code_html,
    control,
    message,
    on_change,
    picture_html,
    row,
    scrolled,
    set_value,
    table_html,
)
from workoutlib.notebook.panels.runs import Run, best_line, compare_runs, new_run, stored_runs
from workoutlib.training import experiments
from workoutlib.training.fit import Callbacks
from workoutlib.utils.errors import WorkoutlibError


class TrainingPanel(Panel):
    """Controls bound to a `Config`, and a training that runs in a thread so that the page stays usable.

    ``panel.config`` is what the controls say, ``panel.trained`` the last finished run.

    Args:
        catalog: the pictures (`read_catalog`).
        config: the start; fields without a control are kept.
        out: folder of the runs, ``run-001`` and so on, each kept; Resume goes on with the last one.
        cache: folder for decoded pictures.
    """

    def __init__(
        self,
        catalog: pd.DataFrame,
        config: Config,
        *,
        out: Path,
        cache: Path | None = None,
        device: torch.device | None = None,
    ):
        self.catalog, self.base, self.out, self.cache, self.device = catalog, config, Path(out), cache, device
        self.trained: experiments.Trained | None = None
        self.thread: threading.Thread | None = None
        self._stop, self._doing = threading.Event(), ""
        self._make_controls(config)
        self._make_display()
        self.show(config)
        self.draw_runs()
        super().__init__(
            "Control panel",
            [
                row(self.profile, *self.fields.values(), self.more),
                self.code,
                self.fault,
                row(self.train_button, self.stop_button, self.resume_button, self.bar),
                self.status,
                self.curves,
                self.table,
            ],
        )
        on_change([*self.fields.values(), self.more], self.refresh)
        on_change([self.profile], lambda: self.show(Config.profile(self.profile.value)))
        self.train_button.on_click(lambda button: self.start())
        self.resume_button.on_click(lambda button: self.start(resume=True))
        self.stop_button.on_click(lambda button: self.stop())

    def _make_controls(self, config: Config) -> None:
        choice, whole, share = widgets.Dropdown, widgets.IntText, widgets.FloatSlider
        self.profile = control(
            choice, "profile", "Set all controls as this profile has them", options=list(PROFILES), value=config.name
        )
        self.fields = {
            "model": control(choice, "model", "Which ImageNet model to start from", options=list(MODELS)),
            "split": control(
                choice, "split", "random: frames of one video on both sides; video: never", options=get_args(Split)
            ),
            "epochs": control(widgets.IntSlider, "epochs", "Passes over the training pictures", min=0, max=30),
            "learning_rate": control(
                widgets.FloatLogSlider,
                "learning rate",
                "Size of a step of the weights",
                min=-6,
                max=-1,
                step=0.1,
                readout_format=".1e",
            ),
            "batch_size": control(whole, "batch size", "Pictures that are averaged for one step"),
            "scheduler": control(
                choice,
                "scheduler",
                "How the learning rate falls: in steps, in a cosine, or not",
                options=get_args(Scheduler),
            ),
            "fine_tune": control(widgets.Checkbox, "fine-tune", "Train the upper layers too, not the head alone"),
            "flip": control(widgets.Checkbox, "flip", "Mirror every second training picture"),
            "rotation": control(share, "rotation (°)", "Largest turn of a training picture", min=0, max=90, step=1),
            "zoom": control(
                share, "zoom", "Largest part of the side that a crop may leave out", min=0, max=0.7, step=0.05
            ),
            "colour": control(
                share, "colour", "Change of brightness, contrast and saturation", min=0, max=0.9, step=0.05
            ),
            "erase": control(share, "erase", "Probability that a box of a picture is blanked", min=0, max=1, step=0.05),
            "seed": control(whole, "seed", "Another seed draws another split, order and augmentation"),
        }
        self.more = control(
            widgets.Text,
            "more",
            "Any other field of Config, for example label_smoothing=0.1",
            placeholder="label_smoothing=0.1",
        )

    def _make_display(self) -> None:
        def button(name: str, icon: str, tooltip: str) -> widgets.Button:
            return widgets.Button(description=name, icon=icon, tooltip=tooltip)

        self.train_button = button("Train", "play", "Start anew with this config")
        self.stop_button = button("Stop", "stop", "End after this step or batch; the best model so far is kept")
        self.resume_button = button("Resume", "forward", "Go on after the last finished epoch, with the same config")
        self.stop_button.disabled = True
        self.bar = widgets.FloatProgress(min=0, max=1, layout=widgets.Layout(width="300px"))
        self.code, self.fault, self.status, self.curves, self.table = (widgets.HTML() for _ in range(5))

    @property
    def config(self) -> Config:
        """The config as the controls stand; WorkoutlibError where a value is out of range."""
        values = {name: field.value for name, field in self.fields.items()}
        values["learning_rate"] = float(f"{values['learning_rate']:.3g}")
        return self.base.replace(**values | parse_changes(self.more.value))

    @property
    def running(self) -> bool:
        """Whether a training is under way."""
        return self.thread is not None and self.thread.is_alive()

    def show(self, config: Config) -> None:
        """Set all controls to a config's values."""
        self.base = config
        for name, field in self.fields.items():
            set_value(field, getattr(config, name))
        self.refresh()

    def refresh(self) -> None:
        """Show the config, or what is wrong with it."""
        try:
            self.code.value = code_html(as_code(self.config))
            self.fault.value = ""
        except WorkoutlibError as error:
            self.fault.value = message(str(error), alert=True)
        self._enable(running=self.running)

    def start(self, *, resume: bool = False) -> None:
        """Train in a thread; ``resume`` goes on after the last finished epoch."""
        if self.running or self.fault.value:
            return
        self._stop.clear()
        self._enable(running=True)
        self.bar.value = 0
        self.show_progress("preparing …")
        config, before = self.config, stored_runs(self.out)[-1] if resume else None
        self.thread = threading.Thread(target=self._run, args=(config, before), daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """Ask the training to end after its current step."""
        self._stop.set()
        self.stop_button.disabled = True
        self.show_progress(self._doing)

    def show_progress(self, doing: str) -> None:
        """Say what is done at the moment; after Stop, that its end is waited for."""
        self._doing = doing
        self.status.value = message(f"stopping as soon as this ends: {doing}" if self._stop.is_set() else doing)

    def _run(self, config: Config, before: Run | None) -> None:
        watch = _Watch(self, config, int(before.history["epoch"].iloc[-1]) if before else 0)
        try:
            folder = before.folder if before else new_run(self.out, config)
            self.trained = experiments.train_model(
                self.catalog,
                config,
                out=folder,
                cache=self.cache,
                device=self.device,
                resume=before is not None,
                callbacks=Callbacks(
                    watch.on_epoch, watch.on_step, watch.on_stage, should_stop=self._stop.is_set, progress=False
                ),
            )
            self._report(self.trained, folder)
        except WorkoutlibError as error:
            self.status.value = message(str(error), alert=not self._stop.is_set())
        except Exception as error:  # shown on the page, then raised: a fault of ours must not pass for an end
            self.status.value = message(f"{type(error).__name__}: {error}", alert=True)
            raise
        finally:
            self._enable(running=False)

    def _report(self, trained: experiments.Trained, folder: Path) -> None:
        ended = "stopped" if trained.result.stopped else "finished"
        self.bar.value = self.bar.value if trained.result.stopped else 1
        self.draw_runs()
        where = f"{folder.parent.name}/{folder.name}/"
        self.status.value = message(f"{ended}; {best_line(trained.result.history)}; best_model.pth is in {where}")

    def draw_runs(self) -> None:
        """Show the curves of all runs over each other, and what was changed from run to run."""
        runs = stored_runs(self.out)
        if runs:
            figure = plots.plot_runs({run.name: run.history for run in runs})
            self.curves.value = picture_html(figure, "Accuracy and loss by epoch", least=640)
            self.table.value = scrolled(table_html(compare_runs(runs)))

    def _enable(self, *, running: bool) -> None:
        self.stop_button.disabled = not running
        self.train_button.disabled = running or bool(self.fault.value)
        self.resume_button.disabled = self.train_button.disabled or not stored_runs(self.out)


class _Watch:
    """Turns the callbacks of a training into a bar, a line of text and curves."""

    def __init__(self, panel: TrainingPanel, config: Config, epochs_done: int):
        self.panel, self.config, self.epochs_done = panel, config, epochs_done
        self.began = self.shown = 0.0
        self.first: float | None = None

    def on_epoch(self, history: pd.DataFrame) -> None:
        self.epochs_done = int(history["epoch"].iloc[-1])
        self.panel.draw_runs()
        self._show(best_line(history))

    def on_stage(self, what: str, done: int, total: int | None) -> None:
        if done and done != total and time.monotonic() - self.shown < 0.3:
            return  # the page need not hear of each picture
        self._show(f"{what}: {done} of {total}" if total else f"{what} …")
        if self.first is None:  # before the first step the bar is the stage's, then that of all epochs
            self.panel.bar.value = done / total if total else 0.0

    def on_step(self, step: int, steps: int) -> None:
        now = time.monotonic()
        done = self.epochs_done + step / steps
        if self.first is None:
            self.first, self.began = done, now
        if now - self.shown < 0.3 and step < steps:
            return
        self.panel.bar.value = done / max(self.config.epochs, 1)
        left = time_left(now - self.began, done - self.first, self.config.epochs - done)
        self._show(f"epoch {self.epochs_done + 1} of {self.config.epochs}, step {step} of {steps}{left}")

    def _show(self, doing: str) -> None:
        self.shown = time.monotonic()
        self.panel.show_progress(doing)


def time_left(elapsed: float, done: float, to_do: float) -> str:
    """``", about 2 min left"`` from the seconds that a part of the work took; empty before anything is done."""
    if done <= 0:
        return ""
    seconds = elapsed / done * to_do
    return f", about {seconds:.0f} s left" if seconds < 100 else f", about {seconds / 60:.0f} min left"


def parse_changes(text: str) -> dict:
    """``"epochs=3, optimizer='adam'"`` to ``{"epochs": 3, "optimizer": "adam"}``; nothing in it is executed.

    Raises:
        WorkoutlibError: not of that form.
    """
    try:
        call = ast.parse(f"f({text})", mode="eval").body
        if not isinstance(call, ast.Call) or call.args or any(word.arg is None for word in call.keywords):
            raise ValueError("only name=value pairs")
        return {word.arg: ast.literal_eval(word.value) for word in call.keywords}
    except (SyntaxError, ValueError) as error:
        raise WorkoutlibError(f"{text!r} is not of the form label_smoothing=0.1, optimizer='adam'") from error
