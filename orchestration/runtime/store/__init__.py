"""Writing a batch of records in one statement, for each database."""

from typing import Final, Protocol
from uuid import UUID

from django.db import connection

from orchestration.runtime.records import Batch, Written
from orchestration.runtime.store import postgres, sqlite


class Writer(Protocol):
    """Writes `batch` over a raw connection of the database's own library, if the run still has this fence.

    Raises `Fenced` and writes nothing when it has another. Inside a transaction it takes part in it.
    """

    def __call__(self, raw: object, run_id: UUID, fence: int, batch: Batch, *, calm: bool) -> Written: ...


WRITERS: Final[dict[str, Writer]] = {"postgresql": postgres.write, "sqlite": sqlite.write}


def writer() -> Writer:
    """The writer for the configured database."""
    return WRITERS[connection.vendor]
