"""The graph as pages and the builder draw it (CKP 6)."""

from collections import deque
from typing import Any, Final

from procedures.ckp.document.nodes import NodeBase, SubflowNode, TerminateNode, Tier
from procedures.ckp.document.root import Document
from procedures.ckp.edges import Edge, edges, steps_of
from procedures.ckp.regions import regions

LAYER_WIDTH: Final = 280
LAYER_HEIGHT: Final = 120
LONGEST_LABEL: Final = 40
COLORS: Final[dict[Tier, str]] = {"deterministic": "#2563eb", "intelligent": "#7c3aed", "control": "#ea580c"}
_SHOWN: Final = {"approved": "approve", "rejected": "reject", "loop_body": "loop body"}


def graph(document: Document, positions: dict[str, Any] | None = None) -> dict[str, Any]:
    """Nodes and edges for drawing. `positions` are the authors' own by node id, `{x, y}`; the others are laid out."""
    found = [edge for edge in edges(document) if edge.target in document.nodes and edge.condition != "on_failure"]
    found += _on_failure(document)
    laid_out = layout(document, found)
    homes = {member: owner for owner, region in regions(document).items() if owner for member in region.members}
    return {
        "nodes": [
            {
                "id": node_id,
                "type": node.type,
                "position": _position(positions, node_id) or laid_out[node_id],
                "data": _data(document, node_id, homes.get(node_id, "")),
            }
            for node_id, node in document.nodes.items()
        ],
        "edges": [_edge(document, index, edge) for index, edge in enumerate(found)],
    }


def positions_of(canonical: dict[str, Any]) -> dict[str, Any]:
    """The positions that authors gave, from the notes of a canonical document."""
    nodes = canonical.get("workflow_graph", {}).get("nodes", {})
    return {node_id: node["x-position"] for node_id, node in nodes.items() if "x-position" in node}


def layout(document: Document, found: list[Edge]) -> dict[str, dict[str, int]]:
    """Layers from left to right by distance from the start, error edges last; unreached nodes stand behind."""
    successors: dict[str, list[str]] = {node_id: [] for node_id in document.nodes}
    for edge in sorted(found, key=lambda edge: edge.kind == "error"):
        successors[edge.source].append(edge.target or "")
    layers = _layers([document.start_node, *document.nodes], successors)
    rows: dict[int, int] = {}
    placed = {}
    for node_id, layer in layers.items():
        row = rows.get(layer, 0)
        rows[layer] = row + 1
        placed[node_id] = {"x": layer * LAYER_WIDTH, "y": row * LAYER_HEIGHT}
    return placed


def _layers(starts: list[str], successors: dict[str, list[str]]) -> dict[str, int]:
    layers: dict[str, int] = {}
    for start in starts:
        if start in layers or start not in successors:
            continue
        layers[start] = max(layers.values(), default=-1) + 1 if layers else 0
        waiting = deque([start])
        while waiting:
            node_id = waiting.popleft()
            for target in successors[node_id]:
                if target not in layers:
                    layers[target] = layers[node_id] + 1
                    waiting.append(target)
    return layers


def _position(positions: dict[str, Any] | None, node_id: str) -> dict[str, float] | None:
    given = (positions or {}).get(node_id)
    if isinstance(given, dict) and all(isinstance(given.get(axis), int | float) for axis in ("x", "y")):
        return {"x": given["x"], "y": given["y"]}
    return None


def _data(document: Document, node_id: str, region: str) -> dict[str, Any]:
    node = document.nodes[node_id]
    return {
        "label": label_of(node_id, node),
        "description": node.description,
        "nodeType": node.type,
        "tier": node.TIER,
        "agent": node.agent,
        "color": COLORS[node.TIER],
        "isStart": node_id == document.start_node,
        "stepCount": step_count(node),
        "isEnd": isinstance(node, TerminateNode),
        "region": region,
    }


def label_of(node_id: str, node: NodeBase) -> str:
    """The description, else the id in words."""
    if node.description:
        return node.description
    words = node_id.replace("_", " ").replace("-", " ").replace(".", " ").split()
    return " ".join(words).capitalize() or node_id


def step_count(node: NodeBase) -> int:
    """How many steps, operations or transformations a node shows."""
    for field in ("steps", "operations", "transformations"):
        listed = getattr(node, field, None)
        if listed is not None:
            return len(listed)
    return sum(1 for _ in steps_of(node))


def _on_failure(document: Document) -> list[Edge]:
    """One drawn edge for `on_failure`, from the start, although it leads from every node."""
    target = document.global_config.on_failure
    if target not in document.nodes or document.start_node not in document.nodes:
        return []
    return [Edge(document.start_node, target, "error", "on_failure", ("global_config", "on_failure"))]


def _edge(document: Document, index: int, edge: Edge) -> dict[str, Any]:
    return {
        "id": f"e{index}",
        "source": edge.source,
        "target": edge.target,
        "label": _label(document, edge),
        "animated": edge.kind == "loop" and edge.condition == "loop_body",
        "kind": edge.kind,
    }


def _label(document: Document, edge: Edge) -> str:
    source = document.nodes[edge.source]
    if edge.condition is None:
        return f"runs {source.procedure_id}" if isinstance(source, SubflowNode) else ""
    shown = _SHOWN.get(edge.condition, edge.condition)
    return shown if len(shown) <= LONGEST_LABEL else shown[: LONGEST_LABEL - 1] + "…"
