"""The bell of a process: one ring wakes one idle thread, and whoever finds work rings for the next."""

import threading
from typing import Final

from orchestration.runtime import stop


class Bell:
    """Waking every idle thread for one run would let all but one look in vain."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._rung = False

    def ring(self) -> None:
        """Wake one idle thread, or spare the next that has nothing to do its waiting."""
        with self._changed:
            self._rung = True
            self._changed.notify()

    def ring_for_all(self) -> None:
        """Wake every idle thread, so that it sees that the process stops."""
        with self._changed:
            self._changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Return when it rings, when the process stops, or after so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._rung or stop.requested.is_set(), seconds)
            self._rung = False


bell: Final = Bell()
"""Rung when there may be a ready run; the idle threads of this process wait for it."""
