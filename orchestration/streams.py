"""The events of a run as a stream: read by number from the database, with the channel layer as wake-up (SSE)."""

import json
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from rest_framework.utils.encoders import JSONEncoder

from langorch.lib import clock, groups, off_loop
from langorch.lib.errors import Refusal, TooMany
from orchestration import selectors
from orchestration.choices import ENDED
from orchestration.models import Event, Run
from orchestration.wakeups import Listener
from tenants.actor import Actor

RETRY_MS: Final = 2000
BATCH: Final = 500
LOOK_SECONDS: Final = 5.0
COMMENT_SECONDS: Final = 15.0
CHECK_SECONDS: Final = 60.0

ActorReader = Callable[[], Actor | None]
"""Reads the identity anew, with the roles it has now; None when it may not come in any more."""


class Slots:
    """How many streams each identity has open in this server process."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self, identity: str) -> None:
        """Count one more. Raises `TooMany` over MAX_STREAMS_PER_USER."""
        most: int = settings.ENV.MAX_STREAMS_PER_USER
        with self._lock:
            if self._open[identity] >= most:
                raise TooMany(f"You have {most} streams open; close one first.", headers={"Retry-After": "5"})
            self._open[identity] += 1

    def release(self, identity: str) -> None:
        """Count one less."""
        with self._lock:
            self._open[identity] -= 1
            if not self._open[identity]:
                del self._open[identity]


slots: Final = Slots()


class RunStream:
    """The body of one stream. Holds a slot of its reader from the beginning until it is closed."""

    def __init__(self, run_id: UUID, after: int, reader: ActorReader, identity: str) -> None:
        slots.take(identity)
        self._identity: str | None = identity
        self._run_id = run_id
        self._after = after
        self._reader = reader

    def __aiter__(self) -> AsyncIterator[str]:
        return self._parts()

    def close(self) -> None:
        """Give the slot back. Doing it twice changes nothing."""
        identity, self._identity = self._identity, None
        if identity is not None:
            slots.release(identity)

    def __del__(self) -> None:
        self.close()

    async def _parts(self) -> AsyncIterator[str]:
        try:
            await off_loop.give_back()
            yield f"retry: {RETRY_MS}\n\n"
            async with Listener(groups.run(self._run_id)) as listener:
                async for part in self._follow(listener):
                    yield part
        finally:
            self.close()

    async def _follow(self, listener: Listener) -> AsyncIterator[str]:
        spoken = checked = clock.monotonic()
        while True:
            news = await off_loop.call(look, self._run_id, self._after)
            if news.events:
                yield "".join(event_message(event) for event in news.events)
                self._after, spoken = news.events[-1].seq, clock.monotonic()
            if news.over:
                yield end_message(news.status)
                return
            if not news.more:
                await listener.wait(LOOK_SECONDS)
            if clock.monotonic() - spoken >= COMMENT_SECONDS:
                yield ": still here\n\n"
                spoken = clock.monotonic()
            if clock.monotonic() - checked >= CHECK_SECONDS:
                if not await off_loop.call(self._still_allowed):
                    return
                checked = clock.monotonic()

    def _still_allowed(self) -> bool:
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
