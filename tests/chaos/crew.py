"""Workers that can be killed, frozen and replaced at once."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests import processes


@dataclass(frozen=True, slots=True)
class Worker:
    """One process; the runs it holds name `name` as their lease's owner."""

    name: str
    pid: int

    def kill(self) -> None:
        """End it at once."""
        os.kill(self.pid, signal.SIGKILL)

    def freeze(self) -> None:
        """Stop it where it is."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        """Ask it to end."""
        os.kill(self.pid, signal.SIGTERM)


class Crew:
    """The workers of a test, by name; a replaced one gets a name of its own."""

    def __init__(self, nursery: "subprocess.Popen[str]", threads: int) -> None:
        self._nursery = nursery
        self._threads = threads
        self._born = 0
        self.workers: dict[str, Worker] = {}

    def hire(self) -> Worker:
        """Start one more."""
        self._born += 1
        name = f"w{self._born}"
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        print(name, self._threads, file=self._nursery.stdin, flush=True)
        worker = self.workers[name] = Worker(name, int(self._nursery.stdout.readline()))
        return worker

    def kill(self, name: str) -> None:
        """Kill one and hire another in its place."""
        self.workers.pop(name).kill()
        self.hire()

    def names(self) -> list[str]:
        """The names of those who live."""
        return sorted(self.workers)


@contextmanager
def crew(number: int, threads: int = 1, **settings: str) -> Iterator[Crew]:
    """So many workers on the database of this process, gone afterwards."""
    env = {**os.environ, "ENVIRONMENT": "test", **settings}
    command = [sys.executable, "-m", "tests.chaos.nursery"]
    nursery = subprocess.Popen(
        command,
        cwd=processes.ROOT,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert nursery.stdout is not None
    assert nursery.stdout.readline() == "ready\n"
    made = Crew(nursery, threads)
    for _ in range(number):
        made.hire()
    try:
        yield made
    finally:
        for worker in made.workers.values():
            worker.thaw()
        os.killpg(nursery.pid, signal.SIGKILL)
        nursery.communicate()
