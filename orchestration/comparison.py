"""Two runs read side by side, on behalf of somebody who may see both."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from django.db.models import Case, F, JSONField, Q, Value, When

from langorch.lib import clock
from langorch.lib.errors import NotFound
from langorch.lib.redaction import REDACTED
from orchestration import comparing, masking, selectors
from orchestration.changes import ABSENT
from orchestration.comparing import NodeTime, Pair, StepRow, Values
from orchestration.models import Run, StepRecord, Visit
from orchestration.run_page.subject import COLUMNS, SeenVisit
from orchestration.visit_rows import VisitRow
from procedures.ckp.compile import load_document
from procedures.ckp.document import Document
from tenants.actor import Actor

MOST_RECORDS: Final = 5_000


class Comparison:
    """`run` against `other`. At most 5,000 visits and steps of each are looked at: the latest."""

    def __init__(self, run: Run, other: Run) -> None:
        self.run = run
        self.other = other
        self.now = clock.now()

    @cached_property
    def _visits(self) -> dict[UUID, list[SeenVisit]]:
        wanted = Q()
        for run in (self.run, self.other):
            latest = Visit.objects.filter(run=run).order_by("-id")
            wanted |= Q(pk__in=latest.values("pk")[:MOST_RECORDS])
        facts = Case(When(outcome="end", then=F("data")), default=Value(None), output_field=JSONField())
        changed = Case(When(region="", then=F("changes")), default=Value(None), output_field=JSONField())
        rows = Visit.objects.filter(wanted).annotate(facts=facts, changed=changed).order_by("id")
        found: dict[UUID, list[SeenVisit]] = {self.run.pk: [], self.other.pk: []}
        for run_id, *row in rows.values_list("run_id", *COLUMNS, "facts", "changed"):
            found[run_id].append(SeenVisit(*row))
        return found

    def visits(self, run: Run) -> list[SeenVisit]:
        """The visits of one of the two, in order."""
        return self._visits[run.pk]

    @cached_property
    def _steps(self) -> dict[UUID, list[StepRecord]]:
        wanted = Q()
        for run in (self.run, self.other):
            latest = StepRecord.objects.filter(run=run).order_by("-id")
            wanted |= Q(pk__in=latest.values("pk")[:MOST_RECORDS])
        found: dict[UUID, list[StepRecord]] = {self.run.pk: [], self.other.pk: []}
        for step in StepRecord.objects.filter(wanted).defer("params", "result").order_by("id"):
            found[step.run_id].append(step)
        return found

    @cached_property
    def paths(self) -> list[Pair[VisitRow]]:
        return comparing.paths(self.visits(self.run), self.visits(self.other))

    @cached_property
    def steps(self) -> list[Pair[StepRow]]:
        return comparing.steps(self._steps[self.run.pk], self._steps[self.other.pk])

    @cached_property
    def inputs(self) -> list[Values]:
        """The inputs, masked."""
        return self._masked(comparing.values(self.run.input_vars, self.other.input_vars))

    @cached_property
    def variables(self) -> list[Values]:
        """The variables of the main regions as they are now or were at the end, inputs among them, masked."""
        return self._masked(comparing.values(self._now(self.run), self._now(self.other)))

    @cached_property
    def outputs(self) -> list[Values]:
        """The outputs, masked."""
        return self._masked(comparing.values(self.run.output_vars or {}, self.other.output_vars or {}))

    @cached_property
    def node_times(self) -> list[NodeTime]:
        ends = (self.run.ended_at or self.now, self.other.ended_at or self.now)
        return comparing.node_times(self.visits(self.run), self.visits(self.other), *ends)

    def seconds(self, run: Run) -> float | None:
        """How long one of the two took, or has taken so far."""
        return ((run.ended_at or self.now) - run.started_at).total_seconds() if run.started_at else None

    @property
    def same_document(self) -> bool:
        return self.run.document_hash == self.other.document_hash

    def document(self, run: Run) -> Document:
        """The document of one of the two."""
        return load_document(run.document.canonical)

    def _now(self, run: Run) -> Mapping[str, Any]:
        found = dict(run.input_vars)
        for visit in self.visits(run):
            found |= visit.changes or {}
        return found

    def _masked(self, found: list[Values]) -> list[Values]:
        return [
            Values(one.name, _mask(self.run, one.name, one.run), _mask(self.other, one.name, one.other), one.same)
            for one in found
        ]


def comparison(actor: Actor, run_id: UUID | str, other_id: UUID | str) -> Comparison:
    """Two runs that `actor` may see. Raises `NotFound` when one of them is not there, or not for them."""
    wanted = [_key(run_id), _key(other_id)]
    runs = selectors.runs_visible_to(actor).filter(pk__in=wanted).select_related("procedure", "document")
    found = {run.pk: run for run in runs}
    if not all(key in found for key in wanted):
        raise NotFound("There is no such run, or it is not yours to see.")
    return Comparison(found[wanted[0]], found[wanted[1]])


def _key(run_id: UUID | str) -> UUID:
    try:
        return run_id if isinstance(run_id, UUID) else UUID(run_id)
    except ValueError:
        raise NotFound("There is no such run, or it is not yours to see.") from None


def _mask(run: Run, name: str, value: Any) -> Any:
    if value is ABSENT:
        return value
    redactor = masking.redactor_of(run.document)
    return REDACTED if value is not None and redactor.hides(name, value) else redactor.redact(value)
