"""The analysis of a document before it runs."""

from datetime import UTC, datetime

import pytest

from procedures.ckp.explain import explain
from procedures.ckp.registry import Capability, ModelFacts
from tests.unit.ckp.compiling import approval, call, compiled, doc, inputs, logic, loop, model, op, parallel, seq, step
from tests.unit.ckp.registries import Registered

NOW = datetime(2026, 2, 9, 12, tzinfo=UTC)


def explained(source, registry=None, **given):
    """The analysis of a document."""
    registry = registry or Registered()
    return explain(compiled(source, registry), registry, **given)


def node_of(found, node_id):
    """An explained node."""
    return next(node for node in found["nodes"] if node["id"] == node_id)


def test_a_document_with_errors_has_no_analysis():
    with pytest.raises(ValueError, match="without errors"):
        explained(doc({"a": seq(to="nowhere")}))


def test_identity_comes_first():
    source = doc({"a": seq()})
    found = explained(source)
    assert (found["procedure_id"], found["version"], found["language"]) == ("p", "1.0.0", "1")
    assert found["document_hash"] == compiled(source).document_hash


def test_nodes_say_what_they_read_write_and_do():
    handler = {"error_type": "TimeoutException", "action": "retry", "max_retries": 5, "fallback_node": "z"}
    policy = {"strategy": "fibonacci", "base_delay_ms": 1000, "max_delay_ms": 4000}
    nodes = {
        "a": seq(
            call(
                "post_it",
                step_id="s",
                body="{{n}}",
                output_variable="r",
                retry_config={"max_retries": 2},
                idempotency_policy={"key": "k", "scope": "global"},
            ),
            step("set_variable", step_id="t", variable="m", value="{{r}}"),
            error_handlers=[{**handler, "retry_policy": policy}, {"action": "fail"}],
            sla={"max_duration_ms": 5},
            is_checkpoint=True,
        )
    }
    node = node_of(explained(doc(nodes, variables_schema=inputs(n="number"))), "a")
    assert (node["tier"], node["is_checkpoint"], node["has_side_effects"], node["region"]) == (
        "deterministic",
        True,
        True,
        "",
    )
    assert (node["reads"], node["writes"]) == (["n", "r"], ["m", "r"])
    assert node["sla"] == {"max_duration_ms": 5, "on_breach": "warn"}
    assert node["steps"][0] == {
        "step_id": "s",
        "action": "post_it",
        "timeout_ms": 1000,
        "retry_on_failure": True,
        "output_variable": "r",
        "binding_kind": "unbound",
        "attempts_max": 3,
        "side_effect": "write",
        "idempotency_scope": "global",
    }
    assert (node["steps"][1]["binding_kind"], node["steps"][1]["side_effect"]) == ("internal", "none")
    assert node["error_handlers"][0]["delays_ms"] == [1000, 1000, 2000, 3000, 4000]
    assert node["error_handlers"][1] == {
        "error_type": "*",
        "action": "fail",
        "max_retries": 0,
        "delay_ms": None,
        "fallback_node": None,
        "delays_ms": [],
    }


def test_reads_are_variables_neither_columns_nor_plain_texts():
    rows = {"type": "transform", "source_variable": "rows", "output_variable": "out"}
    nodes = {
        "t": {
            "type": "transform",
            "transformations": [
                {**rows, "type": "filter", "expression": "status == wanted and item.n > index"},
                {**rows, "type": "expression", "expression": "value.length"},
            ],
            "next_node": "c",
        },
        "c": {
            "type": "subflow",
            "procedure_id": "child",
            "version": "1.0.0",
            "input_mapping": {"list": "out", "mode": "fast"},
            "output_mapping": {"total": "sum + 1"},
            "next_node": "z",
        },
        "z": {"type": "terminate", "outputs": {"result": "ok", "rows": "out", "state": "error", "run": "{{run_id}}"}},
    }
    found = explained(doc(nodes, variables_schema=inputs(rows="array", wanted="string")))
    assert [node_of(found, one)["reads"] for one in "tcz"] == [["rows", "wanted"], ["out"], ["out", "run_id"]]


def test_effects_of_other_nodes():
    nodes = {
        "a": op("notify", channel="email", message="x") | {"next_node": "b"},
        "b": seq(call("get_it"), to="c"),
        "c": {"type": "subflow", "procedure_id": "child", "version": "1.0.0", "next_node": "z"},
    }
    found = explained(doc(nodes))
    assert [node_of(found, one)["has_side_effects"] for one in "abcz"] == [True, False, True, False]


def test_edges_lead_to_the_end():
    found = explained(doc({"a": logic(("n > 1", "b")), "b": seq(to=None)}, variables_schema=inputs(n="number")))
    assert found["edges"] == [
        {"from": "a", "to": "b", "condition": "n > 1", "kind": "branch"},
        {"from": "a", "to": "z", "condition": "default", "kind": "branch"},
        {"from": "b", "to": "__end__", "condition": None, "kind": "next"},
        {"from": "z", "to": "__end__", "condition": None, "kind": "next"},
    ]


