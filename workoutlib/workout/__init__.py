"""What happens over time: sets, repetitions, tempo, range of motion and form, from skeletons and labels."""

from .form import judge_set
from .repetitions import count_repetitions
from .sets import analyze_workout, find_sets
from .workout import Fault, Repetition, Set, Workout

__all__ = ["Fault", "Repetition", "Set", "Workout", "analyze_workout", "count_repetitions", "find_sets", "judge_set"]
