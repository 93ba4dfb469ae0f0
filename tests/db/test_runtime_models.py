"""llm_action through the engine: what is asked, recorded, counted and told, against a model that is served here."""

import threading
import time
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections as connections_of_thread
from django.test import override_settings
from pydantic import SecretStr

from langorch.lib.egress import Egress
from langorch.lib.redaction import REDACTED
from orchestration import services
from orchestration.models import Event, Run, StepRecord, Visit
from tenants.models import Tenant
from tests import people, runs
from tests.asking import END, driven, node, payloads, queued, served
from tests.fake_model import Say, completion, failing, late
from tests.people import House
from tests.servers import Reply

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_model_is_asked_and_its_answer_is_kept(tenant: Tenant):
    fields = {
        "system_prompt": "Be {{ mood }}.",
        "prompt": "{% for one in names %}{{ one }};{% endfor %}",
        "model": "gpt-4o-mini",
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": "{{ limit }}",
        "stop": ["END"],
        "seed": 7,
    }
    declared = {name: {} for name in ("mood", "names", "limit")}
    with served("Hello {{ mood }} {% raw %}") as model:
        run = driven(tenant, fields, {"variables_schema": declared}, mood="kind", names=["a", "b"], limit=50)
    assert run.status == "completed", run.error
    assert run.output_vars["llm_output"] == "Hello {{ mood }} {% raw %}"
    assert model.questions == [
        {
            "model": "gpt-4o-mini",
            "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "a;b;"}],
            "temperature": 0.5,
            "top_p": 0.9,
            "stop": ["END"],
            "seed": 7,
            "max_tokens": 50,
        }
    ]
    assert model.headers[0]["authorization"] == "Bearer sk-quite-secret"
    assert model.headers[0]["idempotency-key"] == f"{run.pk}:ask:llm_call_1"


def test_what_it_cost_is_on_the_run_the_record_and_an_event(tenant: Tenant):
    with served(completion("hi", model="gpt-4o-2024-08-06", prompt=1000, answer=500)):
        run = driven(tenant, {})
    assert (run.prompt_tokens, run.completion_tokens, run.cost_usd) == (1000, 500, Decimal("0.0075"))
    (usage,) = payloads(run, "llm_usage")
    assert usage.pop("latency_ms") > 0
    assert usage == {
        "model": "gpt-4o-2024-08-06",
        "requested_model": "gpt-4o",
        "profile": "default",
        "prompt_tokens": 1000,
        "completion_tokens": 500,
        "total_tokens": 1500,
        "cost_usd": 0.0075,
        "fallback": False,
    }
    record = StepRecord.objects.get(run=run)
    assert (record.step_id, record.action, record.state, record.attempt) == ("llm_call_1", "llm_call", "completed", 1)
    assert record.params["messages"] == [{"role": "user", "content": "Say something."}]
    assert record.result["text"] == "hi"
    assert record.result["cost_usd"] == 0.0075
    told = runs.told(run.pk)
    assert told.index("step_started") < told.index("llm_usage") < told.index("step_completed")


def test_totals_add_up_over_nodes_loops_and_branches(tenant: Tenant):
    asking = node(next_node=None, output_schema={"type": "object"})
    nodes = {
        "fork": {
            "type": "parallel",
            "branches": [{"branch_id": name, "start_node": name} for name in ("l", "r", "each")],
            "next_node": "end",
        },
        "l": {**asking, "next_node": "end", "outputs": {"l": "text"}},
        "r": {**asking, "next_node": "end", "outputs": {"r": "text"}},
        "each": {"type": "loop", "iterator": "[1, 2, 3]", "body_node": "one", "next_node": "end"},
        "one": {**asking, "next_node": "each", "outputs": {"o": "text"}},
        "end": END,
    }
    with served({"a": 1}) as model:
        run = runs.drive(runs.queue(tenant, runs.document(nodes)))
    assert run.status == "completed", run.error
    assert len(model.questions) == 5
    assert (run.prompt_tokens, run.completion_tokens) == (500, 100)
    assert run.cost_usd == 5 * (Decimal("0.25") + Decimal("0.2")) / 1000


