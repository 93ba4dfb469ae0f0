"""Approvals of runs that are really driven: what a decision, a due time and a cancel make of them."""

from datetime import timedelta
from typing import Any

import pytest

from approvals import services
from approvals.models import Approval
from approvals.rules.answers import Answer
from langorch.lib import clock
from langorch.lib.errors import Invalid
from orchestration import transitions
from orchestration.models import Run, Wait
from tenants.choices import Role
from tests import people, runs

pytestmark = pytest.mark.django_db(transaction=True)

TOTAL = {"total": {"type": "number"}}


def end(**outputs: Any) -> dict[str, Any]:
    return {"type": "terminate", "status": "success", "outputs": outputs}


def asked_run(house, node: dict[str, Any], schema: dict[str, Any] | None = None, **inputs: Any) -> tuple[Run, Approval]:
    """A run that is parked at the node `ask`, and its question."""
    ways = {
        "yes": end(way="yes", by="{{approval.decided_by}}", total="{{total | default(0)}}"),
        "no": end(way="no", why="{{approval.comment}}"),
        "late": end(way="late"),
        "south": end(way="south"),
    }
    ask = {"type": "human_approval", "prompt": "Pay?", "on_approve": "yes", "on_reject": "no", **node}
    nodes = {"ask": ask} | {name: way for name, way in ways.items() if f"'{name}'" in str(ask)}
    run = runs.drive(runs.queue(house.tenant, runs.document(nodes, variables_schema=schema or {}), **inputs))
    assert run.status == "waiting_approval", run.error
    return run, Approval.system.get(run_id=run.pk)


def make_overdue(approval: Approval) -> None:
    past = clock.now() - timedelta(seconds=1)
    Approval.system.filter(pk=approval.pk).update(expires_at=past, due_order=past, acts_at=past)
    services.expire_due()


def test_a_decision_chooses_the_way_and_is_a_value_of_the_run(house):
    run, approval = asked_run(house, {"prompt": "Pay {{total}}?", "editable": ["total"]}, TOTAL, total=14380)
    assert approval.prompt == "Pay 14380?"
    services.decide(people.actor(house.approver), approval.pk, Answer("approved", edits={"total": 14000}))
    run = runs.drive(run)
    assert (run.status, run.output_vars) == ("completed", {"way": "yes", "by": "approver", "total": 14000})


@pytest.mark.parametrize(
    ("meta", "before", "wrong", "right"),
    [
        ({"type": "string", "validation": {"regex": "[A-Z]{2}"}}, "AB", "xABx", "CD"),
        ({"type": "string", "validation": {"max_length": 3}}, "abc", "abcd", "xyz"),
        ({"type": "array", "validation": {"min_length": 1}}, [1], [], [2]),
        ({"type": "date"}, "2026-01-01", "soon", "2026-01-02"),
        ({"type": "date", "validation": {"min": "2026-01-01"}}, "2026-01-01", "2025-12-31", "2026-01-02"),
        ({"type": "array", "schema": {"items": {"type": "number"}}}, [1], {"a": 1}, [2]),
        ({"validation": {"min": 5}}, 5, 4, 6),
    ],
)
def test_a_correction_keeps_to_what_is_declared(house, meta, before, wrong, right):
    run, approval = asked_run(house, {"editable": ["total"]}, {"total": meta}, total=before)
    with pytest.raises(Invalid) as refused:
        services.decide(people.actor(house.approver), approval.pk, Answer("approved", edits={"total": wrong}))
    assert [(place.field, place.pointer) for place in refused.value.places] == [("total", "/edits/total")]
    services.decide(people.actor(house.approver), approval.pk, Answer("approved", edits={"total": right}))
    assert runs.drive(run).status == "completed"


def test_all_faults_of_corrections_are_told_together(house):
    schema = {
        "total": {"type": "number", "validation": {"max": 5}},
        "day": {"type": "date", "validation": {"min": "2026-01-01"}},
    }
    _, approval = asked_run(house, {"editable": ["total", "day"]}, schema, total=1, day="2026-02-01")
    wrong = Answer("approved", edits={"total": 9, "day": "2025-01-01"})
    with pytest.raises(Invalid) as refused:
        services.decide(people.actor(house.approver), approval.pk, wrong)
    assert [place.field for place in refused.value.places] == ["total", "day"]


def test_a_hidden_variable_can_be_replaced_and_is_never_shown(house, api):
    schema = {"total": {"type": "string", "sensitive": True}, "opened": {"type": "boolean"}}
    run, approval = asked_run(house, {"editable": ["total", "opened"]}, schema, total="NO12 3456")
    client, address = api(house.approver), f"/api/approvals/{approval.pk}"
    asked = client.get(address).json()["editable"]
    assert [(part["name"], part["value"], part.get("hidden")) for part in asked] == [
        ("total", None, True),
        ("opened", None, None),
    ]
    page = people.browser(house.approver)
    before = page.get(f"/approvals/{approval.pk}").content.decode()
    assert "What is there is hidden" in before
    assert page.post(f"/approvals/{approval.pk}", {"decision": "approve", "edit.total": "NO99"}).status_code == 302
    shown = client.get(address).json()
    assert shown["edits"] == {"total": "***REDACTED***"}
    after = page.get(f"/approvals/{approval.pk}").content.decode()
    assert "Another value" in after
    for text in (before, after, str(asked), str(shown)):
        assert "NO12 3456" not in text
        assert "NO99" not in text
    assert runs.drive(run).output_vars["total"] == "NO99"


