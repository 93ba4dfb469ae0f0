"""The state of a run in one sentence, for the head of its page and for lists."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from langorch.lib import moments
from orchestration.choices import RunStatus
from orchestration.models import Run


def headline(run: Run, waiting: dict[str, Any] | None, now: datetime) -> str:
    """What the run does now, or how it ended."""
    return _HEADLINES[RunStatus(run.status)](_Told(run, waiting, now))


@dataclass(frozen=True, slots=True)
class _Told:
    run: Run
    waiting: dict[str, Any] | None
    now: datetime

    def since(self, moment: datetime | None) -> str:
        return moments.duration((self.now - moment).total_seconds() if moment else None)

    @property
    def took(self) -> str:
        begin, end = self.run.started_at or self.run.created_at, self.run.ended_at or self.now
        return moments.duration((end - begin).total_seconds())

    @property
    def until(self) -> str:
        due = self.waiting.get("until") if self.waiting else None
        if due is None:
            return ""
        seconds = (due - self.now).total_seconds()
        return f", due in {moments.span(seconds)}" if seconds >= 0 else f", {moments.span(-seconds)} overdue"


def _queued(told: _Told) -> str:
    begun = "Queued again" if told.run.started_at else "Queued"
    return f"{begun} for {told.since(told.run.updated_at)}"


def _running(told: _Told) -> str:
    if told.run.cancel_requested:
        return "Canceling: the worker stops at the next step"
    where = f" at {told.run.last_node_id}" if told.run.last_node_id else ""
    return f"Running for {told.took}{where}"


def _for_a_person(told: _Told) -> str:
    since = told.waiting.get("since") if told.waiting else told.run.updated_at
    return f"Waiting {told.since(since)} for a decision{told.until}"


def _paused(told: _Told) -> str:
    return str(told.waiting["sentence"]) if told.waiting else "Paused"


def _completed(told: _Told) -> str:
    recovered = f", recovered at {told.run.recovered_via}" if told.run.recovered_via else ""
    return f"Completed in {told.took}{recovered}"


def _failed(told: _Told) -> str:
    error = told.run.error or {}
    where = f" at {error['node_id']}" if error.get("node_id") else ""
    return f"Failed{where} after {told.took}"


def _canceled(told: _Told) -> str:
    by = f" by {told.run.canceled_by}" if told.run.canceled_by else ""
    reason = f": {told.run.cancel_reason}" if told.run.cancel_reason else ""
    return f"Canceled{by}{reason}"


_HEADLINES = {
    RunStatus.CREATED: _queued,
    RunStatus.RUNNING: _running,
    RunStatus.WAITING_APPROVAL: _for_a_person,
    RunStatus.PAUSED: _paused,
    RunStatus.COMPLETED: _completed,
    RunStatus.FAILED: _failed,
    RunStatus.CANCELED: _canceled,
}
