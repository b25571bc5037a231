"""Progress: a bar in the terminal, and word of it to whoever listens, such as a panel of a notebook."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from tqdm.auto import tqdm

Item = TypeVar("Item")
Listener = Callable[[str, int, int | None], None]
"""Told what is done at the moment, how much of it is done, and of how much (``None``: not known)."""

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Hear of all progress that this thread makes within the block; an exception of the listener ends the work."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def tell(what: str, done: int = 0, total: int | None = None) -> None:
    """Tell whoever listens."""
    if listener := _listener.get():
        listener(what, done, total)


def progress_bar(items: Iterable | None = None, what: str = "", *, show: bool = True, **options: Any) -> tqdm:
    """A bar of tqdm, on a terminal or in a notebook; none where `show` is false or ``TQDM_DISABLE=1`` is set."""
    return tqdm(items, what, **options) if show else tqdm(items, what, disable=True, **options)


def track(
    items: Iterable[Item], what: str, *, total: int | None = None, unit: str = "it", show: bool = True
) -> Iterator[Item]:
    """The items, one by one, with a bar on the terminal where `show` is true, and word to whoever listens."""
    total = len(items) if total is None and isinstance(items, Sized) else total
    tell(what, 0, total)
    bar = progress_bar(items, what, show=show, total=total, unit=unit, leave=False)
    for done, item in enumerate(bar, start=1):
        yield item
        tell(what, done, total)
