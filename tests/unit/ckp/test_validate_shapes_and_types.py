"""Keys and types of variables where they are read."""

import pytest

from tests.unit.ckp.compiling import (
    Case,
    at,
    call,
    change,
    doc,
    found,
    ids,
    inputs,
    logic,
    model,
    seq,
    step,
)


def put(name="x", value=1, step_id=None, **fields):
    """A step that sets a variable."""
    return step("set_variable", step_id or f"put_{name}", variable=name, value=value, **fields)


def say(text="{{x}}", **fields):
    """A step that reads."""
    return step(message=text, **fields)


N = {"variables_schema": inputs(n="number")}
SAID = at("c", "steps", 0, "message")
CAPPED = {"global_config": {"max_cost_usd": 1}}
CHECKED = {"type": "verification", "checks": [{"id": "k", "condition": "n > 1"}], "next_node": "c"}

SHAPES: list[Case] = [
    ("of an error", doc({"a": seq(call(), on_error="c"), "c": seq(say("{{error.text}}"))}), [("CKP304", SAID)]),
    ("of telemetry", doc({"c": seq(say("{{telemetry.duration}}"))}), [("CKP304", SAID)]),
    ("of a verification", doc({"a": CHECKED, "c": seq(say("{{verification_result.ok}}"))}, **N), [("CKP304", SAID)]),
    (
        "of an aggregate",
        doc(
            {
                "a": change("aggregate", expression="count, sum(amount.net) as net, avg(x.y)") | {"next_node": "c"},
                "c": seq(say("{{out.count}}{{out.net}}{{out.avg_x_y}}{{out.sum}}")),
            },
            variables_schema=inputs(rows="array"),
        ),
        [("CKP304", SAID)],
    ),
    (
        "of one aggregated item",
        doc(
            {"a": change("aggregate", expression="count") | {"next_node": "c"}, "c": seq(say("{{out.anything}}"))},
            variables_schema=inputs(rows="array"),
        ),
        [],
    ),
    (
        "of an aggregate that cannot be read",
        doc(
            {
                "a": change("aggregate", expression="count, strange(") | {"next_node": "c"},
                "c": seq(say("{{out.anything}}")),
            },
            variables_schema=inputs(rows="array"),
        ),
        [("CKP402", at("a", "transformations", 0, "expression"))],
    ),
    (
        "of an aggregating step",
        doc(
            {
                "a": seq(step("aggregate", source="rows", expression="count, max(a)", output_variable="o"), to="c"),
                "c": seq(say("{{o.min}}")),
            },
            variables_schema=inputs(rows="array"),
        ),
        [("CKP304", SAID)],
    ),
    (
        "of a closed schema",
        doc(
            {"c": seq(say("{{n.a.c}}"))},
            variables_schema={
                "n": {
                    "required": True,
                    "schema": {
                        "additionalProperties": False,
                        "properties": {"a": {"additionalProperties": False, "properties": {"b": {}}}},
                    },
                }
            },
        ),
        [("CKP304", SAID)],
    ),
    (
        "of an open schema",
        doc(
            {"c": seq(say("{{n.a.c}}{{n.list[0].x}}"))},
            variables_schema={"n": {"required": True, "schema": {"properties": {"a": {}}}}},
        ),
        [],
    ),
    (
        "of a model's answer",
        doc(
            {
                "a": model(to="c", output_schema={"additionalProperties": False, "properties": {"a": {}}}),
                "c": seq(say("{{llm_output.b}}")),
            },
            variables_schema=inputs(topic="string"),
            **CAPPED,
        ),
        [("CKP304", SAID)],
    ),
    (
        "written twice",
        doc(
            {
                "a": CHECKED | {"next_node": "b"},
                "b": seq(put("verification_result", {"ok": 1}), to="c"),
                "c": seq(say("{{verification_result.ok}}")),
            },
            **N,
        ),
        [],
    ),
]

TYPES: list[Case] = [
    ("number and text", doc({"a": logic(("n == 'x'", "z"))}, **N), [("CKP305", at("a", "rules", 0, "condition"))]),
    (
        "text and number in order",
        doc({"a": logic(("s > 5", "z"))}, variables_schema=inputs(s="string")),
        [("CKP305", at("a", "rules", 0, "condition"))],
    ),
    (
        "lists have no order",
        doc({"a": logic(("not (n is none or s < s)", "z"))}, variables_schema=inputs(s="array", n="number")),
        [("CKP305", at("a", "rules", 0, "condition"))],
    ),
    ("in a value", doc({"a": seq(put("x", ["{{n == true}}"]))}, **N), [("CKP305", at("a", "steps", 0, "value", 0))]),
    (
        "a key of it may be anything",
        doc(
            {"a": logic(("o.n == 'x' and n == 2.5 and n != null", "z"))},
            variables_schema=inputs(o="object", n="integer"),
        ),
        [],
    ),
    ("written to by others", doc({"b": seq(put("n", "x"), to="a"), "a": logic(("n == 'x'", "z"))}, **N), []),
    ("dates are text", doc({"a": logic(("d < '2026-01-01'", "z"))}, variables_schema=inputs(d="date")), []),
]

ALL = SHAPES + TYPES


@pytest.mark.parametrize(("name", "source", "expected"), ALL, ids=ids(ALL))
def test_reads_are_judged_by_what_is_known_of_the_value(name, source, expected):
    assert found(source) == expected
