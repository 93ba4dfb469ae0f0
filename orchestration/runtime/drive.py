"""One drive: the time between a worker's claim of a run and its hand-back."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from langorch.lib import clock
from langorch.lib.redaction import texts_in
from orchestration import events
from orchestration.artifacts.room import Room
from orchestration.runtime import boundary, limits, loading
from orchestration.runtime.claims import Claim
from orchestration.runtime.crowd import Calls, Crowd
from orchestration.runtime.journal import Journal
from orchestration.runtime.limits import Limit
from orchestration.runtime.outcomes import Json
from orchestration.runtime.program import Program
from orchestration.runtime.records import to_json
from orchestration.runtime.secrets import Secrets
from orchestration.runtime.sla import Watch
from orchestration.runtime.spending import Spending
from orchestration.runtime.state import Records
from orchestration.runtime.store.taken import Taken
from orchestration.runtime.telemetry import Telemetry
from procedures.ckp.regions import MAIN


@dataclass(frozen=True, slots=True)
class Above:
    """The visit that started a child: its boundary, its time, and how many are nested by now in the visit's thread.

    `look` raises `Stopping` when the visit is to go on without the child, and `Outlived` where the child is driven by
    itself (`nested` is 0 then) and that time is over.
    """

    look: Callable[[], None]
    seconds_left: Callable[[], float | None]
    nested: int


DriveChild = Callable[[str, UUID, Above], None]
"""Drives a queued run in this thread, as the worker of that name, if its limits allow that now."""


class Drive:
    """What the regions of a run share while a worker drives them.

    `drive_child` drives children inline; without it they are left to other workers. `above` started this run.
    """

    def __init__(
        self, claim: Claim, program: Program, drive_child: DriveChild | None = None, above: Above | None = None
    ) -> None:
        self.run = claim.run
        self.above = above
        self.drive_child = drive_child
        self.lease = claim.lease
        self.program = program
        self.crowd = Crowd(settings.ENV.MAX_PARALLEL_BRANCHES)
        self.journal = Journal(self.run.pk, self.lease, claim.redactor, self.crowd.baton, losses=self.run.losses)
        config = program.document.global_config.secrets_config
        self.secrets = Secrets(config, self.run.tenant_id, self.run.project_id, claim.redactor)
        self.room = Room(self.run.pk)
        self.spending = Spending(self.run.pk)
        self.records = Records() if self.run.fresh else loading.load(self.run.pk)
        self._learn_hidden()
        self.recovered = ""
        self.limit = limits.run_limit(program.document.global_config, self.run.active_from)
        self.limits: dict[str, Limit] = {}
        self.watch = Watch(self.journal, self.crowd.baton)
        self._see_recovery()
        self.builtins = _builtins(self.run)
        self.telemetry = Telemetry(self.run, wanted=program.speaks_of_telemetry)
        self.most_visits = min(
            program.document.global_config.max_node_visits or settings.ENV.MAX_NODE_VISITS, settings.ENV.MAX_NODE_VISITS
        )
        rates = program.document.global_config.rate_limiting
        most = rates.max_concurrent_operations if rates is not None and rates.enabled else None
        self._calls = Calls(most or settings.ENV.RATE_LIMIT_MAX_CONCURRENT)
        self._thread = threading.get_ident()
        self._visits = self.records.visits
        self._done = 0
        self._replayed: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    @cached_property
    def inputs_size(self) -> int:
        """The size of the run's inputs, in characters of JSON."""
        return len(to_json(self.run.input_vars))

    def is_too_large(self, size: int) -> bool:
        """Whether the run's variables would be larger than they may be; inputs are counted when it is near."""
        most = int(settings.ENV.MAX_STATE_BYTES)
        return size + settings.ENV.MAX_INPUT_BYTES > most and size + self.inputs_size > most

    @property
    def waited(self) -> bool:
        """Whether a visit of this run waited since its records were read, or waits still."""
        return self.journal.waited or bool(self.records.waits)

    def reload(self) -> None:
        """Read the records again: something was answered while the run was being parked."""
        self.limits.clear()
        self.watch = Watch(self.journal, self.crowd.baton)
        self.records = loading.load(self.run.pk)

    def look(self) -> None:
        """Raises `Fenced`, `Stopping`, `Canceled`, `Held` or `Outlived` when the drive may not go on."""
        self.lease.look()
        if self.above is not None:
            self.above.look()

    def seconds_left(self) -> float | None:
        """Until the limit of the run, and of those above it; none without one."""
        own = None if self.limit is None else max(self.limit.at - clock.monotonic(), 0)
        above = self.above.seconds_left() if self.above else None
        return min((left for left in (own, above) if left is not None), default=None)

    def lift_limits(self) -> None:
        """What is done from now on takes as long as it takes: neither the run's time limits it nor its parents'."""
        self.limit = None
        if self.above is not None and not self.above.nested:
            self.above = None

    def warnings(self) -> list[dict[str, Json]]:
        """What went wrong without ending the run: each kind of such events with how many there are."""
        counts: Mapping[str, int] = self.journal.warned
        if not self.run.fresh:
            self.journal.flush()
            counts = events.counted(self.run.pk, events.WARNINGS)
        return [{"kind": kind, "count": counts[kind]} for kind in events.WARNINGS if counts.get(kind)]

    def count_visit(self) -> bool:
        """Count one more visit; whether the run may still make it."""
        with self._lock:
            self._visits += 1
            return self._visits <= self.most_visits

    def count_done(self) -> int:
        """The number of what was just done and can be undone, counted in this drive."""
        with self._lock:
            self._done += 1
            return self._done

    def replays(self, path: str, step_id: str) -> bool:
        """Whether this is the first time in this drive that a recorded step is met."""
        with self._lock:
            known = (path, step_id) in self._replayed
            self._replayed.add((path, step_id))
            return not known

    def sleep(self, seconds: float, look: Callable[[], None]) -> None:
        """Sleep in the worker, calling `look` all the while; everything gathered is written first."""
        self.journal.flush()
        with self.crowd.baton.aside():
            boundary.sleep(seconds, look)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction with what has gathered, and what gathers in it; other branches compute meanwhile."""
        with self.crowd.baton.aside():
            try:
                with self.journal.together():
                    yield
            finally:
                self.leave_connection()

    def leave_connection(self) -> None:
        """A branch keeps no connection of its own while it calls or computes."""
        if threading.get_ident() != self._thread:
            connection.close()

    @contextmanager
    def calling(self, look: Callable[[], None]) -> Iterator[None]:
        """Make a call of the run inside the block; waits, calling `look`, while as many are made as may be at once."""
        with self.crowd.baton.aside():
            self._calls.enter(look)
        try:
            yield
        finally:
            self._calls.leave()

    def recover(self, node_id: str) -> None:
        """The run has failed and goes on at its on_failure; its limit leaves it time for that."""
        self.recovered = node_id
        self.limit = limits.extended(self.limit, clock.monotonic())

    def due_at(self, *, asleep: bool) -> datetime | None:
        """When a parked run must be looked at; while it waits for people only, only SLAs go on."""
        found = [] if asleep else [limit.at for limit in (self.limit, *self.limits.values()) if limit is not None]
        first = min([at for at in (*found, self.watch.first) if at is not None], default=None)
        return None if first is None else clock.now() + timedelta(seconds=first - clock.monotonic())

    def _learn_hidden(self) -> None:
        hidden = self.program.hidden_names
        if not hidden:
            return
        changed = (visit.changes for visits in self.records.regions.values() for visit in visits)
        for values in (self.run.input_vars, *changed):
            for name in hidden & values.keys():
                self.hide(values[name])

    def hide(self, value: Json) -> None:
        """Mask what a sensitive variable holds inside all other texts too."""
        self.journal.redactor.learn(texts_in(value))

    def _see_recovery(self) -> None:
        found = next((visit for visit in self.records.region(MAIN) if visit.outcome == "recover"), None)
        if found is not None:
            ended_at = found.ended_at or found.started_at
            self.recovered = found.next_node
            self.limit = limits.extended(self.limit, limits.here(ended_at))


def _builtins(run: Taken) -> dict[str, Json]:
    trigger: dict[str, Any] = {"type": run.trigger_type, "by": run.triggered_by}
    return {
        "run_id": str(run.pk),
        "procedure_id": run.procedure_key,
        "procedure_version": run.procedure_version,
        "trigger": trigger,
        "trigger_type": run.trigger_type,
        "triggered_by": run.triggered_by,
    }
