"""From nodes and links to a drawing: boxes in rows, lines with right angles between the rows."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

from procedures.graph.layering import Layered, is_bend, layered
from procedures.graph.model import (
    BOX_HEIGHT,
    BOX_WIDTH,
    COLUMN,
    HEADROOM,
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
GAP = 10.0
FRAME_PAD = 10.0
FRAME_SIDE = LANE + FRAME_PAD
FRAME_HEAD = 19.0
LETTER = 6.5


def draw(nodes: Sequence[Node], start: str, links: Sequence[Link], groups: Sequence[Group] = ()) -> Drawing:
    """Place every node below `start`. Error links take no part in placing; links between unknown nodes are left out."""
    known = {node.id for node in nodes}
    shown = [link for link in links if link.source in known and link.target in known]
    placing = [link for link in shown if not link.error]
    plan = layered([node.id for node in nodes], start, placing, [group.members for group in groups])
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
    lanes = _lanes([link for link in shown if (link.source, link.target) not in plan.chains], boxes)
    crowded = _crowded(plan)
    labelled: set[tuple[str, str]] = set()
    lines: list[Line] = []
    for link in shown:
        chain = plan.chains.get((link.source, link.target))
        if chain is not None:
            lines.append(_down(link, chain, centres, (link.source, _way(chain, plan)) in crowded))
            continue
        named = (link.target, link.label) in labelled
        labelled.add((link.target, link.label))
        lines.append(_around(link, boxes, lanes[link.target], "" if named else link.label))
    return lines


def _crowded(plan: Layered) -> set[tuple[str, int]]:
    """Sides on which more than one line leaves a box, so that labels must stand at the targets."""
    sides = Counter((source, _way(chain, plan)) for (source, _), chain in plan.chains.items())
    return {side for side, number in sides.items() if number > 1}


def _way(chain: Sequence[str], plan: Layered) -> int:
    """-1 for a chain that begins to the left, 1 to the right, 0 straight down."""
    first, second = plan.columns[chain[0]], plan.columns[chain[1]]
    return (second > first) - (second < first)


def _lanes(around: Sequence[Link], boxes: dict[str, Box]) -> dict[str, float]:
    """Where the lines around to each target run: left of the boxes they pass, the shorter ones nearer."""
    spans: dict[str, tuple[float, float]] = {}
    for link in around:
        ends = (boxes[link.source].y, boxes[link.target].y)
        top, bottom = spans.get(link.target, (min(ends), max(ends)))
        spans[link.target] = (min(top, *ends), max(bottom, *ends))
    ordered = sorted(spans, key=lambda target: spans[target][1] - spans[target][0])
    return {
        target: min(box.x for box in boxes.values() if spans[target][0] <= box.y <= spans[target][1]) - LANE * number
        for number, target in enumerate(ordered, 1)
    }


def _down(link: Link, chain: Sequence[str], centres: dict[str, Point], crowded: bool) -> Line:
    half = BOX_HEIGHT / 2
    points: list[Point] = []
    for upper, lower in pairwise(chain):
        (x1, y1), (x2, y2) = centres[upper], centres[lower]
        bend = y1 + ROW / 2 + (4 if x1 < x2 else -4 if x1 > x2 else 0)
        begin = y1 if is_bend(upper) else y1 + half
        end = y2 if is_bend(lower) else y2 - half
        points += [(x1, begin), (x1, bend), (x2, bend), (x2, end)]
    at, anchor = _label_at_target(points) if crowded else _label_at_source(points)
    return Line(link, _path(points), _arrow(points), link.label, at, anchor, _reach(points))


def _reach(points: Sequence[Point]) -> tuple[float, float]:
    return min(x for x, _ in points), max(x for x, _ in points)


def _label_at_source(points: Sequence[Point]) -> tuple[Point, str]:
    """Above the level part of a line that bends, beside a straight one."""
    (x1, begin), (_, bend), (x2, _) = points[0], points[1], points[2]
    if x1 == x2:
        return (x1 + 6, begin + ROW - BOX_HEIGHT - 3), "start"
    return (x1 + (-7 if x2 < x1 else 7), bend - 5), "end" if x2 < x1 else "start"


def _label_at_target(points: Sequence[Point]) -> tuple[Point, str]:
    (x1, _), (_, bend), (x2, _) = points[0], points[1], points[2]
    if x1 == x2:
        return (x1 + 6, bend + 4), "start"
    return (x2 + (-6 if x2 < x1 else 6), bend + 13), "end" if x2 < x1 else "start"


def _around(link: Link, boxes: dict[str, Box], side: float, label: str) -> Line:
    source, target = boxes[link.source], boxes[link.target]
    if link.error and _is_outermost(source, boxes, side):
        leave = [(source.x, source.centre), (side, source.centre)]
    else:
        below = source.bottom + GAP
        leave = [(source.middle - 16, source.bottom), (source.middle - 16, below), (side, below)]
    if _is_outermost(target, boxes, side):
        enter = [(side, target.centre), (target.x, target.centre)]
    else:
        above, x = target.y - GAP, target.middle - 16
        enter = [(side, above), (x, above), (x, target.y)]
    points = [*leave, *enter]
    return Line(link, _path(points), _arrow(points), label, (side + 6, enter[0][1] - 5), "start", _reach(points))


def _is_outermost(box: Box, boxes: dict[str, Box], side: float) -> bool:
    """Whether no other box stands in its row between it and the lane at `side`."""
    return not any(other.y == box.y and side < other.right < box.right for other in boxes.values())


def _arrow(points: Sequence[Point]) -> str:
    (before_x, _), (x, y) = points[-2:]
    return f"M{_n(x)} {_n(y)}" + ("l-4 -6.5h8z" if before_x == x else "l-6.5 -4v8z")


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
    left, right = min(box.x for box in inside) - FRAME_SIDE, max(box.right for box in inside) + FRAME_PAD
    top, bottom = min(box.y for box in inside) - FRAME_HEAD, max(box.bottom for box in inside) + FRAME_PAD + GAP
    strangers = [box for key, box in boxes.items() if key not in group.members]
    if any(box.right > left and box.x < right and box.bottom > top and box.y < bottom for box in strangers):
        return None
    return Frame(group.label, left, top, right - left, bottom - top)


def _drawing(boxes: list[Box], lines: list[Line], frames: list[Frame]) -> Drawing:
    lefts = [box.x for box in boxes] + [frame.x for frame in frames] + [_edge(line, min) for line in lines]
    rights = [box.right for box in boxes] + [frame.x + frame.width for frame in frames]
    rights += [_edge(line, max) for line in lines]
    left, right = min(lefts) - LANE, max(rights) + LANE
    bottom = max([*(box.bottom + GAP for box in boxes), *(frame.y + frame.height for frame in frames)])
    return Drawing(boxes, lines, frames, left, right - left, bottom + LANE + HEADROOM)


def _edge(line: Line, outermost: Callable[[float, float], float]) -> float:
    """How far a line with its label reaches to one side."""
    x, length = line.label_at[0], len(line.label) * LETTER
    begin = x - length if line.label_anchor == "end" else x
    return outermost(outermost(begin, begin + length), outermost(*line.reach))
