"""Planted secrets and identifiers: agents echo them in every way, and none is left in what is kept or shown."""

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.apps import apps
from django.core.files.storage import default_storage

from approvals.models import Approval
from langorch.lib.redaction import REDACTED
from orchestration.models import Artifact, Event, Run, StepRecord
from tests import runs
from tests.agents import agent, said

pytestmark = pytest.mark.django_db(transaction=True)

SECRETS = {f"S{number}": f"planted/{number}+secret {number * 7919}" for number in range(10)}
SENSITIVE = "mia.miller@example.test"
NODES = {
    "send": {
        "type": "sequence",
        "agent": "web",
        "steps": [
            {
                "step_id": f"s{number}",
                "action": "echo",
                "retry_on_failure": True,
                "retry_config": {"max_retries": 1, "delay_ms": 0},
                "params": {
                    "header": f"Bearer {{{{secrets.{name}}}}}",
                    "whole": f"{{{{secrets.{name}}}}}",
                    "who": "{{who}}",
                },
                "output_variable": f"back{number}",
            }
            for number, name in enumerate(SECRETS)
        ],
        "next_node": "ask",
    },
    "ask": {
        "type": "human_approval",
        "prompt": "Go on?",
        "context_data": {"back": "{{back0}}", "who": "{{who}}", "password": "of the context"},
        "on_approve": "fail",
        "on_reject": "fail",
    },
    "fail": {
        "type": "sequence",
        "agent": "web",
        "steps": [{"step_id": "f", "action": "refuse", "params": {"key": "{{secrets.S3}}"}}],
    },
}


def echoes(secret: str) -> Iterator[str]:
    """A secret as agents may say it again."""
    raw = secret.encode()
    yield from (secret, quote(secret, safe=""), json.dumps({"k": secret}), base64.b64encode(raw).decode())
    yield base64.b64encode(b"mia:" + raw).decode()


def test_nothing_planted_is_left(tenant, settings, monkeypatch):
    settings.ENV = settings.ENV.model_copy(update={"DEFAULT_TENANT": tenant.slug})
    for name, value in SECRETS.items():
        monkeypatch.setenv(f"LANGORCH_SECRET_{name}", value)
    tried: set[str] = set()

    def echo(params: dict[str, Any]) -> Any:
        said_again = list(echoes(params["whole"]))
        if params["whole"] not in tried:
            tried.add(params["whole"])
            return said(status="error", error=f"cannot use {said_again}", error_type="Busy")
        file = base64.b64encode("\n".join(said_again).encode()).decode()
        return {"echo": said_again, params["whole"]: 1, "artifact": {"name": "log.txt", "content_base64": file}}

    def refuse(params: dict[str, Any]) -> Any:
        return said(status="error", error=f"wrong key {params['key']}", retryable=False)

    schema = {"who": {"type": "string", "sensitive": True}}
    audit = {"audit_config": {"audit_level": "detailed"}}
    source = runs.document(NODES, variables_schema=schema, global_config=audit)
    with agent(tenant, "web", echo=echo, refuse=refuse) as web:
        run = runs.queue(tenant, source, who=SENSITIVE)
        assert runs.drive(run).status == "waiting_approval", Run.system.get(pk=run.pk).error
        runs.answer(run, "ask", {"decision": "approved"})
        assert runs.drive(run).error_class == "agent_error"
    assert {call["params"]["whole"] for call in web.calls if call["action"] == "echo"} == set(SECRETS.values())
    assert {call["params"]["header"] for call in web.calls[:20]} == {f"Bearer {one}" for one in SECRETS.values()}
    assert StepRecord.objects.filter(run=run, retries=1).count() == len(SECRETS)
    assert StepRecord.objects.get(run=run, step_id="s0").params["header"] == "Bearer [secret:S0]"
    assert Artifact.system.filter(run=run).count() == len(SECRETS)
    kept = "\n".join([everything_stored(), *(files())])
    left = [spelling for secret in SECRETS.values() for spelling in echoes(secret) if spelling in kept]
    assert left == []
    shown = json.dumps([*Event.objects.values_list("payload", flat=True), Approval.system.get().context_data])
    assert SENSITIVE not in shown
    assert "of the context" not in shown


def everything_stored() -> str:
    """All rows of all tables as text."""
    rows = [row for model in apps.get_models() for row in model._base_manager.values()]
    return "\n".join(str(value) for row in rows for value in row.values())


