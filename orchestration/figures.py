"""The figures of the first screen, read in one query: rows of what, when, and how many."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import CharField, Count, F, IntegerField, Min, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import TruncHour

from approvals.models import Approval
from orchestration.choices import OPEN, RunStatus
from orchestration.models import Run
from tenants.models import Tenant

HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)
HOURS = 24
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STARTED, TO_RETRY, MINE, DUE, VERSION = "started", "to_retry", "mine", "due", "version"

Row = tuple[str, datetime | None, int]


@dataclass(frozen=True, slots=True)
class Figure:
    """How many, and the earliest moment among them."""

    number: int = 0
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Hours:
    """How often something happened in each of the last 24 hours, and in the same hours a week before; oldest first."""

    now: tuple[int, ...]
    before: tuple[int, ...]


@dataclass(slots=True)
class Figures:
    """`version` is that of the lists of runs."""

    now: datetime
    version: int = 0
    _single: dict[str, Figure] = field(default_factory=dict)
    _hourly: dict[str, dict[datetime, int]] = field(default_factory=lambda: defaultdict(dict))

    def of(self, name: str) -> Figure:
        """An open status, `to_retry` (failed in 7 days, not retried), `mine` (my approvals) or `due` (their times)."""
        return self._single.get(name, Figure())

    def hours(self, name: str) -> Hours:
        """The hours of `started`, `completed` or `failed`."""
        hours = [_first_hour(self.now) + number * HOUR for number in range(HOURS)]
        found = self._hourly[name]
        return Hours(tuple(found.get(hour, 0) for hour in hours), tuple(found.get(hour - WEEK, 0) for hour in hours))

    def take(self, rows: Iterable[Row]) -> None:
        for name, at, number in rows:
            if name == VERSION:
                self.version = (at - EPOCH) // timedelta(microseconds=1) if at else 0
            elif name in (STARTED, RunStatus.COMPLETED, RunStatus.FAILED) and at:
                self._hourly[name][at] = number
            elif number:
                self._single[name] = Figure(number, at)


def figures(tenant_id: Any, runs: QuerySet[Run], mine: QuerySet[Approval], now: datetime) -> Figures:
    """The figures of `runs` and of the approvals that wait for somebody; `version` is of the whole tenant."""
    changed = Run.system.filter(tenant=OuterRef("pk")).order_by("-updated_at").values("updated_at")[:1]
    version = (
        Tenant.objects.filter(pk=tenant_id)
        .order_by()
        .annotate(what=_named(VERSION), at=Subquery(changed), number=Value(0, IntegerField()))
    )
    ended = runs.filter(_recent("ended_at", now), status__in=[RunStatus.COMPLETED, RunStatus.FAILED])
    failed = runs.filter(status=RunStatus.FAILED, ended_at__gte=now - WEEK, retries__isnull=True)
    parts = [
        _hourly(runs.filter(_recent("created_at", now)), _named(STARTED), "created_at"),
        _hourly(ended, F("status"), "ended_at"),
        _earliest(runs.filter(status__in=sorted(OPEN)), F("status"), "updated_at"),
        _earliest(failed, _named(TO_RETRY), "ended_at"),
        _earliest(mine, _named(MINE), "created_at"),
        _earliest(mine, _named(DUE), "expires_at"),
    ]
    found = Figures(now)
    found.take(_columns(version).union(*parts, all=True))
    return found


def _hourly(runs: QuerySet[Run], what: Any, moment: str) -> QuerySet[Any, Row]:
    rows = runs.order_by().annotate(what=what, at=TruncHour(moment, tzinfo=UTC)).values("what", "at")
    return _columns(rows.annotate(number=Count("pk")))


def _earliest(things: QuerySet[Any], what: Any, moment: str) -> QuerySet[Any, Row]:
    rows = things.order_by().annotate(what=what).values("what")
    return _columns(rows.annotate(at=Min(moment), number=Count("pk")))


def _columns(rows: QuerySet[Any, Any]) -> QuerySet[Any, Row]:
    return rows.values_list("what", "at", "number")


def _named(name: str) -> Value:
    return Value(name, CharField())


def _recent(moment: str, now: datetime) -> Q:
    """In the last 24 hours by the clock, or in the same hours a week before."""
    earlier = now - WEEK
    week_before = Q((f"{moment}__gte", _first_hour(earlier)), (f"{moment}__lt", earlier))
    return Q((f"{moment}__gte", _first_hour(now))) | week_before


def _first_hour(end: datetime) -> datetime:
    return end.astimezone(UTC).replace(minute=0, second=0, microsecond=0) - (HOURS - 1) * HOUR
