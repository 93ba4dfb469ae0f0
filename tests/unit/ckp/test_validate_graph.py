"""The graph: start, targets, reachability, ends, and what loops and branches may hold."""

import pytest

from tests.unit.ckp.compiling import (
    Case,
    approval,
    at,
    call,
    compiled,
    doc,
    found,
    ids,
    inputs,
    logic,
    loop,
    only,
    parallel,
    seq,
    step,
)

N = {"variables_schema": inputs(n="number")}
STOP = {"type": "terminate"}
NEXT = "next_node"

FAULTY: list[Case] = [
    ("start is unknown", doc({"a": seq()}, start="b"), [("CKP202", "/workflow_graph/start_node")]),
    (
        "start is far from any node",
        doc({"alpha": seq()}, start="beginning"),
        [("CKP202", "/workflow_graph/start_node")],
    ),
    ("successor", doc({"a": seq(to="y")}), [("CKP205", at("a", NEXT))]),
    ("on_error", doc({"a": seq(on_error="nowhere")}), [("CKP205", at("a", "on_error"))]),
    (
        "fallback",
        doc({"a": seq(call(), error_handlers=[{"fallback_node": "nowhere"}])}),
        [("CKP205", at("a", "error_handlers", 0, "fallback_node"))],
    ),
    (
        "escalation",
        doc({"a": seq(sla={"max_duration_ms": 5, "escalation_handler": "nowhere"})}),
        [("CKP205", at("a", "sla", "escalation_handler"))],
    ),
    ("on_failure", doc(global_config={"on_failure": "nowhere"}), [("CKP205", "/global_config/on_failure")]),
    ("rule", doc({"a": logic(("n > 1", "nowhere"))}, **N), [("CKP205", at("a", "rules", 0, NEXT))]),
    ("default", doc({"a": logic(("n > 1", "z"), default="nowhere")}, **N), [("CKP205", at("a", "default_next_node"))]),
    (
        "option",
        doc({"a": approval(decision_type="select_option", options=[{"value": "x", NEXT: "nowhere"}])}),
        [("CKP205", at("a", "options", 0, NEXT))],
    ),
    (
        "decider of a node",
        doc({"a": approval(four_eyes={"not_deciders_of": ["nowhere"]})}),
        [("CKP205", at("a", "four_eyes", "not_deciders_of", 0))],
    ),
    (
        "unreached island",
        doc({"a": seq(), "b": seq(to="c"), "c": seq(to="b")}),
        [("CKP206", at("b")), ("CKP206", at("c"))],
    ),
    (
        "no terminate",
        doc({"a": seq(to=None)}, start="a") | {"workflow_graph": {"start_node": "a", "nodes": {"a": seq(to=None)}}},
        [("CKP207", at("a")), ("CKP208", "/workflow_graph")],
    ),
    (
        "endless",
        doc({"a": logic(("n > 1", "b")), "b": seq(to="c"), "c": seq(to="b")}, **N),
        [("CKP209", at("b"))],
    ),
    (
        "endless behind a lead",
        doc({"a": seq(to="b"), "b": seq(to="b")}) | {},
        [("CKP206", at("z")), ("CKP209", at("b"))],
    ),
    (
        "two rounds without exit",
        doc({"a": logic(("n > 1", "b"), ("n > 2", "c")), "b": seq(to="b"), "c": seq(to="c")}, **N),
        [("CKP209", at("b")), ("CKP209", at("c"))],
    ),
    (
        "branch begins at the join",
        doc({"a": parallel("b", "z"), "b": seq()}),
        [("CKP216", at("a", "branches", 1, "start_node"))],
    ),
    ("inner body leaves two loops", doc({"a": loop("b"), "b": loop("c", to="a"), "c": seq(to="z")}) | {}, []),
    (
        "branch that never meets",
        doc({"a": parallel("b", "c"), "b": seq(to="stop"), "stop": STOP, "c": seq()}),
        [("CKP219", at("a", "branches", 0))],
    ),
    (
        "two writers",
        doc(
            {
                "a": parallel("b", "c"),
                "b": seq(step("set_variable", variable="v", value=1)),
                "c": seq(step("set_variable", variable="v", value=2)),
            }
        ),
        [("CKP220", at("a", "branches", 1))],
    ),
    (
        "writer in a loop in a branch",
        doc(
            {
                "a": parallel("b", "c"),
                "b": seq(step("set_variable", variable="v", value=1)),
                "c": loop("d"),
                "d": seq(step("set_variable", variable="v", value=2), to="c"),
            }
        ),
        [("CKP220", at("a", "branches", 1))],
    ),
]

