"""What is sensitive in a document: what says so, and what is computed from it."""

from typing import Any

import pytest

from procedures.ckp.secrecy import NOTHING_SENSITIVE, Secrecy, secrecy_of
from tests.unit.ckp.compiling import call, change, compiled, doc, loop, model, op, parallel, seq, step

DECLARED = {"variables_schema": {"pw": {"sensitive": True, "required": True}, "rows": {"required": True}}}


def found(nodes: dict[str, Any], **root: Any) -> Secrecy:
    result = compiled(doc(nodes, **(DECLARED | root)))
    assert result.canonical is not None, result.errors
    return secrecy_of(result.canonical)


def put(name: str, value: Any) -> dict[str, Any]:
    return step("set_variable", name, variable=name, value=value)


CASES: list[tuple[str, dict[str, Any], set[str]]] = [
    ("a copy, and a copy of it", {"a": seq(put("b", "{{pw}}!"), put("c", "{{b|upper}}"))}, {"b", "c"}),
    ("an earlier node copies what a later one sets", {"a": seq(put("c", "{{b}}"), put("b", "{{pw}}"))}, {"b", "c"}),
    ("something else", {"a": seq(put("b", "{{rows}}"))}, set()),
    (
        "operations",
        {
            "a": op("calculate", expression="pw|length", output_variable="b") | {"next_node": "c"},
            "c": op("format_string", template="<{{b}}>", output_variable="c") | {"next_node": "d"},
            "d": op("append_to_array", array="d", value="{{c}}"),
        },
        {"b", "c", "d"},
    ),
    ("a transformation", {"a": change("sort", source_variable="pw")}, {"out"}),
    ("an input of a node", {"a": seq(put("b", "{{given}}"), inputs={"given": "{{pw}}"})}, {"given", "b"}),
    (
        "the item of a list",
        {"a": loop("b", iterator="pw", iterator_variable="it", collect_variable="all"), "b": seq(put("c", 1), to="a")},
        {"it", "all", "a_errors"},
    ),
    (
        "what iterations write",
        {"a": loop("b", iterator="rows", collect_variable="all"), "b": seq(put("c", "{{pw}}"), to="a")},
        {"c", "all"},
    ),
    (
        "what is collected instead",
        {
            "a": loop("b", iterator="rows", collect_variable="all", collect="1"),
            "b": seq(put("c", "{{pw}}"), to="a"),
        },
        {"c"},
    ),
    (
        "results of branches",
        {"a": parallel("b", "c"), "b": seq(put("d", "{{pw}}"), to=None), "c": seq(put("e", 1), to=None)},
        {"d", "parallel_results"},
    ),
    (
        "a part of the result of the last step",
        {"a": seq(step("set_variable", "s", variable="b", value={"x": "{{pw}}"}), outputs={"c": "json:x"})},
        {"b", "c"},
    ),
    ("what a recovery sets", {"a": seq(step(), error_handlers=[{"recovery_steps": [put("b", "{{pw}}")]}])}, {"b"}),
    ("what an agent answers", {"a": seq(call(what="{{pw}}", output_variable="b"))}, set()),
    ("what a model answers", {"a": model("{{pw}}", outputs={"b": "text"})}, set()),
]


@pytest.mark.parametrize(("nodes", "names"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_is_computed_from_sensitive_values_is_sensitive(nodes: dict[str, Any], names: set[str]):
    assert found(nodes).names == names | {"pw"}


def test_outputs_and_steps_that_tell_sensitive_values_are_known():
    told = found(
        {
            "a": seq(step("log", "say", message="{{pw}}"), step("log", "hush", message="x"), to="z"),
            "z": {"type": "terminate", "outputs": {"result": "<{{pw}}>", "other": "rows"}},
        }
    )
    assert told == Secrecy(frozenset({"pw"}), frozenset({"result"}), frozenset({("a", "say")}))
    assert told.hidden == {"pw", "result"}


def test_what_is_decrypted_is_sensitive_and_what_is_encrypted_is_not():
    key = {"key_reference": "main"}
    secrets = {"global_config": {"secrets_config": {"secret_references": {"main": "MAIN"}}}}
    steps = [
        step("encrypt", "e", source="{{pw}}", output_variable="closed", **key),
        step("decrypt", "d", source="{{rows}}", output_variable="open", **key),
    ]
    told = found({"a": seq(*steps)}, **secrets)
    assert told == Secrecy(frozenset({"pw", "open"}), frozenset(), frozenset({("a", "d")}))


def test_a_document_without_sensitive_values_has_none():
    assert found({"a": seq(put("b", "{{rows}}"))}, variables_schema={"rows": {"required": True}}) == NOTHING_SENSITIVE
