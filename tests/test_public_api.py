"""The public face: names that resolve, annotations, and an import that costs nothing."""

import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from helpers.tiny import one_thread_environment
from pydantic import BaseModel

import workoutlib


def test_every_public_name_is_there_and_listed():
    assert len(workoutlib.__all__) == len(set(workoutlib.__all__)) > 50
    for name in workoutlib.__all__:
        assert getattr(workoutlib, name) is not None
    assert set(dir(workoutlib)) == set(workoutlib.__all__)


def test_a_name_is_the_very_one_of_its_room():
    from workoutlib.data.catalog import read_catalog

    assert workoutlib.read_catalog is read_catalog


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'frames'"):
        _ = workoutlib.frames
    with pytest.raises(ImportError):
        from workoutlib import frames  # noqa: F401


@pytest.mark.parametrize("module", ["workoutlib", "workoutlib.labels", "workoutlib.utils.errors"])
def test_importing_the_package_imports_nothing_heavy(module):
    code = f"import sys, {module}; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=one_thread_environment(), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert module in loaded
    heavy = {"torch", "pandas", "numpy", "cv2", "sklearn", "matplotlib", "pydantic", "av", "openvino"}
    assert not heavy & loaded


def functions_of(name: str) -> Iterator[tuple[str, Callable]]:
    """The function of this public name, or the methods that its class defines itself and offers."""
    value = getattr(workoutlib, name)
    if inspect.isfunction(value):
        yield name, value
    if inspect.isclass(value) and not issubclass(value, BaseModel):
        for method, found in vars(value).items():
            found = found.__func__ if isinstance(found, classmethod | staticmethod) else found
            found = found.fget if isinstance(found, property) else found
            is_generated = "__dataclass_fields__" in vars(value) and method in ("__init__", "__eq__", "__repr__")
            is_default = inspect.isfunction(found) and found.__name__ == "<lambda>"
            if (
                inspect.isfunction(found)
                and not is_generated
                and not is_default
                and (method[0] != "_" or method == "__init__")
            ):
                yield f"{name}.{method}", found


@pytest.mark.parametrize("name", workoutlib.__all__)
def test_what_is_public_is_documented_and_annotated(name):
    for where, function in functions_of(name):
        parameters = [each for each in inspect.signature(function).parameters if each not in ("self", "cls")]
        missing = [each for each in [*parameters, "return"] if each not in function.__annotations__]
        assert not missing, f"{where}: no annotation of {', '.join(missing)}"
        assert function.__name__ == "__init__" or function.__doc__, f"{where} has no docstring"
