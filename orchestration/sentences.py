"""The state of a run in words: one sentence for the head of its page, and the second line of lists."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from django.utils import timezone

from langorch.lib import moments
from orchestration import cancel_words
from orchestration.choices import ENDED, RunStatus
from orchestration.compensating import IN_WORK
from orchestration.models import Run
from orchestration.waiting import Manner

Name = Callable[[str], str]
"""Gives the name of a node for its id."""

PART = re.compile(r"(?P<node>[^\[\]:#!~]+)(?:#(?P<visit>\d+))?(?:\[(?P<iteration>\d+)\])?(?::(?P<branch>[^!~]+))?")


def headline(run: Run, waiting: Mapping[str, Any] | None, now: datetime, name: Name) -> str:
    """What the run does now, or how it ended."""
    told = _Told(run, waiting, now, name)
    return _undoing(told) if run.compensation in IN_WORK else _HEADLINES[RunStatus(run.status)](told)


def second_line(run: Run, waiting: Mapping[str, Any] | None, now: datetime) -> str:
    """What the run waits for, or how it ended; empty while it works."""
    if waiting:
        return str(waiting["sentence"])
    if run.status == RunStatus.FAILED:
        return f"{run.error_class}: {(run.error or {}).get('message', '')}"
    return headline(run, None, now, str) if run.status in ENDED else ""


def place(path: str, name: Name) -> str:
    """A path by the names of its nodes: "Each invoice 3 › Approve amount"."""
    return " › ".join(_part(part, name) for part in path.split("/"))


def manner(now: datetime, name: Callable[[Run, str], str]) -> Manner:
    """How pages say what runs wait for: names of nodes, and times in the zone of the person."""
    zone = moments.Zone(timezone.get_current_timezone(), timezone.get_current_timezone_name())
    return Manner(
        place=lambda run, path: place(path, lambda node_id: name(run, node_id)),
        moment=lambda moment: moments.at(moment, now, zone),
    )


def _part(part: str, name: Name) -> str:
    match = PART.match(part)
    if match is None:
        return part
    words = name(unquote(match["node"]))
    if match["visit"]:
        words += f", visit {match['visit']}"
    if match["iteration"]:
        words += f" {int(match['iteration']) + 1}"
    return f"{words}, {unquote(match['branch'])}" if match["branch"] else words


@dataclass(frozen=True, slots=True)
class _Told:
    run: Run
    waiting: Mapping[str, Any] | None
    now: datetime
    name: Name

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

    def at(self, node_id: str | None) -> str:
        return f" at {self.name(node_id)}" if node_id else ""


def _undoing(told: _Told) -> str:
    why = f" ({_lower(str(told.waiting['sentence']))})" if told.waiting else ""
    return f"Undoing what was done{why}, then the run ends as {told.run.ends_as}"


def _queued(told: _Told) -> str:
    begun = "Queued again" if told.run.started_at else "Queued"
    why = f": {_lower(str(told.waiting['sentence']))}" if told.waiting else ""
    return f"{begun} for {told.since(told.run.updated_at)}{why}"


def _running(told: _Told) -> str:
    if told.run.cancel_requested:
        return "Canceling: the worker stops at the next step"
    return f"Running for {told.took}{told.at(told.run.last_node_id)}"


def _for_a_person(told: _Told) -> str:
    if told.waiting is None:
        return f"Waiting {told.since(told.run.updated_at)} for a decision"
    rest = str(told.waiting["sentence"]).removeprefix("Waiting ")
    return f"Waiting {told.since(told.waiting['since'])} {rest}{told.until}"


def _paused(told: _Told) -> str:
    return str(told.waiting["sentence"]) if told.waiting else "Paused"


def _completed(told: _Told) -> str:
    recovered = f", recovered{told.at(told.run.recovered_via)}" if told.run.recovered_via else ""
    return f"Completed in {told.took}{recovered}"


def _failed(told: _Told) -> str:
    return f"Failed after {told.took}{told.at((told.run.error or {}).get('node_id'))}"


def _canceled(told: _Told) -> str:
    return f"Canceled {cancel_words.why(told.run.canceled_by, told.run.cancel_reason)}".rstrip()


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


_HEADLINES = {
    RunStatus.CREATED: _queued,
    RunStatus.RUNNING: _running,
    RunStatus.WAITING_APPROVAL: _for_a_person,
    RunStatus.PAUSED: _paused,
    RunStatus.COMPLETED: _completed,
    RunStatus.FAILED: _failed,
    RunStatus.CANCELED: _canceled,
}
