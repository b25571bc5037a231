"""What is told of workouts: a table, JSON, and a page with the clips, the counts, the angles and notes on form."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from PIL import Image

from workoutlib.media.video_reader import read_frames
from workoutlib.pose.tracking import PoseSequence
from workoutlib.utils.files import replacing, write_csv, write_json
from workoutlib.utils.pages import Page
from workoutlib.workout.figures import plot_sets
from workoutlib.workout.workout import Workout

_NOT = "These are hints for training by what a camera sees of joints; no medical advice."


def draw_results(workout: Workout, poses: PoseSequence | None, annotated: Path) -> None:
    """Write beside an annotated clip a plot of each set (``.set-1.png``) and a frame for each fault (``.fault-1.jpg``).

    Faults are numbered through the whole workout.
    """
    faults = [fault for entry in workout.sets for fault in entry.faults]
    for number, entry in enumerate(workout.sets, 1):
        if poses is not None:
            with replacing(_beside(annotated, f".set-{number}.png")) as partial:
                plot_sets(poses, [entry]).savefig(partial, dpi=160, format="png", transparent=True)
    missing = dict(enumerate(faults, 1))
    for time, frame in read_frames(annotated) if faults else ():
        for number in [k for k, fault in missing.items() if time >= fault.time - 1e-3]:
            del missing[number]
            with replacing(_beside(annotated, f".fault-{number}.jpg")) as partial:
                Image.fromarray(frame).save(partial, "JPEG", quality=88)
        if not missing:
            break


def _beside(annotated: Path, ending: str) -> Path:
    return annotated.with_name(annotated.stem + ending)


def write_report(rows: list[dict], out: Path, *, title: str = "Workout") -> Path:
    """Write ``workout.csv`` (a row a repetition), ``workout.json`` and the page ``index.html``; return the page's path.

    `rows` are those of `predict_files` with annotated copies below `out`, whose results `draw_results` has drawn.
    """
    clips = [row for row in rows if row["kind"] == "clip"]
    write_csv(repetitions_table(clips), out / "workout.csv")
    told = [{"path": row["path"], "label": row["label"], "sets": row["sets"]} for row in clips]
    write_json(told, out / "workout.json")
    page = Page(out, title)
    for row in clips:
        _tell_clip(page, row)
    photos = [row for row in rows if row["kind"] == "photo" and "annotated" in row]
    if photos:
        page.heading("Photos")
        page.media([(Path(row["annotated"]), f"{row['label']} ({row['confidence']:.0%})") for row in photos])
    if any(entry["faults"] for row in clips for entry in row["sets"]):
        page.text(_NOT)
    return page.write()


def repetitions_table(clips: list[dict]) -> pd.DataFrame:
    """A row a repetition, and one a hold, of the rows of clips: path, set, label, repetition, and its numbers."""
    rows = []
    for row in clips:
        for number, entry in enumerate(row["sets"], 1):
            about = {"path": row["path"], "set": number, "label": entry["label"]}
            held = {"start": entry["start"], "end": entry["end"], "faults": entry["faults"]}
            for k, r in enumerate([held] if entry["hold"] else entry["repetitions"], 1):
                names = "; ".join(fault["name"] for fault in r["faults"])
                rows.append(about | {"repetition": None if entry["hold"] else k} | r | {"faults": names})
    first = ["path", "set", "label", "repetition", "start", "turn", "end", "faults"]
    table = pd.DataFrame(rows, columns=list(dict.fromkeys([*first, *(rows[0] if rows else ())])))
    return table.astype({"repetition": "Int64"})


def _tell_clip(page: Page, row: dict) -> None:
    page.heading(Path(row["path"]).name)
    known = "" if row["known"] else ", not sure that it is one of the known exercises"
    page.text(f"{row['label']} ({row['confidence']:.0%}{known})")
    if "annotated" not in row:
        return
    annotated = Path(row["annotated"])
    page.media([(annotated, "; ".join(map(describe_set, row["sets"])) or "no repetitions found")])
    faults = 0
    for number, entry in enumerate(row["sets"], 1):
        page.heading(f"Set {number}: {describe_set(entry)}", level=3)
        plot = _beside(annotated, f".set-{number}.png")
        if plot.is_file():
            page.picture(plot, f"joint angle over the time of set {number}, every repetition marked")
        if entry["repetitions"]:
            page.table(_numbers(entry))
        shown = []
        for fault in entry["faults"]:
            faults += 1
            frame = _beside(annotated, f".fault-{faults}.jpg")
            unit = "°" if fault["unit"] == "degrees" else ""
            note = f"{fault['name']} ({fault['value']:.3g}{unit}, at {fault['time']:.1f} s): {fault['hint']}"
            shown += [(frame, note)] if frame.is_file() else []
            if not frame.is_file():
                page.text(note)
        page.media(shown)


def describe_set(entry: dict) -> str:
    """A set of a row in a few words: its label, and how many repetitions or how many seconds."""
    if entry["hold"]:
        return f"{entry['label']}, held for {entry['end'] - entry['start']:.0f} s"
    return f"{entry['label']}, {entry['count']} repetition{'' if entry['count'] == 1 else 's'}"


def _numbers(entry: dict) -> pd.DataFrame:
    """The repetitions of a set as a table to look at."""
    rows = [
        {
            "from": f"{r['start']:.1f} s",
            "out": _seconds(r["seconds_out"]),
            "back": _seconds(r["seconds_back"]),
            "range": "–" if r["range_of_motion"] is None else f"{r['range_of_motion']:.0f}°",
            "form": ", ".join(fault["name"] for fault in r["faults"]) or ("" if r["complete"] else "cut"),
        }
        for r in entry["repetitions"]
    ]
    return pd.DataFrame(rows, index=pd.RangeIndex(1, len(rows) + 1))


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} s"
