"""What the page of one run shows, read once per request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from approvals.models import Approval
from langorch.lib import clock
from langorch.lib.redaction import Redactor
from orchestration import event_words, graph_overlay, selectors, sentences
from orchestration.choices import OPEN, WaitState
from orchestration.models import Event, Run, StepRecord, Visit, Wait
from orchestration.timeline import Records, Timeline, timeline
from procedures.ckp.compile import load_document
from procedures.ckp.document import Document
from procedures.graph import words
from procedures.graph.picture import Picture, picture
from tenants.actor import Actor

EVENTS_PER_PAGE = 200
TABS = {
    "timeline": "Timeline",
    "variables": "Variables",
    "steps": "Steps",
    "approvals": "Approvals",
}
TIMED_EVENTS = (
    "execution_started",
    "execution_resumed",
    "run_created",
    "run_parked",
    "run_resumed",
    "worker_lease_expired",
    "lease_handed_back",
    "loop_iteration",
    "step_started",
    "step_completed",
    "step_failed",
    "step_timeout",
)


@dataclass(frozen=True, slots=True)
class EventLine:
    event: Event
    words: event_words.Words


@dataclass(frozen=True, slots=True)
class Change:
    """One variable: its present value, and the node that wrote it last (empty for an input)."""

    name: str
    value: Any
    written_by: str


class RunPage:
    """The parts of the page; each is read when the template asks for it."""

    def __init__(self, actor: Actor, run: Run, query: Mapping[str, str]) -> None:
        self.run = run
        self._actor = actor
        self._query = query
        self.tab = query.get("tab", "timeline") if query.get("tab") in TABS else "timeline"
        self.node_id = query.get("node", "")
        self.live = run.status in OPEN

    @cached_property
    def waiting(self) -> dict[str, Any] | None:
        return selectors.waiting_for(self.run)

    @cached_property
    def headline(self) -> str:
        return sentences.headline(self.run, self.waiting, clock.now())

    @cached_property
    def can(self) -> dict[str, Any]:
        return selectors.verbs(self._actor, self.run)

    @cached_property
    def document(self) -> Document:
        return load_document(self.run.document.canonical)

    @cached_property
    def labels(self) -> dict[str, str]:
        return {key: words.label(key, node) for key, node in self.document.workflow_graph.nodes.items()}

    @cached_property
    def visits(self) -> list[Visit]:
        return list(Visit.objects.filter(run=self.run).order_by("id"))

    @cached_property
    def steps(self) -> list[StepRecord]:
        return list(StepRecord.objects.filter(run=self.run).order_by("id"))

    @cached_property
    def open_waits(self) -> list[Wait]:
        return list(Wait.objects.filter(run=self.run, state=WaitState.OPEN))

    @cached_property
    def picture(self) -> Picture:
        found = graph_overlay.overlay(self.visits, self.open_waits, self.run.status)
        marks = graph_overlay.with_idle(found, self.labels)
        return picture(self.document, marks=marks, taken=found.taken, chosen=self.node_id, href="?node={}#events")

    @cached_property
    def timeline(self) -> Timeline:
        timed = list(Event.objects.filter(run=self.run, event_type__in=TIMED_EVENTS).order_by("seq"))
        records = Records(self.visits, self.steps, timed, self.open_waits)
        expanded = [self.node_id] if self.node_id else []
        return timeline(self.run, records, clock.now(), labels=self.labels, expanded=expanded)

    @cached_property
    def events(self) -> list[EventLine]:
        """The newest 200 events before `?before=`, newest first, of the chosen node when there is one."""
        found = Event.objects.filter(run=self.run)
        if self.node_id:
            found = found.filter(node_id=self.node_id)
        if self._query.get("before", "").isdigit():
            found = found.filter(seq__lt=int(self._query["before"]))
        newest = found.order_by("-seq")[:EVENTS_PER_PAGE]
        return [EventLine(event, event_words.words(event.event_type, event.payload)) for event in newest]

    @property
    def earlier(self) -> int | None:
        """The number before which earlier events stand, when there are any."""
        full = len(self.events) == EVENTS_PER_PAGE
        return self.events[-1].event.seq if full else None

    @cached_property
    def redactor(self) -> Redactor:
        """Masks what the document calls sensitive and what telling names hide."""
        return Redactor(name for name, meta in self.document.variables_schema.items() if meta.sensitive)

    @cached_property
    def variables(self) -> list[Change]:
        """What the variables of the main region are now, and who wrote them."""
        found = {name: Change(name, value, "") for name, value in self.run.input_vars.items()}
        for visit in self.visits:
            if not visit.region:
                found |= {name: Change(name, value, visit.node_id) for name, value in visit.changes.items()}
        shown = self.redactor.redact({name: change.value for name, change in found.items()})
        return [Change(name, shown[name], self.labels.get(change.written_by, "")) for name, change in found.items()]

    @cached_property
    def outputs(self) -> Any:
        """The outputs as this person may see them."""
        return self.redactor.redact(self.run.output_vars or {})

    @cached_property
    def approvals(self) -> list[Approval]:
        return list(Approval.system.filter(run_id=self.run.pk).order_by("-created_at"))

    @cached_property
    def tabs(self) -> Sequence[Mapping[str, Any]]:
        counts = {"steps": len(self.steps), "approvals": len(self.approvals)}
        return [
            {"label": label, "url": f"?tab={key}", "current": key == self.tab, "count": counts.get(key)}
            for key, label in TABS.items()
        ]