def test_calls_at_once_are_limited(tenant: Tenant):
    names = [f"b{number}" for number in range(6)]
    nodes = {
        "fork": {
            "type": "parallel",
            "branches": [{"branch_id": name, "start_node": name} for name in names],
            "next_node": "end",
        },
        **{name: node(outputs={name: "text"}) for name in names},
        "end": END,
    }
    at_once, most, lock = 0, 0, threading.Lock()

    def answer(question: Any) -> Say:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.05)
        with lock:
            at_once -= 1
        return "hi"

    limited = {"rate_limiting": {"max_concurrent_operations": 2}}
    with served(answer):
        run = runs.drive(runs.queue(tenant, runs.document(nodes, global_config=limited)))
    assert (run.status, most) == ("completed", 2)


def test_a_run_without_models_has_no_totals(tenant: Tenant):
    run = runs.drive(runs.queue(tenant, runs.document({"end": END})))
    assert (run.prompt_tokens, run.completion_tokens, run.cost_usd) == (None, None, None)


def test_a_model_without_a_price_costs_nobody_knows_what(tenant: Tenant):
    with served("hi") as model:
        run = driven(tenant, {"model": "local/llama3"})
        assert model.models == ["local/llama3"]
    assert (run.prompt_tokens, run.cost_usd) == (100, None)
    assert payloads(run, "llm_usage")[0]["cost_usd"] is None


def test_usage_that_is_not_said_is_not_counted(tenant: Tenant):
    body = b'{"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}'
    with served(Reply(body=body)):
        run = driven(tenant, {})
    assert run.status == "completed"
    assert (run.prompt_tokens, run.cost_usd) == (None, None)
    assert payloads(run, "llm_usage")[0]["total_tokens"] is None


def test_the_model_of_the_settings_is_the_default(tenant: Tenant):
    with served("hi", LLM_DEFAULT_MODEL="gpt-4.1", LLM_GATEWAY_HEADERS={"Authorization": SecretStr("Own x")}) as model:
        driven(tenant, {})
    assert model.models == ["gpt-4.1"]
    assert model.headers[0]["authorization"] == "Own x"


def test_json_is_parsed_and_mapped(tenant: Tenant):
    fields = {
        "json_mode": True,
        "outputs": {"amount": "json:invoice.total", "lines": "$.lines[*].n", "all": "text", "gone": "json:missing"},
    }
    said = '```json\n{"invoice": {"total": 12.50}, "lines": [{"n": 1}, {"n": 2}]}\n```'
    with served(said) as model:
        run = driven(tenant, fields)
    outputs = run.output_vars
    assert (outputs["amount"], outputs["lines"], outputs["gone"]) == (12.5, [1, 2], None)
    assert outputs["all"] == {"invoice": {"total": 12.5}, "lines": [{"n": 1}, {"n": 2}]}
    assert model.questions[0]["response_format"] == {"type": "json_object"}
    assert "JSON" in model.said()[0][1]
    assert payloads(run, "undefined_value")[0]["name"] == "json:missing"


SCHEMA = {"type": "object", "properties": {"amount": {"type": "number"}}, "required": ["amount"]}


def test_an_answer_that_breaks_the_schema_is_sent_back(tenant: Tenant):
    with served("no JSON", {"amount": "much"}, {"amount": 5}) as model:
        run = driven(tenant, {"output_schema": SCHEMA, "outputs": {"amount": "json:amount"}})
    assert run.output_vars["amount"] == 5
    assert len(model.questions) == 3
    assert model.questions[0]["response_format"]["json_schema"]["schema"] == SCHEMA
    role, text = model.said(2)[-1]
    assert role == "user"
    assert "/amount: 'much' is not of type 'number'" in text
    assert model.said(2)[-2] == ("assistant", '{"amount": "much"}')
    told = payloads(run, "llm_output_invalid")
    assert [one["repair"] for one in told] == [1, 2]
    assert payloads(run, "llm_output_repaired") == [{"repairs": 2}]
    assert run.prompt_tokens == 300
    assert list(StepRecord.objects.filter(run=run).order_by("pk").values_list("step_id", flat=True)) == [
        "llm_call_1",
        "llm_call_2",
        "llm_call_3",
    ]


@pytest.mark.parametrize(("repair", "limit", "asked"), [(None, 2, 3), (1, 2, 2), (0, 2, 1), (2, 1, 2), (None, 0, 1)])
def test_repairs_are_limited(tenant: Tenant, repair: int | None, limit: int, asked: int):
    fields = {"output_schema": SCHEMA, "on_error": "end"} | (
        {} if repair is None else {"repair": {"max_attempts": repair}}
    )
    with served("no JSON", LLM_MAX_REPAIRS=limit) as model:
        run = driven(tenant, fields)
    assert len(model.questions) == asked
    error = Visit.objects.get(run=run, node_id="ask").error
    assert error["class"] == "llm_output_invalid"
    assert payloads(run, "llm_output_invalid")[-1]["repair"] is None


