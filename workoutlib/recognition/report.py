"""What is told of workouts: a table, JSON, and a page with the clips, the counts, the angles and notes on form."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd
from PIL import Image

from workoutlib.media.overlay import colour_of
from workoutlib.media.video_reader import probe_clip, read_frames
from workoutlib.pose.sequence import PoseSequence
from workoutlib.utils.files import replacing, write_csv, write_json
from workoutlib.utils.pages import POSTER, Page
from workoutlib.utils.paths import shortened, shown
from workoutlib.workout.figures import plot_sets
from workoutlib.workout.workout import Workout, name_set

NO_ADVICE = "These are hints for training by what a camera sees of joints; no medical advice."
_OF_SET = ("label", "known", "confidence", "count")
_POSTER_TIME = 1.0  # seconds: most people move by then


def draw_results(workout: Workout, poses: PoseSequence | None, annotated: Path) -> None:
    """Write beside an annotated clip a still (``.poster.jpg``), a plot of each set and a frame for each fault.

    They are called ``.set-1.png`` and ``.fault-1.jpg``; faults are numbered through the whole workout.
    """
    faults = [fault for entry in workout.sets for fault in entry.faults]
    for number, entry in enumerate(workout.sets, 1):
        if poses is not None:
            with replacing(_beside(annotated, f".set-{number}.png")) as partial:
                plot_sets(poses, [entry]).savefig(partial, dpi=160, format="png", transparent=True)
    length = probe_clip(annotated).duration
    missing = {f".fault-{number}.jpg": fault.time for number, fault in enumerate(faults, 1)}
    missing[POSTER] = min(_POSTER_TIME, (length or 0.0) / 2)
    for time, frame in read_frames(annotated):
        for ending in [name for name, wanted in missing.items() if time >= wanted - 1e-3]:
            del missing[ending]
            with replacing(_beside(annotated, ending)) as partial:
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
    anchors = [f"file-{number}" for number in range(1, len(rows) + 1)]
    if len(rows) > 1:
        page.words(overview(rows), anchors)
    if said := accuracy_by_name(rows):
        page.text(f"{said}.")
    named = list(zip(rows, anchors, strict=True))
    for row, anchor in named:
        if row["kind"] == "clip":
            _tell_clip(page, row, anchor)
    photos = [(row, anchor) for row, anchor in named if row["kind"] == "photo" and "annotated" in row]
    if photos:
        page.heading("Photos")
        shown = [(Path(row["annotated"]), f"{Path(row['path']).name}: {caption(row)}") for row, _ in photos]
        page.media(shown, [anchor for _, anchor in photos])
    if any(entry["faults"] for row in clips for entry in row["sets"]):
        page.text(NO_ADVICE)
    return page.write()


def repetitions_table(clips: list[dict]) -> pd.DataFrame:
    """A row a repetition, and one a hold, of the rows of clips: path, set, label, repetition, and its numbers.

    ``count`` is that of the whole set: of a set that both ends of the clip cut it is one less than there are rows.
    """
    rows = []
    for row in clips:
        for number, entry in enumerate(row["sets"], 1):
            about = {"path": row["path"], "set": number, **{name: entry[name] for name in _OF_SET}}
            held = {"start": entry["start"], "end": entry["end"], "faults": entry["faults"]}
            for k, r in enumerate([held] if entry["hold"] else entry["repetitions"], 1):
                names = "; ".join(fault["name"] for fault in r["faults"])
                rows.append(about | {"repetition": None if entry["hold"] else k} | r | {"faults": names})
    first = ["path", "set", *_OF_SET, "repetition", "start", "turn", "end", "faults"]
    table = pd.DataFrame(rows, columns=list(dict.fromkeys([*first, *(rows[0] if rows else ())])))
    return table.astype({"repetition": "Int64"})


def _tell_clip(page: Page, row: dict, anchor: str) -> None:
    page.heading(Path(row["path"]).name, anchor=anchor)
    if "annotated" not in row:
        return page.text(caption(row))
    annotated = Path(row["annotated"])
    times = [(s["start"], s["end"], s["label"], colour_of(s["label"])) for s in row.get("segments", [])]
    page.clip(annotated, caption(row), times, f"{anchor}-clip")
    faults = 0
    for number, entry in enumerate(row["sets"], 1):
        page.heading(f"Set {number}: {describe_set(entry)}", level=3)
        plot = _beside(annotated, f".set-{number}.png")
        if plot.is_file():
            page.picture(plot, f"joint angle over the time of set {number}, every repetition marked")
        if entry["repetitions"]:
            page.moments(describe_repetitions(entry), [r["start"] for r in entry["repetitions"]], f"{anchor}-clip")
        if said := explain_count(entry):
            page.text(said)
        shown = []
        for fault in entry["faults"]:
            faults += 1
            frame = _beside(annotated, f".fault-{faults}.jpg")
            note = describe_fault(fault)
            shown += [(frame, note)] if frame.is_file() else []
            if not frame.is_file():
                page.text(note)
        page.media(shown)


def caption(row: dict) -> str:
    """What was recognised, whether that is right where the file's name tells, and what was counted."""
    verdict = "" if not row.get("truth") else "✓ " if row["label"] == row["truth"] else f"✗ this is a {row['truth']}: "
    name = name_set(row["label"], row["known"])
    sets = list(map(describe_set, row["sets"])) or ["no repetitions found"] * (row["kind"] == "clip")
    return "; ".join([f"{verdict}{name} ({row['confidence']:.0%})", *sets])


