"""Advice on design."""

import pytest

from tests.unit.ckp.compiling import (
    Case,
    approval,
    at,
    call,
    change,
    compiled,
    doc,
    found,
    ids,
    inputs,
    logic,
    loop,
    model,
    op,
    parallel,
    seq,
    step,
)

CAP = {"global_config": {"max_cost_usd": 1}}
TOPIC = {"variables_schema": inputs(topic="string")}
ASKED = {**CAP, **TOPIC}
SCHEMA = {"output_schema": {"type": "object"}}
GUARD = {"type": "verification", "next_node": "c"}
COND = at("c", "rules", 0, "condition")


def guarded(**check):
    """A verification of `amount`."""
    return GUARD | {"checks": [{"id": "k", "condition": "amount is number and amount >= 0", **check}]}


def asked(**nodes):
    """A model that writes `amount`, then other nodes."""
    return doc({"a": model(outputs={"amount": "text"}, to=next(iter(nodes))), **nodes}, **ASKED)


def long_call(**fields):
    """A call without limit."""
    return {"step_id": "s", "action": "get_page", "agent": "WEB", **fields}


BRANCHING = {"c": logic(("amount > 1", "z"))}
WRITING = {"c": seq(call("post_invoice", body="{{amount}}"))}

CASES: list[Case] = [
    ("guarded branch", asked(v=guarded(), **BRANCHING), []),
    ("a check that merely warns", asked(v=guarded(on_fail="warn"), **BRANCHING), [("CKP-L02", COND)]),
    (
        "a way round the check",
        doc(
            {
                "a": model(outputs={"amount": "text"}, to="b"),
                "b": logic(("topic == 'x'", "v"), default="c"),
                "v": guarded(),
                **BRANCHING,
            },
            **ASKED,
        ),
        [("CKP-L02", COND)],
    ),
    (
        "computed, and the source checked after",
        asked(
            b=op("calculate", expression="amount * 2", output_variable="twice") | {"next_node": "v"},
            v=guarded(),
            c=logic(("twice > 1", "z")),
        ),
        [("CKP-L02", COND)],
    ),
    ("written over", asked(b=seq(step("set_variable", variable="amount", value=1), to="c"), **BRANCHING), []),
    (
        "an item of its list",
        doc(
            {
                "a": model(outputs={"rows": "text"}, to="l"),
                "l": loop("c", iterator="rows", iterator_variable="row"),
                "c": logic(("row.x > 1", "l"), default="l"),
            },
            **ASKED,
        ),
        [("CKP-L02", COND)],
    ),
    (
        "collected in a loop",
        doc(
            {
                "l": loop("a", to="c", collect_variable="all"),
                "a": model(outputs={"amount": "text"}, to="l"),
                "c": logic(("all.length > 1", "z")),
            },
            **ASKED,
        ),
        [("CKP-L02", COND)],
    ),
    (
        "from a branch",
        doc({"p": parallel("a", to="c"), "a": model(outputs={"amount": "text"}, to=None), **BRANCHING}, **ASKED),
        [("CKP-L02", COND)],
    ),
    ("guarded write", asked(v=guarded(), **WRITING), []),
    ("unguarded read", asked(c=seq(call("get_invoice", body="{{amount}}"))), []),
    ("declared as read", asked(c=seq(call("invoice", side_effect="read", body="{{amount}}"))), []),
    (
        "one duty",
        doc({"a": model(to=None, orchestration_mode=True, branches=["z", {"node": "b"}]), "b": seq()}, **ASKED),
        [],
    ),
    (
        "retry of a verification",
        doc(
            {
                "a": seq(to="v"),
                "v": {
                    "type": "verification",
                    "checks": [{"condition": "topic == 'x'", "on_fail": "retry"}],
                    "retry_node": "a",
                    "next_node": "z",
                },
            },
            **TOPIC,
        ),
        [],
    ),
    ("approved before", doc({"g": approval(to="a"), "a": seq(call("pay", side_effect="irreversible"))}), []),
    (
        "approved by an option",
        doc(
            {
                "g": approval(
                    to=None,
                    decision_type="select_option",
                    options=[{"value": "x", "next_node": "a"}, {"value": "y", "next_node": "z"}],
                ),
                "a": seq(call("pay", side_effect="irreversible")),
            }
        ),
        [],
    ),
    (
        "also behind a rejection",
        doc({"g": approval(to="a") | {"on_reject": "a"}, "a": seq(call("pay", side_effect="irreversible"))}),
        [("CKP-L07", at("a", "steps", 0))],
    ),
    (
        "a way round the approval",
        doc(
            {
                "s": logic(("topic == 'x'", "g"), default="a"),
                "g": approval(to="a"),
                "a": seq(call("pay", side_effect="irreversible")),
            },
            **TOPIC,
        ),
        [("CKP-L07", at("a", "steps", 0))],
    ),
    (
        "approved before the loop",
        doc({"g": approval(to="l"), "l": loop("a"), "a": seq(call("pay", side_effect="irreversible"), to="l")}),
        [],
    ),
    (
        "behind the failure route",
        doc(
            {"g": approval(to="z"), "a": seq(call("pay", side_effect="irreversible"))},
            global_config={"on_failure": "a"},
        ),
        [("CKP-L07", at("a", "steps", 0))],
    ),
    ("prompt that cannot be read", doc({"a": model("{{n}}{% set x %}")}, **CAP), [("CKP412", at("a", "prompt"))]),
    (
        "schema that cannot be read",
        doc(
            {"a": model("{{n}}", output_schema={"type": "x"}, outputs={"o": "json:a"})},
            variables_schema=inputs(n="number"),
            **CAP,
        ),
        [("CKP129", at("a", "output_schema"))],
    ),
    ("no data", doc({"a": model("Tell me a joke.")}, **CAP), [("CKP-L08", at("a"))]),
    (
        "data in an attachment",
        doc({"a": model("Read this.", attachments=[{"type": "text", "source": "topic"}])}, **ASKED),
        [],
    ),
    ("data in the system prompt", doc({"a": model("Go.", system_prompt="{{topic}}")}, **ASKED), []),
    (
        "a stored prompt",
        doc({"a": {"type": "llm_action", "prompt_ref": "greet", "timeout_ms": 1, "next_node": "z"}}, **CAP),
        [],
    ),
    (
        "json without schema",
        doc({"a": model(outputs={"o": "json:a", "p": "$.b"})}, **ASKED),
        [("CKP-L13", at("a", "outputs"))],
    ),
    ("json with schema", doc({"a": model(outputs={"o": "json:a"}, **SCHEMA)}, **ASKED), []),
    (
        "computed from something sensitive",
        doc(
            {"b": op("format_string", template="{{pin}}", output_variable="topic") | {"next_node": "a"}, "a": model()},
            **CAP,
            variables_schema={"pin": {"type": "password", "required": True}},
        ),
        [("CKP-L14", at("a", "prompt"))],
    ),
    (
        "errors are read",
        doc(
            {
                "a": parallel("b", branch_failure="continue", to="c"),
                "b": seq(to="c"),
                "c": logic(("parallel_results.errors is_empty", "z")),
            }
        ),
        [],
    ),
]