def choosing(**fields: Any) -> dict[str, Any]:
    names = ["pay", "ask_boss", *(["stop"] if "default_branch" in fields else [])]
    ways = {name: {"type": "terminate", "outputs": {"way": name}} for name in names}
    asked = node(
        orchestration_mode=True,
        branches=["pay", {"node": "ask_boss", "description": "over the limit"}],
        next_node=None,
        **fields,
    )
    return runs.document({"ask": asked, **ways})


def test_a_model_chooses_the_way(tenant: Tenant):
    with served({"_next_node": "ask_boss", "why": "big"}) as model:
        run = runs.drive(runs.queue(tenant, choosing(outputs={"why": "json:why"})))
    assert run.output_vars == {"way": "ask_boss"}
    assert payloads(run, "branch_taken") == [{"rule": None, "condition": "llm", "read": {}, "next_node_id": "ask_boss"}]
    assert "- ask_boss: over the limit" in model.said()[0][1]


@pytest.mark.parametrize("said", ["stop", "end", "", None, 5, ["pay"], "pay "])
def test_a_way_that_is_not_listed_is_not_taken(tenant: Tenant, said: Any):
    with served({"_next_node": said}) as model:
        run = runs.drive(runs.queue(tenant, choosing(default_branch="stop", repair={"max_attempts": 1})))
        other = runs.drive(runs.queue(tenant, choosing(repair={"max_attempts": 0})))
    assert run.output_vars == {"way": "stop"}
    assert payloads(run, "branch_taken")[0]["condition"] == "default"
    assert other.error_class == "llm_route_invalid"
    assert len(model.questions) == 3


def test_a_retry_begins_the_chain_again(tenant: Tenant):
    answers = [failing(429), failing(503), failing(500), "at last"]
    with served(*answers) as model:
        run = driven(tenant, {"fallback_model": "small"})
    assert run.output_vars["llm_output"] == "at last"
    assert model.models == ["gpt-4o", "small", "gpt-4o", "small"]
    assert payloads(run, "llm_fallback")[0] == {
        "from": "gpt-4o",
        "to": "small",
        "reason": "The model's endpoint answered 429.",
    }
    record = StepRecord.objects.get(run=run)
    assert (record.attempt, record.retries) == (2, 1)
    assert record.result["fallback"] is True
    keys = [headers["idempotency-key"].rpartition("llm_call_1")[2] for headers in model.headers]
    assert keys == ["", ":2", "", ":2"]


def test_retries_end(tenant: Tenant):
    with served(failing(500, "out of order")) as model:
        run = driven(tenant, {})
    assert run.status == "failed"
    assert (run.error_class, run.error["attempt"], run.error["http_status"]) == ("llm_error", 3, 500)
    assert run.error["message"] == "The model's endpoint answered 500: out of order"
    assert len(model.questions) == 3


@pytest.mark.parametrize(
    ("answer", "error_class"),
    [
        (failing(400), "llm_rejected"),
        (failing(401, "Incorrect API key provided: sk-quite-secret"), "llm_rejected"),
        (completion("par", finish="length"), "llm_truncated"),
        (completion(None, finish="content_filter"), "llm_refused"),
    ],
)
def test_some_answers_are_final(tenant: Tenant, answer: Reply, error_class: str):
    with served(answer) as model:
        run = driven(tenant, {"fallback_model": "small"})
    assert run.error_class == error_class
    assert len(model.questions) == 1
    assert "sk-quite-secret" not in str(run.error)
    assert "sk-quite-secret" not in str(list(Event.objects.filter(run=run).values_list("payload", flat=True)))


def test_what_was_paid_for_counts_though_it_is_no_use(tenant: Tenant):
    with served(completion("par", finish="length", prompt=7, answer=3)):
        run = driven(tenant, {})
    assert (run.prompt_tokens, run.completion_tokens) == (7, 3)
    assert payloads(run, "llm_usage")[0]["total_tokens"] == 10


def test_the_server_says_when_to_try_again(tenant: Tenant):
    with served(failing(429, headers={"Retry-After": "30"}), "hi"):
        run = driven(tenant, {})
        assert run.status == "paused"
        assert payloads(run, "step_retry_scheduled")[0]["delay_ms"] == 30_000
        runs.fire(run.waits.get(state="open"))
        run = runs.drive(run)
    assert run.status == "completed"


