"""What a change of a version would touch (CKP 6)."""

import json

import pytest

from orchestration import services as runs
from procedures import services
from tests import people
from tests.documents import hello
from tests.questions import question


@pytest.fixture
def store(house):
    actor = people.actor(house.operator)

    def put(document, project=None):
        return services.import_document(actor, json.dumps(document), project).version

    return put


def caller(name, pin, **mapping):
    document = hello(name)
    nodes = document["workflow_graph"]["nodes"]
    nodes["call"] = {"type": "subflow", "procedure_id": "child", "version": pin, "next_node": "done"}
    nodes["call"]["input_mapping"] = mapping
    nodes["greet"]["next_node"] = "call"
    return document


def child(version, **root):
    schema = {"amount": {"type": "number", "required": True}}
    return hello("child", version, variables_schema={"who": {"type": "string", "default": "x"}, **schema}, **root)


def test_callers_are_named_with_what_would_break(house, api, store):
    store(child("1.4.0", status="active"))
    store(caller("parent", "^1.1", amount=1))
    store(caller("broken", "^1.1", amount="{{ who }}"))
    store(caller("other", "~1.4", amount=1), house.other_project)
    store(child("1.5.0"))
    answer = api(house.viewer).get("/api/procedures/child/1.5.0/impact")
    assert answer.status_code == 200, answer.json()
    found = {row["procedure_id"]: row for row in answer.json()["callers"]}
    assert (found["parent"]["pin"], found["parent"]["node_id"], found["parent"]["accepts"]) == ("^1.1", "call", True)
    assert found["parent"]["problems"] == []
    assert [problem["code"] for problem in found["broken"]["problems"]] == ["CKP325"]
    assert (found["other"]["accepts"], found["other"]["problems"]) == (False, [])


def test_callers_of_other_projects_are_not_shown(house, api, store):
    store(child("1.4.0", status="active"), house.project)
    store(caller("parent", "^1.1", amount=1), house.other_project)
    assert api(house.clerk).get("/api/procedures/child/1.4.0/impact").json()["callers"] == []


def test_open_work_and_triggers(house, api, store, standing_clock):
    trigger = {"type": "scheduled", "schedule": "0 9 * * *", "timezone": "Europe/Oslo"}
    document = hello("pay_invoices", status="active", trigger=trigger)
    store(document)
    runs.start_run(people.actor(house.operator), runs.StartRequest(procedure_id="pay_invoices"))
    question(house.tenant, None, house.operator)
    body = api(house.viewer).get("/api/procedures/pay_invoices/1.0.0/impact").json()
    assert body["open_runs"]["by_status"] == {"created": 1, "waiting_approval": 1}
    assert (body["open_runs"]["total"], body["open_approvals"], body["channels"]) == (2, 1, ["dev"])
    assert body["triggers"] == [{"id": "t1", "type": "scheduled", "enabled": True, "next_fire": "2026-03-03T08:00:00Z"}]
