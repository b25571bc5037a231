"""PyTorch files: written atomically, read without executing anything in them."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import torch
from torch import Tensor

from workoutlib.errors import WorkoutlibError


def save_atomically(content: dict, path: str | Path) -> Path:
    """``torch.save`` that never leaves a half-written file under the final name."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with open(partial, "wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
        raise WorkoutlibError(f"{path}: cannot be written ({error})") from error
    finally:
        partial.unlink(missing_ok=True)
    return path


def read_file(path: str | Path):
    """Tensors and plain values that ``torch.save`` wrote; a file with code in it is refused, not executed."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise WorkoutlibError(f"{path}: no such file") from error
    except pickle.UnpicklingError as error:
        raise WorkoutlibError(f"{path}: refused, it is damaged or holds more than plain weights") from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise WorkoutlibError(f"{path}: cannot be read as a PyTorch file ({error})") from error


def check_weights(state: dict[str, Tensor], expected: dict[str, Tensor], source: str | Path) -> None:
    """Refuse weights that do not belong to the network whose own state is `expected`, or are not finite.

    Raises:
        WorkoutlibError: names of `source` that are missing, unknown, of another shape, NaN or infinite.
    """
    faults = {
        "missing": sorted(set(expected) - set(state)),
        "not known": sorted(set(state) - set(expected)),
        "of another shape": sorted(k for k in set(state) & set(expected) if state[k].shape != expected[k].shape),
        "NaN or infinite": sorted(k for k, v in state.items() if v.is_floating_point() and not v.isfinite().all()),
    }
    found = [f"{len(names)} {fault} ({names[0]} …)" for fault, names in faults.items() if names]
    if found:
        raise WorkoutlibError(f"{source}: its weights do not fit this network: {'; '.join(found)}")
