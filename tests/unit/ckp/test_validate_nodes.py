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
    only,
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
        "loop of nothing",
        doc({"a": {"type": "loop", "body_node": "b", "next_node": "z", "max_iterations": 2}, "b": seq(to="a")}),
        [("CKP215", at("a"))],
    ),
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
        "two times of a step",
        doc({"a": approval(due_in="1h", escalation=[{"to": {"users": ["u"]}, "after": "1m", "before_due": "1m"}])}),
        [("CKP225", at("a", "escalation", 0, "before_due"))],
    ),
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
        "not allowed",
        doc(
            {"a": seq(call("web.click"), call("db.query"), step("notify", channel="email", message="x", timeout_ms=5))},
            global_config={"allowed_actions": ["web.*"]},
        ),
        [("CKP505", at("a", "steps", 1, "action")), ("CKP505", at("a", "steps", 2, "action"))],
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
    ("an internal name sent to the agent", doc({"a": seq(call("filter", binding="agent", depth=5))}), []),
    ("a screenshot by the agent", doc({"a": seq(call("screenshot", path="x.png"))}), []),
    (
        "every option has its route",
        doc({"a": approval(to=None, decision_type="select_option", options=[{"value": "y", "next_node": "z"}])}),
        [],
    ),
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
]


@pytest.mark.parametrize(("name", "source", "expected"), FAULTY + SOUND, ids=ids(FAULTY + SOUND))
def test_nodes_are_reported_where_they_cannot_work(name, source, expected):
    assert found(source) == expected


def test_a_missing_rejection_route_only_warns():
    assert only("CKP214", doc({"a": {"type": "human_approval", "on_approve": "z"}})).severity == "warning"
    assert only("CKP214", doc({"a": {"type": "human_approval", "on_reject": "z"}})).severity == "error"


def test_a_misspelt_internal_action_is_the_hint():
    assert only("CKP501", doc({"a": seq(step("set_varable"))})).hint == "Did you mean 'set_variable'?"
