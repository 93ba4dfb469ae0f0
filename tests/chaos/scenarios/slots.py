"""R11: a limit of ten, runs cancelled in bulk, workers killed: no slot stays taken by nobody."""

import threading
import time
from uuid import UUID

from django.db import connection

from orchestration import limits, transitions
from orchestration.models import Run, RunJob
from tests.chaos.crew import crew
from tests.chaos.reports import Report
from tests.chaos.scenarios import work

LIMIT, STEPS, HOLD_MS = 10, 3, 200
KILLED, LEAK_SECONDS = 3, 60


def leaked(scale: int) -> Report:
    """1,000 runs under a limit of 10, 500 cancelled, 3 workers killed; a minute later no slot is held for nothing."""
    number = 1000 // scale
    report = Report("R11", f"limit {LIMIT}, {number} runs, half of them cancelled, {KILLED} workers killed")
    document = work.counting(STEPS, HOLD_MS, global_config={"concurrency": {"max_runs": LIMIT}})
    wanted = work.several(work.tenant(), document, number)
    procedure_id = Run.system.values_list("procedure_id", flat=True).get(pk=wanted[0])
    watch = Watch(procedure_id)
    with crew(6, threads=2) as workers, watch:
        work.patiently(lambda: RunJob.objects.filter(run__in=wanted, state="leased").count() >= LIMIT, 30)
        canceling = threading.Thread(target=cancel, args=(wanted[::2],))
        canceling.start()
        for _ in range(KILLED):
            holding = sorted(work.holders(workers.names())) or workers.names()
            workers.kill(work.chance.choice(holding))
        canceling.join()
        struck = time.monotonic()
        dead = {f"w{n}" for n in range(1, 100)} - set(workers.names())
        work.patiently(lambda: not held_by(dead), LEAK_SECONDS)
        report.figures["seconds until no dead worker held a slot"] = round(time.monotonic() - struck, 1)
        report.figures["slots leaked"] = leaks = held_by(dead)
        report.require(not leaks, f"{leaks} slots are still held by dead workers")
        done = work.patiently(lambda: not work.open_runs(wanted), 1800 / scale + 60)
        report.require(done, f"{work.open_runs(wanted)} runs did not end")
    occupied = limits.occupying(procedure_id).count()
    report.figures |= {"runs at work at once, at most": watch.most, "slots occupied at the end": occupied}
    report.require(watch.most <= LIMIT, f"{watch.most} runs were at work under a limit of {LIMIT}")
    report.require(occupied == 0, f"{occupied} slots are occupied though every run has ended")
    work.events(report, wanted)
    report.figures |= dict(ends(wanted))
    return report.ended()


class Watch:
    """Looks how many runs of a procedure are at work at once, inside a block."""

    def __init__(self, procedure_id: UUID) -> None:
        self.most = 0
        self._jobs = RunJob.objects.filter(run__procedure_id=procedure_id, state="leased")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._over.wait(0.05):
            self.most = max(self.most, self._jobs.count())
        connection.close()

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def cancel(wanted: list[UUID]) -> None:
    """Cancel runs one after the other, as a bulk verb does; those that have completed stay so."""
    for run_id in wanted:
        if Run.system.filter(pk=run_id).exclude(status="completed").exists():
            try:
                transitions.request_cancel(run_id, "chaos")
            except transitions.Conflict:
                continue
    connection.close()


def held_by(names: set[str]) -> int:
    """How many runs are leased to workers that are gone."""
    return len(work.holders(names))


def ends(wanted: list[UUID]) -> list[tuple[str, int]]:
    """How many runs ended how."""
    statuses = list(Run.system.filter(pk__in=wanted).values_list("status", flat=True))
    return [(status, statuses.count(status)) for status in sorted(set(statuses))]
