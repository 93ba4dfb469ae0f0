"""Caps on what runs spend on models: a call that may pass one is not made."""

from decimal import Decimal
from typing import Any

import pytest

from langorch.settings.env import read
from orchestration.models import Run
from tenants.models import Tenant
from tests import runs
from tests.asking import END, driven, node, payloads, served
from tests.fake_model import completion, failing, late
from tests.servers import Reply

pytestmark = pytest.mark.django_db(transaction=True)

TENTH = {"prompt": "x", "max_tokens": 100, "model": "m"}
"""A call that costs a tenth of a dollar at the prices below, and is reserved with little more."""
PRICES = '{"m": {"prompt": 0, "completion": 1}, "cheap": {"prompt": 0, "completion": 0.1}}'


def told(answer: str = "hi") -> Reply:
    return completion(answer, model="m", prompt=10, answer=100)


def prices() -> dict[str, Any]:
    return {"LLM_MODEL_COST_JSON": read({"LLM_MODEL_COST_JSON": PRICES}).LLM_MODEL_COST_JSON}


def looped(times: int, root: dict[str, Any], **fields: Any) -> dict[str, Any]:
    nodes = {
        "each": {"type": "loop", "iterator": str(list(range(times))), "body_node": "ask", "next_node": "end"},
        "ask": node(**TENTH, **fields) | {"next_node": "each"},
        "end": END,
    }
    return runs.document(nodes, global_config=root)


def test_a_run_stops_before_its_cap(tenant: Tenant):
    with served(told(), **prices()) as model:
        run = runs.drive(runs.queue(tenant, looped(10, {"max_cost_usd": 0.35})))
    assert (run.status, run.error_class) == ("failed", "budget_exceeded")
    assert len(model.questions) == 3
    assert run.cost_usd == Decimal("0.3")
    (exceeded,) = payloads(run, "budget_exceeded")
    assert exceeded == {
        "message": "A call of m may pass the cap max_cost_usd: 0.3 of 0.35 are used.",
        "cap": "max_cost_usd",
        "used": 0.3,
        "limit": 0.35,
        "action": "abort",
    }
    assert payloads(run, "budget_warning") == [{"cap": "max_cost_usd", "used": 0.3, "limit": 0.35, "percent": 85.7}]


def test_tokens_have_a_cap_of_their_own(tenant: Tenant):
    root = {"llm_budget": {"max_tokens_per_run": 400, "warn_at": 0.5}}
    with served(told(), **prices()) as model:
        run = runs.drive(runs.queue(tenant, looped(10, root)))
    assert (run.error_class, len(model.questions)) == ("budget_exceeded", 3)
    assert payloads(run, "budget_warning") == [{"cap": "llm_budget", "used": 220, "limit": 400, "percent": 55.0}]
    assert payloads(run, "budget_exceeded")[0]["used"] == 330


def test_a_hold_that_is_asked_for_is_said_to_be_missing(tenant: Tenant):
    root = {"max_cost_usd": 0.05, "llm_budget": {"on_exceeded": "hold"}}
    with served(told(), **prices()):
        run = runs.drive(runs.queue(tenant, looped(1, root)))
    assert run.error_class == "budget_exceeded"
    assert run.error["message"].endswith("Runs cannot be held for this yet, so the node failed.")


def test_branches_share_the_cap(tenant: Tenant):
    names = [f"b{number}" for number in range(16)]
    nodes = {
        "fork": {
            "type": "parallel",
            "branches": [{"branch_id": name, "start_node": name} for name in names],
            "next_node": "end",
        },
        **{name: node(**TENTH, outputs={name: "text"}) for name in names},
        "end": END,
    }
    with served(lambda question: late(0.05, told()), **prices()) as model:
        run = runs.drive(runs.queue(tenant, runs.document(nodes, global_config={"max_cost_usd": 0.65})))
    assert run.status == "completed"
    assert run.cost_usd <= Decimal("0.65")
    assert 1 <= len(model.questions) <= 6


