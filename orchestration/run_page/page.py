"""What stands around the tabs of a run's page: the sentence, the verbs, the outcome, the progress, the graph."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from django.db.models import Q

from orchestration import graph_overlay, selectors, sentences, verbs
from orchestration.choices import RunStatus, WaitKind
from orchestration.failure_words import meaning
from orchestration.mode_words import mode_words
from orchestration.models import Event, Run
from orchestration.run_page.approvals_tab import ApprovalsTab
from orchestration.run_page.artifacts_tab import ArtifactsTab
from orchestration.run_page.attempts_tab import AttemptsTab
from orchestration.run_page.audit_tab import AuditTab, may_view_audit
from orchestration.run_page.checkpoints_tab import CheckpointsTab
from orchestration.run_page.children_tab import ChildrenTab, has_children
from orchestration.run_page.diagnostics_tab import DiagnosticsTab
from orchestration.run_page.events import Events
from orchestration.run_page.events_tab import EventsTab
from orchestration.run_page.llm_tab import LlmTab, asks_models
from orchestration.run_page.progress import Progress
from orchestration.run_page.reading import also
from orchestration.run_page.standpoint import changes_up_to
from orchestration.run_page.subject import Subject
from orchestration.run_page.timeline_tab import TimelineTab
from orchestration.run_page.variables_tab import VariablesTab
from orchestration.stuck_causes import Stuck
from orchestration.undo_words import fate
from procedures.graph.picture import Picture, picture
from tenants.actor import Actor


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab: `part` makes what its template `runs/<key>.html` shows as `part`; `count` names a count of `run_for`.

    `fits` says whether a run has it at all; `more` ones stand in a menu of their own.
    """

    label: str
    part: Callable[[Subject], Any]
    count: str = ""
    changes: Callable[[Subject], Q] | None = None
    fits: Callable[[Subject], bool] = lambda subject: True
    more: bool = False


TABS: dict[str, Tab] = {
    "timeline": Tab("Timeline", TimelineTab),
    "events": Tab("Events", EventsTab, count="last_seq"),
    "variables": Tab("Variables", VariablesTab, changes=changes_up_to),
    "attempts": Tab("Attempts", AttemptsTab, count="step_count"),
    "approvals": Tab("Approvals", ApprovalsTab, count="approval_count"),
    "artifacts": Tab("Artifacts", ArtifactsTab, count="artifact_count"),
    "llm": Tab("LLM", LlmTab, fits=asks_models, more=True),
    "children": Tab("Subflows", ChildrenTab, count="child_count", fits=has_children, more=True),
    "checkpoints": Tab("Checkpoints", CheckpointsTab, changes=changes_up_to, more=True),
    "diagnostics": Tab("Diagnostics", DiagnosticsTab, more=True),
    "audit": Tab("Audit", AuditTab, fits=may_view_audit, more=True),
}


