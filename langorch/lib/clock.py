"""The one source of time, so that tests control it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What tells the time: aware UTC datetimes and seconds that never go back."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class FixedClock:
    """A clock that moves only when told to."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._elapsed = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._elapsed

    def advance(self, **parts: float) -> None:
        """Move forward by `timedelta(**parts)`."""
        step = timedelta(**parts)
        self._now += step
        self._elapsed += step.total_seconds()


_SYSTEM: Clock = SystemClock()
_current: ContextVar[Clock] = ContextVar("clock", default=_SYSTEM)


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return _current.get().now()


def monotonic() -> float:
    """Seconds that only grow; for durations."""
    return _current.get().monotonic()


@contextmanager
def use(clock: Clock) -> Iterator[Clock]:
    """Let `clock` tell the time inside the block."""
    token = _current.set(clock)
    try:
        yield clock
    finally:
        _current.reset(token)
