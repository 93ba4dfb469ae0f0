"""What is known of the things that runs wait for: who, how many of how many, the place in line (runtime 2 and 3)."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet

from agents import pool_use
from approvals.choices import AssignmentKind, Status
from approvals.models import Assignment
from orchestration import limits
from orchestration.choices import JobState, RunStatus, WaitKind, WaitState
from orchestration.models import Run, RunJob, Wait
from orchestration.waiting_words import Known

PLACES_COUNTED: Final = 1_000


@dataclass(frozen=True, slots=True)
class Limits:
    """How many runs tenants and projects may have at work, and have."""

    most: Mapping[UUID, int]
    at_work: Mapping[UUID, int]

    def full(self, place: UUID) -> tuple[int, int] | None:
        """How many are at work, and how many may be, where there is no room."""
        most, in_use = self.most.get(place), self.at_work.get(place, 0)
        return (in_use, most) if most is not None and in_use >= most else None


def queued_jobs(runs: Collection[Run]) -> tuple[Mapping[UUID, RunJob], Limits]:
    """The jobs of queued runs, and the limits of their tenants and projects."""
    if not runs:
        return {}, Limits({}, {})
    tenant, project = F("tenant__max_running_runs"), F("run__project__settings")
    jobs = {
        job.run_id: job for job in RunJob.objects.filter(run__in=runs).annotate(of_tenant=tenant, of_project=project)
    }
    most: dict[UUID, int] = {}
    for job in jobs.values():
        in_project = limits.most_running(job.of_project or {})
        most |= {} if in_project is None else {job.place: in_project}
        most |= {} if job.of_tenant is None else {job.tenant_id: job.of_tenant}
    return jobs, _limits(most, {job.tenant_id for job in jobs.values()})


def _limits(most: Mapping[UUID, int], tenants: Collection[UUID]) -> Limits:
    if not most:
        return Limits({}, {})
    by_tenant, by_place = at_work(tenants)
    return Limits(most, by_place | by_tenant)


def at_work(tenants: Collection[UUID]) -> tuple[Counter[UUID], Counter[UUID]]:
    """How many runs are at work by tenant, and by project; those of no project count for their tenant there too."""
    leased = RunJob.objects.filter(state=JobState.LEASED, tenant_id__in=tenants).order_by()
    by_tenant, by_place = Counter[UUID](), Counter[UUID]()
    for tenant_id, place, number in leased.values_list("tenant_id", "place").annotate(Count("pk")):
        by_tenant[tenant_id] += number
        by_place[place] += number
    return by_tenant, by_place


def of_queued(job: RunJob, known: Limits) -> Known:
    """What a queued run waits for, the place in line left out."""
    for ref, place in (("tenant", job.tenant_id), ("project", job.place)):
        if full := known.full(place):
            return Known(WaitKind.CAPACITY, ref, in_use=full[0], most=full[1])
    if job.over_limit:
        return Known(WaitKind.CAPACITY, "procedure", in_use=job.max_runs, most=job.max_runs)
    return Known(WaitKind.CAPACITY, "worker")


def in_line(job: RunJob, known: Known) -> Known:
    """The same, counted anew for this one run, with its place in line; `job` was read with its run."""
    if known.ref in ("worker", "procedure") and job.max_runs is not None:
        ahead = limits.ahead_in_lane(job)
        if ahead >= job.max_runs:
            known = replace(known, ref="procedure", in_use=ahead, most=job.max_runs)
        else:
            known = Known(WaitKind.CAPACITY, "worker")
    return replace(known, line=_place_in_line(job, known.ref))


def _place_in_line(job: RunJob, ref: str) -> int:
    """How many ready jobs would be taken no later than this one; 0 past a thousand."""
    line = RunJob.objects.filter(tenant_id=job.tenant_id, state=JobState.READY).exclude(pk=job.pk)
    if ref == "procedure":
        line = line.filter(lane=job.lane)
    elif ref == "project":
        line = line.filter(place=job.place)
    else:
        line = line.filter(over_limit=False)
    earlier = Q(available_at__lt=job.available_at) | Q(available_at=job.available_at, run_id__lt=job.run_id)
    ahead = line.filter(Q(priority__gt=job.priority) | Q(priority=job.priority) & earlier)
    counted = ahead.values("pk")[:PLACES_COUNTED].count()
    return counted + 1 if counted < PLACES_COUNTED else 0


def names(waits: Iterable[Wait]) -> dict[str, str]:
    """By the ref of a wait, whom it is for: who is asked, which run was started, who holds the run."""
    by_kind: dict[str, list[Wait]] = defaultdict(list)
    for wait in waits:
        by_kind[wait.kind].append(wait)
    found = {wait.ref: _holder(wait) for wait in by_kind[WaitKind.OPERATOR]}
    if asking := by_kind[WaitKind.APPROVAL]:
        found |= _asked([wait.ref for wait in asking])
    if starting := by_kind[WaitKind.SUBFLOW]:
        found |= _children([wait.ref for wait in starting])
    return found


def _holder(wait: Wait) -> str:
    needs = wait.needs or {}
    return ": ".join(text for text in (needs.get("by", ""), needs.get("reason", "")) if text)


def _children(refs: Sequence[str]) -> dict[str, str]:
    runs = Run.system.filter(pk__in=refs).values_list("pk", "procedure_key", "procedure_version", "title", "status")
    return {
        str(pk): f"{title or f'{key}@{version}'} ({RunStatus(status).label.lower()})"
        for pk, key, version, title, status in runs
    }


def _asked(approval_ids: Sequence[str]) -> dict[str, str]:
    """Who is asked by each open approval, in words."""
    found: dict[str, list[str]] = defaultdict(list)
    rows = Assignment.system.filter(approval_id__in=approval_ids, approval__status=Status.PENDING)
    for row in rows.exclude(kind=AssignmentKind.BARRED).order_by("id"):
        found[str(row.approval_id)].append(_asked_name(row))
    return {approval_id: _listed(asked) for approval_id, asked in found.items()}


def _asked_name(row: Assignment) -> str:
    article = "an" if row.name[:1] in "aeiou" else "a"
    words = {AssignmentKind.ROLE: f"{article} {row.name}", AssignmentKind.FALLBACK: "the administrators"}
    return words.get(AssignmentKind(row.kind), row.name)


def _listed(asked: Sequence[str]) -> str:
    return " or ".join(asked) if len(asked) <= 2 else f"{asked[0]}, {asked[1]} or {len(asked) - 2} others"


def counted(run: Run, wait: Wait, known: Known) -> Known:
    """The same wait of one run with how full it is, and the place in line."""
    if wait.kind != WaitKind.CAPACITY:
        return known
    kind, _, name = wait.ref.partition(":")
    if kind in ("pool", "rate", "key"):
        known = replace(known, line=_place_among_waits(run, wait))
    return _busy(run.tenant_id, name, known) if kind == "pool" else known


def _busy(tenant_id: UUID, name: str, known: Known) -> Known:
    channel, _, pool = name.partition("/")
    use = pool_use.use_of(tenant_id, channel, pool)
    if use.limit:
        return replace(known, in_use=use.in_use, most=use.limit)
    ailing = ", ".join(f"{number} {ailment}" for ailment, number in sorted(use.sick.items()))
    return replace(known, who=f"none can be used now ({ailing})" if ailing else "there is none any more")


def _place_among_waits(run: Run, wait: Wait) -> int:
    """How many steps of the tenant wait for the same and are served no later; 0 past a thousand."""
    same: QuerySet[Wait] = Wait.objects.filter(kind=wait.kind, ref=wait.ref, state=WaitState.OPEN)
    priority = RunJob.objects.values_list("priority", flat=True).get(pk=run.pk)
    earlier = Q(since__lt=wait.since) | Q(since=wait.since, pk__lt=wait.pk)
    ahead = same.filter(Q(run__job__priority__gt=priority) | Q(run__job__priority=priority) & earlier)
    found = ahead.filter(run__tenant_id=run.tenant_id).values("pk")[:PLACES_COUNTED].count()
    return found + 1 if found < PLACES_COUNTED else 0
