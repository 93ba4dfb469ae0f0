"""The list of runs as its page shows it: filtered, counted per status, paged by key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet, Subquery

from langorch.lib import clock
from langorch.lib.counting import CountUpTo
from langorch.lib.errors import Invalid
from orchestration import filter_words, node_names, selectors, sentences, waiting
from orchestration.api import filters
from orchestration.choices import RunStatus
from orchestration.filter_words import Fault
from orchestration.mode_words import mode_words
from orchestration.models import Run
from orchestration.verbs import verbs
from procedures.graph import words
from tenants.actor import Actor
from tenants.models import Project, Tenant

PAGE_SIZE = 50
CHOSEN_VERBS = ("retry", "cancel", "delete")
"""What can be done to several runs at once, and depends on their state."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
TAB_STATUSES = (
    ("created", "Queued"),
    ("running", "Running"),
    ("waiting_approval", "Needs approval"),
    ("paused", "Paused"),
    ("completed", "Completed"),
    ("failed", "Failed"),
    ("canceled", "Canceled"),
)


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run with the name of the node it reached, what it waits for or how it ended, and the verbs it takes now."""

    run: Run
    node: str
    words: str
    can: str = ""

    @property
    def title(self) -> str:
        return self.run.title or self.run.procedure.name

    @property
    def mode(self) -> str:
        """How the run deals with the world outside; empty for a real one."""
        return mode_words(self.run)


@dataclass(frozen=True, slots=True)
class RunList:
    """A page: `newer` and `older` are the keys of the neighbouring pages, `counts` the runs per status up to 10,001.

    `version` is that of the live section; `faults` are words of the filter that do not filter.
    """

    rows: Sequence[RunRow]
    newer: str | None
    older: str | None
    counts: Mapping[str, int]
    version: int
    chips: Sequence[filter_words.Chip]
    faults: Sequence[Fault]


def run_list(actor: Actor, project: Project | None, query: Mapping[str, str]) -> RunList:
    """The page that the query string asks for: f (words), status, before or after (keys)."""
    understood = filter_words.read(query.get("f", ""), clock.now())
    found, faults = _filtered(actor, understood)
    if project:
        found = found.filter(project=project)
    counts, version = _counts(actor, found)
    status = query.get("status", "")
    if status in RunStatus.values:
        found = found.filter(status=status)
    elif status:
        faults = [*faults, Fault(f"status={status}", f"there are {', '.join(RunStatus.values)}")]
    runs, newer, older = _page(found, query)
    rows = with_verbs(actor, rows_of(runs))
    return RunList(rows, newer, older, counts, version, understood.chips, faults)


def matching(actor: Actor, project: Project | None, query: Mapping[str, str]) -> QuerySet[Run]:
    """All runs that the query string asks for. Raises `Invalid` when a word of it cannot be read."""
    understood = filter_words.read(query.get("f", ""), clock.now())
    if understood.faults:
        raise Invalid(f"{understood.faults[0].word}: {understood.faults[0].reason}")
    found = filters.filtered(actor, understood.params)
    if project:
        found = found.filter(project=project)
    status = query.get("status", "")
    if status and status not in RunStatus.values:
        raise Invalid(f"There is no status {status}.")
    return found.filter(status=status) if status else found


def with_verbs(actor: Actor, rows: Sequence[RunRow]) -> list[RunRow]:
    """The rows with the verbs that their runs take from `actor` now, for choosing several."""
    if not actor.may("runs.operate"):
        return list(rows)
    versions = selectors.version_statuses([row.run for row in rows])
    return [replace(row, can=_verbs(actor, row.run, versions)) for row in rows]


def listed(runs: QuerySet[Run]) -> QuerySet[Run]:
    """`runs`, newest first, with what `rows_of` shows of them."""
    light = runs.defer("input_vars", "output_vars", "test_data_overrides", "labels")
    return node_names.with_names(light.select_related("procedure", "job")).order_by("-created_at", "-pk")


def rows_of(runs: Sequence[Run]) -> list[RunRow]:
    """Runs that were read as `listed`, in words."""
    now = clock.now()
    waits = waiting.waiting_for_each(runs, sentences.manner(now, node_names.name_of))
    return [_row(run, waits[run.pk].entry, now) for run in runs]


def _verbs(actor: Actor, run: Run, versions: Mapping[selectors.VersionKey, str]) -> str:
    now = selectors.situation(actor, run, versions)
    able = [verb for verb in CHOSEN_VERBS if verbs(now).get(verb) is True]
    return " ".join([*able, "tag"] if now.may_operate else able)


def _row(run: Run, entry: Mapping[str, Any] | None, now: datetime) -> RunRow:
    node = words.shortened(node_names.name_of(run, run.last_node_id)) if run.last_node_id else ""
    return RunRow(run, node, sentences.second_line(run, entry, now))


def _filtered(actor: Actor, understood: filter_words.Filter) -> tuple[QuerySet[Run], list[Fault]]:
    """The runs that all good words ask for, and the bad words."""
    faults = list(understood.faults)
    try:
        return filters.filtered(actor, understood.params), faults
    except Invalid as refusal:
        bad = {place.field: place.message for place in refusal.places if place.field}
    faults += [Fault(understood.origins[name], reason[:1].lower() + reason[1:]) for name, reason in bad.items()]
    good = {name: value for name, value in understood.params.items() if name not in bad}
    return filters.filtered(actor, good), faults


def _counts(actor: Actor, found: QuerySet[Run]) -> tuple[dict[str, int], int]:
    """How many runs there are per status, and the version of all lists of runs of the tenant; one query."""
    changed = Run.system.filter(tenant_id=actor.tenant_id).order_by("-updated_at").values("updated_at")[:1]
    by_status = {status: CountUpTo(found.filter(status=status)) for status in RunStatus.values}
    tenant = Tenant.objects.filter(pk=actor.tenant_id)
    row = tenant.annotate(changed=Subquery(changed), **by_status).values("changed", *by_status).get()
    latest = row.pop("changed")
    version = (latest - EPOCH) // MICROSECOND if latest else 0
    return {status: number or 0 for status, number in row.items()}, version


def _page(found: QuerySet[Run], query: Mapping[str, str]) -> tuple[list[Run], str | None, str | None]:
    rows = listed(found)
    if key := _read_key(query.get("after", "")):
        later = Q(created_at__gt=key[0]) | Q(created_at=key[0], pk__gt=key[1])
        nearest = list(rows.filter(later).order_by("created_at", "pk")[: PAGE_SIZE + 1])
        runs = nearest[:PAGE_SIZE][::-1]
        return runs, _key(runs, 0) if len(nearest) > PAGE_SIZE else None, _key(runs, -1)
    key = _read_key(query.get("before", ""))
    if key:
        rows = rows.filter(Q(created_at__lt=key[0]) | Q(created_at=key[0], pk__lt=key[1]))
    nearest = list(rows[: PAGE_SIZE + 1])
    runs = nearest[:PAGE_SIZE]
    return runs, _key(runs, 0) if key else None, _key(runs, -1) if len(nearest) > PAGE_SIZE else None


def _key(runs: Sequence[Run], index: int) -> str | None:
    """Where a run stands in the list: microseconds since 1970 and its id."""
    return f"{(runs[index].created_at - EPOCH) // MICROSECOND}-{runs[index].pk.hex}" if runs else None


def _read_key(text: str) -> tuple[datetime, UUID] | None:
    moment, _, key = text.partition("-")
    try:
        return EPOCH + int(moment) * MICROSECOND, UUID(key)
    except (ValueError, OverflowError):
        return None
