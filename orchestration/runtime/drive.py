"""One drive: the time between a worker's claim of a run and its hand-back."""

import threading
from typing import Any

from django.conf import settings

from orchestration.runtime import boundary, loading
from orchestration.runtime.claims import Claim
from orchestration.runtime.crowd import Crowd
from orchestration.runtime.journal import Journal
from orchestration.runtime.outcomes import Json
from orchestration.runtime.ports import Region
from orchestration.runtime.program import Program
from orchestration.runtime.secrets import Secrets
from orchestration.runtime.state import Records
from orchestration.runtime.store.taken import Taken
from procedures.ckp.regions import MAIN


class Drive:
    """What the regions of a run share while a worker drives them."""

    def __init__(self, claim: Claim, program: Program) -> None:
        self.run = claim.run
        self.lease = claim.lease
        self.program = program
        self.crowd = Crowd(settings.ENV.MAX_PARALLEL_BRANCHES)
        self.journal = Journal(self.run.pk, self.lease, claim.redactor, self.crowd.baton, losses=self.run.losses)
        config = program.document.global_config.secrets_config
        self.secrets = Secrets(config, self.run.tenant_id, self.run.project_id, claim.redactor)
        self.records = Records() if self.run.fresh else loading.load(self.run.pk)
        self.recovered = next((v.next_node for v in self.records.region(MAIN) if v.outcome == "recover"), "")
        self.builtins = _builtins(self.run)
        self.most_visits = min(
            program.document.global_config.max_node_visits or settings.ENV.MAX_NODE_VISITS, settings.ENV.MAX_NODE_VISITS
        )
        self._visits = self.records.visits
        self._replayed: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    @property
    def waited(self) -> bool:
        """Whether a visit of this run waited since its records were read, or waits still."""
        return self.journal.waited or bool(self.records.waits)

    def reload(self) -> None:
        """Read the records again: something was answered while the run was being parked."""
        self.records = loading.load(self.run.pk)

    def count_visit(self) -> bool:
        """Count one more visit; whether the run may still make it."""
        with self._lock:
            self._visits += 1
            return self._visits <= self.most_visits

    def replays(self, path: str, step_id: str) -> bool:
        """Whether this is the first time in this drive that a recorded step is met."""
        with self._lock:
            known = (path, step_id) in self._replayed
            self._replayed.add((path, step_id))
            return not known

    def sleep(self, region: Region, seconds: float) -> None:
        """Sleep in the worker, noticing cancel and stop; everything gathered is written first."""
        self.journal.flush()
        with self.crowd.baton.aside():
            boundary.sleep(seconds, region.look)


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
