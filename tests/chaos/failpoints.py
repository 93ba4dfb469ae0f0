"""A worker that dies at its n-th commit, before or after it; and another that goes on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from langorch.lib import clock
from orchestration import queue
from orchestration.models import RunJob
from orchestration.runtime import engine, journal
from orchestration.runtime.records import Answer

T = TypeVar("T")


class Died(BaseException):
    """The worker is gone."""


class Commits:
    """Counts the commits of a worker. It dies at the `fatal`-th point: one before each commit, one after it.

    A batch that is sent without waiting has one more: when it is sent and the answer is not read.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.fatal = 0
        self._working = False
        commit = BaseDatabaseWrapper._commit
        real, send = journal.writer(), journal.sender()

        def counted_commit(wrapper: BaseDatabaseWrapper) -> Any:
            try:
                return self._around(lambda: commit(wrapper))
            except Died:
                wrapper._rollback()
                raise

        def counted_write(raw: Any, *arguments: Any, **options: Any) -> Any:
            if in_transaction(raw):
                return real(raw, *arguments, **options)
            return self._around(lambda: real(raw, *arguments, **options))

        def counted_send(*arguments: Any) -> Answer | None:
            self._point()
            answer = send(*arguments)
            if answer is None:
                return None
            self._point()
            return lambda: self._before_a_point(answer)

        monkeypatch.setattr(BaseDatabaseWrapper, "_commit", counted_commit)
        monkeypatch.setattr(journal, "sender", lambda: counted_send)
        monkeypatch.setattr(journal, "writer", lambda: counted_write)

    def _around(self, write: Callable[[], T]) -> T:
        if not self._working:
            return write()
        self._point()
        return self._before_a_point(write)

    def _before_a_point(self, act: Callable[[], T]) -> T:
        result = act()
        self._point()
        return result

    def _point(self) -> None:
        if not self._working:
            return
        self.count += 1
        if self.count == self.fatal:
            raise Died

    @contextmanager
    def working(self) -> Iterator[None]:
        """What is committed inside the block is the worker's."""
        self._working = True
        try:
            yield
        finally:
            self._working = False

    def drive(self, fatal: int = 0) -> bool:
        """Drive what is ready; whether the worker died of it. Then its leases are taken away."""
        self.fatal = fatal
        try:
            with self.working():
                while engine.drive_one("mortal"):
                    pass
        except Died:
            connection.close()
            self._take_leases_away()
            return True
        return False

    @staticmethod
    def _take_leases_away() -> None:
        """Again until none is left: the heartbeat of this process lives on, and may just be renewing one."""
        past = clock.now() - timedelta(seconds=1)
        while RunJob.objects.filter(lease_owner="mortal").update(lease_until=past):
            queue.sweep()


def in_transaction(raw: Any) -> bool:
    """Whether a raw connection is inside a transaction that somebody else will commit."""
    if connection.vendor == "sqlite":
        return bool(raw.in_transaction)
    return bool(raw.info.transaction_status)
