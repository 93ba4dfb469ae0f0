"""Taking the next run from the queue (runtime 4.1 and 4.2)."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from langorch.lib import clock, groups, live
from langorch.lib.redaction import PLAIN, Redactor
from orchestration import deadlines, gate
from orchestration.choices import RunStatus
from orchestration.models import Run, RunJob
from orchestration.runtime.boundary import Lease
from orchestration.runtime.store import claimer, this_claimer
from orchestration.runtime.store.taken import Limited, Taken

MOST_SET_ASIDE: Final = 100
"""So many runs at most are set aside in one claim, each with those behind it."""


@dataclass(slots=True)
class Claim:
    """A run that is ours now. `redactor` masks what its events say."""

    run: Taken
    lease: Lease
    redactor: Redactor = PLAIN


class Turns:
    """The tenants that this process served, the latest last."""

    def __init__(self, most: int = 1000) -> None:
        self._most = most
        self._served: OrderedDict[UUID, None] = OrderedDict()
        self._lock = threading.Lock()

    def took(self, tenant_id: UUID) -> None:
        """Remember that a run of the tenant was taken."""
        with self._lock:
            self._served[tenant_id] = None
            self._served.move_to_end(tenant_id)
            if len(self._served) > self._most:
                self._served.popitem(last=False)

    def as_text(self) -> str:
        """All ids in one text, in order."""
        with self._lock:
            return " ".join(map(str, self._served))


turns: Final = Turns()


def claim(owner: str) -> Claim | None:
    """The next ready run, leased to `owner` under a new fence; none when nothing is ready that may run now."""
    for _ in range(MOST_SET_ASIDE):
        asked_at = clock.monotonic()
        found = _raw_claim(owner)
        if found is None:
            return None
        if isinstance(found, Taken):
            return _claimed(owner, found, asked_at)
        if claimed := claim_this(owner, found.pk):
            return claimed
    return None


def claim_this(owner: str, run_id: UUID) -> Claim | None:
    """One queued run, leased to `owner` if all limits allow it; none when it is not ready, or has to wait.

    One that has waited too long for its first worker fails.
    """
    asked_at = clock.monotonic()
    with transaction.atomic():
        locked = Run.system.select_for_update(skip_locked=True, no_key=True).filter(pk=run_id, status=RunStatus.CREATED)
        if not list(locked.values_list("pk")):
            return None
        job = RunJob.objects.select_related("run__project").get(pk=run_id)
        if job.due_at is not None and deadlines.fail_if_unclaimed(run_id):
            return None
        if full := gate.full_for(job):
            gate.set_aside(job, full)
            return None
        with connection.wrap_database_errors:
            found = this_claimer()(connection.connection, owner, settings.ENV.RUN_LEASE_SECONDS, run_id)
    return _claimed(owner, found, asked_at) if isinstance(found, Taken) else None


def _raw_claim(owner: str) -> Taken | Limited | None:
    connection.ensure_connection()
    with connection.wrap_database_errors:
        return claimer()(connection.connection, owner, settings.ENV.RUN_LEASE_SECONDS, turns.as_text())


def _claimed(owner: str, run: Taken, asked_at: float) -> Claim:
    turns.took(run.tenant_id)
    live.tell_soon(groups.run(run.pk))
    live.tell_soon(groups.runs(run.tenant_id), run_id=str(run.pk))
    lease = Lease(owner, run.fence, settings.ENV.RUN_LEASE_SECONDS)
    lease.renewed(asked_at)
    return Claim(run, lease)
