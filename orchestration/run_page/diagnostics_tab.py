"""The tab Diagnostics: what stands behind a run, for people who look for a cause."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from django.db.models import Q

from agents.models import AgentLease
from orchestration import waiting_words
from orchestration.choices import JobState, RunStatus, StepState
from orchestration.models import RunJob, StepRecord, Wait
from orchestration.run_page.subject import Subject
from orchestration.visit_rows import visit_of

MOST_LISTED: Final = 200


@dataclass(frozen=True, slots=True)
class ListedWait:
    """An open wait in words."""

    wait: Wait
    words: str


@dataclass(frozen=True, slots=True)
class ListedStep:
    """A step with a key, or one that was begun and has no result."""

    step: StepRecord
    place: str
    url: str


class DiagnosticsTab:
    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    @property
    def job(self) -> RunJob:
        return self._subject.run.job

    @property
    def leased(self) -> bool:
        """Whether a worker has the run."""
        return self.job.state == JobState.LEASED

    @property
    def waits(self) -> Iterator[ListedWait]:
        subject, shown = self._subject, self._subject.waiting.entry
        for wait in subject.waiting.waits:
            if shown and wait.ref == shown["ref"]:
                yield ListedWait(wait, shown["sentence"])
            else:
                place = subject.place(wait.path) if wait.path else ""
                yield ListedWait(wait, waiting_words.sentence(waiting_words.Known(wait.kind, wait.ref, place)))

    @cached_property
    def _steps(self) -> Sequence[StepRecord]:
        steps = StepRecord.objects.filter(self._subject.selection.filter(), run=self._subject.run)
        wanted = steps.filter(~Q(key="") | Q(state=StepState.STARTED)).defer("params", "result", "error")
        return list(wanted.order_by("-id")[:MOST_LISTED])

    @property
    def in_doubt(self) -> Iterator[ListedStep]:
        """Steps whose effect may have happened without our knowing: begun, without result, and nobody is at them."""
        if self._subject.run.status != RunStatus.RUNNING:
            yield from (self._listed(step) for step in self._steps if step.state == StepState.STARTED)

    @property
    def keyed(self) -> Iterator[ListedStep]:
        """The idempotency entries, the newest first."""
        yield from (self._listed(step) for step in self._steps if step.key)

    def _listed(self, step: StepRecord) -> ListedStep:
        path = visit_of(step.path)
        url = self._subject.address(tab="attempts", path=path, step=step.step_id, node="")
        return ListedStep(step, self._subject.place(path), url)

    @cached_property
    def leases(self) -> Sequence[AgentLease]:
        """The slots of agents that the run holds or held, the newest first."""
        found = AgentLease.system.filter(run_id=self._subject.run.pk).select_related("agent")
        return list(found.order_by("-acquired_at")[:MOST_LISTED])
