"""The 22 exercises: their canonical names, and the way from a spelling seen in the wild to one of them."""

import re
import unicodedata
from difflib import get_close_matches
from pathlib import Path

from workoutlib.utils.errors import WorkoutlibError

LABELS: tuple[str, ...] = (
    "barbell biceps curl",
    "bench press",
    "chest fly machine",
    "deadlift",
    "decline bench press",
    "hammer curl",
    "hip thrust",
    "incline bench press",
    "lat pulldown",
    "lateral raises",
    "leg extension",
    "leg raises",
    "plank",
    "pull up",
    "push up",
    "romanian deadlift",
    "russian twist",
    "shoulder press",
    "squat",
    "t bar row",
    "tricep dips",
    "tricep pushdown",
)


def spelling_key(name: str) -> str:
    """What all spellings of one name share: lower case, singular words, no separators, letters with their accents.

    >>> spelling_key("Lateral_Raises"), spelling_key("pull-Up")
    ('lateralraise', 'pullup')
    """
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFC", name.casefold()))
    return "".join(re.sub(r"(?<=ss)es$|(?<!s)s$", "", word) for word in words)


_LABEL_OF_KEY = (
    {spelling_key(label): label for label in LABELS}
    # Written as one word, a plural inside can no longer be told: "barbellbicepscurl".
    | {spelling_key(label.replace(" ", "")): label for label in LABELS}
    # The data set abbreviates two of its file stems: "cfm_1700011.jpg".
    | {"cfm": "chest fly machine", "dbp": "decline bench press"}
)

# What people call some of them. Each is one exercise of the 22 and no other: "curl" alone would be two.
_OTHER_NAMES = {
    "barbell biceps curl": ("bicep curl", "barbell curl", "standing barbell curl", "ez bar curl"),
    "bench press": ("barbell bench press", "flat bench press", "flat barbell bench press"),
    "chest fly machine": (
        "chest fly",
        "chest flye",
        "machine fly",
        "machine chest fly",
        "pec fly",
        "pec deck",
        "pec dec",
    ),
    "deadlift": ("barbell deadlift", "conventional deadlift"),
    "decline bench press": ("decline press", "decline barbell bench press"),
    "hammer curl": ("dumbbell hammer curl", "hammer bicep curl"),
    "hip thrust": ("barbell hip thrust",),
    "incline bench press": ("incline press", "incline barbell bench press"),
    "lat pulldown": ("cable lat pulldown", "lat pull"),
    "lateral raises": ("side raise", "side lateral raise", "lateral side raise", "dumbbell lateral raise"),
    "leg extension": ("machine leg extension", "knee extension"),
    "leg raises": ("lying leg raise", "hanging leg raise"),
    "pull up": ("chin up",),
    "push up": ("press up",),
    "romanian deadlift": ("rdl", "barbell romanian deadlift"),
    "shoulder press": ("overhead press", "military press", "dumbbell shoulder press", "ohp"),
    "squat": ("barbell squat", "back squat", "air squat"),
    "t bar row": ("t bar", "landmine row"),
    "tricep dips": ("dip", "bench dip", "parallel bar dip"),
    "tricep pushdown": ("cable pushdown", "tricep cable pushdown", "rope pushdown", "tricep pressdown"),
}
_LABEL_OF_KEY |= {
    spelling_key(form): label
    for label, names in _OTHER_NAMES.items()
    for name in names
    for form in (name, name.replace(" ", ""))
}


def find_label(name: str) -> str | None:
    """The canonical label that ``name`` spells, or None."""
    return _LABEL_OF_KEY.get(spelling_key(name))


def near_labels(name: str, labels: tuple[str, ...] = LABELS) -> list[str]:
    """Up to three of ``labels`` that look most like ``name``, best first."""
    by_key = {spelling_key(label): label for label in labels}
    return [by_key[key] for key in get_close_matches(spelling_key(name), by_key, n=3, cutoff=0.5)]


def canonical_label(name: str) -> str:
    """The one name of an exercise, from any spelling of it: ``canonical_label("pull Up") -> "pull up"``.

    Case, separators and plurals do not matter. Raises WorkoutlibError, with the names that
    look alike, when ``name`` spells none of the 22.
    """
    label = find_label(name)
    if label is None:
        near = near_labels(name)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"known are: {', '.join(LABELS)}."
        raise WorkoutlibError(f"{name!r} is none of the 22 exercises; {hint}")
    return label


def label_of_file(path: str | Path) -> str | None:
    """The exercise that a file is named after, or None: ``"push_up.mp4" -> "push up"``.

    Numbers behind the name are left out, so that ``bench press_3900491.jpg``,
    ``cfm_g13.jpg`` and ``squat (2).jpg`` have a label too.
    """
    stem = Path(path).stem
    return find_label(stem) or find_label(re.sub(r"[\W_]*g?\d+\W*$", "", stem))
