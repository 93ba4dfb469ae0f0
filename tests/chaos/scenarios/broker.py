"""R3: the broker is flushed or killed at random points; messages only ring, so nothing is lost."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit
from uuid import UUID

from langorch.lib import clock
from orchestration.models import Event, Run
from tests import processes, runs
from tests.chaos.places import Broker
from tests.chaos.reports import Report, spread
from tests.chaos.scenarios import work

STEPS = 6
MOST_SECONDS = 30.0


def lost(scale: int) -> Report:
    """The broker is flushed or killed 20 times while runs are created, driven, and woken by timers."""
    points = max(2, 20 // scale)
    report = Report("R3", f"broker flushed or killed {points} times")
    broker, owner = Broker(urlsplit(os.environ["REDIS_URL"]).port or 0), work.tenant()
    broker.start()
    wanted: list[UUID] = []
    returned: list[datetime] = []
    try:
        with fleet() as logs:
            queue(owner, wanted, 4)
            report.require(work.patiently(lambda: begun(wanted), 60), f"nobody works: {told(logs)}")
            for _ in range(points):
                queue(owner, wanted, 4)
                time.sleep(work.chance.uniform(0.5, 3))
                disturb(broker)
                returned.append(clock.now())
                queue(owner, wanted, 4)
            ended = work.patiently(lambda: not work.open_runs(wanted), 120)
            report.require(ended, f"{work.open_runs(wanted)} runs did not end")
    finally:
        broker.kill()
    moved = [seconds for at in returned for seconds in until_moved(wanted, at)]
    report.figures["seconds until a run moved on after the broker's return"] = figures = spread(moved)
    report.require(figures.get("max", 0) <= MOST_SECONDS, f"a run took {figures.get('max')} s to move on")
    work.audit(report, wanted, work.counted(STEPS), steps=STEPS + 1)
    return report.ended()


def napping() -> dict[str, object]:
    """Steps of our own with a parked nap of three seconds in the middle, so that beat has something to fire."""
    document = work.counting(STEPS, 200)
    nap = {"step_id": "nap", "action": "wait", "duration_ms": 3000}
    document["workflow_graph"]["nodes"][f"n{STEPS // 2}"]["steps"].append(nap)
    return document


def queue(owner: work.Tenant, wanted: list[UUID], number: int) -> None:
    """Queue runs, ringing for each; a bell that the broker does not carry is lost."""
    wanted += [runs.queue(owner, napping()).pk for _ in range(number)]


def begun(wanted: list[UUID]) -> bool:
    """Whether somebody works."""
    return Run.system.filter(pk__in=wanted, started_at__isnull=False).exists()


def disturb(broker: Broker) -> None:
    """Flush it, or kill it and start it again a little later."""
    if work.chance.random() < 0.5:
        broker.flush()
        return
    broker.kill()
    time.sleep(work.chance.uniform(0.5, 3))
    broker.start()


def until_moved(wanted: list[UUID], at: datetime) -> Iterator[float]:
    """For each run that was open at a moment: seconds until its next event."""
    open_then = Run.system.filter(pk__in=wanted, created_at__lt=at, ended_at__gt=at)
    for run_id in open_then.values_list("pk", flat=True):
        later = Event.objects.filter(run_id=run_id, created_at__gt=at).order_by("seq")
        first = later.values_list("created_at", flat=True).first()
        if first is not None:
            yield round((first - at).total_seconds(), 2)


@contextmanager
def fleet() -> Iterator[Path]:
    """Two workers and a beat as somebody would start them; the folder of what they say."""
    with TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as folder:
        started: list[subprocess.Popen[bytes]] = []
        for name in ("worker-1", "worker-2", "beat"):
            env = {**os.environ, "WORKER_ID": name, "VAR_DIR": folder}
            started.append(processes.start(name.partition("-")[0], env, Path(folder) / f"{name}.log"))
        try:
            yield Path(folder)
        finally:
            for process in started:
                processes.stop(process, 9)


def told(folder: Path) -> list[str]:
    """The last words of the processes."""
    return [path.read_text()[-300:] for path in sorted(folder.glob("*.log"))]
