"""A data set that waits for a person."""

from pathlib import Path

from helpers.tiny import save_noise
from workoutlib.data.annotations import Annotations


def make_waiting(root: Path, confidences: tuple[float, ...] = (0.7, 0.3, 0.35)) -> Annotations:
    """Clips of a picture each, perhaps a squat, a plank or a push up; the third looks like the second."""
    rows = []
    for number, confidence in enumerate(confidences, 1):
        save_noise(root / "review" / f"squat_{number}00001.jpg", seed=min(number, 2))
        row = {"source": f"{number}.mp4", "start": 0.0, "end": 1.0, "label": "squat", "predicted": "squat"}
        row |= {"second": "plank", "third": "push up", "status": "review", "video": str(number)}
        rows.append(row | {"pictures": f"{number}00001", "confidence": confidence})
    found = Annotations(root)
    found.add(rows)
    return found
