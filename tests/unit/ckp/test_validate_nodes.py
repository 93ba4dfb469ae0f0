"""Decisions, steps, handlers, approvals: what can never work, and what decides twice."""

import pytest

from tests.unit.ckp.compiling import (
    Case,
    approval,
    at,
    call,
    doc,
    found,
    ids,
    inputs,
    logic,
    loop,
    model,
    only,
    op,
    parallel,
    seq,
    step,
)

N = {"variables_schema": inputs(n="number")}
CHECK = {"type": "verification", "next_node": "z"}
UNDO = {"compensate_with": call("redo")}

FAULTY: list[Case] = [
    ("step id", doc({"a": seq(step(), step())}), [("CKP210", at("a", "steps", 1, "step_id"))]),
    (
        "step id in two lists",
        doc({"z": {"type": "terminate", "status": "failed", "cleanup_actions": [step()], "error_actions": [step()]}}),
        [("CKP210", at("z", "error_actions", 0, "step_id"))],
    ),
    ("branch id", doc({"a": parallel("b", "b"), "b": seq()}), [("CKP210", at("a", "branches", 1, "branch_id"))]),
    (
        "check id",
        doc({"a": CHECK | {"checks": [{"id": "k", "condition": "n > 1"}, {"id": "k", "condition": "n > 2"}]}}, **N),
        [("CKP210", at("a", "checks", 1, "id"))],
    ),
    (
        "option",
        doc({"a": approval(decision_type="select_option", options=["x", "x"])}),
        [("CKP210", at("a", "options", 1))],
    ),
    (
        "option object",
        doc({"a": approval(decision_type="select_option", options=["x", {"value": "x"}])}),
        [("CKP210", at("a", "options", 1, "value"))],
    ),
    (
        "no step id",
        doc({"a": seq({"action": "log", "message": "x"}, {"action": "web.go", "agent": "WEB", "timeout_ms": 1})}),
        [("CKP211", at("a", "steps", 0)), ("CKP211", at("a", "steps", 1))],
    ),
    (
        "behind a rule that is always true",
        doc({"a": logic(("true", "z"), ("n > 1", "z"), default=None)}, **N),
        [("CKP212", at("a", "rules", 1)), ("CKP213", at("a"))],
    ),
    (
        "behind a rule that computes true",
        doc({"a": logic(("1 == 1", "z"), ("n > 1", "z"))}, **N),
        [("CKP212", at("a", "rules", 1)), ("CKP410", at("a", "rules", 0, "condition"))],
    ),
    ("repeated", doc({"a": logic(("n > 1", "z"), (" n > 1", "z"))}, **N), [("CKP212", at("a", "rules", 1))]),
    ("no default", doc({"a": logic(("n > 1", "z"), default=None)}, **N), [("CKP213", at("a"))]),
    ("no approval route", doc({"a": {"type": "human_approval", "on_reject": "z"}}), [("CKP214", at("a"))]),
    ("no rejection route", doc({"a": {"type": "human_approval", "on_approve": "z"}}), [("CKP214", at("a"))]),
    (
        "no option route",
        doc({"a": approval(to=None, decision_type="select_option", options=["x", {"value": "y", "next_node": "z"}])}),
        [("CKP214", at("a", "options", 0))],
    ),
    ("no options", doc({"a": approval(decision_type="select_option")}), [("CKP011", at("a"))]),
    (
        "retry of what",
        doc(
            {
                "a": logic(("n > 1", "b"), default="c"),
                "b": seq(to="v"),
                "c": seq(to="v"),
                "v": CHECK | {"checks": [{"condition": "n > 1", "on_fail": "retry"}]},
            },
            **N,
        ),
        [("CKP214", at("v", "checks", 0))],
    ),
    (
        "loop of nothing",
        doc({"a": {"type": "loop", "body_node": "b", "next_node": "z", "max_iterations": 2}, "b": seq(to="a")}),
        [("CKP215", at("a"))],
    ),
    ("approval as a step", doc({"a": seq(call("human_approval"))}), [("CKP222", at("a", "steps", 0, "action"))]),
    ("approval by nobody", doc({"a": seq(step("human_approval"))}), [("CKP222", at("a", "steps", 0, "action"))]),
    (
        "long wait in a compensation",
        doc({"a": seq(call(compensate_with=step("wait", duration="5s")))}),
        [("CKP222", at("a", "steps", 0, "compensate_with"))],
    ),
    (
        "wait until in a compensation",
        doc({"a": seq(call(compensate_with=[step("wait_until", until="10:00")]))}),
        [("CKP222", at("a", "steps", 0, "compensate_with", 0))],
    ),
    (
        "pause in a compensation",
        doc({"a": seq(call(), compensate_with=call("undo", wait_ms=3000))}),
        [("CKP222", at("a", "compensate_with"))],
    ),
    (
        "handler behind one for everything",
        doc({"a": seq(call(), error_handlers=[{"action": "fail"}, {"error_type": "timeout", "action": "fail"}])}),
        [("CKP223", at("a", "error_handlers", 1))],
    ),
    (
        "handler of the same type",
        doc(
            {
                "a": seq(
                    call(),
                    error_handlers=[
                        {"error_type": "TimeoutException", "action": "fail"},
                        {"error_type": ["time_out_error"], "action": "retry"},
                    ],
                )
            }
        ),
        [("CKP223", at("a", "error_handlers", 1))],
    ),
    (
        "compensation of a compensation",
        doc({"a": seq(call(compensate_with=call("undo", **UNDO)))}),
        [("CKP224", at("a", "steps", 0, "compensate_with", "compensate_with"))],
    ),
    (
        "automatic decision beside a route",
        doc({"a": approval(due_in="1h", timeout_action="auto_reject", on_timeout="z")}),
        [("CKP225", at("a", "on_timeout"))],
    ),
    ("two due times", doc({"a": approval(due_in="1h", timeout_ms=5)}), [("CKP225", at("a", "due_in"))]),
    (
        "two times of a step",
        doc({"a": approval(due_in="1h", escalation=[{"to": {"users": ["u"]}, "after": "1m", "before_due": "1m"}])}),
        [("CKP225", at("a", "escalation", 0, "before_due"))],
    ),
    ("custom check of nothing", doc({"a": seq(validations=[{}])}), [("CKP011", at("a", "validations", 0))]),
    (
        "range of nothing",
        doc({"a": seq(validations=[{"check": "value_in_range", "source": "n"}])}, **N),
        [("CKP011", at("a", "validations", 0))],
    ),
    (
        "check of nothing",
        doc({"a": CHECK | {"checks": [{"id": "k", "source": "n"}]}}, **N),
        [("CKP011", at("a", "checks", 0))],
    ),
    (
        "no agent for a screen",
        doc({"a": seq(validations=[{"check": "element_exists", "target": "h1"}])}),
        [("CKP501", at("a", "validations", 0))],
    ),
    ("no agent", doc({"a": seq(step("click", timeout_ms=5))}), [("CKP501", at("a", "steps", 0))]),
    (
        "not allowed",
        doc(
            {"a": seq(call("web.click"), call("db.query"), step("notify", channel="email", message="x", timeout_ms=5))},
            global_config={"allowed_actions": ["web.*"]},
        ),
        [("CKP505", at("a", "steps", 1, "action")), ("CKP505", at("a", "steps", 2, "action"))],
    ),
    (
        "operation not allowed",
        doc({"a": op("notify", channel="email", message="x")}, global_config={"allowed_actions": []}),
        [("CKP505", at("a", "operations", 0, "action"))],
    ),
    (
        "parameter twice",
        doc({"a": seq(call(url="x", params={"url": "y"}))}),
        [("CKP507", at("a", "steps", 0, "params", "url"))],
    ),
    (
        "internal and asynchronous",
        doc({"a": seq(step(workflow_dispatch_mode="async"))}),
        [("CKP508", at("a", "steps", 0, "workflow_dispatch_mode"))],
    ),
    ("screenshot of nobody", doc({"a": seq(step("screenshot"))}), [("CKP515", at("a", "steps", 0))]),
    ("screenshot in operations", doc({"a": op("screenshot")}), [("CKP515", at("a", "operations", 0))]),
    (
        "screenshot after an internal step",
        doc({"a": seq(step(screenshot_on_complete=True))}),
        [("CKP515", at("a", "steps", 0, "screenshot_on_complete"))],
    ),
    (
        "the master takes no screenshots",
        doc({"a": seq(step("screenshot"), agent="MasterAgent")}),
        [("CKP515", at("a", "steps", 0))],
    ),
    (
        "orchestration without branches",
        doc(
            {"a": model(to=None, orchestration_mode=True, default_branch="z")},
            global_config={"max_cost_usd": 1},
            variables_schema=inputs(topic="string"),
        ),
        [("CKP011", at("a"))],
    ),
]