def files() -> Iterator[str]:
    for artifact in Artifact.system.exclude(file=""):
        with default_storage.open(artifact.file) as file:
            yield file.read().decode()


def test_texts_of_sensitive_variables_are_masked_inside_other_texts(tenant):
    steps = [
        {"step_id": "copy", "action": "set_variable", "variable": "copy", "value": "<{{ who }}>"},
        {"step_id": "made", "action": "set_variable", "variable": "made", "value": {"a": ["computed here"]}},
        {"step_id": "wait", "action": "wait", "duration_ms": 60_000},
        {"step_id": "say", "action": "log", "message": "{{ who }} has {{ made.a[0] }}"},
        {
            "step_id": "break",
            "action": "parse_json",
            "source": "{{ who }}",
            "output_variable": "j",
            "retry_on_failure": False,
        },
    ]
    nodes = {
        "n": {"type": "sequence", "steps": steps, "error_handlers": [{"action": "ignore"}], "next_node": "z"},
        "z": {"type": "terminate", "outputs": {"copy": "copy"}},
    }
    schema = {"who": {"type": "string", "sensitive": True}, "made": {"type": "object", "sensitive": True}}
    run = runs.drive(runs.queue(tenant, runs.document(nodes, variables_schema=schema), who=SENSITIVE))
    runs.fire(run.waits.get(state="open"))
    run = runs.drive(run)
    assert (run.status, run.output_vars) == ("completed", {"copy": f"<{SENSITIVE}>"})
    told = json.dumps(list(Event.objects.filter(run=run).values_list("payload", flat=True)))
    assert SENSITIVE not in told
    assert "computed here" not in told
    assert "***REDACTED*** has ***REDACTED***" in told


def test_what_is_computed_from_a_sensitive_variable_is_sensitive(tenant):
    steps = [
        {"step_id": "copy", "action": "set_variable", "variable": "copy", "value": "{{ who|upper }}!"},
        {"step_id": "size", "action": "calculate", "expression": "who|length", "output_variable": "size"},
        {"step_id": "say", "action": "log", "message": "{{ copy }}"},
        {"step_id": "free", "action": "set_variable", "variable": "free", "value": 7},
    ]
    nodes = {"n": {"type": "sequence", "inputs": {"mine": "{{ who }}"}, "steps": steps}}
    schema = {"who": {"type": "string", "sensitive": True}}
    run = runs.drive(runs.queue(tenant, runs.document(nodes, variables_schema=schema), who=SENSITIVE))
    assert (run.status, run.output_vars) == ("completed", {"free": 7})
    told = json.dumps(list(Event.objects.filter(run=run).values_list("payload", flat=True)))
    assert SENSITIVE.upper() not in told
    results = Event.objects.filter(run=run, event_type="step_completed").order_by("seq")
    assert [event.payload["result"] for event in results] == [REDACTED, REDACTED, REDACTED, 7]


def test_an_output_that_is_mapped_from_a_sensitive_value_is_handed_over_and_shown_masked(tenant):
    nodes = {"z": {"type": "terminate", "outputs": {"result": "{{ who }}", "free": 7}}}
    schema = {"who": {"type": "string", "sensitive": True}}
    run = runs.drive(runs.queue(tenant, runs.document(nodes, variables_schema=schema), who=SENSITIVE))
    assert run.output_vars == {"result": SENSITIVE, "free": 7}
    assert Event.objects.get(run=run, event_type="run_completed").payload["outputs"] == {"result": REDACTED, "free": 7}


def test_numbers_of_sensitive_variables_are_masked_in_the_context_of_approvals(tenant):
    nodes = {
        "ask": {
            "type": "human_approval",
            "inputs": {"twice": "{{ pay * 2 }}"},
            "prompt": "Go on?",
            "context_data": {"amount": "{{ twice }}", "half": "{{ pay / 2 }}", "free": "{{ 1 + 1 }}"},
            "on_approve": "z",
            "on_reject": "z",
        },
        "z": {"type": "terminate"},
    }
    schema = {"pay": {"type": "number", "sensitive": True}}
    runs.drive(runs.queue(tenant, runs.document(nodes, variables_schema=schema), pay=3000))
    assert Approval.system.get().context_data == {"amount": REDACTED, "half": REDACTED, "free": 2}
