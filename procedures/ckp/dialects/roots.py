"""The three shapes of a root: canonical, list, entry."""

from collections.abc import Iterator
from typing import Any, Final

from procedures.ckp.dialects.rewriter import Members, Rewriter
from procedures.ckp.positions import values
from procedures.ckp.report import Path, pointer_of

_LIST_KEYS: Final = frozenset({"procedure_version", "start_node_id", "nodes", "node_id", "node_type", "transitions"})
_ENTRY_KEYS: Final = frozenset({"id", "entry", "nodes", "type"})
_NODES: Final[Path] = ("workflow_graph", "nodes")


def rewrite_root(rewriter: Rewriter, tree: Members) -> bool:
    """Brings a root of any shape to the canonical one. True when it is in the entry dialect."""
    graph = tree.get("workflow_graph")
    dialects = _dialects(tree, graph if isinstance(graph, dict) else {})
    entry = _announce(rewriter, dialects)
    rewriter.rename(tree, (), "id", "procedure_id")
    rewriter.rename(tree, (), "procedure_version", "version")
    _version_text(rewriter, tree)
    rewriter.respell(tree, (), "status", {"approved": "active", "inactive": "deprecated"}, code="CKP603")
    _graph(rewriter, tree)
    rewriter.covered &= {"transitions"}
    return entry


def _dialects(tree: Members, graph: Members) -> list[set[str]]:
    """Per concept that is there, the dialects in which it is written so."""
    found = []
    for key, names in (
        ("procedure_id", {"canonical", "list"}),
        ("id", {"entry"}),
        ("version", {"canonical", "entry"}),
        ("procedure_version", {"list"}),
        ("workflow_graph", {"canonical"}),
        ("start_node_id", {"list"}),
        ("entry", {"entry"}),
    ):
        if key in tree:
            found.append(names)
    if "start_node_id" in graph or "entry" in graph:
        found.append({"list"} if "start_node_id" in graph else {"entry"})
    nodes = tree.get("nodes", graph.get("nodes"))
    if isinstance(nodes, list):
        found.append(_node_dialects(nodes))
    return found


def _node_dialects(nodes: list[Any]) -> set[str]:
    keys = {key for node in nodes if isinstance(node, dict) for key in node}
    if keys & {"node_id", "node_type"}:
        return {"list"}
    return {"entry"}


def _announce(rewriter: Rewriter, dialects: list[set[str]]) -> bool:
    """Reports the dialect. True for the entry dialect, pure or mixed."""
    common = set.intersection({"canonical", "list", "entry"}, *dialects)
    entry = any(names == {"entry"} for names in dialects)
    if "canonical" in common:
        return False
    if common:
        name = "list" if "list" in common else "entry"
        rewriter.covered = _LIST_KEYS if name == "list" else _ENTRY_KEYS
        rewriter.report("CKP601", (), f"The document is in the {name} dialect; it was read as the canonical form.")
    else:
        rewriter.report("CKP608", (), "The document mixes dialects; it was read key by key.")
    return entry


def _version_text(rewriter: Rewriter, tree: Members) -> None:
    version = tree.get("version")
    if isinstance(version, int | float) and not isinstance(version, bool):
        written = _as_written(rewriter, version)
        tree["version"] = written
        rewriter.report("CKP602", ("version",), f"The number {written} was read as the text '{written}'.")


def _as_written(rewriter: Rewriter, version: float) -> str:
    """A number as it stands in the text: 1.10 is another version than 1.1."""
    pointer = pointer_of(rewriter.source(("version",)))
    found = (value.lexeme for value in values(rewriter.text) if value.pointer == pointer)
    return next(found, str(version))


def _graph(rewriter: Rewriter, tree: Members) -> None:
    """Collects start node and nodes below `workflow_graph`, nodes by id."""
    loose = {key for key in ("start_node_id", "entry", "nodes", "start_node") if key in tree}
    graph = tree.get("workflow_graph", {} if loose else None)
    if not isinstance(graph, dict):
        return
    tree["workflow_graph"] = graph
    for key in ("nodes", "start_node", "start_node_id", "entry"):
        if key in loose:
            name = key if key in ("nodes", "start_node") else "start_node"
            rewriter.origins[("workflow_graph", key)] = (key,)
            rewriter.put(graph, ("workflow_graph",), key, name, tree.pop(key))
    for key in ("start_node_id", "entry"):
        rewriter.rename(graph, ("workflow_graph",), key, "start_node")
    nodes = graph.get("nodes")
    if isinstance(nodes, list):
        graph["nodes"] = dict(_nodes_by_id(rewriter, nodes))


def _nodes_by_id(rewriter: Rewriter, nodes: list[Any]) -> Iterator[tuple[str, Any]]:
    seen: set[str] = set()
    origin = rewriter.source(_NODES)
    for index, node in enumerate(nodes):
        place = (*_NODES, index)
        rewriter.origins[place] = (*origin, index)
        if not isinstance(node, dict):
            rewriter.report("CKP012", place, "A node must be an object.")
            continue
        for alias, name in (("node_id", "id"), ("node_type", "type")):
            rewriter.rename(node, place, alias, name)
        node_id = node.pop("id", None)
        if not isinstance(node_id, str):
            rewriter.report("CKP011", place, "The required field 'id' is missing or no text.")
        elif node_id in seen:
            rewriter.report("CKP002", place, f"The node id '{node_id}' stands twice.")
        else:
            seen.add(node_id)
            rewriter.origins[(*_NODES, node_id)] = (*origin, index)
            rewriter.move((*_NODES, node_id, "type"), (*place, "type"))
            yield node_id, node
