"""kill -9 of the whole portal in the middle of a run: after the next start it goes on from its last recorded step."""

import signal
from collections import Counter
from pathlib import Path

from tests import processes

STEPS = 10


def test_a_killed_portal_goes_on_from_the_last_recorded_step(tmp_path: Path) -> None:
    var, port = tmp_path / "var", processes.free_port()
    var.mkdir()
    with processes.embedded(var, port) as (process, api):
        api.publish(processes.slow_document(STEPS, wait_ms=300))
        run = api.start_run("slow")
        processes.until(lambda: len(api.events(run, "step_completed")) >= 3, 15, "three steps are recorded")
        processes.stop(process, signal.SIGKILL)

    with processes.embedded(var, port) as (process, api):
        api.wait_for(run, "completed", seconds=30)
        completed = api.events(run, "step_completed")
        executed = Counter(event["step_id"] for event in completed if not event["payload"]["cached"])
        assert executed == {f"s{number}": 1 for number in range(1, STEPS + 1)}
        assert Counter(event["payload"]["message"] for event in api.events(run, "log")).most_common(1)[0][1] == 1
        numbers = [event["seq"] for event in api.events(run)]
        assert numbers == list(range(1, len(numbers) + 1))
