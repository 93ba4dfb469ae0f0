"""Versions of what live pages show: numbers that grow with every change, read on behalf of somebody.

Sections are called `run:<id>:<part>`, `runs:<part>` (lists), `approval:<id>:<part>` and `approvals:<part>` (inbox,
counter). What the reader may not see has no version.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Max

from approvals import selectors as approvals
from langorch.lib import groups
from orchestration import selectors
from orchestration.models import Run
from tenants.actor import Actor

RUN, RUNS, APPROVAL, APPROVALS = "run", "runs", "approval", "approvals"
WITH_ID = frozenset({RUN, APPROVAL})
LISTS = frozenset({RUNS, APPROVALS})


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page. `thing` is the id of what it shows; lists have none."""

    name: str
    kind: str
    thing: UUID | None = None

    def group(self, tenant_id: UUID) -> str:
        """The live group whose wake-ups concern this section."""
        if self.kind == RUN and self.thing is not None:
            return groups.run(self.thing)
        return groups.runs(tenant_id) if self.kind == RUNS else groups.approvals(tenant_id)


def section(name: str) -> Section | None:
    """The section of that name; None for a name that says nothing to us."""
    kind, _, rest = name.partition(":")
    if kind in LISTS:
        return Section(name, kind)
    if kind not in WITH_ID:
        return None
    try:
        return Section(name, kind, UUID(rest.partition(":")[0]))
    except ValueError:
        return None


def versions(actor: Actor, sections: Iterable[Section]) -> dict[str, int]:
    """The present version of each section that `actor` may see."""
    by_kind: dict[str, list[Section]] = defaultdict(list)
    for one in sections:
        by_kind[one.kind].append(one)
    found: dict[str, int] = {}
    for kind, listed in by_kind.items():
        if kind == RUNS and not actor.may("view"):
            continue
        if kind in LISTS:
            number = runs_version(actor) if kind == RUNS else approvals_version(actor)
            found |= {one.name: number for one in listed}
        else:
            numbers = _runs(actor, listed) if kind == RUN else _approvals(actor, listed)
            found |= {one.name: numbers[one.thing] for one in listed if one.thing in numbers}
    return found


def runs_version(actor: Actor) -> int:
    """The version of a list of runs."""
    return _latest(Run.system.filter(tenant_id=actor.tenant_id).aggregate(at=Max("updated_at"))["at"])


def approvals_version(actor: Actor) -> int:
    """The version of an inbox, and of the counter in the head of every page."""
    return approvals.inbox_version(actor)


def _runs(actor: Actor, sections: Iterable[Section]) -> Mapping[UUID | None, int]:
    ids = {one.thing for one in sections if one.thing}
    return dict(selectors.runs_visible_to(actor).filter(pk__in=ids).values_list("pk", "last_seq"))


def _approvals(actor: Actor, sections: Iterable[Section]) -> Mapping[UUID | None, int]:
    ids = {one.thing for one in sections if one.thing}
    rows = approvals.visible_to(actor).filter(pk__in=ids).only("pk", "updated_at")
    return {row.pk: approvals.version(row) for row in rows}


def _latest(moment: datetime | None) -> int:
    """Microseconds, which JavaScript still counts exactly."""
    return int(moment.timestamp() * 1_000_000) if moment else 0
