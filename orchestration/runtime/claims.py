"""Taking the next run from the queue (runtime 4.1 and 4.2)."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import connection

from langorch.lib import clock, groups, live
from langorch.lib.redaction import PLAIN, Redactor
from orchestration.runtime.boundary import Lease
from orchestration.runtime.store import claimer
from orchestration.runtime.store.taken import Taken


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
    asked_at = clock.monotonic()
    seconds = settings.ENV.RUN_LEASE_SECONDS
    connection.ensure_connection()
    with connection.wrap_database_errors:
        run = claimer()(connection.connection, owner, seconds, turns.as_text())
    if run is None:
        return None
    turns.took(run.tenant_id)
    live.tell_soon(groups.run(run.pk))
    live.tell_soon(groups.runs(run.tenant_id), run_id=str(run.pk))
    lease = Lease(owner, run.fence, seconds)
    lease.renewed(asked_at)
    return Claim(run, lease)
