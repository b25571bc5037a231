"""Recognise 22 gym exercises in photos and videos."""

__version__ = "0.1.0"
