"""The events of a run in pages, newest first; and those that its timeline is drawn from, in the same query."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from django.db.models import Q

from orchestration import event_words
from orchestration.models import Event
from orchestration.run_page.subject import MOST_RECORDS, Subject

EVENTS_PER_PAGE: Final = 200
MOST_INLINE: Final = 8_000
"""Characters of payloads that come with the list; the others are fetched when they are opened."""
FAULTS: Final = sorted(name for name, phrase in event_words.PHRASES.items() if phrase.tone == "bad")
RUN_EVENTS: Final = (
    "execution_started",
    "execution_resumed",
    "run_created",
    "run_parked",
    "run_resumed",
    "worker_lease_expired",
    "lease_handed_back",
    "loop_iteration",
)
STEP_EVENTS: Final = ("step_started", "step_completed", "step_failed", "step_timeout")
COLUMNS: Final = ("seq", "created_at", "event_type", "node_id", "step_id", "path", "attempt", "payload")


@dataclass(slots=True)
class SeenEvent:
    """An event as it was read."""

    seq: int
    created_at: datetime
    event_type: str
    node_id: str
    step_id: str
    path: str
    attempt: int | None
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One event in words; `inline` says whether its payload comes along, `size` counts its characters."""

    event: SeenEvent
    words: event_words.Words
    size: int
    inline: bool
    chosen: bool


class Events:
    """A page of at most `most` events. `chosen` is the number of one that is opened and begins the page."""

    def __init__(self, subject: Subject, *, timed: bool = False, most: int = EVENTS_PER_PAGE) -> None:
        self._subject = subject
        self._timed = timed
        self._most = most
        self.chosen = subject.number("event")
        self.before = self.chosen + 1 if self.chosen else subject.number("before")

    @cached_property
    def _rows(self) -> list[SeenEvent]:
        every = Event.objects.filter(run=self._subject.run).order_by("-seq")
        wanted = Q(pk__in=every.filter(self._shown()).values("pk")[: self._most])
        if self._timed:
            wanted |= Q(pk__in=every.filter(self._told_on_the_timeline()).values("pk")[:MOST_RECORDS])
        rows = Event.objects.filter(wanted).order_by("seq").values_list(*COLUMNS)
        return [SeenEvent(*row) for row in rows]

    def _shown(self) -> Q:
        selection = self._subject.selection
        wanted = selection.filter()
        if selection.errors:
            wanted &= Q(event_type__in=FAULTS)
        return wanted & Q(seq__lt=self.before) if self.before else wanted

    def _told_on_the_timeline(self) -> Q:
        """When a worker had the run, the items of loops, and the tries of steps that failed."""
        events = Event.objects.filter(run=self._subject.run, event_type__in=("step_failed", "step_timeout"))
        tries = Q(event_type__in=STEP_EVENTS, path__in=events.values("path"))
        return Q(event_type__in=RUN_EVENTS) | tries

    @property
    def timed(self) -> Sequence[SeenEvent]:
        """What the timeline is drawn from, in order."""
        return [event for event in self._rows if event.event_type in RUN_EVENTS + STEP_EVENTS]

    @cached_property
    def lines(self) -> list[Line]:
        """The newest before `before`, newest first."""
        selection = self._subject.selection
        found = [
            event
            for event in reversed(self._rows)
            if selection.holds(event)
            and (not self.before or event.seq < self.before)
            and (not selection.errors or event.event_type in FAULTS)
        ]
        return list(self._lines(found[: self._most]))

    def _lines(self, events: Sequence[SeenEvent]) -> Iterator[Line]:
        room = MOST_INLINE
        for event in events:
            size = len(json.dumps(event.payload))
            chosen = event.seq == self.chosen
            inline = chosen or size <= room
            room -= size if inline else 0
            yield Line(event, self._words(event), size, inline, chosen)

    def _words(self, event: SeenEvent) -> event_words.Words:
        about = {"node_id": event.node_id, "step_id": event.step_id}
        return event_words.words(event.event_type, event.payload, name=self._subject.name, **about)

    @property
    def earlier(self) -> int | None:
        """The number before which earlier events stand, when there are any."""
        return self.lines[-1].event.seq if len(self.lines) == self._most else None

    @property
    def latest(self) -> bool:
        """Whether the page begins with the newest event."""
        return not self.before
