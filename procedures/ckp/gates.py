"""Which approvals every path to a node passes (CKP 6): dominators of the graph; and where nobody has approved."""

from collections.abc import Mapping
from typing import Final

from procedures.ckp.document.nodes import HumanApprovalNode, ParallelNode
from procedures.ckp.document.root import Document
from procedures.ckp.edges import node_edges
from procedures.ckp.regions import MAIN, RegionMap

_APPROVED: Final = "\x00approved:"
"""Marks the point behind an approval's decision to go on."""


def gates(document: Document, found: RegionMap) -> dict[str, tuple[str, ...]]:
    """Per reachable node the approvals that every path from the start leaves by on_approve or an option."""
    if document.start_node not in document.nodes:
        return {}
    order, before = _order(document, _successors(document, found))
    dominator = _dominators(order, before)
    result: dict[str, tuple[str, ...]] = {}
    for point in order:
        above = dominator[point]
        inherited = result.get(above, ()) if above != point else ()
        result[point] = (*inherited, point[len(_APPROVED) :]) if point.startswith(_APPROVED) else inherited
    return {point: passed for point, passed in result.items() if not point.startswith(_APPROVED)}


def unapproved(document: Document, found: RegionMap) -> set[str]:
    """The nodes to which some path leads on which nobody has approved anything."""
    if document.start_node not in document.nodes:
        return set()
    after = _successors(document, found)
    reached = {document.start_node}
    waiting = list(reached)
    while waiting:
        for target in after[waiting.pop()]:
            if target not in reached and not target.startswith(_APPROVED):
                reached.add(target)
                waiting.append(target)
    return reached


def _successors(document: Document, found: RegionMap) -> dict[str, list[str]]:
    after: dict[str, list[str]] = {}
    for node_id, node in document.nodes.items():
        home = found.home.get(node_id, MAIN)
        targets = after.setdefault(node_id, [])
        for edge in node_edges(document, node_id):
            target = edge.target
            if target is None and home != MAIN:
                owner = document.nodes[home]
                target = owner.next_node if isinstance(owner, ParallelNode) else home
            if target not in document.nodes:
                continue
            if isinstance(node, HumanApprovalNode) and _goes_on(edge.condition):
                passed = f"{_APPROVED}{node_id}"
                after.setdefault(passed, []).append(str(target))
                target = passed
            targets.append(str(target))
    return after


def _goes_on(condition: str | None) -> bool:
    return condition == "approved" or (condition or "").startswith("option:")


def _order(document: Document, after: Mapping[str, list[str]]) -> tuple[list[str], dict[str, list[str]]]:
    """Points in reverse postorder from the start, and the predecessors of each."""
    postorder: list[str] = []
    seen = {document.start_node}
    stack = [(document.start_node, iter(after[document.start_node]))]
    while stack:
        point, targets = stack[-1]
        target = next((one for one in targets if one not in seen), None)
        if target is None:
            postorder.append(point)
            stack.pop()
        else:
            seen.add(target)
            stack.append((target, iter(after[target])))
    order = postorder[::-1]
    before: dict[str, list[str]] = {point: [] for point in order}
    for point in order:
        for target in after[point]:
            before[target].append(point)
    return order, before


def _dominators(order: list[str], before: Mapping[str, list[str]]) -> dict[str, str]:
    """The immediate dominator of each point, by intersection until nothing changes."""
    number = {point: index for index, point in enumerate(order)}
    dominator = {order[0]: order[0]}
    changed = True
    while changed:
        changed = False
        for point in order[1:]:
            known = [source for source in before[point] if source in dominator]
            best = known[0]
            for other in known[1:]:
                best = _meet(best, other, dominator, number)
            if dominator.get(point) != best:
                dominator[point] = best
                changed = True
    return dominator


def _meet(left: str, right: str, dominator: Mapping[str, str], number: Mapping[str, int]) -> str:
    while left != right:
        while number[left] > number[right]:
            left = dominator[left]
        while number[right] > number[left]:
            right = dominator[right]
    return left
