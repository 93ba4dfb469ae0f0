"""Looking after the queue: expired leases, forced cancels, and doorbells for runs that wait too long (runtime 4)."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from langorch.lib import doorbell
from orchestration import canceling, capacity, compensating, deadlines, gate, jobs, waits
from orchestration.cancel_words import FORCED
from orchestration.choices import JobState, RunStatus
from orchestration.events import NewEvent
from orchestration.models import Run, RunJob
from orchestration.transitions import Move, try_move

AT_ONCE: Final = 500
OVERDUE: Final = timedelta(seconds=1)


def sweep() -> int:
    """Take every expired lease away, and end what is to end without a worker; how many runs that moved.

    A run whose lease expired is queued again, or fails when that happened too often.
    """
    expired = RunJob.objects.filter(state=JobState.LEASED, lease_until__lt=Now())
    taken = 0
    for run_id, owner in expired.order_by("lease_until").values_list("pk", "lease_owner")[:AT_ONCE]:
        taken += _take(run_id, owner)
    return taken + deadlines.fail_unclaimed() + canceling.force() + canceling.follow_parents()


def ring() -> bool:
    """Ring for runs that are ready for more than a second; whether there are any."""
    overdue = RunJob.objects.filter(state=JobState.READY, available_at__lt=Now() - OVERDUE).exists()
    if overdue:
        doorbell.ring(jobs.DRIVE)
    return overdue


def let_leases_run_out() -> int:
    """End every lease now; how many. For a process that knows no other worker lives, so nobody need be waited for."""
    return RunJob.objects.filter(state=JobState.LEASED).update(lease_until=Now())


def urgent() -> bool:
    """What an idle worker does besides, so that runs go on without beat; whether it made anything ready."""
    return bool(sweep() + waits.fire_due() + gate.sweep() + capacity.sweep_if_due())


def _take(run_id: UUID, owner: str) -> int:
    with transaction.atomic():
        run = Run.system.select_for_update(skip_locked=True, no_key=True).filter(pk=run_id).first()
        if run is None:
            return 0
        job = RunJob.objects.filter(pk=run_id, state=JobState.LEASED, lease_owner=owner, lease_until__lt=Now()).first()
        return 0 if job is None else int(try_move(run_id, _lost(run, job)))


def _lost(run: Run, job: RunJob) -> Move:
    losses = job.losses + 1
    told = NewEvent("worker_lease_expired", {"worker": job.lease_owner, "fence": run.fence, "losses": losses})
    fence = {"fence": F("fence") + 1}
    running = frozenset({RunStatus.RUNNING})
    if run.cancel_requested and run.compensation not in compensating.IN_WORK:
        if compensating.follows(run, RunStatus.CANCELED):
            return _undo(told, RunStatus.CANCELED, fence)
        payload = {"by": run.canceled_by, "reason": FORCED}
        return Move(running, RunStatus.CANCELED, [told, NewEvent("run_canceled", payload)], fields=fence)
    if losses > settings.ENV.WORKER_MAX_ATTEMPTS:
        if compensating.follows(run, RunStatus.FAILED):
            return _undo(told, RunStatus.FAILED, fence | _error(losses))
        ends = {"ends_as": ""} | ({} if run.error else _error(losses))
        return Move(running, RunStatus.FAILED, [told, _failed(losses)], fields=fence | ends)
    delay = timedelta(seconds=settings.ENV.WORKER_RETRY_DELAY_SECONDS * (losses - 1))
    job_fields: dict[str, Any] = {"losses": losses, "available_at": Now() + delay, "cause": "takeover"}
    return Move(running, RunStatus.CREATED, [told], fields=fence, job=job_fields)


def _undo(told: NewEvent, ends_as: RunStatus, fields: dict[str, Any]) -> Move:
    """Queue the run once more, to be undone only."""
    job = {"losses": 0, "cause": "compensation"}
    fields = fields | compensating.wanted(ends_as)
    return Move(frozenset({RunStatus.RUNNING}), RunStatus.CREATED, [told], fields=fields, job=job)


def _sentence(losses: int) -> str:
    return f"The worker was lost {losses} times in a row without getting further."


def _error(losses: int) -> dict[str, Any]:
    error = {"class": "worker_lost", "message": _sentence(losses)}
    return {"error": error, "error_class": "worker_lost"}


def _failed(losses: int) -> NewEvent:
    told = {"error": _sentence(losses), "error_class": "worker_lost", "reason": "worker_lost"}
    return NewEvent("run_failed", told)
