"""Forking runs over REST: a new run from an earlier boundary (api 5, runtime 14)."""

from typing import Any

import pytest

from approvals.models import Approval
from orchestration.models import Event, Run
from procedures.models import ProcedureVersion
from tenants.models import AuditEntry
from tests import runs
from tests.api.test_runs_records import totals
from tests.documents import hello
from tests.published import publish

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/runs"


@pytest.fixture
def operator(house, api):
    return api(house.operator)


def driven(client, procedure_id: str = "totals", **inputs: Any) -> str:
    run_id = client.post(URL, {"procedure_id": procedure_id, "input_vars": inputs}).json()["run_id"]
    return drive(run_id)


def drive(run_id: str) -> str:
    runs.drive(Run.system.get(pk=run_id))
    return run_id


def decided(run_id: str, verdict: str = "approved") -> Run:
    """The run after its question was answered."""
    content = {"decision": verdict, "decided_by": "judge", "comment": "fine", "approval_id": "a1"}
    assert runs.answer(Run.system.get(pk=run_id), "ask", content)
    return runs.drive(Run.system.get(pk=run_id))


def fork(client, run_id: str, path: str, **body: Any) -> Any:
    return client.post(f"{URL}/{run_id}/fork", {"path": path, "reason": "what if"} | body)


@pytest.fixture
def waiting(house, operator):
    """The id of a run that added 3, 4 and 5 in a loop and now asks a person."""
    publish(house.operator, totals())
    return driven(operator)


def test_a_fork_repeats_nothing_before_its_boundary(house, operator, waiting):
    answer = fork(operator, waiting, "ask")
    body = answer.json()
    assert (answer.status_code, body["forked_from"], body["status"]) == (201, waiting, "created")
    forked = drive(body["run_id"])
    told = Event.objects.filter(run_id=forked)
    assert list(told.filter(event_type="node_started").values_list("node_id", flat=True)) == ["ask"]
    assert told.get(event_type="execution_resumed").payload["resume_reason"] == "fork"
    assert decided(forked).output_vars["total"] == 12
    assert Approval.system.count() == 2
    assert Event.objects.get(run_id=waiting, event_type="run_forked").payload == {
        "new_run_id": forked,
        "from_path": "ask",
        "changed": [],
    }
    assert AuditEntry.system.get(action="run.fork").meta == {"new_run": forked}


def test_variables_may_be_other_than_they_were(operator, waiting):
    forked = drive(fork(operator, waiting, "ask", changes={"total": 100}).json()["run_id"])
    assert decided(forked).output_vars["total"] == 100
    assert Event.objects.get(run_id=waiting, event_type="run_forked").payload["changed"] == ["total"]


def test_from_inside_a_loop_the_rest_of_it_is_done_again(operator, waiting):
    forked = drive(fork(operator, waiting, "each[1]/add", changes={"total": 50}).json()["run_id"])
    started = Event.objects.filter(run_id=forked, event_type="node_started").values_list("path", flat=True)
    assert list(started) == ["each[1]/add", "each[2]/add", "ask"]
    assert decided(forked).output_vars["total"] == 59


def test_from_inside_a_branch_only_that_branch_goes_on(house, operator):
    def say(next_node: str) -> dict[str, Any]:
        return {"type": "sequence", "steps": [{"action": "log", "message": "x"}], "next_node": next_node}

    branches = [{"branch_id": "left", "start_node": "l1"}, {"branch_id": "right", "start_node": "r1"}]
    nodes = {
        "both": {"type": "parallel", "branches": branches, "next_node": "done"},
        **{"l1": say("l2"), "l2": say("l3"), "l3": say("done"), "r1": say("done")},
        "done": {"type": "terminate"},
    }
    publish(house.operator, hello("branches", workflow_graph={"start_node": "both", "nodes": nodes}))
    run_id = driven(operator, "branches")
    forked = drive(fork(operator, run_id, "both:left/l3").json()["run_id"])
    assert Run.system.get(pk=forked).status == "completed"
    started = Event.objects.filter(run_id=forked, event_type="node_started").values_list("node_id", flat=True)
    assert {"l3", "done"} <= set(started)
    assert {"both", "l1", "l2"}.isdisjoint(started)


def test_from_the_first_node_the_inputs_may_be_changed(operator, waiting):
    body = fork(operator, waiting, "begin", changes={"amounts": [1, 1]}).json()
    assert body["input_vars"]["amounts"] == [1, 1]
    assert decided(drive(body["run_id"])).output_vars["total"] == 2


def test_decisions_before_the_boundary_count_and_are_told(house, operator):
    document = totals()
    document["workflow_graph"]["nodes"]["ask"]["on_approve"] = "after"
    document["workflow_graph"]["nodes"]["after"] = {
        "type": "sequence",
        "steps": [{"step_id": "s", "action": "calculate", "expression": "total * 2", "output_variable": "total"}],
        "next_node": "done",
    }
    publish(house.operator, document)
    run_id = driven(operator)
    assert decided(run_id).status == "completed"
    forked = drive(fork(operator, run_id, "after").json()["run_id"])
    assert Run.system.get(pk=forked).output_vars["total"] == 24
    told = Event.objects.get(run_id=forked, event_type="approval_decision_received")
    assert (told.path, told.payload["decided_by"], told.payload["via"]) == ("ask", "judge", f"fork of {run_id}")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"path": "nowhere"}, "path"),
        ({"changes": {"amounts": "many"}}, "changes.amounts"),
        ({"changes": {"nothing": 1}}, "changes.nothing"),
        ({"path": "each[1]/add", "changes": {"amount": 1}}, "changes.amount"),
        ({"step_id": "plus"}, "step_id"),
        ({"reason": ""}, "reason"),
    ],
)
def test_what_does_not_fit_is_refused_by_name_and_leaves_nothing(operator, waiting, body, field):
    answer = fork(operator, waiting, **({"path": "ask"} | body))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert Run.system.count() == 1


def test_another_version_needs_the_nodes_that_were_visited(house, operator, waiting):
    same = totals(version="2.0.0")
    publish(house.operator, same)
    body = fork(operator, waiting, "ask", procedure_version="2.0.0").json()
    assert (body["procedure_version"], body["forked_from"]) == ("2.0.0", waiting)
    other = totals(version="3.0.0")
    other["workflow_graph"]["nodes"]["start"] = other["workflow_graph"]["nodes"].pop("begin")
    other["workflow_graph"]["start_node"] = "start"
    publish(house.operator, other)
    answer = fork(operator, waiting, "ask", procedure_version="3.0.0")
    assert (answer.status_code, answer.json()["errors"][0]["node_id"]) == (422, "begin")
    assert Run.system.count() == 2


def test_only_parked_and_ended_runs_of_living_versions_are_forked(house, operator, waiting):
    assert operator.get(f"{URL}/{waiting}").json()["can"]["fork"] is True
    publish(house.operator, hello())
    queued = operator.post(URL, {"procedure_id": "hello"}).json()
    assert "queued" in queued["can"]["fork"]
    answer = fork(operator, queued["run_id"], "greet")
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_transition")
    ProcedureVersion.system.filter(procedure__procedure_id="totals").update(status="archived")
    assert fork(operator, waiting, "ask").json()["detail"] == "Its version was archived since."


def test_who_may_fork(house, api, waiting):
    statuses = {
        name: fork(api(getattr(house, name)), waiting, "ask").status_code
        for name in ("viewer", "approver", "clerk", "stranger", "admin")
    }
    assert statuses == {"viewer": 403, "approver": 403, "clerk": 404, "stranger": 404, "admin": 201}
