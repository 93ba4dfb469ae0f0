"""Finding breached SLAs of a drive's visits while their nodes work (runtime 10)."""

import contextvars
import threading
from typing import Protocol

from langorch.lib import clock
from orchestration.runtime.crowd import Baton
from orchestration.runtime.journal import Journal


class Watched(Protocol):
    """A visit with an SLA."""

    path: str

    def breach(self) -> None:
        """Tell that the SLA is breached."""


class Watch:
    """The visits of one drive whose SLA may yet be breached; `at` is when, by this machine's own clock (seconds).

    A thread of its own looks, so that a node that is busy or calls need not. It begins with the first visit.
    """

    def __init__(self, journal: Journal, baton: Baton) -> None:
        self._journal = journal
        self._baton = baton
        self._visits: dict[str, tuple[float, Watched]] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._over = False

    @property
    def first(self) -> float | None:
        """When the next one is breached; none when nothing is watched."""
        with self._changed:
            return min((at for at, _ in self._visits.values()), default=None)

    def add(self, visit: Watched, at: float) -> None:
        """Watch a visit until it is removed."""
        with self._changed:
            self._visits[visit.path] = (at, visit)
            if self._thread is None and not self._over:
                context = contextvars.copy_context()
                self._thread = threading.Thread(target=context.run, args=(self._look,), name="sla", daemon=True)
                self._thread.start()
            self._changed.notify()

    def remove(self, path: str) -> None:
        """The visit has ended, or what there was to tell is told."""
        if self._visits:
            with self._changed:
                self._visits.pop(path, None)

    def close(self) -> None:
        """Look no more; whatever is just being told is told when this returns."""
        with self._changed:
            self._over = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _look(self) -> None:
        try:
            while (path := self._next()) is not None:
                self._tell(path)
                self._journal.flush()
        except BaseException as failure:  # noqa: BLE001 - the drive meets it with its next write
            self._journal.fail(failure)

    def _tell(self, path: str) -> None:
        with self._baton:
            found = self._visits.get(path)
            if found is not None:
                found[1].breach()

    def _next(self) -> str | None:
        """The path of the visit that is breached next, at that moment; none when the drive is over."""
        with self._changed:
            while not self._over:
                at, path = min(((at, path) for path, (at, _) in self._visits.items()), default=(None, ""))
                wait = None if at is None else at - clock.monotonic()
                if wait is not None and wait <= 0:
                    return path
                self._changed.wait(wait)
        return None
