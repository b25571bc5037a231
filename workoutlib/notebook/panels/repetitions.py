"""The repetition panel: how far must the signal turn back before a high or a low counts?"""

from __future__ import annotations

import ipywidgets as widgets

from workoutlib.notebook.panels.common import Panel, control, message, on_change, picture_html
from workoutlib.plots.workouts import plot_counting
from workoutlib.pose.sequence import PoseSequence
from workoutlib.workout.repetitions import HYSTERESIS, count_repetitions
from workoutlib.workout.signals import movement_signal
from workoutlib.workout.workout import count


class RepetitionPanel(Panel):
    """Counts again at every turn of the slider, which costs milliseconds.

    Args:
        poses: of a clip, smoothed.
        label: the exercise that is counted.
        truth: times in seconds of the true turns, where they are known.
    """

    def __init__(self, poses: PoseSequence, label: str, truth: tuple[float, ...] = ()) -> None:
        self.poses, self.label, self.truth = poses, label, truth
        self._signal = movement_signal(poses, label)
        self.hysteresis = control(
            widgets.FloatSlider,
            "Hysteresis",
            "Share of the usual way by which the signal must turn back before it counts",
            value=HYSTERESIS,
            min=0.02,
            max=0.98,
            step=0.02,
        )
        self.status, self.picture = widgets.HTML(), widgets.HTML()
        super().__init__("Repetition panel", [self.hysteresis, self.status, self.picture])
        on_change([self.hysteresis], self.show)
        self.show()

    def show(self) -> None:
        """Count with the slider's value, and draw what was found."""
        found = count_repetitions(self.poses, self.label, hysteresis=self.hysteresis.value)
        known = f"; {len(self.truth)} turns in truth" if self.truth else ""
        self.status.value = message(f"{count(found)} repetitions counted{known}")
        self.picture.value = picture_html(
            plot_counting(self._signal, found, self.truth), f"{count(found)} repetitions of {self.label}", least=560
        )
