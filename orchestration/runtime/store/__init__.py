"""What is worth a statement of its own on each database: taking a run, and writing a batch of its records."""

from typing import Final, Protocol
from uuid import UUID

from django.db import connection

from orchestration.runtime.records import Answer, Batch, Ending, Written
from orchestration.runtime.store import claim_postgres, claim_sqlite, postgres, sqlite
from orchestration.runtime.store.taken import Limited, Taken


class Writer(Protocol):
    """Writes `batch` over a raw connection of the database's own library, if the run still has this fence.

    Raises `Fenced` and writes nothing when it has another. Inside a transaction it takes part in it.
    """

    def __call__(self, raw: object, run_id: UUID, fence: int, batch: Batch, *, calm: bool) -> Written: ...


class Sender(Protocol):
    """Sends `batch` as a `Writer` writes it, without waiting: what gives the answer, which must be read next.

    None when the batch has to be written by a `Writer`. The connection must commit by itself.
    """

    def __call__(self, raw: object, run_id: UUID, fence: int, batch: Batch) -> Answer | None: ...


def nothing_sent(raw: object, run_id: UUID, fence: int, batch: Batch) -> Answer | None:
    """A database in this process works in this thread: nothing is gained by not waiting."""
    return None


SENDERS: Final[dict[str, Sender]] = {"postgresql": postgres.send, "sqlite": nothing_sent}
WRITERS: Final[dict[str, Writer]] = {"postgresql": postgres.write, "sqlite": sqlite.write}


class Ender(Protocol):
    """Writes the last batch of a running run and its end in one statement. Raises `Fenced` as a `Writer` does."""

    def __call__(self, raw: object, run_id: UUID, fence: int, batch: Batch, ending: Ending) -> Written: ...


class Claimer(Protocol):
    """Leases the best ready run to `owner` for `seconds`; none when nothing may run now.

    `served` holds the ids of the tenants that this process served, the latest last.
    """

    def __call__(self, raw: object, owner: str, seconds: float, served: str) -> Taken | Limited | None: ...


class ThisClaimer(Protocol):
    """Leases one ready run to `owner` for `seconds`, whatever the limits; none when it is not ready."""

    def __call__(self, raw: object, owner: str, seconds: float, run_id: UUID) -> Taken | Limited | None: ...


CLAIMERS: Final[dict[str, Claimer]] = {"postgresql": claim_postgres.claim, "sqlite": claim_sqlite.claim}
THIS_CLAIMERS: Final[dict[str, ThisClaimer]] = {
    "postgresql": claim_postgres.claim_this,
    "sqlite": claim_sqlite.claim_this,
}


def claimer() -> Claimer:
    """The claimer for the configured database."""
    return CLAIMERS[connection.vendor]


def this_claimer() -> ThisClaimer:
    """What claims one certain run in the configured database."""
    return THIS_CLAIMERS[connection.vendor]


ENDERS: Final[dict[str, Ender]] = {"postgresql": postgres.end, "sqlite": sqlite.end}


def ender() -> Ender:
    """What ends a run in the configured database."""
    return ENDERS[connection.vendor]


def writer() -> Writer:
    """The writer for the configured database."""
    return WRITERS[connection.vendor]


def sender() -> Sender:
    """The sender for the configured database."""
    return SENDERS[connection.vendor]
