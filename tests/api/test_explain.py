"""The analysis of a version over REST (CKP 6)."""

import json

import pytest

from procedures.models import ProcedureVersion
from tests.documents import broken, hello
from tests.unit.ckp.compiling import call, doc, seq

URL = "/api/procedures/hello/1.0.0/explain"


@pytest.fixture
def viewer(house, api):
    api(house.operator).post("/api/procedures", {"ckp_json": hello()})
    return api(house.viewer)


def test_a_stored_version_is_explained(viewer):
    answer = viewer.post(URL)
    assert answer.status_code == 200, answer.json()
    body = answer.json()
    assert (body["procedure_id"], body["version"]) == ("hello", "1.0.0")
    assert [node["id"] for node in body["nodes"]] == ["greet", "done"]
    assert {(edge["from"], edge["to"]) for edge in body["edges"]} >= {("greet", "done"), ("done", "__end__")}
    assert [(route["nodes"], route["ends"]) for route in body["routes"]] == [(["greet", "done"], "success")]
    assert body["document_hash"] == ProcedureVersion.system.get().document_hash


def test_inputs_say_what_is_missing(viewer):
    required = hello(variables_schema={"who": {"type": "string", "required": True}})
    asked = viewer.post(URL, {"ckp_json": required, "input_vars": {}}).json()
    assert asked["variables"]["missing_inputs"] == ["who"]
    given = viewer.post(URL, {"ckp_json": required, "input_vars": {"who": "Ada"}}).json()
    assert (given["variables"]["missing_inputs"], given["variables"]["provided"]) == ([], ["who"])


def test_another_document_is_explained_and_not_stored(viewer):
    changed = hello(description="changed")
    body = viewer.post(URL, json.dumps({"ckp_json": changed}), content_type="application/json").json()
    assert body["document_hash"] != ProcedureVersion.system.get().document_hash
    assert ProcedureVersion.system.get().description == ""


def test_errors_are_told_as_older_clients_read_them(viewer):
    answer = viewer.post(URL, {"ckp_json": broken()})
    assert (answer.status_code, answer.json()["code"]) == (422, "compile_failed")
    assert answer.json()["detail"].startswith("IR compilation failed: ")
    assert answer.json()["problems"]


def test_a_document_for_another_address_is_refused(viewer):
    answer = viewer.post(URL, {"ckp_json": hello(version="2.0.0")})
    assert answer.status_code == 422
    assert "CKP104" in [problem["code"] for problem in answer.json()["problems"]]


def test_versions_are_compared(house, api, viewer):
    greeting = hello(version="1.1.0", outputs_schema={"done": {"type": "boolean"}})
    greeting["workflow_graph"]["nodes"]["greet"]["steps"][0]["message"] = "Good day {{ who }}"
    api(house.operator).post("/api/procedures", {"ckp_json": greeting})
    body = viewer.get("/api/procedures/hello/diff?from=1.0.0&to=latest").json()
    assert (body["from"], body["to"], body["identical"]) == ("1.0.0", "1.1.0", False)
    assert "output" in [change["kind"] for change in body["semantic"]]
    assert "Good day" in body["text"]
    assert body["suggested_bump"] == "minor"
    same = viewer.get("/api/procedures/hello/diff?from=1.0.0&to=1.0.0").json()
    assert (same["identical"], same["semantic"]) == (True, [])


def test_diff_needs_two_versions_that_are_there(viewer):
    assert viewer.get("/api/procedures/hello/diff?from=1.0.0").status_code == 422
    assert viewer.get("/api/procedures/hello/diff?from=1.0.0&to=9").status_code == 404
    assert viewer.get("/api/procedures/hello/diff?from=1.0.0&to=1.0.0&x=1").json()["code"] == "unknown_parameter"


def test_a_call_without_time_out_has_that_of_the_installation(viewer, settings):
    settings.ENV = settings.ENV.model_copy(update={"AGENT_TIMEOUT_SECONDS": 5})
    calling = doc({"a": seq(call(timeout_ms=None))}, version="1.0.0") | {"procedure_id": "hello"}
    assert viewer.post(URL, {"ckp_json": calling}).json()["bounds"]["active_ms"]["max"] == 5000
