"""Recognise 22 gym exercises in photos and videos.

The public names are imported when they are first used, so that ``import workoutlib`` is quick.
"""

from importlib import import_module
from typing import Any

__version__ = "0.2.0"

# room: the public names that it holds
_PUBLIC = {
    "config": ("Config", "PROFILES"),
    "labels": ("LABELS", "canonical_label"),
    "utils.errors": ("WorkoutlibError",),
    "media.images": ("read_image",),
    "media.video_reader": ("probe_clip", "read_frames"),
    "media.video_writer": ("ClipWriter",),
    "data.catalog": ("read_catalog", "describe_problems", "class_counts", "find_duplicates"),
    "data.annotations": ("Annotations",),
    "data.merging": ("read_catalogs",),
    "data.splits": ("split_random", "split_by_video", "folds_random", "folds_by_video", "leakage"),
    "data.download": ("get_dataset", "make_sample"),
    "data.transforms": ("TrainTransform", "EvalTransform", "transforms_of", "to_square", "augmented", "model_view"),
    "data.dataset": ("ImageDataset", "load_dataset"),
    "data.loader": ("BatchLoader",),
    "models.build": ("Classifier", "build_model", "freeze", "count_parameters"),
    "models.checkpoints": ("Checkpoint", "load_checkpoint", "save_checkpoint"),
    "models.inference": ("predict_logits", "extract_features"),
    "pose.estimator": ("PoseEstimator",),
    "pose.skeleton": ("Pose", "crop_person", "joint_angles"),
    "pose.sequence": ("PoseSequence",),
    "pose.tracking": ("track",),
    "pose.smoothing": ("smooth",),
    "pose.drawing": ("draw_skeleton",),
    "pose.accuracy": ("evaluate_pose",),
    "pose.body_model": ("BodyModel", "fit_body"),
    "workout.workout": ("Workout", "Set", "Repetition", "Fault"),
    "workout.sets": ("analyze_workout",),
    "workout.repetitions": ("count_repetitions",),
    "workout.signals": ("movement_signal",),
    "evaluation.predictions": ("Predictions", "evaluate"),
    "evaluation.metrics": ("scores", "intervals", "per_class", "by_video_size", "confusion"),
    "evaluation.comparison": ("compare_predictions",),
    "evaluation.mistakes": ("confused_pairs", "mistakes", "pair_examples", "suspected_labels"),
    "evaluation.calibration": (
        "fit_temperature",
        "fit_unknown_threshold",
        "fit_keep_confidence",
        "calibration_error",
        "unknown_auroc",
    ),
    "evaluation.form": ("measure_form",),
    "evaluation.activation": ("activation_map", "overlay_activation"),
    "training.loop": ("train_one_epoch", "validate"),
    "training.head": ("fit_head",),
    "training.schedule": ("build_optimizer", "build_scheduler"),
    "training.fit": ("fit", "FitResult", "Callbacks"),
    "training.experiments": ("train_model", "split_catalog", "model_from_config", "choose_profile"),
    "training.run_folder": ("calibrate",),
    "training.crossvalidation": ("crossvalidate", "train_on_all", "measure_leak", "near_duplicate_groups", "by_fold"),
    "training.parts": ("measure_parts",),
    "recognition.recognizer": ("Recognizer",),
    "recognition.starter": ("starter_recognizer", "choose_recognizer"),
    "recognition.evaluation": ("evaluate_pictures", "evaluate_clips"),
    "recognition.clips": ("Prediction", "ClipPrediction"),
    "recognition.analysis": ("ClipWorkout",),
    "recognition.files": ("predict_files",),
    "recognition.export": ("export_model",),
    "collection.annotate": ("annotate_media",),
    "collection.review": ("review_order", "add_suspects"),
    "recognition.live": ("LiveWorkout",),
}
_MODULE_OF = {name: module for module, names in _PUBLIC.items() for name in names}

__all__ = [*sorted(_MODULE_OF), "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'workoutlib' has no attribute {name!r}")
    value = getattr(import_module(f"workoutlib.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
