"""What stands behind runs, over REST: steps, diagnostics, checkpoints, the queue (api 5)."""

from typing import Any

import pytest

from orchestration.models import Run, RunJob, StepRecord
from orchestration.runtime import claims
from tests import runs
from tests.documents import hello
from tests.published import publish

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/runs"


@pytest.fixture
def operator(house, api):
    return api(house.operator)


def totals(**root: Any) -> dict[str, Any]:
    """Adds up a list in a loop, keeps a password, then asks a person."""
    nodes = {
        "begin": {
            "type": "sequence",
            "steps": [
                {"step_id": "zero", "action": "set_variable", "variable": "total", "value": 0},
                {"step_id": "keep", "action": "set_variable", "variable": "pin", "value": "{{ who }}-4711"},
            ],
            "next_node": "each",
        },
        "each": {
            "type": "loop",
            "iterator": "amounts",
            "iterator_variable": "amount",
            "index_variable": "place",
            "body_node": "add",
            "next_node": "ask",
        },
        "add": {
            "type": "sequence",
            "steps": [
                {"step_id": "plus", "action": "calculate", "expression": "total + amount", "output_variable": "total"}
            ],
            "next_node": "each",
        },
        "ask": {"type": "human_approval", "prompt": "{{ total }}?", "on_approve": "done", "on_reject": "done"},
        "done": {"type": "terminate"},
    }
    schema = {
        "amounts": {"type": "array", "default": [3, 4, 5]},
        "who": {"type": "string", "default": "you"},
        "pin": {"type": "string", "sensitive": True},
    }
    return hello("totals", variables_schema=schema, workflow_graph={"start_node": "begin", "nodes": nodes}, **root)


@pytest.fixture
def driven(house, operator):
    """The address of a run that waits for a person after a loop of three."""
    publish(house.operator, totals())
    return drive(operator)


def drive(client) -> str:
    run_id = client.post(URL, {"procedure_id": "totals"}).json()["run_id"]
    runs.drive(Run.system.get(pk=run_id))
    return f"{URL}/{run_id}"


def test_steps_are_listed_newest_first_and_masked(operator, driven):
    steps = operator.get(f"{driven}/steps").json()
    assert [(step["path"], step["step_id"], step["status"]) for step in steps] == [
        ("each[2]/add", "plus", "completed"),
        ("each[1]/add", "plus", "completed"),
        ("each[0]/add", "plus", "completed"),
        ("begin", "keep", "completed"),
        ("begin", "zero", "completed"),
    ]
    assert (steps[0]["result"], steps[0]["attempt"], steps[0]["agent_id"]) == (12, 1, None)
    assert steps[3]["result"] in (None, "***REDACTED***")
    assert "4711" not in operator.get(f"{driven}/steps").content.decode()


def test_what_is_computed_from_something_sensitive_is_masked(house, operator):
    steps = [
        {"step_id": "keep", "action": "set_variable", "variable": "pin", "value": "4711"},
        {"step_id": "copy", "action": "set_variable", "variable": "copy", "value": "{{ pin }}!"},
        {"step_id": "say", "action": "log", "message": "{{ copy }}"},
    ]
    nodes = {
        "begin": {"type": "sequence", "steps": steps, "next_node": "done"},
        "done": {"type": "terminate", "outputs": {"result": "copy"}},
    }
    graph = {"start_node": "begin", "nodes": nodes}
    schema = {"pin": {"type": "string", "sensitive": True}}
    publish(house.operator, hello("totals", variables_schema=schema, workflow_graph=graph))
    url = drive(operator)
    assert operator.get(url).json()["output_vars"] == {"result": "***REDACTED***"}
    shown = [operator.get(f"{url}{part}").content.decode() for part in ("", "/steps", "/checkpoints", "/events")]
    assert "4711" not in "".join(shown)


def test_steps_are_found_by_node_and_status(operator, driven):
    assert len(operator.get(f"{driven}/steps", {"node_id": "add"}).json()) == 3
    assert operator.get(f"{driven}/steps", {"status": "failed"}).json() == []
    first = operator.get(f"{driven}/steps", {"limit": 2, "order": "asc"})
    assert [step["step_id"] for step in first.json()] == ["zero", "keep"]
    rest = operator.get(f"{driven}/steps", {"order": "asc", "cursor": first.headers["X-Next-Cursor"]}).json()
    assert len(rest) == 3
    assert operator.get(f"{driven}/steps", {"color": "red"}).json()["code"] == "unknown_parameter"


def test_diagnostics_of_a_run_that_waits(operator, driven):
    body = operator.get(f"{driven}/diagnostics").json()
    assert (body["status"], body["worker"], body["job"]["state"]) == ("waiting_approval", None, "parked")
    assert [(wait["kind"], wait["path"]) for wait in body["waits"]] == [("approval", "ask")]
    assert (body["in_doubt"], body["children"], body["error_events"]) == ([], [], 0)
    assert body["total_events"] == Run.system.get().last_seq
    assert body["has_retry_event"] is False