def test_what_is_left_empty_stays_as_it_is(house):
    schema = {"total": {"type": "string", "sensitive": True}, "opened": {"type": "boolean"}}
    run, approval = asked_run(house, {"editable": ["total", "opened"]}, schema, total="NO12 3456")
    page = people.browser(house.approver)
    body = {"decision": "approve", "edit.total": "", "edit.opened": ""}
    assert page.post(f"/approvals/{approval.pk}", body).status_code == 302
    assert Approval.system.get(pk=approval.pk).edits == {}
    assert runs.drive(run).output_vars["total"] == "NO12 3456"


def test_corrections_of_several_voters_add_up_and_the_last_word_counts(house):
    schema = TOTAL | {"vendor": {"type": "string"}}
    node = {"editable": ["total", "vendor"], "min_approvers": 2}
    run, approval = asked_run(house, node, schema, total=10, vendor="Kestrel")
    first = Answer("approved", edits={"total": 20, "vendor": "Heron"})
    services.decide(people.actor(house.approver), approval.pk, first)
    other = people.make_person("other", (Role.APPROVER, house.tenant))
    page = people.browser(other)
    shown = page.get(f"/approvals/{approval.pk}").content.decode()
    assert 'value="20"' in shown
    assert "approved and corrected" in shown
    body = {"decision": "approve", "edit.total": "30", "edit.vendor": "Heron"}
    assert page.post(f"/approvals/{approval.pk}", body).status_code == 302
    assert Approval.system.get(pk=approval.pk).edits == {"total": 30, "vendor": "Heron"}
    assert runs.drive(run).output_vars["total"] == 30


def test_a_question_without_a_title_is_called_as_its_node_is(house):
    _, approval = asked_run(house, {"prompt": "Pay?"})
    assert approval.title == "Ask"


def test_a_rejection_takes_its_own_way(house):
    run, approval = asked_run(house, {"prompt": "Pay?"})
    services.decide(people.actor(house.approver), approval.pk, Answer("rejected", "too dear"))
    assert runs.drive(run).output_vars == {"way": "no", "why": "too dear"}


def test_an_option_may_have_a_way_of_its_own(house):
    options = ["north", {"value": "south", "label": "South ledger", "next_node": "south"}]
    run, approval = asked_run(house, {"decision_type": "select_option", "options": options})
    services.decide(people.actor(house.approver), approval.pk, Answer("approved", selected_option="south"))
    assert runs.drive(run).output_vars == {"way": "south"}


@pytest.mark.parametrize(
    ("node", "way"),
    [
        ({"timeout_action": "auto_approve"}, "yes"),
        ({"timeout_action": "auto_reject"}, "no"),
        ({"on_timeout": "late"}, "late"),
        ({}, "no"),
        ({"timeout_action": "escalate", "escalation_contact": "nobody@example.test", "on_timeout": "late"}, "late"),
    ],
)
def test_at_the_due_time_the_run_goes_on_by_itself(house, node, way):
    run, approval = asked_run(house, {"timeout_ms": 60_000, **node})
    make_overdue(approval)
    done = runs.drive(run)
    assert done.status == "completed"
    assert done.output_vars is not None
    assert done.output_vars["way"] == way
    assert "approval_expired" in runs.told(run.pk)


@pytest.mark.parametrize(("amount", "way"), [({"type": "number"}, "no"), ({"type": "number", "default": 5}, "yes")])
def test_a_form_sends_itself_only_where_its_defaults_are_enough(house, amount, way):
    form = {"type": "object", "required": ["amount"], "properties": {"amount": amount}}
    node = {"decision_type": "provide_input", "form": form, "timeout_ms": 60_000, "timeout_action": "auto_approve"}
    run, approval = asked_run(house, node)
    make_overdue(approval)
    assert runs.drive(run).output_vars["way"] == way
    assert Approval.system.get(pk=approval.pk).status == {"yes": "approved", "no": "timeout"}[way]


def test_the_run_waits_as_long_as_an_escalated_question_stands(house):
    step = {"to": {"users": ["approver"]}, "mode": "add"}
    node = {"timeout_ms": 60_000, "timeout_action": "escalate", "escalation": [step]}
    run, approval = asked_run(house, node)
    overdue = clock.now() - timedelta(days=1)
    Wait.objects.filter(run=run).update(until=overdue)
    make_overdue(approval)
    wait, approval = Wait.objects.get(run=run), Approval.system.get(pk=approval.pk)
    assert (approval.status, wait.state, wait.until) == ("pending", "open", approval.expires_at)


def test_the_end_of_a_run_withdraws_its_questions(house):
    run, approval = asked_run(house, {})
    transitions.request_cancel(run.pk, "operator")
    assert Approval.system.get(pk=approval.pk).status == "cancelled"
    told = runs.told(run.pk)
    assert told.count("approval_canceled") == 1


def test_branches_ask_side_by_side(house):
    nodes = {
        "both": {
            "type": "parallel",
            "branches": [{"branch_id": "a", "start_node": "left"}, {"branch_id": "b", "start_node": "right"}],
            "next_node": "end",
        },
        "left": {"type": "human_approval", "title": "Left?", "prompt": "?", "on_approve": "end", "on_reject": "end"},
        "right": {"type": "human_approval", "title": "Right?", "prompt": "?", "on_approve": "end", "on_reject": "end"},
        "end": {"type": "terminate", "status": "success"},
    }
    run = runs.drive(runs.queue(house.tenant, runs.document(nodes)))
    judge = people.actor(house.approver)
    for title in ("Right?", "Left?"):
        services.decide(judge, Approval.system.get(run_id=run.pk, title=title).pk, Answer("approved"))
        run = runs.drive(run)
    assert run.status == "completed"
