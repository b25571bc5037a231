"""Every figure of the notebooks and reports; each function returns its ``Figure`` and shows nothing itself."""

from .data import plot_class_counts, plot_images, plot_leakage
from .evaluation import plot_calibration, plot_confusion, plot_per_class, plot_scores, plot_unknown
from .poses import plot_angles, plot_pose_3d, plot_pose_accuracy, plot_pose_errors
from .recognition import plot_smoothing, plot_timeline, plot_top3
from .training import plot_accuracy, plot_learning_rates, plot_loss, plot_runs, plot_step_losses
from .workouts import plot_counting

__all__ = [
    "plot_accuracy",
    "plot_angles",
    "plot_calibration",
    "plot_class_counts",
    "plot_confusion",
    "plot_counting",
    "plot_images",
    "plot_leakage",
    "plot_learning_rates",
    "plot_loss",
    "plot_per_class",
    "plot_pose_3d",
    "plot_pose_accuracy",
    "plot_pose_errors",
    "plot_runs",
    "plot_scores",
    "plot_smoothing",
    "plot_step_losses",
    "plot_timeline",
    "plot_top3",
    "plot_unknown",
]
