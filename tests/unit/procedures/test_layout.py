"""Boxes never overlap, lines run between known boxes, cycles go around."""

from itertools import pairwise

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
    links = [Link(a, b) for a, b in pairwise(ids)]
    assert len(draw(nodes(*ids), "n0", links).boxes) == 400


def test_nobody_stands_between_the_members_of_a_loop():
    links = [Link(*pair) for pair in ("ab", "bc", "cd", "ce", "bx", "xy", "yz")]
    body = frozenset("cde")
    drawing = draw(nodes(*"abcdexyz"), "a", links, [Group("body", body)])
    (frame,) = drawing.frames
    strangers = [box for box in drawing.boxes if box.node.id not in body]
    beside = [box for box in strangers if box.bottom > frame.y and box.y < frame.y + frame.height]
    assert beside
    assert all(box.x > frame.x + frame.width or box.right < frame.x for box in beside)


def test_lines_back_to_one_node_share_a_lane_and_a_label():
    links = [Link("a", "b"), Link("b", "c"), Link("b", "d"), Link("c", "a", "next"), Link("d", "a", "next")]
    drawing = draw(nodes("a", "b", "c", "d"), "a", links)
    back = [line for line in drawing.lines if line.link.target == "a"]
    assert sorted(line.label for line in back) == ["", "next"]
    assert len({line.reach[0] for line in back}) == 1
    assert back[0].reach[0] < min(box.x for box in drawing.boxes)


def test_a_line_that_passes_rows_runs_straight():
    links = [Link("a", "b"), Link("b", "c"), Link("c", "d"), Link("d", "e"), Link("a", "e")]
    drawing = draw(nodes("a", "b", "c", "d", "e"), "a", links)
    long = next(line for line in drawing.lines if (line.link.source, line.link.target) == ("a", "e"))
    assert long.path.count("Q") == 4, "out of the column once, and back once"


def test_the_drawing_has_room_for_every_line_and_frame():
    links = [Link("a", "b"), Link("b", "a", "next")]
    drawing = draw(nodes("a", "b"), "a", links, [Group("body", frozenset({"b"}))])
    (frame,) = drawing.frames
    assert drawing.left < min(frame.x, *(line.reach[0] for line in drawing.lines))
    assert frame.y + frame.height < drawing.height


def test_what_only_failures_lead_to_stands_at_the_end():
    links = [Link("a", "b"), Link("b", "c"), Link("a", "mend", error=True), Link("mend", "lost")]
    rows = {box.node.id: box.y for box in draw(nodes("a", "b", "c", "mend", "lost"), "a", links).boxes}
    assert rows["lost"] == rows["c"]
    assert rows["mend"] == rows["b"]


def test_a_handler_that_leads_back_stays_above_where_it_leads():
    links = [Link("a", "b"), Link("b", "c"), Link("mend", "b")]
    rows = {box.node.id: box.y for box in draw(nodes("a", "b", "c", "mend"), "a", links).boxes}
    assert rows["mend"] < rows["b"]
