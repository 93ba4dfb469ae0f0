"""Expressions, templates and mappings in their fields: syntax with pointer and offset, secrets, keys."""

import pytest

from procedures.ckp.problems import CATALOGUE
from tests.unit.ckp.compiling import (
    Case,
    approval,
    at,
    call,
    change,
    doc,
    found,
    ids,
    inputs,
    logic,
    loop,
    model,
    only,
    op,
    seq,
    step,
)

N = {"variables_schema": inputs(n="number", s="string", rows="array")}
USED = {"outputs_schema": {"n": {}, "s": {}, "rows": {}}}
LISTED = {"secrets_config": {"secret_references": {"k": "key", "pair": {"key": "p"}}}}


def rule(text):
    """A document with one condition."""
    return doc({"a": logic((text, "z"))}, **N, **USED)


def said(text):
    """A document with one message."""
    return doc({"a": seq(step(message=text))}, **N, **USED)


def secret(**fields):
    """A document with one call that may name secrets."""
    return doc({"a": seq(call(**fields))}, global_config=LISTED)


CONDITION = at("a", "rules", 0, "condition")
MESSAGE = at("a", "steps", 0, "message")

SYNTAX: list[Case] = [
    ("empty", rule(" "), [("CKP401", CONDITION)]),
    ("not closed", said("Hello {{n"), [("CKP401", MESSAGE)]),
    ("syntax", rule("n > "), [("CKP402", CONDITION)]),
    ("one equals sign", rule("n = 1"), [("CKP402", CONDITION)]),
    ("chained words", rule("s contains 'a' contains 'b'"), [("CKP403", CONDITION)]),
    ("too long", rule("n > 1 or " * 2000 + "n"), [("CKP404", CONDITION)]),
    ("not allowed", rule("2 ** n > 1"), [("CKP405", CONDITION)]),
    ("hidden name", rule("n.__class__"), [("CKP406", CONDITION)]),
    ("unknown function", rule("shout(s) == 'A'"), [("CKP407", CONDITION)]),
    ("wrong arguments", rule("round() > 1"), [("CKP408", CONDITION)]),
    ("pattern", rule("regex_match(s, '(?=x)')"), [("CKP409", CONDITION)]),
    ("constant", rule("1 < 2"), [("CKP410", CONDITION)]),
    (
        "tag in a value",
        doc({"a": seq(step("set_variable", variable="v", value="{% if n %}x{{n}}"))}, **N, **USED),
        [("CKP411", at("a", "steps", 0, "value"))],
    ),
    ("tag that is not known", said("{% include 'x' %}"), [("CKP412", MESSAGE)]),
    (
        "key",
        doc({"a": seq(step("set_variable", variable="v", value={"{{n}}": 1}))}, **N, **USED),
        [("CKP413", at("a", "steps", 0, "value", "{{n}}"))],
    ),
    (
        "key of a parameter",
        doc({"a": seq(call(headers={"x-{{n}}": "1"}))}, **N, **USED),
        [("CKP413", at("a", "steps", 0, "headers", "x-{{n}}"))],
    ),
    (
        "name of a parameter",
        doc({"a": seq(call(**{"{{n}}": "1"}))}, **N, **USED),
        [("CKP413", at("a", "steps", 0, "{{n}}"))],
    ),
    (
        "key of the context",
        doc({"a": approval(context_data={"{{n}}": 1})}, **N, **USED),
        [("CKP413", at("a", "context_data", "{{n}}"))],
    ),
    ("older default", said("{{n|none}}"), [("CKP414", MESSAGE)]),
    ("mapping", doc({"a": seq(call(outputs={"v": "jsonpath:a"}))}), [("CKP415", at("a", "steps", 0, "outputs", "v"))]),
    (
        "path",
        doc({"a": change("json_path", expression="a[")}, **N, **USED),
        [("CKP415", at("a", "transformations", 0, "expression"))],
    ),
    (
        "pattern of a mapping",
        doc({"a": seq(call(outputs={"v": "regex: (?=x)"}))}),
        [("CKP409", at("a", "steps", 0, "outputs", "v"))],
    ),
]

