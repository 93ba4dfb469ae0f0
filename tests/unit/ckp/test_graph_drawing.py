"""The graph as data for drawing."""

from procedures.ckp.graph import graph, positions_of
from tests.unit.ckp.compiling import approval, call, compiled, doc, inputs, logic, loop, op, seq, step

N = {"variables_schema": inputs(n="number")}


def drawn(source):
    """The graph of a document, with its author's positions."""
    made = compiled(source)
    return graph(made.draft, positions_of(made.canonical))


def node_of(found, node_id):
    """A drawn node."""
    return next(node for node in found["nodes"] if node["id"] == node_id)


def test_nodes_carry_what_a_page_shows():
    nodes = {
        "open_case": seq(step(), call(), description="", agent="WEB"),
        "ask.me": approval(description="Ask the boss"),
    }
    found = drawn(doc({**nodes, "open_case": {**nodes["open_case"], "next_node": "ask.me"}}))
    assert node_of(found, "open_case") == {
        "id": "open_case",
        "type": "sequence",
        "position": {"x": 0, "y": 0},
        "data": {
            "label": "Open case",
            "description": "",
            "nodeType": "sequence",
            "tier": "deterministic",
            "agent": "WEB",
            "color": "#2563eb",
            "isStart": True,
            "stepCount": 2,
            "isEnd": False,
            "region": "",
        },
    }
    assert node_of(found, "ask.me")["data"]["label"] == "Ask the boss"
    assert node_of(found, "ask.me")["data"]["color"] == "#ea580c"
    assert node_of(found, "z")["data"]["isEnd"] is True


def test_edges_are_labelled_and_numbered():
    nodes = {
        "a": logic(("n > 1 and " * 5 + "n", "b"), default="l"),
        "b": approval(to="l", on_timeout="z", due_in="1h"),
        "l": loop("p"),
        "p": seq(to="s"),
        "s": {"type": "subflow", "procedure_id": "child", "version": "1.0.0", "next_node": "l"},
    }
    found = drawn(doc(nodes, **N))
    labels = {(edge["source"], edge["target"]): edge["label"] for edge in found["edges"]}
    assert labels["a", "b"] == ("n > 1 and " * 4)[:39] + "…"
    assert labels["b", "l"] == "approve"
    assert labels["l", "p"] == "loop body"
    assert labels["s", "l"] == "runs child"
    assert labels["p", "s"] == ""
    assert [edge["id"] for edge in found["edges"]] == [f"e{index}" for index in range(len(found["edges"]))]
    assert [edge["source"] for edge in found["edges"] if edge["animated"]] == ["l"]
    assert node_of(found, "p")["data"]["region"] == "l"


def test_layers_go_right_and_rows_down():
    nodes = {"a": logic(("n > 1", "b"), default="c"), "b": seq(), "c": seq(), "lost": seq()}
    places = {node["id"]: (node["position"]["x"], node["position"]["y"]) for node in drawn(doc(nodes, **N))["nodes"]}
    assert places == {"a": (0, 0), "b": (280, 0), "c": (280, 120), "z": (560, 0), "lost": (840, 0)}


def test_positions_of_authors_win_where_they_can_be_read():
    nodes = {"a": seq(**{"x-position": {"x": 7, "y": 9.5}}), "z": {"type": "terminate", "x-position": "left"}}
    found = drawn(doc(nodes))
    assert node_of(found, "a")["position"] == {"x": 7, "y": 9.5}
    assert node_of(found, "z")["position"] == {"x": 280, "y": 0}


def test_the_failure_route_is_one_dashed_edge():
    found = drawn(doc({"a": seq(to="b"), "b": seq(), "f": seq()}, global_config={"on_failure": "f"}))
    assert [(edge["source"], edge["target"]) for edge in found["edges"] if edge["kind"] == "error"] == [("a", "f")]


def test_a_document_with_errors_is_drawn_as_far_as_it_goes():
    found = drawn(doc({"a": seq(to="nowhere"), "b": {"type": "strange"}, "c": op("log", message="x")}, start="nowhere"))
    assert [node["id"] for node in found["nodes"]] == ["a", "c", "z"]
    assert [(edge["source"], edge["target"]) for edge in found["edges"]] == [("c", "z")]
