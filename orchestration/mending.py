"""Mending what stands wrong in the database about one run, each in a transaction that holds the run's row."""

from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from orchestration import limits, transitions
from orchestration.choices import ENDED, JOB_STATE_OF, PARKED, JobState, RunStatus
from orchestration.events import NewEvent
from orchestration.models import Run, RunJob
from orchestration.transitions import Move, try_move

BY: Final = "reconcile"
"""Who did it, in events."""


@transaction.atomic
def pair(run_id: UUID) -> bool:
    """Let a run and its job say the same again; a run that seems to be at work without a worker is queued.

    Whoever worked on it meanwhile can write nothing more. Whether anything was changed.
    """
    run = Run.system.select_for_update(of=("self",)).select_related("document").filter(pk=run_id).first()
    if run is None:
        return False
    job, made = _job(run)
    expected = JOB_STATE_OF[RunStatus(run.status)]
    if job.state == expected:
        return made
    fenced = {"fence": F("fence") + 1}
    if run.status == RunStatus.RUNNING:
        told = NewEvent("lease_handed_back", {"worker": job.lease_owner, "reason": f"no worker held it ({BY})"})
        return try_move(run_id, Move(frozenset({RunStatus.RUNNING}), RunStatus.CREATED, [told], fields=fenced))
    Run.system.filter(pk=run_id).update(**fenced)
    values: dict[str, Any] = {"state": expected, "lease_owner": "", "lease_until": None}
    if expected == JobState.READY:
        values |= {"available_at": Now(), "ready_since": Now(), "over_limit": False}
    return bool(RunJob.objects.filter(pk=run_id).update(**values))


def _job(run: Run) -> tuple[RunJob, bool]:
    """The job of a run; a missing one is made, as if the run had just been queued."""
    now = {"available_at": Now(), "ready_since": Now()}
    first = {"tenant_id": run.tenant_id, "priority": run.priority, **now, **limits.of_new_job(run)}
    return RunJob.objects.get_or_create(run=run, defaults=first)


@transaction.atomic
def queue(run_id: UUID) -> bool:
    """Let a worker look at a parked run again: it waits on, or goes on, as its records say. Whether it was parked."""
    locked = Run.system.select_for_update(skip_locked=True, no_key=True).filter(pk=run_id, status__in=PARKED)
    if not list(locked.values_list("pk")):
        return False
    resumed = NewEvent("run_resumed", {"kind": BY, "ref": "", "by": BY})
    return try_move(run_id, Move(PARKED, RunStatus.CREATED, [resumed], job={"cause": "takeover"}))


@transaction.atomic
def close_waits(run_id: UUID) -> bool:
    """Close the waits and withdraw the questions of an ended run; whether it has ended."""
    ended = Run.system.select_for_update(no_key=True).filter(pk=run_id, status__in=ENDED)
    if not list(ended.values_list("pk")):
        return False
    transitions.close_waits(run_id)
    return True
