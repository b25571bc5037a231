"""The command ``app``: a page that recognises the clip or photo that is dropped on it, made with Gradio."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

from workoutlib.utils.errors import WorkoutlibError

if TYPE_CHECKING:
    import pandas as pd

    from workoutlib.recognition.recognizer import Recognizer

LONGEST, LARGEST = 180, 100  # seconds of a clip, and MB of a file
_FASTEST = 60  # frames a second of a clip that does not state its length
_WAITING = 20  # people; the next is asked to come again
_KEPT = 3600  # seconds until what somebody has uploaded, and what was made of it, is deleted
_LIMITS = f"Clips of up to {LONGEST} seconds, files of up to {LARGEST} MB; they are deleted after an hour."
_STYLE = "video, .image-frame img { max-height: 60vh; }"  # the table below is in sight, also of an upright clip


@dataclass(frozen=True)
class Found:
    """What is shown of a file: a sentence and hints, an annotated copy, a table, and the page of results as a zip file.

    The table has a row a repetition, or where there are none a row a guess.
    """

    said: list[str]
    annotated: Path
    table: pd.DataFrame
    archive: Path


def app(options: argparse.Namespace) -> None:
    if not find_spec("gradio"):
        raise WorkoutlibError('the app needs Gradio: python -m pip install -e ".[app]"')

    from workoutlib.recognition.starter import choose_recognizer
    from workoutlib.utils import devices

    devices.tune_process()
    recognizer, which = choose_recognizer(options.checkpoint)
    print(which)
    model = PureWindowsPath(which.removeprefix("model: ").strip('"')).name  # no visitor needs the folder
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the folder goes then, too
    with tempfile.TemporaryDirectory(prefix="workoutlib-app-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = str(Path(folder) / "uploads")
        page = build_page(recognizer, Path(folder) / "results", model)
        _, address, _ = page.queue(max_size=_WAITING).launch(
            server_port=options.port, max_file_size=f"{LARGEST}mb", share=False, footer_links=[], css=_STYLE,
            quiet=True, prevent_thread_lock=True,  # its own words are for programmers
        )  # fmt: skip
        print(f"Ctrl-C ends it; open in a browser: {address}", flush=True)
        page.block_thread()


def recognise(recognizer: Recognizer, file: Path, folder: Path) -> Found:
    """Recognise a clip or a photo; the results lie in a folder of their own below `folder`, for an hour.

    Raises:
        WorkoutlibError: the file is too large or too long, or neither a clip nor a photo.
    """
    import pandas as pd

    from workoutlib.media.kinds import is_clip
    from workoutlib.media.video_reader import probe_clip
    from workoutlib.recognition import report
    from workoutlib.recognition.files import predict_files
    from workoutlib.workout.workout import name_set

    if file.stat().st_size > LARGEST * 2**20:
        raise WorkoutlibError(f"{file.name} is larger than {LARGEST} MB: cut it, or make its pictures smaller")
    if is_clip(file) and (length := probe_clip(file).duration or 0) > LONGEST:
        raise WorkoutlibError(f"{file.name} is {length:.0f} seconds long: cut it to {LONGEST} at most")
    out = _own_folder(folder) / "workout"
    rows, failures = predict_files(recognizer, [file], out=out, progress=False)
    if failures:
        raise WorkoutlibError(failures[0]["error"])
    row = rows[0] | {"path": file.name, "notes": [_without_folder(note, file) for note in rows[0]["notes"]]}
    report.write_report([row], out)
    hints = [report.describe_fault(fault) for entry in row["sets"] for fault in entry["faults"]]
    counts = filter(None, map(report.explain_count, row["sets"]))
    said = [report.caption(row), *row["notes"], *counts, *hints, *([report.NO_ADVICE] if hints else [])]
    tables = []
    for number, entry in enumerate(row["sets"], 1):
        if entry["repetitions"]:
            name = f"{number} {name_set(entry['label'], entry['known'])}"
            tables.append(report.describe_repetitions(entry).rename_axis("no.").reset_index().assign(set=name))
    guesses = [{"label": guess["label"], "sure": f"{guess['confidence']:.0%}"} for guess in row["top3"]]
    table = pd.concat(tables).set_index("set").reset_index() if tables else pd.DataFrame(guesses)
    return Found(said, Path(row["annotated"]), table, Path(shutil.make_archive(str(out), "zip", out)))


def _without_folder(text: str, file: Path) -> str:
    """A message about an upload without the folder it lies in, which is of no use to a visitor."""
    return text.replace(f"{file.parent}{os.sep}", "")


def _own_folder(folder: Path) -> Path:
    """A new folder, which no other visitor's results are put into; those that are too old are deleted."""
    folder.mkdir(parents=True, exist_ok=True)
    for each in folder.iterdir():
        if time.time() - each.stat().st_mtime > _KEPT:
            shutil.rmtree(each, ignore_errors=True)
    return Path(tempfile.mkdtemp(dir=folder))


def build_page(recognizer: Recognizer, folder: Path, model: str) -> Any:
    """The page, a `gradio.Blocks`; files are recognised one at a time by the named model, with results in `folder`."""
    import gradio as gr

    from workoutlib.utils.progress import listening

    def answer(path: str, progress: gr.Progress = gr.Progress()) -> tuple:  # noqa: B008
        def listen(what: str, done: int, total: int | None) -> None:
            if done > LONGEST * _FASTEST:
                raise WorkoutlibError(f"the clip is too long: cut it to {LONGEST} seconds at most")
            if total:
                progress((done, total), desc=what, unit="frames")

        try:
            with listening(listen):
                found = recognise(recognizer, Path(path), folder)
        except WorkoutlibError as error:  # the box is emptied: the next file can be dropped at once
            return gr.File(value=None), f"**{_without_folder(str(error), Path(path))}**", *hidden()
        moves, (title, *notes) = found.annotated.suffix == ".mp4", found.said
        return (
            gr.skip(),
            "\n- ".join([f"### {title}\n", *notes]),
            gr.Video(str(found.annotated) if moves else None, visible=moves),
            gr.Image(None if moves else str(found.annotated), visible=not moves),
            gr.Dataframe(found.table, visible=True),
            gr.DownloadButton(value=str(found.archive), visible=True),
        )

    def hidden() -> tuple:
        """No results: those of the last file do not stand under the next one's name."""
        kinds = (gr.Video, gr.Image, gr.Dataframe, gr.DownloadButton)
        return tuple(kind(value=None, visible=False) for kind in kinds)

    with gr.Blocks(title="workoutlib", analytics_enabled=False, delete_cache=(_KEPT, _KEPT)) as page:
        gr.Markdown(f"# Which exercise, how often, how well?\n{_LIMITS} Model: {model}.")
        with gr.Row():
            with gr.Column(scale=2):
                file = gr.File(label="A clip or a photo", file_types=["image", "video"], height=140)
                said = gr.Markdown()
                download = gr.DownloadButton("Download the page of results", visible=False)
            with gr.Column(scale=3):
                clip = gr.Video(show_label=False, visible=False, autoplay=True, loop=True)
                photo = gr.Image(show_label=False, visible=False, buttons=["download", "fullscreen"])  # not "share"
                table = gr.Dataframe(show_label=False, visible=False)
        results = [said, clip, photo, table, download]
        file.clear(lambda: ("", *hidden()), outputs=results)
        began = file.upload(lambda: ("", *hidden()), outputs=results, queue=False)
        began.then(answer, file, [file, *results], show_progress_on=file)
    return page
