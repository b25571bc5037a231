"""Seeing the person: poses of people in photos and clips."""

from .estimator import PoseEstimator
from .person import Pose

__all__ = ["Pose", "PoseEstimator"]
