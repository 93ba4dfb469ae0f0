"""Runs that do not get on: found by beat, told once per episode, shown on their pages (runtime 4.5)."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from langorch.lib import clock
from orchestration import events, waiting_facts
from orchestration.choices import OPEN, PARKED, JobState, RunStatus, StepState, WaitKind, WaitState
from orchestration.events import NewEvent
from orchestration.models import Event, Run, RunJob, StepRecord, Wait
from orchestration.stuck_causes import InFlight, OpenWait, Situation, Stuck, stuck
from orchestration.waiting import PLAIN, Manner

log = structlog.get_logger(__name__)

TELLS: Final = "run_stuck"
AT_ONCE: Final = 500
RECENT_EVENTS: Final = 50


def patience() -> timedelta:
    """How long a run may stand still before it counts as stuck."""
    return timedelta(minutes=settings.ENV.STUCK_RUN_MINUTES)


def stuck_for(run: Run, waits: Sequence[Wait] | None = None, manner: Manner = PLAIN) -> Stuck | None:
    """Why an open run is stuck now, or none; its open waits are read unless they are given."""
    if run.status not in OPEN or run.created_at > clock.now() - patience():
        return None
    found = _situation(run, waits, manner)
    return stuck(found, clock.now(), patience(), manner.moment) if found else None


def check() -> int:
    """Record why runs are stuck, once per episode; how many were told."""
    return sum(_tell(run) for run in _candidates())


def _situation(run: Run, waits: Sequence[Wait] | None, manner: Manner) -> Situation | None:
    if run.status in PARKED:
        opened = Wait.objects.filter(run=run, state=WaitState.OPEN) if waits is None else waits
        known = [OpenWait(wait.kind, manner.place(run, wait.path), wait.until) for wait in opened]
        return Situation(run.status, run.updated_at, waits=known)
    job = RunJob.objects.select_related("run").filter(pk=run.pk).first()
    if job is None:
        return None
    return _queued(run, job) if run.status == RunStatus.CREATED else _running(run, job, manner)


def _queued(run: Run, job: RunJob) -> Situation:
    """A run counts as limited while others are in line before it, too."""
    _, limits = waiting_facts.queued_jobs([run])
    known = waiting_facts.in_line(job, waiting_facts.of_queued(job, limits))
    limited = job.available_at > clock.now() or known.ref != "worker" or known.line != 1
    at_work = RunJob.objects.filter(state=JobState.LEASED).count()
    return Situation(run.status, max(job.ready_since, job.available_at), limited=limited, at_work=at_work)


def _running(run: Run, job: RunJob, manner: Manner) -> Situation:
    last = Event.objects.filter(run=run).exclude(event_type=TELLS).order_by("-seq").first()
    return Situation(
        run.status,
        last.created_at if last else run.updated_at,
        place=manner.place(run, run.last_node_id) if run.last_node_id else "",
        worker=job.lease_owner,
        lease_until=job.lease_until,
        cancel_requested=run.cancel_requested,
        step=_in_flight(run, manner),
    )


def _in_flight(run: Run, manner: Manner) -> InFlight | None:
    begun = StepRecord.objects.filter(run=run, state=StepState.STARTED).order_by("started_at").first()
    if begun is None:
        return None
    return InFlight(manner.place(run, begun.path), begun.step_id, begun.action, begun.started_at)


def _candidates() -> Iterator[Run]:
    """Open runs that may be stuck; which of them are is decided one by one."""
    late = Now() - patience()
    ready = Q(status=RunStatus.CREATED, job__state=JobState.READY, job__over_limit=False)
    ready &= Q(job__ready_since__lte=late, job__available_at__lte=late)
    waits = Wait.objects.filter(run=OuterRef("pk"), state=WaitState.OPEN)
    held = Exists(waits.filter(kind=WaitKind.OPERATOR))
    overdue = Wait.objects.filter(state=WaitState.OPEN, until__lte=late).values("run")
    parked = Run.system.filter(status__in=PARKED, updated_at__lte=late)
    for found in (
        Run.system.filter(status=RunStatus.RUNNING, updated_at__lte=late).order_by("updated_at"),
        Run.system.filter(ready).order_by("job__ready_since"),
        parked.filter(~held, pk__in=overdue).order_by("updated_at"),
        parked.filter(~Exists(waits)).order_by("updated_at"),
    ):
        yield from _light(found)[:AT_ONCE]


def _light(runs: QuerySet[Run]) -> QuerySet[Run]:
    return runs.defer("input_vars", "output_vars", "test_data_overrides", "labels")


@transaction.atomic
def _tell(run: Run) -> bool:
    found = stuck_for(run)
    if found is None:
        return False
    locked = Run.system.select_for_update(skip_locked=True, no_key=True).filter(pk=run.pk, status=run.status)
    last_seq = locked.values_list("last_seq", flat=True).first()
    if last_seq is None or _told_already(run, last_seq, found):
        return False
    payload: dict[str, Any] = {"since": found.since.isoformat(), "cause": found.cause}
    events.append(run.pk, [NewEvent(TELLS, payload)])
    log.warning("run_stuck", run_id=str(run.pk), **payload)
    return True


def _told_already(run: Run, last_seq: int, found: Stuck) -> bool:
    recent = Event.objects.filter(run=run, seq__gt=last_seq - RECENT_EVENTS, event_type=TELLS)
    return recent.filter(created_at__gte=found.since).exists()
