"""Older dialects and names become the canonical form, and each replacement says so."""

import json

import pytest

from procedures.ckp.registry import NothingRegistered
from tests.unit.ckp.compiling import (
    approval,
    at,
    call,
    compiled,
    doc,
    found,
    inputs,
    loop,
    only,
    parallel,
    seq,
    step,
)

LIST = {
    "procedure_id": "p",
    "procedure_version": "1.0.0",
    "start_node_id": "a",
    "nodes": [
        {
            "node_id": "a",
            "node_type": "sequence",
            "steps": [step()],
            "transitions": [{"condition": "always", "target_node_id": "b"}],
        },
        {"node_id": "b", "node_type": "terminate"},
    ],
}
ENTRY = {
    "id": "p",
    "version": 3,
    "entry": "a",
    "nodes": [
        {"id": "a", "type": "sequence", "steps": [step()]},
        {"id": "b", "type": "sequence", "steps": [step()]},
        {"id": "c", "type": "terminate"},
    ],
}
N = {"variables_schema": inputs(n="number")}
READ = "CKP602"


def canonical(source):
    """The canonical form."""
    return compiled(source).canonical


def node(source, node_id="a"):
    """A node in canonical form."""
    return canonical(source)["workflow_graph"]["nodes"][node_id]


def test_the_list_dialect_is_read():
    assert found(LIST) == [("CKP601", "")]
    assert canonical(LIST) == {
        "procedure_id": "p",
        "version": "1.0.0",
        "workflow_graph": {
            "start_node": "a",
            "nodes": {
                "a": {"type": "sequence", "steps": [step()], "next_node": "b"},
                "b": {"type": "terminate"},
            },
        },
    }


def test_the_entry_dialect_is_read_and_follows_its_list():
    assert found(ENTRY) == [
        ("CKP105", "/version"),
        ("CKP601", ""),
        (READ, "/version"),
        ("CKP605", "/nodes/0"),
        ("CKP605", "/nodes/1"),
    ]
    assert node(ENTRY)["next_node"] == "b"
    assert node(ENTRY, "b")["next_node"] == "c"


def test_the_list_is_not_followed_where_an_edge_names_the_next():
    nodes = [
        {"id": "a", "type": "logic", "rules": [{"condition": "n > 1", "next_node": "c"}], "default_next_node": "b"},
        {"id": "b", "type": "sequence", "steps": []},
        {"id": "c", "type": "sequence", "steps": [], "next_node": None},
        {"id": "d", "type": "terminate"},
    ]
    source = {"id": "p", "version": "1.0.0", "entry": "a", "nodes": nodes, **N}
    assert [code for code, _ in found(source) if code == "CKP605"] == []


def test_pointers_point_into_the_text_as_imported():
    text = json.dumps({**LIST, "nodes": [{**LIST["nodes"][0], "timeout": 5}, LIST["nodes"][1]]}, indent=1)
    problem = next(one for one in compiled(text).problems if one.code == "CKP010")
    assert problem.pointer == "/nodes/0/timeout"
    assert text.splitlines()[problem.line - 1].strip() == '"timeout": 5'
    assert problem.node_id == "a"


def test_a_fault_behind_a_renamed_key_points_at_the_alias():
    nodes = [{**LIST["nodes"][0], "transitions": [{"target_node_id": "nowhere"}]}, LIST["nodes"][1]]
    assert only("CKP205", {**LIST, "nodes": nodes}).pointer == "/nodes/0/transitions/0/target_node_id"


def test_conditional_transitions_get_a_routing_node():
    ways = [{"condition": "n > 1", "target": "b"}, {"condition": "always", "target_node_id": "c"}]
    nodes = [
        {**LIST["nodes"][0], "transitions": ways},
        {"node_id": "b", "node_type": "end"},
        {"node_id": "c", "node_type": "end"},
    ]
    source = {**LIST, "nodes": nodes, **N}
    assert found(source) == [
        ("CKP601", ""),
        (READ, "/nodes/1/node_type"),
        (READ, "/nodes/2/node_type"),
        ("CKP606", "/nodes/0/transitions"),
    ]
    assert node(source)["next_node"] == "a__route"
    assert node(source, "a__route") == {
        "type": "logic",
        "rules": [{"condition": "n > 1", "next_node": "b"}],
        "default_next_node": "c",
    }