FIELDS: list[Case] = [
    ("agent", doc({"a": seq(step("click", timeout_ms=1), agent="{{")}), [("CKP401", at("a", "agent"))]),
    ("time-out", doc({"a": seq(timeout_ms="{{n +}}")}, **N, **USED), [("CKP402", at("a", "timeout_ms"))]),
    (
        "deep in a parameter",
        doc({"a": seq(call(body={"list": [1, {"x": "{{n +}}"}]}))}, **N, **USED),
        [("CKP402", at("a", "steps", 0, "body", "list", 1, "x"))],
    ),
    (
        "iterator",
        doc({"a": loop("b") | {"iterator": "rows +"}, "b": seq(to="a")}, **N, **USED),
        [("CKP402", at("a", "iterator"))],
    ),
    (
        "expression of an operation",
        doc({"a": op("calculate", expression="n +", output_variable="o")}, **N, **USED),
        [("CKP402", at("a", "operations", 0, "expression"))],
    ),
    (
        "template of an operation",
        doc({"a": op("format_string", template="{{n +}}", output_variable="o")}, **N, **USED),
        [("CKP402", at("a", "operations", 0, "template"))],
    ),
    (
        "condition of a filter",
        doc({"a": change("filter", expression="x >")}, **N, **USED),
        [("CKP402", at("a", "transformations", 0, "expression"))],
    ),
    (
        "source of a transformation",
        doc({"a": change("filter", expression="true", source_variable="rows +")}, **N, **USED),
        [("CKP402", at("a", "transformations", 0, "source_variable"))],
    ),
    (
        "prompt",
        doc({"a": model("{{n +}}")}, global_config={"max_cost_usd": 1}, **N, **USED),
        [("CKP402", at("a", "prompt"))],
    ),
    (
        "attachment",
        doc(
            {"a": model("{{s}}", attachments=[{"type": "text", "source": "{{n +}}"}])},
            global_config={"max_cost_usd": 1},
            **N,
            **USED,
        ),
        [("CKP402", at("a", "attachments", 0, "source"))],
    ),
    (
        "approvers",
        doc({"a": approval(approvers={"expression": "n +"})}, **N, **USED),
        [("CKP402", at("a", "approvers", "expression"))],
    ),
    ("due time", doc({"a": approval(due_in="{{n +}}")}, **N, **USED), [("CKP402", at("a", "due_in"))]),
    (
        "metric",
        doc({"a": seq(telemetry={"custom_metrics": ["m", {"name": "k", "value": "n +"}]})}, **N, **USED),
        [("CKP402", at("a", "telemetry", "custom_metrics", 1, "value"))],
    ),
    (
        "output",
        doc({"z": {"type": "terminate", "outputs": {"o": "{{n +}}"}}}, **N, **USED),
        [("CKP402", at("z", "outputs", "o"))],
    ),
    (
        "default",
        doc(variables_schema={"v": {"default": "{{today +}}"}}, outputs_schema={"v": {}}),
        [("CKP402", "/variables_schema/v/default")],
    ),
    (
        "event filter",
        doc(trigger={"type": "event", "event_source": "run_failed", "event_config": {"event_filter": "trigger +"}}),
        [("CKP402", "/trigger/event_config/event_filter")],
    ),
    (
        "in a field without effect",
        doc(
            {"a": seq(step()) | {"type": "logic", "rules": [], "on_error": "{{"} | {"default_next_node": "z"}},
            start="a",
        ),
        [("CKP010", at("a", "steps")), ("CKP015", at("a", "next_node")), ("CKP015", at("a", "on_error"))],
    ),
    (
        "in plain values of tests",
        doc({"a": seq()}, global_config={"test_data_overrides": {"a": "{{x +}}"}}),
        [("CKP111", "/global_config/test_data_overrides")],
    ),
]

DATA: list[Case] = [
    (
        "no function",
        doc({"a": change("aggregate", expression="total(x)")}, **N, **USED),
        [("CKP402", at("a", "transformations", 0, "expression"))],
    ),
    (
        "one name twice",
        doc({"a": change("aggregate", expression="sum(x) as s, avg(x) as s")}, **N, **USED),
        [("CKP402", at("a", "transformations", 0, "expression"))],
    ),
    (
        "groups",
        doc({"a": change("aggregate", expression=["count"], group_by="x..y")}, **N, **USED),
        [("CKP415", at("a", "transformations", 0, "group_by"))],
    ),
    (
        "older form",
        doc({"a": change("aggregate", op="sum", field="x[")}, **N, **USED),
        [("CKP415", at("a", "transformations", 0, "field"))],
    ),
    (
        "order",
        doc({"a": change("sort", expression="vendor, -")}, **N, **USED),
        [("CKP415", at("a", "transformations", 0, "expression"))],
    ),
    ("order by key", doc({"a": change("sort", key="-amount.net")}, **N, **USED), []),
    (
        "keys of a join",
        doc({"a": change("join", expression="id == other.id[", **{"with": "rows"})}, **N, **USED),
        [("CKP415", at("a", "transformations", 0, "expression"))],
    ),
    (
        "pivot",
        doc({"a": op("pivot", source="rows", index="x", columns="y z", values="", output_variable="o")}, **N, **USED),
        [("CKP415", at("a", "operations", 0, "columns")), ("CKP415", at("a", "operations", 0, "values"))],
    ),
    (
        "unique in a step",
        doc({"a": seq(step("unique", source="rows", expression="[", output_variable="o"))}, **N, **USED),
        [("CKP415", at("a", "steps", 0, "expression"))],
    ),
    (
        "key of a digest",
        doc({"a": op("hash", source="s", algorithm="hmac-sha256", output_variable="o")}, **N, **USED),
        [("CKP011", at("a", "operations", 0))],
    ),
    ("plain digest", doc({"a": op("hash", source="s", output_variable="o")}, **N, **USED), []),
]

