"""Boxes never overlap, lines run between known boxes, cycles go around."""

import pytest

from procedures.graph.layout import draw
from procedures.graph.model import Group, Link, Node


def nodes(*ids):
    return [Node(key, key, "", "control") for key in ids]


def overlaps(a, b):
    return a.x < b.right and b.x < a.right and a.y < b.bottom and b.y < a.bottom


@pytest.mark.parametrize(
    "edges",
    [
        "ab bc cd",
        "ab ac bd cd",
        "ab ac ad be ce de",
        "ab bc ca cd",
        "ab ac ad ae bf cf df ef af",
        "ab bc cd da ae",
    ],
)
def test_boxes_stay_apart(edges):
    links = [Link(*pair) for pair in edges.split()]
    ids = sorted(set(edges.replace(" ", "")))
    drawing = draw(nodes(*ids), "a", links)
    boxes = list(drawing.boxes)
    assert {box.node.id for box in boxes} == set(ids)
    assert not any(overlaps(a, b) for a in boxes for b in boxes if a is not b)
    assert len(drawing.lines) == len(links)


def test_a_successor_stands_below():
    drawing = draw(nodes("a", "b"), "a", [Link("a", "b")])
    above, below = drawing.boxes
    assert below.y > above.bottom
    assert below.middle == above.middle


def test_a_line_to_an_unknown_node_is_left_out():
    assert draw(nodes("a"), "a", [Link("a", "gone")]).lines == []


def test_a_frame_surrounds_its_members_only():
    links = [Link("a", "b"), Link("b", "c"), Link("c", "b"), Link("b", "d")]
    drawing = draw(nodes("a", "b", "c", "d"), "a", links, [Group("body", frozenset({"c"}))])
    (frame,) = drawing.frames
    inside = next(box for box in drawing.boxes if box.node.id == "c")
    assert frame.x < inside.x
    assert frame.x + frame.width > inside.right


def test_a_long_chain_is_drawn_whole():
    ids = [f"n{number}" for number in range(400)]
    links = [Link(a, b) for a, b in zip(ids, ids[1:], strict=False)]
    assert len(draw(nodes(*ids), "n0", links).boxes) == 400