def test_variables_are_sorted_by_their_part():
    schema = {"a": {"required": True}, "b": {"required": True, "default": 1}, "c": {}, "d": {}}
    source = doc(
        {"s": seq(step(message="{{a}}{{b}}{{c}}"), step("set_variable", step_id="t", variable="x", value=1))},
        variables_schema=schema,
    )
    found = explained(source, inputs={"c": 5, "b": None})["variables"]
    assert found == {
        "schema": schema,
        "required": ["a", "b"],
        "produced": ["x"],
        "missing_inputs": ["a"],
        "provided": ["b", "c"],
        "optional": ["c", "d"],
        "maybe_undefined": [{"name": "c", "pointer": "/workflow_graph/nodes/s/steps/0/message", "path": ["s"]}],
        "never_used": ["d"],
    }


def test_pointers_are_those_of_the_imported_text():
    nodes = [{"id": "a", "type": "sequence", "steps": [step(message="{{c}}")]}, {"id": "z", "type": "terminate"}]
    source = {"id": "p", "version": "1.0.0", "entry": "a", "nodes": nodes, "variables_schema": {"c": {}}}
    assert explained(source)["variables"]["maybe_undefined"][0]["pointer"] == "/nodes/0/steps/0/message"


DECIDED = {
    "a": logic(("n > 5", "b"), ("n > 3", "c"), ("later == 1", "d"), default="e"),
    "b": seq(),
    "c": seq(),
    "d": seq(),
    "e": seq(step("set_variable", variable="later", value=1)),
}


@pytest.mark.parametrize(
    ("given", "taken"),
    [({"n": 9}, "b"), ({"n": 4}, "c"), ({"n": 1}, "de"), (None, "bcde")],
)
def test_rules_over_inputs_are_decided(given, taken):
    source = doc(DECIDED, variables_schema={**inputs(n="number"), "later": {}})
    found = explained(source, inputs=given)
    open_edges = [edge["to"] for edge in found["edges"] if edge["from"] == "a" and edge.get("taken", True)]
    assert open_edges == list(taken)
    assert [route["nodes"][1] for route in found["routes"]] == list(taken)
    marks = {entry["node_id"]: entry.get("taken", True) for entry in found["route_trace"]}
    assert [one for one in "bcde" if marks[one]] == list(taken)


def test_a_rule_that_cannot_be_computed_is_left_open():
    source = doc({"a": logic(("n > 5", "b")), "b": seq()}, variables_schema=inputs(n="number"))
    found = explained(source, inputs={"n": "text"})
    assert [edge for edge in found["edges"] if "taken" in edge] == []


def test_the_trace_goes_breadth_first():
    nodes = {"a": logic(("n > 1", "b"), default="c"), "b": seq(to="d"), "c": seq(), "d": seq()}
    trace = explained(doc(nodes, variables_schema=inputs(n="number")))["route_trace"]
    assert [entry["node_id"] for entry in trace] == ["a", "b", "c", "d", "z"]
    assert trace[0]["next_nodes"] == ["b", "c"]
    assert trace[-1] == {"node_id": "z", "type": "terminate", "next_nodes": ["__end__"], "is_terminal": True}


def test_routes_are_whole_ways():
    nodes = {
        "a": approval(to="l", on_timeout="t", due_in="1h") | {"on_reject": "f"},
        "l": loop("p"),
        "p": parallel("x", "y", to=None),
        "x": seq(call("pay", step_id="s")),
        "y": seq(to=None),
        "f": {"type": "terminate", "status": "failed"},
        "t": seq(to=None),
    }
    nodes["x"]["next_node"] = None
    found = explained(doc(nodes))
    assert [(route["nodes"], route["ends"]) for route in found["routes"]] == [
        (["a", "l", "p", "x", "z"], "success"),
        (["a", "l", "p", "y", "z"], "success"),
        (["a", "l", "z"], "success"),
        (["a", "f"], "failed"),
        (["a", "t"], "__end__"),
    ]
    first = found["routes"][0]
    assert first["edges"] == ["approved", "loop_body", "branch:x", None, None]
    assert (first["id"], first["approvals"], first["external_calls"]) == ("r1", ["a"], ["x/s"])
    assert first["bounds"]["waiting_ms"]["max"] == 3_600_000
    assert not found["routes_truncated"]


def test_a_route_counts_a_loop_once_and_stays_under_the_caps():
    nodes = {"l": loop("b"), "b": seq(call("pay", step_id="s"), to="l")}
    spent = [route["bounds"]["active_ms"]["max"] for route in explained(doc(nodes))["routes"]]
    assert spent == [2000, 2000]
    capped = explained(doc(nodes, global_config={"timeout_ms": 1500}))
    assert [route["bounds"]["active_ms"]["max"] for route in capped["routes"]] == [1500, 1500]