SECRETS: list[Case] = [
    ("alone", secret(token="{{secrets.k}}"), []),
    ("inside a text", secret(headers={"Authorization": "Bearer {{secrets.pair.user}}"}), []),
    ("in nested parameters", secret(params={"timeout_ms": "{{secrets.k}}"}), []),
    (
        "set aside",
        doc({"a": seq(step("set_variable", variable="v", value="{{secrets.k}}"))}, global_config=LISTED),
        [("CKP310", at("a", "steps", 0, "value"))],
    ),
    ("in a message", doc({"a": seq(step(message="{{secrets.k}}"))}, global_config=LISTED), [("CKP310", MESSAGE)]),
    ("in a condition", doc({"a": logic(("secrets.k == 'x'", "z"))}, global_config=LISTED), [("CKP313", CONDITION)]),
    (
        "in a context",
        doc({"a": approval(context_data={"k": "{{secrets.k}}"})}, global_config=LISTED),
        [("CKP310", at("a", "context_data", "k"))],
    ),
    (
        "in a key",
        doc({"a": seq(call(idempotency_key="{{secrets.k}}"))}, global_config=LISTED),
        [("CKP310", at("a", "steps", 0, "idempotency_key"))],
    ),
    (
        "in an output",
        doc({"z": {"type": "terminate", "outputs": {"o": "{{secrets.k}}"}}}, global_config=LISTED),
        [("CKP310", at("z", "outputs", "o"))],
    ),
    ("filtered", secret(token="{{secrets.k|upper}}"), [("CKP313", at("a", "steps", 0, "token"))]),
    ("without alias", secret(token="{{secrets}}"), [("CKP313", at("a", "steps", 0, "token"))]),
    ("not listed", secret(token="{{secrets.kk}}"), [("CKP311", at("a", "steps", 0, "token"))]),
    (
        "key of an operation",
        doc({"a": op("encrypt", source="x", key_reference="kk", output_variable="o")}, global_config=LISTED),
        [("CKP311", at("a", "operations", 0, "key_reference"))],
    ),
    (
        "key of a step",
        doc(
            {"a": seq(step("hash", source="x", algorithm="hmac-sha256", key_reference="kk", output_variable="o"))},
            global_config=LISTED,
        ),
        [("CKP311", at("a", "steps", 0, "key_reference"))],
    ),
]

KEYS: list[Case] = [
    (
        "attempt",
        doc({"a": seq(call(idempotency_key="{{n}}-{{attempt}}"))}, **N, **USED),
        [("CKP516", at("a", "steps", 0, "idempotency_key"))],
    ),
    (
        "now",
        doc({"a": seq(call(), idempotency_policy={"key": "{{now}}"})}, **N, **USED),
        [("CKP516", at("a", "idempotency_policy", "key"))],
    ),
    ("stable", doc({"a": seq(call(idempotency_policy={"key": "{{n}}", "scope": "global"}))}, **N, **USED), []),
]

ALL = SYNTAX + FIELDS + DATA + SECRETS + KEYS


@pytest.mark.parametrize(("name", "source", "expected"), ALL, ids=ids(ALL))
def test_texts_are_reported_where_they_stand(name, source, expected):
    assert found(source) == expected


def test_the_offset_counts_inside_the_text():
    assert only("CKP402", said("Total: {{ n + }}")).offset is not None
    assert only("CKP310", doc({"a": seq(step(message="My {{secrets.k}}"))}, global_config=LISTED)).offset == 5


def test_hints_come_with_the_texts():
    assert "==" in only("CKP402", rule("n = 1")).hint
    assert only("CKP311", secret(token="{{secrets.kk}}")).hint == "Did you mean 'k'?"


def test_constants_that_are_meant_are_not_reported():
    for text in ("true", " false ", "none"):
        assert found(doc({"a": logic((text, "z"), ("n > 1", "z"))}, **N, **USED))[:1] != [("CKP410", CONDITION)]


def test_all_texts_are_judged_at_once():
    source = doc({"a": logic(("n >", "z"), ("n +", "z"), ("s == ", "z"))}, **N, **USED)
    assert [code for code, _ in found(source)] == ["CKP402"] * 3


def test_every_code_of_the_catalogue_has_a_summary():
    assert all(entry.summary and entry.severity in ("error", "warning", "info") for entry in CATALOGUE.values())