@pytest.mark.parametrize(("name", "source", "expected"), CASES, ids=ids(CASES))
def test_advice_is_given_where_it_helps(name, source, expected):
    assert found(source) == expected


def test_many_nodes_are_too_many_to_read():
    def chain(count):
        return {f"n{i}": seq(to=f"n{i + 1}" if i < count - 1 else "z") for i in range(count)}

    assert found(doc(chain(60))) == [("CKP-L09", "/workflow_graph/nodes")]
    assert found(doc(chain(59))) == []


def advice(source):
    """Codes of common advice."""
    return [problem.code for problem in compiled(source).problems]


def test_calls_want_a_limit_and_a_plan_for_failure():
    plan = {"error_handlers": [{"action": "fail"}]}
    assert advice(doc({"a": seq(long_call())})) == ["CKP-L12", "CKP-L11"]
    assert advice(doc({"a": seq(long_call(), timeout_ms=5, **plan)})) == []
    assert advice(doc({"a": seq(long_call(timeout_ms=5), on_error="z")})) == []
    assert advice(doc({"a": seq(long_call(timeout_ms=5))}, global_config={"on_failure": "z"})) == []
    assert advice(doc({"a": seq(step())})) == []
    assert advice(
        doc({"a": {"type": "llm_action", "prompt": "{{topic}}", "next_node": "z", "on_error": "z"}}, **ASKED)
    ) == ["CKP-L11"]


def test_a_transformation_is_no_call():
    assert advice(doc({"a": change("sort", expression="x")}, variables_schema=inputs(rows="array"))) == []
