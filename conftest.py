"""How nbval compares notebooks: warnings and progress bars on stderr are not part of their story."""


def pytest_collectstart(collector) -> None:
    if collector.path.suffix == ".ipynb":
        collector.skip_compare += ("stderr",)
