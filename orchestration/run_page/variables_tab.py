"""The tab Variables: what they are where the run stands, who wrote them, and what each visit changed."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from orchestration import history
from orchestration.changes import ABSENT
from orchestration.history import LAST_PART
from orchestration.run_page.shown import Change, Shown, shown
from orchestration.run_page.standpoint import Standpoint, standpoint
from orchestration.run_page.subject import SeenVisit, Subject
from orchestration.visit_rows import owner_of
from procedures.ckp.document import LoopNode

VISITS_PER_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Variable:
    """`writer` names the place that wrote it last, empty for an input; `times` counts the visits that changed it."""

    name: str
    value: Shown
    writer: str
    writer_url: str
    times: int
    url: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A visit and what it changed; `too_large` when it changed more than is read for a list."""

    visit: SeenVisit
    place: str
    url: str
    changes: list[Change]

    @property
    def too_large(self) -> bool:
        return self.visit.changes is None


@dataclass(slots=True)
class _Told:
    """What one walk over the visits told."""

    variables: dict[str, Any]
    writers: dict[str, str]
    times: Counter[str] = field(default_factory=Counter)
    visits: list[tuple[SeenVisit, dict[str, Any]]] = field(default_factory=list)


class VariablesTab:
    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self.name = subject.query.get("name", "")

    @cached_property
    def standpoint(self) -> Standpoint:
        """Where the variables are shown; the end of the main region when no visit has the path."""
        wanted = standpoint(self._subject)
        known = any(visit.path == wanted.path for visit in self._subject.visits)
        return wanted if known else Standpoint()

    @property
    def where(self) -> str:
        """Where the variables are shown, in words."""
        if not self.standpoint.path:
            return "Now" if self._subject.live else "At the end"
        place = self._subject.place(self.standpoint.path)
        return f"After {place}" if self.standpoint.chosen else f"At {place}"

    @cached_property
    def _told(self) -> _Told:
        subject, at = self._subject, self.standpoint
        writers, told = _Writers(subject), _Told(dict(subject.run.input_vars), {})
        for visit, variables in history.walk(subject.document, subject.run.input_vars, subject.visits):
            assert isinstance(visit, SeenVisit)
            changes = visit.changes or {}
            told.visits.append((visit, {name: variables.get(name, ABSENT) for name in changes}))
            told.times.update(changes.keys())
            writers.note(visit, changes)
            if visit.path == at.path or (not at.path and not visit.region):
                told.variables = {**variables, **changes}
                told.writers = {name: writers.of(name, visit.region) for name in told.variables}
        return told

    @property
    def variables(self) -> Iterator[Variable]:
        """The variables where the run stands; only the chosen one, and that in full, when one was chosen."""
        values, masked = self._told.variables, self._subject.masked
        for name in values if not self.name else values.keys() & {self.name}:
            value = masked(name, values[name])
            writer = self._told.writers.get(name, "")
            yield Variable(
                name,
                Shown(value) if self.name else shown(value),
                self._subject.place(writer) if writer else "",
                self._subject.address(path=writer, node="", step=""),
                self._told.times[name],
                self._subject.address(name=name),
            )

    @cached_property
    def _listed(self) -> list[tuple[SeenVisit, dict[str, Any]]]:
        """The visits that changed something of what is selected, in the order in which they ended."""
        selection, name = self._subject.selection, self.name
        return [
            (visit, before)
            for visit, before in self._told.visits
            if selection.holds(visit) and (visit.changes is None or (name in before if name else before))
        ]

    @cached_property
    def _page(self) -> tuple[int, int]:
        """The first of the listed visits that is shown, and the one after the last."""
        wanted = self._subject.number("visits")
        stop = len(self._listed) if wanted is None else min(wanted, len(self._listed))
        return max(0, stop - VISITS_PER_PAGE), stop

    @property
    def earlier(self) -> int:
        """How many listed visits stand before the page."""
        return self._page[0]

    @property
    def changed(self) -> Iterator[Changed]:
        """A page of the listed visits, the latest first."""
        first, stop = self._page
        for visit, before in reversed(self._listed[first:stop]):
            place, url = self._subject.place(visit.path), self._subject.address(path=visit.path, node="", step="")
            yield Changed(visit, place, url, list(self._changes(visit, before)))

    def _changes(self, visit: SeenVisit, before: Mapping[str, Any]) -> Iterator[Change]:
        masked, chosen = self._subject.masked, self.standpoint.chosen and visit.path == self.standpoint.path
        fit, now = Shown if chosen else shown, visit.changes or {}
        for name in now if not self.name else now.keys() & {self.name}:
            was = None if before[name] is ABSENT else fit(masked(name, before[name]))
            yield Change(name, was, fit(masked(name, now[name])))

    @property
    def all_names_url(self) -> str:
        """The tab with all variables."""
        return self._subject.address(name="")

    @property
    def part_url(self) -> str:
        """The list of visits alone, ready for how many stand before it."""
        return self._subject.address(section="changes")


class _Writers:
    """Which visit wrote a variable last, as it is seen from a region."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._by_region: dict[str, dict[str, str]] = defaultdict(dict)
        self._by_owner: dict[str, dict[str, str]] = defaultdict(dict)

    def note(self, visit: SeenVisit, changes: Mapping[str, Any]) -> None:
        wrote = dict.fromkeys(changes, visit.path)
        self._by_region[visit.region].update(wrote)
        if LAST_PART.search(visit.region):
            self._by_owner[owner_of(visit.region)].update(wrote)

    def of(self, name: str, region: str) -> str:
        """The path of the visit; that of the loop for what an iteration is about; empty for an input."""
        while True:
            if name in self._by_region[region]:
                return self._by_region[region][name]
            if not region:
                return ""
            owner = owner_of(region)
            if self._is_bound(name, owner):
                return owner
            if LAST_PART.search(region) and name in self._by_owner[owner]:
                return self._by_owner[owner][name]
            region = owner.rpartition("/")[0]

    def _is_bound(self, name: str, owner: str) -> bool:
        visit = next((visit for visit in self._subject.visits if visit.path == owner), None)
        node = self._subject.document.nodes.get(visit.node_id) if visit else None
        return isinstance(node, LoopNode) and name in (node.iterator_variable, node.index_variable)
