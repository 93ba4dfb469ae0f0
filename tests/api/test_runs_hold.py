"""Holding runs and letting them go on, over REST (api 5, runtime 14)."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from approvals.models import Approval
from orchestration.models import Event, Run, RunJob
from orchestration.runtime import heartbeat
from tenants.models import AuditEntry
from tests import runs
from tests.documents import hello
from tests.published import publish, purchase

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/runs"
INPUTS = {"item": "lamp", "amount": 5}
PATIENCE = 20.0


@pytest.fixture
def operator(house, api):
    return api(house.operator)


def start(client, procedure_id: str, **inputs: Any) -> str:
    return client.post(URL, {"procedure_id": procedure_id, "input_vars": inputs}).json()["run_id"]


def verb(client, run_id: str, name: str, **body: Any) -> dict[str, Any]:
    answer = client.post(f"{URL}/{run_id}/{name}", body)
    assert answer.status_code == 200, answer.json()
    found: dict[str, Any] = answer.json()
    return found


def drive(run_id: str) -> Run:
    return runs.drive(Run.system.get(pk=run_id))


def test_a_queued_run_is_held_at_once_and_goes_on_when_let(house, operator):
    publish(house.operator, hello())
    run_id = start(operator, "hello")
    for _ in range(2):
        body = verb(operator, run_id, "pause", reason="month end")
        assert (body["status"], body["waits_open"], body["waiting_for"]["kind"]) == ("paused", 1, "operator")
    assert (body["can"]["pause"], body["can"]["resume"]) == ("The run is on hold already.", True)
    assert drive(run_id).status == "paused", "no worker takes it"
    for _ in range(2):
        assert verb(operator, run_id, "resume")["status"] == "created"
    assert drive(run_id).status == "completed"
    assert runs.told(Run.system.get().pk)[:4] == ["run_created", "run_parked", "run_resumed", "execution_started"]
    assert list(AuditEntry.system.filter(category="run").order_by("ts").values_list("action", flat=True)) == [
        "run.start",
        "run.pause",
        "run.resume",
    ]


def test_a_decision_under_a_hold_is_kept_until_it_is_lifted(house, operator, api):
    publish(house.operator, purchase())
    run_id = start(operator, "purchase", **INPUTS)
    drive(run_id)
    assert verb(operator, run_id, "pause")["status"] == "paused"
    decided = api(house.approver).post(f"/api/approvals/{Approval.system.get().pk}/decision", {"decision": "approve"})
    assert decided.status_code == 200, decided.json()
    assert drive(run_id).status == "paused"
    assert verb(operator, run_id, "resume")["status"] == "created"
    assert drive(run_id).output_vars == {"bought": "lamp"}


def test_a_run_that_still_waits_for_its_person_goes_back_to_waiting(house, operator):
    publish(house.operator, purchase())
    run_id = start(operator, "purchase", **INPUTS)
    drive(run_id)
    verb(operator, run_id, "pause")
    body = verb(operator, run_id, "resume")
    assert (body["status"], body["waits_open"]) == ("waiting_approval", 1)
    assert RunJob.objects.get().state == "parked"
    assert list(Approval.system.values_list("status", flat=True)) == ["pending"]


def test_an_ended_run_takes_no_hold(house, operator):
    publish(house.operator, hello())
    run_id = start(operator, "hello")
    drive(run_id)
    for name in ("pause", "resume"):
        answer = operator.post(f"{URL}/{run_id}/{name}")
        assert (answer.status_code, answer.json()["code"]) == (409, "run_terminal")


def test_a_held_run_can_be_canceled(house, operator):
    publish(house.operator, hello())
    run_id = start(operator, "hello")
    verb(operator, run_id, "pause")
    body = verb(operator, run_id, "cancel")
    assert (body["status"], body["waits_open"]) == ("canceled", 0)


def test_who_may_hold(house, operator, api):
    publish(house.operator, hello(), house.other_project)
    run_id = start(operator, "hello")
    statuses = {
        name: api(getattr(house, name)).post(f"{URL}/{run_id}/pause").status_code
        for name in ("viewer", "approver", "guest", "clerk", "stranger")
    }
    assert statuses == {"viewer": 403, "approver": 403, "guest": 403, "clerk": 404, "stranger": 404}
    assert Run.system.get().status == "created"


class TestAtWork:
    """A worker has the run; it finds the hold when it renews its lease."""

    @pytest.fixture
    def working(self, house, operator):
        """The id of a run that a worker is at, waiting a moment in its first step."""
        wait = {"step_id": "wait", "action": "wait", "duration_ms": 1900}
        document = hello()
        document["workflow_graph"]["nodes"]["greet"]["steps"] = [wait | {"step_id": f"w{n}"} for n in range(3)]
        publish(house.operator, document)
        run_id = start(operator, "hello")
        worker = threading.Thread(target=self.work, args=(run_id,))
        worker.start()
        assert comes_true(lambda: Run.system.get(pk=run_id).status == "running")
        yield run_id
        worker.join(PATIENCE)

    @staticmethod
    def work(run_id: str) -> None:
        try:
            runs.engine.drive_one("w1")
        finally:
            connection.close()

    @staticmethod
    def beat(run_id: str) -> None:
        for held, lease in heartbeat.keeper.leases().items():
            if str(held) == run_id:
                heartbeat.renew(held, lease)

    def test_it_stops_at_its_next_boundary_and_goes_on_from_there(self, operator, working):
        assert verb(operator, working, "pause")["status"] == "running"
        self.beat(working)
        assert comes_true(lambda: Run.system.get(pk=working).status == "paused")
        assert operator.get(f"{URL}/{working}").json()["waiting_for"]["kind"] == "operator"
        assert verb(operator, working, "resume")["status"] == "created"
        assert drive(working).status == "completed"
        told = list(Event.objects.filter(run_id=working, event_type="step_completed").values_list("step_id", flat=True))
        assert sorted(set(told)) == ["w0", "w1", "w2"]

    def test_a_hold_that_was_lifted_in_the_meantime_stops_nothing_for_long(self, house, operator, working):
        verb(operator, working, "pause")
        self.beat(working)
        verb(operator, working, "resume")
        assert comes_true(lambda: Run.system.get(pk=working).status != "running")
        assert drive(working).status == "completed"


def comes_true(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return False
