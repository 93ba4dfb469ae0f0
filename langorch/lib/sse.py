"""Server-sent events: streams that look in the database by themselves, and at once when they are woken."""

import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar, Final

from django.conf import settings

from langorch.lib import clock, off_loop
from langorch.lib.errors import TooMany
from langorch.lib.wakeups import Listener

RETRY_MS: Final = 2000
COMMENT_SECONDS: Final = 15.0
CHECK_SECONDS: Final = 60.0


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
            if self._open[identity] <= 0:
                del self._open[identity]


slots: Final = Slots()


@dataclass(frozen=True, slots=True)
class Look:
    """What a look found, as it goes out. `over`: nothing ever follows. `more` is waiting to be read."""

    text: str
    over: bool = False
    more: bool = False


class Stream(ABC):
    """The body of one stream. Holds a slot of its reader from the beginning until it is closed."""

    look_seconds: ClassVar[float] = 5.0
    _identity: str | None = None

    def __init__(self, group: str, identity: str) -> None:
        """`group` wakes the stream. Raises `TooMany`."""
        slots.take(identity)
        self._identity = identity
        self._group = group

    @abstractmethod
    def look(self) -> Look:
        """Read what is new since the last look; called off the loop, one call at a time."""

    @abstractmethod
    def allowed(self) -> bool:
        """Whether the reader may still see this; asked each minute, off the loop."""

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
            async with Listener(self._group) as listener:
                async for part in self._follow(listener):
                    yield part
        finally:
            self.close()

    async def _follow(self, listener: Listener) -> AsyncIterator[str]:
        spoken = checked = clock.monotonic()
        while True:
            found = await off_loop.call(self.look)
            if found.text:
                yield found.text
                spoken = clock.monotonic()
            if found.over:
                return
            woken = found.more or await listener.wait(self.look_seconds)
            if not woken and clock.monotonic() - spoken >= COMMENT_SECONDS:
                yield ": still here\n\n"
                spoken = clock.monotonic()
            if clock.monotonic() - checked >= CHECK_SECONDS:
                if not await off_loop.call(self.allowed):
                    return
                checked = clock.monotonic()
