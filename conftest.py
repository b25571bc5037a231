"""How nbval runs the notebooks: warnings and progress bars on stderr are not compared, and it all counts as slow."""

import os

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # one process a core: more threads in each, notebooks' kernels too, only wait
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collectstart(collector) -> None:
    if collector.path.suffix == ".ipynb":
        collector.skip_compare += ("stderr",)


def pytest_collection_modifyitems(items) -> None:
    for item in items:
        if item.path.suffix == ".ipynb":
            item.add_marker(pytest.mark.slow)
    items.sort(key=_turn)


def _turn(item) -> int:
    """What takes longest begins first, so that no core waits for it in the end."""
    return 0 if item.get_closest_marker("browser") else 1 if item.path.suffix == ".ipynb" else 2
