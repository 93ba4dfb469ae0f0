"""Removing what is older than it is to be kept: 1,000 rows a transaction, the oldest first (settings 5).

Open runs are never touched.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from agents.models import AgentLease
from approvals.choices import NoticeState, Status
from approvals.models import Notice
from langorch.lib import clock
from orchestration.artifacts.retention import overdue, remove_overdue
from orchestration.choices import OPEN, StepState, WaitState
from orchestration.models import Bulk, Event, IdempotencyKey, Run, Snapshot, Wait
from orchestration.services.delete import clean_up_runs
from tenants.actor import system
from tenants.models import AccessToken, StoredAnswer, Tenant

AT_ONCE: Final = 1_000
WEEK: Final = timedelta(days=7)
DAY: Final = timedelta(days=1)

Age = Callable[[], timedelta | None]
Rows = Callable[[datetime], QuerySet[Any]]


class Kind(NamedTuple):
    """Rows of one kind: how long they are kept (none: for ever), which are older than a time, and, where more than
    the rows goes, what removes those until a monotonic time."""

    age: Age
    rows: Rows
    remove: Callable[[datetime, float], int] | None = None


def prune(name: str, until: float, before: datetime | None = None, *, dry_run: bool = False) -> int:
    """Remove rows of one kind that are too old, or older than `before`, until a monotonic time; how many.

    With `dry_run` they are counted only.
    """
    kind = KINDS[name]
    kept = kind.age()
    limit = before or (None if kept is None else clock.now() - kept)
    if limit is None:
        return 0
    if dry_run:
        return kind.rows(limit).count()
    return kind.remove(limit, until) if kind.remove else _remove(kind.rows(limit), until)


def _remove(rows: QuerySet[Any], until: float) -> int:
    removed = 0
    while clock.monotonic() < until:
        with transaction.atomic():
            batch = list(rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
            rows.model._base_manager.filter(pk__in=batch).delete()
        removed += len(batch)
        if len(batch) < AT_ONCE:
            break
    return removed


def _remove_runs(before: datetime, until: float) -> int:
    tenants = Tenant.objects.values_list("pk", flat=True)
    return sum(clean_up_runs(system(tenant_id), before, reason="retention") for tenant_id in tenants)


def _days(name: str) -> Age:
    """So many days as a setting says; 0 keeps for ever."""

    def age() -> timedelta | None:
        days = getattr(settings.ENV, name)
        if days is None:
            days = settings.ENV.CHECKPOINT_RETENTION_DAYS
        return timedelta(days=days) if days else None

    return age


def _old_events(before: datetime) -> QuerySet[Any]:
    return Event.objects.filter(run__ended_at__lt=before)


def _closed_waits(before: datetime) -> QuerySet[Any]:
    return Wait.objects.exclude(state=WaitState.OPEN).filter(run__ended_at__lt=before, closed_at__lt=before)


def _given_back(before: datetime) -> QuerySet[Any]:
    """Leases of runs that ended; an open one goes back to the agents that served it."""
    still_open = Run.system.filter(pk=OuterRef("run_id"), status__in=OPEN)
    return AgentLease.system.filter(~Exists(still_open), released_at__lt=before)


def _old_notices(before: datetime) -> QuerySet[Any]:
    """Mails that are not to be sent any more, about questions that are closed."""
    closed = Notice.system.exclude(approval__status=Status.PENDING).exclude(state=NoticeState.PENDING)
    return closed.filter(available_at__lt=before)


def _old_checkpoints(before: datetime) -> QuerySet[Any]:
    return Snapshot.objects.filter(run__ended_at__lt=before)


def _spare_checkpoints(before: datetime) -> QuerySet[Any]:
    """Those that are neither the last of their run, nor pinned, nor of a run that was forked."""
    later = Snapshot.objects.filter(run=OuterRef("run"), pk__gt=OuterRef("pk"))
    forks = Run.system.filter(forked_from=OuterRef("run"))
    return _old_checkpoints(before).filter(Exists(later), ~Exists(forks), pinned=False)


def _old_keys(before: datetime) -> QuerySet[Any]:
    return IdempotencyKey.system.filter(Q(state=StepState.COMPLETED), updated_at__lt=before)


def _old_runs(before: datetime) -> QuerySet[Any]:
    return Run.system.filter(ended_at__lt=before)


def _hours() -> timedelta | None:
    return timedelta(hours=settings.ENV.CHECKPOINT_KEEP_HOURS)


KINDS: Final[dict[str, Kind]] = {
    "artifacts": Kind(_days("ARTIFACT_RETENTION_DAYS"), overdue, remove_overdue),
    "waits": Kind(lambda: WEEK, _closed_waits),
    "leases": Kind(lambda: WEEK, _given_back),
    "bulk_jobs": Kind(lambda: WEEK, lambda before: Bulk.system.filter(ended_at__lt=before)),
    "tokens": Kind(lambda: WEEK, lambda before: AccessToken.system.filter(expires_at__lt=before)),
    "answers": Kind(lambda: DAY, lambda before: StoredAnswer.system.filter(created_at__lt=before)),
    "notices": Kind(_days("DELIVERY_RETENTION_DAYS"), _old_notices),
    "spare_checkpoints": Kind(_hours, _spare_checkpoints),
    "checkpoints": Kind(_days("CHECKPOINT_RETENTION_DAYS"), _old_checkpoints),
    "events": Kind(_days("EVENT_RETENTION_DAYS"), _old_events),
    "idempotency_keys": Kind(_days("IDEMPOTENCY_KEY_DAYS"), _old_keys),
    "runs": Kind(_days("RUN_RETENTION_DAYS"), _old_runs, _remove_runs),
}
"""The job of an ended run is not among them: a retry from the failed step queues that row again."""
