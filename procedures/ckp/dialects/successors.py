"""In the entry dialect a node without successor is followed by the next of the list."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from procedures.ckp.dialects.rewriter import Members, Rewriter
from procedures.ckp.document.nodes import NODE_MODELS
from procedures.ckp.fields import MODELS, Table, table_of
from procedures.ckp.kinds import Either, Items, Kind, Record, Target, json_types
from procedures.ckp.values import kind_of


def follow_the_list(rewriter: Rewriter, tree: Members) -> None:
    """Names the next entry as successor, unless it is the entry node or another edge names it."""
    graph = tree.get("workflow_graph")
    nodes = graph.get("nodes") if isinstance(graph, dict) else None
    if not (isinstance(graph, dict) and isinstance(nodes, dict)):
        return
    known = {node_id: node for node_id, node in nodes.items() if isinstance(node, dict)}
    named = {target for node in known.values() for target in _targets(_table(node), node)}
    named.add(str(graph.get("start_node")))
    listed = list(known)
    for node_id, follower in pairwise(listed):
        node = known[node_id]
        if _takes_successor(node) and follower not in named:
            node["next_node"] = follower
            place = ("workflow_graph", "nodes", node_id)
            rewriter.move((*place, "next_node"), place)
            rewriter.report("CKP605", place, f"'{node_id}' names no successor; '{follower}' follows in the list.")


def _table(node: Members) -> Table:
    type_name = node.get("type")
    model = NODE_MODELS.get(type_name) if isinstance(type_name, str) else None
    return table_of(model) if model else {}


def _takes_successor(node: Members) -> bool:
    type_name = node.get("type")
    model = NODE_MODELS.get(type_name) if isinstance(type_name, str) else None
    if model is None or "next_node" in model.WITHOUT_EFFECT or "next_node" in node:
        return False
    return not any(key in node for key in ("on_pass", "orchestration_mode"))


def _targets(table: Table, members: Members) -> Iterator[str]:
    for key, field in table.items():
        if key in members:
            yield from _targets_in(field.kind, members[key])


def _targets_in(kind: Kind, value: Any) -> Iterator[str]:
    if isinstance(kind, Target) and isinstance(value, str):
        yield value
    elif isinstance(kind, Record) and isinstance(value, dict) and kind.model != "Step":
        yield from _targets(table_of(MODELS[kind.model]), value)
    elif isinstance(kind, Items) and isinstance(value, list):
        for item in value:
            yield from _targets_in(kind.of, item)
    elif isinstance(kind, Either):
        found = kind_of(value)
        for part in kind.kinds:
            if found in json_types(part):
                yield from _targets_in(part, value)
