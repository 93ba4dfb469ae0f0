"""Inputs of a run: one rule set for forms, API, triggers and children."""

import pytest

from procedures.ckp.document import VariableMeta
from procedures.ckp.inputs import check_inputs, form_fields


def meta(**fields):
    """What is declared of one variable."""
    return VariableMeta.model_validate(fields)


def checked(value, *, from_text=False, **fields):
    """Value and message for one variable `v`."""
    values, errors, _ = check_inputs({"v": meta(**fields)}, {"v": value}, from_text=from_text)
    return values.get("v"), errors.get("v")


@pytest.mark.parametrize(
    ("type_name", "good", "bad"),
    [
        ("string", ["x", "5"], [5, True, ["x"]]),
        ("password", ["x"], [5]),
        ("number", [5, 2.5, -1], ["5", True, [5]]),
        ("integer", [5, 2.0], [2.5, "5", True]),
        ("boolean", [True, False], ["true", 1]),
        ("array", [[1]], [{}, "[1]"]),
        ("object", [{"a": 1}], [[1], "{}"]),
        ("date", ["2026-02-09"], ["2026-02-30", "9.2.2026", "2026-02-09T10:00:00", 5]),
        (
            "datetime",
            ["2026-02-09T10:30:00Z", "2026-02-09T10:30:00+01:00"],
            ["2026-02-09", "soon", "2026-02-09T25:00:00Z", 5],
        ),
        ("file", ["artifact-1", {"artifact_id": "x"}], [5]),
        (None, ["x", 5, [1]], []),
    ],
)
def test_json_values_are_strict(type_name, good, bad):
    kind = {"type": type_name} if type_name else {}
    assert [checked(value, **kind)[1] for value in good] == [None] * len(good)
    assert all("must be" in checked(value, **kind)[1] for value in bad)


@pytest.mark.parametrize(
    ("type_name", "text", "value"),
    [
        ("number", " 2.50 ", 2.5),
        ("number", "1e3", 1000),
        ("integer", "12", 12),
        ("boolean", "true", True),
        ("array", "[1, 2]", [1, 2]),
        ("object", '{"a": 1}', {"a": 1}),
        ("string", " as it is ", " as it is "),
        ("date", "2026-02-09", "2026-02-09"),
        (None, "5", "5"),
    ],
)
def test_texts_are_converted_when_they_read_exactly_as_the_type(type_name, text, value):
    kind = {"type": type_name} if type_name else {}
    assert checked(text, from_text=True, **kind) == (value, None)


@pytest.mark.parametrize(
    ("type_name", "text"),
    [
        ("number", "12,0"),
        ("integer", "1.5"),
        ("boolean", "yes"),
        ("boolean", "TRUE"),
        ("array", "{}"),
        ("object", "nonsense"),
        ("array", "[" * 10_000),
    ],
)
def test_other_texts_are_not(type_name, text):
    assert "must be" in checked(text, from_text=True, type=type_name)[1]


@pytest.mark.parametrize("blank", [None, "", "  "])
def test_what_is_required_may_not_be_blank(blank):
    assert checked(blank, required=True)[1] == "v is required."
    assert checked(blank, required=True, label="Your name")[1] == "Your name is required."
    assert checked(blank, required=True, default=5) == (5, None)


def test_optional_blanks_are_left_out_of_forms_and_kept_in_json():
    schema = {"v": meta(type="number")}
    assert check_inputs(schema, {"v": ""}, from_text=True).values == {}
    assert check_inputs(schema, {"v": None}).values == {"v": None}
    assert check_inputs(schema, {}).values == {}


def test_defaults_are_filled_in_and_rendered():
    schema = {"v": meta(type="string", default="{{today}}"), "w": meta(default=None)}
    assert check_inputs(schema, {}).values == {"v": "{{today}}", "w": None}
    assert check_inputs(schema, {}, render=lambda value: value and "2026-02-09").values["v"] == "2026-02-09"


@pytest.mark.parametrize(
    ("fields", "good", "bad"),
    [
        ({"validation": {"allowed_values": [1, "a"]}}, [1, 1.0, "a"], [True, "1", "b"]),
        ({"validation": {"regex": "[A-Z]{2}"}}, ["AB", 5], ["ABC", "a"]),
        ({"type": "number", "validation": {"min": 2, "max": 3}}, [2, 2.5, 3], [1.9, 4]),
        ({"type": "string", "validation": {"min": 2, "max": 3}}, ["ab", "abc"], ["a", "abcd"]),
        ({"type": "array", "validation": {"min_length": 1, "max_length": 2}}, [[1], [1, 2]], [[], [1, 2, 3]]),
        (
            {"type": "date", "validation": {"min": "2026-01-01", "max": "2026-12-31"}},
            ["2026-06-01"],
            ["2025-12-31", "2027-01-01"],
        ),
        (
            {"type": "datetime", "validation": {"max": "2026-01-01T00:00:00Z"}},
            ["2026-01-01T00:30:00+01:00"],
            ["2026-01-01T00:00:00-01:00"],
        ),
        ({"type": "date", "validation": {"min": "whenever"}}, ["2026-06-01"], []),
        ({"type": "boolean", "validation": {"min": 2}}, [True], []),
        (
            {"schema": {"type": "object", "required": ["a"], "properties": {"a": {"pattern": "^x"}}}},
            [{"a": "xy"}],
            [{}, {"a": "y"}],
        ),
        ({"schema": {"patternProperties": {"^n": {"type": "number"}}}}, [{"n": 1}, {"m": "x"}, 5], [{"n": "x"}]),
    ],
)
def test_constraints_hold(fields, good, bad):
    assert [checked(value, **fields)[1] for value in good] == [None] * len(good)
    assert all(checked(value, **fields)[1] for value in bad)


def test_the_first_failure_of_each_variable_is_told_and_all_variables_together():
    schema = {
        "a": meta(type="number", validation={"min": 3, "allowed_values": [1, 5]}),
        "b": meta(required=True),
        "c": meta(type="string", validation={"max_length": 2}),
    }
    values, errors, unknown = check_inputs(schema, {"a": 2, "c": "long", "d": 1, "e": 2})
    assert values == {}
    assert errors == {
        "a": "a must be one of: 1, 5.",
        "b": "b is required.",
        "c": "c must have at most 2 characters.",
    }
    assert unknown == ["d", "e"]


def test_form_fields_come_in_order_with_their_sections():
    schema = {
        "late": meta(order=2, label="Later", origin="user_lazy"),
        "captured": meta(origin="system_captured"),
        "first_name": meta(order=1, type="string", required=True, validation={"max_length": 5}),
        "plain": meta(default=3, sensitive=True, schema={"type": "number"}),
    }
    fields = form_fields(schema)
    assert [field["name"] for field in fields] == ["first_name", "late", "plain"]
    assert fields[0] == {
        "name": "first_name",
        "type": "string",
        "label": "First name",
        "description": None,
        "required": True,
        "has_default": False,
        "default": None,
        "section": "form",
        "group": None,
        "sensitive": False,
        "examples": [],
        "constraints": {"max_length": 5},
    }
    assert (fields[1]["section"], fields[1]["label"]) == ("more", "Later")
    assert fields[2]["constraints"] == {"schema": {"type": "number"}}
    assert (fields[2]["sensitive"], fields[2]["default"], fields[2]["type"]) == (True, 3, "any")
