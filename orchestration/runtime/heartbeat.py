"""Renewing the leases of this process, all by one thread (runtime 4.2)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from agents import leases
from langorch.lib import clock
from orchestration import holds
from orchestration.choices import JobState
from orchestration.models import Run, RunJob
from orchestration.runtime.boundary import Lease

log = structlog.get_logger(__name__)


class Keeper:
    """Renews leases while they are held. Its thread lives as long as there are any, and a beat longer."""

    def __init__(self) -> None:
        self._leases: dict[UUID, Lease] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def keeping(self, run_id: UUID, lease: Lease) -> Iterator[None]:
        """Renew a lease inside the block."""
        with self._lock:
            self._leases[run_id] = lease
            if self._thread is None:
                self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                if self._leases.get(run_id) is lease:  # it was given back; another thread may hold the run already
                    del self._leases[run_id]

    def leases(self) -> dict[UUID, Lease]:
        """The leases that are held now, by run."""
        with self._lock:
            return dict(self._leases)

    def _beat(self) -> None:
        pause = threading.Event()
        try:
            while True:
                pause.wait(settings.ENV.RUN_HEARTBEAT_SECONDS)
                with self._lock:
                    leases = dict(self._leases)
                    if not leases:
                        self._thread = None
                        return
                self._renew(leases)
        finally:
            connection.close()

    def _renew(self, leases: dict[UUID, Lease]) -> None:
        try:
            for run_id, lease in leases.items():
                renew(run_id, lease)
        except DatabaseError as error:
            log.warning("heartbeat_failed", error=str(error))
            connection.close()


def renew(run_id: UUID, lease: Lease) -> None:
    """Extend a lease, or mark it lost; and bring back whether the run is to be canceled or held."""
    asked_at = clock.monotonic()
    until = Now() + timedelta(seconds=lease.seconds)
    fenced = Run.system.filter(pk=OuterRef("pk"), fence=lease.fence)
    mine = RunJob.objects.filter(Exists(fenced), pk=run_id, state=JobState.LEASED, lease_owner=lease.owner)
    if not mine.update(lease_until=until):
        lease.lost = True
        return
    lease.renewed(asked_at)
    if lease.slots:
        lease.lost_slots |= leases.renew(list(lease.slots))
    if Run.system.filter(pk=run_id, cancel_requested=True).exists():
        lease.cancel_requested = True
    lease.held = holds.is_held(run_id)


keeper: Final = Keeper()
"""The one of this process."""
