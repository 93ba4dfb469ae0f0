"""Nodes that only changed their id."""

from typing import Any

from procedures.ckp.document.root import Document
from procedures.ckp.edges import edges
from procedures.ckp.values import canonical_json

_SELF = "\x00self"


def renamed_nodes(before: Document, after: Document, old: dict[str, Any], new: dict[str, Any]) -> dict[str, str]:
    """Old ids by new ones: type, fields and neighbours are equal, and the match is the only one."""
    removed = [node_id for node_id in before.nodes if node_id not in after.nodes]
    added = [node_id for node_id in after.nodes if node_id not in before.nodes]
    left = _by_signature(before, old, removed)
    right = _by_signature(after, new, added)
    return {ids[0]: right[key][0] for key, ids in left.items() if len(ids) == 1 and len(right.get(key, ())) == 1}


def _by_signature(document: Document, tree: dict[str, Any], node_ids: list[str]) -> dict[str, list[str]]:
    incoming: dict[str, list[str]] = {node_id: [] for node_id in node_ids}
    for edge in edges(document):
        if edge.target in incoming and edge.condition != "on_failure":
            source = _SELF if edge.source == edge.target else edge.source
            incoming[edge.target].append(f"{source} {edge.path[3:]}")
    nodes = tree["workflow_graph"]["nodes"]
    is_start = {node_id: document.start_node == node_id for node_id in node_ids}
    found: dict[str, list[str]] = {}
    for node_id in node_ids:
        node = _replaced(nodes[node_id], {node_id: _SELF})
        parts: list[Any] = [node, sorted(incoming[node_id]), is_start[node_id]]
        signature = canonical_json(parts)
        found.setdefault(signature, []).append(node_id)
    return found


def with_new_ids(tree: dict[str, Any], renamed: dict[str, str]) -> dict[str, Any]:
    """The tree with renamed nodes under their new ids, edges included."""
    if not renamed:
        return tree
    graph = tree["workflow_graph"]
    nodes = {renamed.get(key, key): _replaced(node, renamed) for key, node in graph["nodes"].items()}
    start = renamed.get(graph["start_node"], graph["start_node"])
    config = tree.get("global_config")
    changed = {"workflow_graph": {**graph, "start_node": start, "nodes": nodes}}
    if config and config.get("on_failure") in renamed:
        changed["global_config"] = {**config, "on_failure": renamed[config["on_failure"]]}
    return {**tree, **changed}


def _replaced(value: Any, names: dict[str, str]) -> Any:
    """Ids replaced wherever a text is exactly one; other uses of such a text are rare and do no harm here."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, list):
        return [_replaced(item, names) for item in value]
    if isinstance(value, dict):
        return {key: _replaced(item, names) for key, item in value.items()}
    return value