class RunPage:
    """The parts of the page; each is read when the template asks for it. `run` comes from `run_for`."""

    def __init__(self, actor: Actor, run: Run, query: Mapping[str, str]) -> None:
        self.tab = query.get("tab", "") if query.get("tab") in TABS else "timeline"
        self._tab = TABS[self.tab]
        self.subject = Subject(actor, run, query, self._tab.changes)
        if not self._tab.fits(self.subject):
            self.tab, self._tab = "timeline", TABS["timeline"]
        self.run = run
        self.live = self.subject.live
        self.selection = self.subject.selection

    @property
    def template(self) -> str:
        return f"runs/{self.tab}.html"

    @cached_property
    def part(self) -> Any:
        """What the chosen tab shows."""
        return self._tab.part(self.subject)

    @property
    def events(self) -> Events | None:
        """The list of events, where it stands below the tab."""
        return self.part.events if isinstance(self.part, TimelineTab) else None

    @cached_property
    def asks(self) -> list[str]:
        """The ids of the approvals the run waits for."""
        return [wait.ref for wait in self.subject.waiting.waits if wait.kind == WaitKind.APPROVAL]

    @cached_property
    def started(self) -> list[str]:
        """The ids of the runs that the run waits for."""
        return [wait.ref for wait in self.subject.waiting.waits if wait.kind == WaitKind.SUBFLOW]

    @property
    def parent_title(self) -> str:
        """The name of the run that started this one, where the person may see it."""
        return also(self.run, "parent_title") or ""

    @cached_property
    def headline(self) -> str:
        subject = self.subject
        return sentences.headline(self.run, subject.waiting.entry, subject.now, subject.name)

    @property
    def stuck(self) -> Stuck | None:
        return self.subject.stuck

    @property
    def can(self) -> Mapping[str, Any]:
        return self.subject.can

    @property
    def why(self) -> list[str]:
        """Why the verbs that are not allowed now are not."""
        refused = [(name, str(self.can[name])) for name in ("cancel", "retry") if self.can[name] is not True]
        return [f"{name.capitalize()}: {reason[:1].lower()}{reason[1:]}" for name, reason in refused]

    @property
    def chosen(self) -> str:
        """What is selected, in words: a node or a place, perhaps with a step."""
        selection = self.selection
        where = self.subject.place(selection.path) if selection.path else self.subject.name(selection.node)
        return f"{where}, step {selection.step}" if selection.step else where

    @property
    def all_url(self) -> str:
        """This page with nothing selected."""
        return self.subject.address(node="", path="", step="")

    @property
    def filters(self) -> Sequence[Mapping[str, Any]]:
        """What the chosen tab can be narrowed or widened by, as links."""
        errors, steps = self.selection.errors, self.subject.query.get("steps") == "1"
        found = []
        if self.tab in ("timeline", "events", "attempts"):
            found.append({"label": "Only errors", "current": errors, "url": self._with(errors="" if errors else "1")})
        if self.tab == "timeline":
            found.append({"label": "Steps", "current": steps, "url": self._with(steps="" if steps else "1")})
        return found

    @property
    def to_scale(self) -> bool:
        """Whether the timeline is drawn to scale, its long waits too."""
        return self.subject.query.get("scale") == "1"

    @property
    def scale_url(self) -> str:
        return self._with(scale="" if self.to_scale else "1")

    @property
    def events_url(self) -> str:
        """The tab of events."""
        return self._with(tab="events")

    @property
    def events_part_url(self) -> str:
        """The events alone, ready for the number they end before."""
        return self._with(tab="events", section="events")

    @property
    def event_part_url(self) -> str:
        """The payload of one event alone, ready for its number."""
        return self._with(node="", path="", step="", errors="", section="event")

    @property
    def one_event(self) -> Events:
        """The chosen event alone."""
        return Events(self.subject, most=1)

    @property
    def timeline_part_url(self) -> str:
        """The rows of the timeline alone, ready for the number they end before."""
        return self._with(section="timeline")

    def _with(self, **changes: str) -> str:
        return self.subject.address(**changes)

    @cached_property
    def failed_at(self) -> str:
        """Where a failed run failed, by names; empty when nothing says so."""
        error = self.run.error or {}
        path = error.get("path") or error.get("node_id")
        return self.subject.place(path) if path else ""

    @property
    def meaning(self) -> str:
        """What the class of the failure means, and whether trying again can help."""
        return meaning(self.run.error_class)

    @property
    def can_go_on(self) -> bool:
        """Whether the run itself can go on from where it stopped."""
        return verbs.why_not_retry(self.subject.situation, verbs.FAILED_STEP) is None

    @cached_property
    def undone(self) -> str:
        """What became of what an ended run had done."""
        told = None
        if self.run.compensation:
            said = Event.objects.filter(run=self.run, event_type="compensation_completed").order_by("seq")
            told = said.values_list("payload", flat=True).last()
        return fate(self.run.compensation, told)

    @property
    def failed_path(self) -> str:
        """The visit that failed, from before which the run can be forked; empty when nothing says so."""
        return str((self.run.error or {}).get("path") or "")

    @cached_property
    def last_good(self) -> Run | None:
        """The latest run of the procedure before this one that completed."""
        runs = selectors.runs_visible_to(self.subject.actor).filter(procedure=self.run.procedure_id)
        before = runs.filter(status=RunStatus.COMPLETED, created_at__lt=self.run.created_at)
        return before.select_related("procedure").order_by("-created_at").first()

    @property
    def progress(self) -> Progress | None:
        return self.subject.progress

    @property
    def forecast(self) -> Any:
        return self.subject.forecast

    @cached_property
    def picture(self) -> Picture:
        subject = self.subject
        found = graph_overlay.overlay(subject.visits, subject.waiting.waits, self.run.status)
        marks = graph_overlay.with_idle(found, subject.document.nodes)
        if self.progress and self.progress.node_id in marks:
            note = f"{self.progress.done} of {self.progress.total} done"
            marks[self.progress.node_id] = replace(marks[self.progress.node_id], note=note)
        href = subject.address_for("node", path="", step="").replace("{", "{{").replace("}", "}}") + "{}#timeline"
        return picture(subject.document, marks=marks, taken=found.taken, chosen=self.selection.node_id, href=href)

    @cached_property
    def outputs(self) -> Any:
        """The outputs as this person may see them."""
        return self.subject.redactor.redact(self.run.output_vars or {})

    @property
    def tabs(self) -> Sequence[Mapping[str, Any]]:
        return self._tabs(more=False)

    @property
    def more_tabs(self) -> Sequence[Mapping[str, Any]]:
        return self._tabs(more=True)

    @property
    def mode(self) -> str:
        """How the run deals with the world outside; empty for a real one."""
        return mode_words(self.run)

    def _tabs(self, *, more: bool) -> Sequence[Mapping[str, Any]]:
        return [
            {
                "label": tab.label,
                "url": self.subject.address(tab="" if key == "timeline" else key, name=""),
                "current": key == self.tab,
                "count": also(self.run, tab.count) or None if tab.count else None,
            }
            for key, tab in TABS.items()
            if tab.more == more and tab.fits(self.subject)
        ]
