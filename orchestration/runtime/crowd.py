"""How many branches of one run execute at once, and which of them computes (runtime 7)."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final


class Baton:
    """Held by the one thread of a drive that computes; set aside while it writes, sleeps, calls or waits.

    Threads of one interpreter cannot compute at once. Taking turns costs less than being interrupted.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder = 0

    def __enter__(self) -> None:
        self._lock.acquire()
        self._holder = threading.get_ident()

    def __exit__(self, *_: object) -> None:
        self._holder = 0
        self._lock.release()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let others compute inside the block; nothing happens when this thread does not hold the baton."""
        if self._holder != threading.get_ident():
            yield
            return
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()


class Crowd:
    """Counts the branches of one run that execute, whatever their owners; a waiting owner does not count."""

    def __init__(self, most: int) -> None:
        self.changed = threading.Condition()
        self.baton = Baton()
        self._free = most

    def take(self) -> bool:
        """Count one more, if there is room. Call with `changed` held."""
        if self._free == 0:
            return False
        self._free -= 1
        return True

    def give_back(self) -> None:
        """Count one less and wake who waits."""
        with self.changed:
            self._free += 1
            self.changed.notify_all()

    @contextmanager
    def away(self, counted: bool) -> Iterator[None]:
        """Wait for one's own branches inside the block: without the baton and, if one has a place, without it."""
        with self.baton.aside():
            if not counted:
                yield
                return
            self.give_back()
            try:
                yield
            finally:
                with self.changed:
                    self.changed.wait_for(self.take)


class Calls:
    """Counts the calls of one run that are in flight; `most` is 0 for no limit."""

    LOOK_SECONDS: Final = 0.05

    def __init__(self, most: int) -> None:
        self._most = most
        self._made = 0
        self._changed = threading.Condition()

    def enter(self, look: Callable[[], None]) -> None:
        """Count one more as soon as there is room; `look` is called while there is none, and raises to give up."""
        with self._changed:
            while self._most and self._made >= self._most:
                self._changed.wait(self.LOOK_SECONDS)
                look()
            self._made += 1

    def leave(self) -> None:
        """Count one less."""
        with self._changed:
            self._made -= 1
            self._changed.notify()
