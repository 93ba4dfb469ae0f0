"""P2: 500 runs of five steps at once on two worker processes, beside raw LangGraph in as many, on PostgreSQL.

Ours are created one by one, queued, claimed by real workers, recorded and told of in events; the clock runs from the
first creation to the last end. The other side is given all its threads beforehand and only has to invoke them.

python -m benchmarks.throughput postgres
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from tempfile import mkdtemp

import benchmarks.ready  # noqa: F401 - settings before models
from benchmarks import places, sides
from benchmarks.figures import Figure, publish
from benchmarks.fleet import Fleet, fleet
from orchestration import services
from orchestration.models import Run
from orchestration.services.request import StartRequest
from tenants.actor import Actor
from tests import people, runs
from tests.databases import leading_here
from tests.people import House
from tests.published import publish as publish_version

RUNS, STEPS, PROCESSES, ROUNDS = 500, 5, 2, 3
LONGEST_SECONDS = 300
RAW, QUEUED, ASKED = "raw LangGraph, sync", "ours, created by the runtime", "ours, created by the service of the API"
WANTED = 1.5


def main() -> bool:
    """Measure in turns; whether the target was met."""
    with sides.scratch_database(), fleet(workers=PROCESSES) as workers, raw_workers() as raw:
        house = people.build()
        publish_version(house.operator, sides.chain(STEPS))
        settle(workers, house)
        everybody = {RAW: raw, QUEUED: draining(queueing(house)), ASKED: draining(asking(people.actor(house.operator)))}
        return publish(figures(rates(everybody)))


def rates(everybody: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    """The median of the runs a second of each side."""
    found: dict[str, list[float]] = {name: [] for name in everybody}
    for _ in range(ROUNDS):
        for name, side in everybody.items():
            found[name].append(RUNS / side())
    return {name: statistics.median(values) for name, values in found.items()}


def figures(found: Mapping[str, float]) -> Iterator[Figure]:
    """The rates, and how ours compare."""
    title = f"{RUNS} runs of {STEPS} steps, {PROCESSES} processes"
    for name, rate in found.items():
        yield Figure("P2", f"{title}: {name}", rate, "runs/s")
    yield Figure("P2", f"{title}: {QUEUED} ÷ {RAW}", found[QUEUED] / found[RAW], "×", WANTED, at_least=True)
    yield Figure("P2", f"{title}: {ASKED} ÷ {RAW}", found[ASKED] / found[RAW], "×")


def draining(create: Callable[[], object]) -> Callable[[], float]:
    """The seconds from the first creation until the last run has ended."""

    def run() -> float:
        begin = time.perf_counter()
        for _ in range(RUNS):
            create()
        wait_for_the_end()
        return time.perf_counter() - begin

    return run


def wait_for_the_end() -> None:
    """Return when every run is completed. Raises `AssertionError` when that takes too long."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while Run.system.exclude(status="completed").exists():
        assert time.monotonic() < deadline, list(Run.system.values_list("status", "error_class").distinct())
        time.sleep(0.01)


def queueing(house: House) -> Callable[[], object]:
    """Store one more run as queued."""
    document = sides.chain(STEPS)
    runs.queue(house.tenant, document)
    wait_for_the_end()
    first = Run.system.latest("created_at")
    return lambda: runs.again(first)


def asking(actor: Actor) -> Callable[[], object]:
    """Start one more run as a caller of the API does: access, version, inputs, limits, audit."""
    return lambda: services.start_run(actor, StartRequest(procedure_id="p"))


def settle(workers: Fleet, house: House) -> None:
    """Let every worker drive something, so that none is still loading when the clock begins."""
    workers.wait_until_all_have_driven(lambda: runs.queue(house.tenant, sides.chain(STEPS)))
    wait_for_the_end()


@contextmanager
def raw_workers() -> Iterator[Callable[[], float]]:
    """What gives the seconds that processes of raw LangGraph need for all runs, each for its share of them."""
    with ExitStack() as stack:
        with sides.saver("postgres"):
            pass
        started = [stack.enter_context(_raw_worker()) for _ in range(PROCESSES)]

        def run() -> float:
            begin = time.perf_counter()
            for process in started:
                assert process.stdin is not None
                print(RUNS // PROCESSES, file=process.stdin, flush=True)
            for process in started:
                assert process.stdout is not None
                process.stdout.readline()
            return time.perf_counter() - begin

        yield run


@contextmanager
def _raw_worker() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "benchmarks.raw_worker", str(STEPS)]
    env = {**os.environ, **leading_here(), "VAR_DIR": mkdtemp(prefix="bench-")}
    with subprocess.Popen(
        command, cwd=places.ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


if __name__ == "__main__":
    sys.exit(not main())
