"""Steps at agents (runtime 8 to 10, protocols 2): what is sent, what is recorded, and what becomes of each reply."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from agents.models import AgentLease
from orchestration import transitions
from orchestration.diagnostics import diagnostics
from orchestration.models import Artifact, Event, Run, StepRecord
from tenants.models import Project, Tenant
from tests import agents, processes, runs
from tests.agents import said
from tests.servers import Reply

pytestmark = pytest.mark.django_db(transaction=True)


def one_step(action: str = "navigate", node: dict[str, Any] | None = None, **step: Any) -> dict[str, Any]:
    """A sequence of one step at channel web, and an end that gives its result."""
    steps = [{"step_id": "s", "action": action, "output_variable": "found", **step}]
    return {
        "n": {"type": "sequence", "agent": "web", "steps": steps, "next_node": "end", **(node or {})},
        "end": {"type": "terminate", "outputs": {"found": "found"}},
    }


def driven(tenant: Tenant, nodes: dict[str, Any], root: dict[str, Any] | None = None, **inputs: Any) -> Run:
    declared = {"variables_schema": {name: {} for name in inputs}, **(root or {})}
    return runs.drive(runs.queue(tenant, runs.document(nodes, **declared), **inputs))


def events(run: Run, event_type: str) -> list[dict[str, Any]]:
    found = Event.objects.filter(run=run, event_type=event_type).order_by("seq")
    return list(found.values_list("payload", flat=True))


def test_diagnostics_list_the_slot_while_it_is_held(tenant: Tenant):
    seen: list[dict[str, Any]] = []

    def look(params: dict[str, Any]) -> None:
        seen.extend(diagnostics(Run.system.get())["active_leases"])
        connection.close()

    with agents.agent(tenant, navigate=look):
        run = driven(tenant, one_step())
    (held,) = seen
    assert (held["agent_id"], held["node_id"], held["step_id"], held["is_active"]) == ("web_web", "n", "s", True)
    assert diagnostics(run)["active_leases"] == []


def test_an_agent_is_told_everything_and_its_answer_is_the_result(tenant: Tenant):
    nodes = one_step(url="https://shop.test/{{ page }}", count="{{ page }}", timeout_ms=5000)
    with agents.agent(tenant, navigate=lambda params: {"title": "Shop"}) as web:
        run = driven(tenant, nodes, page=7)
    assert (run.status, run.output_vars) == ("completed", {"found": {"title": "Shop"}}), run.error
    (call,) = web.calls
    key = f"{run.pk}:n:s"
    assert call["params"] == {"url": "https://shop.test/7", "count": 7}
    told = {name: call[name] for name in ("action", "run_id", "node_id", "step_id", "attempt", "path")}
    assert told == {
        "action": "navigate",
        "run_id": str(run.pk),
        "node_id": "n",
        "step_id": "s",
        "attempt": 1,
        "path": "n",
    }
    assert call["idempotency_key"] == key == web.headers[0]["idempotency-key"]
    assert call["deadline"].endswith("Z")
    assert web.headers[0]["x-run-id"] == str(run.pk)
    lease = AgentLease.system.get()
    assert web.headers[0]["x-langorch-dispatch-id"] == call["dispatch_id"] == str(lease.dispatch_id)
    assert lease.released_at is not None
    record = StepRecord.objects.get(run=run)
    assert (record.state, record.attempt, record.key, record.agent) == ("completed", 1, key, "web_web")
    assert record.params == {"url": "https://shop.test/7", "count": 7}
    (started,) = events(run, "step_started")
    assert started["agent_id"] == "web_web"
    assert started["lease_id"] == str(lease.pk)
    assert started["binding"] == "agent_http"
    assert "params" not in started
    names = runs.told(run.pk)
    assert names.index("step_started") < names.index("step_completed")


@pytest.mark.parametrize(
    ("level", "told"), [("minimal", []), ("standard", ["result"]), ("detailed", ["params", "result"])]
)
def test_the_audit_level_says_what_events_tell_of_steps(tenant: Tenant, level: str, told: list[str]):
    source = runs.document(
        one_step(), variables_schema={"page": {}}, global_config={"audit_config": {"audit_level": level}}
    )
    with agents.agent(tenant, navigate=lambda params: {"title": "Shop"}):
        run = runs.drive(runs.queue(tenant, source, page=7))
    assert run.status == "completed", run.error
    payload = {**events(run, "step_started")[0], **events(run, "step_completed")[0]}
    assert [name for name in ("params", "result") if name in payload] == told


def test_null_is_a_result(tenant: Tenant):
    with agents.agent(tenant, navigate=lambda params: None):
        run = driven(tenant, one_step())
    assert (run.status, run.output_vars) == ("completed", {"found": None})


REPLIES: dict[str, tuple[Reply, str, bool]] = {
    "error": (said(status="error", error="no such page"), "agent_error", True),
    "error that is final": (said(status="error", error="no", retryable=False), "agent_error", False),
    "no status": (said(result=1), "agent_protocol", False),
    "unknown status": (said(status="fine", result=1), "agent_protocol", False),
    "a list": (Reply(body=b"[1]"), "agent_protocol", False),
    "no JSON": (Reply(body=b"<html>"), "agent_protocol", False),
    "no number of JSON": (Reply(body=b'{"status": "success", "result": NaN}'), "agent_protocol", False),
    "nested without end": (Reply(body=b"[" * 100_000), "agent_protocol", False),
    "an error that waits for ever": (said(status="error", retry_after=10**400, retryable=False), "agent_error", False),
    "201": (Reply(201, b'{"status": "success"}'), "agent_protocol", False),
    "429": (Reply(429), "agent_busy", True),
    "503": (Reply(503), "agent_busy", True),
    "408": (Reply(408), "timeout", True),
    "504": (Reply(504), "timeout", True),
    "404": (Reply(404, b"what?"), "agent_rejected", False),
    "302": (Reply(302, headers={"location": "http://127.0.0.1/"}), "agent_rejected", False),
    "500": (Reply(500, b"oops"), "agent_unreachable", True),
}


@pytest.mark.parametrize("name", REPLIES)
def test_every_reply_becomes_its_error(tenant: Tenant, name: str):
    reply, error_class, retried = REPLIES[name]
    retry = {"retry_config": {"max_retries": 1, "base_delay_ms": 1}}
    with agents.agent(tenant, navigate=lambda params: reply) as web:
        run = driven(tenant, one_step(**retry))
    assert (run.status, run.error_class) == ("failed", error_class)
    assert [call["attempt"] for call in web.calls] == ([1, 2] if retried else [1])
    assert len({call["idempotency_key"] for call in web.calls}) == 1
    assert len({call["dispatch_id"] for call in web.calls}) == len(web.calls)
    assert run.error["agent"] == "web_web"
    assert not AgentLease.system.filter(released_at=None).exists()


def test_what_agents_say_of_errors_reaches_handlers(tenant: Tenant):
    handler = {"error_type": "ElementNotFoundException", "action": "ignore"}
    nodes = one_step(node={"error_handlers": [handler]})
    with agents.agent(tenant, navigate=agents.failing(error_type="ElementNotFound")):
        run = driven(tenant, nodes)
    assert (run.status, run.output_vars) == ("completed", {"found": None})


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (Reply(302), "The agent sends elsewhere (HTTP 302), and redirects are not followed."),
        (said(result=1), "The agent's reply has no status."),
        (said(status="SUCCESS"), 'The agent\'s reply has status "SUCCESS".'),
    ],
)
def test_a_reply_against_the_rules_is_told_in_words(tenant: Tenant, reply: Reply, sentence: str):
    with agents.agent(tenant, navigate=lambda params: reply):
        assert driven(tenant, one_step()).error["message"] == sentence


def test_an_error_tells_status_and_body(tenant: Tenant):
    with agents.agent(tenant, navigate=lambda params: Reply(418, b"I am a teapot")):
        run = driven(tenant, one_step())
    assert run.error["http_status"] == 418
    assert run.error["details"] == {"body": "I am a teapot"}


def test_a_failed_attempt_is_tried_again_after_what_the_agent_asks(tenant: Tenant):
    answers = iter([said(status="error", error="busy", retry_after=0.3), said(status="success", result=1)])
    nodes = one_step(retry_config={"max_retries": 1, "base_delay_ms": 1})
    began = time.monotonic()
    with agents.agent(tenant, navigate=lambda params: next(answers)):
        run = driven(tenant, nodes)
    assert run.output_vars == {"found": 1}
    assert time.monotonic() - began >= 0.3
    assert [delay["delay_ms"] for delay in events(run, "step_retry_scheduled")] == [300]


ENDLESS = b'{"status": "error", "retry_after": 1e999}'


@pytest.mark.parametrize("wanted", [Reply(429, headers={"retry-after": "9" * 400}), Reply(body=ENDLESS)])
def test_a_wish_to_wait_is_believed_up_to_an_hour(tenant: Tenant, wanted: Reply):
    with agents.agent(tenant, navigate=lambda params: wanted):
        run = driven(tenant, one_step(retry_config={"max_retries": 1}))
    assert run.status == "paused", run.error
    (retry,) = events(run, "step_retry_scheduled")
    assert retry["delay_ms"] == 3_600_000


def test_an_agent_that_is_not_there_is_unreachable(tenant: Tenant):
    small = agents.SmallAgent(url="http://127.0.0.1:9")
    agents.register(tenant, small, "web", "web", capabilities=["navigate"])
    run = driven(tenant, one_step())
    assert (run.status, run.error_class) == ("failed", "agent_unreachable")


def test_a_result_that_is_too_large_fails(tenant: Tenant, settings: Any):
    settings.ENV = settings.ENV.model_copy(update={"MAX_RESULT_BYTES": 1024})
    with agents.agent(tenant, navigate=lambda params: "x" * 2000):
        run = driven(tenant, one_step())
    assert run.error_class == "result_too_large"
    assert "1024" in run.error["message"]


def test_replies_against_the_protocol_may_be_taken_as_they_are(tenant: Tenant, settings: Any):
    settings.ENV = settings.ENV.model_copy(update={"AGENT_STRICT_RESPONSE_SCHEMA": False})
    with agents.agent(tenant, navigate=lambda params: Reply(body=b'{"rows": [1]}')):
        run = driven(tenant, one_step())
    assert run.output_vars == {"found": {"rows": [1]}}


def test_secrets_are_sent_and_never_kept(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    Tenant.objects.filter(pk=tenant.pk).update(slug="default")
    monkeypatch.setenv("LANGORCH_SECRET_KEY1", "hush-hush-hush")
    nodes = one_step(headers={"X-Key": "Bearer {{ secrets.key1 }}"})
    with agents.agent(tenant, navigate=lambda params: {"echo": params}) as web:
        run = driven(tenant, nodes)
    assert web.calls[0]["params"] == {"headers": {"X-Key": "Bearer hush-hush-hush"}}
    record = StepRecord.objects.get(run=run)
    assert record.params == {"headers": {"X-Key": "Bearer [secret:key1]"}}
    stored = json.dumps([record.result, run.output_vars, *Event.objects.values_list("payload", flat=True)])
    assert "hush" not in stored


def slow(seconds: float) -> Callable[[dict[str, Any]], Any]:
    """An action that takes its time."""

    def act(params: dict[str, Any]) -> str:
        time.sleep(seconds)
        return "late"

    return act


def test_a_slow_agent_is_cut_and_told(tenant: Tenant):
    began = time.monotonic()
    with agents.agent(tenant, navigate=slow(8)) as web:
        run = driven(tenant, one_step(timeout_ms=200))
        spent = time.monotonic() - began
        assert spent < 6
        assert (run.status, run.error_class) == ("failed", "timeout")
        assert [told["timeout_ms"] for told in events(run, "step_timeout")] == [200]
        processes.until(lambda: web.canceled, 2, "the agent is told to cancel")
    assert web.canceled[0]["dispatch_id"] == web.calls[0]["dispatch_id"]
    assert web.canceled[0]["reason"] == "timeout"
    assert AgentLease.system.get().released_at is not None


def test_a_time_out_may_be_ignored(tenant: Tenant):
    policy = {"timeout_ms": 100, "on_timeout": "fail_open"}
    with agents.agent(tenant, navigate=slow(0.5)):
        run = driven(tenant, one_step(timeout_policy=policy))
    assert (run.status, run.output_vars) == ("completed", {"found": None})
    assert events(run, "timeout_ignored") == [{"timeout_ms": 100, "scope": "step"}]


def test_a_nodes_time_limit_cuts_its_call(tenant: Tenant):
    with agents.agent(tenant, navigate=slow(8)) as web:
        began = time.monotonic()
        run = driven(tenant, one_step(node={"timeout_ms": 250}))
        assert time.monotonic() - began < 6
        processes.until(lambda: web.canceled, 2, "the agent is told to cancel")
    assert (run.status, run.error_class) == ("failed", "node_timeout")
    assert StepRecord.objects.get(run=run).state == "started"
    assert AgentLease.system.get().released_at is not None


def test_a_wait_that_is_too_long_times_out(tenant: Tenant):
    nodes = one_step("wait", duration_ms=60_000, timeout_ms=20)
    del nodes["n"]["steps"][0]["output_variable"]
    run = driven(tenant, nodes)
    assert (run.status, run.error_class) == ("failed", "timeout")


def test_workflows_are_called_synchronously_only(tenant: Tenant):
    capability = {"name": "navigate", "type": "workflow"}
    with agents.agent(tenant, navigate=lambda params: params, capabilities=[capability]) as web:
        refused = driven(tenant, one_step())
        assert refused.error_class == "no_executor"
        assert "sync" in refused.error["message"]
        assert not web.calls
        run = driven(tenant, one_step(workflow_dispatch_mode="sync", url="x"))
    context = run.output_vars["found"]["_workflow_context"]
    assert context["current_step_params"] == {"url": "x"}
    assert [step["step_id"] for step in context["node_steps"]] == ["s"]


def test_calls_in_flight_of_a_run_are_limited(tenant: Tenant):
    branches = [{"branch_id": f"b{number}", "start_node": f"b{number}"} for number in range(4)]
    nodes: dict[str, Any] = {
        "fork": {"type": "parallel", "branches": branches, "next_node": "end"},
        "end": {"type": "terminate", "outputs": {}},
    }
    for number in range(4):
        steps = [{"step_id": "s", "action": "navigate"}]
        nodes[f"b{number}"] = {"type": "sequence", "agent": "web", "steps": steps, "next_node": "end"}
    config = {"global_config": {"rate_limiting": {"max_concurrent_operations": 2}}}
    at_once, most = [0], [0]

    def act(params: dict[str, Any]) -> None:
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        time.sleep(0.05)
        at_once[0] -= 1

    with agents.agent(tenant, navigate=act, concurrency_limit=10):
        run = driven(tenant, nodes, config)
    assert run.status == "completed", run.error
    assert most[0] <= 2


def test_operations_that_leave_the_house_are_steps(tenant: Tenant, mailoutbox: list[Any]):
    notify = {"action": "notify", "channel": "email", "recipients": ["a@example.test"], "message": "Hi {{ who }}"}
    operations = [
        {"action": "append_to_array", "array": "marks", "value": 1},
        {**notify, "subject": "News", "output_variable": "delivery"},
        {"action": "append_to_array", "array": "marks", "value": 2},
    ]
    nodes = {
        "n": {"type": "processing", "operations": operations, "next_node": "end"},
        "end": {"type": "terminate", "outputs": {"marks": "marks", "delivery": "delivery"}},
    }
    run = driven(tenant, nodes, who="you")
    assert run.status == "completed", run.error
    (mail,) = mailoutbox
    assert (mail.subject, mail.body, mail.to) == ("News", "Hi you", ["a@example.test"])
    assert mail.extra_headers["Message-ID"] == f"<{run.output_vars['delivery']}>"
    assert run.output_vars["marks"] == [1, 2]
    record = StepRecord.objects.get(run=run)
    assert (record.path, record.step_id, record.state) == ("n", "notify_2", "completed")


def test_an_unknown_notice_channel_is_refused(tenant: Tenant):
    steps = [{"step_id": "s", "action": "notify", "channel": "pigeon", "recipients": "a@b.test", "message": "x"}]
    run = driven(tenant, {"n": {"type": "sequence", "steps": steps, "next_node": "end"}, "end": {"type": "terminate"}})
    assert run.error_class == "no_executor"
    assert "pigeon" in run.error["message"]


@pytest.mark.parametrize(
    "recipients",
    ["bob", "group:finance", "a@b.test, c@b.test", ["a@b.test", "c@@b.test"], ["a@b.test\rBcc: c@b.test"], "<>", []],
)
def test_a_recipient_is_one_mail_address(tenant: Tenant, mailoutbox: list[Any], recipients: Any):
    step = {"step_id": "s", "action": "notify", "channel": "email", "recipients": "{{ to }}", "message": "x"}
    handler = {"error_type": "invalid_value", "action": "fallback", "fallback_node": "late"}
    nodes = {
        "n": {"type": "sequence", "steps": [step], "error_handlers": [handler], "next_node": "end"},
        "late": {"type": "terminate", "outputs": {"why": "{{ error.message }}"}},
        "end": {"type": "terminate"},
    }
    run = driven(tenant, nodes, to=recipients)
    assert (run.status, mailoutbox) == ("completed", [])
    assert "recipient" in run.output_vars["why"]


def test_a_recipient_may_have_a_name(tenant: Tenant, mailoutbox: list[Any]):
    step = {"step_id": "s", "action": "notify", "channel": "email", "recipients": "Ann <a@b.test>", "message": "x"}
    nodes = {"n": {"type": "sequence", "steps": [step], "next_node": "end"}, "end": {"type": "terminate"}}
    assert driven(tenant, nodes).status == "completed"
    assert mailoutbox[0].to == ["Ann <a@b.test>"]


def test_actions_of_the_end_change_nothing_when_they_fail(tenant: Tenant):
    end = {
        "type": "terminate",
        "agent": "web",
        "status": "failed",
        "message": "gave up",
        "cleanup_actions": [{"action": "tidy"}, {"action": "log", "message": "bye"}],
        "error_actions": [{"action": "screenshot"}],
    }
    with agents.agent(tenant, tidy=agents.failing(), screenshot=lambda params: "picture") as web:
        run = driven(tenant, {"end": end})
    assert (run.status, run.error_class, run.error["message"]) == ("failed", "terminated", "gave up")
    assert web.actions_called == ["tidy", "screenshot"]
    states = dict(StepRecord.objects.filter(run=run).values_list("action", "state"))
    assert states == {"tidy": "failed", "log": "completed", "screenshot": "completed"}


CHECKS: dict[str, tuple[Any, bool]] = {
    "true": (True, True),
    "found": ({"found": True, "at": [1, 2]}, True),
    "false": (False, False),
    "not found": ({"found": False}, False),
    "something else": ("yes", False),
    "an error": (said(status="error", error="no window"), False),
}


@pytest.mark.parametrize("name", CHECKS)
def test_agents_check_what_is_on_the_screen(tenant: Tenant, name: str):
    answer, passes = CHECKS[name]
    validation = {"id": "seen", "check": "screen_text_contains", "target": "#total", "expected_values": ["{{ found }}"]}
    nodes = one_step(node={"validations": [validation]})
    actions = {"navigate": lambda params: "7", "screen_text_contains": lambda params: answer}
    with agents.agent(tenant, **actions) as web:
        run = driven(tenant, nodes)
    assert web.calls[1]["params"] == {"target": "#total", "expected_values": ["7"]}
    assert run.status == ("completed" if passes else "failed")
    assert run.error_class == ("" if passes else "validation_failed")
    assert StepRecord.objects.get(run=run, step_id="seen").path == "n!validations"


def test_a_retried_run_lets_its_agent_check_again(tenant: Tenant):
    answers = [False, True]
    validation = {"id": "seen", "check": "element_exists", "target": "#ok"}
    nodes = one_step(node={"validations": [validation]})
    actions = {"navigate": lambda params: 7, "element_exists": lambda params: answers.pop(0)}
    with agents.agent(tenant, **actions) as web:
        run = driven(tenant, nodes)
        assert run.error_class == "validation_failed"
        transitions.reopen_failed(run.pk, "tester")
        assert runs.drive(run).status == "completed"
    assert web.actions_called == ["navigate", "element_exists", "element_exists"]


PICTURE = {"kind": "screenshot", "content_base64": base64.b64encode(b"\x89PNG\r\n\x1a\n picture").decode()}


def test_a_picture_is_taken_after_a_success(tenant: Tenant):
    nodes = one_step(screenshot_on_complete=True)
    with agents.agent(tenant, navigate=lambda params: 7, screenshot=lambda params: {"artifact": PICTURE}) as web:
        run = driven(tenant, nodes)
    assert (run.status, run.output_vars) == ("completed", {"found": 7})
    assert web.actions_called == ["navigate", "screenshot"]
    artifact = Artifact.system.get(run=run)
    assert (artifact.kind, artifact.step_id, artifact.mime_type) == ("screenshot", "s", "image/png")
    assert events(run, "screenshot_requested") == [{"reason": "completed", "error": None}]
    assert not AgentLease.system.filter(released_at=None).exists()


@pytest.mark.parametrize("handled", [False, True])
def test_a_picture_is_taken_of_a_failure(tenant: Tenant, handled: bool):
    handlers = [{"action": "screenshot_and_fail"}] if handled else []
    config = {"global_config": {"screenshot_on_fail": not handled}}
    nodes = one_step(node={"error_handlers": handlers}, retry_config={"max_retries": 1, "base_delay_ms": 1})
    shot = {"take_screenshot": lambda params: {"artifact": PICTURE}}
    with agents.agent(tenant, navigate=agents.failing(), **shot) as web:
        run = driven(tenant, nodes, config)
    assert (run.status, run.error_class) == ("failed", "agent_error")
    assert web.actions_called == ["navigate", "navigate", "take_screenshot"]
    assert Artifact.system.get(run=run).step_id == "s"
    assert events(run, "screenshot_requested") == [{"reason": "failed", "error": None}]
    assert not AgentLease.system.filter(released_at=None).exists()


def test_why_there_is_no_picture_is_told(tenant: Tenant):
    nodes = one_step(screenshot_on_complete=True)
    with agents.agent(tenant, navigate=lambda params: 7, screenshot=agents.failing("no window")):
        run = driven(tenant, nodes)
    assert run.status == "completed"
    assert events(run, "screenshot_requested") == [{"reason": "completed", "error": "no window"}]


def test_a_call_that_the_project_has_come_to_forbid_is_not_made(tenant: Tenant):
    project = Project.objects.create(tenant=tenant, name="House")
    run = runs.queue(tenant, runs.document(one_step()))
    Run.system.update(project=project)
    Project.system.update(settings={"allowed_actions": ["mail.*"]})
    with agents.agent(tenant, navigate=lambda params: {}) as web:
        run = runs.drive(run)
    assert (run.status, run.error_class, web.calls) == ("failed", "policy_denied", [])
    told = {"policy": "allowed_actions", "reason": "The project does not allow navigate."}
    assert events(run, "policy_denied") == [told]
