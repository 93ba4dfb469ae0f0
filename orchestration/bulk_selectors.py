"""Reading bulk jobs on behalf of somebody, and foretelling what one would do."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from langorch.lib.errors import NotFound
from orchestration import holds, selectors
from orchestration.choices import BulkVerb, ItemState
from orchestration.models import Bulk, BulkItem, Run
from orchestration.verbs import NEEDS_PERMISSION, Verdict, verbs
from tenants.actor import Actor
from tenants.permissions import PERMISSIONS

AT_ONCE: Final = 1_000
MOST_ROWS: Final = 50
LIGHT: Final = ("tenant_id", "project_id", "procedure_id", "procedure_version", "procedure_key", "title", "status")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a bulk job has come; the parts add up to the total."""

    total: int
    done: int
    failed: int
    skipped: int
    pending: int

    @property
    def percent(self) -> float:
        return 100 * (self.total - self.pending) / self.total if self.total else 100


@dataclass(slots=True)
class Forecast:
    """What a verb would do now: to how many runs, and why not to the others; `rows` are the first of them."""

    able: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    rows: list[tuple[Run, Verdict]] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.able + self.refusals.total()


def bulk_jobs_of(actor: Actor) -> QuerySet[Bulk]:
    """The bulk jobs `actor` may see: all of the tenant for its operators, else their own."""
    found = Bulk.objects.filter(tenant_id=actor.tenant_id)
    if not actor.holds(PERMISSIONS["runs.operate"]):
        found = found.filter(user_id=actor.user_id) if actor.user_id else found.none()
    return found.marked_scoped()


def bulk_for(actor: Actor, bulk_id: UUID | str) -> Bulk:
    """One bulk job. Raises `NotFound`."""
    try:
        key = bulk_id if isinstance(bulk_id, UUID) else UUID(bulk_id)
    except ValueError:
        raise _unknown() from None
    found = bulk_jobs_of(actor).filter(pk=key).first()
    if found is None:
        raise _unknown()
    return found


def progress(bulk: Bulk) -> Progress:
    """How far it has come, counted from its items."""
    states = {state: Count("pk", filter=Q(state=state)) for state in ItemState.values}
    counts = BulkItem.objects.filter(bulk=bulk).aggregate(total=Count("pk"), **states)
    return Progress(**counts)


def results(bulk: Bulk, most: int, states: Sequence[ItemState] = ()) -> list[BulkItem]:
    """The first items that have a verdict, those that went wrong before the others."""
    wanted = states or (ItemState.FAILED, ItemState.SKIPPED, ItemState.DONE)
    found: list[BulkItem] = []
    for state in wanted:
        found += BulkItem.objects.filter(bulk=bulk, state=state).order_by("pk")[: most - len(found)]
    return found


def forecast(actor: Actor, verb: BulkVerb, runs: QuerySet[Run]) -> Forecast:
    """What `verb` would do to `runs` now."""
    found = Forecast()
    for run, verdict in _verdicts(actor, verb, runs):
        if verdict is True:
            found.able += 1
        else:
            found.refusals[str(verdict)] += 1
        if len(found.rows) < MOST_ROWS:
            found.rows.append((run, verdict))
    return found


def _verdicts(actor: Actor, verb: BulkVerb, runs: QuerySet[Run]) -> Iterator[tuple[Run, Verdict]]:
    rows = runs.only(*LIGHT, "cancel_requested").order_by("created_at", "pk").iterator(chunk_size=AT_ONCE)
    while chunk := list(islice(rows, AT_ONCE)):
        versions = selectors.version_statuses(chunk)
        held = holds.held_among([run.pk for run in chunk]) if verb in (BulkVerb.PAUSE, BulkVerb.RESUME) else set()
        for run in chunk:
            yield run, _verdict(actor, verb, run, versions, held=run.pk in held)


def _verdict(actor: Actor, verb: BulkVerb, run: Run, versions: Any, *, held: bool) -> Verdict:
    now = selectors.situation(actor, run, versions, held=held)
    if verb == BulkVerb.TAG:
        return True if now.may_operate else NEEDS_PERMISSION
    return verbs(now)[verb]


def _unknown() -> NotFound:
    return NotFound("There is no such bulk job, or it is not yours to see.")
