"""A dry run leaves a report of what it would have done (runtime 12)."""

import json

import pytest
from django.core.files.storage import default_storage

from orchestration.models import Artifact, Event, Run
from tests import runs

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
    assert report["assumptions"] == [{"path": "choose", "node_id": "choose", "next_node_id": "end"}]
    assert [missing["name"] for missing in report["missing_values"]] == ["nowhere"]
    assert "cost_usd" in json.dumps(report["worst_case"])


def test_other_runs_leave_none(tenant):
    runs.drive(runs.queue(tenant, runs.document({"end": {"type": "terminate"}})))
    assert not Artifact.system.exists()