def test_a_retry_of_the_run_asks_again(house: House):
    with served("no JSON", "no JSON", "no JSON", {"amount": 1}) as model:
        run = driven(house.tenant, {"output_schema": SCHEMA, "outputs": {"amount": "json:amount"}})
        assert run.error_class == "llm_output_invalid"
        services.retry_run(people.actor(house.operator), run, "failed_step")
        run = runs.drive(run)
    assert run.status == "completed", run.error
    assert run.output_vars["amount"] == 1
    assert len(model.questions) == 4
    assert run.prompt_tokens == 400


def test_a_retry_of_the_run_keeps_answers_before_the_one_that_failed(house: House):
    fields = {"output_schema": SCHEMA, "outputs": {"amount": "json:amount"}, "retry": {"max_retries": 0}}
    with served("no JSON", failing(500), {"amount": 1}) as model:
        run = driven(house.tenant, fields)
        assert run.error_class == "llm_error"
        services.retry_run(people.actor(house.operator), run, "failed_step")
        run = runs.drive(run)
    assert run.output_vars["amount"] == 1
    assert [len(question["messages"]) for question in model.questions] == [2, 4, 4]


def test_the_end_of_a_node_s_time_cuts_the_call(tenant: Tenant):
    fields = {"timeout_ms": 1500, "timeout_policy": {"on_timeout": "fail_open"}, "outputs": {"said": "text"}}
    with served(late(10)) as model:
        began = time.monotonic()
        run = driven(tenant, fields)
    assert time.monotonic() - began < 8
    assert run.status == "completed", run.error
    assert run.output_vars["said"] is None
    assert len(model.questions) == 1
    assert StepRecord.objects.get(run=run).state == "started"
    assert "timeout_ignored" in runs.told(run.pk)


def test_a_model_that_chooses_no_way_in_time(tenant: Tenant):
    fields = {"timeout_policy": {"timeout_ms": 200, "on_timeout": "fail_open"}}
    with served(late(2)):
        run = runs.drive(runs.queue(tenant, choosing(default_branch="stop", **fields)))
        other = runs.drive(runs.queue(tenant, choosing(**fields)))
    assert run.output_vars == {"way": "stop"}
    assert other.error_class == "llm_route_invalid"


def test_cancelling_cuts_the_call(tenant: Tenant):
    def cancel_and_wait(question: Any) -> Say:
        Run.system.filter(pk=run.pk).update(cancel_requested=True)
        connections_of_thread.close_all()
        return late(10)

    with served(cancel_and_wait, RUN_HEARTBEAT_SECONDS=0.2):
        run = queued(tenant, {})
        began = time.monotonic()
        run = runs.drive(run)
    assert time.monotonic() - began < 8
    assert run.status == "canceled"


def test_a_slow_model_is_left_for_the_next_one(tenant: Tenant):
    with served(late(4), "quick", LLM_TIMEOUT_SECONDS=1) as model:
        run = driven(tenant, {"fallback_models": ["small"]})
    assert run.output_vars["llm_output"] == "quick"
    assert model.models == ["gpt-4o", "small"]
    assert payloads(run, "step_timeout") == [{"timeout_ms": 1000, "action": "llm_call", "binding": "llm"}]
    assert "no complete answer within 1 s" in payloads(run, "llm_fallback")[0]["reason"]


def test_without_fallback_there_is_one_model(tenant: Tenant):
    with served(failing(429), LLM_ENABLE_FALLBACK=False) as model:
        run = driven(tenant, {"fallback_model": "small", "retry": {"max_retries": 0}})
    assert run.error_class == "llm_rate_limited"
    assert model.models == ["gpt-4o"]


def test_an_endpoint_that_may_not_be_called_is_not(tenant: Tenant):
    with served() as model, override_settings(EGRESS=Egress()):
        run = driven(tenant, {})
    assert run.error_class == "llm_rejected"
    assert "EGRESS_ALLOW does not list it for llm calls" in run.error["message"]
    assert model.questions == []


