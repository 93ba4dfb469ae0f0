"""Taking the next run from the queue (runtime 4.1 and 4.2)."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from langorch.lib import clock
from langorch.lib.redaction import PLAIN, Redactor
from orchestration.choices import RunStatus
from orchestration.events import NewEvent
from orchestration.models import Run
from orchestration.runtime.boundary import Lease
from orchestration.transitions import Move, try_move

_ON_POSTGRES: Final = """
SELECT r.id FROM (
    SELECT t.id, t.weight, t.max_running_runs,
        (SELECT count(*) FROM orchestration_runjob l WHERE l.tenant_id = t.id AND l.state = 'leased') AS leased
    FROM tenants_tenant t
) AS tenant
CROSS JOIN LATERAL (
    SELECT j.run_id, j.priority, j.available_at FROM orchestration_runjob j
    WHERE j.tenant_id = tenant.id AND j.state = 'ready' AND j.available_at <= clock_timestamp()
    ORDER BY j.priority DESC, j.available_at, j.run_id LIMIT 16
) AS head
JOIN orchestration_run r ON r.id = head.run_id
WHERE tenant.max_running_runs IS NULL OR tenant.leased < tenant.max_running_runs
ORDER BY tenant.leased * 1.0 / tenant.weight, strpos(%(served)s, tenant.id::text), head.priority DESC,
    head.available_at, head.run_id
LIMIT 1 FOR UPDATE OF r SKIP LOCKED
"""
_ON_SQLITE: Final = """
SELECT (SELECT j.run_id FROM orchestration_runjob j
        WHERE j.tenant_id = tenant.id AND j.state = 'ready'
            AND j.available_at <= STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW')
        ORDER BY j.priority DESC, j.available_at, j.run_id LIMIT 1) AS head
FROM (
    SELECT t.id, t.weight, t.max_running_runs,
        (SELECT count(*) FROM orchestration_runjob l WHERE l.tenant_id = t.id AND l.state = 'leased') AS leased
    FROM tenants_tenant t
) AS tenant
WHERE head IS NOT NULL AND (tenant.max_running_runs IS NULL OR tenant.leased < tenant.max_running_runs)
ORDER BY tenant.leased * 1.0 / tenant.weight, instr(%(served)s, tenant.id) LIMIT 1
"""
"""The best run that is ready: of the tenant with the fewest leased jobs for its weight, at a tie of the one that this
process served longest ago; inside it by priority and age."""


@dataclass(slots=True)
class Claim:
    """A run that is ours now. `fresh`: nobody has driven it before. `redactor` masks what its events say."""

    run: Run
    lease: Lease
    fresh: bool
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

    def as_text(self, *, hexadecimal: bool) -> str:
        """All ids in one text, in order."""
        with self._lock:
            return " ".join(tenant_id.hex if hexadecimal else str(tenant_id) for tenant_id in self._served)


turns: Final = Turns()


def claim(owner: str) -> Claim | None:
    """The next ready run, leased to `owner` under a new fence; none when nothing is ready that may run now."""
    if connection.vendor == "sqlite" and _find() is None:
        return None
    asked_at = clock.monotonic()
    with transaction.atomic():
        run_id = _find()
        if run_id is None:
            return None
        run = Run.system.select_related("job", "document").defer("document__canonical").get(pk=run_id)
        if not try_move(run_id, _claimed(run, owner)):
            return None
    turns.took(run.tenant_id)
    run.fence += 1
    lease = Lease(owner, run.fence, settings.ENV.RUN_LEASE_SECONDS)
    lease.renewed(asked_at)
    return Claim(run, lease, run.fresh)


def _find() -> UUID | None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_ON_POSTGRES, {"served": turns.as_text(hexadecimal=False)})
        else:
            cursor.execute(_ON_SQLITE, {"served": turns.as_text(hexadecimal=True)})
        row = cursor.fetchone()
    return UUID(str(row[0])) if row else None


def _claimed(run: Run, owner: str) -> Move:
    seconds = settings.ENV.RUN_LEASE_SECONDS
    return Move(
        sources=frozenset({RunStatus.CREATED}),
        target=RunStatus.RUNNING,
        events=[_event(run, owner)],
        fields={"fence": F("fence") + 1, "fresh": False},
        job={
            "lease_owner": owner,
            "lease_until": Now() + timedelta(seconds=seconds),
            "taken_seq": F("wake_seq"),
        },
    )


def _event(run: Run, owner: str) -> NewEvent:
    start = run.last_node_id or run.document.canonical["workflow_graph"]["start_node"]
    payload: dict[str, Any] = {"entry_node_id": start, "worker": owner, "fence": run.fence + 1}
    if run.fresh:
        return NewEvent("execution_started", payload | {"resume_reason": None})
    return NewEvent("execution_resumed", payload | {"resume_reason": run.job.cause or "takeover"})
