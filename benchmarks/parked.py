"""P10: thousands of runs that wait for people and for time: what they cost, and that each goes on once.

python -m benchmarks.parked postgres          10,000 of each kind
python -m benchmarks.parked postgres 500      fewer
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import benchmarks.ready  # noqa: F401 - settings before models
from approvals import services as approvals
from approvals.models import Approval
from approvals.rules.answers import Answer
from benchmarks import sides
from benchmarks.figures import Figure, publish, say
from benchmarks.fleet import Fleet, fleet
from langorch.lib import clock
from orchestration.models import Event, Run, RunJob, Wait
from tests import people, processes, runs
from tests.people import House

EACH, WORKERS = 10_000, 2
IDLE_SECONDS = 20
SECONDS_A_RUN = 0.2
TICKS = 100
HOUR_MS = 3_600_000
WANTED_SHARE = 5.0


def sleeping() -> dict[str, Any]:
    """A run that waits an hour."""
    steps = [{"step_id": "sleep", "action": "wait", "duration_ms": HOUR_MS}]
    return runs.document({"nap": {"type": "sequence", "steps": steps}})


def asking() -> dict[str, Any]:
    """A run that waits for a person."""
    return runs.document({"ask": {"type": "human_approval", "prompt": "Go on?", "on_approve": "end"}, "end": END})


END = {"type": "terminate"}


def main(each: int) -> bool:
    """Park, look, wake; whether the targets were met."""
    with sides.scratch_database(), fleet(WORKERS, "beat") as started:
        house = people.build()
        started.wait_until_all_have_driven(lambda: runs.queue(house.tenant, sides.chain(1)))
        say(f"parking {2 * each} runs")
        for document in (sleeping(), asking()):
            create(house, document, each)
        until_jobs(each * 2, "parked")
        good = publish(idle(started, each))
        say("waking them")
        wake(house)
        until_jobs(0, "parked")
        until_jobs(0, "leased", "ready")
        return publish(ended(each)) and good


def create(house: House, document: dict[str, Any], count: int) -> None:
    """Queue so many runs of a document."""
    runs.queue_many(house.tenant, document, count)


def until_jobs(count: int, *states: str) -> None:
    """Return when so many jobs are in these states."""
    jobs = RunJob.objects.filter(state__in=states)
    seconds = 60 + SECONDS_A_RUN * RunJob.objects.count()
    processes.until(lambda: jobs.count() == count, seconds, f"{count} jobs are {' or '.join(states)}")


def idle(started: Fleet, each: int) -> Iterator[Figure]:
    """What the processes use while nothing is due."""
    begin, before = time.monotonic(), {name: spent(pid) for name, pid in started.pids.items()}
    most = 0
    while time.monotonic() < begin + IDLE_SECONDS:
        most = max(most, RunJob.objects.filter(state="leased").count())
        time.sleep(0.2)
    seconds = time.monotonic() - begin
    title = f"{each} approvals and {each} sleepers"
    yield Figure("P10", f"{title}: worker slots in use, at most", most, "slots", 0)
    for name, pid in started.pids.items():
        share = (spent(pid) - before[name]) / seconds * 100
        yield Figure("P10", f"{title}: {name}", share, "% of a core", WANTED_SHARE if name == "beat" else None)


def spent(pid: int) -> float:
    """Processor seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def wake(house: House) -> None:
    """Let every sleeper's time come, and decide every question."""
    Wait.objects.filter(kind="timer", state="open").update(until=clock.now() - timedelta(seconds=1))
    actor = people.actor(house.approver)
    for approval_id in Approval.system.filter(status="pending").values_list("pk", flat=True):
        approvals.decide(actor, approval_id, Answer("approved"))


def ended(each: int) -> Iterator[Figure]:
    """How many went on other than once."""
    waited = Run.system.filter(waits__isnull=False).distinct()
    resumed = Counter(Event.objects.filter(event_type="run_resumed").values_list("run_id", flat=True))
    finished = Counter(Event.objects.filter(event_type="run_completed").values_list("run_id", flat=True))
    odd = [run_id for run_id in waited.values_list("pk", flat=True) if (resumed[run_id], finished[run_id]) != (1, 1)]
    lost = 2 * each - waited.filter(status="completed").count()
    yield Figure("P10", "runs that did not go on exactly once", len(odd), "runs", 0)
    yield Figure("P10", "runs that did not complete", lost, "runs", 0)


if __name__ == "__main__":
    sys.exit(not main(int(sys.argv[2]) if len(sys.argv) > 2 else EACH))
