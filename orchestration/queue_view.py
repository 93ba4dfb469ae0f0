"""The queue as an operator sees it: how deep it is, and what comes next."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Q

from langorch.lib import clock
from orchestration import selectors, waiting
from orchestration.choices import ENDED, JobState, RunStatus
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
    """The next ready jobs in the order in which workers take those of one tenant."""
    visible = selectors.runs_visible_to(actor).filter(job__state=JobState.READY).select_related("job")
    runs = list(visible.order_by("-job__priority", "job__available_at", "pk")[:NEXT_JOBS])
    waits = waiting.waiting_for_each(runs)
    return [_job(run, run.job, waits[run.pk].entry) for run in runs]


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
