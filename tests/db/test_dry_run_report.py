"""A dry run leaves a report of what it would have done (runtime 12)."""

import json

import pytest
from django.core.files.storage import default_storage

from orchestration.models import Artifact, Event, Run
from tests import agents, runs

pytestmark = pytest.mark.django_db(transaction=True)

NODES = {
    "fetch": {
        "type": "sequence",
        "agent": "web",
        "steps": [
            {
                "step_id": "get",
                "action": "fetch_rows",
                "params": {"url": "{{ base }}/rows", "token": "t", "key": "{{secrets.k}}", "n": "{{ nowhere }}"},
                "output_variable": "rows",
            }
        ],
        "next_node": "choose",
    },
    "choose": {
        "type": "logic",
        "rules": [{"condition": "rows.length > 3", "next_node": "end"}],
        "default_next_node": "end",
    },
    "end": {"type": "terminate"},
}
SCHEMA = {"base": {"type": "string", "default": "https://x.test"}, "nowhere": {"type": "string"}}


@pytest.mark.parametrize("status", ["completed", "failed"])
def test_the_report_tells_path_calls_assumptions_and_missing_values(tenant, status):
    end = {"type": "terminate", "status": "failed" if status == "failed" else "success"}
    run = runs.queue(tenant, runs.document({**NODES, "end": end}, variables_schema=SCHEMA), base="https://x.test")
    Run.system.filter(pk=run.pk).update(execution_mode="dry_run")
    assert runs.drive(run).status == status, Run.system.get(pk=run.pk).error
    artifact = Artifact.system.get()
    assert (artifact.name, artifact.mime_type) == ("dry_run_report.json", "application/json")
    assert Event.objects.filter(run=run, event_type="artifact_created").count() == 1
    report = json.loads(default_storage.open(artifact.file).read())
    assert [step["path"] for step in report["path"]] == ["fetch", "choose", "end"]
    (call,) = report["calls"]
    assert (call["action"], call["step_id"]) == ("fetch_rows", "get")
    assert call["params"] | {"n": None} == {
        "url": "https://x.test/rows",
        "token": "***REDACTED***",
        "key": "[secret:k]",
        "n": None,
    }
    assert report["assumptions"] == [
        {"path": "choose", "node_id": "choose", "next_node_id": "end", "assumed": "this route"}
    ]
    assert [missing["name"] for missing in report["missing_values"]] == ["nowhere"]
    assert report["worst_case"]["tokens"] == {"max": 0, "computable": True, "reasons": []}


def test_everything_that_is_assumed_is_told(tenant):
    nodes = {
        "fetch": {**NODES["fetch"], "next_node": "look"},
        "look": {"type": "verification", "checks": [{"id": "full", "condition": "rows.length > 3"}], "on_pass": "each"},
        "each": {
            "type": "loop",
            "iterator": "rows",
            "iterator_variable": "row",
            "body_node": "say",
            "next_node": "ask",
        },
        "say": {"type": "sequence", "steps": [{"action": "log", "message": "{{ row }}"}]},
        "ask": {
            "type": "human_approval",
            "decision_type": "select_option",
            "options": ["rail", "road"],
            "on_approve": "end",
        },
        "end": {"type": "terminate"},
    }
    run = runs.queue(tenant, runs.document(nodes, variables_schema=SCHEMA), base="https://x.test")
    Run.system.filter(pk=run.pk).update(execution_mode="dry_run")
    assert runs.drive(run).status == "completed", Run.system.get(pk=run.pk).error
    report = json.loads(default_storage.open(Artifact.system.get().file).read())
    assert [(one["path"], one["assumed"]) for one in report["assumptions"]] == [
        ("look", "check full holds"),
        ("each", "one iteration"),
        ("ask", "decided rail"),
    ]
    assert [call["step_id"] for call in report["calls"]] == ["get"]


def test_the_report_names_the_agent_that_a_call_would_go_to(tenant):
    with agents.agent(tenant, fetch_rows=lambda params: pytest.fail("a dry run calls nobody")):
        run = runs.queue(tenant, runs.document(NODES, variables_schema=SCHEMA), base="https://x.test")
        Run.system.filter(pk=run.pk).update(execution_mode="dry_run")
        runs.drive(run)
    (call,) = json.loads(default_storage.open(Artifact.system.get().file).read())["calls"]
    assert (call["binding"], call["ref"]) == ("agent_http", "web_web")


def test_other_runs_leave_none(tenant):
    runs.drive(runs.queue(tenant, runs.document({"end": {"type": "terminate"}})))
    assert not Artifact.system.exists()
