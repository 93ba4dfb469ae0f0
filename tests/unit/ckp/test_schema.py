"""The tables as JSON Schema, and as catalogues for editors."""

import copy

import pytest
from jsonschema import Draft202012Validator

from procedures.ckp.actions import ACTIONS
from procedures.ckp.document import NODE_MODELS, Document
from procedures.ckp.fields import table_of
from procedures.ckp.schema import action_catalogue, document_schema, node_catalogue, transformation_catalogue
from tests.unit.ckp.compiling import approval, call, compiled, doc, inputs, logic, loop, model, op, parallel, seq, step
from tests.unit.ckp.test_dialects import ENTRY, LIST

CANONICAL = Draft202012Validator(document_schema())
IMPORT = Draft202012Validator(document_schema("import"))

RICH = doc(
    {
        "a": seq(
            call(wait_ms="{{n}}", retry_config={"max_retries": 2, "jitter": 0.5}, compensate_with=call("undo")),
            to="b",
            sla={"max_duration_ms": 5},
            **{"x-position": {"x": 1, "y": 2}},
        ),
        "b": logic(("n > 1", "c"), (True, "c"), default="c", description=None),
        "c": loop("d", to="e", iterator_variable="x"),
        "d": {"type": "verification", "checks": [{"condition": "n > 1"}], "next_node": "c"},
        "e": parallel("f", to="g"),
        "f": {**op("log", message="x"), "next_node": "g"},
        "g": model(to="h", attachments=[{"type": "text", "source": "topic"}], temperature=0.5),
        "h": approval(to="i", due_in="{{n}}h", escalation=[{"to": {"users": ["u"]}}]),
        "i": {"type": "subflow", "procedure_id": "c", "version": "^1", "input_mapping": {"x": 1}, "next_node": "j"},
        "j": {
            "type": "transform",
            "transformations": [{"type": "sort", "source_variable": "rows", "expression": "x", "output_variable": "o"}],
            "next_node": "z",
        },
        "_note": "free",
    },
    start="a",
    variables_schema={**inputs(n="number", topic="string", rows="array"), "_v": {"schema": {"type": "object"}}},
    global_config={"max_cost_usd": 5, "secrets_config": {"secret_references": {"k": "x", "l": {"key": "y"}}}},
    triggers=[{"type": "scheduled", "schedule": "@daily", "timezone": None}],
    retrieval_metadata={"tags": ["x"], "anything": 1},
)


def faults(validator, source):
    """Places and messages of what a schema refuses."""
    return [("/".join(map(str, error.absolute_path)), error.message[:80]) for error in validator.iter_errors(source)]


def test_both_profiles_are_schemas():
    for profile in ("canonical", "import"):
        Draft202012Validator.check_schema(document_schema(profile))


def test_a_rich_document_fits():
    assert compiled(RICH).ok
    assert faults(CANONICAL, RICH) == []
    assert faults(CANONICAL, compiled(RICH).canonical) == []
    assert faults(IMPORT, RICH) == []


@pytest.mark.parametrize("source", [LIST, ENTRY, RICH])
def test_the_import_profile_takes_older_forms(source):
    assert faults(IMPORT, source) == []
    assert faults(CANONICAL, compiled(source).canonical) == []


def places(value, path=()):
    """Every place below a value."""
    yield path
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(item, (*path, key))


def replaced(source, path, value):
    """A copy with another value at a place, or without it."""
    changed = copy.deepcopy(source)
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    if value is ...:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return changed


def test_what_the_canonical_profile_refuses_the_compiler_refuses():
    refused = 0
    for path in list(places(RICH))[1:]:
        for value in (..., None, 5, -1, True, "text", [], {}, [5], {"a": 5}):
            changed = replaced(RICH, path, value)
            if not CANONICAL.is_valid(changed):
                refused += 1
                made = compiled(changed)
                older = any(problem.code.startswith("CKP60") for problem in made.problems)
                assert older or not made.ok, (path, value, faults(CANONICAL, changed)[:1])
    assert refused > 500


@pytest.mark.parametrize("source", [LIST, ENTRY, RICH])
def test_what_the_import_profile_refuses_the_compiler_refuses(source):
    for path in list(places(source))[1:]:
        for value in (None, 5, "text", [], {}):
            changed = replaced(source, path, value)
            assert IMPORT.is_valid(changed) or not compiled(changed).ok, (path, value, faults(IMPORT, changed)[:1])


def test_null_stands_for_every_block_that_is_not_there():
    absent = dict.fromkeys(table_of(Document).keys() - {"procedure_id", "version", "workflow_graph"})
    source = doc() | absent
    assert compiled(source).ok
    assert faults(CANONICAL, source) == faults(IMPORT, source) == []


def test_catalogues_hold_every_entry():
    assert [entry["type"] for entry in node_catalogue()] == list(NODE_MODELS)
    assert {entry["action"] for entry in action_catalogue()} == set(ACTIONS)
    assert all(entry["summary"] for entry in action_catalogue() + node_catalogue())
    assert {entry["type"] for entry in transformation_catalogue()} >= {"filter", "map", "aggregate", "json_path"}
    sequence = node_catalogue()[0]
    assert sequence["fields"]["required"] == ["steps"]
    assert sequence["tier"] == "deterministic"


def test_fields_without_effect_are_named_apart():
    logic_entry = next(entry for entry in node_catalogue() if entry["type"] == "logic")
    assert "next_node" in logic_entry["without_effect"]
    assert "next_node" not in logic_entry["fields"]["properties"]


def test_a_step_of_every_action_fits_its_catalogue():
    entry = next(entry for entry in action_catalogue() if entry["action"] == "log")
    assert Draft202012Validator(entry["fields"]).is_valid(step())
