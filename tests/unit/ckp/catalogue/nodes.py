"""CKP210 to CKP215, CKP222 to CKP225: ids, decisions, steps, handlers, approvals."""

from typing import Any

from tests.unit.ckp.catalogue.case import Case, error, info, warning
from tests.unit.ckp.compiling import approval, at, call, doc, inputs, logic, op, parallel, seq, step

N: dict[str, Any] = {"variables_schema": inputs(n="number")}
STEP = at("a", "steps", 0)
UNDO = f"{STEP}/compensate_with"


def done(*steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A document with a sequence."""
    return doc({"a": seq(*steps, **fields)})


def ended(*steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A document whose end cleans up."""
    return doc({"z": {"type": "terminate", "status": "failed", "cleanup_actions": list(steps), **fields}})


def verified(*checks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A verification."""
    return {"type": "verification", "checks": list(checks), "next_node": "z", **fields}


def decided(*rules: tuple[Any, str], default: str | None = "z") -> dict[str, Any]:
    """A document with a decision."""
    return doc({"a": logic(*rules, default=default)}, **N, outputs_schema={"n": {}})


def selected(*options: Any, **fields: Any) -> dict[str, Any]:
    """A document with an approval that asks for one of several things."""
    return doc({"a": approval(decision_type="select_option", options=list(options), **fields)})


def asked(**fields: Any) -> dict[str, Any]:
    """A document with an approval that lacks some routes."""
    return doc({"a": {"type": "human_approval", "prompt": "Go on?", **fields}})


def retried(*before: str, **fields: Any) -> dict[str, Any]:
    """A document with a verification that is retried, and the nodes that lead to it."""
    node = verified({"condition": "n > 1", "on_fail": "retry"}, **fields)
    ways = {name: seq(to="v") for name in before}
    return doc({"a": logic(("n > 1", before[0]), default=before[-1]), **ways, "v": node}, **N)


def repeated(**fields: Any) -> dict[str, Any]:
    """A document with a loop that has no list."""
    return doc(
        {"a": {"type": "loop", "body_node": "b", "next_node": "z", **fields}, "b": seq(to="a")},
        **N,
        outputs_schema={"n": {}},
    )


def handled(*handlers: dict[str, Any]) -> dict[str, Any]:
    """A document with handlers."""
    return done(error_handlers=list(handlers))


def undone(undo: dict[str, Any]) -> dict[str, Any]:
    """A document with a step that can be undone."""
    return done(call(compensate_with=undo))


IDS: list[Case] = [
    error(
        "CKP210",
        "step",
        at("a", "steps", 1, "step_id"),
        *(done(step(step_id="s"), step(step_id=name)) for name in "st"),
    ),
    error(
        "CKP210",
        "step of another list",
        at("z", "error_actions", 0, "step_id"),
        *(ended(step(step_id="s"), error_actions=[step(step_id=name)]) for name in "st"),
    ),
    error(
        "CKP210",
        "compensation",
        at("a", "steps", 1, "compensate_with", "step_id"),
        *(
            done(
                call(step_id="s", compensate_with=call(step_id="u")),
                call(step_id="t", compensate_with=call(step_id=name)),
            )
            for name in "us"
        ),
    ),
    error(
        "CKP210",
        "branch",
        at("a", "branches", 1, "branch_id"),
        *(
            doc(
                {
                    "a": parallel("b", "c")
                    | {"branches": [{"branch_id": "x", "start_node": "b"}, {"branch_id": name, "start_node": "c"}]},
                    "b": seq(),
                    "c": seq(),
                }
            )
            for name in "xy"
        ),
    ),
    error(
        "CKP210",
        "check",
        at("a", "checks", 1, "id"),
        *(
            doc({"a": verified({"id": "k", "condition": "n > 1"}, {"id": name, "condition": "n > 2"})}, **N)
            for name in "kl"
        ),
    ),
    error("CKP210", "option", at("a", "options", 1), selected("x", "x"), selected("x", "y")),
    error(
        "CKP210",
        "described option",
        at("a", "options", 1, "value"),
        selected("x", {"value": "x"}),
        selected("x", {"value": "y"}),
    ),
    error(
        "CKP210",
        "validation",
        at("a", "validations", 1, "id"),
        *(done(validations=[{"id": "v", "condition": "true"}, {"id": name, "condition": "true"}]) for name in "vw"),
    ),
    error(
        "CKP210",
        "operation",
        at("a", "operations", 1, "id"),
        *(
            doc({"a": op("log", value=1) | {"operations": [{"action": "log", "value": 1, "id": one} for one in pair]}})
            for pair in ("ab"[:1] * 2, "ab")
        ),
    ),
    info(
        "CKP211", "step", STEP, done({"action": "log", "value": 1}), done({"action": "log", "value": 1, "step_id": "s"})
    ),
    info(
        "CKP211",
        "recovery",
        at("a", "error_handlers", 0, "recovery_steps", 0),
        *(handled({"recovery_steps": [{"action": "log", "value": 1, **name}]}) for name in ({}, {"step_id": "s"})),
    ),
    info(
        "CKP211",
        "compensation",
        UNDO,
        *(undone({"action": "undo", "agent": "WEB", "timeout_ms": 1, **name}) for name in ({}, {"step_id": "s"})),
    ),
    info(
        "CKP211",
        "cleanup",
        at("z", "cleanup_actions", 0),
        *(ended({"action": "log", "value": 1, **name}) for name in ({}, {"step_id": "s"})),
    ),
]

DECISIONS: list[Case] = [
    warning(
        "CKP212",
        "behind true",
        at("a", "rules", 1),
        decided((True, "z"), ("n > 1", "z")),
        decided(("n > 1", "z"), (True, "z")),
    ),
    warning(
        "CKP212",
        "behind a constant",
        at("a", "rules", 1),
        decided(("1 < 2", "z"), ("n > 1", "z")),
        decided(("2 < 1", "z"), ("n > 1", "z")),
        beside=("CKP410",),
        left=("CKP410",),
    ),
    warning(
        "CKP212",
        "repeated",
        at("a", "rules", 1),
        decided(("n > 1", "z"), ("n > 1 ", "z")),
        decided(("n > 1", "z"), ("n > 2", "z")),
    ),
    warning("CKP213", "no default", at("a"), decided(("n > 1", "z"), default=None), decided(("n > 1", "z"))),
    error("CKP214", "no approval", at("a"), asked(on_reject="z"), asked(on_reject="z", on_approve="z")),
    error(
        "CKP214",
        "no answer",
        at("a"),
        *(asked(on_reject="z", decision_type="provide_input", **way) for way in ({}, {"on_approve": "z"})),
    ),
    warning("CKP214", "no rejection", at("a"), asked(on_approve="z"), asked(on_approve="z", on_reject="z")),
    error(
        "CKP214",
        "no option",
        at("a", "options", 0),
        *(
            selected(option, {"value": "y", "next_node": "z"}, to=None)
            for option in ("x", {"value": "x", "next_node": "z"})
        ),
    ),
    error("CKP214", "retry after two", at("v", "checks", 0), retried("b", "c"), retried("b", "c", retry_node="b")),
    error(
        "CKP214",
        "retry after nothing",
        at("v", "checks", 0),
        *(
            doc({**before, "v": verified({"condition": "n > 1", "on_fail": "retry"})}, **N)
            for before in ({}, {"b": seq(to="v")})
        ),
    ),
    error("CKP215", "nothing", at("a"), repeated(), repeated(until="n > 1", max_iterations=3)),
    error(
        "CKP215",
        "nothing but a bound",
        at("a"),
        repeated(max_iterations=3),
        repeated(continue_condition="n > 1", max_iterations=3),
    ),
    error(
        "CKP215", "null", at("a"), repeated(iterator=None, max_iterations=3), repeated(iterator="[1]", max_iterations=3)
    ),
]

NOT_ALLOWED: list[Case] = [
    error(
        "CKP222",
        "wait among operations",
        at("a", "operations", 0, "action"),
        doc({"a": op("wait", duration="1s")}),
        done(step("wait", duration="1s")),
    ),
    error(
        "CKP222",
        "wait until a time",
        at("a", "operations", 0, "action"),
        doc({"a": op("wait_until", until="10:00")}),
        done(step("wait_until", until="10:00")),
    ),
    error(
        "CKP222",
        "approval among operations",
        at("a", "operations", 0, "action"),
        doc({"a": op("human_approval")}),
        doc({"a": approval()}),
    ),
    error(
        "CKP222",
        "call among operations",
        at("a", "operations", 0, "action"),
        doc({"a": op("get_page", agent="WEB")}),
        done(call("get_page")),
    ),
    error("CKP222", "approval in a sequence", f"{STEP}/action", done(call("human_approval")), done(call("approval"))),
    error(
        "CKP222",
        "approval in a recovery",
        at("a", "error_handlers", 0, "recovery_steps", 0, "action"),
        *(handled({"recovery_steps": [call(name)]}) for name in ("human_approval", "approval")),
    ),
    error(
        "CKP222",
        "approval in a compensation",
        f"{UNDO}/action",
        undone(call("human_approval")),
        undone(call("approval")),
    ),
    error(
        "CKP222",
        "approval in a cleanup",
        at("z", "cleanup_actions", 0, "action"),
        ended(call("human_approval")),
        ended(call("approval")),
    ),
    error("CKP222", "compensation that waits", UNDO, *(undone(step("wait", duration_ms=ms)) for ms in (2_001, 2_000))),
    error(
        "CKP222",
        "compensation that waits in words",
        UNDO,
        *(undone(step("wait", duration=time)) for time in ("3s", "2s")),
    ),
    error(
        "CKP222",
        "compensation until a time",
        UNDO,
        undone(step("wait_until", until="10:00")),
        undone(step("wait", duration="1s")),
    ),
    error("CKP222", "pause before a compensation", UNDO, *(undone(call(wait_ms=ms)) for ms in (2_001, 2_000))),
    error("CKP222", "pause after a compensation", UNDO, *(undone(call(wait_after_ms=ms)) for ms in (2_001, 2_000))),
    error(
        "CKP222",
        "compensation of a node",
        at("a", "compensate_with"),
        *(done(compensate_with=step("wait", duration_ms=ms)) for ms in (2_001, 2_000)),
    ),
    warning(
        "CKP223",
        "behind everything",
        at("a", "error_handlers", 1),
        handled({}, {"error_type": "timeout"}),
        handled({"error_type": "timeout"}, {}),
    ),
    warning(
        "CKP223",
        "behind a star",
        at("a", "error_handlers", 1),
        *(handled({"error_type": name}, {"error_type": "timeout"}) for name in ("*", "expired")),
    ),
    warning(
        "CKP223",
        "one error in two forms",
        at("a", "error_handlers", 1),
        *(
            handled({"error_type": "TimeoutException"}, {"error_type": name})
            for name in ("time_out_error", "time_up_error")
        ),
    ),
    warning(
        "CKP223",
        "one trigger",
        at("a", "error_handlers", 1),
        *(handled({"trigger": {"error_code": 5}}, {"trigger": {"error_code": code}}) for code in (5, 6)),
    ),
    error(
        "CKP224",
        "of a step",
        f"{UNDO}/compensate_with",
        undone(call(compensate_with=call(step_id="u"))),
        undone(call()),
    ),
    error(
        "CKP224",
        "of a node",
        at("a", "compensate_with", "compensate_with"),
        *(done(compensate_with=call(**more)) for more in ({"compensate_with": call(step_id="u")}, {})),
    ),
    warning(
        "CKP225",
        "approved, and a route",
        at("a", "on_timeout"),
        *(
            doc({"a": approval(due_in="1h", on_timeout="z", timeout_action=act)})
            for act in ("auto_approve", "escalate")
        ),
        beside=("CKP-L06",),
    ),
    warning(
        "CKP225",
        "rejected, and a route",
        at("a", "on_timeout"),
        *(doc({"a": approval(due_in="1h", on_timeout="z", timeout_action=act)}) for act in ("auto_reject", "escalate")),
    ),
    warning(
        "CKP225",
        "two due times",
        at("a", "due_in"),
        *(doc({"a": approval(due_in="1h", **more)}) for more in ({"timeout_ms": 5}, {})),
    ),
    warning(
        "CKP225",
        "two times of a step",
        at("a", "escalation", 0, "before_due"),
        *(
            doc({"a": approval(due_in="1h", escalation=[{"to": {}, "before_due": "1m", **more}])})
            for more in ({"after": "1m"}, {})
        ),
    ),
]

CASES: list[Case] = [*IDS, *DECISIONS, *NOT_ALLOWED]
