"""The journal of a drive: rows gather and go out together, each batch in one statement under the fence (runtime 5)."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from langorch.lib import clock, groups, live
from langorch.lib.redaction import Redactor
from orchestration import events
from orchestration.choices import StepState
from orchestration.events import NewEvent
from orchestration.runtime import paths
from orchestration.runtime.boundary import Lease
from orchestration.runtime.crowd import Baton
from orchestration.runtime.outcomes import Json
from orchestration.runtime.records import (
    Answer,
    ArtifactRow,
    Batch,
    Ending,
    EventRow,
    Spent,
    StepRow,
    VisitRow,
    WaitRow,
    Written,
    moment,
    to_json,
)
from orchestration.runtime.store import ender, sender, writer

Write = Callable[[Any, Batch], Written]
MOST_VISITS: Final = 20
MOST_SECONDS: Final = 0.05


class Journal:
    """Takes rows from the threads of one drive. Whoever writes, writes for all; so a drive needs one connection.

    Encoding happens when a row is taken, so a value that cannot be stored fails its own visit (`NotStorable`).
    """

    def __init__(self, run_id: UUID, lease: Lease, redactor: Redactor, baton: Baton, *, losses: int) -> None:
        connection.ensure_connection()
        self.run_id = run_id
        self.redactor = redactor
        self._lease = lease
        self._baton = baton
        self.waited = False
        self.warned: Counter[str] = Counter()
        """How many events of each kind of `events.WARNINGS` were taken."""
        self._raw = connection.connection
        self._wrap = connection.wrap_database_errors
        self._thread = threading.get_ident()
        self._ask = sender()
        self._answer: Answer | None = None
        self._write = writer()
        self._end = ender()
        self._durable = settings.ENV.DURABLE_EVERY_STEP
        self._losses = losses
        self._batch = Batch()
        self._held: dict[tuple[str, str], tuple[Sequence[ArtifactRow], Sequence[EventRow]]] = {}
        self._since = clock.monotonic()
        self._gate = threading.Lock()
        self._writing = threading.RLock()
        self._broken: BaseException | None = None

    def visit(self, row: VisitRow) -> None:
        """Keep a visit, open or done; it goes out with the next write."""
        with self._gate:
            self._mark()
            self._batch.visits[row.path] = row
            self._batch.last_node_id = row.node_id

    def mark(self, visit: VisitRow, event: NewEvent) -> None:
        """Keep an open visit and the event that tells of its change: they go out together."""
        told = self._row(event)
        with self._gate:
            self._mark()
            self._batch.visits[visit.path] = visit
            self._batch.events.append(told)

    def step(self, row: StepRow, visit: VisitRow, told: Sequence[NewEvent] = (), spent: Sequence[Spent] = ()) -> None:
        """Keep a step's record, and its open visit with what it has changed: they go out together.

        So do the events `told` about it, and what it `spent` on models, which is added to the run's totals.
        """
        events_ = [self._row(event) for event in told]
        with self._gate:
            self._mark()
            self._batch.events += events_
            for one in spent:
                self._batch.spent = one if self._batch.spent is None else self._batch.spent.and_also(one)
            self._batch.visits[visit.path] = visit
            self._batch.steps[row.path, row.step_id] = row
            self._release(row)
            self._batch.last_node_id, self._batch.last_step_id = row.node_id, row.step_id

    def hold(self, path: str, step_id: str, rows: Sequence[ArtifactRow], events: Sequence[NewEvent]) -> None:
        """Keep artifacts until their step's record is taken: they go out with one that completed, or not at all."""
        told = [self._row(event) for event in events]
        with self._gate:
            self._held[path, step_id] = rows, told

    def artifact(self, row: ArtifactRow) -> None:
        """Keep an artifact of the run itself."""
        with self._gate:
            self._mark()
            self._batch.artifacts.append(row)

    def wait(self, row: WaitRow) -> None:
        """Keep an open wait."""
        with self._gate:
            self._mark()
            self.waited = True
            self._batch.waits.append(row)

    def close(self, place: str) -> None:
        """Cancel every open wait at or below a visit or a region."""
        with self._gate:
            self._mark()
            self._batch.waits = [wait for wait in self._batch.waits if not paths.holds(place, wait.path)]
            self._batch.closed.append(place)

    def event(self, event: NewEvent, *, masked: bool = False) -> None:
        """Keep an event; its number comes with the write. `masked` says that nothing in it is to be masked."""
        row = self._row(event, masked)
        with self._gate:
            self._mark()
            self._batch.events.append(row)
            if event.type in events.WARNINGS:
                self.warned[event.type] += 1

    def settle(self, *, now: bool) -> None:
        """A visit has ended: write `now`, or if every step is to be durable, or when enough has gathered."""
        waited = clock.monotonic() - self._since
        if now:
            self.flush()
        elif self._durable or len(self._batch) >= MOST_VISITS or waited >= MOST_SECONDS:
            self._send_ahead()

    def catch_up(self) -> None:
        """Wait until what was sent is written: what follows does more than compute. Raises as `flush`."""
        if self._answer is not None:
            with self._baton.aside(), self._writing:
                self._receive()

    def flush(self) -> None:
        """Write everything that has gathered. Raises `Fenced`, or what the database raises."""
        with self._baton.aside(), self._writing:
            self._send(self._raw)

    def end(self, ending: Ending) -> None:
        """Write everything that has gathered, and with it the end of the run. Raises `Fenced`."""

        def write(raw: Any, batch: Batch) -> Written:
            return self._end(raw, self.run_id, self._lease.fence, batch, ending)

        with self._writing:
            self._send(self._raw, write)

    @contextmanager
    def together(self) -> Iterator[None]:
        """A transaction of the calling thread's own connection, begun and ended with what has gathered.

        When it fails, so has everything that was taken into it: nothing more is written.
        """
        with self._writing:
            self._receive()
            try:
                with transaction.atomic():
                    self._send(connection.connection)
                    yield
                    self._send(connection.connection)
            except BaseException as error:
                self._broken = self._broken or error
                raise

    def fail(self, error: BaseException) -> None:
        """Nothing more is written: every write raises `error`, or what failed before."""
        self._broken = self._broken or error

    def rescue(self) -> None:
        """Write what has gathered, unless writing is what failed."""
        if self._broken is None:
            self.flush()

    def _release(self, row: StepRow) -> None:
        artifacts, told = self._held.pop((row.path, row.step_id), ((), ()))
        if row.state == StepState.COMPLETED:
            self._batch.artifacts += artifacts
            self._batch.events += told

    def _row(self, event: NewEvent, masked: bool = False) -> EventRow:
        return EventRow(
            moment(event.at),
            event.type,
            event.node_id,
            event.step_id,
            event.path,
            event.attempt,
            self._payload(event.payload, masked),
        )

    def _payload(self, payload: Mapping[str, Json], masked: bool) -> str:
        shown = payload if masked else self.redactor.redact(payload)
        text = to_json(shown)
        return text if len(text) <= events.MAX_VALUE_BYTES else to_json(events.short(shown))

    def _mark(self) -> None:
        if not self._batch:
            self._since = clock.monotonic()

    def _send_ahead(self) -> None:
        """Send what has gathered and compute on while it is written; branches wait, for they share the connection."""
        if threading.get_ident() != self._thread or self._losses:
            self.flush()
            return
        with self._baton.aside(), self._writing:
            batch = self._taken()
            if batch:
                with self._breaking():
                    self._answer = self._ask(self._raw, self.run_id, self._lease.fence, batch)
                if self._answer is None:
                    self._put(self._raw, batch, self._plain)

    def _send(self, raw: Any, write: Write | None = None) -> None:
        batch = self._taken()
        if batch:
            self._put(raw, batch, write or self._plain)

    def _put(self, raw: Any, batch: Batch, write: Write) -> None:
        with self._breaking():
            written = write(raw, batch)
        self._note(written)

    def _taken(self) -> Batch:
        """What has gathered, once everything sent before is written."""
        self._receive()
        if self._broken is not None:
            raise self._broken
        with self._gate:
            batch, self._batch = self._batch, Batch()
        return batch

    def _receive(self) -> None:
        answer, self._answer = self._answer, None
        if answer is not None:
            with self._breaking():
                written = answer()
            self._note(written)

    @contextmanager
    def _breaking(self) -> Iterator[None]:
        """What fails inside the block breaks the journal."""
        try:
            with self._wrap:
                yield
        except BaseException as error:
            self._broken = error
            raise

    def _note(self, written: Written) -> None:
        if written.cancel_requested:
            self._lease.cancel_requested = True
        live.tell_soon(groups.run(self.run_id), seq=written.last_seq)

    def _plain(self, raw: Any, batch: Batch) -> Written:
        calm = self._losses > 0 and bool(batch.steps or batch.visits)
        written = self._write(raw, self.run_id, self._lease.fence, batch, calm=calm)
        if calm:
            self._losses = 0
        return written
