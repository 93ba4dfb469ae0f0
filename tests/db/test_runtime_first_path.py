"""A run from its start over branches and an approval to its end."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from orchestration.models import Event, Run, Visit, Wait
from tenants.models import Tenant
from tests import runs

pytestmark = pytest.mark.django_db(transaction=True)

APPROVED = {"decision": "approved", "selected_option": None, "payload": None, "comment": "fine"}


def listing() -> dict[str, Any]:
    """A small catalogue flow: prepare, choose, two branches, build, ask, publish or clean up."""
    return runs.document(
        {
            "prepare": {
                "type": "sequence",
                "steps": [
                    {"step_id": "item", "action": "set_variable", "variable": "item", "value": {"id": "{{number}}"}},
                    {"step_id": "say", "action": "log", "message": "Prepared {{number}}"},
                ],
                "next_node": "choose",
            },
            "choose": {
                "type": "logic",
                "rules": [{"condition": "mode == 'rich'", "next_node": "enrich"}],
                "default_next_node": "build",
            },
            "enrich": {
                "type": "parallel",
                "branches": [
                    {"branch_id": "mood", "start_node": "mood"},
                    {"branch_id": "tags", "start_node": "tags"},
                ],
                "next_node": "build",
            },
            "mood": {
                "type": "sequence",
                "steps": [{"step_id": "s", "action": "set_variable", "variable": "mood", "value": "good"}],
                "next_node": "build",
            },
            "tags": {
                "type": "sequence",
                "steps": [{"step_id": "s", "action": "set_variable", "variable": "tags", "value": ["a", "b"]}],
                "next_node": "build",
            },
            "build": {
                "type": "processing",
                "operations": [
                    {"action": "set_variable", "variable": "payload", "value": {"item": "{{item}}", "mood": "{{mood}}"}}
                ],
                "next_node": "ask",
            },
            "ask": {
                "type": "human_approval",
                "prompt": "Publish {{number}}?",
                "on_approve": "publish",
                "on_reject": "refused",
            },
            "publish": {
                "type": "sequence",
                "steps": [{"step_id": "p", "action": "set_variable", "variable": "published", "value": True}],
                "next_node": "done",
            },
            "done": {"type": "terminate", "outputs": {"payload": "payload", "published": "published"}},
            "refused": {"type": "terminate", "status": "failed", "message": "Refused"},
        },
        variables_schema={"number": {"type": "integer", "required": True}, "mode": {"type": "string"}},
    )


def paths(run: Run) -> list[str]:
    return list(Visit.objects.filter(run=run, state="done").order_by("pk").values_list("path", flat=True))


def test_approved(tenant: Tenant):
    run = runs.drive(runs.queue(tenant, listing(), number=7, mode="rich"))
    assert run.status == "waiting_approval"
    assert run.job.state == "parked"

    assert runs.answer(run, "ask", APPROVED)
    run = runs.drive(run)

    assert run.status == "completed"
    assert run.output_vars == {"payload": {"item": {"id": 7}, "mood": "good"}, "published": True}
    assert set(paths(run)) == {
        "prepare",
        "choose",
        "enrich:mood/mood",
        "enrich:tags/tags",
        "enrich",
        "build",
        "ask",
        "publish",
        "done",
    }
    assert not Wait.objects.filter(run=run, state="open").exists()


def test_the_decision_of_a_logic_node_says_what_it_rests_on(tenant: Tenant):
    rules = [{"condition": "amount > 100", "next_node": "z"}, {"condition": "who == 'boss'", "next_node": "z"}]
    nodes = {
        "way": {"type": "logic", "rules": rules, "default_next_node": "z"},
        "z": {"type": "terminate"},
    }
    schema = {"amount": {"type": "number"}, "who": {"type": "string"}}
    document = runs.document(nodes, variables_schema=schema)
    told = []
    for inputs in ({"amount": 5, "who": "ann"}, {"amount": 5, "who": "boss"}):
        run = runs.drive(runs.queue(tenant, document, **inputs))
        told.append(Event.objects.get(run=run, event_type="branch_taken").payload)
    assert told == [
        {"rule": None, "condition": None, "read": {"amount": 5, "who": "ann"}, "next_node_id": "z"},
        {"rule": 1, "condition": "who == 'boss'", "read": {"who": "boss"}, "next_node_id": "z"},
    ]


def test_the_time_of_a_node_includes_what_it_waited(tenant: Tenant):
    run = runs.drive(runs.queue(tenant, listing(), number=7))
    Visit.objects.filter(run=run, path="ask").update(started_at=F("started_at") - timedelta(hours=1))
    runs.answer(run, "ask", APPROVED)
    runs.drive(run)
    spent = Event.objects.get(run=run, event_type="node_completed", node_id="ask").payload["duration_ms"]
    assert 3_600_000 <= spent < 3_700_000


def test_rejected(tenant: Tenant):
    run = runs.drive(runs.queue(tenant, listing(), number=7))
    runs.answer(run, "ask", APPROVED | {"decision": "rejected"})
    run = runs.drive(run)
    assert (run.status, run.error_class) == ("failed", "terminated")
    assert run.error is not None
    assert run.error["message"] == "Refused"


def test_a_second_answer_counts_nothing(tenant: Tenant):
    run = runs.drive(runs.queue(tenant, listing(), number=7))
    assert runs.answer(run, "ask", APPROVED)
    assert not runs.answer(run, "ask", APPROVED | {"decision": "rejected"})
    assert runs.drive(run).status == "completed"


def test_events_are_numbered_without_gaps(tenant: Tenant):
    run = runs.drive(runs.queue(tenant, listing(), number=7, mode="rich"))
    runs.answer(run, "ask", APPROVED)
    run = runs.drive(run)
    numbers = list(Event.objects.filter(run=run).order_by("seq").values_list("seq", flat=True))
    assert numbers == list(range(1, run.last_seq + 1))
    told = runs.told(run.pk)
    assert told[:3] == ["run_created", "execution_started", "node_started"]
    assert told[-1] == "run_completed"
    assert told.count("approval_requested") == told.count("run_parked") == told.count("execution_resumed") == 1


def test_the_name_of_a_variable_that_was_never_set_is_not_taken_for_text(tenant: Tenant):
    nodes = {"end": {"type": "terminate", "outputs": {"amount": "amount", "note": "none"}}}
    source = runs.document(nodes, variables_schema={"amount": {"type": "number"}})
    run = runs.drive(runs.queue(tenant, source))
    assert run.output_vars == {"amount": None, "note": "none"}