def overview(rows: list[dict]) -> pd.DataFrame:
    """A line a file to look at: what it shows, in per cent, the second guess, and of clips what was done."""
    lines = []
    for row, name in zip(rows, told_apart([Path(row["path"]) for row in rows]), strict=True):
        second = [f"{guess['label']} ({guess['confidence']:.0%})" for guess in row["top3"][1:2]]
        wrong = row["truth"] and row["label"] != row["truth"]
        lines.append(
            {
                "file": shortened(shown(name).strip('"'), 40),
                "label": name_set(row["label"], row["known"]),
                "sure": f"{row['confidence']:.0%}",
                "second guess": "".join(second),
                "workout": ", ".join(map(describe_set, row["sets"])) or ("–" if row["kind"] == "clip" else ""),
                "": "✗" if wrong else "✓" if row["truth"] else "",
            }
        )
    table = pd.DataFrame(lines)
    empty = [name for name in table if not table[name].str.strip().any()]
    return table.drop(columns=empty)


def told_apart(paths: list[Path]) -> list[str]:
    """The names of files; of those that are called the same, with as many folders as it takes to tell them apart."""
    deepest = max((len(path.parts) for path in paths), default=1)
    names = [["/".join(path.parts[-depth:]) for path in paths] for depth in range(1, deepest + 1)]
    apart = next(each for each in names if len(set(each)) == len(set(names[-1])))
    counts = Counter(names[0])
    return [long if counts[short] > 1 else short for short, long in zip(names[0], apart, strict=True)]


def accuracy_by_name(rows: list[dict]) -> str:
    """How many of the files that are named after an exercise were recognised as it."""
    named = [row for row in rows if row.get("truth")]
    right = sum(row["label"] == row["truth"] for row in named)
    return f"{right} of {len(named)} files named after an exercise recognised as it" if named else ""


def describe_set(entry: dict) -> str:
    """A set of a row in a few words: its name, and how many repetitions or how many seconds."""
    name = name_set(entry["label"], entry["known"])
    if entry["hold"]:
        return f"{name}, held for {entry['end'] - entry['start']:.0f} s"
    return f"{name}, {entry['count']} repetition{'' if entry['count'] == 1 else 's'}"


def explain_count(entry: dict) -> str:
    """Why a set of a row has more repetitions than were counted; empty where it has not."""
    cut = [str(number) for number, r in enumerate(entry["repetitions"], 1) if not r["complete"]]
    if entry["hold"] or len(entry["repetitions"]) <= entry["count"]:
        return ""
    return f"Repetitions {' and '.join(cut)} are cut by the clip's ends: they count as one."


def describe_fault(fault: dict) -> str:
    """A fault of a row with its number, its time, and what to do about it."""
    unit = "°" if fault["unit"] == "degrees" else ""
    return f"{fault['name']} ({fault['value']:.3g}{unit}, at {fault['time']:.1f} s): {fault['hint']}"


def describe_repetitions(entry: dict) -> pd.DataFrame:
    """The repetitions of a set of a row as a table to look at."""
    rows = [
        {
            "from": f"{r['start']:.1f} s",
            "out": _seconds(r["seconds_out"]),
            "back": _seconds(r["seconds_back"]),
            "range": "–" if r["range_of_motion"] is None else f"{r['range_of_motion']:.0f}°",
            "form": ", ".join([*([] if r["complete"] else ["cut"]), *(fault["name"] for fault in r["faults"])]),
        }
        for r in entry["repetitions"]
    ]
    return pd.DataFrame(rows, index=pd.RangeIndex(1, len(rows) + 1))


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} s"