SOUND: list[Case] = [
    (
        "the same id undoes and handles",
        doc({"a": seq(call(compensate_with=call()), error_handlers=[{"action": "retry", "recovery_steps": [call()]}])}),
        [],
    ),
    (
        "handlers of different causes",
        doc(
            {
                "a": seq(
                    call(),
                    error_handlers=[
                        {"error_type": "timeout", "action": "fail"},
                        {"error_type": "timeout", "trigger": {"error_code": 5}, "action": "fail"},
                        {"action": "fail"},
                    ],
                )
            }
        ),
        [],
    ),
    (
        "one predecessor to retry",
        doc({"b": seq(to="v"), "v": CHECK | {"checks": [{"condition": "n > 1", "on_fail": "retry"}]}}, **N),
        [],
    ),
    (
        "several, and one is named",
        doc(
            {
                "a": logic(("n > 1", "b"), default="c"),
                "b": seq(to="v"),
                "c": seq(to="v"),
                "v": CHECK | {"retry_node": "b", "checks": [{"condition": "n > 1", "on_fail": "retry"}]},
            },
            **N,
        ),
        [],
    ),
    ("an internal name sent to the agent", doc({"a": seq(call("filter", binding="agent", depth=5))}), []),
    ("a screenshot by the agent", doc({"a": seq(call("screenshot", path="x.png"))}), []),
    (
        "every option has its route",
        doc({"a": approval(to=None, decision_type="select_option", options=[{"value": "y", "next_node": "z"}])}),
        [],
    ),
    ("a short wait in a compensation", doc({"a": seq(call(compensate_with=step("wait", duration_ms=2000)))}), []),
    (
        "a wait of unknown length in a compensation",
        doc({"a": seq(call(compensate_with=step("wait", duration="{{n}}s")))}, **N),
        [],
    ),
    (
        "a repeat loop",
        doc(
            {
                "a": {
                    "type": "loop",
                    "continue_condition": "n > 1",
                    "max_iterations": 2,
                    "body_node": "b",
                    "next_node": "z",
                },
                "b": seq(to="a"),
            },
            **N,
        ),
        [],
    ),
    ("agent of the node", doc({"a": seq(step("click", timeout_ms=5), agent="WEB")}), []),
    (
        "a source with a schema",
        doc({"a": CHECK | {"checks": [{"source": "n", "schema": {"type": "number"}}]}}, **N),
        [],
    ),
    (
        "parameters beside and inside",
        doc({"a": seq(call(url="x", params={"depth": 1, "timeout_ms": 5, "$top": 2}))}),
        [],
    ),
    ("nothing to do with the last loop", doc({"a": loop("b"), "b": seq(to="a")}), []),
]


@pytest.mark.parametrize(("name", "source", "expected"), FAULTY + SOUND, ids=ids(FAULTY + SOUND))
def test_nodes_are_reported_where_they_cannot_work(name, source, expected):
    assert found(source) == expected


def test_a_missing_rejection_route_only_warns():
    assert only("CKP214", doc({"a": {"type": "human_approval", "on_approve": "z"}})).severity == "warning"
    assert only("CKP214", doc({"a": {"type": "human_approval", "on_reject": "z"}})).severity == "error"


def test_a_misspelt_internal_action_is_the_hint():
    assert only("CKP501", doc({"a": seq(step("set_varable"))})).hint == "Did you mean 'set_variable'?"
