"""Stopping a process: the first signal asks everybody, a deadline or a second signal ends it at once."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

FAILED = 1


class Stop:
    """Set by SIGINT and SIGTERM. Threads look at `requested`; nothing they hold can delay the end past the grace."""

    def __init__(self, grace_seconds: float) -> None:
        self.grace_seconds = grace_seconds
        self.requested = threading.Event()
        self.status = 0
        self._on_request: list[Callable[[], None]] = []

    def install(self) -> None:
        """Take over SIGINT and SIGTERM. Call in the main thread."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._signalled)

    def on_request(self, call: Callable[[], None]) -> None:
        """Have `call` made when the stop is asked for; from whichever thread asks."""
        self._on_request.append(call)

    def request(self, status: int = 0) -> None:
        """Ask everybody to stop, and start the deadline. The first to ask says the status of the process."""
        if self.requested.is_set():
            return
        self.status = status
        self.requested.set()
        deadline = threading.Timer(self.grace_seconds, os._exit, [status])
        deadline.daemon = True
        deadline.start()
        for call in self._on_request:
            call()

    def start(self, name: str, part: Callable[[], None]) -> threading.Thread:
        """Run a part of the process in a thread. A part that ends before a stop is asked for stops the process."""
        thread = threading.Thread(target=self._watched, args=(part,), name=name, daemon=True)
        thread.start()
        return thread

    def leave(self) -> None:
        """End the process without waiting for its threads. What is not committed is done again after the next start."""
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(self.status)

    def _watched(self, part: Callable[[], None]) -> None:
        try:
            part()
        finally:
            self.request(FAILED)

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        if self.requested.is_set():
            os._exit(128 + number)
        self.request()
