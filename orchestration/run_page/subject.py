"""One run on behalf of somebody, with what several parts of its page need; each is read once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models import Case, F, JSONField, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Cast, Length

from langorch.lib import clock
from langorch.lib.redaction import REDACTED, Redactor
from orchestration import compensating, masking, selectors, sentences, stuck, verbs, waiting
from orchestration.choices import OPEN
from orchestration.forecast import Forecast
from orchestration.models import Run, Visit
from orchestration.run_page.progress import Progress, forecast_of, progress_of
from orchestration.run_page.reading import also
from orchestration.run_page.selection import Selection, selection
from orchestration.stuck_causes import Stuck
from orchestration.waiting import Manner
from procedures.ckp.compile import load_document
from procedures.ckp.document import Document
from procedures.graph import words
from tenants.actor import Actor

MOST_RECORDS: Final = 5_000
SMALL: Final = 4_000
"""Characters of changes that are read with a list of visits."""
KEPT: Final = ("project", "tab", "node", "path", "step", "errors", "steps", "scale", "name")
"""What of the query string stays when somebody chooses something."""
COLUMNS: Final = (
    "path",
    "region",
    "pos",
    "node_id",
    "state",
    "outcome",
    "next_node",
    "error",
    "started_at",
    "ended_at",
)


@dataclass(slots=True)
class SeenVisit:
    """A visit as it was read; what the page does not need of it stays away."""

    path: str
    region: str
    pos: int
    node_id: str
    state: str
    outcome: str
    next_node: str
    error: Any
    started_at: datetime
    ended_at: datetime | None
    data: Any
    changes: Any
    step_id: str = ""


class Subject:
    """`run` comes from `run_for`; `query` is the query string; `changes` names the visits whose changes are wanted."""

    def __init__(
        self, actor: Actor, run: Run, query: Mapping[str, str], changes: "Callable[[Subject], Q] | None" = None
    ) -> None:
        self.actor = actor
        self.run = run
        self.query = query
        self.now = clock.now()
        self.live = run.status in OPEN
        self.selection: Selection = selection(query)
        self._changes = changes

    @cached_property
    def waiting(self) -> waiting.Waiting:
        return waiting.waiting_for_one(self.run, self._manner) if self.live else waiting.Waiting()

    @property
    def _manner(self) -> Manner:
        return sentences.manner(self.now, lambda run, node_id: self.name(node_id))

    @cached_property
    def stuck(self) -> Stuck | None:
        """Why the run does not get on, when it stands still for too long."""
        return stuck.stuck_for(self.run, self.waiting.waits, self._manner) if self.live else None

    @cached_property
    def progress(self) -> Progress | None:
        """How far the outermost loop has come."""
        return progress_of(self.run, self.name)

    @cached_property
    def forecast(self) -> Forecast | None:
        """When the run is likely to end."""
        return forecast_of(self.run, self.waiting.entry, self.now) if self.live else None

    @cached_property
    def situation(self) -> verbs.Situation:
        """What decides about the verbs."""
        key, status = (self.run.procedure_id, self.run.procedure_version), also(self.run, "version_status")
        held, manual = self.waiting.held, self.document.global_config.compensation == compensating.MANUAL
        return selectors.situation(self.actor, self.run, {key: status or ""}, held=held, manual=manual)

    @cached_property
    def can(self) -> dict[str, verbs.Verdict]:
        """Each verb with True, or why not."""
        return verbs.verbs(self.situation)

    @cached_property
    def document(self) -> Document:
        return load_document(self.run.document.canonical)

    @cached_property
    def redactor(self) -> Redactor:
        """What masks the values of the run."""
        return masking.redactor_of(self.run.document)

    def masked(self, name: str, value: Any) -> Any:
        """The value of a variable as it may be shown."""
        hidden = value is not None and self.redactor.hides(name, value)
        return REDACTED if hidden else self.redactor.redact(value)

    def name(self, node_id: str) -> str:
        """What people call a node."""
        node = self.document.nodes.get(node_id)
        return words.name(node_id, node.description if node else None)

    def place(self, path: str) -> str:
        """A path by the names of its nodes."""
        return sentences.place(path, self.name)

    @cached_property
    def visits(self) -> list[SeenVisit]:
        """The latest visits, the oldest first; where changes are wanted, all of the main region, with their facts."""
        if self.run.fresh:
            return []
        every = Visit.objects.filter(run=self.run).order_by("-id")
        wanted = Q(pk__in=every.values("pk")[:MOST_RECORDS])
        if self._changes is None:
            found = _without_changes(Visit.objects.filter(wanted))
        else:
            wanted |= Q(pk__in=every.filter(region="").values("pk")[:MOST_RECORDS])
            found = _with_changes(Visit.objects.filter(wanted), self._changes(self))
        return [SeenVisit(*row) for row in found.order_by("id").values_list(*COLUMNS, "facts", "changed")]

    def address(self, **changes: str) -> str:
        """The query string with some keys changed; an empty text leaves a key out."""
        query = self._query(changes)
        return f"?{query}" if query else "?"

    def address_for(self, key: str, **changes: str) -> str:
        """The same, ready for the value of one more key."""
        query = self._query(changes | {key: ""})
        return f"?{query}&{key}=" if query else f"?{key}="

    def number(self, key: str) -> int | None:
        """A whole number of the query string."""
        text = self.query.get(key, "")
        return int(text) if text.isdecimal() and len(text) < 19 else None

    def _query(self, changes: Mapping[str, str]) -> str:
        kept = {name: self.query.get(name, "") for name in KEPT} | dict(changes)
        return urlencode({name: value for name, value in kept.items() if value})


def _without_changes(visits: QuerySet[Visit]) -> QuerySet[Visit]:
    """Facts only of visits that ended the run: lists of loops can be large."""
    facts = Case(When(outcome="end", then=F("data")), output_field=JSONField())
    return visits.annotate(facts=facts, changed=Value(None, output_field=JSONField()))


def _with_changes(visits: QuerySet[Visit], wanted: Q) -> QuerySet[Visit]:
    """Changes of the visits that `wanted` names, which may ask for their `size` in characters."""
    sized = visits.annotate(facts=F("data"), size=Length(Cast("changes", TextField())))
    return sized.annotate(changed=Case(When(wanted, then=F("changes")), output_field=JSONField()))
