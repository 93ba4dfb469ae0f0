"""What the page of one run shows, read once per request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Case, F, JSONField, OuterRef, Q, Subquery, When

from approvals import selectors as approvals
from approvals.models import Approval
from langorch.lib import clock
from langorch.lib.counting import CountUpTo
from orchestration import event_words, graph_overlay, masking, selectors, sentences, verbs, waiting
from orchestration.choices import OPEN, RunStatus, WaitKind
from orchestration.models import Event, Run, StepRecord, Visit
from orchestration.timeline import Records, Timeline, timeline
from procedures.ckp.compile import load_document
from procedures.ckp.document import Document
from procedures.graph import words
from procedures.graph.picture import Mark, Picture, picture
from procedures.models import ProcedureVersion
from tenants.actor import Actor

EVENTS_PER_PAGE = 200
STEPS_PER_PAGE = 200
MOST_RECORDS = 5_000
MOST_COUNTED = 99
SEEN_BEFORE = timedelta(days=7)
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
    "loop_completed",
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
class StepLine:
    step: StepRecord
    place: str


@dataclass(frozen=True, slots=True)
class Change:
    """One variable: its present value, and the node that wrote it last (empty for an input)."""

    name: str
    value: Any
    written_by: str

    @property
    def nested(self) -> bool:
        return isinstance(self.value, dict | list)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the outermost loop of a run has come; `name` is that of its node."""

    node_id: str
    name: str
    done: int
    total: int

    @property
    def percent(self) -> float:
        return 100 * self.done / self.total


def run_for(actor: Actor, run_id: UUID) -> Run:
    """The run with what its page shows of it. Raises `NotFound` like `selectors.run_for`."""
    version = ProcedureVersion.system.filter(procedure=OuterRef("procedure"), version=OuterRef("procedure_version"))
    failed = Run.system.filter(procedure=OuterRef("procedure"), status=RunStatus.FAILED)
    same = failed.filter(error_class=OuterRef("error_class"), ended_at__gte=clock.now() - SEEN_BEFORE)
    runs = selectors.runs_visible_to(actor).select_related("procedure", "document", "job")
    found = runs.annotate(
        version_status=Subquery(version.values("status")[:1]),
        same_failures=CountUpTo(same.exclude(pk=OuterRef("pk")), MOST_COUNTED),
        step_count=CountUpTo(StepRecord.objects.filter(run=OuterRef("pk"))),
        approval_count=CountUpTo(Approval.system.filter(run_id=OuterRef("pk"))),
        next_try=Subquery(Run.system.filter(retry_of=OuterRef("pk")).order_by("-created_at").values("pk")[:1]),
    )
    return selectors.run_among(found, run_id)


