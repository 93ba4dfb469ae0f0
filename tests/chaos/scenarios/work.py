"""Runs for the scenarios: what they do, and whether they came to what they had to."""

import os
import random
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Final
from uuid import UUID

from django.db import Error as DatabaseError
from django.db import connection
from django.db.models import Count, Max

from langorch.lib import ids
from orchestration.choices import ENDED
from orchestration.models import Event, Run, RunJob, StepRecord
from tenants.models import Tenant
from tests import runs
from tests.chaos.reports import Report

ENDS: Final = ("run_completed", "run_failed", "run_canceled")
HURRIED: Final = {
    "RUN_LEASE_SECONDS": "1.5",
    "RUN_HEARTBEAT_SECONDS": "0.5",
    "WORKER_POLL_INTERVAL": "0.2",
    "WORKER_MAX_ATTEMPTS": "50",
    "WORKER_RETRY_DELAY_SECONDS": "0",
}
"""Settings of workers in short forms, so that a takeover takes two seconds instead of twelve."""
SEED: Final = int(os.environ.get("CHAOS_SEED", "7"))
chance: Final = random.Random(SEED)


def settings_for(scale: int) -> dict[str, str]:
    """The settings of workers: those of production at full size."""
    return {} if scale == 1 else HURRIED


def tenant() -> Tenant:
    """A tenant of the scenario's own."""
    return Tenant.objects.create(slug=f"chaos-{ids.uuid7()}", name="Chaos")


def counting(steps: int, wait_ms: int, **root: Any) -> dict[str, Any]:
    """Nodes that each add their number to a list and then hold their worker for a moment."""
    nodes: dict[str, Any] = {
        f"n{number}": {
            "type": "sequence",
            "steps": [
                {
                    "step_id": "s",
                    "action": "append_to_array",
                    "array": "done",
                    "value": number,
                    "wait_after_ms": wait_ms,
                }
            ],
            "next_node": f"n{number + 1}",
        }
        for number in range(steps)
    }
    return runs.document({**nodes, f"n{steps}": {"type": "terminate", "outputs": {"done": "done"}}}, **root)


def effecting(steps: int) -> dict[str, Any]:
    """Nodes that each have an agent count their number, an effect that must happen once."""
    nodes: dict[str, Any] = {
        f"n{number}": {
            "type": "sequence",
            "agent": "web",
            "steps": [{"step_id": "s", "action": "count", "number": number, "output_variable": f"r{number}"}],
            "next_node": f"n{number + 1}",
        }
        for number in range(steps)
    }
    results = ", ".join(f"r{number}" for number in range(steps))
    return runs.document({**nodes, f"n{steps}": {"type": "terminate", "outputs": {"done": f"{{{{ [{results}] }}}}"}}})


def counted(steps: int) -> dict[str, Any]:
    """The outputs of such a run."""
    return {"done": list(range(steps))}


def several(owner: Tenant, document: dict[str, Any], number: int) -> list[UUID]:
    """So many queued runs of a document; their ids."""
    return [run.pk for run in runs.queue_many(owner, document, number)]


def open_runs(wanted: Collection[UUID]) -> int:
    """How many of the runs have not ended."""
    return Run.system.filter(pk__in=wanted).exclude(status__in=ENDED).count()


def patiently(question: Callable[[], Any], seconds: float, pause: float = 0.1) -> bool:
    """Whether the answer becomes true in time, asked again and again; a database that is away answers nothing."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if question():
                return True
        except DatabaseError:
            connection.close()
        time.sleep(pause)
    return False


def audit(report: Report, wanted: Collection[UUID], outputs: Any, *, steps: int) -> None:
    """Note what is wrong with runs that had to complete with these outputs and so many steps each."""
    found = dict(Run.system.filter(pk__in=wanted).values_list("pk", "status"))
    lost = [run_id for run_id in wanted if run_id not in found or found[run_id] not in ENDED]
    failed = [run_id for run_id, status in found.items() if status in ENDED and status != "completed"]
    values = Run.system.filter(pk__in=wanted, status="completed").values_list("pk", "output_vars")
    wrong = [run_id for run_id, value in values if value != outputs]
    report.figures |= {"runs": len(wanted), "lost": len(lost), "failed": len(failed), "wrong outputs": len(wrong)}
    report.require(not lost, f"{len(lost)} runs are lost, {lost[:3]}")
    report.require(not failed, f"{len(failed)} runs failed, {_errors(failed)}")
    report.require(not wrong, f"{len(wrong)} runs have wrong outputs, {wrong[:3]}")
    events(report, wanted)
    records(report, wanted, steps)


def _errors(failed: list[UUID]) -> list[Any]:
    return list(Run.system.filter(pk__in=failed[:3]).values_list("pk", "status", "error"))


def events(report: Report, wanted: Collection[UUID]) -> None:
    """Note runs whose events have a gap, or not exactly one end."""
    numbers = Event.objects.filter(run_id__in=wanted).values("run_id").annotate(n=Count("seq"), last=Max("seq"))
    gaps = [row["run_id"] for row in numbers if row["n"] != row["last"]]
    ends = Event.objects.filter(run_id__in=wanted, event_type__in=ENDS).values("run_id").annotate(n=Count("seq"))
    odd = len(wanted) - sum(row["n"] == 1 for row in ends)
    report.figures |= {"runs with gaps in their events": len(gaps), "runs without exactly one end": odd}
    report.require(not gaps, f"gaps in the events of {gaps[:3]}")
    report.require(not odd, f"{odd} runs do not have exactly one terminal event")


def records(report: Report, wanted: Collection[UUID], steps: int) -> None:
    """Note runs that did not record each step as completed, or told of a step twice."""
    done = StepRecord.objects.filter(run_id__in=wanted, state="completed").count()
    told = Event.objects.filter(run_id__in=wanted, event_type="step_completed", payload__cached=False).count()
    report.figures |= {"steps recorded": done, "step results told": told}
    report.require(done == steps * len(wanted), f"{done} completed steps instead of {steps * len(wanted)}")
    report.require(told == steps * len(wanted), f"{told} step results instead of {steps * len(wanted)}")


def holders(names: Iterable[str]) -> dict[str, UUID]:
    """Of these workers those that hold a run, with one that it works on."""
    leased = RunJob.objects.filter(state="leased").values_list("lease_owner", "run_id")
    known = set(names)
    return {owner.partition("/")[0]: run_id for owner, run_id in leased if owner.partition("/")[0] in known}


def moments(shortest: float, longest: float) -> Iterator[float]:
    """Random pauses in seconds."""
    while True:
        yield chance.uniform(shortest, longest)
