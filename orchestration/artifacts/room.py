"""How much a run may still store."""

import threading
from uuid import UUID

from django.conf import settings
from django.db.models import Sum

from orchestration.models import Artifact


class Room:
    """How many bytes of artifacts a run holds, counted once from its rows and then along."""

    def __init__(self, run_id: UUID) -> None:
        self._run_id = run_id
        self._used: int | None = None
        self._lock = threading.Lock()

    def take(self, size: int) -> bool:
        """Count `size` more bytes, if they fit into MAX_RUN_ARTIFACT_BYTES."""
        with self._lock:
            if self._used is None:
                found = Artifact.system.filter(run_id=self._run_id).exclude(file="")
                self._used = found.aggregate(total=Sum("size_bytes"))["total"] or 0
            if self._used + size > settings.ENV.MAX_RUN_ARTIFACT_BYTES:
                return False
            self._used += size
            return True

    def forget(self) -> None:
        """Count anew: what was counted was not stored."""
        with self._lock:
            self._used = None
