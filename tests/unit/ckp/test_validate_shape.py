"""Fields: unknown, missing, of the wrong type, out of range, idle, templated where nothing is rendered."""

import pytest

from procedures.ckp.compile import compile_document
from procedures.ckp.document import NODE_MODELS
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
    model,
    only,
    op,
    seq,
    step,
)

ROWS = {"variables_schema": inputs(rows="array")}

FAULTY: list[Case] = [
    ("unknown root field", doc(varables_schema={}), [("CKP010", "/varables_schema")]),
    (
        "unknown operation field",
        doc({"a": op("log", message="x", url="x")}),
        [("CKP010", at("a", "operations", 0, "url"))],
    ),
    (
        "nested parameter of an internal action",
        doc({"a": seq(step(params={"step_id": "x"}))}),
        [("CKP010", at("a", "steps", 0, "params", "step_id"))],
    ),
    (
        "missing identity",
        {"workflow_graph": {"start_node": "z", "nodes": {"z": {"type": "terminate"}}}},
        [("CKP011", ""), ("CKP011", "")],
    ),
    ("log of nothing", doc({"a": seq({"step_id": "s", "action": "log"})}), [("CKP011", at("a", "steps", 0))]),
    (
        "operation without action",
        doc({"a": {"type": "processing", "operations": [{}], "next_node": "z"}}),
        [("CKP011", at("a", "operations", 0))],
    ),
    (
        "transformation without type",
        doc({"a": {"type": "transform", "transformations": [{"output_variable": "o"}], "next_node": "z"}}),
        [("CKP011", at("a", "transformations", 0))],
    ),
    (
        "join with nothing",
        doc({"a": change("join", expression="k")}, **ROWS),
        [("CKP011", at("a", "transformations", 0))],
    ),
    ("steps are no list", doc({"a": seq() | {"steps": {}}}), [("CKP012", at("a", "steps"))]),
    ("a number as text", doc({"a": seq(timeout_ms="soon")}), [("CKP012", at("a", "timeout_ms"))]),
    ("a form is no schema of an object", doc({"a": approval(form=True)}), [("CKP012", at("a", "form"))]),
    ("a node is no object", doc({"a": 1}, start="z"), [("CKP012", at("a"))]),
    (
        "nodes are text",
        {"procedure_id": "p", "version": "1.0.0", "workflow_graph": {"start_node": "a", "nodes": "a"}},
        [("CKP012", "/workflow_graph/nodes")],
    ),
    ("type is no text", doc({"a": {"type": 5}}), [("CKP012", at("a", "type"))]),
    ("a choice that does not exist", doc({"a": seq(dispatch_mode="later")}), [("CKP013", at("a", "dispatch_mode"))]),
    ("a day that does not exist", doc(effective_date="2026-02-30"), [("CKP013", "/effective_date")]),
    ("no duration", doc({"a": approval(due_in="soon")}), [("CKP013", at("a", "due_in"))]),
    (
        "no transformation",
        doc({"a": change("filtr", expression="true")}, **ROWS),
        [("CKP013", at("a", "transformations", 0, "type"))],
    ),
    ("negative", doc({"a": seq(step(wait_ms=-1))}), [("CKP014", at("a", "steps", 0, "wait_ms"))]),
    ("too long a duration", doc({"a": approval(due_in="400d")}), [("CKP014", at("a", "due_in"))]),
    (
        "placeholder in a number",
        doc(global_config={"max_retries": "{{n}}"}),
        [("CKP017", "/global_config/max_retries")],
    ),
    ("placeholder in a flag", doc({"a": seq(is_checkpoint="{{x}}")}), [("CKP017", at("a", "is_checkpoint"))]),
    ("placeholder in a choice", doc({"a": seq(dispatch_mode="{{x}}")}), [("CKP017", at("a", "dispatch_mode"))]),
    ("placeholder in an id", doc({"a": seq(step(step_id="{{x}}"))}), [("CKP017", at("a", "steps", 0, "step_id"))]),
    ("placeholder in a target", doc({"a": seq(to="{{x}}", on_error="z")}), [("CKP017", at("a", "next_node"))]),
    (
        "placeholder in a name",
        doc({"a": seq(step("generate_id", output_variable="{{x}}"))}),
        [("CKP017", at("a", "steps", 0, "output_variable"))],
    ),
    ("placeholder in a time zone", doc(global_config={"timezone": "{{x}}"}), [("CKP017", "/global_config/timezone")]),
    ("unknown time zone", doc(global_config={"timezone": "Mars/Olympus"}), [("CKP113", "/global_config/timezone")]),
    ("bad node id", doc({"a b": seq()}, start="z"), [("CKP120", at("a b"))]),
    ("bad step id", doc({"a": seq(step(step_id="ä"))}), [("CKP120", at("a", "steps", 0, "step_id"))]),
    (
        "bad path below a variable",
        doc({"a": seq(step("set_variable", variable="a..b", value=1))}),
        [("CKP120", at("a", "steps", 0, "variable"))],
    ),
    ("reserved variable", doc(variables_schema={"today": {}}), [("CKP121", "/variables_schema/today")]),
    (
        "reserved result",
        doc({"a": seq(step("generate_id", output_variable="error"))}),
        [("CKP121", at("a", "steps", 0, "output_variable"))],
    ),
    (
        "pattern of a variable",
        doc(variables_schema={"v": {"validation": {"regex": "(?=x)"}}}, outputs_schema={"v": {}}),
        [("CKP123", "/variables_schema/v/validation/regex")],
    ),
    (
        "invalid schema",
        doc(variables_schema={"v": {"schema": {"type": "strange"}}}, outputs_schema={"v": {}}),
        [("CKP129", "/variables_schema/v/schema")],
    ),
    (
        "external reference",
        doc(variables_schema={"v": {"schema": {"$ref": "https://x.example/s"}}}, outputs_schema={"v": {}}),
        [("CKP129", "/variables_schema/v/schema")],
    ),
    (
        "pattern in a schema",
        doc(variables_schema={"v": {"schema": {"pattern": "(?=x)"}}}, outputs_schema={"v": {}}),
        [("CKP129", "/variables_schema/v/schema")],
    ),
    (
        "no nodes",
        {"procedure_id": "p", "version": "1.0.0", "workflow_graph": {"start_node": "a", "nodes": {}}},
        [("CKP201", "/workflow_graph")],
    ),
    ("unknown type", doc({"a": {"type": "sequnce", "steps": [{}]}}), [("CKP203", at("a", "type"))]),
    ("planner", doc({"a": {"type": "planner"}}), [("CKP204", at("a", "type"))]),
    (
        "pattern of an operation",
        doc({"a": op("extract_regex", source="x", pattern="(?=x)", output_variable="o")}),
        [("CKP409", at("a", "operations", 0, "pattern"))],
    ),
    ("free text", doc(description="about {{x}}"), [("CKP411", "/description")]),
    ("unknown operation", doc({"a": op("parse_jsn", source="x")}), [("CKP504", at("a", "operations", 0, "action"))]),
    ("wait in operations", doc({"a": op("wait", duration="5s")}), [("CKP222", at("a", "operations", 0, "action"))]),
    ("too many rules", doc({"a": logic(*[("true", "z")] * 501)}), [("CKP007", at("a", "rules"))]),
    (
        "too many nodes",
        doc({f"n{i}": {"type": "terminate"} for i in range(5000)}, start="z"),
        [("CKP007", "/workflow_graph/nodes")],
    ),
]

