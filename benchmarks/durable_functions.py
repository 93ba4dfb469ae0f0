"""The same work on DBOS Transact, in a process of its own: its threads would disturb the others.

python -m benchmarks.durable_functions <database url>     answers each line `chain 40` or `fan 10 4` with milliseconds
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks import places

READY = "ready"


@contextmanager
def beside(url: str) -> Iterator[Callable[[str], float] | None]:
    """What gives the milliseconds of one run of `chain 40` or `fan 10 4`; nothing where DBOS cannot be started."""
    command = [sys.executable, "-m", "benchmarks.durable_functions", url]
    process = subprocess.Popen(
        command, cwd=places.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    if process.stdout.readline().strip() != READY:
        reason = (process.communicate()[1].strip().splitlines() or ["it ended"])[-1]
        print(f"DBOS is left out: {reason}", flush=True)
        yield None
        return

    def ask(shape: str) -> float:
        assert process.stdin is not None
        assert process.stdout is not None
        print(shape, file=process.stdin, flush=True)
        return float(process.stdout.readline())

    try:
        yield ask
    finally:
        process.communicate(timeout=30)


def _serve(url: str) -> None:
    works = _works(url)
    print(READY, flush=True)
    for line in sys.stdin:
        name, *numbers = line.split()
        begin = time.perf_counter()
        works[name](*map(int, numbers))
        print((time.perf_counter() - begin) * 1000, flush=True)


def _works(url: str) -> dict[str, Callable[..., Any]]:
    from dbos import DBOS  # noqa: PLC0415 - whoever measures without it shall be told, not stopped

    DBOS(config={"name": "bench", "system_database_url": url, "log_level": "ERROR"})

    @DBOS.step()
    def one() -> int:
        return 1

    @DBOS.step()
    async def one_of_many() -> int:
        return 1

    @DBOS.workflow()
    def chain(steps: int) -> int:
        return sum(one() for _ in range(steps))

    @DBOS.workflow()
    async def fan(branches: int, depth: int) -> None:
        async def branch() -> None:
            for _ in range(depth):
                await one_of_many()

        await asyncio.gather(*(branch() for _ in range(branches)))

    DBOS.launch()
    return {"chain": chain, "fan": lambda branches, depth: asyncio.run(fan(branches, depth))}


if __name__ == "__main__":
    _serve(sys.argv[1])
