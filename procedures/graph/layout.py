"""From nodes and links to a drawing: boxes in rows, lines with right angles between the rows."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from procedures.graph.layering import Layered, is_bend, layered
from procedures.graph.model import (
    BOX_HEIGHT,
    BOX_WIDTH,
    COLUMN,
    LANE,
    ROW,
    Box,
    Drawing,
    Frame,
    Group,
    Line,
    Link,
    Node,
)

Point = tuple[float, float]
CORNER = 6.0
FRAME_PAD = 10.0
FRAME_HEAD = 14.0
LETTER = 6.5


def draw(nodes: Sequence[Node], start: str, links: Sequence[Link], groups: Sequence[Group] = ()) -> Drawing:
    """Place every node below `start`. Error links take no part in placing; links between unknown nodes are left out."""
    known = {node.id for node in nodes}
    shown = [link for link in links if link.source in known and link.target in known]
    placing = [link for link in shown if not link.error]
    plan = layered([node.id for node in nodes], start, placing)
    centres = _centres(plan)
    boxes = {node.id: _box(node, centres[node.id]) for node in nodes}
    lines = _lines(shown, plan, centres, boxes)
    frames = [frame for group in groups if (frame := _frame(group, boxes))]
    return _drawing(list(boxes.values()), lines, frames)


def _centres(plan: Layered) -> dict[str, Point]:
    return {
        key: (plan.columns[key] * COLUMN, row * ROW + BOX_HEIGHT / 2)
        for row, keys in enumerate(plan.rows)
        for key in keys
    }


def _box(node: Node, centre: Point) -> Box:
    return Box(node, centre[0] - BOX_WIDTH / 2, centre[1] - BOX_HEIGHT / 2)


def _lines(shown: Sequence[Link], plan: Layered, centres: dict[str, Point], boxes: dict[str, Box]) -> list[Line]:
    lines: list[Line] = []
    lanes = 0
    for link in shown:
        chain = plan.chains.get((link.source, link.target))
        if chain is None:
            lanes += 1
            lines.append(_around(link, boxes, lanes))
        else:
            lines.append(_down(link, chain, centres))
    return lines


def _down(link: Link, chain: Sequence[str], centres: dict[str, Point]) -> Line:
    half = BOX_HEIGHT / 2
    points: list[Point] = []
    for upper, lower in pairwise(chain):
        (x1, y1), (x2, y2) = centres[upper], centres[lower]
        bend = y1 + ROW / 2 + (4 if x1 < x2 else -4 if x1 > x2 else 0)
        begin = y1 if is_bend(upper) else y1 + half
        end = y2 if is_bend(lower) else y2 - half
        points += [(x1, begin), (x1, bend), (x2, bend), (x2, end)]
    at, anchor = _label_place(points)
    return Line(link, _path(points), points[-1], at, anchor, _reach(points))


def _reach(points: Sequence[Point]) -> tuple[float, float]:
    return min(x for x, _ in points), max(x for x, _ in points)


def _label_place(points: Sequence[Point]) -> tuple[Point, str]:
    (x1, _), (_, bend), (x2, _) = points[0], points[1], points[2]
    if x1 == x2:
        return (x1 + 6, bend + 4), "start"
    return (x2 + (-6 if x2 < x1 else 6), bend + 13), "end" if x2 < x1 else "start"


def _around(link: Link, boxes: dict[str, Box], lane: int) -> Line:
    source, target = boxes[link.source], boxes[link.target]
    side = min(box.x for box in boxes.values()) - LANE * lane
    below, above = source.bottom + 10, target.y - 10
    enter = target.middle - 16
    leave = source.middle - 16
    points = [(leave, source.bottom), (leave, below), (side, below), (side, above), (enter, above), (enter, target.y)]
    return Line(link, _path(points), points[-1], (side + 6, above - 4), "start", _reach(points))


def _path(points: Sequence[Point]) -> str:
    corners = _without_straight(points)
    parts = [f"M{_n(corners[0][0])} {_n(corners[0][1])}"]
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        radius = min(CORNER, _length(before, corner) / 2, _length(corner, after) / 2)
        (ax, ay), (bx, by) = _towards(corner, before, radius), _towards(corner, after, radius)
        parts.append(f"L{_n(ax)} {_n(ay)}Q{_n(corner[0])} {_n(corner[1])} {_n(bx)} {_n(by)}")
    parts.append(f"L{_n(corners[-1][0])} {_n(corners[-1][1])}")
    return "".join(parts)


def _without_straight(points: Sequence[Point]) -> list[Point]:
    distinct = [point for before, point in zip([None, *points], points, strict=False) if point != before]
    kept = [distinct[0]]
    for corner, after in pairwise(distinct[1:]):
        straight = kept[-1][0] == corner[0] == after[0] or kept[-1][1] == corner[1] == after[1]
        if not straight:
            kept.append(corner)
    return [*kept, distinct[-1]]


def _length(a: Point, b: Point) -> float:
    return abs(a[0] - b[0]) + abs(a[1] - b[1])


def _towards(start: Point, goal: Point, distance: float) -> Point:
    whole = _length(start, goal) or 1.0
    share = distance / whole
    return start[0] + (goal[0] - start[0]) * share, start[1] + (goal[1] - start[1]) * share


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _frame(group: Group, boxes: dict[str, Box]) -> Frame | None:
    inside = [box for key, box in boxes.items() if key in group.members]
    if not inside:
        return None
    left, right = min(box.x for box in inside) - FRAME_PAD, max(box.right for box in inside) + FRAME_PAD
    top, bottom = min(box.y for box in inside) - FRAME_HEAD, max(box.bottom for box in inside) + FRAME_PAD
    strangers = [box for key, box in boxes.items() if key not in group.members]
    if any(box.right > left and box.x < right and box.bottom > top and box.y < bottom for box in strangers):
        return None
    return Frame(group.label, left, top, right - left, bottom - top)


def _drawing(boxes: list[Box], lines: list[Line], frames: list[Frame]) -> Drawing:
    lefts = [box.x for box in boxes] + [frame.x for frame in frames] + [_edge(line, min) for line in lines]
    rights = [box.right for box in boxes] + [frame.x + frame.width for frame in frames]
    rights += [_edge(line, max) for line in lines]
    left, right = min(lefts) - LANE, max(rights) + LANE
    return Drawing(boxes, lines, frames, left, right - left, max(box.bottom for box in boxes) + LANE * 2)


def _edge(line: Line, outermost: Callable[[float, float], float]) -> float:
    """How far a line with its label reaches to one side."""
    x, length = line.label_at[0], len(line.link.label) * LETTER
    begin = x - length if line.label_anchor == "end" else x
    return outermost(outermost(begin, begin + length), outermost(*line.reach))
