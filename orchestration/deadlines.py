"""Deadlines of runs that no worker has (runtime 10).

A parked run is woken, and its worker finds what has passed. A run that no worker has ever taken fails here.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from langorch.lib import moments
from orchestration import canceling
from orchestration.choices import PARKED, JobState, RunStatus, WaitKind, WaitState
from orchestration.events import NewEvent
from orchestration.models import Run, RunJob, Wait
from orchestration.transitions import Move, try_move

AT_ONCE: Final = 500


def wake_due() -> int:
    """Queue every parked run whose nearest deadline has come; how many. A run on hold waits until it is lifted.

    Its children whose time that was end at once.
    """
    due = list(_due().values_list("pk", flat=True)[:AT_ONCE])
    return sum(canceling.cancel_outlived(run_id) + _wake(run_id) for run_id in due)


def _due() -> QuerySet[RunJob]:
    held = Wait.objects.filter(run_id=OuterRef("pk"), kind=WaitKind.OPERATOR, state=WaitState.OPEN)
    return RunJob.objects.filter(~Exists(held), state=JobState.PARKED, due_at__lte=Now()).order_by("due_at")


@transaction.atomic
def _wake(run_id: UUID) -> bool:
    locked = Run.system.select_for_update(skip_locked=True, no_key=True).filter(pk=run_id, status__in=PARKED)
    if not list(locked.values_list("pk")) or not _due().filter(pk=run_id).exists():
        return False
    resumed = NewEvent("run_resumed", {"kind": "deadline", "ref": "", "by": "timer"})
    return try_move(run_id, Move(PARKED, RunStatus.CREATED, [resumed], job={"cause": "deadline_resume"}))


def fail_unclaimed() -> int:
    """Fail every run that waited too long for its first worker; how many."""
    return sum(fail_if_unclaimed(run_id) for run_id in list(_unclaimed().values_list("pk", flat=True)[:AT_ONCE]))


def _unclaimed() -> QuerySet[RunJob]:
    return RunJob.objects.filter(state=JobState.READY, due_at__lte=Now(), run__started_at=None).order_by("due_at")


@transaction.atomic
def fail_if_unclaimed(run_id: UUID) -> bool:
    """Fail a run that waited too long for its first worker; whether it did."""
    locked = Run.system.select_for_update(skip_locked=True, no_key=True).filter(pk=run_id, status=RunStatus.CREATED)
    run, job = locked.first(), _unclaimed().filter(pk=run_id).first()
    if run is None or job is None or job.due_at is None:
        return False
    minutes = (job.due_at - run.created_at) / timedelta(minutes=1)
    message = f"The run was not taken up within {moments.duration(minutes * 60)}."
    told = {"error": message, "error_class": "queue_timeout", "reason": "queue_timeout", "timeout_minutes": minutes}
    fields = {"error": {"class": "queue_timeout", "message": message}, "error_class": "queue_timeout"}
    sources = frozenset({RunStatus.CREATED})
    return try_move(run_id, Move(sources, RunStatus.FAILED, [NewEvent("run_failed", told)], fields=fields))
