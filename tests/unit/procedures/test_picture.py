"""The picture of a procedure: which lines lead where, also where the document leaves that unsaid."""

from procedures.graph.picture import picture
from tests.unit.ckp.compiling import compiled, doc, inputs, logic, loop, parallel, seq


def ways(nodes):
    """What the list beside a drawing says of each node, from top to bottom."""
    made = compiled(doc(nodes, variables_schema=inputs(n="number")))
    assert made.document is not None, made.errors
    return [(listed.pictured.box.node.id, *listed.ways) for listed in picture(made.document).listed()]


def test_a_branch_without_successor_leads_to_the_join():
    assert ways({"p": parallel("x", "y", to="j"), "x": seq(to=None), "y": seq(to="j"), "j": seq()}) == [
        ("p", "x → X", "y → Y"),
        ("x", "→ J"),
        ("y", "→ J"),
        ("j", "→ Z"),
        ("z",),
    ]


def test_an_iteration_without_successor_leads_back_to_its_loop():
    nodes = {
        "l": loop("c"),
        "c": logic(("n > 1", "i"), default="l"),
        "i": loop("b", to=None),
        "b": parallel("x", to="e"),
        "x": seq(to=None),
        "e": seq(to=None),
    }
    assert {node_id: listed for node_id, *listed in ways(nodes)} == {
        "l": ["each → C", "when all are done → Z"],
        "c": ["n > 1 → I", "else → L"],
        "i": ["each → B", "next → L"],
        "b": ["x → X"],
        "x": ["→ E"],
        "e": ["next → I"],
        "z": [],
    }
