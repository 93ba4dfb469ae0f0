"""Keys that documents give: what has such a key is done once in its scope (runtime 8)."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from langorch.lib import clock
from orchestration import idempotency
from orchestration.models import Event, IdempotencyKey, Run, StepRecord, Wait
from orchestration.waiting import waiting_for_one
from tenants.models import Tenant
from tests import agents, runs

pytestmark = pytest.mark.django_db(transaction=True)


def posting(*names: str, scope: str = "procedure", key: str = "order-{{ order }}", **step: Any) -> dict[str, Any]:
    """Steps with one key, each of which posts an order; the outputs are their results."""
    policy = {"key": key, "scope": scope}
    steps = [
        {"step_id": name, "action": "post", "idempotency_policy": policy, "output_variable": name, **step}
        for name in names
    ]
    nodes = {
        "n": {"type": "sequence", "agent": "erp", "steps": steps, "next_node": "end"},
        "end": {"type": "terminate", "outputs": {name: name for name in names}},
    }
    return runs.document(nodes, variables_schema={"order": {}, "amount": {}})


def driven(tenant: Tenant, source: dict[str, Any], **inputs: Any) -> Run:
    return runs.drive(runs.queue(tenant, source, order=7, **inputs))


def completions(run: Run) -> list[tuple[bool, str | None]]:
    told = Event.objects.filter(run=run, event_type="step_completed").order_by("seq")
    return [(payload["cached"], payload.get("source")) for payload in told.values_list("payload", flat=True)]


def test_two_steps_of_a_run_with_one_key_are_done_once(tenant: Tenant):
    numbers = iter(range(1, 9))
    with agents.agent(tenant, "erp", post=lambda params: next(numbers)) as erp:
        run = driven(tenant, posting("a", "b", scope="run"))
        again = driven(tenant, posting("a", "b", scope="run"))
    assert run.output_vars == {"a": 1, "b": 1}, run.error
    assert again.output_vars == {"a": 2, "b": 2}, "another run has keys of its own"
    assert [call["idempotency_key"] for call in erp.calls] == ["order-7", "order-7"]
    assert completions(run) == [(False, None), (True, f"{run.pk}:n/a")]


@pytest.mark.parametrize(
    ("scope", "other", "calls"), [("run", "p", 2), ("procedure", "p", 1), ("procedure", "q", 2), ("global", "q", 1)]
)
def test_how_far_a_key_reaches(tenant: Tenant, scope: str, other: str, calls: int):
    source = posting("a", scope=scope)
    with agents.agent(tenant, "erp", post=lambda params: "done") as erp:
        first = driven(tenant, source)
        second = driven(tenant, source | {"procedure_id": other, "version": "2.0.0"})
    assert (first.output_vars, second.output_vars) == ({"a": "done"}, {"a": "done"}), second.error
    assert len(erp.calls) == calls


def test_keys_do_not_reach_other_tenants(house, tenant: Tenant):
    with agents.agent(tenant, "erp", post=lambda params: "ours"):
        driven(tenant, posting("a", scope="global"))
    with agents.agent(house.elsewhere, "erp", post=lambda params: "theirs"):
        assert driven(house.elsewhere, posting("a", scope="global")).output_vars == {"a": "theirs"}


def test_other_parameters_are_told_and_another_action_fails(tenant: Tenant):
    with agents.agent(tenant, "erp", post=lambda params: "done", ship=lambda params: "shipped") as erp:
        first = driven(tenant, posting("a", amount="{{ amount }}"), amount=1)
        second = driven(tenant, posting("a", amount="{{ amount }}"), amount=2)
        third = driven(tenant, posting("a", action="ship"))
    assert second.output_vars == {"a": "done"}
    told = Event.objects.get(run=second, event_type="idempotency_mismatch").payload
    assert told == {"key": "order-7", "scope": "procedure", "other_run_id": str(first.pk)}
    assert (third.status, third.error_class) == ("failed", "idempotency_mismatch")
    assert erp.actions_called == ["post"]


def test_a_failure_leaves_the_key_to_others(tenant: Tenant):
    answers = iter([agents.said(status="error", error="broken"), "done"])
    with agents.agent(tenant, "erp", post=lambda params: next(answers)):
        assert driven(tenant, posting("a")).status == "failed"
        assert driven(tenant, posting("a")).output_vars == {"a": "done"}


def test_a_step_waits_for_the_one_at_work_and_is_woken_by_its_end(tenant: Tenant):
    finish = threading.Event()

    def post(params: dict[str, Any]) -> str:
        assert finish.wait(20)
        return "done"

    with agents.agent(tenant, "erp", post=post, concurrency_limit=4) as erp:
        first = runs.queue(tenant, posting("a"), order=7)
        worker = agents.at_work(first)
        assert erp.arrived.wait(20)
        second = driven(tenant, posting("a"))
        assert second.status == "paused"
        entry = waiting_for_one(second).entry
        assert (entry["kind"], entry["ref"]) == ("capacity", "key:order-7")
        assert entry["sentence"].startswith("Waiting for another step with the idempotency key order-7")
        finish.set()
        worker.join(20)
        second = runs.drive(second)
    assert (second.status, second.output_vars) == ("completed", {"a": "done"})
    assert len(erp.calls) == 1
    assert Wait.objects.get(run=second).state == "answered"


def test_a_key_whose_holder_is_gone_is_taken_over(tenant: Tenant):
    with agents.agent(tenant, "erp", post=lambda params: "done"):
        first = driven(tenant, posting("a"))
        IdempotencyKey.system.update(state="started", result=None)
        assert driven(tenant, posting("a")).output_vars == {"a": "done"}
    assert IdempotencyKey.system.get().run_id != first.pk


def test_a_step_in_doubt_keeps_its_key(tenant: Tenant):
    run = runs.queue(tenant, posting("a"), order=7)
    holder = idempotency.Holder(run.pk, "n", "a", "post", "")
    with transaction.atomic():
        idempotency.take(idempotency.Key(tenant.pk, "procedure", "p", "order-7"), holder)
    StepRecord.objects.create(
        run=run,
        path="n",
        step_id="a",
        node_id="n",
        action="post",
        state="started",
        key="order-7",
        started_at=clock.now(),
    )
    Run.system.filter(pk=run.pk).update(fresh=False, started_at=clock.now() - timedelta(minutes=1))
    with agents.agent(tenant, "erp", post=lambda params: "done") as erp:
        run = runs.drive(run)
    assert run.output_vars == {"a": "done"}, run.error
    assert Event.objects.get(run=run, event_type="step_in_doubt").payload["idempotency_key"] == "order-7"
    assert erp.calls[0]["attempt"] == 2


def test_the_key_of_a_node_is_a_prefix(tenant: Tenant):
    source = posting("a", "b")
    node = source["workflow_graph"]["nodes"]["n"]
    for step in node["steps"]:
        del step["idempotency_policy"]
    node["idempotency_key"] = "order-{{ order }}"
    with agents.agent(tenant, "erp", post=lambda params: "done") as erp:
        driven(tenant, source)
    assert [call["idempotency_key"] for call in erp.calls] == ["order-7:a", "order-7:b"]


def test_a_key_that_is_not_defined_fails_the_step(tenant: Tenant):
    with agents.agent(tenant, "erp", post=lambda params: "done"):
        run = driven(tenant, posting("a", key="order-{{ amount }}"))
    assert (run.status, run.error_class) == ("failed", "undefined_value")


def test_steps_of_the_house_have_keys_too(tenant: Tenant):
    policy = {"key": "number", "scope": "global"}
    step = {"step_id": "id", "action": "generate_id", "idempotency_policy": policy, "output_variable": "found"}
    nodes = {
        "n": {"type": "sequence", "steps": [step], "next_node": "end"},
        "end": {"type": "terminate", "outputs": {"found": "found"}},
    }
    first, second = (driven(tenant, runs.document(nodes)) for _ in range(2))
    assert first.output_vars == second.output_vars, second.error
