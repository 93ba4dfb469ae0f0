"""The events of a run as a stream: read by number from the database, with the channel layer as wake-up (SSE)."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from rest_framework.utils.encoders import JSONEncoder

from langorch.lib import groups
from langorch.lib.errors import Refusal
from langorch.lib.sse import Look, Stream
from orchestration import selectors
from orchestration.choices import ENDED
from orchestration.models import Event, Run
from tenants.actor import Actor

BATCH: Final = 500

ActorReader = Callable[[], Actor | None]
"""Reads the identity anew, with the roles it has now; None when it may not come in any more."""


class RunStream(Stream):
    """The body of one stream of one run."""

    def __init__(self, run_id: UUID, after: int, reader: ActorReader, identity: str) -> None:
        super().__init__(groups.run(run_id), identity)
        self._run_id = run_id
        self._after = after
        self._reader = reader

    def look(self) -> Look:
        news = look(self._run_id, self._after)
        text = "".join(event_message(event) for event in news.events)
        if news.events:
            self._after = news.events[-1].seq
        return Look(text + (end_message(news.status) if news.over else ""), over=news.over, more=news.more)

    def allowed(self) -> bool:
        try:
            actor = self._reader()
            return actor is not None and bool(selectors.run_for(actor, self._run_id))
        except Refusal:
            return False


@dataclass(frozen=True, slots=True)
class News:
    """What a look found. `over`: the run has ended, and nothing follows these events. `more` is waiting to be read."""

    events: list[Event]
    status: str
    over: bool
    more: bool


def look(run_id: UUID, after: int) -> News:
    """The events after a number. The status is read first, so the last event of an ended run is there."""
    status = Run.system.filter(pk=run_id).values_list("status", flat=True).first()
    found = list(Event.objects.filter(run_id=run_id, seq__gt=after).order_by("seq")[:BATCH])
    more = len(found) == BATCH
    return News(found, status or "deleted", over=not more and (status is None or status in ENDED), more=more)


def event_message(event: Event) -> str:
    """One event on the wire."""
    data = json.dumps(event_data(event), cls=JSONEncoder, ensure_ascii=False, separators=(",", ":"))
    return f"id: {event.seq}\nevent: run_event\ndata: {data}\n\n"


def end_message(status: str) -> str:
    """What is said last."""
    return f'event: end\ndata: {{"status":"{status}"}}\n\n'


def event_data(event: Event) -> dict[str, Any]:
    """RunEventOut (api 5)."""
    return {
        "event_id": event.event_id,
        "seq": event.seq,
        "run_id": str(event.run_id),
        "created_at": event.created_at,
        "event_type": event.event_type,
        "node_id": event.node_id or None,
        "step_id": event.step_id or None,
        "path": event.path or None,
        "attempt": event.attempt,
        "payload": event.payload,
        "trace_id": event.trace_id or None,
    }
