"""One drive: the time between a worker's claim of a run and its hand-back."""

import threading
from typing import Any

from django.conf import settings

from langorch.lib import clock
from langorch.lib.redaction import Redactor
from orchestration.models import Run
from orchestration.runtime import loading
from orchestration.runtime.boundary import Lease
from orchestration.runtime.branching import Crowd
from orchestration.runtime.journal import Journal
from orchestration.runtime.outcomes import Json, RegionEnd
from orchestration.runtime.program import Program
from orchestration.runtime.region import RegionDrive
from orchestration.runtime.state import Records
from orchestration.runtime.visiting import Visit
from procedures.ckp.regions import MAIN


class Drive:
    """What the regions of a run share while a worker drives them."""

    def __init__(self, run: Run, program: Program, lease: Lease, *, fresh: bool) -> None:
        self.run = run
        self.program = program
        self.lease = lease
        self.journal = Journal(run.pk, lease, Redactor(program.hidden_names), losses=run.job.losses)
        self.records = Records() if fresh else loading.load(run.pk)
        self.recovered = next(
            (visit.next_node for visit in self.records.region(MAIN) if visit.outcome == "recover"), run.recovered_via
        )
        self.crowd = Crowd(settings.ENV.MAX_PARALLEL_BRANCHES)
        self.builtins = _builtins(run)
        self.replayed: set[tuple[str, str]] = set()
        self.most_visits = min(
            program.document.global_config.max_node_visits or settings.ENV.MAX_NODE_VISITS, settings.ENV.MAX_NODE_VISITS
        )
        self._visits = self.records.visits
        self._lock = threading.Lock()

    def main(self) -> RegionEnd:
        """Drive the main region until the run ends or waits."""
        region = RegionDrive(self, MAIN, MAIN)
        end = region.run(self.run.input_vars, self.program.document.start_node)
        self.journal.flush()
        return end

    def reload(self) -> None:
        """Read the records again: something was answered while the run was being parked."""
        self.records = loading.load(self.run.pk)

    def count_visit(self) -> bool:
        """Count one more visit; whether the run may still make it."""
        with self._lock:
            self._visits += 1
            return self._visits <= self.most_visits

    def settle(self, visit: Visit) -> None:
        """A visit is recorded: let it go out, at once where the document asks for a checkpoint."""
        if visit.node.is_checkpoint:
            self.journal.flush()
        else:
            self.journal.settle()

    def pause(self, region: RegionDrive, seconds: float) -> None:
        """Sleep in the worker, noticing cancel and stop; everything gathered is written first."""
        self.journal.flush()
        until = clock.monotonic() + seconds
        waiter = threading.Event()
        while (left := until - clock.monotonic()) > 0:
            region.look()
            waiter.wait(min(left, 0.05))
        region.look()


def _builtins(run: Run) -> dict[str, Json]:
    trigger: dict[str, Any] = {"type": run.trigger_type, "by": run.triggered_by}
    return {
        "run_id": str(run.pk),
        "procedure_id": run.procedure_key,
        "procedure_version": run.procedure_version,
        "trigger": trigger,
        "trigger_type": run.trigger_type,
        "triggered_by": run.triggered_by,
    }