SOUND: list[Case] = [
    (
        "reached by every kind of edge",
        doc(
            {
                "a": seq(
                    call(),
                    to="b",
                    on_error="e1",
                    error_handlers=[{"error_type": "timeout", "fallback_node": "e2"}],
                    sla={"max_duration_ms": 5, "on_breach": "escalate", "escalation_handler": "e3"},
                ),
                "b": approval(
                    on_timeout="e4",
                    due_in="1h",
                    decision_type="select_option",
                    options=[{"value": "x", NEXT: "e5"}],
                    to="c",
                ),
                "c": {
                    "type": "verification",
                    "checks": [{"id": "k", "condition": "n > 1", "on_fail_node": "e6"}],
                    "on_pass": "z",
                    "on_fail": "e7",
                },
                **{f"e{i}": seq() for i in range(1, 9)},
            },
            global_config={"on_failure": "e8"},
            **N,
        ),
        [],
    ),
    (
        "loop with a break and a terminate",
        doc({"l": loop("p"), "p": logic(("n > 1", "z"), ("n > 2", "stop"), default="l"), "stop": STOP}, **N),
        [],
    ),
    (
        "two loops that end at one terminate",
        doc(
            {
                "l": loop("p", to="m"),
                "p": logic(("n > 1", "stop"), default="l"),
                "m": loop("q"),
                "q": logic(("n > 1", "stop"), default="m"),
                "stop": STOP,
            },
            **N,
        ),
        [],
    ),
    (
        "branches that share a node",
        doc({"a": parallel("b", "c"), "b": seq(to="s"), "c": seq(to="s"), "s": seq(step())}),
        [],
    ),
    (
        "null ends iteration and branch",
        doc({"l": loop("p", to="a"), "p": seq(to=None), "a": parallel("b"), "b": seq(to=None)}),
        [],
    ),
    (
        "loop in branch in loop",
        doc(
            {
                "l": loop("a"),
                "a": parallel("m", "c", to="e"),
                "m": loop("n", to="e"),
                "n": seq(to="m"),
                "c": seq(to="e"),
                "e": seq(to="l"),
            }
        ),
        [],
    ),
    (
        "cycle with a way out by on_failure",
        doc({"a": logic(("n > 1", "b")), "b": seq(to="b")}, global_config={"on_failure": "z"}, **N),
        [("CKP-L05", at("b"))],
    ),
]


@pytest.mark.parametrize(("name", "source", "expected"), FAULTY + SOUND, ids=ids(FAULTY + SOUND))
def test_a_graph_is_reported_where_it_is_wrong(name, source, expected):
    assert found(source) == expected


def test_a_misspelt_target_is_the_hint_and_what_it_hides_is_not_reported():
    problem = only("CKP205", doc({"a": seq(to="chekc"), "check": seq()}))
    assert problem.hint == "check"
    assert found(doc({"a": seq(to="chekc"), "check": seq()})) == [("CKP205", at("a", NEXT))]


def test_behind_an_unknown_node_nothing_is_claimed():
    source = doc({"a": {"type": "sequnce", "next_node": "b"}, "b": seq(step(message="{{late}}")), "c": seq()})
    assert found(source) == [("CKP203", at("a", "type"))]


def test_leaving_a_loop_names_both_ways():
    source = doc({"l": loop("p", to="s"), "p": seq(to="t"), "s": seq(to="t"), "t": seq()})
    assert only("CKP218", source).hint == "Go to 'l' (next item) or 's' (leave the loop)."


def test_leaving_a_branch_names_the_join():
    source = doc({"a": parallel("b", to="j"), "b": seq(to="t"), "j": seq(to="t"), "t": seq()})
    assert only("CKP218", source).hint == "Go to 'j', where the branches meet."


def test_a_problem_names_its_node_and_step():
    problem = only("CKP010", doc({"a": seq(step(step_id="s", colour=1))}))
    assert (problem.node_id, problem.step_id, problem.line) == ("a", "s", 13)
    assert problem.as_dict()["docs"].endswith("#ckp010")


def test_text_order_and_line_are_those_of_the_text():
    text = '{"procedure_id": "p",\n "version": "x",\n "workflow_graph": {"start_node": "a", "nodes": {\n  "a": 5}}}'
    problems = compiled(text).problems
    assert [(one.code, one.line, one.column) for one in problems] == [("CKP105", 2, 13), ("CKP012", 4, 8)]
