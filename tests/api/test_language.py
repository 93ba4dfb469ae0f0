"""The language as a service: compile without storing, evaluate, catalogues."""

import json

import pytest
from jsonschema import Draft202012Validator

from procedures.ckp.problems import CATALOGUE
from procedures.models import Procedure
from tests import agents
from tests.documents import broken, hello

COMPILE, EVALUATE = "/api/procedures/compile", "/api/ckp/evaluate"


@pytest.fixture
def operator(house, api):
    return api(house.operator)


def test_compile_says_everything_and_stores_nothing(operator):
    answer = operator.post(COMPILE, {"ckp_json": hello(), "graph": True}).json()
    assert answer["ok"]
    assert (answer["summary"]["nodes"], answer["summary"]["inputs"]) == (2, ["who"])
    assert len(answer["graph"]["nodes"]) == 2
    assert not Procedure.system.exists()


def test_compile_answers_200_for_a_document_with_errors(operator):
    answer = operator.post(COMPILE, {"ckp_json": broken(), "graph": True})
    assert answer.status_code == 200
    body = answer.json()
    assert not body["ok"]
    assert "CKP203" in [problem["code"] for problem in body["problems"]]
    assert body["summary"]["document_hash"] is None


@pytest.mark.parametrize("document", ["not json", 12, [], {}, {"workflow_graph": {"nodes": {"a": 1}}}, {"nodes": [1]}])
def test_compile_survives_anything(operator, document):
    body = operator.post(COMPILE, {"ckp_json": document, "graph": True}).json()
    assert not body["ok"]
    assert body["problems"]


@pytest.mark.parametrize(
    ("asked", "value", "text"),
    [
        ({"expression": "1 + 1"}, 2, "2"),
        ({"expression": "who|upper"}, "ADA", "ADA"),
        ({"expression": "{'a': [1, none]}"}, {"a": [1, None]}, '{"a":[1,null]}'),
        ({"expression": True}, True, "true"),
        ({"template": "{{ 2 }}"}, 2, "2"),
        ({"template": "Hi {{ who }}"}, "Hi ada", "Hi ada"),
        ({"expression": "nobody"}, None, ""),
    ],
)
def test_evaluate(operator, asked, value, text):
    answer = operator.post(EVALUATE, {**asked, "variables": {"who": "ada"}})
    assert answer.status_code == 200, answer.json()
    assert (answer.json()["value"], answer.json()["text"]) == (value, text)


def test_evaluate_tells_what_was_recorded(operator):
    body = operator.post(EVALUATE, {"expression": "nobody.name"}).json()
    assert [(entry["kind"], entry["name"]) for entry in body["recorded"]] == [("undefined_value", "nobody.name")]
    body = operator.post(EVALUATE, {"template": "{{nobody}}"}).json()
    assert [(entry["kind"], entry["name"]) for entry in body["recorded"]] == [("undefined_value", "nobody")]


@pytest.mark.parametrize(("url", "body"), [(COMPILE, {"ckp_json": hello()}), ("/api/procedures", hello())])
def test_a_byte_order_mark_is_no_part_of_the_document(operator, url, body):
    marked = b"\xef\xbb\xbf" + json.dumps(body).encode()
    answer = operator.post(url, marked, content_type="application/json")
    assert answer.status_code in (200, 201), answer.json()


@pytest.mark.parametrize(
    ("expression", "code"),
    [("1 +", "CKP402"), ("x.__class__", "CKP406"), ("nosuch(1)", "CKP407"), ("1 / 0", "expression_error")],
)
def test_evaluate_refuses_with_code_and_place(operator, expression, code):
    answer = operator.post(EVALUATE, {"expression": expression})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == code
    assert isinstance(answer.json()["offset"], int)


def test_evaluate_takes_one_of_two(operator):
    assert operator.post(EVALUATE, {}).status_code == 422
    assert operator.post(EVALUATE, {"expression": "1", "template": "1"}).status_code == 422


def test_catalogues_are_the_compilers_own(house, api):
    approver = api(house.approver)
    assert {entry["code"] for entry in approver.get("/api/ckp/problems").json()} == set(CATALOGUE)
    functions = approver.get("/api/ckp/functions").json()
    assert {"name": "round", "signature": "round(x, digits=0)", "parameters": ["x", "digits"]} in functions["functions"]
    assert "defined" in functions["tests"]
    assert approver.get("/api/ckp/functions?x=1").json()["code"] == "unknown_parameter"


def test_actions_are_ours_the_usual_ones_and_those_that_agents_offer_now(house, api):
    small = agents.SmallAgent(url="http://127.0.0.1:9")
    agents.register(house.tenant, small, "web", "web", capabilities=["dance", {"name": "navigate"}, "*"])
    agents.register(house.tenant, small, "web", "shut", capabilities=["hide"], projects=[house.other_project])
    agents.register(house.elsewhere, small, "web", "far", capabilities=["fly"])
    told = api(house.viewer).get("/api/actions").json()
    assert told["offered"] == ["dance", "hide", "navigate"]
    assert {"set_variable", "notify"} <= set(told["internal"])
    assert "search_email" in told["email"]
    assert api(house.clerk).get("/api/actions").json()["offered"] == ["dance", "navigate"]


def test_the_schema_of_documents_admits_what_the_compiler_stores(house, api):
    viewer = api(house.viewer)
    schema = viewer.get("/api/ckp/schema").json()
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(hello())
    assert not Draft202012Validator(schema).is_valid(broken())
    older = {"procedure_id": "p", "procedure_version": 2, "start_node_id": "s", "nodes": []}
    assert not Draft202012Validator(schema).is_valid(older)
    assert Draft202012Validator(viewer.get("/api/ckp/schema?profile=import").json()).is_valid(older)
    assert viewer.get("/api/ckp/schema?profile=other").status_code == 422
