"""How nbval runs the notebooks: warnings and progress bars on stderr are not compared, and it all counts as slow."""

import pytest


def pytest_collectstart(collector) -> None:
    if collector.path.suffix == ".ipynb":
        collector.skip_compare += ("stderr",)


def pytest_collection_modifyitems(items) -> None:
    for item in items:
        if item.path.suffix == ".ipynb":
            item.add_marker(pytest.mark.slow)