def test_transitions_of_a_decision_are_its_rules():
    ways = [{"condition": "n > 1", "target": "b"}, {"condition": "", "target": "b"}]
    nodes = [{"node_id": "a", "node_type": "logic", "transitions": ways}, LIST["nodes"][1]]
    source = {**LIST, "nodes": nodes, **N}
    assert node(source) == {
        "type": "logic",
        "rules": [{"condition": "n > 1", "next_node": "b"}],
        "default_next_node": "b",
    }


def test_mixed_dialects_are_read_key_by_key():
    source = {**doc(), "procedure_version": "1.0.0"}
    del source["version"]
    assert found(source) == [(READ, "/procedure_version"), ("CKP608", "")]
    graph = {"start_node_id": "a", "nodes": [{"node_id": "a", "node_type": "terminate"}]}
    mixed = {"procedure_id": "p", "version": "1.0.0", "workflow_graph": graph}
    assert compiled(mixed).ok
    assert ("CKP608", "") in found(mixed)


def test_faults_of_listed_nodes_have_their_place():
    nodes = [*LIST["nodes"], 5, {"node_type": "end"}, {"node_id": "a", "node_type": "end"}]
    assert [entry for entry in found({**LIST, "nodes": nodes}) if entry[0] in ("CKP002", "CKP011", "CKP012")] == [
        ("CKP002", "/nodes/4"),
        ("CKP011", "/nodes/3"),
        ("CKP012", "/nodes/2"),
    ]


def test_two_values_for_one_thing_disagree():
    source = doc({"a": seq(next="b"), "b": seq()})
    assert ("CKP604", at("a", "next")) in found(source)
    assert found(doc({"a": seq(next="z")})) == [(READ, at("a", "next"))]


def retry(**policy):
    """A document with a retry policy on a step."""
    return doc({"a": seq(call(retry_config=policy))})


@pytest.mark.parametrize(
    ("source", "place"),
    [
        (doc({"a": {**approval(), "timeout_minutes": "{{n}}"}}), at("a", "timeout_minutes")),
        (doc({"a": {**approval(), "timeout_minutes": True}}), at("a", "timeout_minutes")),
        (
            doc({"a": seq(step(retry_config={"max_attempts": "often"}))}),
            at("a", "steps", 0, "retry_config/max_attempts"),
        ),
        (doc({"a": parallel("b", wait_all="no"), "b": seq()}), at("a", "wait_all")),
    ],
)
def test_an_alias_of_another_type_is_refused_by_its_own_name(source, place):
    assert found(source) == [("CKP012", place)]


@pytest.mark.parametrize("written", ["2", "1.0", "1.10", "1e3"])
def test_a_number_as_version_is_kept_as_it_is_written(written):
    text = json.dumps(doc() | {"version": "VERSION"}).replace('"VERSION"', written)
    assert canonical(text)["version"] == written
    assert canonical(text.replace('"version"', '"procedure_version"'))["version"] == written


def test_values_are_converted_with_their_names():
    assert node(retry(max_attempts=3, backoff_ms=5, backoff="linear"))["steps"][0]["retry_config"] == {
        "max_retries": 2,
        "base_delay_ms": 5,
        "strategy": "linear",
    }
    assert node(retry(max_attempts="4"))["steps"][0]["retry_config"] == {"max_retries": 3}
    assert node(doc({"a": {**approval(), "timeout_minutes": 1.5}}))["timeout_ms"] == 90_000
    assert node(doc({"a": {**approval(), "timeout_minutes": "30"}}))["timeout_ms"] == 1_800_000
    assert node(doc({"a": approval(decision_type="acknowledge")}))["options"] == ["acknowledged"]
    assert canonical(
        doc(trigger={"type": "event", "event": {"provider": "rabbitmq", "queue": "q", "event_type": ["x"]}})
    )["trigger"] == {
        "type": "event",
        "event_source": "amqp://q",
        "event_config": {"event_type": ["x"]},
    }
    mixed_up = {"type": "loop", "iterator_var": "one", "iterator_variable": "n", "body_node": "b", "next_node": "z"}
    assert (
        node(doc({"a": mixed_up, "b": seq(to="a")}, variables_schema=inputs(n="array")))["iterator_variable"] == "one"
    )


