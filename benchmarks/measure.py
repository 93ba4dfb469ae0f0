"""The sides of P1 on one database, taking turns in one session: medians, ratios, and WAL syncs a run.

A turn is `RUNS_A_TURN` runs: whoever was idle finds cold caches, and that weighs most on what takes the least time.
An absolute time says little on a shared machine; the ratio is what is compared. On a busy one even that is unsteady, so
the ratio of processor time, which others disturb less, stands beside it. Ours includes the claim, visits, steps, three
events a step, and the end.
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import benchmarks.ready  # noqa: F401 - settings before models
from benchmarks import durable_functions, sides
from benchmarks.figures import Figure, publish, say

ROUNDS = 15
RUNS_A_TURN = 3
SYNC_ROUNDS = 5
STEPS = 40
BRANCHES, DEPTH = 10, 4
RAW, DBOS, DURABLE, DEFAULT = "raw LangGraph, sync", "DBOS", "ours, every step durable", "ours, default"
WANTED: dict[tuple[str, str, str, str], float] = {
    ("sqlite", "chain", DURABLE, RAW): 0.9,
    ("sqlite", "chain", DEFAULT, RAW): 0.6,
    ("sqlite", "fan", DEFAULT, RAW): 1.0,
    ("sqlite", "chain", DURABLE, DBOS): 0.3,
    ("postgres", "chain", DURABLE, RAW): 0.5,
    ("postgres", "chain", DEFAULT, RAW): 0.25,
    ("postgres", "fan", DEFAULT, RAW): 1.0,
    ("postgres", "chain", DURABLE, DBOS): 0.3,
}
ASKED = {"chain": f"chain {STEPS}", "fan": f"fan {BRANCHES} {DEPTH}"}


class Spent(NamedTuple):
    """Milliseconds of one run: by the clock, and of this process's processors (0: not measured)."""

    clock: float
    processor: float = 0


Timed = Callable[[], Spent]


def measure(database: str) -> bool:
    """Print every figure of one database; whether its targets were met."""
    good = True
    rounds = 2 * ((ROUNDS + 1) * RUNS_A_TURN + (SYNC_ROUNDS if database == "postgres" else 0))
    with (
        sides.scratch_database(),
        sides.saver(database) as saver,
        sides.dbos_database(database) as url,
        durable_functions.beside(url) as dbos,
    ):
        for shape, ours, raw in sides.shapes(saver, STEPS, BRANCHES, DEPTH, rounds):
            everybody = {RAW: timed(raw), DURABLE: timed(sides.durable(ours)), DEFAULT: timed(ours)}
            if dbos is not None:
                everybody[DBOS] = asking(dbos, ASKED[shape])
            good = publish(figures(database, shape, medians(everybody))) and good
            if database == "postgres":
                publish(syncs(shape, saver, {RAW: raw, DURABLE: sides.durable(ours), DEFAULT: ours}))
    return good


def timed(side: sides.Side) -> Timed:
    """The milliseconds of one run of a side."""

    def run() -> Spent:
        begin, computed = time.perf_counter(), time.process_time()
        side()
        return Spent((time.perf_counter() - begin) * 1000, (time.process_time() - computed) * 1000)

    return run


def asking(dbos: Callable[[str], float], shape: str) -> Timed:
    """The milliseconds that the other process needs."""
    return lambda: Spent(dbos(shape))


def medians(everybody: Mapping[str, Timed]) -> dict[str, Spent]:
    """The medians of each side, all in turns; the first round warms up."""
    times: dict[str, list[Spent]] = {name: [] for name in everybody}
    for turn in range(ROUNDS + 1):
        for name, side in everybody.items():
            spent = [side() for _ in range(RUNS_A_TURN)]
            if turn:
                times[name] += spent
    return {name: Spent(*map(statistics.median, zip(*values, strict=True))) for name, values in times.items()}


def figures(database: str, shape: str, found: Mapping[str, Spent]) -> Iterator[Figure]:
    """The medians, and how ours compare."""
    title = f"{database}, {sides.TITLES[shape]}"
    for name, median in found.items():
        yield Figure("P1", f"{title}: {name}", median.clock, "ms")
    for ours in (DURABLE, DEFAULT):
        for other in (RAW, DBOS):
            if other in found:
                wanted = WANTED.get((database, shape, ours, other))
                ratio = found[ours].clock / found[other].clock
                yield Figure("P1", f"{title}: {ours} ÷ {other}", ratio, "×", wanted)
        ratio = found[ours].processor / found[RAW].processor
        yield Figure("P1", f"{title}: {ours} ÷ {RAW}, processor", ratio, "×")


def syncs(shape: str, saver: Any, everybody: Mapping[str, sides.Side]) -> Iterator[Figure]:
    """How often a run of each side made the server write its log through to the disk; nothing else may write then."""
    for name, side in everybody.items():
        before = sides.wal_syncs(saver)
        for _ in range(SYNC_ROUNDS):
            side()
        spent = (sides.wal_syncs(saver) - before) / SYNC_ROUNDS
        yield Figure("P1", f"postgres, {sides.TITLES[shape]}: {name}", spent, "WAL syncs")
    say("(WAL syncs are the whole server's: others who write at the same time are counted too)")


if __name__ == "__main__":
    sys.exit(not measure(sys.argv[1]))
