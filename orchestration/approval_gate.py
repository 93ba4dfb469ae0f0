"""How a decision reaches the run that waits for it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from approvals.models import Approval
from langorch.lib.errors import Conflict
from orchestration import events, waits
from orchestration.artifacts import reading
from orchestration.artifacts.reading import Preview
from orchestration.choices import WaitKind, WaitState
from orchestration.events import NewEvent
from orchestration.models import Run, RunJob, Wait
from procedures.ckp.document import VariableMeta
from procedures.ckp.inputs import check_value
from tenants.actor import Actor


class Gate:
    """The runs, as approvals know them (`approvals.ports.WaitingRuns`)."""

    def lock(self, approval: Approval) -> bool:
        """Lock run, job and open wait, in this order; whether the run waits for exactly this approval."""
        if not _locked(Run.system.filter(pk=approval.run_id)):
            return False
        _locked(RunJob.objects.filter(pk=approval.run_id))
        return _locked(_wait_for(approval))

    def answer(self, approval: Approval, answer: dict[str, Any]) -> None:
        """Close the wait and let the run go on. Raises `Conflict` (not_waiting) when it was closed before."""
        signal = waits.Signal(
            run_id=approval.run_id,
            path=approval.path,
            kind=WaitKind.APPROVAL,
            answer=answer,
            by=approval.decided_by,
            ref=str(approval.pk),
        )
        if not waits.signal(signal):
            raise Conflict("Nothing waits for this answer any more.", code="not_waiting")

    def postpone(self, approval: Approval) -> None:
        """Give the open wait the approval's new end."""
        _wait_for(approval).update(until=approval.expires_at)

    def record(self, approval: Approval, event_type: str, payload: dict[str, Any]) -> None:
        """Write an event of the approval's node."""
        event = NewEvent(event_type, payload, node_id=approval.node_id, path=approval.path)
        events.append(approval.run_id, [event])

    def faults(self, approval: Approval, edits: Mapping[str, Any]) -> dict[str, str]:
        """Corrected variables against their declarations, by the rules that inputs have."""
        runs = Run.system.filter(pk=approval.run_id)
        declared = runs.values_list("document__canonical__variables_schema", flat=True).first() or {}
        metas = {name: VariableMeta.model_validate(declared[name]) for name in edits if name in declared}
        checked = {name: check_value(meta, edits[name])[1] for name, meta in metas.items()}
        return {name: f"This {fault}." for name, fault in checked.items() if fault}

    def files(self, actor: Actor, approval: Approval, ids: Sequence[str]) -> list[Preview]:
        """What pages show of artifacts of the run, in this order; those that are gone are left out."""
        return reading.evidence(actor, approval.run_id, ids)

    def statuses(self, run_ids: Iterable[UUID]) -> dict[UUID, str]:
        """The present statuses of runs."""
        return dict(Run.system.filter(pk__in=list(run_ids)).values_list("pk", "status"))


def _wait_for(approval: Approval) -> QuerySet[Wait]:
    asked = Wait.objects.filter(run_id=approval.run_id, path=approval.path, kind=WaitKind.APPROVAL)
    return asked.filter(ref=str(approval.pk), state=WaitState.OPEN)


def _locked(rows: Any) -> bool:
    return bool(list(rows.select_for_update().values_list("pk")))
