"""Statements that PostgreSQL keeps prepared. Django's own cursor binds on the client and plans anew: twice the time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from weakref import WeakSet

_planned: Final[WeakSet[Any]] = WeakSet()
"""Connections on which the plans of `prepared_for_many` are made."""


@contextmanager
def prepared(raw: Any) -> Iterator[None]:
    """Let the statements of the block be prepared on a raw connection; Django turns that off on its own."""
    raw.prepare_threshold = 0
    try:
        yield
    finally:
        raw.prepare_threshold = None


@contextmanager
def prepared_for_many(raw: Any) -> Iterator[None]:
    """As `prepared`, for the one statement of a connection whose plan must fit long tables.

    A plan is kept until the tables are analysed. One that was made while they were empty reads them from end to end,
    and is a hundred times slower when a burst has filled them.
    """
    if raw in _planned or not raw.autocommit:
        with prepared(raw):
            yield
        return
    _planned.add(raw)
    raw.execute("SET plan_cache_mode = force_generic_plan")
    raw.execute("SET enable_seqscan = off")
    try:
        with prepared(raw):
            yield
    finally:
        raw.execute("RESET enable_seqscan")
