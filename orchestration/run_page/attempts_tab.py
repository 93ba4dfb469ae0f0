"""The tab Attempts: the steps of a run with each of their tries, and one of them in full."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from django.db.models import F, Q, QuerySet

from langorch.lib import moments
from orchestration import attempts, masking
from orchestration.attempts import Attempt, Place
from orchestration.models import Event, StepRecord
from orchestration.plain_words import HANDLED
from orchestration.run_page.events import COLUMNS, SeenEvent
from orchestration.run_page.shown import Shown, shown
from orchestration.run_page.subject import MOST_RECORDS, Subject
from orchestration.visit_rows import visit_of

STEPS_PER_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt; `decision` says what followed a failure, `sent` and `answered` are masked."""

    attempt: Attempt
    decision: str
    sent: Shown | None = None
    answered: Shown | None = None


@dataclass(frozen=True, slots=True)
class StepLine:
    """A step with its tries; those of one that went well at once are not listed."""

    step: StepRecord
    place: str
    url: str
    chosen: bool
    tries: Sequence[Try]

    @property
    def troubled(self) -> bool:
        return len(self.tries) > 1 or any(one.attempt.state == "failed" or one.attempt.notes for one in self.tries)


class AttemptsTab:
    """Steps are listed newest first; `before` in the query string is the number of a record."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    @cached_property
    def _records(self) -> Sequence[StepRecord]:
        selection, before = self._subject.selection, self._subject.number("before")
        steps = StepRecord.objects.filter(selection.filter(), run=self._subject.run)
        if selection.errors:
            steps = steps.filter(Q(error__isnull=False) | Q(attempt__gt=1))
        if before:
            steps = steps.filter(pk__lt=before)
        return list(_light(steps).order_by("-id")[:STEPS_PER_PAGE])

    @cached_property
    def _attempts(self) -> Mapping[Place, Sequence[Attempt]]:
        paths = {step.path for step in self._records}
        events = Event.objects.filter(run=self._subject.run, event_type__in=attempts.EVENTS, path__in=paths)
        rows = events.order_by("seq").values_list(*COLUMNS)[:MOST_RECORDS]
        return attempts.attempts(SeenEvent(*row) for row in rows)

    @property
    def lines(self) -> Iterator[StepLine]:
        for step in self._records:
            url = self._subject.address(path=step.path, step=step.step_id, node="")
            chosen = bool(self._subject.selection.step)
            yield StepLine(step, self._place(step.path), url, chosen, list(self._tries(step)))

    def _place(self, path: str) -> str:
        handling = attempts.handling_words(path)
        visit = self._subject.place(visit_of(path))
        return f"{visit}, {handling}" if handling else visit

    def _tries(self, step: StepRecord) -> Iterator[Try]:
        for attempt in self._attempts.get((step.path, step.step_id), ()):
            yield Try(attempt, self._decision(attempt))

    def _decision(self, attempt: Attempt) -> str:
        if attempt.decision == attempts.RETRY and attempt.delay is not None:
            strategy = attempts.strategy_words(attempt.strategy)
            return f"tried again after {moments.duration(attempt.delay)}, {strategy}"
        if attempt.decision == attempts.HANDLER:
            did = HANDLED.get(attempt.handler_action, attempt.handler_action)
            target = f", on to {self._subject.name(attempt.target)}" if attempt.target else ""
            return f"handler {attempt.handler}: {did}{target}"
        return {attempts.RETRY: "tried again", attempts.FAIL: "given up"}.get(attempt.decision, "")

    @property
    def chosen(self) -> "ChosenStep | None":
        """The selected step in full."""
        if not self._subject.selection.step or len(self._records) != 1:
            return None
        step = self._records[0]
        return ChosenStep(self._subject, step, list(self._tries(step)))

    @property
    def earlier(self) -> int | None:
        """The number before which earlier steps stand, when there are any."""
        return self._records[-1].pk if len(self._records) == STEPS_PER_PAGE else None

    @property
    def part_url(self) -> str:
        """The lines alone, ready for the number they end before."""
        return self._subject.address(section="attempts")


class ChosenStep:
    """One step: how it is tried again, its key, and what was sent and answered at each try."""

    def __init__(self, subject: Subject, step: StepRecord, tries: Sequence[Try]) -> None:
        self._subject = subject
        self.step = step
        self._tries = tries

    @property
    def policy(self) -> str:
        return attempts.policy(self._subject.document, self.step.node_id, self.step.step_id)

    @property
    def tries(self) -> Iterator[Try]:
        for one in self._tries:
            attempt = one.attempt
            yield Try(attempt, one.decision, self._sent(attempt), self._answered(attempt))

    def _sent(self, attempt: Attempt) -> Shown | None:
        """What the record of the step keeps of its last try; of earlier ones what was told, if it was."""
        last = attempt.number == self.step.attempt
        return self._masked("", vars(self.step)["sent"] if last else attempt.params)

    def _answered(self, attempt: Attempt) -> Shown | None:
        if attempt.state == "failed":
            error = {"class": attempt.error_class, "message": attempt.error}
            return self._masked("", (self.step.error if attempt.number == self.step.attempt else None) or error)
        hidden = (self.step.node_id, self.step.step_id) in masking.sensitive_steps(self._subject.run)
        return self._masked("secret" if hidden else "", attempt.result)

    def _masked(self, name: str, value: Any) -> Shown | None:
        if value is None:
            return None
        return shown(self._subject.masked(name, value), most=20_000)


def _light(steps: QuerySet[StepRecord]) -> QuerySet[StepRecord]:
    """Steps without their results, which the events show masked; what was sent comes along as `sent`."""
    return steps.defer("params", "result").annotate(sent=F("params"))
