"""Whether the database has room for what is written: while it has none, workers begin nothing (runtime 23)."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from typing import Final

import structlog
from django.db import DatabaseError, connection

from langorch.lib import clock
from orchestration.models import SpaceProbe

log = structlog.get_logger(__name__)

DISK_FULL: Final = "53100"
"""PostgreSQL's code for it."""
MOST_REFUSED: Final = 3
"""After so many refused writes in a row the database counts as full."""
PROBE_SECONDS: Final = 5.0
PROVEN_SECONDS: Final = 30.0
"""So long a probe that was written says that there is room, if nothing was refused since."""
PROBE_BYTES: Final = 16 * 1024
"""More than what may be left in pages that are there already."""


def is_full(error: BaseException) -> bool:
    """Whether the database refused a write for want of room."""
    return any(
        getattr(one, "sqlstate", None) == DISK_FULL or getattr(one, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        for one in _causes(error)
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


class Space:
    """What this process knows of the room that there is. Safe to be used by several threads."""

    def __init__(self) -> None:
        self.refusals = 0
        """How many writes in a row were refused."""
        self._proven_at: float | None = None
        self._in_doubt = False
        self._next_probe = 0.0
        self._gate = threading.Lock()
        self._probing = threading.Lock()

    @property
    def is_full(self) -> bool:
        """Whether so many writes in a row were refused that nothing is begun."""
        return self.refusals >= MOST_REFUSED

    def refused(self) -> None:
        """A write was refused for want of room: nothing is begun until a probe is written."""
        with self._gate:
            self.refusals += 1
            self._in_doubt = True
            self._next_probe = clock.monotonic() + (PROBE_SECONDS if self.is_full else 0)
        if self.refusals == MOST_REFUSED:
            log.error("database_full", refused=self.refusals)

    def written(self) -> None:
        """A worker wrote all that it had to write."""
        if self.refusals:
            with self._gate:
                self.refusals = 0

    def admits(self) -> bool:
        """Whether a worker may begin something: no write was refused, or a probe has been written since.

        Raises what the database raises when it cannot be reached.
        """
        if not self._in_doubt:
            return True
        if not self._probing.acquire(blocking=False):
            return False
        try:
            return clock.monotonic() >= self._next_probe and self._probe()
        finally:
            self._probing.release()

    def is_ready(self) -> bool:
        """Whether what is written now is taken, as the last probe says.

        Raises what the database raises when it cannot be reached.
        """
        with self._probing:
            now = clock.monotonic()
            if self._in_doubt:
                return now >= self._next_probe and self._probe()
            if self._proven_at is not None and now < self._proven_at + PROVEN_SECONDS:
                return True
            return self._probe()

    def _probe(self) -> bool:
        try:
            SpaceProbe.objects.create(at=clock.now(), content=os.urandom(PROBE_BYTES)).delete()
        except DatabaseError as error:
            if not is_full(error):
                raise
            connection.close()
            self.refused()
            return False
        if self.is_full:
            log.info("database_has_room")
        with self._gate:
            self._in_doubt, self._proven_at = False, clock.monotonic()
            self.refusals = min(self.refusals, MOST_REFUSED - 1)
        return True


space: Final = Space()
"""That of this process."""
