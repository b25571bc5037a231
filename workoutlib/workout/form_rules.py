"""The table of form rules: what is measured, where the limit lies, from where it can be seen, what a coach would say.

The limits are the package's own: they lie between what BlazePose tells of right and of faulty repetitions, in real
clips and in the built-in gym. How far the arms go is told by where the hands are, not by the elbows: a bend of 45
degrees is estimated as about 90. Depth is estimated badly, so most rules look at the picture. A rule's source describes
how the movement is meant to be done; it does not give the limit. Where it is `COMMON` no publication was looked up.
They are hints for training, no medical advice.

What the 33 landmarks cannot tell has no rule. Between hips and shoulders they have no point on the spine: the trunk of
a straight back is told as 0.71 to 0.88 of its length when bent, so that a rounded one cannot be known by it. Hips that
leave a bench, and elbows that flare in a press, move less than landmarks of people on benches err.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

COMMON = "common coaching advice"
_SQUAT = "Myer et al. 2014, The back squat: a proposed assessment, Strength Cond J 36(6):4-27"
_DIPS = "McKenzie et al. 2022, Bench, bar, and ring dips, Int J Environ Res Public Health 19(20):13211"
_THRUST = "Contreras et al. 2011, Barbell hip thrust, Strength Cond J 33(5):58-61"

# Degrees between the camera and the front or back of the body: 90 is from the side.
ANY, FRONT, AHEAD = (0.0, 90.0), (0.0, 45.0), (0.0, 65.0)
SLANT, BESIDE, SIDE = (20.0, 90.0), (30.0, 90.0), (45.0, 90.0)


@dataclass(frozen=True)
class Rule:
    """A fault where `measure`, at the moment `when` of a repetition, is beyond `limit`.

    `when`: at the "turn"; the "least" and the "most" in the repetition; the "range" between them; "held" throughout;
    at "any" time. `over` tells on which side of the limit the fault lies. `views` are the angles between the camera
    and the front or back of the body, in degrees, from which it can be seen. With `deep` the rule is only judged in
    repetitions of full range.
    """

    exercises: tuple[str, ...]
    fault: str
    measure: str
    when: str
    over: bool
    limit: float
    hint: str
    source: str
    views: tuple[float, float] = ANY
    space: str = "world"
    deep: bool = False

    @property
    def instant(self) -> bool:
        """Tell whether one frame is enough to judge."""
        return self.when in ("held", "any")

    @property
    def at_turn(self) -> bool:
        """Tell whether the turn is enough to judge, without the ways to and from it."""
        return self.when in ("turn", "least", "most")


_PRESSES = ("bench press", "incline bench press", "decline bench press")
_CURLS = ("barbell biceps curl", "hammer curl")
HALF = "half range"
RULES = (
    Rule(
        ("squat",), "shallow squat", "hip level", "least", True, 0.6,
        "Sit lower: thighs level with the floor.", _SQUAT, space="picture",
    ),
    Rule(
        ("squat",), "knees caving in", "knee spread", "turn", False, 0.65,
        "Push your knees out over your toes.", _SQUAT, FRONT, "picture",
    ),
    Rule(
        ("squat",), "leaning forward", "trunk lean", "turn", True, 59.0,
        "Keep your chest up: the trunk no lower than the shins.", _SQUAT, SIDE, "picture",
    ),
    Rule(("deadlift",), HALF, "hip", "most", False, 112.0, "Finish tall: hips and knees straight.", COMMON),
    Rule(
        ("romanian deadlift",), "bent knees", "knee", "turn", False, 121.0,
        "Bend at the hips, not at the knees: shins upright.", COMMON,
    ),
    Rule(
        ("hip thrust",), HALF, "hip", "most", False, 134.0,
        "Push your hips up until trunk and thighs are level.", _THRUST,
    ),
    Rule(
        _PRESSES, HALF, "hand level", "least", True, 0.42,
        "Lower the bar until it touches your chest.", COMMON, space="picture",
    ),
    Rule(
        ("chest fly machine",), HALF, "wrists apart", "least", True, 1.05,
        "Bring the handles together in front of your chest.", COMMON,
    ),
    Rule(_CURLS, HALF, "hand level", "most", False, -0.43, "Curl all the way up.", COMMON, space="picture"),
    Rule(
        _CURLS, "swinging", "trunk lean", "any", True, 7.0,
        "Stand upright and keep your trunk still: only the forearms move.", COMMON, SIDE, "picture",
    ),
    Rule(("lateral raises",), HALF, "shoulder", "most", False, 85.0, "Raise your arms to shoulder height.", COMMON),
    Rule(
        ("lateral raises",), "swinging", "trunk sway", "most", True, 6.5,
        "Keep your trunk still, with a lighter weight if need be.", COMMON, SIDE, "picture",
    ),
    Rule(
        ("lat pulldown",), HALF, "hand level", "least", True, 0.35,
        "Pull the bar down to your upper chest.", COMMON, space="picture",
    ),
    Rule(
        ("lat pulldown",), "swinging", "trunk sway", "most", True, 21.0,
        "Lean back a little and stay there: the arms pull, not the trunk.", COMMON, SLANT,
    ),
    Rule(
        ("t bar row",), HALF, "hand level", "most", False, -0.64,
        "Pull until the handle touches your chest.", COMMON, space="picture",
    ),
    Rule(
        ("t bar row",), "swinging", "trunk sway", "most", True, 17.0,
        "Hold your trunk still and let the arms pull.", COMMON, SLANT, "picture",
    ),
    Rule(
        ("pull up",), HALF, "hand level", "least", True, 0.45,
        "Pull until your chin is over the bar.", COMMON, space="picture",
    ),
    Rule(
        ("pull up",), "swinging", "hip", "range", True, 15.0,
        "Keep your legs still: no swing.", COMMON, SIDE, "picture",
    ),
    Rule(
        ("tricep dips",), HALF, "hand level", "most", False, -0.62,
        "Go down until your upper arms are level.", _DIPS, space="picture",
    ),
    Rule(
        ("shoulder press",), HALF, "hand level", "most", False, 0.58,
        "Press until your arms are straight.", COMMON, space="picture",
    ),
    Rule(
        ("shoulder press",), "leaning back", "trunk sway", "turn", True, 7.0,
        "Brace your trunk and stay upright under the weight.", COMMON, BESIDE, "picture",
    ),
    Rule(
        ("tricep pushdown",), HALF, "hand level", "least", True, -0.72,
        "Push down until your arms are straight.", COMMON, space="picture",
    ),
    Rule(
        ("tricep pushdown",), "elbows drifting", "shoulder", "range", True, 19.0,
        "Pin your elbows to your sides.", COMMON, SLANT, "picture", deep=True,
    ),
    Rule(("leg extension",), HALF, "knee", "most", False, 142.0, "Straighten your knees at the top.", COMMON),
    Rule(("leg raises",), HALF, "hip", "least", True, 121.0, "Raise your legs until the thighs are level.", COMMON),
    Rule(("leg raises",), "bent knees", "knee", "turn", False, 122.0, "Keep your legs straight.", COMMON),
    Rule(
        ("russian twist",), HALF, "hands aside", "range", False, 0.335,
        "Turn further: bring the weight beside your hips.", COMMON, AHEAD,
    ),
    Rule(
        ("push up",), HALF, "hand level", "most", False, -0.5,
        "Lower your chest to the floor.", COMMON, space="picture",
    ),
    Rule(
        ("push up", "plank"), "sagging hips", "hip sag", "held", True, 6.0,
        "Tighten your core: one line from shoulders to heels.", COMMON, SIDE, "picture",
    ),
    Rule(
        ("push up", "plank"), "high hips", "hip sag", "held", False, -38.0,
        "Lower your hips: one line from shoulders to heels.", COMMON, SIDE, "picture",
    ),
)  # fmt: skip


def rules_of(label: str, table: Sequence[Rule] = RULES) -> list[Rule]:
    """The rules of a table for one exercise; none for an exercise that it does not have."""
    return [rule for rule in table if label in rule.exercises]
