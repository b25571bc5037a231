"""Scores, intervals, calibration, mistakes, activation maps."""