class RunPage:
    """The parts of the page; each is read when the template asks for it. `run` comes from `run_for`."""

    def __init__(self, actor: Actor, run: Run, query: Mapping[str, str]) -> None:
        self.run = run
        self.now = clock.now()
        self._actor = actor
        self._query = query
        self.tab = query.get("tab", "timeline") if query.get("tab") in TABS else "timeline"
        self.node_id = query.get("node", "")
        self.live = run.status in OPEN

    @cached_property
    def waiting(self) -> waiting.Waiting:
        manner = sentences.manner(self.now, lambda run, node_id: self.name(node_id))
        return waiting.waiting_for_one(self.run, manner) if self.live else waiting.Waiting()

    @property
    def asks(self) -> list[str]:
        """The ids of the approvals the run waits for."""
        return [wait.ref for wait in self.waiting.waits if wait.kind == WaitKind.APPROVAL]

    @cached_property
    def headline(self) -> str:
        return sentences.headline(self.run, self.waiting.entry, self.now, self.name)

    @cached_property
    def can(self) -> dict[str, Any]:
        key, status = (self.run.procedure_id, self.run.procedure_version), _also(self.run, "version_status")
        held = self.waiting.held
        return verbs.verbs(selectors.situation(self._actor, self.run, {key: status or ""}, held=held))

    @property
    def why(self) -> list[str]:
        """Why the verbs that are not allowed now are not."""
        refused = [(name, str(self.can[name])) for name in ("cancel", "retry") if self.can[name] is not True]
        return [f"{name.capitalize()}: {reason[:1].lower()}{reason[1:]}" for name, reason in refused]

    @cached_property
    def document(self) -> Document:
        return load_document(self.run.document.canonical)

    def name(self, node_id: str) -> str:
        """What people call a node."""
        node = self.document.nodes.get(node_id)
        return words.name(node_id, node.description if node else None)

    @property
    def node_name(self) -> str:
        """The name of the chosen node."""
        return self.name(self.node_id)

    @cached_property
    def failed_at(self) -> str:
        """Where a failed run failed, by names; empty when nothing says so."""
        error = self.run.error or {}
        path = error.get("path") or error.get("node_id")
        return sentences.place(path, self.name) if path else ""

    @cached_property
    def last_good(self) -> Run | None:
        """The latest run of the procedure before this one that completed."""
        runs = selectors.runs_visible_to(self._actor).filter(procedure=self.run.procedure_id)
        before = runs.filter(status=RunStatus.COMPLETED, created_at__lt=self.run.created_at)
        return before.select_related("procedure").order_by("-created_at").first()

    @cached_property
    def visits(self) -> list[Visit]:
        """The latest visits, the oldest first; for the variables those of the main region, with what they changed."""
        every = Visit.objects.filter(run=self.run).order_by("-id")
        wanted = Q(pk__in=every.values("pk")[:MOST_RECORDS])
        if self.tab == "variables":
            wanted |= Q(pk__in=every.filter(region="").values("pk")[:MOST_RECORDS])
        changed = Case(When(region="", then=F("changes")), output_field=JSONField())
        found = Visit.objects.filter(wanted).defer("changes").order_by("id")
        return list(found.annotate(changed=changed) if self.tab == "variables" else found)

    @cached_property
    def steps(self) -> list[StepLine]:
        """The latest steps, the newest first."""
        newest = StepRecord.objects.filter(run=self.run).order_by("-id")[:STEPS_PER_PAGE]
        return [StepLine(step, sentences.place(step.path, self.name)) for step in newest]

    @cached_property
    def _events(self) -> list[Event]:
        """What the list of events shows and what the timeline is drawn from, in order."""
        every = Event.objects.filter(run=self.run).order_by("-seq")
        shown = every.filter(*self._shown()).values("pk")[:EVENTS_PER_PAGE]
        timed = every.filter(event_type__in=TIMED_EVENTS).values("pk")[:MOST_RECORDS]
        return list(Event.objects.filter(Q(pk__in=shown) | Q(pk__in=timed)).order_by("seq"))

    def _shown(self) -> list[Q]:
        before = self._query.get("before", "")
        wanted = [Q(node_id=self.node_id)] if self.node_id else []
        return [*wanted, Q(seq__lt=int(before))] if before.isdecimal() else wanted

    @cached_property
    def events(self) -> list[EventLine]:
        """The newest 200 events before `?before=`, newest first, of the chosen node when there is one."""
        before = self._query.get("before", "")
        newest = [
            event
            for event in reversed(self._events)
            if (not self.node_id or event.node_id == self.node_id)
            and (not before.isdecimal() or event.seq < int(before))
        ]
        return [EventLine(event, self._words(event)) for event in newest[:EVENTS_PER_PAGE]]

    def _words(self, event: Event) -> event_words.Words:
        about = {"node_id": event.node_id, "step_id": event.step_id}
        return event_words.words(event.event_type, event.payload, name=self.name, **about)

    @property
    def earlier(self) -> int | None:
        """The number before which earlier events stand, when there are any."""
        full = len(self.events) == EVENTS_PER_PAGE
        return self.events[-1].event.seq if full else None

    @cached_property
    def _timed(self) -> list[Event]:
        return [event for event in self._events if event.event_type in TIMED_EVENTS]

    @cached_property
    def progress(self) -> Progress | None:
        """How far the outermost loop has come that is under way, or that the run ended in."""
        found: Progress | None = None
        for event in self._timed:
            if "[" in event.path or self.run.status == RunStatus.COMPLETED:
                continue
            if event.event_type == "loop_completed":
                found = None
            elif event.event_type == "loop_iteration" and event.payload.get("total"):
                done, total = int(event.payload["iteration"]), int(event.payload["total"])
                found = Progress(event.node_id, self.name(event.node_id), done, total)
        return found

    @cached_property
    def picture(self) -> Picture:
        found = graph_overlay.overlay(self.visits, self.waiting.waits, self.run.status)
        marks = graph_overlay.with_idle(found, self.document.nodes)
        if self.progress:
            marks[self.progress.node_id] = self._with_progress(marks[self.progress.node_id], self.progress)
        href = f"{self._address(node='')}node={{}}#events"
        return picture(self.document, marks=marks, taken=found.taken, chosen=self.node_id, href=href)

    def _with_progress(self, mark: Mark, progress: Progress) -> Mark:
        return replace(mark, note=f"{progress.done} of {progress.total} done")

    def _address(self, **changes: str) -> str:
        """The query string with some keys changed (empty: without), ready for one more key."""
        kept = {name: self._query.get(name, "") for name in ("project", "tab", "node")} | changes
        query = urlencode({name: value for name, value in kept.items() if value})
        return f"?{query}&" if query else "?"

    @cached_property
    def timeline(self) -> Timeline:
        broken = any(event.event_type in ("step_failed", "step_timeout") for event in self._timed)
        steps: Sequence[StepRecord] = []
        if broken or self.node_id:
            newest = StepRecord.objects.filter(run=self.run).defer("params", "result").order_by("-id")[:MOST_RECORDS]
            steps = list(newest)[::-1]
        records = Records(self.visits, steps, self._timed, self.waiting.waits)
        labels = {key: words.label(key, node) for key, node in self.document.nodes.items()}
        expanded = [self.node_id] if self.node_id else []
        return timeline(self.run, records, self.now, labels=labels, expanded=expanded)

    @cached_property
    def variables(self) -> list[Change]:
        """What the variables of the main region are now, and who wrote them."""
        found = {name: Change(name, value, "") for name, value in self.run.input_vars.items()}
        for visit in self.visits:
            changed = vars(visit).get("changed") or {}
            found |= {name: Change(name, value, visit.node_id) for name, value in changed.items()}
        shown = masking.redactor_of(self.run.document).redact({name: change.value for name, change in found.items()})
        return [
            Change(name, shown[name], self.name(change.written_by) if change.written_by else "")
            for name, change in found.items()
        ]

    @cached_property
    def outputs(self) -> Any:
        """The outputs as this person may see them."""
        return masking.redactor_of(self.run.document).redact(self.run.output_vars or {})

    @cached_property
    def approvals(self) -> list[Approval]:
        return list(approvals.visible_to(self._actor).filter(run_id=self.run.pk).order_by("-created_at"))

    @cached_property
    def tabs(self) -> Sequence[Mapping[str, Any]]:
        counts = {"steps": _also(self.run, "step_count"), "approvals": _also(self.run, "approval_count")}
        base = self._address(tab="")
        return [
            {"label": label, "url": f"{base}tab={key}", "current": key == self.tab, "count": counts.get(key)}
            for key, label in TABS.items()
        ]


def _also(run: Run, name: str) -> Any:
    """A value that `run_for` read along with the run."""
    return vars(run)[name]
