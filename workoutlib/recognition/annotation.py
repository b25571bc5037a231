"""The annotated copy of a clip: label, skeleton, timeline, and the count of repetitions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from workoutlib.media.counter import draw_counter
from workoutlib.media.overlay import UNKNOWN, draw_label, draw_timeline
from workoutlib.media.video_reader import probe_clip, read_frames
from workoutlib.media.video_writer import ClipWriter
from workoutlib.pose.skeleton import Pose
from workoutlib.recognition.clips import SMOOTHING, ClipPrediction, Shown, Watch, shown_in
from workoutlib.utils.prefetch import prefetch
from workoutlib.utils.progress import progress_bar, tell
from workoutlib.workout.workout import Repetition, Set, Workout, count, set_at

LINGER = 2.0
"""Seconds for which the final count and a hint stay."""


class Counter(NamedTuple):
    """What the counter says at a moment; `phase` is 0 at the start of a repetition and 1 at its turn."""

    number: str
    unit: str
    phase: float
    hint: str | None


def counter_at(workout: Workout, time: float) -> Counter | None:
    """Tell what the counter says at a time in seconds; None outside of sets."""
    entry = set_at(workout.sets, time, LINGER)
    if entry is None:
        return None
    faults = [f for f in (*entry.faults, *(f for r in entry.repetitions for f in r.faults))]
    hint = next((f.hint for f in faults if 0 <= time - f.time <= LINGER), None)
    if entry.hold:
        return Counter(f"{min(time, entry.end) - entry.start:.0f}", "s", 1.0, hint)
    done = count([r for r in entry.repetitions if r.end <= time])
    return Counter(str(done), "rep" if done == 1 else "reps", _phase(entry, time), hint)


def _phase(entry: Set, time: float) -> float:
    present: Repetition | None = next((r for r in entry.repetitions if r.start <= time <= r.end), None)
    if present is None:
        return 0.0
    held = 0.5 * present.pause
    out, back = max(present.turn - held - present.start, 1e-6), max(present.end - present.turn - held, 1e-6)
    return min((time - present.start) / out, (present.end - time) / back, 1.0)


def write_annotated(
    clip: ClipPrediction,
    workout: Workout | None,
    out: Path,
    draw_person: Callable[[np.ndarray, Pose | None], np.ndarray],
    *,
    smoothing: float = SMOOTHING,
    progress: bool = True,
    on_frames: Watch | None = None,
) -> Path:
    """Write the copy that `Recognizer.annotate_clip` describes; `draw_person` draws a pose on a frame."""
    sets = workout.sets if workout else []
    table, segments = clip.frames(smoothing), clip.segments(smoothing, sets=sets)
    spans = list(segments.itertuples(index=False, name=None))
    info, frames = probe_clip(clip.path), read_frames(clip.path)
    bar = progress_bar(None, f"writing {out.name}", total=info.frames, unit="frame", leave=False, show=progress)
    labels = table["label"].where(table["known"], UNKNOWN)
    shown: list[Shown] = list(zip(labels.tolist(), table["confidence"].tolist(), strict=True))

    def drawn() -> Iterator[tuple[float, np.ndarray]]:
        for time, frame in prefetch(frames):
            place = max(int(np.searchsorted(clip.times, time + 1e-9, side="right")) - 1, 0)
            pose = clip.poses.pose(place) if clip.poses else None
            said_of = shown_in(set_at(sets, time), shown[place])
            labelled = draw_label(draw_person(frame, pose), *said_of, time=time)
            said = counter_at(workout, time) if workout else None
            yield time, draw_timeline(draw_counter(labelled, *said) if said else labelled, spans, time, clip.duration)

    with ClipWriter(out, info.width, info.height, info.frames_per_second, source=frames) as writer:
        for time, frame in prefetch(drawn()):  # reading, drawing and encoding, each in its own thread
            writer.write(frame, time)
            bar.update()
            tell(f"writing {out.name}", writer.frames, info.frames)
            if on_frames:
                on_frames(writer.frames, info.frames)
    bar.close()
    return out