IDLE: list[Case] = [
    (
        "successor of a decision",
        doc({"a": logic(("1 > x", "z"), next_node="z")}, variables_schema=inputs(x="number")),
        [("CKP015", at("a", "next_node"))],
    ),
    (
        "agent without steps",
        doc({"a": logic(("1 > x", "z"), agent="WEB")}, variables_schema=inputs(x="number")),
        [("CKP015", at("a", "agent"))],
    ),
    (
        "error actions of a success",
        doc({"z": {"type": "terminate", "error_actions": [step()]}}),
        [("CKP015", at("z", "error_actions"))],
    ),
    (
        "block of another trigger",
        doc(trigger={"type": "manual", "schedule": "* * * * *"}),
        [("CKP015", "/trigger/schedule")],
    ),
    (
        "option of another provider",
        doc(global_config={"secrets_config": {"provider": "env", "role_id": "r"}}),
        [("CKP015", "/global_config/secrets_config/role_id")],
    ),
    (
        "repair of plain text",
        doc(
            {"a": model(repair={"max_attempts": 1})},
            global_config={"max_cost_usd": 1},
            variables_schema=inputs(topic="string"),
        ),
        [("CKP015", at("a", "repair"))],
    ),
    (
        "item without a list",
        doc(
            {
                "a": {
                    "type": "loop",
                    "until": "done",
                    "max_iterations": 3,
                    "iterator_variable": "x",
                    "body_node": "b",
                    "next_node": "z",
                },
                "b": seq(to="a"),
            },
            variables_schema=inputs(done="boolean"),
        ),
        [("CKP015", at("a", "iterator_variable"))],
    ),
    (
        "retry of a child that is not",
        doc(
            {
                "a": {
                    "type": "subflow",
                    "procedure_id": "c",
                    "version": "1.0.0",
                    "retry": {"max_retries": 1},
                    "next_node": "z",
                }
            }
        ),
        [("CKP015", at("a", "retry"))],
    ),
    (
        "two ways to pass",
        doc(
            {"a": {"type": "verification", "checks": [{"condition": "x > 1"}], "on_pass": "z", "next_node": "z"}},
            variables_schema=inputs(x="number"),
        ),
        [("CKP015", at("a", "next_node"))],
    ),
    ("options of a yes or no", doc({"a": approval(options=["x"])}), [("CKP015", at("a", "options"))]),
    ("form of a yes or no", doc({"a": approval(form={"type": "object"})}), [("CKP015", at("a", "form"))]),
]


