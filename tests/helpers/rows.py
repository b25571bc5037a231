"""What `predict_files` promises of each row."""

PHOTO_KEYS = {"path", "kind", "label", "confidence", "top3", "known", "truth", "sets", "notes"}


CLIP_KEYS = PHOTO_KEYS | {"frames", "frames_per_second", "segments", "recognised_per_second"}
