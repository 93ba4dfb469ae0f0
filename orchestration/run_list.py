"""The list of runs as its page shows it: filtered, counted per status, paged by key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from langorch.lib import clock
from orchestration import filter_words, sentences, waiting
from orchestration.api.filters import RunFilter
from orchestration.choices import ENDED, RunStatus
from orchestration.models import Run

PAGE_SIZE = 50
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
    run: Run
    words: str


@dataclass(frozen=True, slots=True)
class RunList:
    """A page: `newer` and `older` are the keys of the neighbouring pages, `counts` the runs per status."""

    rows: Sequence[RunRow]
    newer: str | None
    older: str | None
    counts: Mapping[str, int]
    filter: filter_words.Filter


def run_list(visible: QuerySet[Run], query: Mapping[str, str]) -> RunList:
    """The page that the query string asks for: f (words), status, project, procedure_id, before or after (keys)."""
    understood = filter_words.read(query.get("f", ""), clock.now())
    named = {name: query[name] for name in ("procedure_id",) if query.get(name)}
    params = {**named, **understood.params}
    filtered = RunFilter(params, queryset=visible).qs
    if project := _uuid(query.get("project", "")):
        filtered = filtered.filter(project_id=project)
    counts = dict(filtered.order_by().values_list("status").annotate(number=Count("pk")))
    if query.get("status") in RunStatus.values:
        filtered = filtered.filter(status=query["status"])
    runs, newer, older = _page(filtered, query)
    return RunList(_rows(runs), newer, older, counts, understood)


def _page(filtered: QuerySet[Run], query: Mapping[str, str]) -> tuple[list[Run], str | None, str | None]:
    newest_first = filtered.select_related("procedure").order_by("-created_at", "-pk")
    if anchor := _anchor(filtered, query.get("after", "")):
        later = Q(created_at__gt=anchor.created_at) | Q(created_at=anchor.created_at, pk__gt=anchor.pk)
        found = list(newest_first.filter(later).order_by("created_at", "pk")[: PAGE_SIZE + 1])
        more, runs = len(found) > PAGE_SIZE, found[:PAGE_SIZE][::-1]
        return runs, _key(runs, 0) if more else None, _key(runs, -1)
    anchor = _anchor(filtered, query.get("before", ""))
    if anchor:
        earlier = Q(created_at__lt=anchor.created_at) | Q(created_at=anchor.created_at, pk__lt=anchor.pk)
        newest_first = newest_first.filter(earlier)
    found = list(newest_first[: PAGE_SIZE + 1])
    runs = found[:PAGE_SIZE]
    return runs, _key(runs, 0) if anchor else None, _key(runs, -1) if len(found) > PAGE_SIZE else None


def _rows(runs: Sequence[Run]) -> list[RunRow]:
    waits = waiting.waiting_for_each(runs)
    return [RunRow(run, words_of(run, waits[run.pk].entry)) for run in runs]


def words_of(run: Run, entry: dict[str, Any] | None) -> str:
    """The second line of a run in a list: what it waits for, or how it ended."""
    if entry:
        return str(entry["sentence"])
    if run.status == RunStatus.FAILED:
        return f"{run.error_class}: {(run.error or {}).get('message', '')}"
    return sentences.headline(run, None, clock.now()) if run.status in ENDED else ""


def _anchor(filtered: QuerySet[Run], key: str) -> Run | None:
    found = _uuid(key)
    return filtered.filter(pk=found).only("pk", "created_at").first() if found else None


def _key(runs: Sequence[Run], index: int) -> str | None:
    return str(runs[index].pk) if runs else None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
