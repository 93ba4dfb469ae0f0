"""Targets, reachability, ends (CKP201 to CKP209)."""

from collections.abc import Iterable

from procedures.ckp.checks.subject import Subject, node_path
from procedures.ckp.document.nodes import HumanApprovalNode, TerminateNode
from procedures.ckp.regions import MAIN
from procedures.ckp.report import Path


def start_exists(subject: Subject) -> None:
    """CKP202."""
    document = subject.document
    known = document.start_node in subject.known_nodes or subject.refused(("workflow_graph",), "start_node")
    if known or not subject.known_nodes:
        return
    if not document.start_node:
        subject.report("CKP202", ("workflow_graph",), "The start node is missing.")
        return
    hint = subject.nearest_node.to(document.start_node)
    place: Path = ("workflow_graph", "start_node")
    subject.report("CKP202", place, f"There is no node '{document.start_node[:80]}' to start at.", hint=hint)


def targets_exist(subject: Subject) -> None:
    """CKP205, for every field that names a node."""
    known = subject.known_nodes
    for place, target in _named_nodes(subject):
        if target not in known:
            hint = subject.nearest_node.to(target)
            subject.report("CKP205", place, f"There is no node '{target[:80]}'.", hint=hint)


def _named_nodes(subject: Subject) -> Iterable[tuple[Path, str]]:
    on_failure = subject.document.global_config.on_failure
    if on_failure:
        yield ("global_config", "on_failure"), on_failure
    for found in subject.outgoing.values():
        for edge in found:
            if edge.target:
                yield edge.path, edge.target
    for _, node, place in subject.nodes_of(HumanApprovalNode):
        others = getattr(node.four_eyes, "not_deciders_of", [])
        for index, target in enumerate(others):
            yield (*place, "four_eyes", "not_deciders_of", index), target


def nodes_are_reached(subject: Subject) -> None:
    """CKP206. Where a target is lost, or an edge or node could not be read, nothing is claimed."""
    if subject.refused(("global_config",), "on_failure"):
        return
    reached = reached_from_start(subject, subject.document.global_config.on_failure)
    for node_id, _, place in subject.all_nodes():
        if reached is not None and node_id not in reached:
            subject.report("CKP206", place, f"No edge leads to the node '{node_id}'.")


def reached_from_start(subject: Subject, *further: str | None) -> set[str] | None:
    """Nodes that can be reached from the start and further nodes; None when that is not certain."""
    waiting = [node_id for node_id in (subject.document.start_node, *further) if node_id]
    reached = set(waiting)
    while waiting:
        node_id = waiting.pop()
        if node_id not in subject.outgoing or node_id in subject.lost_edges:
            return None
        for edge in subject.outgoing[node_id]:
            if edge.target is not None and edge.target not in reached:
                reached.add(edge.target)
                waiting.append(edge.target)
    return reached if subject.document.start_node else None


def dead_ends(subject: Subject) -> None:
    """CKP207: a null successor ends the run without a terminate."""
    home = subject.region_map.home
    for node_id, found in subject.outgoing.items():
        if home.get(node_id) != MAIN or node_id in subject.lost_edges:
            continue
        for edge in found:
            if edge.target is None:
                place = edge.path if subject.raw(edge.path[:4]) is not None else node_path(node_id)
                message = f"The run ends as completed behind '{node_id}', without a terminate node."
                subject.report("CKP207", place, message)


def some_end_is_declared(subject: Subject) -> None:
    """CKP208: no terminate can be reached."""
    reached = reached_from_start(subject)
    if reached is None or subject.document.start_node not in ending(subject):
        return
    if not any(isinstance(subject.document.nodes[node_id], TerminateNode) for node_id in reached):
        subject.report("CKP208", ("workflow_graph",), "No terminate node can be reached.")


def every_node_ends(subject: Subject) -> None:
    """CKP209: cycles without a way out, each reported once."""
    ends = ending(subject)
    reported: set[str] = set()
    for node_id in subject.region_map.home:
        if node_id in ends or node_id in reported:
            continue
        cycle = _on_cycle(subject, node_id)
        component = _forward(subject, cycle)
        if not component & reported:
            message = f"No way leads from '{cycle}' to any end: the cycle has no exit."
            subject.report("CKP209", node_path(cycle), message)
        reported |= component | _forward(subject, node_id)


def ending(subject: Subject) -> set[str]:
    """Nodes from which an end can be reached; where an edge is lost, nothing is claimed."""
    before: dict[str, list[str]] = {}
    waiting: list[str] = [*subject.unread, *subject.lost_edges]
    on_failure = subject.document.global_config.on_failure
    for node_id, outgoing in subject.outgoing.items():
        if not outgoing:
            waiting.append(node_id)
        for edge in outgoing:
            target = edge.target or _region_end(subject, node_id)
            if target is None or target not in subject.known_nodes:
                waiting.append(node_id)
            else:
                before.setdefault(target, []).append(node_id)
    found = set(waiting)
    while waiting:
        for source in before.get(waiting.pop(), ()):
            if source not in found:
                found.add(source)
                waiting.append(source)
    return found | subject.known_nodes if on_failure in found else found


def _region_end(subject: Subject, node_id: str) -> str | None:
    """Where a null successor leads: to the owner of the region, or nowhere in the main one."""
    return subject.region_map.home.get(node_id, MAIN) or None


def _on_cycle(subject: Subject, node_id: str) -> str:
    """A node of the cycle that every way from here runs into."""
    seen: set[str] = set()
    while node_id not in seen:
        seen.add(node_id)
        node_id = _next_nodes(subject, node_id)[0]
    return node_id


def _next_nodes(subject: Subject, node_id: str) -> list[str]:
    end = _region_end(subject, node_id)
    targets = [edge.target or end for edge in subject.outgoing[node_id]]
    return [target for target in targets if target in subject.outgoing]


def _forward(subject: Subject, node_id: str) -> set[str]:
    found = {node_id}
    waiting = [node_id]
    while waiting:
        for target in _next_nodes(subject, waiting.pop()):
            if target not in found:
                found.add(target)
                waiting.append(target)
    return found
