"""The queue as an operator sees it: how deep it is, and what comes next."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Q, Window
from django.db.models.functions import RowNumber

from langorch.lib import clock
from orchestration import selectors, waiting, waiting_facts
from orchestration.choices import ENDED, JobState, RunStatus
from orchestration.line import Ready, claim_order
from orchestration.models import Run, RunJob
from tenants.actor import Actor

NEXT_JOBS = 20
DONE_WITHIN = timedelta(hours=24)
DONE_NAMES = {RunStatus.COMPLETED: "done", RunStatus.FAILED: "failed", RunStatus.CANCELED: "cancelled"}


def queue(actor: Actor) -> dict[str, Any]:
    """QueueOut over the runs that `actor` may see; what is done counts for 24 hours (api 5)."""
    depth = _open(actor) | _done(actor)
    return {
        "depth_by_status": depth,
        "total_pending": depth["queued"] + depth["retrying"],
        "total_running": depth["running"],
        "total_done": depth["done"],
        "total_failed": depth["failed"],
        "next_jobs": _next_jobs(actor),
    }


def _open(actor: Actor) -> dict[str, int]:
    """Jobs by what they do: ready ones are queued, or retrying after a worker was lost."""
    ready = Q(job__state=JobState.READY)
    numbers: dict[str, int] = (
        selectors.runs_visible_to(actor)
        .exclude(status__in=ENDED)
        .aggregate(
            queued=Count("pk", filter=ready & Q(job__losses=0)),
            retrying=Count("pk", filter=ready & Q(job__losses__gt=0)),
            running=Count("pk", filter=Q(job__state=JobState.LEASED)),
            waiting=Count("pk", filter=Q(job__state=JobState.PARKED)),
        )
    )
    return numbers


def _done(actor: Actor) -> dict[str, int]:
    since = clock.now() - DONE_WITHIN
    recent = selectors.runs_visible_to(actor).filter(status__in=ENDED, updated_at__gte=since, ended_at__gte=since)
    numbers = dict(recent.order_by().values_list("status").annotate(number=Count("pk")))
    return {name: numbers.get(status, 0) for status, name in DONE_NAMES.items()}


def _next_jobs(actor: Actor) -> list[dict[str, Any]]:
    """The next ready jobs in the order in which workers take those of the tenant; set aside ones come last."""
    heads = _heads(actor)
    visible = selectors.runs_visible_to(actor).filter(job__state=JobState.READY).select_related("job")
    by_id = visible.filter(pk__in=[one.run_id for one in heads]).in_bulk()
    runs = [by_id[one.run_id] for one in heads if one.run_id in by_id][:NEXT_JOBS]
    aside = visible.filter(job__over_limit=True).order_by("-job__priority", "job__available_at", "pk")
    runs += aside[: NEXT_JOBS - len(runs)]
    places = {one.run_id: place for place, one in enumerate(heads[:NEXT_JOBS], start=1)}
    waits = waiting.waiting_for_each(runs, line=places)
    return [_job(run, run.job, waits[run.pk].entry) for run in runs]


def _heads(actor: Actor) -> list[Ready]:
    """The first twenty of each project of the tenant, in the order of their claims; twenty of these are exact."""
    ready = RunJob.objects.filter(tenant_id=actor.tenant_id, state=JobState.READY, over_limit=False)
    place = Window(RowNumber(), partition_by=F("place"), order_by=[F("priority").desc(), "available_at", "pk"])
    rows = ready.annotate(rank=place).filter(rank__lte=NEXT_JOBS)
    now = clock.now()
    found = [
        Ready(run_id, place, priority, available_at, later=available_at > now)
        for run_id, place, priority, available_at in rows.values_list("pk", "place", "priority", "available_at")
    ]
    _, at_work = waiting_facts.at_work([actor.tenant_id])
    return claim_order(found, at_work)


def _job(run: Run, job: RunJob, entry: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "job_id": run.pk,
        "run_id": run.pk,
        "status": "retrying" if job.losses else "queued",
        "priority": job.priority,
        "attempts": job.losses,
        "max_attempts": settings.ENV.WORKER_MAX_ATTEMPTS,
        "available_at": job.available_at,
        "locked_by": job.lease_owner or None,
        "waiting_for": entry,
    }
