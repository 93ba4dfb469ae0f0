"""Undoing a run by hand: the verb of the API, its page, and what is refused afterwards."""

from typing import Any

import pytest

from orchestration import services
from orchestration.models import Run
from tenants.models import AuditEntry
from tests import people, published, runs
from tests.documents import hello

pytestmark = pytest.mark.django_db(transaction=True)


def document(compensation: str = "manual") -> dict[str, Any]:
    undo = {"step_id": "undo", "action": "log", "message": "undone {{compensates.result}}"}
    done = {
        "step_id": "do",
        "action": "calculate",
        "expression": "6 * 7",
        "output_variable": "x",
        "compensate_with": undo,
    }
    nodes = {
        "a": {"type": "sequence", "steps": [done], "next_node": "z"},
        "z": {"type": "terminate", "status": "failed", "message": "Lost"},
    }
    graph = {"start_node": "a", "nodes": nodes}
    return hello("undoable", workflow_graph=graph, global_config={"compensation": compensation})


@pytest.fixture
def failed(house):
    """A run that failed; `failed("on_failure")` of a document that says itself when it is undone."""

    def make(compensation: str = "manual") -> Run:
        published.publish(house.admin, document(compensation))
        started = services.start_run(people.actor(house.operator), services.StartRequest(procedure_id="undoable"))
        run = runs.drive(started.run)
        assert (run.status, run.error["message"]) == ("failed", "Lost")
        return run

    return make


def test_a_failed_run_is_undone_once_and_ends_as_before(house, api, failed):
    run, client = failed(), api(house.operator)
    assert client.get(f"/api/runs/{run.pk}").json()["can"]["compensate"] is True
    answer = client.post(f"/api/runs/{run.pk}/compensate", {"reason": "booked twice"}, format="json")
    assert (answer.status_code, answer.json()["status"]) == (202, "created")
    run = runs.drive(run)
    assert (run.status, run.error["message"], run.compensation) == ("failed", "Lost", "done")
    told = runs.told(run.pk)
    assert told[-2:] == ["compensation_completed", "run_failed"]
    assert told.count("compensation_requested") == told.count("compensation_started") == 1
    assert AuditEntry.system.filter(action="run.compensate", resource_id=str(run.pk)).count() == 1
    again = client.post(f"/api/runs/{run.pk}/compensate", {"reason": "again"}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "already_compensated")
    retry = client.post(f"/api/runs/{run.pk}/retry", {"mode": "failed_step"}, format="json")
    assert (retry.status_code, retry.json()["code"]) == (409, "already_compensated")
    assert client.post(f"/api/runs/{run.pk}/retry", {"mode": "start"}, format="json").status_code == 201


def test_what_cannot_be_undone_by_hand_is_refused(house, api, failed):
    run, client = failed("on_failure"), api(house.operator)
    assert run.compensation == "done"
    other = services.start_run(people.actor(house.operator), services.StartRequest(procedure_id="undoable")).run
    answer = client.post(f"/api/runs/{other.pk}/compensate", {"reason": "why not"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_transition")
    assert client.post(f"/api/runs/{other.pk}/compensate", {}, format="json").status_code == 422
    assert api(house.viewer).post(f"/api/runs/{run.pk}/compensate", {"reason": "x"}, format="json").status_code == 403


def test_the_page_asks_for_a_reason(house, browser, failed):
    run, visitor = failed(), browser(house.operator)
    address = f"/runs/{run.pk}/compensate"
    assert address in visitor.get(f"/runs/{run.pk}").content.decode()
    assert "Undo this run?" in visitor.get(address).content.decode()
    assert visitor.post(address, {"reason": ""}).status_code == 422
    assert visitor.post(address, {"reason": "booked twice"}).status_code == 302
    run = runs.drive(run)
    assert run.compensation == "done"
    page = visitor.get(f"/runs/{run.pk}").content.decode()
    assert address not in page
    assert "Undoing asked for" in page
