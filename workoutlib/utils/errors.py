"""The one exception type that workoutlib raises on purpose."""

from __future__ import annotations


class WorkoutlibError(Exception):
    """Something the user can mend: what was wrong, where, and what to do next.

    The command line prints its message on one line and exits with status 2; a library
    caller finds the original exception, if there was one, in ``__cause__``.
    """
