"""Cancels that nobody carried out: of workers that do not stop, and of children whose parent has ended (runtime 14)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from langorch.lib import clock
from langorch.lib.errors import Conflict
from orchestration import children, compensating, time_left, transitions
from orchestration.cancel_words import BY_PARENT, FORCED, NO_REASON
from orchestration.choices import OPEN, Compensation, RunStatus
from orchestration.events import NewEvent
from orchestration.models import Run
from orchestration.transitions import Move, try_move
from orchestration.visit_rows import holds
from tenants.actor import SYSTEM_NAME

AT_ONCE: Final = 500
JITTER: Final = timedelta(milliseconds=50)
"""So far a deadline that a worker noted and what the rows say of it may be apart."""


def force() -> int:
    """Cancel runs whose worker did not in CANCEL_GRACE_SECONDS, and those that were given back uncanceled; how many."""
    return sum(_force(run_id) for run_id in list(_overdue().values_list("pk", flat=True)[:AT_ONCE]))


def _overdue() -> QuerySet[Run]:
    latest = Now() - timedelta(seconds=settings.ENV.CANCEL_GRACE_SECONDS)
    asked = Run.system.filter(status__in=OPEN, cancel_requested=True, compensation=Compensation.NONE)
    return asked.filter(~Q(status=RunStatus.RUNNING) | Q(cancel_asked_at__lt=latest))


@transaction.atomic
def _force(run_id: UUID) -> bool:
    """Take the run from its worker, which can write nothing more, and cancel it."""
    found = _overdue().select_for_update(skip_locked=True, no_key=True, of=("self",)).filter(pk=run_id)
    run = found.select_related("document", "job").first()
    if run is None:
        return False
    if compensating.follows(run, RunStatus.CANCELED):
        told = NewEvent("worker_lease_expired", {"worker": run.job.lease_owner, "fence": run.fence, "losses": 0})
        return transitions.undo_first(run, [told], RunStatus.CANCELED, {"fence": F("fence") + 1})
    reason = FORCED if run.status == RunStatus.RUNNING else run.cancel_reason or NO_REASON
    canceled = NewEvent("run_canceled", {"by": run.canceled_by, "reason": reason})
    fields = {"fence": F("fence") + 1}
    return try_move(run_id, Move(frozenset({RunStatus(run.status)}), RunStatus.CANCELED, [canceled], fields=fields))


def follow_parents() -> int:
    """Cancel the open children that no visit waits for any more; how many."""
    return sum(_cancel_orphan(run_id) for run_id in list(children.orphans().values_list("pk", flat=True)[:AT_ONCE]))


def _cancel_orphan(run_id: UUID) -> bool:
    """Cancel a child unless a retry of its parent has taken it up again."""
    with transaction.atomic():
        list(Run.system.select_for_update().filter(pk=run_id).values_list("pk"))
        return children.orphans().filter(pk=run_id).exists() and cancel_child(run_id)


def cancel_children(run_id: UUID, wanted: Callable[[str], bool] = lambda path: True) -> int:
    """Cancel the open children of a run, or those whose place in it is `wanted`; theirs follow. How many there were."""
    found = Run.system.filter(parent_run_id=run_id, status__in=OPEN).values_list("pk", "parent_path")
    return sum(cancel_child(child_id) for child_id, path in list(found) if wanted(path))


def cancel_outlived(run_id: UUID) -> int:
    """Cancel the open children of a run when its time is over, or that of the visit that started them; how many."""
    run = Run.system.select_related("document").filter(pk=run_id, children__status__in=OPEN).first()
    if run is None:
        return 0
    over = [limit.path for limit in time_left.limits(run) if limit.at <= clock.now() + JITTER]
    return cancel_children(run_id, lambda path: any(not place or holds(place, path) for place in over)) if over else 0


def cancel_child(run_id: UUID) -> bool:
    """Cancel a run because its parent ends or goes on without it; False when it has ended. Its children follow."""
    try:
        transitions.request_cancel(run_id, SYSTEM_NAME, BY_PARENT)
    except Conflict:
        return False
    cancel_children(run_id)
    return True
