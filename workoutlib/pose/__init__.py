"""See the person: BlazePose landmarks, tracked through clips, as skeletons."""
