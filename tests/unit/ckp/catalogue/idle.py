"""CKP015: fields that have no effect where they stand."""

from typing import Any

from tests.unit.ckp.catalogue.case import Case, warning
from tests.unit.ckp.compiling import approval, at, doc, inputs, logic, loop, model, parallel, seq, step

N: dict[str, Any] = {"variables_schema": inputs(n="number")}
ASKED: dict[str, Any] = {"variables_schema": inputs(topic="string"), "global_config": {"max_cost_usd": 1}}
DECIDED = logic(("n > 1", "z"))
CHILD = {"type": "subflow", "procedure_id": "c", "version": "1.0.0", "next_node": "z"}
CHECKED = {"type": "verification", "checks": [{"condition": "n > 1"}], "on_pass": "z"}
RETRY = {"max_retries": 1}
LATE = {"max_duration_ms": 5, "escalation_handler": "z"}
FORM = {"type": "object"}
STEP = at("a", "steps", 0)


def of(node: dict[str, Any], **root: Any) -> dict[str, Any]:
    """A document with one node."""
    return doc({"a": node}, **root)


def asked(**fields: Any) -> dict[str, Any]:
    """A document with a model."""
    return of(model(**fields), **ASKED)


def repeated(**fields: Any) -> dict[str, Any]:
    """A document with a loop and its body."""
    return doc({"a": loop("b", **fields), "b": seq(to="a")})


def until(**fields: Any) -> dict[str, Any]:
    """A document with a loop that has no list."""
    node = {"type": "loop", "until": "n > 1", "max_iterations": 3, "body_node": "b", "next_node": "z", **fields}
    return doc({"a": node, "b": seq(to="a")}, **N)


def idle(what: str, pointer: str, beyond: dict[str, Any], within: dict[str, Any]) -> Case:
    """A field without effect."""
    return warning("CKP015", what, pointer, beyond, within)


BY_TYPE: list[Case] = [
    idle("successor of a decision", at("a", "next_node"), of(DECIDED | {"next_node": "z"}, **N), of(DECIDED, **N)),
    idle("error route of an approval", at("a", "on_error"), of(approval(on_error="z")), of(approval(on_timeout="z"))),
    idle("successor of an end", at("z", "next_node"), doc({"z": {"type": "terminate", "next_node": "z"}}), doc()),
    idle("agent without steps", at("a", "agent"), *(of(DECIDED | {"agent": a}, **N) for a in ("WEB", "MasterAgent"))),
    idle(
        "retry of data",
        at("a", "retry"),
        of({"type": "transform", "transformations": [], "retry": RETRY, "next_node": "z"}),
        of({"type": "processing", "operations": [], "retry": RETRY, "next_node": "z"}),
    ),
    idle(
        "escalation of an end",
        at("z", "sla", "escalation_handler"),
        doc({"z": {"type": "terminate", "sla": LATE}}),
        of(seq(sla=LATE)),
    ),
]

BY_FIELD: list[Case] = [
    idle("branches without the mode", at("a", "branches"), asked(branches=["z"]), asked()),
    idle("default without the mode", at("a", "default_branch"), asked(default_branch="z"), asked()),
    idle(
        "successor in the mode",
        at("a", "next_node"),
        asked(orchestration_mode=True, branches=["z"]),
        asked(to=None, orchestration_mode=True, branches=["z"]),
    ),
    idle("reference beside a prompt", at("a", "prompt_ref"), asked(prompt_ref="x"), asked()),
    idle("repair of text", at("a", "repair"), asked(repair={}), asked(repair={}, json_mode=True)),
    idle("item without a list", at("a", "iterator_variable"), until(iterator_variable="x"), until(index_variable="x")),
    idle(
        "collected into nothing", at("a", "collect"), repeated(collect="1"), repeated(collect="1", collect_variable="c")
    ),
    idle(
        "retry of branches",
        at("a", "retry"),
        *(doc({"a": parallel("b", retry=RETRY, branch_failure=rule), "b": seq()}) for rule in ("fail", "retry")),
    ),
    idle(
        "retry of a child",
        at("a", "retry"),
        *(of(CHILD | {"retry": RETRY, "on_failure": rule}) for rule in ("continue", "retry")),
    ),
    idle("two ways to pass", at("a", "next_node"), of(CHECKED | {"next_node": "z"}, **N), of(CHECKED, **N)),
    idle(
        "error actions of a success",
        at("z", "error_actions"),
        *(doc({"z": {"type": "terminate", "status": end, "error_actions": [step()]}}) for end in ("success", "failed")),
    ),
    idle(
        "options of a yes or no",
        at("a", "options"),
        *(of(approval(options=["x"], decision_type=kind)) for kind in ("approve_reject", "select_option")),
    ),
    idle(
        "form of a yes or no",
        at("a", "form"),
        *(of(approval(form=FORM, decision_type=kind)) for kind in ("approve_reject", "provide_input")),
    ),
    idle(
        "action at no time",
        at("a", "timeout_action"),
        of(approval(timeout_action="auto_reject")),
        of(approval(timeout_action="auto_reject", due_in="1h")),
    ),
    idle("value beside a message", f"{STEP}/value", of(seq(step(message="x", value=1))), of(seq(step(value=1)))),
    idle(
        "two lengths of a wait",
        f"{STEP}/duration",
        *(of(seq(step("wait", **lengths))) for lengths in ({"duration_ms": 5, "duration": "1s"}, {"duration": "1s"})),
    ),
    idle(
        "key beside a policy",
        at("a", "idempotency_key"),
        *(of(seq(idempotency_key="k", **policy)) for policy in ({"idempotency_policy": {"key": "k"}}, {})),
    ),
    idle(
        "key of a step beside its policy",
        f"{STEP}/idempotency_key",
        *(of(seq(step(idempotency_key="k", **policy))) for policy in ({"idempotency_policy": {"key": "k"}}, {})),
    ),
    idle(
        "dispatch of an internal action",
        f"{STEP}/workflow_dispatch_mode",
        *(of(seq(step(**fields))) for fields in ({"workflow_dispatch_mode": "sync"}, {})),
    ),
]

OUTSIDE: list[Case] = [
    idle(
        "block of another trigger",
        "/trigger/schedule",
        doc(trigger={"type": "manual", "schedule": "@daily"}),
        doc(trigger={"type": "scheduled", "schedule": "@daily"}),
    ),
    idle(
        "option of another provider",
        "/global_config/secrets_config/vault_url",
        *(
            doc(global_config={"secrets_config": {"provider": name, "vault_url": "https://v.example"}})
            for name in ("env", "vault")
        ),
    ),
    warning(
        "CKP015",
        "result of no step",
        "/global_config/test_data_overrides/a.s",
        doc({"a": seq(step(step_id="t"))}, global_config={"test_data_overrides": {"a.s": 1}}),
        doc({"a": seq(step(step_id="s"))}, global_config={"test_data_overrides": {"a.s": 1}}),
        beside=("CKP111",),
        left=("CKP111",),
    ),
]

CASES: list[Case] = [*BY_TYPE, *BY_FIELD, *OUTSIDE]