def test_diagnostics_name_the_worker_and_what_is_in_doubt_after_it(house, operator):
    publish(house.operator, hello())
    run_id = operator.post(URL, {"procedure_id": "hello"}).json()["run_id"]
    run = Run.system.get(pk=run_id)
    assert claims.claim("w1") is not None
    StepRecord.objects.create(
        run=run,
        path="greet",
        step_id="send",
        node_id="greet",
        action="send",
        state="started",
        key="k",
        started_at=run.created_at,
    )
    body = operator.get(f"{URL}/{run_id}/diagnostics").json()
    assert (body["worker"]["id"], body["worker"]["fence"], body["in_doubt"]) == ("w1", 1, [])
    assert body["idempotency_entries"][0]["has_cached_result"] is False
    RunJob.objects.filter(run=run).update(state="ready", lease_owner="", lease_until=None, losses=1)
    Run.system.filter(pk=run_id).update(status="created")
    body = operator.get(f"{URL}/{run_id}/diagnostics").json()
    assert [(step["step_id"], step["idempotency_key"]) for step in body["in_doubt"]] == [("send", "k")]


def test_history_has_a_checkpoint_for_each_visit(operator, driven):
    checkpoints = operator.get(f"{driven}/checkpoints").json()
    run_id = driven.rpartition("/")[2]
    assert [(one["thread_id"].removeprefix(run_id), one["step"]) for one in checkpoints] == [
        (":", 2),
        (":each[2]", 1),
        (":each[1]", 1),
        (":each[0]", 1),
        (":", 1),
    ]
    assert checkpoints[0]["parent_checkpoint_id"] == checkpoints[-1]["checkpoint_id"]
    assert checkpoints[1]["writes"] == {"add": {"total": 12}}


def test_a_checkpoint_shows_the_variables_of_then_masked(operator, driven):
    checkpoints = operator.get(f"{driven}/checkpoints", {"order": "asc"}).json()
    values = [
        operator.get(f"{driven}/checkpoints/{one['checkpoint_id']}").json()["channel_values"] for one in checkpoints
    ]
    assert [value["total"] for value in values] == [0, 3, 7, 12, 12]
    assert [(value.get("amount"), value.get("place")) for value in values[1:4]] == [(3, 0), (4, 1), (5, 2)]
    assert "amount" not in values[4]
    assert {value["pin"] for value in values} == {"***REDACTED***"}
    assert operator.get(f"{driven}/checkpoints/{driven.rpartition('/')[2]}").status_code == 404


def test_the_document_says_how_much_history_is_shown(house, operator):
    publish(house.operator, totals(global_config={"checkpoint_strategy": "none"}))
    assert operator.get(f"{drive(operator)}/checkpoints").json() == []
    publish(house.operator, totals(version="2.0.0", global_config={"checkpoint_strategy": "critical_nodes_only"}))
    address = drive(operator)
    runs.answer(Run.system.get(pk=address.rpartition("/")[2]), "ask", {"decision": "approved"})
    runs.drive(Run.system.get(pk=address.rpartition("/")[2]))
    nodes = [next(iter(one["writes"])) for one in operator.get(f"{address}/checkpoints").json()]
    assert nodes == ["done", "ask"]


class TestQueue:
    def test_it_counts_what_one_may_see_and_names_what_comes_next(self, house, operator, api):
        publish(house.operator, hello(), house.project)
        publish(house.operator, hello("other"), house.other_project)
        low, high = (
            operator.post(URL, {"procedure_id": "hello", "priority": priority}).json()["run_id"] for priority in (0, 9)
        )
        other = operator.post(URL, {"procedure_id": "other"}).json()["run_id"]
        operator.post(f"{URL}/{other}/cancel")
        RunJob.objects.filter(pk=low).update(losses=2)
        body = operator.get("/api/queue").json()
        assert body["depth_by_status"] == {
            "queued": 1,
            "retrying": 1,
            "running": 0,
            "waiting": 0,
            "done": 0,
            "failed": 0,
            "cancelled": 1,
        }
        assert (body["total_pending"], body["total_done"]) == (2, 0)
        assert [(job["run_id"], job["status"], job["attempts"]) for job in body["next_jobs"]] == [
            (high, "queued", 0),
            (low, "retrying", 2),
        ]
        assert body["next_jobs"][0]["waiting_for"]["kind"] == "capacity"
        guest = api(house.guest).get("/api/runs/queue").json()
        assert (guest["total_pending"], guest["depth_by_status"]["cancelled"]) == (0, 1)

    def test_work_in_progress_is_counted_by_what_it_does(self, operator, driven):
        depth = operator.get("/api/queue").json()["depth_by_status"]
        assert (depth["waiting"], depth["queued"]) == (1, 0)


def test_records_are_for_those_who_may_see_the_run(house, api, driven):
    for path in ("steps", "diagnostics", "checkpoints", "checkpoints/x"):
        assert api(house.stranger).get(f"{driven}/{path}").status_code == 404
        assert api(house.approver).get(f"{driven}/{path}").status_code == 403
