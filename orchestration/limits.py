"""How many runs there are, counted from live rows each time, so that a slot cannot leak (runtime 3)."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from orchestration.choices import OPEN, PARKED, JobState, RunStatus, WaitKind, WaitState
from orchestration.models import Run, RunJob, Wait

FOR_PEOPLE = (WaitKind.APPROVAL, WaitKind.BUDGET, WaitKind.OPERATOR)
RUNNING: Final = "max_running_runs"
"""The quota of a tenant or a project on its runs at work."""


def open_of_tenant(tenant_id: UUID) -> QuerySet[Run]:
    """The runs of a tenant that have not ended."""
    return Run.system.filter(tenant_id=tenant_id, status__in=OPEN)


def open_of_project(project_id: UUID) -> QuerySet[Run]:
    """The runs of a project that have not ended."""
    return Run.system.filter(project_id=project_id, status__in=OPEN)


def running_of_tenant(tenant_id: UUID) -> int:
    """How many runs of a tenant are at work."""
    return RunJob.objects.filter(state=JobState.LEASED, tenant_id=tenant_id).count()


def running_of_project(project_id: UUID) -> int:
    """How many runs of a project are at work."""
    return RunJob.objects.filter(state=JobState.LEASED, place=project_id).count()


def most_running(settings: Mapping[str, Any]) -> int | None:
    """How many runs a project with these settings may have at work; none for any number."""
    most = settings.get("quotas", {}).get(RUNNING)
    return most if isinstance(most, int) else None


def begun(procedure_id: UUID, key: str = "") -> QuerySet[Run]:
    """The runs of a procedure (and of one concurrency key) that have started and not ended."""
    runs = Run.system.filter(procedure_id=procedure_id, started_at__isnull=False, ended_at__isnull=True)
    return runs.filter(concurrency_key=key) if key else runs


def occupying(procedure_id: UUID, key: str = "", *, count_waiting: bool = False) -> QuerySet[Run]:
    """The runs of a procedure (and of one concurrency key) that occupy a place.

    Those at work, and those that have started and are queued again or wait for anything but a person;
    `count_waiting` counts those that wait for a person too.
    """
    runs = begun(procedure_id, key)
    if count_waiting:
        return runs
    person = Wait.objects.filter(run=OuterRef("pk"), state=WaitState.OPEN, kind__in=FOR_PEOPLE)
    return runs.exclude(Q(status__in=PARKED) & Q(Exists(person)))


def ahead_in_lane(job: RunJob) -> int:
    """How many runs keep a queued one out of its lane; `job` was read with its run.

    Of those that have begun and are queued again the earlier go first, or two would wait for each other.
    """
    run = job.run
    others = occupying(run.procedure_id, run.concurrency_key, count_waiting=job.count_waiting).exclude(pk=run.pk)
    if run.started_at is not None:
        later = Q(job__ready_since__gt=job.ready_since) | Q(job__ready_since=job.ready_since, pk__gt=run.pk)
        others = others.exclude(Q(status=RunStatus.CREATED) & later)
    return others.count()


def of_new_job(run: Run) -> dict[str, Any]:
    """What the job of a new run says of its limits."""
    place = {"place": run.project_id or run.tenant_id}
    concurrency = run.document.canonical.get("global_config", {}).get("concurrency")
    if concurrency is None:
        return place
    waiting = bool(concurrency.get("count_waiting", False))
    return place | {"lane": lane_of(run), "max_runs": concurrency.get("max_runs", 1), "count_waiting": waiting}


def lane_of(run: Run) -> str:
    """The name of the lane of a run whose document limits how many run at once."""
    return f"{run.procedure_id.hex}:{run.concurrency_key}"


def begun_in_lane(lane: str) -> QuerySet[Run]:
    """The runs of a lane that have started and not ended."""
    procedure, _, key = lane.partition(":")
    return begun(UUID(hex=procedure), key)
