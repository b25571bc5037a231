"""The table of exercises: move, tempo, good camera angles, faults; and a set's rhythm.

Ranges of motion and tempo follow the usual coaching descriptions (NSCA, Essentials of Strength Training and
Conditioning, 4th ed., ch. 15).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from . import bodyweight, idle, machines, movements, weights
from .body import Body
from .poses import HALF_WAY, Action, Kit


@dataclass(frozen=True)
class Exercise:
    """One line of the table.

    Cameras mostly stand around `azimuth`, on either side, in degrees (0 in front, 90 on the athlete's right), and
    sometimes anywhere in `views`; `seconds` a repetition; `faults` that people make;
    `stem` names the files; a share `close_up` of the videos shows only the `half` of the body that works.
    The sample draws from `faults`; `staged_faults` are performed only where the caller asks for one.
    """

    move: Callable[[Body, np.ndarray, Kit], Action]
    azimuth: float
    seconds: tuple[float, float] = (2.2, 4.0)
    views: tuple[tuple[float, float], ...] = ((-100, 100),)
    faults: tuple[str, ...] = ()
    close_up: float = 0.25
    half: str = "upper"
    stem: str | None = None
    staged_faults: tuple[str, ...] = ()


_STAGED_FAULTS = {  # performed only where the caller asks, so that the drawn sample keeps its pixels
    "barbell biceps curl": ("half range",),
    "hammer curl": ("half range",),
    "bench press": ("half range", "flared elbows", "hips off the bench"),
    "incline bench press": ("half range", "flared elbows"),
    "decline bench press": ("half range", "flared elbows"),
    "chest fly machine": ("half range", "bent elbows"),
    "deadlift": ("half range",),
    "hip thrust": ("half range",),
    "lat pulldown": ("swinging", "half range"),
    "lateral raises": ("swinging", "half range"),
    "leg extension": ("half range",),
    "leg raises": ("half range", "bent knees"),
    "plank": ("high hips",),
    "pull up": ("half range", "swinging"),
    "push up": ("high hips", "half range"),
    "romanian deadlift": ("rounded back", "bent knees"),
    "russian twist": ("half range",),
    "shoulder press": ("half range", "leaning back"),
    "squat": ("knees caving in", "leaning forward"),
    "t bar row": ("swinging", "half range"),
    "tricep dips": ("half range",),
    "tricep pushdown": ("half range", "elbows drifting"),
}
_STRAIGHT = {
    *("bench press", "decline bench press", "incline bench press", "lat pulldown", "pull up", "push up"),
    *("shoulder press", "t bar row", "tricep dips"),
}
_ROUND = ((-170, -25), (25, 170))
EXERCISES = {
    "barbell biceps curl": Exercise(weights.barbell_curl, 25, views=((-75, 75),), faults=("swinging",), close_up=0.2),
    "bench press": Exercise(
        weights.bench_press, 50, views=((-150, -103), (-77, -25), (25, 77), (103, 150)), close_up=0.0
    ),
    "chest fly machine": Exercise(machines.chest_fly, 25, views=((-60, 60),), close_up=0.2, stem="cfm"),
    "deadlift": Exercise(weights.deadlift, 50, (2.4, 4.2), ((-110, 110),), ("rounded back",), 0.0),
    "decline bench press": Exercise(
        weights.decline_bench_press,
        65,
        views=((-130, -103), (-77, -40), (40, 77), (103, 130)),
        close_up=0.0,
        stem="dbp",
    ),
    "hammer curl": Exercise(weights.hammer_curl, 25, views=((-75, 75),), faults=("swinging",), close_up=0.2),
    "hip thrust": Exercise(bodyweight.hip_thrust, 40, (2.0, 3.6), ((-115, -25), (25, 115)), close_up=0.0),
    "incline bench press": Exercise(
        weights.incline_bench_press, 55, views=((-125, -104), (-76, -25), (25, 76), (104, 125)), close_up=0.0
    ),
    "lat pulldown": Exercise(machines.lat_pulldown, 130, views=((-170, -60), (60, 180)), close_up=0.2),
    "lateral raises": Exercise(
        weights.lateral_raises, 15, views=((-65, 65), (140, 220)), close_up=0.2, stem="lateral raise"
    ),
    "leg extension": Exercise(machines.leg_extension, 60, views=((-95, -20), (20, 95)), close_up=0.15, half="lower"),
    "leg raises": Exercise(bodyweight.leg_raises, 52, views=((-110, -25), (25, 110)), close_up=0.0),
    "plank": Exercise(bodyweight.plank, 80, (3.0, 5.0), ((-120, -40), (40, 120)), ("sagging hips",), 0.1),
    "pull up": Exercise(bodyweight.pull_up, 160, views=((-60, 60), (120, 240)), close_up=0.15),
    "push up": Exercise(bodyweight.push_up, 65, (1.6, 3.0), ((-120, -30), (30, 120)), ("sagging hips",), 0.0),
    "romanian deadlift": Exercise(weights.romanian_deadlift, 62, (2.8, 4.4), ((-125, -30), (30, 125)), close_up=0.0),
    "russian twist": Exercise(bodyweight.russian_twist, 45, (1.6, 3.0), ((-80, 80),), close_up=0.0),
    "shoulder press": Exercise(weights.shoulder_press, 20, views=((-80, 80), (140, 220)), close_up=0.2),
    "squat": Exercise(weights.squat, 40, (2.2, 4.0), ((-165, -105), (-72, 72), (105, 165)), ("shallow squat",), 0.0),
    "t bar row": Exercise(machines.t_bar_row, 55, (1.8, 3.2), ((-105, -20), (20, 105)), close_up=0.0),
    "tricep dips": Exercise(bodyweight.tricep_dips, 50, (1.8, 3.4), _ROUND, close_up=0.15),
    "tricep pushdown": Exercise(machines.tricep_pushdown, 108, (1.8, 3.2), ((-150, -40), (40, 150)), close_up=0.2),
}
EXERCISES = {name: replace(entry, staged_faults=_STAGED_FAULTS[name]) for name, entry in EXERCISES.items()}
UNKNOWN = {
    name: Exercise(move, 40, seconds, ((-180, 180),), close_up=0.2)
    for name, move, seconds in (
        ("walking", idle.walk, (1.0, 1.4)),
        ("standing", idle.rest, (4.0, 6.0)),
        ("sitting", idle.sit_down, (4.0, 6.0)),
        ("drinking", idle.drink, (3.0, 5.0)),
        ("stretching", idle.stretch, (4.0, 7.0)),
        ("jumping jacks", idle.jumping_jack, (0.9, 1.3)),
    )
}

ANY_MOVEMENT = "any movement"
OTHERS = UNKNOWN | {ANY_MOVEMENT: Exercise(movements.any_movement, 40, (1.0, 5.0), ((-180, 180),), close_up=0.2)}
"""What is no exercise; besides `UNKNOWN`, which the sample shows, movements that are drawn anew for every athlete."""


def stage_phase(exercise: str, phase: np.ndarray, fault: str | None) -> np.ndarray:
    """Return the phase (T,) that is performed: with the fault "half range" the movement turns early."""
    if fault != "half range" or exercise == "russian twist":
        return phase
    # Where the hands go straight, the elbows bend most on the first part of the way.
    return (0.25 if exercise in _STRAIGHT else HALF_WAY) * phase


def set_rhythm(times: np.ndarray, seconds: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return phase in 0..1 and number of repetition (from 1) at `times` in seconds.

    A repetition goes out, pauses, comes back and pauses; no two are quite as long or as deep.
    """
    way, hold = rng.uniform(0.36, 0.5), rng.uniform(0.02, 0.1)
    back = 1 - way - 1.5 * hold
    lengths = seconds * rng.uniform(0.94, 1.06, 200)
    depths = rng.uniform(0.94, 1.0, 200)
    starts = np.concatenate([[0.0], np.cumsum(lengths)])
    clock = times + rng.uniform(0, 0.9) * seconds
    number = np.clip(np.searchsorted(starts, clock, side="right") - 1, 0, 199)
    share = (clock - starts[number]) / lengths[number]
    rising = np.clip(share / way, 0, 1)
    falling = np.clip((share - way - hold) / back, 0, 1)
    ease = lambda t: 0.5 - 0.5 * np.cos(np.pi * t)  # noqa: E731
    return np.round(depths[number] * (ease(rising) - ease(falling)), 6), number + 1
