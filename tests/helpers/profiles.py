"""The profiles, made small enough for a test."""

import pytest

from workoutlib.config import PROFILES


def shrink_profiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures of 64 pixels and small batches in every profile, for the length of a test."""
    for name in PROFILES:
        monkeypatch.setitem(PROFILES, name, {**PROFILES[name], "resize": 64, "crop": 64, "batch_size": 8})
