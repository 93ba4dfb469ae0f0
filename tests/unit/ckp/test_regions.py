"""Regions and edges, as the runtime and the pages see them."""

from procedures.ckp.edges import END, edges
from procedures.ckp.regions import MAIN, regions
from tests.unit.ckp.compiling import approval, call, compiled, doc, inputs, logic, loop, model, parallel, seq

STOP = {"type": "terminate"}


def regions_of(nodes, **root):
    """Members by owner."""
    return {owner: region.members for owner, region in regions(compiled(doc(nodes, **root)).draft).items()}


def ways(nodes, source, **root):
    """Target, kind and condition of the edges of one node."""
    found = edges(compiled(doc(nodes, **root)).draft)
    return [(edge.target or END, edge.kind, edge.condition) for edge in found if edge.source == source]


def test_a_straight_graph_is_one_region():
    assert regions_of({"a": seq(to="b"), "b": seq()}) == {MAIN: ("a", "b", "z")}


def test_bodies_and_branches_are_regions_of_their_owners():
    nodes = {
        "l": loop("p", to="j"),
        "p": parallel("x", "y", to="e"),
        "x": seq(to="e"),
        "y": seq(to="e"),
        "e": seq(to="l"),
        "j": seq(),
    }
    found = regions(compiled(doc(nodes)).draft)
    assert {owner: region.members for owner, region in found.items()} == {
        MAIN: ("l", "j", "z"),
        "l": ("p", "e"),
        "p": ("x", "y"),
    }
    assert (found["p"].entries, found["p"].join, found["p"].enclosing) == (("x", "y"), "e", "l")
    assert (found["l"].enclosing, found[MAIN].enclosing) == (MAIN, None)


def test_the_failure_route_belongs_to_the_main_region():
    found = regions(compiled(doc({"a": seq(), "f": seq()}, global_config={"on_failure": "f"})).draft)
    assert found[MAIN].members == ("a", "f", "z")
    assert found[MAIN].entries == ("a", "f")


def test_a_terminate_belongs_to_every_region_that_reaches_it():
    nodes = {"l": loop("p"), "p": logic(("n > 1", "stop"), default="l"), "stop": STOP}
    assert regions_of(nodes, variables_schema=inputs(n="number")) == {MAIN: ("l", "z"), "l": ("p", "stop")}


def test_an_owner_that_nothing_reaches_has_a_region_too():
    assert regions_of({"a": seq(), "l": loop("p"), "p": seq(to="l")})["l"] == ("p",)


def test_each_type_names_its_edges_in_order():
    nodes = {
        "s": seq(
            call(),
            to="l",
            on_error="e",
            error_handlers=[{"error_type": ["a", "b"], "fallback_node": "f"}, {"fallback_node": "g"}],
        ),
        "l": logic(("n > 1", "a"), (True, "m"), default="v"),
        "a": approval(
            to="z", on_timeout="e", decision_type="select_option", options=["x", {"value": "y", "next_node": "m"}]
        ),
        "m": model(to=None, orchestration_mode=True, branches=["p", {"node": "o"}], default_branch="z"),
        "v": {
            "type": "verification",
            "checks": [{"id": "k", "on_fail_node": "e"}, {"on_fail_node": "f"}],
            "on_pass": "z",
            "on_fail": "g",
            "retry_node": "s",
        },
        "p": parallel("b", to=None),
        "o": loop("c", to="z", sla={"max_duration_ms": 5, "escalation_handler": "e"}),
        **{name: seq() for name in "bcefg"},
    }
    assert ways(nodes, "s") == [
        ("l", "next", None),
        ("f", "error", "fallback:a, b"),
        ("g", "error", "fallback:*"),
        ("e", "error", "on_error"),
    ]
    assert ways(nodes, "l") == [("a", "branch", "n > 1"), ("m", "branch", "true"), ("v", "branch", "default")]
    assert ways(nodes, "a") == [
        ("z", "approval", "approved"),
        ("z", "approval", "rejected"),
        ("e", "approval", "timeout"),
        ("m", "approval", "option:y"),
    ]
    assert ways(nodes, "m") == [("p", "branch", "llm"), ("o", "branch", "llm"), ("z", "branch", "default")]
    assert ways(nodes, "v") == [
        ("z", "branch", "passed"),
        ("g", "branch", "failed"),
        ("e", "branch", "check:k"),
        ("f", "branch", "check:1"),
        ("s", "branch", "retry"),
    ]
    assert ways(nodes, "p") == [("b", "parallel", "branch:b"), (END, "parallel", "parallel_join")]
    assert ways(nodes, "o") == [("c", "loop", "loop_body"), ("z", "loop", "loop_exit"), ("e", "error", "sla")]
    assert ways(nodes, "z") == []


def test_on_failure_leads_from_every_node():
    nodes = {"a": seq(), "f": seq()}
    assert ways(nodes, "a", global_config={"on_failure": "f"})[-1] == ("f", "error", "on_failure")


def test_a_condition_that_is_no_text_is_shown_as_json():
    assert ways({"a": logic((False, "z"), (5, "z"))}, "a")[:2] == [("z", "branch", "false"), ("z", "branch", "5")]
