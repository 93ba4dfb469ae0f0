"""Removing what is older than it is to be kept: 1,000 rows a transaction, the oldest first (settings 5).

Open runs are never touched.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from langorch.lib import clock
from orchestration.choices import StepState, WaitState
from orchestration.models import Event, IdempotencyKey, Run, Snapshot, Wait
from orchestration.services.delete import clean_up_runs
from tenants.actor import system
from tenants.models import Tenant

AT_ONCE: Final = 1_000
CLOSED_WAITS: Final = timedelta(days=7)

Age = Callable[[], timedelta | None]
Rows = Callable[[datetime], QuerySet[Any]]


def prune(name: str, until: float, before: datetime | None = None, *, dry_run: bool = False) -> int:
    """Remove rows of one kind that are too old, or older than `before`, until a monotonic time; how many.

    With `dry_run` they are counted only.
    """
    age, rows = KINDS[name]
    kept = age()
    limit = before or (None if kept is None else clock.now() - kept)
    if limit is None:
        return 0
    if dry_run:
        return rows(limit).count()
    return _remove_runs(limit) if name == "runs" else _remove(rows(limit), until)


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


def _remove_runs(before: datetime) -> int:
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


KINDS: Final[dict[str, tuple[Age, Rows]]] = {
    "waits": (lambda: CLOSED_WAITS, _closed_waits),
    "spare_checkpoints": (_hours, _spare_checkpoints),
    "checkpoints": (_days("CHECKPOINT_RETENTION_DAYS"), _old_checkpoints),
    "events": (_days("EVENT_RETENTION_DAYS"), _old_events),
    "idempotency_keys": (_days("IDEMPOTENCY_KEY_DAYS"), _old_keys),
    "runs": (_days("RUN_RETENTION_DAYS"), _old_runs),
}
