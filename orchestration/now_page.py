"""The first screen: what needs a person, how things stand against last week, what changed, the latest runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from django.db.models import Count, Min, Q

from approvals import selectors as approvals
from langorch.lib import clock
from orchestration import live_sections, run_list, selectors, waiting
from orchestration.choices import OPEN, PARKED, RunStatus
from orchestration.run_list import RunRow
from procedures.models import CurrentVersion, Procedure
from tenants.actor import Actor

LATEST = 10
CHANGES = 5
DAY = timedelta(days=1)
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Need:
    """Something that waits for a person: how many, since when, and where to go."""

    icon: str
    tone: str
    title: str
    since: datetime | None
    due: datetime | None
    url: str
    verb: str


@dataclass(frozen=True, slots=True)
class Tile:
    label: str
    value: int
    words: str
    tone: str = ""


class NowPage:
    """The parts of the first screen, for everything one person may see."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        self._runs = selectors.runs_visible_to(actor)
        self.now = clock.now()
        self.version = live_sections.runs_version(actor)

    @cached_property
    def empty(self) -> bool:
        """Whether there is no run yet, so that the page shows the first steps."""
        return not self._runs.exists()

    @cached_property
    def has_procedures(self) -> bool:
        return Procedure.objects.visible_to(self._actor).exists()

    @cached_property
    def needs(self) -> Sequence[Need]:
        return [need for need in (self._approvals(), self._failed()) if need]

    @cached_property
    def tiles(self) -> Sequence[Tile]:
        today, week = self._counts(self.now - DAY, self.now), self._counts(self.now - WEEK - DAY, self.now - WEEK)
        still_open = self._runs.filter(status__in=sorted(OPEN)).order_by()
        open_now = dict(still_open.values_list("status").annotate(number=Count("pk")))
        waiting_now = sum(open_now.get(status, 0) for status in PARKED)
        return [
            Tile("Queued", open_now.get("created", 0), "now"),
            Tile("Running", open_now.get("running", 0), "now"),
            Tile("Waiting", waiting_now, "now"),
            Tile("Started, 24 h", today["started"], f"last week {week['started']}"),
            Tile("Completed, 24 h", today["completed"], f"last week {week['completed']}"),
            Tile("Failed, 24 h", today["failed"], f"last week {week['failed']}", "bad" if today["failed"] else ""),
        ]

    @cached_property
    def changes(self) -> Sequence[CurrentVersion]:
        """The latest publications."""
        found = CurrentVersion.objects.visible_to(self._actor).select_related("version", "procedure")
        return list(found.order_by("-promoted_at")[:CHANGES])

    @cached_property
    def latest(self) -> Sequence[RunRow]:
        runs = list(self._runs.order_by("-created_at", "-pk")[:LATEST])
        waits = waiting.waiting_for_each(runs)
        return [RunRow(run, run_list.words_of(run, waits[run.pk].entry)) for run in runs]

    def _approvals(self) -> Need | None:
        mine = approvals.waiting_for_me(self._actor)
        found = mine.aggregate(number=Count("pk"), since=Min("created_at"), due=Min("expires_at"))
        if not found["number"]:
            return None
        title = _many(found["number"], "approval for you", "approvals for you")
        return Need("s-person", "warn", title, found["since"], found["due"], "/approvals", "Decide")

    def _failed(self) -> Need | None:
        recent = self._runs.filter(status=RunStatus.FAILED, ended_at__gte=self.now - WEEK, retries__isnull=True)
        found = recent.aggregate(number=Count("pk"), since=Min("ended_at"))
        if not found["number"]:
            return None
        title = _many(found["number"], "failed run in 7 days", "failed runs in 7 days")
        return Need("s-failed", "bad", title, found["since"], None, "/runs?status=failed&f=since:7d", "Look")

    def _counts(self, begin: datetime, end: datetime) -> dict[str, int]:
        ended = Q(ended_at__gte=begin, ended_at__lt=end)
        return self._runs.aggregate(
            started=Count("pk", filter=Q(created_at__gte=begin, created_at__lt=end)),
            completed=Count("pk", filter=ended & Q(status=RunStatus.COMPLETED)),
            failed=Count("pk", filter=ended & Q(status=RunStatus.FAILED)),
        )

    def headline(self) -> str:
        if not self.needs:
            return "Nothing needs a person. Everything is moving."
        number = len(self.needs)
        return "One thing needs a person." if number == 1 else f"{number} things need a person."


def _many(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