@pytest.mark.parametrize(
    ("fields", "root", "said"),
    [
        ({"profile": "cheap"}, {}, "There is no model profile 'cheap'."),
        ({}, {"global_config": {"llm_profile": "cheap"}}, "There is no model profile 'cheap'."),
        ({"prompt": None, "prompt_ref": "greet@2"}, {}, "There is no stored prompt 'greet@2'."),
        ({"max_tokens": "{{ 'many' }}"}, {}, "max_tokens is no whole number above 0: many"),
        (
            {"attachments": [{"type": "image", "source": "{{ 'x' }}"}]},
            {},
            "An attachment of type image cannot be sent",
        ),
    ],
)
def test_what_is_not_there_is_an_error(tenant: Tenant, fields: dict[str, Any], root: dict[str, Any], said: str):
    asked = {name: value for name, value in node(**fields).items() if value is not None}
    with served() as model:
        run = runs.drive(runs.queue(tenant, runs.document({"ask": asked, "end": END}, **root)))
    assert run.status == "failed"
    assert said in run.error["message"]
    assert model.questions == []


def test_the_settings_serve_the_default_tenant_alone(tenant: Tenant):
    with served(DEFAULT_TENANT="another") as model:
        run = driven(tenant, {})
    assert (run.error_class, model.questions) == ("llm_rejected", [])


def test_sensitive_values_go_to_the_model_and_nowhere_else(tenant: Tenant):
    declared = {"card": {"type": "string", "sensitive": True}, "pin": {"type": "integer", "sensitive": True}}
    fields = {
        "prompt": "Card {{ card }}, upper {{ card|upper }}, pin {{ pin }}, next {{ pin + 1 }}",
        "attachments": [{"type": "text", "source": "{{ card }}"}],
        "outputs": {"said": "text"},
    }
    root = {"variables_schema": declared, "global_config": {"audit_config": {"audit_level": "detailed"}}}
    with served("The card is abcd-1234") as model:
        run = driven(tenant, fields, root, card="abcd-1234", pin=7654321)
    assert model.said()[0][1][0]["text"] == "Card abcd-1234, upper ABCD-1234, pin 7654321, next 7654322"
    told = Event.objects.filter(run=run, node_id="ask")
    shown = str(list(told.values_list("payload", flat=True)))
    shown += str(StepRecord.objects.get(run=run).params)
    for value in ("abcd-1234", "ABCD-1234", "7654321", "7654322"):
        assert value not in shown
    assert REDACTED in shown


def test_a_masked_answer_is_masked_while_it_is_mended(tenant: Tenant):
    root = {"variables_schema": {"amount": {"type": "number", "sensitive": True}}}
    fields = {"output_schema": SCHEMA, "outputs": {"amount": "json:amount"}}
    with served({"amount": "quite-private"}) as model:
        run = driven(tenant, fields, root)
    assert run.error_class == "llm_output_invalid"
    assert "'quite-private' is not of type 'number'" in model.said(1)[-1][1]
    shown = str(run.error) + str(list(Event.objects.filter(run=run).values_list("payload", flat=True)))
    shown += str(list(StepRecord.objects.filter(run=run).values_list("params", flat=True)))
    assert "quite-private" not in shown
    assert payloads(run, "llm_output_invalid")[0]["errors"] == ["/amount"]


@pytest.mark.parametrize(("mode", "mark"), [("dry_run", "dry_run"), ("mocks", "mocked")])
def test_test_modes_ask_nobody(tenant: Tenant, mode: str, mark: str):
    fields = {"execution_mode": "dry_run"} if mode == "dry_run" else {"mock_external_calls": True}
    with served() as model:
        run = queued(tenant, {"outputs": {"amount": "json:amount"}})
        Run.system.filter(pk=run.pk).update(**fields)
        run = runs.drive(run)
        routed = runs.queue(tenant, choosing(default_branch="stop"))
        Run.system.filter(pk=routed.pk).update(**fields)
        routed = runs.drive(routed)
    assert model.questions == []
    assert run.output_vars["amount"] == {mark: True, "action": "llm_call", "binding": "llm"}
    assert routed.output_vars == {"way": "stop"}
    assert payloads(routed, "branch_taken")[0]["assumed"] is True
    assert run.prompt_tokens is None


def test_an_override_stands_in_for_the_answer(tenant: Tenant):
    with served() as model:
        run = queued(tenant, {"outputs": {"amount": "json:amount"}, "output_schema": SCHEMA})
        Run.system.filter(pk=run.pk).update(test_data_overrides={"ask": {"amount": 9}})
        run = runs.drive(run)
        routed = runs.queue(tenant, choosing())
        Run.system.filter(pk=routed.pk).update(test_data_overrides={"ask": {"_next_node": "pay"}})
        assert runs.drive(routed).output_vars == {"way": "pay"}
    assert run.output_vars["amount"] == 9
    assert payloads(run, "step_test_override_applied") == [{"step_id": "ask", "override": {"amount": 9}}]
    assert model.questions == []
