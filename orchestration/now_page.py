"""The first screen: what needs a person, how things stand against last week, what changed, the latest runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from urllib.parse import urlencode

from approvals import selectors as approvals
from langorch.lib import clock
from orchestration import run_list, selectors
from orchestration.choices import PARKED, RunStatus
from orchestration.figures import DUE, MINE, STARTED, TO_RETRY, Figures, figures
from orchestration.run_list import RunRow
from procedures.models import CurrentVersion, Procedure
from tenants.actor import Actor
from tenants.models import Project

LATEST = 10
CHANGES = 5
SAMPLE = "invoice"
NUMBERS = ("Nothing", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve")


@dataclass(frozen=True, slots=True)
class Need:
    """Something that waits for a person: how many, since when, and where to go."""

    icon: str
    tone: str
    number: int
    title: str
    since: datetime | None
    due: datetime | None
    url: str
    verb: str


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure with its line of 24 hours over that of last week; open things have no line."""

    label: str
    value: int
    words: str
    tone: str = ""
    values: Sequence[int] = ()
    before: Sequence[int] = ()


class NowPage:
    """The parts of the first screen, for one project or for everything a person may see."""

    def __init__(self, actor: Actor, project: Project | None) -> None:
        self._actor = actor
        self._project = project
        self.now = clock.now()

    @cached_property
    def _figures(self) -> Figures:
        runs, mine = selectors.runs_visible_to(self._actor), approvals.waiting_for_me(self._actor)
        if self._project:
            runs, mine = runs.filter(project=self._project), mine.filter(project=self._project)
        return figures(self._actor.tenant_id, runs, mine, self.now)

    @property
    def version(self) -> int:
        return self._figures.version

    @property
    def empty(self) -> bool:
        """Whether there is no run yet, so that the page shows the first steps."""
        return not self.latest

    @cached_property
    def sample(self) -> CurrentVersion | None:
        """The sample that asks a person, when it was loaded."""
        current = CurrentVersion.objects.visible_to(self._actor).filter(procedure__procedure_id=SAMPLE)
        return current.select_related("version", "procedure").first()

    @cached_property
    def has_procedures(self) -> bool:
        return Procedure.objects.visible_to(self._actor).exists()

    @cached_property
    def needs(self) -> Sequence[Need]:
        return [need for need in (self._mine(), self._failed(), self._others()) if need.number]

    @cached_property
    def tiles(self) -> Sequence[Tile]:
        waiting = sum(self._figures.of(status).number for status in PARKED)
        return [
            Tile("Queued", self._figures.of(RunStatus.CREATED).number, "now"),
            Tile("Running", self._figures.of(RunStatus.RUNNING).number, "now"),
            Tile("Waiting", waiting, "now"),
            self._tile("Started, 24 h", STARTED),
            self._tile("Completed, 24 h", RunStatus.COMPLETED),
            self._tile("Failed, 24 h", RunStatus.FAILED, "bad"),
        ]

    @cached_property
    def changes(self) -> Sequence[CurrentVersion]:
        """The latest publications."""
        found = CurrentVersion.objects.visible_to(self._actor).select_related("version", "procedure")
        if self._project:
            found = found.filter(procedure__project=self._project)
        return list(found.order_by("-promoted_at")[:CHANGES])

    @cached_property
    def latest(self) -> Sequence[RunRow]:
        runs = run_list.listed(selectors.runs_visible_to(self._actor))
        if self._project:
            runs = runs.filter(project=self._project)
        return run_list.rows_of(list(runs[:LATEST]))

    @property
    def headline(self) -> str:
        number = sum(need.number for need in self.needs)
        if not number:
            return "Nothing needs a person. Everything is moving."
        words = NUMBERS[number] if number < len(NUMBERS) else f"{number:,}"
        return f"{words} {'thing needs' if number == 1 else 'things need'} a person. Everything else is moving."

    def _mine(self) -> Need:
        found = self._figures.of(MINE)
        title = _many(found.number, "approval for you", "approvals for you")
        due = self._figures.of(DUE).at
        return Need("s-person", "warn", found.number, title, found.at, due, self._address("/approvals"), "Decide")

    def _failed(self) -> Need:
        found = self._figures.of(TO_RETRY)
        title = _many(found.number, "failed run in 7 days", "failed runs in 7 days")
        url = self._address("/runs", status="failed", f="since:7d")
        return Need("s-failed", "bad", found.number, title, found.at, None, url, "Look")

    def _others(self) -> Need:
        """Runs that wait for decisions, said to those who have none to make themselves."""
        found = self._figures.of(RunStatus.WAITING_APPROVAL)
        number = 0 if self._figures.of(MINE).number else found.number
        title = _many(number, "run waits for a decision of others", "runs wait for decisions of others")
        url = self._address("/runs", status="waiting_approval")
        return Need("s-person", "muted", number, title, found.at, None, url, "Look")

    def _tile(self, label: str, name: str, tone: str = "") -> Tile:
        hours = self._figures.hours(name)
        number = sum(hours.now)
        return Tile(label, number, f"last week {sum(hours.before):,}", tone if number else "", hours.now, hours.before)

    def _address(self, path: str, **query: str) -> str:
        kept = query | ({"project": str(self._project.pk)} if self._project else {})
        return f"{path}?{urlencode(kept)}" if kept else path


def _many(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
