"""Statements that PostgreSQL keeps prepared. Django's own cursor binds on the client and plans anew: twice the time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def prepared(raw: Any) -> Iterator[None]:
    """Let the statements of the block be prepared on a raw connection; Django turns that off on its own."""
    raw.prepare_threshold = 0
    try:
        yield
    finally:
        raw.prepare_threshold = None