@pytest.mark.parametrize(("name", "source", "expected"), FAULTY + IDLE, ids=ids(FAULTY + IDLE))
def test_a_faulty_field_is_reported_once(name, source, expected):
    assert found(source) == expected


def test_every_node_type_takes_all_its_fields_empty():
    for type_name in NODE_MODELS:
        source = doc({"a": {"type": type_name, "is_checkpoint": None, "description": None}}, start="z")
        assert "CKP012" not in {problem.code for problem in compiled(source).problems}


def test_hints_name_what_was_meant():
    assert only("CKP010", doc({"a": seq(descripton="x")})).hint == "Did you mean 'description'?"
    assert only("CKP013", doc({"a": seq(dispatch_mode="asnc")})).hint == "Did you mean 'async'?"
    assert only("CKP203", doc({"a": {"type": "logc"}})).hint == "logic"
    assert only("CKP504", doc({"a": op("parse_jsn", source="x")})).hint == "Did you mean 'parse_json'?"


def test_notes_stand_anywhere_and_change_no_hash():
    plain = doc({"a": seq(step())})
    noted = doc(
        {"_group": "later", "a": seq({**step(), "_why": "x"}, **{"x-position": {"x": 1, "y": 2}, "$comment": 5})},
        start="a",
        _owner="me",
    )
    assert found(noted) == []
    assert compiled(noted).document_hash == compiled(plain).document_hash
    assert compiled(noted).canonical["workflow_graph"]["nodes"]["a"]["x-position"] == {"x": 1, "y": 2}


def test_names_that_look_like_notes_are_names_where_a_map_holds_them():
    source = doc({"_a": seq(step("set_variable", variable="_v", value=1))}, variables_schema={"_v": {"type": "number"}})
    assert found(source) == []
    assert list(compiled(source).document.nodes) == ["_a", "z"]


def test_numbers_may_be_text_that_reads_as_one_and_templates_stay():
    source = doc({"a": seq(timeout_ms="{{n}}", **{"retry": {"multiplier": 2.0}})}, variables_schema=inputs(n="number"))
    assert found(source) == []
    assert compiled(source).document.nodes["a"].timeout_ms == "{{n}}"
    assert compiled(doc({"a": seq(timeout_ms="50")})).document.nodes["a"].timeout_ms == 50
    assert compiled(source).canonical["workflow_graph"]["nodes"]["a"]["retry"]["multiplier"] == 2


def test_null_means_absent_where_a_field_is_optional():
    source = doc({"a": seq(description=None, sla=None)}, name=None)
    assert found(source) == []
    assert "name" not in compiled(source).canonical


def test_one_cause_is_one_problem():
    source = doc({"a": {"type": "sequnce", "steps": [{"nonsense": 1}], "next_node": "nowhere"}})
    assert found(source) == [("CKP203", at("a", "type"))]


def test_faulty_entries_keep_the_places_of_the_others():
    steps = [5, step(colour="red"), call("click", params={"x": 1})]
    assert found(doc({"a": seq(*steps)})) == [
        ("CKP010", at("a", "steps", 1, "colour")),
        ("CKP012", at("a", "steps", 0)),
    ]


def test_a_list_too_long_is_not_looked_into():
    many = [step(step_id=f"s{i}", nonsense=1) for i in range(1001)]
    assert found(doc({"a": seq(*many)})) == [("CKP007", at("a", "steps"))]


def test_credentials_are_refused():
    source = doc(global_config={"secrets_config": {"provider": "vault", "vault_token": "s.123"}})
    assert found(source) == [("CKP115", "/global_config/secrets_config/vault_token")]


def test_an_installation_may_allow_fewer_nodes():
    problems = compile_document(doc({"a": seq()}), most_nodes=1).problems
    assert [(one.code, one.pointer) for one in problems] == [("CKP007", "/workflow_graph/nodes")]
