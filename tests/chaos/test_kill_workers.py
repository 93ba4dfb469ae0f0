"""Workers in processes of their own are killed and frozen: no run is lost, none is done twice (quality R1, R4, R5)."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestration import queue
from orchestration.models import Event, Run, RunJob, StepRecord
from tenants.models import Tenant
from tests import processes, runs
from tests.databases import leading_here

pytestmark = pytest.mark.django_db(transaction=True)

STEPS = 6
Start = Callable[..., subprocess.Popen[bytes]]


def slow(wait_ms: int) -> dict[str, Any]:
    """`STEPS` nodes that add their number to a list and then hold their worker for a moment."""
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
        for number in range(STEPS)
    }
    return runs.document({**nodes, f"n{STEPS}": {"type": "terminate", "outputs": {"done": "done"}}})


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a worker on the test's database and return when it is ready; all are killed at the end."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(name: str, **settings: str) -> subprocess.Popen[bytes]:
        env = processes.environment(
            ENVIRONMENT="test", VAR_DIR=str(tmp_path), WORKER_ID=name, **leading_here(), **settings
        )
        command = [sys.executable, "-m", "tests.chaos.worker"]
        process = subprocess.Popen(command, cwd=processes.ROOT, env=env, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait(timeout=10)


def is_running(run: Run, seq: int = 0) -> bool:
    """Whether a worker has the run and wrote a step after event `seq`."""
    run.refresh_from_db()
    steps = Event.objects.filter(run=run, seq__gt=seq, event_type="step_completed")
    return run.status == "running" and steps.exists()


def assert_whole(run: Run) -> None:
    """The run ended well, did each step once, and its events have every number once."""
    run.refresh_from_db()
    assert run.status == "completed", run.error
    assert run.output_vars == {"done": list(range(STEPS))}
    assert set(StepRecord.objects.filter(run=run).values_list("state", "attempt")) == {("completed", 1)}
    told = list(Event.objects.filter(run=run).order_by("seq").values_list("seq", "event_type"))
    assert [seq for seq, _ in told] == list(range(1, run.last_seq + 1))
    assert [name for _, name in told].count("run_completed") == 1


def test_a_killed_worker_is_replaced_within_fifteen_seconds(tenant: Tenant, start: Start):
    run = runs.queue(tenant, slow(1500))
    first = start("first")
    processes.until(lambda: is_running(run), 20, "the run is at work")
    start("second")
    assert is_running(run)
    first.kill()
    first.wait()
    killed_at, seq = time.monotonic(), Run.system.get(pk=run.pk).last_seq
    processes.until(lambda: is_running(run, seq) or run.status == "completed", 15, "another worker goes on")
    assert time.monotonic() - killed_at <= 15
    processes.until(lambda: Run.system.get(pk=run.pk).status == "completed", 20, "the run ends")
    assert_whole(run)
    assert runs.told(run.pk).count("worker_lease_expired") == 1


def test_runs_survive_workers_that_are_killed_all_the_time(tenant: Tenant, start: Start):
    chance = random.Random(7)
    short = {"RUN_LEASE_SECONDS": "1.5", "RUN_HEARTBEAT_SECONDS": "0.5", "WORKER_POLL_INTERVAL": "0.1"}
    patient = {"WORKER_MAX_ATTEMPTS": "50", "WORKER_RETRY_DELAY_SECONDS": "0"}
    waiting = [runs.queue(tenant, slow(60)) for _ in range(10)]
    workers = [start(f"w{number}", **short, **patient) for number in range(2)]
    deadline = time.monotonic() + 120
    killed = 0
    while Run.system.exclude(status="completed").exists():
        assert time.monotonic() < deadline, Run.system.values_list("status", "error_class")
        processes.until(lambda: RunJob.objects.exclude(state="ready").exists(), 30, "somebody works")
        victim = chance.randrange(2)
        if killed < 6:
            time.sleep(chance.uniform(0.2, 0.8))
            workers[victim].kill()
            workers[victim].wait()
            killed += 1
            workers[victim] = start(f"w{victim}-{killed}", **short, **patient)
    for run in waiting:
        assert_whole(run)


def test_a_frozen_worker_that_wakes_writes_nothing(tenant: Tenant, start: Start):
    short = {"RUN_LEASE_SECONDS": "1.5", "RUN_HEARTBEAT_SECONDS": "0.5", "WORKER_POLL_INTERVAL": "0.1"}
    run = runs.queue(tenant, slow(500))
    frozen = start("frozen", **short)
    processes.until(lambda: is_running(run), 20, "the run is at work")
    frozen.send_signal(signal.SIGSTOP)
    lease = RunJob.objects.get(run=run)
    processes.until(lambda: queue.sweep(), 10, "its lease runs out")
    start("awake", **short)
    processes.until(lambda: Run.system.get(pk=run.pk).status == "completed", 20, "another worker ends the run")
    frozen.send_signal(signal.SIGCONT)
    processes.until(lambda: "worker_fenced" in runs.told(run.pk), 10, "the frozen worker is refused")
    assert_whole(run)
    refused = Event.objects.get(run=run, event_type="worker_fenced")
    assert refused.payload["worker"] == lease.lease_owner


def test_timers_go_off_without_a_beat(tenant: Tenant, start: Start):
    nap = {"type": "sequence", "steps": [{"step_id": "s", "action": "wait", "duration_ms": 2500}]}
    run = runs.queue(tenant, runs.document({"nap": nap}))
    start("alone")
    processes.until(lambda: Run.system.get(pk=run.pk).status == "completed", 40, "the run wakes and ends")
    assert runs.told(run.pk).count("run_resumed") == 1
