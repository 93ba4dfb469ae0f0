"""Runs that other runs wait for: what their end says, and which of them nobody waits for any more (runtime 15)."""

from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from orchestration.answers import Signal
from orchestration.cancel_words import BY_PARENT, is_by_parent
from orchestration.choices import OPEN, Compensation, RunStatus, WaitKind, WaitState
from orchestration.models import Run, Wait

Said = dict[str, Any]


def lock_parent(run_id: UUID) -> UUID | None:
    """Lock the run that a run is a child of; none for a run that is nobody's. Call it with the child's row locked."""
    parent_id = Run.system.filter(pk=run_id).values_list("parent_run_id", flat=True).get()
    if parent_id is not None:
        list(Run.system.select_for_update().filter(pk=parent_id).values_list("pk"))
    return parent_id


def end_of(run_id: UUID, parent_id: UUID) -> Signal:
    """The answer that the end of a child gives to the visit that started it."""
    child = Run.system.get(pk=run_id)
    return Signal(
        run_id=parent_id,
        path=child.parent_path,
        kind=WaitKind.SUBFLOW,
        answer=said_by(child),
        by=str(child),
        ref=str(child.pk),
    )


def said_by(child: Run) -> Said:
    """How a child ended: all that the visit needs to know of it."""
    return {
        "procedure_id": child.procedure_key,
        "version": child.procedure_version,
        "status": child.status,
        "outputs": child.output_vars or {},
        "error": _canceled(child) if child.status == RunStatus.CANCELED else child.error,
    }


def _canceled(child: Run) -> Said:
    by = f" by {child.canceled_by}" if child.canceled_by else ""
    reason = f": {child.cancel_reason}" if child.cancel_reason else ""
    code = BY_PARENT if is_by_parent(child.canceled_by, child.cancel_reason) else ""
    return {"class": RunStatus.CANCELED.value, "message": f"The run was canceled{by}{reason}.", "code": code}


def orphans() -> QuerySet[Run]:
    """Children at work whose visit waits no more, and that nobody has asked to stop."""
    visit = Wait.objects.filter(
        run_id=OuterRef("parent_run_id"), path=OuterRef("parent_path"), kind=WaitKind.SUBFLOW, state=WaitState.OPEN
    )
    at_work = Run.system.filter(status__in=OPEN, parent_run__isnull=False, cancel_requested=False)
    at_work = at_work.exclude(compensation__in=[Compensation.WANTED, Compensation.STARTED])
    return at_work.filter(~Exists(visit)).order_by("depth", "pk")
