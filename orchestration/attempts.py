"""The attempts of steps, told by the events of a run: what each met, and what was decided about it. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from orchestration.visit_rows import EventRow
from procedures.ckp.document import Document, RetryPolicy, SequenceNode
from procedures.ckp.document.base import DEFAULT_BASE_DELAY_MS, DEFAULT_MAX_RETRIES

RETRY, HANDLER, FAIL = "retry", "handler", "fail"
NOTES: Final = {
    "step_in_doubt": "nobody knows whether the one before happened; sent again under the same key",
    "step_timeout": "took too long",
    "timeout_ignored": "took too long, went on without it",
    "dry_run_step_skipped": "dry run: nothing was sent",
    "step_mock_applied": "mocked: nothing was sent",
    "step_test_override_applied": "a test value stood in",
    "rate_limited": "held back by a rate limit",
    "workflow_delegated": "handed over, answered by callback",
}
EVENTS: Final = sorted(
    {*NOTES, "step_started", "step_completed", "step_failed", "step_retry_scheduled", "error_handled"}
)
"""The events that tell of attempts."""

UNDOING: Final = "~undo"
_HANDLING: Final = re.compile(r"!(?P<handler>\d+)(?:#(?P<act>\d+))?$")

Place = tuple[str, str]
"""The path where a step is recorded, that of its visit or of a handling in it, and the step."""


@dataclass(slots=True)
class Attempt:
    """One try of a step. `state` is started, completed or failed; `seconds` is how long it took, where that is known.

    `decision` says what followed a failure: retry, handler, fail. A retry has its `delay` in seconds and `strategy`,
    a handler its number from 1, what it did and where it led.
    """

    number: int
    state: str = "started"
    began: datetime | None = None
    ended: datetime | None = None
    seconds: float | None = None
    action: str = ""
    agent: str = ""
    params: Any = None
    result: Any = None
    error_class: str = ""
    error: str = ""
    decision: str = ""
    delay: float | None = None
    strategy: str = ""
    handler: int | None = None
    handler_action: str = ""
    target: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def start(self) -> datetime | None:
        """When it began; reckoned from its end where no event tells, as of steps without calls."""
        if self.began or self.ended is None:
            return self.began
        return self.ended - timedelta(seconds=self.seconds or 0)


@dataclass(slots=True)
class _Step:
    attempts: dict[int, Attempt] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def attempt(self, number: int) -> Attempt:
        """The attempt with a number; notes that were told before it began become its own."""
        if number not in self.attempts:
            self.attempts[number] = Attempt(number)
        found = self.attempts[number]
        found.notes += self.notes
        self.notes = []
        return found

    @property
    def latest(self) -> Attempt | None:
        return self.attempts[max(self.attempts)] if self.attempts else None


def attempts(events: Iterable[EventRow]) -> dict[Place, list[Attempt]]:
    """The attempts of each step in order, from `EVENTS` among others. A result only taken again is no attempt."""
    steps: dict[Place, _Step] = defaultdict(_Step)
    for event in events:
        if event.step_id and event.event_type in EVENTS and not event.payload.get("cached"):
            _take(steps[event.path, event.step_id], event)
    return {place: [step.attempts[number] for number in sorted(step.attempts)] for place, step in steps.items()}


def _take(step: _Step, event: EventRow) -> None:
    told = event.payload
    if event.event_type in NOTES and event.attempt is None:
        step.notes.append(NOTES[event.event_type])
    elif event.event_type == "error_handled":
        if step.latest:
            _handled(step.latest, told)
    elif event.attempt is not None:
        attempt = step.attempt(event.attempt)
        attempt.action = told.get("action") or attempt.action
        attempt.agent = told.get("agent_id") or attempt.agent
        if event.event_type in NOTES:
            attempt.notes.append(NOTES[event.event_type])
        else:
            _TAKEN[event.event_type](attempt, event)


def _started(attempt: Attempt, event: EventRow) -> None:
    attempt.began = event.created_at
    attempt.params = event.payload.get("params")


def _completed(attempt: Attempt, event: EventRow) -> None:
    attempt.state, attempt.result = "completed", event.payload.get("result")
    _ended(attempt, event)


def _failed(attempt: Attempt, event: EventRow) -> None:
    told = event.payload
    attempt.state, attempt.decision = "failed", RETRY if told.get("then") == RETRY else FAIL
    attempt.error_class, attempt.error = told.get("error_class") or "", told.get("error") or ""
    _ended(attempt, event)


def _ended(attempt: Attempt, event: EventRow) -> None:
    attempt.ended = event.created_at
    told = event.payload.get("duration_ms")
    if isinstance(told, int | float):
        attempt.seconds = told / 1000
    elif attempt.began:
        attempt.seconds = (event.created_at - attempt.began).total_seconds()


def _scheduled(attempt: Attempt, event: EventRow) -> None:
    attempt.decision, attempt.strategy = RETRY, event.payload.get("strategy") or ""
    attempt.delay = (event.payload.get("delay_ms") or 0) / 1000


def _handled(attempt: Attempt, told: Mapping[str, Any]) -> None:
    number = told.get("handler")
    attempt.decision, attempt.handler = HANDLER, number + 1 if isinstance(number, int) else None
    attempt.handler_action, attempt.target = told.get("action") or "", told.get("next_node_id") or ""


_TAKEN: Final = {
    "step_started": _started,
    "step_completed": _completed,
    "step_failed": _failed,
    "step_retry_scheduled": _scheduled,
}


def policy(document: Document, node_id: str, step_id: str) -> str:
    """How a document has a step tried again, in words: "at most 3 more times, exponential from 1 s"."""
    node = document.nodes.get(node_id)
    steps = node.steps if isinstance(node, SequenceNode) else []
    step = next((step for step in steps if step.step_id == step_id), None)
    if step is None or node is None or not step.retries:
        return ""
    config = document.global_config
    flat = RetryPolicy(max_retries=config.max_retries, base_delay_ms=config.retry_delay_ms)
    places = [one for one in (step.retry_config, node.retry, config.retry_policy, flat) if one is not None]

    def first(name: str, default: Any) -> Any:
        return next((found for place in places if (found := getattr(place, name)) is not None), default)

    times, strategy = first("max_retries", DEFAULT_MAX_RETRIES), first("strategy", "exponential_backoff")
    delay = first("base_delay_ms", DEFAULT_BASE_DELAY_MS) / 1000
    many = "once more" if times == 1 else f"{times} more times"
    return f"at most {many}, {strategy_words(strategy)} from {delay:g} s" if times else ""


def handling_words(path: str) -> str:
    """What the steps at a path were for, beside the node's own work: "handler 1, time 2", "undoing"."""
    if path.endswith(UNDOING):
        return "undoing"
    found = _HANDLING.search(path)
    if found is None:
        return ""
    words = f"handler {int(found['handler']) + 1}"
    return f"{words}, time {found['act']}" if found["act"] else words


def strategy_words(strategy: str) -> str:
    """What people call a way of spacing retries."""
    return strategy.removesuffix("_backoff")
