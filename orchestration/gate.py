"""Who of the queued may be claimed under the limits (runtime 3).

Tenants and projects limit how many of their runs are at work; the claim looks past those that are full. A document's
`concurrency` makes a lane: the runs of its procedure, or of one value of its key. A job that finds its lane full is set
aside; whoever leaves the lane lets the next one in, and a sweep does so too, should that be lost.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Concat

from langorch.lib import doorbell
from orchestration import events, jobs, limits
from orchestration.choices import JobState, RunStatus
from orchestration.events import NewEvent
from orchestration.models import Run, RunJob
from tenants.models import Project, Tenant

LINE: Final = ("-priority", "available_at", "pk")
SET_ASIDE_AT_ONCE: Final = 1_000
LANES_AT_ONCE: Final = 1_000
TOLD_AT_ONCE: Final = 20
"""So many of the first in a line are told what they wait for; the others wait for those first."""


@dataclass(frozen=True, slots=True)
class Full:
    """A limit without room: `scope` is tenant, project or procedure."""

    scope: str
    in_use: int
    most: int

    def told(self) -> NewEvent:
        """The event that says so."""
        limit = "concurrency" if self.scope == "procedure" else limits.RUNNING
        payload = {"limit": limit, "scope": self.scope, "in_use": self.in_use, "max": self.most}
        return NewEvent("admission_delayed", payload)


def full_for(job: RunJob) -> Full | None:
    """The limit that keeps a queued run from its worker now, if any; `job` was read with its run and the project.

    Call it inside a transaction that holds the run's row: until its end nobody else is let in under the same limits.
    """
    tenant, project = Tenant.objects.only("max_running_runs").get(pk=job.tenant_id), job.run.project
    if (most := tenant.max_running_runs) is not None:
        _alone(str(tenant.pk))
        if (in_use := limits.running_of_tenant(tenant.pk)) >= most:
            return Full("tenant", in_use, most)
    if project is not None and (most := limits.most_running(project.settings)) is not None:
        _alone(str(project.pk))
        if (in_use := limits.running_of_project(project.pk)) >= most:
            return Full("project", in_use, most)
    if job.max_runs is not None:
        _alone(job.lane)
        if (in_use := limits.ahead_in_lane(job)) >= job.max_runs:
            return Full("procedure", in_use, job.max_runs)
    return None


def set_aside(job: RunJob, full: Full) -> None:
    """Let workers pass over a queued run whose lane is full, and those that would begin behind it.

    Call it inside the same transaction.
    """
    tell(job.pk, full)
    if full.scope != "procedure":
        return
    behind = RunJob.objects.filter(lane=job.lane, state=JobState.READY, over_limit=False, max_runs__lte=full.most)
    behind = behind.filter(run__started_at__isnull=True).select_for_update(of=("self",), skip_locked=True, no_key=True)
    found = behind.values_list("pk", flat=True)[:SET_ASIDE_AT_ONCE]
    RunJob.objects.filter(pk__in=[job.pk, *found], state=JobState.READY).update(over_limit=True)


def tell(run_id: UUID, full: Full) -> None:
    """Record, once per limit, that a queued run waits for it."""
    with transaction.atomic():
        queued = Run.system.select_for_update(no_key=True).filter(pk=run_id, status=RunStatus.CREATED)
        if not list(queued.values_list("pk")):
            return
        untold = RunJob.objects.filter(pk=run_id).exclude(told__contains=full.scope)
        if untold.update(told=Concat(F("told"), Value(f"{full.scope} "))):
            events.append(run_id, [full.told()])


def left(run_id: UUID) -> None:
    """A run may have given up its place: after the commit its lane lets the next one in."""
    lane = RunJob.objects.filter(pk=run_id).exclude(lane="").values_list("lane", flat=True).first()
    if lane is not None:
        transaction.on_commit(lambda: let_in(lane), robust=True)


def let_in(lane: str) -> int:
    """Let those of a lane in for whom there is room; how many."""
    with transaction.atomic():
        _alone(lane)
        first = _first(lane)
        if first is None or first.max_runs is None:
            return 0
        found = 0
        for _ in range(first.max_runs - limits.ahead_in_lane(first)):
            found += RunJob.objects.filter(pk=first.pk, over_limit=True).update(over_limit=False)
            if (first := _first(lane)) is None:
                break
        if found:
            doorbell.ring(jobs.DRIVE)
    return found


def sweep() -> int:
    """Let in everybody for whom there is room, and tell the first in each line what they wait for; how many got in."""
    aside = RunJob.objects.filter(state=JobState.READY, over_limit=True)
    lanes = list(aside.order_by("lane").values_list("lane", flat=True).distinct()[:LANES_AT_ONCE])
    found = sum(let_in(lane) for lane in lanes)
    for lane in lanes:
        _tell_lane(lane)
    _tell_running()
    return found


def _first(lane: str) -> RunJob | None:
    """Who is let in next: a run that has begun before those that have not; rows that somebody changes are passed."""
    line = _line(lane).select_for_update(of=("self",), skip_locked=True, no_key=True)
    begun = limits.begun_in_lane(lane).filter(status=RunStatus.CREATED).values("pk")
    return line.filter(pk__in=begun).order_by("ready_since", "pk").first() or line.order_by(*LINE).first()


def _line(lane: str) -> QuerySet[RunJob]:
    return RunJob.objects.filter(lane=lane, state=JobState.READY, over_limit=True).select_related("run")


def _tell_lane(lane: str) -> None:
    for job in _line(lane).order_by(*LINE)[:TOLD_AT_ONCE]:
        if "procedure" not in job.told and job.max_runs is not None:
            tell(job.pk, Full("procedure", limits.ahead_in_lane(job), job.max_runs))


def _tell_running() -> None:
    """Tell those whose tenant or project has as many runs at work as it may have."""
    ready = RunJob.objects.filter(state=JobState.READY, over_limit=False)
    for tenant in Tenant.objects.filter(max_running_runs__isnull=False).only("max_running_runs"):
        _tell_line(ready.filter(tenant=tenant), "tenant", tenant.max_running_runs, limits.running_of_tenant(tenant.pk))
    for project in Project.system.filter(settings__quotas__max_running_runs__isnull=False).only("settings", "tenant"):
        line = ready.filter(tenant=project.tenant_id, place=project.pk)
        _tell_line(line, "project", limits.most_running(project.settings), limits.running_of_project(project.pk))


def _tell_line(line: QuerySet[RunJob], scope: str, most: int | None, in_use: int) -> None:
    if most is None or in_use < most:
        return
    for run_id, told in line.order_by(*LINE).values_list("pk", "told")[:TOLD_AT_ONCE]:
        if scope not in told:
            tell(run_id, Full(scope, in_use, most))


def _alone(name: str) -> None:
    """Until the transaction ends, nobody else counts under the limit of this name. SQLite has one writer anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
