"""The command ``live``: a camera, a stream or a clip, recognised as it comes, in a window or on a page."""

from __future__ import annotations

import argparse
import time

from workoutlib.app.live_source import Newest, is_clip, open_source, require_source
from workoutlib.app.live_view import has_display, page, window


def live(options: argparse.Namespace) -> None:
    """Show a source until it ends, its viewer ends it, or Ctrl-C."""
    require_source(options.source)
    frames = Newest(open_source(options.source))

    from workoutlib.recognition.live import LiveWorkout
    from workoutlib.recognition.starter import choose_recognizer
    from workoutlib.utils import devices

    devices.tune_process()
    recognizer, which = choose_recognizer(options.checkpoint)
    print(which)
    workout, view = LiveWorkout(recognizer), window() if has_display() else page(wait=is_clip(options.source))
    done, began, busy = 0, time.perf_counter(), time.process_time()
    try:
        with view as show:
            began, busy = time.perf_counter(), time.process_time()  # nobody may have looked until now
            for moment, frame in frames:
                done += 1
                if not show(workout.see(moment, frame)):
                    break
    except KeyboardInterrupt:
        pass
    finally:
        frames.close()
        workout.close()
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    print(
        f"{done} frames at {done / seconds:.0f} a second, {frames.dropped} dropped; "
        f"{1000 * busy / max(done, 1):.0f} ms of processor time a frame"
    )