def test_what_was_spent_before_the_run_waited_counts(tenant: Tenant):
    nodes = {
        "first": node(**TENTH) | {"next_node": "sleep"},
        "sleep": {
            "type": "sequence",
            "steps": [{"step_id": "w", "action": "wait", "duration_ms": 60_000}],
            "next_node": "second",
        },
        "second": node(**TENTH),
        "end": END,
    }
    with served(told(), **prices()) as model:
        run = runs.drive(runs.queue(tenant, runs.document(nodes, global_config={"max_cost_usd": 0.15})))
        assert run.status == "paused"
        runs.fire(run.waits.get(state="open"))
        run = runs.drive(run)
    assert (run.error_class, len(model.questions)) == ("budget_exceeded", 1)


def test_a_visit_may_have_a_cap_of_its_own(tenant: Tenant):
    fields = {**TENTH, "output_schema": {"type": "object"}, "max_cost_usd": 0.25}
    with served(told("no JSON"), **prices()) as model:
        run = driven(tenant, fields)
        again = runs.drive(runs.queue(tenant, looped(3, {}, max_cost_usd=0.15)))
    assert (run.error_class, run.error["details"]["cap"]) == ("budget_exceeded", "node_max_cost_usd")
    assert (again.status, again.cost_usd) == ("completed", Decimal("0.3"))
    assert len(model.questions) == 2 + 3


def test_a_model_that_would_pass_a_bound_is_skipped(tenant: Tenant):
    fields = {**TENTH, "fallback_models": ["unknown", "cheap"]}
    with served(told(), **prices()) as model:
        run = driven(tenant, fields, {"global_config": {"max_cost_per_llm_call_usd": 0.05}})
    assert (run.status, model.models) == ("completed", ["cheap"])
    assert [one["reason"] for one in payloads(run, "llm_fallback")] == [
        "A call of m may cost 0.1000 USD, over 0.05.",
        "The price of unknown is not known, and a cap needs one.",
    ]


@pytest.mark.parametrize(
    ("fields", "root", "error_class"),
    [
        ({"model": "unknown"}, {"max_cost_usd": 1}, "price_unknown"),
        ({}, {"max_cost_per_llm_call_usd": 0.05}, "budget_exceeded"),
        ({}, {"min_llm_quality": 50}, "policy_denied"),
    ],
)
def test_calls_that_no_model_may_make(tenant: Tenant, fields: dict[str, Any], root: dict[str, Any], error_class: str):
    with served(told(), **prices()) as model:
        run = driven(tenant, {**TENTH, **fields}, {"global_config": root})
    assert (run.error_class, model.questions) == (error_class, [])


def test_under_a_cap_every_answer_has_a_limit(tenant: Tenant):
    fields = {"prompt": "x", "model": "m"}
    with served(told(), **prices(), LLM_DEFAULT_MAX_TOKENS=123) as model:
        driven(tenant, fields, {"global_config": {"max_cost_usd": 1}})
        driven(tenant, fields)
    assert model.questions[0]["max_tokens"] == 123
    assert "max_tokens" not in model.questions[1]


def test_what_nobody_says_counts_as_reserved(tenant: Tenant):
    silent = Reply(body=b'{"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}')
    with served(silent, **prices()):
        run = driven(tenant, TENTH, {"global_config": {"max_cost_usd": 1}})
    assert (run.completion_tokens, run.cost_usd) == (100, Decimal("0.1"))


def test_calls_that_nobody_worked_on_cost_nothing(tenant: Tenant):
    answers = [failing(503), failing(429), told()]
    with served(*answers, **prices()):
        run = driven(tenant, TENTH, {"global_config": {"max_cost_usd": 0.15}})
    assert run.status == "completed", run.error
    assert run.cost_usd == Decimal("0.1")
    assert Run.system.get(pk=run.pk).prompt_tokens == 10