def test_parameters_become_flat_but_for_names_of_fields():
    steps = node(doc({"a": seq(call(params={"url": "x", "timeout_ms": 5, "$top": 1}))}))["steps"]
    assert steps[0]["url"] == "x"
    assert steps[0]["params"] == {"timeout_ms": 5, "$top": 1}
    assert compiled(doc({"a": seq(call(params={"url": "x", "pool": "y"}))})).document.nodes["a"].steps[
        0
    ].parameters == {"url": "x", "pool": "y"}


def test_sections_and_flat_variables_have_one_hash():
    flat = doc(variables_schema={"a": {"required": True}, "b": {}}, outputs_schema={"a": {}, "b": {}})
    parts = doc(variables_schema={"required": {"a": {}}, "optional": {"b": {}}}, outputs_schema={"a": {}, "b": {}})
    assert compiled(flat).document_hash == compiled(parts).document_hash
    assert compiled(flat).source_hash != compiled(parts).source_hash


def test_a_variable_in_both_sections_is_declared_twice():
    source = doc(variables_schema={"required": {"a": {}}, "optional": {"a": {}}}, outputs_schema={"a": {}})
    assert found(source) == [("CKP002", "/variables_schema/optional/a")]


def test_a_level_is_its_group_where_that_exists():
    class Groups(NothingRegistered):
        def has_person(self, kind, name):
            return (kind, name) == ("group", "manager")

    source = doc({"a": approval(approval_level="manager")})
    assert compiled(source, Groups()).canonical["workflow_graph"]["nodes"]["a"]["approvers"] == {"groups": ["manager"]}
    assert node(source)["approvers"] == {"roles": ["approver"]}
    assert node(doc({"a": approval(approval_level="standard")}))["approvers"] == {"roles": ["approver"]}


def test_generated_step_ids_are_legal_and_differ():
    steps = [{"action": "web.click it!", "agent": "WEB"}, {"action": "log", "message": "x"}, step(step_id="log_2")]
    given = [one["step_id"] for one in node(doc({"a": seq(*steps)}))["steps"]]
    assert given == ["web.click_it__1", "log_2_2", "log_2"]
    assert node(doc({"a": seq({"action": ".hidden", "agent": "WEB"})}))["steps"][0]["step_id"] == "_hidden_1"
    single = node(doc({"a": seq(call(compensate_with={"action": "undo", "agent": "WEB"}))}))
    assert single["steps"][0]["compensate_with"]["step_id"] == "undo_1"


def test_null_as_error_rule_is_the_rule():
    operation = {"action": "parse_json", "source": "x", "on_error": None, "output_variable": "o"}
    assert (
        node(doc({"a": {"type": "processing", "operations": [operation], "next_node": "z"}}))["operations"][0][
            "on_error"
        ]
        == "null"
    )


def test_loops_without_mix_up_keep_their_names():
    source = doc({"a": loop("b", iterator_variable="x"), "b": seq(to="a")})
    assert node(source)["iterator_variable"] == "x"


def test_branches_of_a_model_and_of_a_fork_are_edges_too():
    nodes = [
        {"id": "a", "type": "llm_action", "prompt": "x", "orchestration_mode": True, "branches": ["c", {"node": "d"}]},
        {"id": "b", "type": "parallel", "branches": [{"branch_id": "x", "start_node": "e"}]},
        *({"id": name, "type": "sequence", "steps": []} for name in "cde"),
        {"id": "f", "type": "unheard of"},
    ]
    source = {"id": "p", "version": "1.0.0", "entry": "a", "nodes": nodes}
    assert [pointer for code, pointer in found(source) if code == "CKP605"] == ["/nodes/4"]