def test_routes_are_cut():
    nodes = {f"n{i}": logic((f"n > {i}", f"a{i}"), default=f"n{i + 1}") for i in range(9)}
    nodes |= {f"a{i}": seq(to=f"n{i + 1}") for i in range(9)} | {"n9": seq()}
    found = explained(doc(nodes, variables_schema=inputs(n="number")))
    assert (len(found["routes"]), found["routes_truncated"]) == (200, True)


def test_calls_say_who_would_carry_them_out():
    offers = {
        ("web", "click"): [Capability("click", ref="web_1"), Capability("click", ref="web_2")],
        ("web", "report"): [Capability("report", kind="workflow", ref="web_1")],
        ("tools", "search"): [Capability("search", binding="mcp_tool", ref="tools/search")],
    }
    registry = Registered(offers=offers, models={"m": ModelFacts("m", 1, 1)})
    nodes = {
        "g": approval(to="a"),
        "a": seq(
            call("click", step_id="s1", required_capability_version=None),
            call("report", step_id="s2", timeout_ms=None),
            call("search", step_id="s3", agent="TOOLS"),
            call("strange", step_id="s4"),
            step("notify", step_id="s5", channel="email", message="x", retry_on_failure=True),
            to="m",
        ),
        "m": model(to="p", model="m", fallback_model="n"),
        "p": {**op("notify", channel="email", message="x"), "next_node": "c"},
        "c": {"type": "subflow", "procedure_id": "child", "version": "^1", "on_failure": "retry", "next_node": "z"},
    }
    source = doc(nodes, variables_schema=inputs(topic="string"), global_config={"max_retries": 1})
    calls = explained(source, registry)["external_calls"]
    shown = [
        (one["ref"], one["binding_kind"], one["binding_ref"], one["candidates"], one["attempts_max"]) for one in calls
    ]
    assert shown == [
        ("a/s1", "agent_http", "web_1", ["web_1", "web_2"], 1),
        ("a/s2", "workflow", "web_1", ["web_1"], 1),
        ("a/s3", "mcp_tool", "tools/search", ["tools/search"], 1),
        ("a/s4", "unbound", None, [], 1),
        ("a/s5", "notify", None, [], 2),
        ("m", "llm", "m", ["m", "n"], 2),
        ("p/notify_1", "notify", "email", [], 1),
        ("c", "subflow", "child", ["child"], 2),
    ]
    assert all(one["gates"] == ["g"] for one in calls)
    assert (calls[0]["agent_hint"], calls[0]["timeout_ms"], calls[0]["side_effect"]) == ("web", 1000, "write")


def test_secrets_subflows_and_triggers_are_listed():
    registry = Registered().add({**doc(), "procedure_id": "child", "version": "1.4.2"})
    source = doc(
        {
            "a": seq(call(token="{{secrets.k}}", other="{{secrets.k}}"), to="c"),
            "c": {"type": "subflow", "procedure_id": "child", "version": "^1.1", "next_node": "d"},
            "d": {
                "type": "subflow",
                "procedure_id": "child",
                "version": "1.4.2",
                "input_mapping": {"x": 1},
                "next_node": "z",
            },
        },
        global_config={"secrets_config": {"secret_references": {"k": {"key": "vault/k"}}}, "timezone": "Europe/Berlin"},
        triggers=[{"type": "scheduled", "schedule": "0 9 * * 1-5"}, {"type": "manual"}],
    )
    found = explained(source, registry, now=NOW)
    assert found["secrets"] == [
        {
            "alias": "k",
            "keys": ["vault/k"],
            "pointers": ["/workflow_graph/nodes/a/steps/0/token", "/workflow_graph/nodes/a/steps/0/other"],
        }
    ]
    assert [(one["node_id"], one["pin"], one["resolved_version"], one["contract"]) for one in found["subflows"]] == [
        ("c", "^1.1", "1.4.2", "ok"),
        ("d", "1.4.2", "1.4.2", "problems"),
    ]
    assert found["triggers"][0]["next_fires"][:2] == ["2026-02-10T09:00:00+01:00", "2026-02-11T09:00:00+01:00"]
    assert (len(found["triggers"][0]["next_fires"]), found["triggers"][1]) == (
        5,
        {"id": "t2", "type": "manual", "next_fires": []},
    )
    assert explained(source, registry)["triggers"][0]["next_fires"] == []


def test_policies_are_summed_up():
    config = {
        "max_retries": 7,
        "timeout_ms": 5,
        "rate_limiting": {"max_requests_per_minute": 3},
        "llm_budget": {"max_tokens_per_run": 9},
    }
    found = explained(doc({"a": seq()}, global_config=config))["policy_summary"]
    assert found["retry"]["max_retries"] == 7
    assert (found["timeout_ms"], found["execution_mode"], found["compensation"]) == (5, "production", "on_failure")
    assert found["rate_limiting"]["max_requests_per_minute"] == 3
    assert found["budget"]["llm_budget"]["max_tokens_per_run"] == 9


def test_problems_stand_at_the_end():
    assert [one["code"] for one in explained(doc(ckp="1", tests=[]))["problems"]] == ["CKP016"]
