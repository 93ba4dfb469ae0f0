"""One run of 40 no-op steps, and one of 10 branches of 4, on one database.

Sides take turns in one session and medians count. An absolute time says little on a shared machine; the ratio is what
is compared. Ours includes the claim, visits, steps, two events each, and the end.
"""

import statistics
import sys
import time
from collections.abc import Callable

import benchmarks.ready  # noqa: F401 - settings before models
from benchmarks import sides

ROUNDS = 15
STEPS = 40
BRANCHES, DEPTH = 10, 4


def measure(database: str) -> None:
    """Print medians and ratios of both shapes on one database."""
    with sides.scratch_database(), sides.saver(database) as saver:
        for shape, ours, raw in sides.shapes(saver, STEPS, BRANCHES, DEPTH, 2 * (ROUNDS + 1)):
            report(f"{database}, {shape}", {"every step durable": sides.durable(ours), "default": ours}, raw)


def report(title: str, ours: dict[str, Callable[[], None]], raw: Callable[[], None]) -> None:
    """Run the sides in turns and print one line for each."""
    everybody = {"raw LangGraph, sync": raw, **ours}
    times: dict[str, list[float]] = {name: [] for name in everybody}
    for turn in range(ROUNDS + 1):
        for name, side in everybody.items():
            begin = time.perf_counter()
            side()
            if turn:
                times[name].append((time.perf_counter() - begin) * 1000)
    medians = {name: statistics.median(values) for name, values in times.items()}
    base = medians["raw LangGraph, sync"]
    print(title)
    for name, median in medians.items():
        print(f"  {name:20} {median:8.1f} ms {median / STEPS:7.2f} ms a step   ratio {median / base:.2f}")


if __name__ == "__main__":
    measure(sys.argv[1])
