"""What the rows of a run say of its limits of time, for those who end what they cover (runtime 10 and 15)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from orchestration.choices import VisitState
from orchestration.models import Run, Visit
from orchestration.visit_rows import holds
from procedures.ckp.compile import load_document
from procedures.ckp.document import Sla
from procedures.ckp.regions import MAIN

RECOVERY_SECONDS: Final = 60
"""So long a run has at least to go on at its on_failure."""
EXPIRED: Final = "expired"
"""The fact of a visit that says that a limit of it has passed, and that this is being seen to."""


@dataclass(frozen=True, slots=True)
class Covered:
    """All at or below `path` (empty: the whole run) must have ended by `at`."""

    path: str
    at: datetime


def limits(run: Run) -> list[Covered]:
    """The limits of a run and of its open visits that end what they cover; those that stand still are left out."""
    visits = list(Visit.objects.filter(run=run, state=VisitState.OPEN))
    nodes = load_document(run.document.canonical).nodes
    found = [
        Covered(visit.path, visit.started_at + timedelta(milliseconds=sla.max_duration_ms))
        for visit in visits
        if (sla := nodes[visit.node_id].sla) is not None and ends(sla) and not _is_expired(visit)
    ]
    counts_from = run.active_from
    if counts_from is None or run.asleep_since is not None:
        return found
    return [*found, *_of_run(run, counts_from), *(one for visit in visits for one in _of_visit(visit, counts_from))]


def ends(sla: Sla) -> bool:
    """Whether a breach ends the visit."""
    return sla.on_breach == "fail" or (sla.on_breach == "escalate" and bool(sla.escalation_handler))


def _of_run(run: Run, counts_from: datetime) -> Iterator[Covered]:
    length = run.document.canonical.get("global_config", {}).get("timeout_ms")
    if length is None:
        return
    at = counts_from + timedelta(milliseconds=length)
    recovered = Visit.objects.filter(run=run, region=MAIN, outcome="recover").values_list("ended_at", flat=True).first()
    yield Covered("", at if recovered is None else max(at, recovered + timedelta(seconds=RECOVERY_SECONDS)))


def _of_visit(visit: Visit, counts_from: datetime) -> Iterator[Covered]:
    kept = (visit.data or {}).get("timeout")
    if kept is not None and not _is_expired(visit):
        for_people = counts_from - datetime.fromisoformat(kept["active_from"])
        yield Covered(visit.path, visit.started_at + for_people + timedelta(milliseconds=kept["ms"]))


def _is_expired(visit: Visit) -> bool:
    return EXPIRED in (visit.data or {})


def end_for(run_id: UUID) -> datetime | None:
    """When the time of the visits above a run is over, the nearest of them; none for a run that is nobody's child."""
    found: list[datetime] = []
    run = _with_parent(run_id)
    while run.parent_run is not None:
        found += [one.at for one in limits(run.parent_run) if not one.path or holds(one.path, run.parent_path)]
        run = _with_parent(run.parent_run.pk)
    return min(found, default=None)


def _with_parent(run_id: UUID) -> Run:
    return Run.system.select_related("parent_run__document").get(pk=run_id)
