"""Loops and branches: what may stand inside, and which edges may leave (CKP216 to CKP221, CKP226)."""

from procedures.ckp.checks.subject import Subject
from procedures.ckp.document.nodes import HumanApprovalNode, LoopNode, ParallelNode
from procedures.ckp.flow import reachable
from procedures.ckp.regions import MAIN, Stray, inner_edges


def bodies_begin_inside(subject: Subject) -> None:
    """CKP216."""
    for node_id, node, place in subject.nodes_of(LoopNode, ParallelNode):
        for edge in subject.outgoing[node_id]:
            inward = edge.condition == "loop_body" or edge.path[3] == "branches"
            if not inward or edge.target not in (node_id, node.next_node):
                continue
            what = "body" if isinstance(node, LoopNode) else "branch"
            where = "the node itself" if edge.target == node_id else f"'{edge.target}', where it ends"
            subject.report("CKP216", (*place, *edge.path[3:]), f"The {what} of '{node_id}' begins at {where}.")


def edges_stay_inside(subject: Subject) -> None:
    """CKP217 and CKP218."""
    refused: set[str] = set()
    for stray in subject.region_map.strays:
        target = str(stray.edge.target)
        leaves = stray.home == MAIN or subject.region_map.encloses(stray.home, stray.owner)
        if leaves and not stray.entry and stray.owner != MAIN:
            _leaves(subject, stray)
        elif target not in refused:
            refused.add(target)
            where = f"the {_named(subject, stray.home)} and the {_named(subject, stray.owner)}"
            subject.report("CKP217", stray.edge.path, f"The node '{target}' lies in two regions: {where}.")


def _leaves(subject: Subject, stray: Stray) -> None:
    owner = stray.owner
    join = subject.document.nodes[owner].next_node
    if isinstance(subject.document.nodes[owner], LoopNode):
        leave = f" or '{join}' (leave the loop)" if join else ""
        hint = f"Go to '{owner}' (next item){leave}."
    else:
        hint = f"Go to '{join}', where the branches meet." if join else "Leave the successor out to end the branch."
    message = f"The edge to '{stray.edge.target}' leaves the {_named(subject, owner)}."
    subject.report("CKP218", stray.edge.path, message, hint=hint)


def _named(subject: Subject, owner: str) -> str:
    if owner == MAIN:
        return "main graph"
    what = "body of the loop" if isinstance(subject.document.nodes[owner], LoopNode) else "branches of"
    return f"{what} '{owner}'"


def failure_route_is_outside(subject: Subject) -> None:
    """CKP226."""
    home = subject.region_map.failure_home
    if home is not None:
        target = subject.document.global_config.on_failure
        message = f"'{target}' lies inside the {_named(subject, home)}; on_failure must lead to the main graph."
        subject.report("CKP226", ("global_config", "on_failure"), message)


def branches_meet(subject: Subject) -> None:
    """CKP219, but for a branch of which an edge was refused."""
    strayed = {stray.edge.source for stray in subject.region_map.strays}
    for node_id, node, place in subject.nodes_of(ParallelNode):
        region = subject.region_map.regions[node_id]
        inside = set(region.members)
        found = {member: inner_edges(subject.document, member) for member in region.members}
        for index, branch in enumerate(node.branches):
            members = reachable(branch.start_node, found, inside)
            meets = any(edge.target in (None, region.join, node_id) for member in members for edge in found[member])
            if members and not meets and not members & strayed:
                message = f"The branch '{branch.branch_id}' never meets the others."
                subject.report("CKP219", (*place, "branches", index), message)


def branches_write_apart(subject: Subject) -> None:
    """CKP220."""
    for node_id, node, place in subject.nodes_of(ParallelNode):
        inside = set(subject.region_map.regions[node_id].members)
        found = {member: inner_edges(subject.document, member) for member in inside}
        writers: dict[str, str] = {}
        for index, branch in enumerate(node.branches):
            for name in _written(subject, reachable(branch.start_node, found, inside)):
                first = writers.setdefault(name, branch.branch_id)
                if first != branch.branch_id:
                    message = f"The branches '{first}' and '{branch.branch_id}' both write '{name}'; the later wins."
                    subject.report("CKP220", (*place, "branches", index), message)


def _written(subject: Subject, members: set[str]) -> list[str]:
    """The variables that nodes set, and what the bodies and branches inside them set."""
    names: dict[str, None] = {}
    waiting = [node_id for node_id in subject.document.nodes if node_id in members]
    while waiting:
        node_id = waiting.pop()
        names.update(dict.fromkeys(write.name for write in subject.programs[node_id].writes() if write.path[3:]))
        inner = subject.region_map.regions.get(node_id)
        waiting.extend(inner.members if inner else ())
    return sorted(names)


def approvals_may_be_withdrawn(subject: Subject) -> None:
    """CKP221."""
    for node_id, _, place in subject.nodes_of(HumanApprovalNode):
        owner = subject.region_map.home.get(node_id, MAIN)
        while owner != MAIN:
            node = subject.document.nodes[owner]
            if isinstance(node, ParallelNode) and node.wait_strategy != "all":
                message = f"'{owner}' goes on with the first branch; this approval may then be withdrawn."
                subject.report("CKP221", place, message)
                break
            owner = subject.region_map.regions[owner].enclosing or MAIN
