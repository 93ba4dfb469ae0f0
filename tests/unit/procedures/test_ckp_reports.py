"""What the compiler says, as text, JSON and SARIF."""

import json

import pytest

from procedures import ckp_reports
from procedures.ckp.compile import compile_document
from procedures.ckp.explain import explain
from procedures.ckp_reports import Checked
from procedures.worst_case import most_in_words, spending_in_words
from tests.documents import broken, hello
from tests.unit.ckp.compiling import END, approval, call, doc, inputs, logic, model, seq


def checked(document, name="one.json"):
    return Checked(name, compile_document(json.dumps(document, indent=2)))


def test_text_has_one_line_per_problem_and_one_per_file():
    text = ckp_reports.as_text([checked(broken(), "bad.json"), checked(hello(), "good.json")])
    problem, bad, good = text.splitlines()
    assert problem.startswith("bad.json:14:17: error CKP203 ")
    assert problem.endswith("is not a node type. (sequence)")
    assert (bad, good) == ("bad.json: refused, 1 error, 0 remarks", "good.json: fine, 0 remarks")


def test_json_tells_files_apart():
    bad, good = json.loads(ckp_reports.as_json([checked(broken(), "bad.json"), checked(hello(), "good.json")]))
    assert (bad["file"], bad["ok"], bad["document_hash"]) == ("bad.json", False, None)
    assert [problem["code"] for problem in bad["problems"]] == ["CKP203"]
    assert (good["ok"], good["problems"], len(good["document_hash"])) == (True, [], 64)


def test_sarif_places_results_and_lists_the_rules_that_were_met():
    document = hello() | {"variables_schema": {"unused": {"type": "string"}}}
    report = json.loads(ckp_reports.as_sarif([checked(broken(), "a b.json"), checked(document)], "9.9.9"))
    assert report["version"] == "2.1.0"
    [run] = report["runs"]
    driver = run["tool"]["driver"]
    assert driver["version"] == "9.9.9"
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    first = run["results"][0]
    assert (first["ruleId"], first["level"]) == ("CKP203", "error")
    [place] = first["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "a%20b.json"
    assert place["physicalLocation"]["region"] == {"startLine": 14, "startColumn": 17}
    assert place["logicalLocations"] == [{"fullyQualifiedName": "/workflow_graph/nodes/greet/type"}]
    levels = {result["ruleId"]: result["level"] for result in run["results"]}
    assert levels["CKP126"] == "warning"


def test_sarif_says_info_as_note_and_absolute_paths_as_addresses():
    report = json.loads(ckp_reports.as_sarif([checked(hello() | {"version": "two"}, "/tmp/x.json")], "1"))
    [result] = report["runs"][0]["results"]
    assert (result["ruleId"], result["level"]) == ("CKP105", "note")
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "file:///tmp/x.json"


def test_an_explanation_says_needs_calls_gates_and_routes():
    nodes = {
        "big": logic(("n > 5", "ask"), default="z"),
        "ask": approval("post", timeout_ms=60_000),
        "post": seq(call("post_page", "go", side_effect="write", parameters={"n": "{{n}}"})),
    }
    compiled = compile_document(doc(nodes, variables_schema=inputs(n="number")))
    assert compiled.ok, compiled.problems
    text = ckp_reports.explained_as_text(explain(compiled))
    assert "needs:\n  n\nstill missing:\n  n\nmay be given: nothing" in text
    assert "  post/go: post_page (unbound, write), behind ask" in text
    assert "  success: big →[n > 5] ask →[approved] post → z" in text
    assert "  time at work: at most 1 s" in text


def test_given_inputs_are_not_missing_and_decide_routes():
    nodes = {"big": logic(("n > 5", "a"), default="z"), "a": seq({"action": "log", "message": "big"})}
    compiled = compile_document(doc(nodes, variables_schema=inputs(n="number")))
    text = ckp_reports.explained_as_text(explain(compiled, inputs={"n": 1}))
    assert "still missing: nothing" in text
    assert "routes:\n  success: big →[default] z" in text


@pytest.mark.parametrize(
    ("dimension", "most", "words"),
    [
        ("cost_usd", 0, "none"),
        ("cost_usd", 0.004, "less than $0.01"),
        ("cost_usd", 1234.5, "at most $1,234.50"),
        ("tokens", 12_000, "at most 12,000"),
        ("active_ms", 61_000, "at most 1 min 1 s"),
        ("waiting_ms", 500, "at most 0.5 s"),
    ],
)
def test_a_worst_case_in_words(dimension, most, words):
    assert most_in_words(dimension, {"max": most, "computable": True, "reasons": []}) == words


def test_no_bound_comes_with_its_reason():
    compiled = compile_document(doc({"m": model("Hello {{n}}"), "z": END}, variables_schema=inputs(n="number")))
    said = spending_in_words(explain(compiled)["bounds"])
    assert said[0] == "cost: no bound (no max_tokens at 'm'; no model at 'm')"
