"""Reading what is recorded of a run, to go on from it."""

from uuid import UUID

from django.db.models import Exists, OuterRef

from orchestration.choices import VisitState, WaitState
from orchestration.models import StepRecord, Visit, Wait
from orchestration.runtime.state import Records, StepResult, VisitRecord, WaitRecord, by

_VISIT = (
    "path",
    "region",
    "pos",
    "node_id",
    "started_at",
    "state",
    "outcome",
    "changes",
    "next_node",
    "error",
    "data",
    "ended_at",
)


def load(run_id: UUID) -> Records:
    """The visits of a run; the steps and waits of those that are not done."""
    visits = [VisitRecord(*row) for row in Visit.objects.filter(run_id=run_id).values_list(*_VISIT)]
    done = Exists(Visit.objects.filter(run_id=run_id, path=OuterRef("path"), state=VisitState.DONE))
    return Records(by(visits, "region"), _steps(run_id, done), _waits(run_id, done), len(visits))


def _steps(run_id: UUID, done: Exists) -> dict[str, dict[str, StepResult]]:
    found: dict[str, dict[str, StepResult]] = {}
    rows = StepRecord.objects.filter(~done, run_id=run_id)
    for row in rows:
        result = StepResult(row.state, row.attempt, row.retries, row.result, row.error, row.agent, row.irreversible)
        found.setdefault(row.path, {})[row.step_id] = result
    return found


def _waits(run_id: UUID, done: Exists) -> dict[str, list[WaitRecord]]:
    found: dict[str, list[WaitRecord]] = {}
    rows = Wait.objects.filter(~done, run_id=run_id).exclude(state=WaitState.CANCELED).order_by("pk")
    for row in rows:
        wait = WaitRecord(row.kind, row.ref, row.step_id, row.state, row.answer, row.until)
        found.setdefault(row.path, []).append(wait)
    return found
